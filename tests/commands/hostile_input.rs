//! Clients that break the protocol, or come close: the server says what stock says, and lives on.
//!
//! Each input goes to both servers. `BACKLOGD_SUBJECT=stock` compares stock with itself.

use crate::support::{Client, Endpoint, Server, Stock, Value};
use backlogd::net::wire::put_command;

/// Memory by which a server may grow over an input that names huge sizes and does not send them.
const BALLOON_BYTES: usize = 64 << 20;

/// The server under test, and stock with the same settings.
struct Servers {
    subject: Box<dyn Endpoint>,
    stock: Stock,
}

impl Servers {
    fn start(arguments: &[&str]) -> Self {
        let subject: Box<dyn Endpoint> = match std::env::var("BACKLOGD_SUBJECT").as_deref() {
            Ok("stock") => Box::new(Stock::start(arguments)),
            _ => Box::new(Server::start(arguments)),
        };
        Self { subject, stock: Stock::start(arguments) }
    }

    /// Sends `input` to both and compares everything they say until they close.
    #[track_caller]
    fn same_until_closed(&self, input: &[u8]) -> Vec<u8> {
        let ours = said_until_closed(&*self.subject, input);
        let stock = said_until_closed(&self.stock, input);
        let shown = input[..input.len().min(60)].escape_ascii();
        assert_eq!(ours.escape_ascii().to_string(), stock.escape_ascii().to_string(), "to {shown}");
        ours
    }

    /// As [`Self::same_until_closed`], and the last thing said must be this protocol error.
    #[track_caller]
    fn refused(&self, input: &[u8], text: &str) {
        let said = self.same_until_closed(input);
        let expected = format!("-ERR Protocol error: {text}\r\n");
        assert!(said.ends_with(expected.as_bytes()), "{}", said.escape_ascii());
    }

    /// Runs `attack` and checks that the server under test still answers and has not grown.
    #[track_caller]
    fn survives(&self, attack: impl FnOnce(&dyn Endpoint)) {
        let before = self.subject.resident_bytes();
        attack(&*self.subject);
        let grown = self.subject.resident_bytes().saturating_sub(before);
        assert!(grown < BALLOON_BYTES, "it grew by {grown} bytes");
        assert_eq!(self.subject.connect().run("PING"), Value::Simple("PONG".to_owned()));
    }
}

/// Sends everything, says that no more will come, and reads until the server closes.
fn said_until_closed(endpoint: &dyn Endpoint, input: &[u8]) -> Vec<u8> {
    let mut client = endpoint.connect();
    // It may close before it has read all of it.
    drop(client.try_send(input));
    client.finish_sending();
    client.read_to_close()
}

