//! Streams where others follow, and over a crash: groups, consumers and what is pending are the same.

use crate::support::history::digest;
use crate::support::random::Random;
use crate::support::{Client, Endpoint, Program, Server, Stock, Talk, Value, await_until};

const STEPS: usize = 600;
const QUIET: [&str; 8] = [
    "--save",
    "",
    "--repl-ping-replica-period",
    "3600",
    "--enable-debug-command",
    "yes",
    "--stream-node-max-entries",
    "7",
];

/// Makes a command whose outcome depends on the clock, on who is asked or on what was read before.
fn any_command(random: &mut Random) -> String {
    let (n, m) = (random.below(60), random.below(4));
    let key = ["s", "t"][random.below(2)];
    let (group, consumer) = (["g", "h"][random.below(2)], ["a", "b", "c"][random.below(3)]);
    match random.below(20) {
        0..=5 => format!("XADD {key} {}* f{m} v", ["", "MAXLEN ~ 30 ", "MAXLEN 50 "][n % 3]),
        6 => format!("XTRIM {key} MAXLEN ~ {n} LIMIT 14"),
        7 => format!("XGROUP CREATE {key} {group} {} MKSTREAM", ["$", "0"][n % 2]),
        8 => format!("XGROUP CREATECONSUMER {key} {group} {consumer}"),
        9 if m == 0 => format!("XGROUP DELCONSUMER {key} {group} {consumer}"),
        9 if m == 1 => format!("XGROUP DESTROY {key} {group}"),
        10 => format!("XREADGROUP GROUP {group} {consumer} NOACK COUNT {m} STREAMS {key} >"),
        11 => format!("XREADGROUP GROUP {group} {consumer} COUNT {m} STREAMS {key} 0"),
        12 => format!("XAUTOCLAIM {key} {group} {consumer} {} 0 COUNT 5", n % 3),
        _ => format!("XREADGROUP GROUP {group} {consumer} COUNT {} STREAMS s t > >", 1 + m),
    }
}

/// Does something to an entry that is pending, or to the first one.
fn touch_pending(client: &mut Client, random: &mut Random) {
    let key = ["s", "t"][random.below(2)];
    let pending = client.run(&format!("XPENDING {key} g - + 5"));
    let Value::Array(pending) = pending else { return };
    let Some(entry) = pending.first() else { return };
    let id = entry.elements()[0].text();
    client.run(&match random.below(4) {
        0 => format!("XACK {key} g {id}"),
        1 => format!("XDEL {key} {id}"),
        2 => format!("XCLAIM {key} g b 0 {id} IDLE 5000"),
        _ => format!("XCLAIM {key} h c 0 {id} FORCE JUSTID"),
    });
}

/// What a server tells of its streams, but for when consumers were heard of.
fn told(client: &mut Client) -> Vec<String> {
    let mut told = Vec::new();
    for key in ["s", "t"] {
        flatten(&client.run(&format!("XINFO STREAM {key} FULL COUNT 0")), &mut told);
    }
    for at in 1..told.len() {
        if ["seen-time", "active-time"].contains(&told[at - 1].as_str()) {
            told[at].clear();
        }
    }
    told
}

fn flatten(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Array(elements) => {
            words.push(format!("*{}", elements.len()));
            for element in elements {
                flatten(element, words);
            }
        }
        Value::Integer(number) => words.push(number.to_string()),
        Value::Null => words.push("null".to_owned()),
        other => words.push(other.text()),
    }
}

/// What servers of every version tell of what is pending, but for how long it has been.
fn pending(client: &mut Client) -> Vec<String> {
    let mut told = Vec::new();
    for (key, group) in [("s", "g"), ("s", "h"), ("t", "g"), ("t", "h")] {
        let reply = client.run(&format!("XPENDING {key} {group} - + 1000"));
        let Value::Array(entries) = reply else { continue };
        told.extend(entries.iter().map(|entry| {
            let entry = entry.elements();
            format!("{key} {group} {:?} {:?} {:?}", entry[0], entry[1], entry[3])
        }));
        let groups = client.run(&format!("XINFO GROUPS {key}"));
        told.push(format!("{groups:?}"));
    }
    told
}

#[test]
fn replicas_and_a_restart_have_the_same_groups() {
    let mut server = Server::start(&QUIET);
    let own = Server::start(&QUIET);
    let address = server.address();
    own.connect().run(&format!("REPLICAOF {} {}", address.ip(), address.port()));
    let stock: Vec<_> = Program::replicas().iter().map(|program| program.start(&[])).collect();
    for stock in &stock {
        stock.replicate(&server);
    }
    let (mut client, mut random) = (server.connect(), Random::new(20_261_127));
    for _ in 0..STEPS {
        let line = any_command(&mut random);
        let reply = client.run(&line);
        assert!(
            !reply.is_error()
                || reply.text().starts_with("NOGROUP")
                || reply.text().starts_with("BUSYGROUP")
                || reply.text().contains("key to exist"),
            "{line}: {reply:?}"
        );
        touch_pending(&mut client, &mut random);
    }
    let held = told(&mut client);
    let consumers = held.iter().filter(|word| *word == "seen-time").count();
    assert!(consumers > 4, "{held:?}");
    await_until("the replica has all of it", || digest(&own) == digest(&server));
    let mut reader = own.connect();
    await_until("the replica has what is pending", || told(&mut reader) == held);
    let expected = pending(&mut client);
    for stock in &stock {
        stock.await_offset_of(&server);
        assert_eq!(pending(&mut stock.connect()), expected);
    }
    server.kill();
    server.restart_in_place();
    assert_eq!(told(&mut server.connect()), held);
    assert!(!server.connect().run("SAVE").is_error());
    server.kill();
    server.restart_in_place();
    assert_eq!(told(&mut server.connect()), held);
}

