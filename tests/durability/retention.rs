//! How long the log is kept: for whom, and what overrides whom.

use std::time::{Duration, Instant};

use crate::support::follower::{Asking, Form};
use crate::support::history::{digest, history, number};
use crate::support::segments::log_bytes;
use crate::support::{Client, Endpoint, Follower, Server, await_until};

const SEGMENT_BYTES: u64 = 64 * 1024;
/// No limit of a test has effect before a segment, which goes as a whole, is below it.
const SLACK_BYTES: u64 = SEGMENT_BYTES;

/// Starts with small segments, and a log that is kept for nobody but by `further` directives.
fn primary(further: &[&str]) -> Server {
    let small = [
        "--backlog-segment-size",
        "64kb",
        "--repl-backlog-size",
        "1kb",
        "--repl-ping-replica-period",
        "1",
        "--save",
        "",
        "--enable-debug-command",
        "yes",
    ];
    Server::start(&[&small[..], further].concat())
}

/// Writes so many KiB of the stream, over a few keys.
fn write(client: &mut Client, kibibytes: usize) {
    let value = "v".repeat(1000);
    for index in 0..kibibytes {
        assert_eq!(client.call(&["SET", &format!("key:{}", index % 10), &value]).text(), "OK");
    }
}

fn save(client: &mut Client) {
    assert_eq!(client.run("SAVE").text(), "OK");
}

fn set(client: &mut Client, directive: &str, value: &str) {
    assert_eq!(client.call(&["CONFIG", "SET", directive, value]).text(), "OK");
}

/// The offset that the log begins at.
fn start(client: &mut Client) -> u64 {
    number(client, "backlog", "backlog_start_offset")
}

/// How much of the stream the log holds.
fn held(client: &mut Client) -> u64 {
    number(client, "backlog", "backlog_covered_bytes")
}

/// A replica that reads all it is sent, so that it holds nothing, and tells when retention has run.
struct Clock {
    follower: Follower,
    at: u64,
}

impl Clock {
    fn attach(server: &Server) -> Self {
        let now = history(server);
        let (follower, resync) = Follower::resume(server, &now.replid, now.offset);
        assert!(resync.is_partial());
        Self { follower, at: now.offset }
    }

    /// Waits until retention has run by the data, limits and holders that there are now.
    fn await_retention(&mut self, server: &Server) {
        const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
        let now = history(server).offset;
        self.follower.read((now - self.at) as usize);
        // The server's clock lets go of what it may, and then sends a ping, in each of its rounds.
        // The first one from here on may end a round that had begun; the second one does not.
        for _ in 0..2 {
            assert!(self.follower.read(PING.len()) == PING, "nothing else is written");
        }
        self.at = now + 2 * PING.len() as u64;
    }
}

#[test]
fn what_is_younger_than_the_time_to_keep_is_there_and_what_is_older_goes() {
    const TIME: Duration = Duration::from_secs(2);
    // Segments are dated in whole milliseconds, by a clock that may be adjusted meanwhile.
    const ROUNDING: Duration = Duration::from_millis(20);
    let server = primary(&["--backlog-retain-time", "2"]);
    let mut client = server.connect();
    let mut written = Vec::new();
    let began = Instant::now();
    let goal = 2 * SEGMENT_BYTES;
    // It goes on until what was written while it went on is let go of.
    for round in 0.. {
        written.push((Instant::now(), number(&mut client, "backlog", "backlog_written_offset")));
        write(&mut client, 10);
        if round % 10 == 0 {
            save(&mut client);
        }
        let start = start(&mut client);
        let now = Instant::now();
        written.retain(|(at, _)| now.duration_since(*at) + ROUNDING < TIME);
        let (_, oldest) = written.first().expect("it does not take that long");
        assert!(start <= *oldest, "the log begins at {start}, and what is at {oldest} is young");
        if start > goal {
            break;
        }
    }
    assert!(began.elapsed() >= TIME, "nothing can be older by then");
    // The size alone would have kept next to nothing, and now keeps no more.
    assert!(held(&mut client) > 4 * SEGMENT_BYTES);
    save(&mut client);
    await_until("all but the last of it has gone", || held(&mut client) <= SLACK_BYTES + 1024);
}