#[test]
fn broken_requests_are_refused_in_the_words_of_stock() {
    let servers = Servers::start(&[]);
    for (input, text) in [
        (&b"*a\r\n"[..], "invalid multibulk length"),
        (b"*\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*+1\r\n", "invalid multibulk length"),
        (b"* 1\r\n", "invalid multibulk length"),
        (b"*2147483648\r\n", "invalid multibulk length"),
        (b"*9223372036854775808\r\n", "invalid multibulk length"),
        (b"*99999999999999999999999999\r\n", "invalid multibulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$-0\r\n", "invalid bulk length"),
        (b"*1\r\n$04\r\n", "invalid bulk length"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*1\r\n$\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n$9223372036854775807\r\n", "invalid bulk length"),
        (b"*1\r\n:4\r\nPING\r\n", "expected '$', got ':'"),
        (b"*1\r\n\r\nPING\r\n", "expected '$', got ' '"),
        (b"*1\r\nPING\r\n", "expected '$', got 'P'"),
        (b"GET 'a\r\n", "unbalanced quotes in request"),
        (b"GET \"a\"b\r\n", "unbalanced quotes in request"),
        (b"PING\r\n*1\r\n$4\r\nPING\r\n*x\r\nPING\r\n", "invalid multibulk length"),
    ] {
        servers.refused(input, text);
    }
    servers.same_until_closed(b"*1\r\n\xff4\r\n");
    servers.same_until_closed(b"*1\r\n\n4\r\n");
}

#[test]
fn sloppy_requests_are_accepted_as_stock_accepts_them() {
    let servers = Servers::start(&[]);
    for input in [
        &b"*0\r\n*-1\r\n*-7\r\n\r\n\n  \r\nPING\r\n"[..],
        b"*1\rX$4\rYPINGzz*1\r\n$4\r\nPING\r\n",
        b"ECHO \"a\\x41\\n\\q\"\r\nECHO 'it\\'s'\nECHO a\"b c\"\r\n",
        b"\tPING\x0b\x0cx\r\n",
        b"SET k '\\n'\r\nGET k\r\n",
    ] {
        servers.same_until_closed(input);
    }
}

#[test]
fn a_browser_is_turned_away_without_a_reply() {
    let servers = Servers::start(&[]);
    for input in [
        &b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nSET k v\r\n"[..],
        b"GET / HTTP/1.1\r\nhOSt: 127.0.0.1\r\n\r\nSET k v\r\n",
        b"PING\r\nMULTI\r\n*1\r\n$4\r\npost\r\nPING\r\n",
        b"POSTS\r\nHost\r\n",
    ] {
        servers.same_until_closed(input);
    }
    assert_eq!(servers.subject.connect().run("EXISTS k"), Value::Integer(0));
}

#[test]
fn lines_without_end_are_refused() {
    let servers = Servers::start(&[]);
    for (first, text) in [
        (&b"*"[..], "too big mbulk count string"),
        (b"*1\r\n$", "too big bulk count string"),
        (b"P", "too big inline request"),
    ] {
        let input = [first, &vec![b'1'; 100_000]].concat();
        servers.survives(|server| {
            let mut client = server.connect();
            drop(client.try_send(&input));
            let said = client.read_to_close();
            assert_eq!(said, format!("-ERR Protocol error: {text}\r\n").as_bytes());
        });
        // Stock says the same, but resets the connection over what it has not read.
        let mut client = servers.stock.connect();
        client.send(&input[..=first.len() + 64 * 1024]);
        let said = client.read_to_close();
        assert_eq!(said, format!("-ERR Protocol error: {text}\r\n").as_bytes());
    }
}

#[test]
fn nesting_has_no_depth() {
    let servers = Servers::start(&[]);
    servers.refused(&b"*1\r\n".repeat(10), "expected '$', got '*'");
    servers.survives(|server| {
        let mut client = server.connect();
        drop(client.try_send(&b"*1\r\n".repeat(100_000)));
        client.finish_sending();
        client.read_to_close();
    });
}

#[test]
fn huge_sizes_that_never_come_cost_nothing() {
    let servers = Servers::start(&[]);
    servers.survives(|server| {
        let mut clients: Vec<_> = (0..50).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send(b"*2147483647\r\n$536870912\r\nSET");
        }
        // Each is served and its bytes are read by the time this answer comes.
        assert_eq!(server.connect().run("PING"), Value::Simple("PONG".to_owned()));
    });
}

#[test]
fn half_a_command_is_dropped_with_its_connection() {
    let servers = Servers::start(&[]);
    let mut whole = Vec::new();
    put_command(&mut whole, &["SET", "half", "value"]);
    for end in 0..whole.len() {
        assert_eq!(servers.same_until_closed(&whole[..end]), b"", "{end}");
    }
    assert_eq!(servers.subject.connect().run("EXISTS half"), Value::Integer(0));
    assert_eq!(servers.same_until_closed(&whole), b"+OK\r\n");
}

#[test]
fn bytes_that_come_one_at_a_time_make_the_same_commands() {
    let servers = Servers::start(&[]);
    let mut client = servers.subject.connect();
    for byte in b"PING\r\n*2\r\n$4\r\nECHO\r\n$5\r\na\r\nbc\r\n*0\r\n\r\n*1\r\n$4\r\nPING\r\n" {
        client.send(&[*byte]);
    }
    assert_eq!(client.read().0, Value::Simple("PONG".to_owned()));
    assert_eq!(client.read().0, Value::Bulk(b"a\r\nbc".to_vec()));
    assert_eq!(client.read().0, Value::Simple("PONG".to_owned()));
}