#[test]
fn a_stock_primary_is_followed() {
    for program in Program::replicas() {
        let stock = program.start(&["--stream-node-max-entries", "7"]);
        let own = Server::start(&QUIET);
        let address = stock.address();
        let (mut client, mut random) = (stock.connect(), Random::new(7));
        for step in 0..STEPS {
            client.run(&any_command(&mut random));
            touch_pending(&mut client, &mut random);
            if step == STEPS / 2 {
                own.connect().run(&format!("REPLICAOF {} {}", address.ip(), address.port()));
            }
        }
        client.run("XADD s * last entry");
        await_until("the replica has all of it", || digest(&own) == digest(&stock));
        // What was delivered again is not told by stock servers, nor who got nothing.
        let ids = |client: &mut Client| -> Vec<String> {
            let told = pending(client).into_iter().filter(|line| !line.starts_with("Array"));
            told.filter_map(|line| line.rsplit_once(' ').map(|(id, _)| id.to_owned())).collect()
        };
        assert_eq!(ids(&mut own.connect()), ids(&mut client), "{}", program.path());
    }
}

#[test]
fn numbers_at_their_ends_are_told_so_that_a_replica_takes_them() {
    const MAX: i64 = i64::MAX;
    let server = Server::start(&QUIET);
    let own = Server::start(&QUIET);
    let address = server.address();
    own.connect().run(&format!("REPLICAOF {} {}", address.ip(), address.port()));
    let mut client = server.connect();
    for line in [
        "XADD s 1-1 f v".to_owned(),
        format!("XGROUP CREATE s g 0 ENTRIESREAD {MAX}"),
        "XREADGROUP GROUP g a STREAMS s >".to_owned(),
        format!("XCLAIM s g a 0 1-1 RETRYCOUNT {MAX} IDLE {MAX}"),
        "XREADGROUP GROUP g a STREAMS s 0".to_owned(),
        "XCLAIM s g b 0 1-1".to_owned(),
        "XAUTOCLAIM s g a 0 0".to_owned(),
        format!("XSETID s 2-2 ENTRIESADDED {MAX} MAXDELETEDID 2-2"),
        "XADD s 3-3 f v".to_owned(),
        "XREADGROUP GROUP g a STREAMS s >".to_owned(),
        "XGROUP CREATE s h 0".to_owned(),
        "XREADGROUP GROUP h a STREAMS s >".to_owned(),
        "XADD s 18446744073709551615-18446744073709551615 f v".to_owned(),
        "XADD t 1-1 f v".to_owned(),
    ] {
        let reply = client.run(&line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    }
    let held = told(&mut client);
    await_until("the replica has all of it", || digest(&own) == digest(&server));
    let mut reader = own.connect();
    await_until("the replica has what is pending", || told(&mut reader) == held);
}

#[test]
fn options_of_groups_that_come_twice_are_judged_as_by_stock() {
    let (server, stock) = (Server::start(&QUIET), Stock::oracle(&[]));
    let steps = [
        "0: SET t v",
        "0: XADD s 1-1 f v",
        "0: XGROUP CREATE s g $",
        "0: XGROUP SETID s g $ ENTRIESREAD 3 ENTRIESREAD 5",
        "0: XGROUP SETID s g x ENTRIESREAD 3 ENTRIESREAD 5",
        "0: XGROUP SETID s none $ ENTRIESREAD 3 ENTRIESREAD 5",
        "0: XGROUP SETID none g $ ENTRIESREAD 3 ENTRIESREAD 5",
        "0: XGROUP SETID t g $ ENTRIESREAD 3 ENTRIESREAD 5",
        "0: XGROUP SETID s g $ ENTRIESREAD 3 ENTRIESREAD x",
        "0: XGROUP CREATE s h 0 MKSTREAM ENTRIESREAD 3 MKSTREAM",
        "0: XGROUP CREATE s h x ENTRIESREAD 3 ENTRIESREAD 3",
        "0: XGROUP CREATE s g 0 MKSTREAM ENTRIESREAD 3 MKSTREAM",
        "0: XGROUP CREATE none h 0 MKSTREAM ENTRIESREAD 3 MKSTREAM",
        "0: XGROUP CREATE none h 0 ENTRIESREAD 3 ENTRIESREAD 3",
        "0: XGROUP CREATE t h 0 ENTRIESREAD 3 ENTRIESREAD 3",
        "0: EXISTS none",
        "0: XGROUP CREATE s h 0 MKSTREAM MKSTREAM MKSTREAM",
        "0: XGROUP CREATE s i 0 MKSTREAM ENTRIESREAD 1",
        "0: XGROUP SETID s i 0 ENTRIESREAD 0",
        "0: XINFO GROUPS s",
    ];
    assert_eq!(Talk::hold(&server, &steps), Talk::hold(&stock, &steps));
}
