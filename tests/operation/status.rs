//! `backlogd status` on real servers, ours and stock ones: the tree, the warnings, the exit status.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};

use crate::support::history::await_online;
use crate::support::json::Json;
use crate::support::{Endpoint, Follower, Program, Server, Stock, await_until};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.arg("status").args(arguments).env_remove("REDISCLI_AUTH");
    command
}

fn status(arguments: &[&str]) -> (Option<i32>, String, String) {
    told(command(arguments).output().expect("the tool runs"))
}

fn told(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8(bytes).expect("the tool writes UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn name(endpoint: &impl Endpoint) -> String {
    endpoint.address().to_string()
}

/// Puts words in the place of what differs from run to run: ages, and what `words` says.
fn settled(shown: &str, words: &[(&str, &str)]) -> String {
    let shown = words.iter().fold(shown.to_owned(), |text, (own, word)| text.replace(own, word));
    let is_age = |word: &str, next: Option<&&str>| {
        let unit = next.is_some_and(|next| next.trim_end_matches([',', '\n']) == "s");
        unit && word.parse::<u64>().is_ok()
    };
    let lines = shown.lines().map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        let put = |(index, word): (usize, &&str)| {
            if is_age(word, words.get(index + 1)) { "N".to_owned() } else { (*word).to_owned() }
        };
        words.iter().enumerate().map(put).collect::<Vec<_>>().join(" ") + "\n"
    });
    lines.collect()
}

/// What a stock server is, as the tree tells it.
fn software(stock: &Stock) -> String {
    let kind = if stock.is_valkey() { "valkey" } else { "redis" };
    format!("{kind} {}", stock.connect().info("server", &format!("{kind}_version")))
}

const CHAIN: &str = "\
PRIMARY  primary, BACKLOGD
│   replid REPLID, offset OFFSET, backlog from 0
└── REPLICA  replica, read-only, STOCK
    │   replid REPLID, offset OFFSET
    │   link up, 0 bytes and N s behind
    │   resynced in full N s ago: its replid is not part of this server's lineage
    └── BELOW  replica, read-only, STOCK
            replid REPLID, offset OFFSET
            link up, 0 bytes behind, heard of N s ago

All is well: 3 servers.
";

#[test]
fn a_chain_of_ours_and_stock_servers_is_shown_from_any_of_them() {
    for program in Program::replicas() {
        let server = Server::start(&[]);
        let replica = program.start(&["--repl-diskless-sync-delay", "0"]);
        replica.replicate(&server);
        let below = program.start(&[]);
        below.replicate(&replica);
        server.connect().run("SET k v");
        let (code, at_once, _) = status(&[&name(&below)]);
        assert!(at_once.starts_with(&name(&server)), "{at_once}");
        assert_eq!(code, Some(0), "{at_once}");

        let replid = server.connect().info("replication", "master_replid");
        let offset = server.connect().info("replication", "master_repl_offset");
        let mut shown = String::new();
        await_until("all have acknowledged everything", || {
            shown = status(&[&name(&below)]).1;
            shown.matches("link up, 0 bytes").count() == 2
        });
        let names = [name(&server), name(&replica), name(&below)];
        let stock = software(&replica);
        let words = [
            (names[0].as_str(), "PRIMARY"),
            (&names[1], "REPLICA"),
            (&names[2], "BELOW"),
            (&replid[..8], "REPLID"),
            (&format!("offset {offset}"), "offset OFFSET"),
            (concat!("backlogd ", env!("CARGO_PKG_VERSION")), "BACKLOGD"),
            (&stock, "STOCK"),
        ];
        assert_eq!(settled(&shown, &words), CHAIN);
        for asked in &names {
            let (code, other, complaints) = status(&[asked]);
            assert_eq!((code, complaints.as_str()), (Some(0), ""), "{other}");
            assert_eq!(other.matches("replica, read-only").count(), 2, "{other}");
        }

        let (code, json, _) = status(&[&names[1], "--json"]);
        assert_eq!(code, Some(0));
        let json = Json::parse(&json);
        assert_eq!(json.member("warnings").elements(), []);
        let root = json.member("root");
        assert_eq!(root.member("address"), &Json::Text(names[0].clone()));
        assert_eq!(root.member("replid"), &Json::Text(replid));
        let middle = &root.member("replicas").elements()[0];
        assert_eq!(middle.member("lag_bytes"), &Json::Number(0));
        assert_eq!(middle.member("last_resync").member("kind"), &Json::Text("full".to_owned()));
        let lowest = &middle.member("replicas").elements()[0];
        assert_eq!(lowest.member("address"), &Json::Text(names[2].clone()));
        assert_eq!(lowest.member("last_resync"), &Json::Null, "stock servers do not tell");
    }
}

#[test]
fn a_primary_that_is_gone_and_a_replica_that_does_not_answer_are_told() {
    let mut server = Server::start(&[]);
    let replica = Stock::start(&[]);
    replica.replicate(&server);
    let (_follower, _) = Follower::attach(&server);
    await_online(&server, 2);
    let (primary, replica_name) = (name(&server), name(&replica));
    let (code, shown, _) = status(&[&primary]);
    assert_eq!(code, Some(1), "{shown}");
    let warning = "\nWarnings:\n  - 127.0.0.1:1 does not answer: connection refused\n";
    assert!(shown.ends_with(warning), "{shown}");
    assert!(shown.contains(": the replica has no history\n"), "of the silent one, too: {shown}");

    server.kill();
    await_until("the link is down", || {
        replica.connect().info("replication", "master_link_status") == "down"
    });
    let (code, shown, _) = status(&[&replica_name]);
    assert_eq!(code, Some(1), "{shown}");
    let refused = format!("{primary}  does not answer: connection refused\n");
    assert!(shown.starts_with(&refused), "{shown}");
    let down = format!("  - the link of {replica_name} to its primary {primary} is down for ");
    assert!(shown.contains(&down), "{shown}");
}

