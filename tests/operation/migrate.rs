//! `MIGRATE`: keys that go to another server, whatever happens on the way.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::support::history::digest;
use crate::support::{Client, Endpoint, Program, Server, Stock, Value, await_until};

/// What is set where the server is to write nothing by itself.
const QUIET: [&str; 6] =
    ["--save", "", "--repl-ping-replica-period", "3600", "--enable-debug-command", "yes"];

/// Runs `MIGRATE host port`, and what follows.
fn migrate(client: &mut Client, port: u16, rest: &[&str]) -> Value {
    let port = port.to_string();
    client.call(&[&["MIGRATE", "127.0.0.1", &port], rest].concat())
}

/// Fills a server, if need be by way of a stock one that has the commands for it.
fn fill(server: &Server) {
    let stock = Stock::start(&[]);
    let (mut from, mut to) = (stock.connect(), server.connect());
    from.run("RPUSH list a b c");
    from.run("ZADD zset 1.5 a 2 b");
    from.run("SADD set x y");
    for key in ["list", "zset", "set"] {
        let Value::Bulk(payload) = from.call(&["DUMP", key]) else { panic!("it is there") };
        to.call(&[b"RESTORE", key.as_bytes(), b"0", &payload]);
    }
    to.run("SET string value");
    to.run("HSET hash f v");
    to.run("SET expires value PX 10000000");
}

#[test]
fn keys_of_every_type_go_to_servers_of_every_kind_and_come_back() {
    for program in Program::replicas() {
        let (server, other) = (Server::start(&QUIET), program.start(&[]));
        fill(&server);
        let replica = Stock::start(&[]);
        replica.replicate(&server);
        let before = digest(&server);
        let (mut here, mut there) = (server.connect(), other.connect());
        let keys = ["list", "zset", "set", "string", "hash", "expires", "none"];
        let several = [&["", "0", "10000", "KEYS"], &keys[..]].concat();
        assert_eq!(migrate(&mut here, other.address().port(), &several).text(), "OK");
        assert_eq!(here.run("DBSIZE").integer(), 0);
        assert_eq!(digest(&other), before, "{}", program.path());
        let ttl = there.run("PTTL expires").integer();
        assert!((1..=10_000_000).contains(&ttl), "{ttl}");
        replica.await_offset_of(&server);
        assert_eq!(replica.connect().run("DBSIZE").integer(), 0);
        if other.version() < (7, 2) {
            assert_eq!(migrate(&mut there, server.address().port(), &several).text(), "OK");
            assert_eq!(digest(&server), before);
            replica.await_offset_of(&server);
            assert_eq!(digest(&replica), before);
        }
    }
}

#[test]
fn keys_go_from_server_to_server_into_another_database_with_a_password() {
    let source = Server::start(&QUIET);
    let target = Server::start(&["--requirepass", "secret", "--save", ""]);
    let port = target.address().port();
    let (mut here, mut there) = (source.connect(), target.connect());
    there.run("AUTH secret");
    here.run("SET a 1");
    here.run("SET b 2");
    let refused = migrate(&mut here, port, &["a", "0", "10000"]);
    assert!(refused.text().contains("Target instance replied with error: NOAUTH"), "{refused:?}");
    let refused = migrate(&mut here, port, &["a", "0", "10000", "AUTH", "wrong"]);
    assert!(refused.text().contains("error: WRONGPASS"), "{refused:?}");
    let moved = migrate(&mut here, port, &["a", "3", "10000", "AUTH", "secret"]);
    assert_eq!(moved.text(), "OK");
    let login = ["b", "3", "10000", "COPY", "AUTH2", "default", "secret"];
    assert_eq!(migrate(&mut here, port, &login).text(), "OK");
    assert_eq!(here.run("EXISTS a b").integer(), 1);
    there.run("SELECT 3");
    assert_eq!(there.run("MGET a b"), Value::Array(vec![bulk("1"), bulk("2")]));
}

fn bulk(text: &str) -> Value {
    Value::Bulk(text.as_bytes().to_vec())
}

#[test]
fn what_goes_wrong_is_told_in_the_words_of_stock_servers() {
    let (server, oracle, target) = (Server::start(&QUIET), Stock::oracle(&[]), Stock::start(&[]));
    let mut clients = [server.connect(), oracle.connect()];
    target.connect().run("SET there 1");
    for client in &mut clients {
        client.run("SET key value");
        client.run("SET there 2");
    }
    // Nobody listens any more once it is known.
    let closed = Target::new().port();
    let port = target.address().port();
    let cases: &[(u16, &[&str])] = &[
        (port, &["none", "0", "10000"]),
        (port, &["", "0", "10000", "KEYS"]),
        (port, &["", "0", "10000", "KEYS", "none"]),
        (port, &["key", "0", "x"]),
        (port, &["key", "x", "10000"]),
        (port, &["key", "0", "10000", "FOO"]),
        (port, &["key", "0", "10000", "AUTH"]),
        (port, &["key", "0", "10000", "AUTH2", "user"]),
        (port, &["key", "0", "10000", "KEYS", "key"]),
        (port, &["there", "0", "10000"]),
        (port, &["", "0", "10000", "KEYS", "there", "key"]),
        (port, &["there", "99", "10000", "REPLACE"]),
        (port, &["there", "0", "10000", "AUTH", "password"]),
        (port, &["there", "0", "10000", "AUTH2", "nobody", "password"]),
        (closed, &["there", "0", "10000"]),
    ];
    for (port, words) in cases {
        let [ours, theirs] = clients.each_mut().map(|client| {
            let reply = migrate(client, *port, words);
            target.connect().run("DEL key");
            (reply, client.run("EXISTS key there"))
        });
        assert_eq!(ours, theirs, "{words:?}");
    }
    let [ours, theirs] = clients.each_mut().map(|client| {
        client.call(&["MIGRATE", "no.such.host.invalid", "7000", "there", "0", "10000"])
    });
    assert_eq!(ours, theirs);
}

