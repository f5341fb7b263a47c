//! Answers that no primary gives.

use std::time::Instant;

use super::support::fake_primary::{Connection, rdb, replid};
use super::support::{Endpoint, await_until};
use super::{DOWN, Scene, assert_no_left_over};

/// More than a replica may gather of what it cannot use.
const MEMORY_BYTES_MAX: usize = 32 << 20;

/// Answers all there is up to a command, and that with `answer`.
fn answer_to(connection: &mut Connection, name: &str, answer: &[u8]) {
    loop {
        let words = connection.hear();
        match words[0].as_str() {
            found if found == name => return connection.send(answer),
            "PING" => connection.send(b"+PONG\r\n"),
            "INFO" => connection.send(b"$13\r\nrole:master\r\n\r\n"),
            _ => connection.send(b"+OK\r\n"),
        }
    }
}

#[test]
fn what_is_no_answer_ends_the_link_and_is_named() {
    let mut scene = Scene::start(&[]);
    let nested = b"*1\r\n".repeat(10_000);
    let line = [b"+".to_vec(), b"x".repeat(70_000)].concat();
    let cases: &[(&str, &[u8])] = &[
        ("begins with \"S\"", b"SSH-2.0-OpenSSH_9.6\r\n"),
        ("begins with \"\\x16\"", b"\x16\x03\x01\x00\xff"),
        ("a line of more than 65536 bytes", &line),
        ("an array came", &nested),
        ("a length came that is no number", b"$99999999999999999999\r\n"),
        ("a bulk string of 9999999 bytes", b"$9999999\r\n"),
        ("a bulk string does not end where its length says", b"$1\r\nabc"),
        ("a line came that is no answer of its kind", b":one\r\n"),
    ];
    for (expected, answer) in cases {
        scene.endures(expected, |connection| connection.send(answer));
    }
    assert!(scene.replica.is_running());
}

#[test]
fn wrong_answers_end_the_link_at_every_step_and_name_it() {
    let mut scene = Scene::start(&[]);
    let wrong = |id: &str, offset: &str| format!("+FULLRESYNC {id} {offset}\r\n");
    let id = replid('a');
    let psync = [
        "+NONSENSE\r\n".to_owned(),
        ":1\r\n".to_owned(),
        wrong("short", "5"),
        wrong(&"g".repeat(40), "5"),
        wrong(&id, "-5"),
        wrong(&id, "9223372036854775808"),
        wrong(&id, "99999999999999999999999999"),
        wrong(&id, ""),
        "+CONTINUE short\r\n".to_owned(),
    ];
    let mut cases = vec![
        ("the answer to PING is not one of a primary: \":1\"", "PING", ":1\r\n".to_owned()),
        ("the primary refuses PING: LOADING", "PING", "-LOADING not yet\r\n".to_owned()),
        ("the answer to REPLCONF listening-port", "REPLCONF", "$1\r\nx\r\n".to_owned()),
        ("the answer to INFO replication", "INFO", "$-1\r\n".to_owned()),
        ("the primary refuses PSYNC: ERR no", "PSYNC", "-ERR no\r\n".to_owned()),
    ];
    cases.extend(psync.map(|answer| ("the answer to PSYNC is not one", "PSYNC", answer)));
    for (expected, step, answer) in &cases {
        scene.endures(expected, |connection| answer_to(connection, step, answer.as_bytes()));
    }
    assert!(scene.replica.is_running());
}

#[test]
fn a_primary_that_says_nothing_is_given_up_after_the_timeout() {
    let mut scene = Scene::start(&["--repl-timeout", "2"]);
    let expected = "nothing was heard of the primary for 2 s (repl-timeout)";
    scene.endures(expected, |_| ());
    scene.endures(expected, |connection| answer_to(connection, "PSYNC", b""));
    scene.endures(expected, |connection| {
        let answer = format!("+FULLRESYNC {} 1\r\n", replid('a'));
        answer_to(connection, "PSYNC", answer.as_bytes());
    });
    let begun = format!("+FULLRESYNC {} 1\r\n$EOF:{}\r\nREDIS0011", replid('a'), replid('e'));
    scene.endures(expected, |connection| answer_to(connection, "PSYNC", begun.as_bytes()));
}