#[test]
fn the_size_to_keep_can_be_changed_either_way() {
    let server = primary(&["--repl-backlog-size", "1mb"]);
    let mut client = server.connect();
    let mut clock = Clock::attach(&server);
    let replid = history(&server).replid;
    write(&mut client, 600);
    save(&mut client);
    clock.await_retention(&server);
    assert_eq!(start(&mut client), 0, "all of it is less than is to be kept");

    set(&mut client, "repl-backlog-size", "200kb");
    await_until("the log is shorter", || held(&mut client) <= 200 * 1024 + SLACK_BYTES);
    let begin = start(&mut client);
    assert!(held(&mut client) >= 200 * 1024, "but not by more than it may be");
    assert!(Follower::resume(&server, &replid, begin).1.is_partial());
    Follower::resume(&server, &replid, begin - 1).1.full();

    set(&mut client, "repl-backlog-size", "1mb");
    write(&mut client, 600);
    save(&mut client);
    clock.await_retention(&server);
    assert_eq!(start(&mut client), begin, "nothing goes of what is there, though nothing returns");
    assert!(Follower::resume(&server, &replid, begin).1.is_partial());

    set(&mut client, "repl-backlog-size", "1kb");
    await_until("the log is as short as can be", || held(&mut client) <= SLACK_BYTES + 1024);
}

#[test]
fn what_a_restart_needs_stays_whatever_the_limits_say() {
    let mut server = primary(&["--backlog-max-size", "1"]);
    let mut client = server.connect();
    let mut clock = Clock::attach(&server);
    write(&mut client, 600);
    clock.await_retention(&server);
    assert_eq!(start(&mut client), 0, "without a snapshot all of it is needed");
    assert!(log_bytes(server.directory()) > 8 * SEGMENT_BYTES, "the limit is passed by far");

    save(&mut client);
    let snapshot = number(&mut client, "backlog", "backlog_snapshot_offset");
    write(&mut client, 600);
    await_until("what is below the snapshot goes", || start(&mut client) > 0);
    clock.await_retention(&server);
    let begin = start(&mut client);
    assert!((snapshot - SLACK_BYTES..=snapshot).contains(&begin), "{begin}");
    // The disk's reserve is a limit as well; no disk has so much room.
    set(&mut client, "backlog-min-free-disk", "8000000gb");
    await_until("the disk is too full", || client.run("SET probe 1").is_error());
    // A snapshot makes what room there is to be made; what a restart needs from it on stays.
    await_until("a snapshot makes room", || start(&mut client) > begin);
    clock.await_retention(&server);
    let snapshot = number(&mut client, "backlog", "backlog_snapshot_offset");
    let begin = start(&mut client);
    assert!((snapshot - SLACK_BYTES..=snapshot).contains(&begin), "{begin} {snapshot}");

    let (before, data) = (history(&server), digest(&server));
    server.kill();
    server.restart();
    let after = history(&server);
    assert_eq!((after.replid, digest(&server)), (before.replid, data));
    assert!(after.offset >= before.offset, "{} of {}", after.offset, before.offset);
}

#[test]
fn a_disk_without_room_takes_what_was_kept_for_replicas() {
    let server = primary(&["--repl-backlog-size", "1gb", "--backlog-retain-time", "3600"]);
    let mut client = server.connect();
    let mut clock = Clock::attach(&server);
    write(&mut client, 600);
    save(&mut client);
    clock.await_retention(&server);
    assert_eq!(start(&mut client), 0);
    set(&mut client, "backlog-min-free-disk", "8000000gb");
    await_until("only the file in use is left", || held(&mut client) <= SLACK_BYTES);
}

#[test]
fn a_transfer_under_way_holds_the_log_against_every_limit() {
    let server = primary(&["--backlog-max-size", "256kb", "--rdbcompression", "no"]);
    let mut client = server.connect();
    // Far more than socket buffers hold, so that the transfer cannot end unread.
    let value = "v".repeat(50_000);
    for index in 0..800 {
        client.call(&["SET", &format!("large:{index}"), &value]);
    }
    let asking = Asking::new(&server, &["psync2"], "?", -1);
    await_until("the snapshot is being sent", || {
        client.run("INFO replication").text().contains("state=send_bulk")
    });
    let needed = number(&mut client, "backlog", "backlog_snapshot_offset");
    let mut clock = Clock::attach(&server);
    for _ in 0..2 {
        write(&mut client, 450);
        // From here on a restart needs less than the transfer.
        save(&mut client);
        clock.await_retention(&server);
        let begin = start(&mut client);
        assert!((needed - SLACK_BYTES..=needed).contains(&begin), "{begin} of {needed}");
    }
    assert!(log_bytes(server.directory()) > 900 * 1024, "the limit is passed by far");

    let end = history(&server).offset;
    let (mut follower, resync) = asking.answer();
    let snapshot = resync.full();
    assert_eq!((snapshot.offset, snapshot.form), (needed, Form::Length));
    let stream = follower.read((end - needed) as usize);
    assert_eq!(stream.windows(5).filter(|bytes| bytes == b"$3\r\nS").count(), 900, "no gap in it");
    await_until("the limit is obeyed", || log_bytes(server.directory()) <= 256 * 1024);
}