/// A target that does as it is told by the test.
struct Target {
    listener: TcpListener,
}

impl Target {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        Self { listener }
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().expect("it has an address").port()
    }

    /// Waits for a connection, and for what is sent on it with this key as the last.
    fn accept(&self, key: &str) -> TcpStream {
        let last = format!("\r\n{key}\r\n");
        let (mut stream, _) = self.listener.accept().expect("somebody connects");
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        let holds = |seen: &[u8]| seen.windows(last.len()).any(|found| found == last.as_bytes());
        while !(holds(&seen) && seen.ends_with(b"\r\n")) {
            let count = stream.read(&mut buffer).expect("it can be read");
            assert_ne!(count, 0, "{}", seen.escape_ascii());
            seen.extend_from_slice(&buffer[..count]);
        }
        stream
    }
}

#[test]
fn a_key_that_changes_while_it_is_sent_stays_and_others_are_served_meanwhile() {
    let server = Server::start(&QUIET);
    let target = Target::new();
    let (mut mover, mut other) = (server.connect(), server.connect());
    other.run("MSET changed 1 same 2 gone 3");
    let port = target.port().to_string();
    let keys = ["", "0", "60000", "REPLACE", "KEYS", "changed", "same", "gone"];
    mover.send_command(&[&["MIGRATE", "127.0.0.1", &port], &keys[..]].concat());
    let mut stream = target.accept("gone");
    assert_eq!(other.run("SET changed 2").text(), "OK");
    assert_eq!(other.run("DEL gone").integer(), 1);
    stream.write_all(b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n").expect("it can be written");
    let reply = mover.read().0;
    assert!(reply.text().starts_with("ERR key \"changed\" changed while"), "{reply:?}");
    assert_eq!(
        other.run("MGET changed same gone").elements(),
        [bulk("2"), Value::Null, Value::Null]
    );
}

#[test]
fn what_the_target_has_not_confirmed_stays() {
    let server = Server::start(&QUIET);
    let mut client = server.connect();
    let failed = "IOERR error or timeout reading to target instance";
    for (answers, error, left) in [
        (&b""[..], failed, 2),
        (b"-ERR foo\r\n", failed, 2),
        (b"+OK\r\n+OK\r\n", failed, 1),
        (b"+OK\r\n+OK\r\n$2\r\n", failed, 1),
        (
            b"+OK\r\n-BUSYKEY foo\r\n+OK\r\n",
            "ERR Target instance replied with error: BUSYKEY foo",
            1,
        ),
        (b"-ERR no db\r\n+OK\r\n+OK\r\n", "ERR Target instance replied with error: ERR no db", 2),
    ] {
        client.run("MSET a 1 b 2");
        let target = Target::new();
        let port = target.port().to_string();
        client.send_command(&["MIGRATE", "127.0.0.1", &port, "", "0", "60000", "KEYS", "a", "b"]);
        let mut stream = target.accept("b");
        stream.write_all(answers).expect("it can be written");
        drop(stream);
        let reply = client.read().0;
        let case = String::from_utf8_lossy(answers);
        assert_eq!(reply, Value::Error(error.to_owned()), "{case}");
        assert_eq!(client.run("EXISTS a b").integer(), left, "{case}");
    }
}

#[test]
fn a_silent_target_is_given_up_on() {
    let server = Server::start(&QUIET);
    let mut client = server.connect();
    client.run("SET key value");
    let target = Target::new();
    let reply = migrate(&mut client, target.port(), &["key", "0", "50"]);
    assert_eq!(reply.text(), "IOERR error or timeout reading to target instance");
    assert_eq!(client.run("EXISTS key").integer(), 1);
}

#[test]
fn a_transaction_sends_behind_its_other_commands() {
    let (server, target) = (Server::start(&QUIET), Server::start(&QUIET));
    let mut client = server.connect();
    client.run("MULTI");
    client.run("SET key value");
    migrate(&mut client, target.address().port(), &["key", "0", "10000"]);
    client.run("EXISTS key");
    let done = client.run("EXEC");
    let expected = [Value::Simple("OK".into()), Value::Simple("OK".into()), Value::Integer(1)];
    assert_eq!(done.elements(), expected);
    assert_eq!(client.run("EXISTS key").integer(), 0);
    await_until("the target has it", || target.connect().run("GET key") == bulk("value"));
}
