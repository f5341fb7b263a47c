//! Where the server listens while it runs, and when it answers nobody.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::process::Process;
use crate::support::{Client, Endpoint, Server, Stock, Value, await_until};

fn set(client: &mut Client, words: &[&str]) -> String {
    client.call(&[&["CONFIG", "SET"], words].concat()).text()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn at(host: &str, port: u16) -> SocketAddr {
    format!("{host}:{port}").parse().expect("an address")
}

#[test]
fn a_server_moves_to_another_port_and_keeps_its_clients() {
    let server = Server::start(&[]);
    let old = server.address();
    let mut client = server.connect();
    let new = at("127.0.0.1", free_port());
    assert_eq!(set(&mut client, &["port", &new.port().to_string()]), "OK");
    assert_eq!(client.run("PING").text(), "PONG", "a client that was there stays");
    assert_eq!(Client::connect(new).run("PING").text(), "PONG");
    assert!(Client::try_connect(old).is_err(), "nobody listens there any more");
    assert!(client.run("INFO server").text().contains(&format!("tcp_port:{}\r\n", new.port())));
    let told = std::fs::read_to_string(server.directory().join("address-for-test"));
    assert_eq!(told.expect("the address file"), format!("{new}\n"));
}

#[test]
fn a_port_in_use_is_refused_and_the_server_stays_where_it_is() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    assert_eq!(
        set(&mut client, &["timeout", "7", "port", &port]),
        "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this \
         port. Check server logs."
    );
    assert_eq!(client.run("CONFIG GET timeout").elements()[1].text(), "0", "all or nothing");
    assert_eq!(client.run("CONFIG GET port").elements()[1].text(), "0");
    assert_eq!(server.connect().run("PING").text(), "PONG");
}

#[test]
fn a_port_in_use_at_the_start_is_named_and_nothing_is_said_of_before() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let (output, status) = Server::start_refused(directory.path(), &["--port", &port]);
    assert!(!status.success() && output.contains(&port), "{output}");
    assert!(!output.contains("before"), "{output}");
}

#[test]
fn addresses_are_added_and_taken_away() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let port = free_port();
    let named = port.to_string();
    assert_eq!(set(&mut client, &["port", &named, "bind", "127.0.0.1 127.0.0.2"]), "OK");
    for host in ["127.0.0.1", "127.0.0.2"] {
        assert_eq!(Client::connect(at(host, port)).run("PING").text(), "PONG");
    }
    assert_eq!(set(&mut client, &["bind", "127.0.0.2"]), "OK");
    assert!(Client::try_connect(at("127.0.0.1", port)).is_err());
    // 192.0.2.0/24 is for documentation: no machine has an address of it.
    assert_eq!(
        set(&mut client, &["bind", "127.0.0.2 192.0.2.1"]),
        "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified \
         addresses."
    );
    assert_eq!(client.run("CONFIG GET bind").elements()[1].text(), "127.0.0.2");
    assert_eq!(Client::connect(at("127.0.0.2", port)).run("PING").text(), "PONG");
}

#[test]
fn a_server_put_to_sleep_answers_nobody() {
    const SLEEP: Duration = Duration::from_millis(500);
    let server = Server::start(&["--enable-debug-command", "yes", "--io-threads", "2"]);
    let (mut sleeper, mut other) = (server.connect(), server.connect());
    let began = Instant::now();
    sleeper.send_command(&["DEBUG", "SLEEP", "0.5"]);
    // It falls asleep once it has read the command; from then on a reply takes the rest of the time.
    await_until("a reply is held back", || {
        let asked = Instant::now();
        assert_eq!(other.run("CLIENT UNPAUSE").text(), "OK");
        asked.elapsed() >= SLEEP / 4
    });
    assert_eq!(sleeper.read().0.text(), "OK");
    assert!(began.elapsed() >= SLEEP);
    assert_eq!(other.run("PING").text(), "PONG");
}