#[test]
fn a_replica_without_data_is_not_told_to_continue() {
    let mut scene = Scene::start(&[]);
    scene.recovers();
    let fresh = super::Server::start(&[]);
    let mut client = fresh.connect();
    client.call(&["REPLICAOF", "127.0.0.1", &scene.primary.port()]);
    for answer in ["+CONTINUE\r\n".to_owned(), format!("+CONTINUE {}\r\n", replid('a'))] {
        // The first replica asks again too, and claims what it has.
        loop {
            let (mut connection, asked) = scene.primary.accept_at_psync();
            if asked.replid == "?" {
                connection.send(answer.as_bytes());
                break;
            }
        }
        await_until("the answer is refused", || {
            let text = client.call(&["INFO", "replication"]).text();
            text.contains("master_link_down_reason:the answer to PSYNC is not one of a primary")
        });
    }
}

#[test]
fn line_feeds_and_data_without_end_are_not_gathered_in_memory() {
    let mut scene = Scene::start(&[]);
    let before = scene.replica.resident_bytes();
    let mut connection = scene.primary.accept();
    connection.expect("PING");
    let newlines = b"\n".repeat(1 << 20);
    (0..64).for_each(|_| connection.send(&newlines));
    connection.send(b"+PONG\r\n");
    connection.shake_hands();
    connection
        .send(format!("+FULLRESYNC {} 1\r\n$EOF:{}\r\n", replid('a'), replid('e')).as_bytes());
    let data = b"x".repeat(1 << 20);
    (0..64).for_each(|_| connection.send(&data));
    await_until("all of it is there", || {
        let text = scene.client.call(&["INFO", "replication"]).text();
        text.lines().any(|line| line.trim() == format!("master_sync_read_bytes:{}", 64 << 20))
    });
    let grown = scene.replica.resident_bytes().saturating_sub(before);
    assert!(grown < MEMORY_BYTES_MAX, "{grown}");
    drop(connection);
    scene.recovers();
    assert_no_left_over(scene.replica.directory());
}

#[test]
fn a_primary_that_closes_at_any_step_is_asked_again_after_pauses_that_grow() {
    let mut scene = Scene::start(&[]);
    let began = Instant::now();
    let snapshot = rdb(&[("a", "1")]);
    let full = format!("+FULLRESYNC {} 1\r\n", replid('a'));
    let head = format!("{full}${}\r\n", snapshot.len());
    let half = [head.as_bytes(), &snapshot[..snapshot.len() / 2]].concat();
    let marked = [full.as_bytes(), b"$EOF:", replid('e').as_bytes(), b"\r\n", &snapshot].concat();
    let steps: &[(&str, &[u8])] = &[
        ("PING", b""),
        ("PING", b"+PO"),
        ("REPLCONF", b""),
        ("INFO", b"$100\r\nrole:"),
        ("PSYNC", b""),
        ("PSYNC", &full.as_bytes()[..20]),
        ("PSYNC", full.as_bytes()),
        ("PSYNC", head.as_bytes()),
        ("PSYNC", &half),
        ("PSYNC", &marked),
    ];
    for (name, answer) in steps {
        let mut connection = scene.primary.accept();
        answer_to(&mut connection, name, answer);
        connection.finish_sending();
        connection.await_close();
    }
    scene.await_reason("the primary closed the connection");
    scene.recovers();
    // 50, 100, 200, 400, 800 ms, and then a second each.
    assert!(began.elapsed().as_millis() > 50 + 100 + 200 + 400 + 800 + 5 * 1000);
    assert_no_left_over(scene.replica.directory());
    scene.replica.await_line("the link is up");
    // Whether it hears of the end or of a reset is for the kernel to say; what is no news is not told.
    let output = scene.replica.output();
    let reasons: Vec<_> = output
        .lines()
        .filter_map(|line| Some(line.split_once(DOWN)?.1.split_once(" primary=")?.0))
        .collect();
    assert!(reasons.len() < steps.len(), "{output}");
    assert!(reasons.windows(2).all(|pair| pair[0] != pair[1]), "{output}");
}
