//! A log of any length takes little memory, whoever reads it meanwhile.

use crate::support::history::{assert_in_sync, await_online, digest, number, resyncs};
use crate::support::{Client, Endpoint, Server, Stock, await_until};

const MEBIBYTE: usize = 1 << 20;
const WRITES: usize = 300;
/// What is recent, once for the writer and once for the readers, pages made ready ahead, and the
/// program's own: far less than is written.
const RESIDENT_BYTES_MAX: usize = 100 * MEBIBYTE;

fn primary() -> Server {
    Server::start(&[
        "--backlog-segment-size",
        "4mb",
        "--repl-backlog-size",
        "4gb",
        "--backlog-snapshot-ratio",
        "1000000",
        "--save",
        "",
        "--enable-debug-command",
        "yes",
    ])
}

/// Writes a few keys over and over, and returns the most bytes of files that were resident.
fn write(server: &Server, client: &mut Client) -> usize {
    let mut most = 0;
    for number in 0..WRITES {
        let value = format!("{number:07};").repeat(MEBIBYTE / 8);
        assert_eq!(client.call(&["SET", &format!("key:{}", number % 5), &value]).text(), "OK");
        most = most.max(server.resident_file_bytes());
    }
    most
}

fn covered_bytes(client: &mut Client) -> usize {
    number(client, "backlog", "backlog_covered_bytes") as usize
}

#[test]
fn a_long_log_takes_little_memory_and_serves_replicas_from_its_first_byte() {
    let mut server = primary();
    let mut client = server.connect();
    assert_eq!(client.run("SET first 1").text(), "OK");
    let (follows, mut away) = (Stock::start(&[]), Stock::start(&[]));
    follows.replicate(&server);
    away.replicate(&server);
    await_online(&server, 2);
    assert_in_sync(&server, &[&follows, &away]);
    away.shut_down();
    await_online(&server, 1);
    let before = resyncs(&server);

    let most = write(&server, &mut client);
    assert!(covered_bytes(&mut client) > WRITES * MEBIBYTE);
    assert!(most < RESIDENT_BYTES_MAX, "{most} bytes of files are resident");
    let mapped = number(&mut client, "backlog", "backlog_mapped_bytes") as usize;
    assert!(mapped < RESIDENT_BYTES_MAX, "{mapped} bytes are mapped");
    assert_in_sync(&server, &[&follows]);

    away.restart_as_replica_of(&server);
    await_until("the replica continues", || resyncs(&server) == (before.0, before.1 + 1));
    assert_in_sync(&server, &[&follows, &away]);
    let resident = server.resident_file_bytes();
    assert!(resident < RESIDENT_BYTES_MAX, "{resident} bytes of files are resident");

    // A restart reads all of it, and lets go of it again.
    let held = digest(&server);
    server.kill();
    server.restart();
    let mut client = server.connect();
    assert_eq!(digest(&server), held);
    assert!(covered_bytes(&mut client) > WRITES * MEBIBYTE);
    await_until("it is let go of", || server.resident_file_bytes() < RESIDENT_BYTES_MAX);
    // All of them are read at one moment.
    let text = client.run("INFO memory").text();
    let figure = |name: &str| -> usize {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        line.parse().expect("a number")
    };
    let (files, anonymous) =
        (figure("used_memory_rss_files:"), figure("used_memory_rss_anonymous:"));
    assert!(files > 0 && files < RESIDENT_BYTES_MAX && anonymous > 5 * MEBIBYTE);
    assert!(figure("used_memory_rss:") >= files + anonymous);
}