/// Pauses everything for so long, sends each request on a connection of its own, and tells whether
/// its reply came before the pause was over.
fn answered_during_a_pause(server: &dyn Endpoint, requests: &[&str]) -> Vec<bool> {
    const PAUSE: Duration = Duration::from_millis(1500);
    let mut queueing = server.connect();
    assert_eq!(queueing.run("MULTI").text(), "OK");
    let mut clients: Vec<_> = requests.iter().map(|_| server.connect()).collect();
    let began = Instant::now();
    assert_eq!(server.connect().run("CLIENT PAUSE 1500 ALL").text(), "OK");
    queueing.send_command(&["GET", "key"]);
    for (client, request) in clients.iter_mut().zip(requests) {
        client.send_command(&request.split(' ').collect::<Vec<_>>());
    }
    // A connection that is made during the pause is held back like any other.
    let mut late = server.connect();
    late.send_command(&["PING"]);
    let mut answered = Vec::new();
    for client in clients.iter_mut().chain([&mut queueing, &mut late]) {
        client.read();
        answered.push(began.elapsed() < PAUSE);
    }
    assert_eq!(queueing.run("EXEC").elements().len(), 1);
    answered
}

#[test]
fn a_pause_of_all_holds_back_what_stock_holds_back() {
    // The refusals come first: they are answered at once, and each is read in its turn.
    let requests = [
        "NOSUCH",
        "GET",
        "PING",
        "INFO server",
        "CLIENT LIST",
        "CLIENT UNPAUSE",
        "CONFIG GET port",
        "SLOWLOG LEN",
        "REPLCONF listening-port 1",
        "DEBUG JMAP",
        "COMMAND COUNT",
        "HELLO 2",
        "MULTI",
        "RESET",
    ];
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let ours = answered_during_a_pause(&server, &requests);
    assert_eq!(ours, answered_during_a_pause(&Stock::start(&[]), &requests));
    assert_eq!(ours.iter().filter(|answered| **answered).count(), 2);
}

#[test]
fn a_pause_lets_waits_run_out_and_holds_back_queued_writes() {
    for server in [&Server::start(&[]) as &dyn Endpoint, &Stock::start(&[])] {
        let (mut waiting, mut queueing) = (server.connect(), server.connect());
        let mut other = server.connect();
        assert_eq!(queueing.run("MULTI").text(), "OK");
        waiting.send_command(&["WAIT", "1", "300"]);
        // It waits, once the list of clients shows it so.
        await_until("a client waits", || other.run("CLIENT LIST").text().contains(" flags=b "));
        assert_eq!(other.run("CLIENT PAUSE 60000 WRITE").text(), "OK");
        assert_eq!(queueing.run("GET key").text(), "QUEUED");
        queueing.send_command(&["SET", "key", "value"]);
        assert_eq!(waiting.read().0.integer(), 0);
        assert_eq!(other.run("GET key"), Value::Null);
        assert_eq!(other.run("CLIENT UNPAUSE").text(), "OK");
        assert_eq!(queueing.read().0.text(), "QUEUED");
        assert_eq!(queueing.run("EXEC").elements()[1].text(), "OK");
    }
}

#[test]
fn a_pause_keeps_keys_that_have_expired_until_it_is_over() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(client.run("SET key value PX 100").text(), "OK");
    assert_eq!(client.run("CLIENT PAUSE 60000 WRITE").text(), "OK");
    // Runs out long after the key's time.
    assert_eq!(client.run("WAIT 1 600").integer(), 0);
    assert_eq!(client.run("DBSIZE").integer(), 1);
    assert_eq!(client.run("CLIENT UNPAUSE").text(), "OK");
    await_until("the key is gone", || client.run("DBSIZE").integer() == 0);
}

#[test]
fn who_reads_an_expired_key_during_a_pause_does_not_see_it_and_leaves_it() {
    for server in [&Server::start(&[]) as &dyn Endpoint, &Stock::start(&[])] {
        let mut client = server.connect();
        assert_eq!(client.run("SET key value PX 1000").text(), "OK");
        assert_eq!(client.run("CLIENT PAUSE 60000 WRITE").text(), "OK");
        let offset = client.info("replication", "master_repl_offset");
        await_until("the key is not shown", || client.run("GET key") == Value::Null);
        assert_eq!(client.run("EXISTS key").integer(), 0);
        client.run("MULTI");
        client.run("TTL key");
        assert_eq!(client.run("EXEC").elements(), [Value::Integer(-2)]);
        assert_eq!(client.run("DBSIZE").integer(), 1);
        assert_eq!(client.info("stats", "expired_keys"), "0");
        assert_eq!(client.info("replication", "master_repl_offset"), offset);
        assert_eq!(client.run("CLIENT UNPAUSE").text(), "OK");
        assert_eq!(client.run("GET key"), Value::Null);
        assert_eq!(client.run("DBSIZE").integer(), 0);
        assert_eq!(client.info("stats", "expired_keys"), "1");
    }
}