#[test]
fn a_replica_whose_link_is_down_is_found_from_itself_with_how_it_last_resynced() {
    let server = Server::start(&[]);
    let mut replica = Stock::start(&[]);
    replica.replicate(&server);
    replica.kill();
    await_online(&server, 0);
    server.connect().run("CONFIG SET requirepass new");
    replica.restart_as_replica_of(&server);
    let down = format!("the link of {} to its primary {} is down", name(&replica), name(&server));
    let (mut code, mut shown) = (None, String::new());
    // Before its first attempt, and while it makes one, a stock replica tells of no link that is down.
    await_until("it is refused", || {
        (code, shown, _) = status(&[&name(&replica), "--password", "new"]);
        shown.contains(&down)
    });
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.starts_with(&format!("{}  primary", name(&server))), "{shown}");
    assert!(shown.contains("resynced in full "), "the primary remembers: {shown}");
}

#[test]
fn passwords_are_given_or_taken_from_the_environment_and_refusals_are_told() {
    let server = Server::start(&["--requirepass", "secret"]);
    let replica = Stock::start(&["--requirepass", "secret", "--masterauth", "secret"]);
    let mut client = replica.connect();
    client.run("AUTH secret");
    let (host, port) = (server.address().ip().to_string(), server.address().port().to_string());
    client.call(&["REPLICAOF", &host, &port]);
    await_until("the link is up", || client.info("replication", "master_link_status") == "up");

    let (at, at_replica) = (name(&server), name(&replica));
    let (code, shown, complaints) = status(&[&at]);
    assert_eq!((code, shown.as_str()), (Some(2), ""));
    let refusal = format!("backlogd: {at} does not answer: NOAUTH Authentication required.\n");
    assert_eq!(complaints, refusal);
    let (code, _, complaints) = status(&[&at_replica, "--password", "wrong"]);
    assert_eq!(code, Some(2));
    assert!(complaints.contains("WRONGPASS"), "{complaints}");
    let well = |(code, shown, complaints): (Option<i32>, String, String)| {
        assert_eq!(code, Some(0), "{shown}{complaints}");
        assert!(shown.contains("All is well: 2 servers."), "{shown}");
    };
    well(status(&[&at, "--password", "secret"]));
    well(status(&[&at_replica, "--user", "default", "--password", "secret"]));
    well(told(command(&[&at]).env("REDISCLI_AUTH", "secret").output().expect("the tool runs")));
    let (code, _, complaints) = status(&[&at, "--user", "default"]);
    assert_eq!(code, Some(2));
    assert!(complaints.contains("--user takes a password"), "{complaints}");

    let (open, stock) = (Server::start(&[]), Stock::start(&[]));
    for open in [name(&open), name(&stock)] {
        let (code, _, complaints) = status(&[&open, "--password", "secret"]);
        assert_eq!((code, complaints.as_str()), (Some(0), ""), "it wants no password");
    }
}

/// Listens, and answers each client with `reply`, or not at all.
fn stranger(reply: Option<&'static [u8]>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for client in listener.incoming() {
            let mut client = client.expect("a client");
            // It may have gone.
            drop(client.read(&mut [0; 64]));
            drop(reply.map(|reply| client.write_all(reply)));
            kept.push(client);
        }
    });
    address
}

#[test]
fn who_is_no_such_server_or_none_at_all_is_told_with_status_2() {
    let ended = name(&Server::start(&[]));
    let (deaf, web) = (stranger(None), stranger(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    let (mute, huge) = (stranger(Some(b"$6\r\na:b\r\n\r\n\r\n")), stranger(Some(b"$99999999\r\n")));
    let locked = stranger(Some(b"-DENIED Redis is running in protected mode\r\n"));
    for (at, why) in [
        (ended, "connection refused"),
        (deaf.to_string(), "no answer within 300 ms"),
        (web.to_string(), "it does not speak this protocol"),
        (mute.to_string(), "its INFO says nothing of replication"),
        (huge.to_string(), "its answer is longer than 1048576 bytes"),
        (locked.to_string(), "DENIED Redis is running in protected mode"),
    ] {
        let (code, shown, complaints) = status(&[&at, "--timeout", "300"]);
        assert_eq!((code, shown.as_str()), (Some(2), ""), "{complaints}");
        assert_eq!(complaints, format!("backlogd: {at} does not answer: {why}\n"));
    }
    for wrong in [&["localhost"][..], &["::1:6379"], &["a:0"], &[], &["a:1", "--nope"]] {
        let (code, shown, complaints) = status(wrong);
        assert_eq!((code, shown.as_str()), (Some(2), ""), "{wrong:?}");
        assert!(complaints.starts_with("backlogd: "), "{complaints}");
    }
    let (code, help, _) = status(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(help.contains("Exit status:\n  0  all is well\n"), "{help}");
}

#[test]
fn servers_are_reached_by_ipv6_as_well() {
    let server = Server::start(&["--bind", "::1"]);
    let at = name(&server);
    assert!(at.starts_with("[::1]:"), "{at}");
    let (follower, _) = Follower::attach(&server);
    let (code, shown, _) = status(&[&at]);
    assert!(shown.contains("[::1]:1  does not answer: "), "{shown}");
    assert_eq!(code, Some(1));
    drop(follower);
    await_online(&server, 0);
    let (code, shown, _) = status(&[&at]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.ends_with("All is well: 1 server, no replicas.\n"), "{shown}");
}