#[test]
fn a_long_pipeline_is_answered_in_order() {
    const COMMANDS: i64 = 10_000;
    let servers = Servers::start(&[]);
    let mut client = servers.subject.connect();
    let mut bytes = Vec::new();
    for number in 0..COMMANDS {
        put_command(&mut bytes, &["INCR", "counter"]);
        put_command(&mut bytes, &["ECHO", &number.to_string()]);
    }
    client.send(&bytes);
    for number in 0..COMMANDS {
        assert_eq!(client.read().0, Value::Integer(number + 1));
        assert_eq!(client.read().0, Value::Bulk(number.to_string().into_bytes()));
    }
}

#[test]
fn a_command_may_have_more_words_than_older_servers_took() {
    const WORDS: usize = 1_100_000;
    let servers = Servers::start(&[]);
    let mut words = vec![&b"k"[..]; WORDS];
    words[0] = b"EXISTS";
    let mut bytes = Vec::new();
    put_command(&mut bytes, &["SET", "k", "v"]);
    put_command(&mut bytes, &words);
    words[0] = b"RPUSH";
    words[1] = b"l";
    put_command(&mut bytes, &["MULTI"]);
    put_command(&mut bytes, &words);
    put_command(&mut bytes, &["EXEC"]);
    let said = servers.same_until_closed(&bytes);
    let (there, pushed) = (WORDS - 1, WORDS - 2);
    let expected = format!("+OK\r\n:{there}\r\n+OK\r\n+QUEUED\r\n*1\r\n:{pushed}\r\n");
    assert_eq!(said, expected.as_bytes());
}

#[test]
fn words_without_end_are_cut_off_where_the_query_buffer_ends() {
    const LIMIT: usize = 1 << 20;
    let servers = Servers::start(&["--client-query-buffer-limit", &LIMIT.to_string()]);
    servers.survives(|server| {
        let mut client = server.connect();
        let words = b"$0\r\n\r\n".repeat(LIMIT);
        drop(client.try_send(&[b"*2147483647\r\n", words.as_slice()].concat()));
        assert_eq!(client.read_to_close(), b"");
    });
}

#[test]
fn before_authentication_only_small_commands_are_read() {
    let servers = Servers::start(&["--requirepass", "secret"]);
    servers.refused(b"*11\r\n", "unauthenticated multibulk length");
    servers.refused(b"*1\r\n$16385\r\n", "unauthenticated bulk length");
    servers.same_until_closed(b"*10\r\n$16384\r\n");
    let mut client = servers.subject.connect();
    assert!(client.run("GET k").text().starts_with("NOAUTH"));
    assert_eq!(client.run("AUTH secret"), Value::Simple("OK".to_owned()));
    let large = vec![b'x'; 20_000];
    assert_eq!(client.call(&[b"ECHO", large.as_slice()]), Value::Bulk(large));
    // The limits fall within one pipeline too, after AUTH has run.
    let mut bytes = Vec::new();
    put_command(&mut bytes, &["AUTH", "secret"]);
    put_command(&mut bytes, &["MSET", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6"]);
    assert_eq!(servers.same_until_closed(&bytes), b"+OK\r\n+OK\r\n");
}

#[test]
fn the_longest_word_follows_its_setting() {
    let servers = Servers::start(&["--proto-max-bulk-len", "1048576"]);
    servers.refused(b"*1\r\n$1048577\r\n", "invalid bulk length");
    let set = |client: &mut Client, bytes: &str| {
        client.call(&["CONFIG", "SET", "proto-max-bulk-len", bytes]);
    };
    set(&mut servers.subject.connect(), "2097152");
    set(&mut servers.stock.connect(), "2097152");
    servers.refused(b"*1\r\n$2097153\r\n", "invalid bulk length");
    assert_eq!(servers.same_until_closed(b"*1\r\n$2097152\r\n"), b"");
}