#[test]
fn more_patience_than_the_system_has_keeps_nobody_out() {
    let primary = Server::start(&["--tcp-keepalive", "40000"]);
    let mut client = primary.connect();
    assert_eq!(client.run("PING").text(), "PONG");
    assert_eq!(client.run("CONFIG GET tcp-keepalive").elements()[1].text(), "40000");
    let port = primary.address().port().to_string();
    let further = ["--tcp-keepalive", "2147483647", "--replicaof", &format!("127.0.0.1 {port}")];
    let replica = Server::start(&further);
    client.run("SET k v");
    await_until("the link is up", || replica.connect().run("GET k") == client.run("GET k"));
}

#[test]
fn who_leaves_during_a_pause_is_not_obeyed_afterwards() {
    let server = Server::start(&[]);
    let mut other = server.connect();
    let awaits = |count: &str| {
        let mut watcher = server.connect();
        await_until("so many wait", || watcher.info("clients", "blocked_clients") == count);
    };
    assert_eq!(other.run("CLIENT PAUSE 60000 WRITE").text(), "OK");
    let [mut staying, mut leaving, mut done] = [0; 3].map(|_| server.connect());
    staying.send_command(&["SET", "stays", "1"]);
    leaving.send_command(&["SET", "leaves", "1"]);
    done.send_command(&["SET", "done", "1"]);
    awaits("3");
    assert!(other.run("CLIENT LIST").text().contains(" flags=b "));
    drop(leaving);
    done.finish_sending();
    assert_eq!(done.read_to_close(), b"", "as from a stock server");
    awaits("1");
    assert_eq!(other.run("CLIENT UNPAUSE").text(), "OK");
    assert_eq!(staying.read().0.text(), "OK");
    awaits("0");
    assert_eq!(other.run("EXISTS stays").integer(), 1);
    assert_eq!(other.run("EXISTS leaves done").integer(), 0);
    // Nobody is held back: whoever has sent all has its replies.
    let mut done = server.connect();
    done.send_command(&["SET", "done", "1"]);
    done.finish_sending();
    assert_eq!(done.read_to_close(), b"+OK\r\n");
}

#[test]
fn no_more_clients_are_served_than_there_are_files_for() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let told = place.path().join("address");
    let mut command = Command::new("sh");
    let limited = "ulimit -n 100 && exec \"$0\" \"$@\"";
    command.args(["-c", limited, env!("CARGO_BIN_EXE_backlogd"), "--bind", "127.0.0.1"]);
    command.args(["--port", "0", "--io-threads", "2", "--dir"]).arg(place.path());
    command.arg("--backlog-address-file").arg(&told);
    let mut process = Process::start(&mut command, "there is a shell");
    process.wait_for_line("Ready to accept connections").expect("it starts");
    let address = std::fs::read_to_string(told).expect("the address file");
    let address = address.trim().parse().expect("an address");

    let mut client = Client::connect(address);
    let most = client.run("CONFIG GET maxclients").elements()[1].text();
    let count: usize = most.parse().expect("a number");
    assert!((10..50).contains(&count), "{most}: clients are served, and have half of the files");
    assert_eq!(
        set(&mut client, &["maxclients", "1000"]),
        format!(
            "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating \
             system is not able to handle the specified number of clients, try with {most}"
        )
    );
    assert_eq!(set(&mut client, &["maxclients", "5"]), "OK");
    assert_eq!(set(&mut client, &["maxclients", &most]), "OK");
    let mut others: Vec<_> = (1..count).map(|_| Client::connect(address)).collect();
    for other in &mut others {
        assert_eq!(other.run("PING").text(), "PONG");
    }
    for _ in 0..100 {
        let refused = Client::connect(address).read().0;
        assert_eq!(refused.text(), "ERR max number of clients reached");
    }
    assert_eq!(client.run("SET k v").text(), "OK");
    assert_eq!(client.run("SAVE").text(), "OK", "there are files left for a snapshot");
}
