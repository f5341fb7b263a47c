//! Restarts of every kind: what is kept, what is cut, whether the history goes on, and who may follow.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::data::{fill, sync};
use crate::support::history::{
    History, assert_in_sync, await_online, digest, history, number, resyncs,
};
use crate::support::injector::Injector;
use crate::support::segments::{segments, tear_last_seals};
use crate::support::{Boot, Endpoint, Follower, Program, Server, Value, await_until};
use rustix::process::Signal;
use tempfile::TempDir;

const DEBUG: [&str; 4] = ["--enable-debug-command", "yes", "--save", ""];

fn primary(further: &[&str]) -> Server {
    Server::start(&[&DEBUG[..], further].concat())
}

/// A way to end the server.
type End = fn(&mut Server);

fn kill(server: &mut Server) {
    server.kill();
}

fn terminate(server: &mut Server) {
    assert!(server.terminate().success(), "{}", server.output());
}

fn shut_down(server: &mut Server, how: &str) {
    server.connect().send_command(&["SHUTDOWN", how]);
    assert!(server.wait().success(), "{}", server.output());
}

const ENDS: [(&str, End); 4] = [
    ("kill -9", kill),
    ("SIGTERM", terminate),
    ("SHUTDOWN NOSAVE", |server| shut_down(server, "NOSAVE")),
    ("SHUTDOWN SAVE", |server| shut_down(server, "SAVE")),
];

#[test]
fn however_it_ends_data_and_history_go_on_and_replicas_continue() {
    for program in Program::replicas() {
        let mut server = primary(&[]);
        let replica = program.start(&[]);
        replica.replicate(&server);
        let mut written = 0;
        for (name, end) in ENDS {
            fill(&mut server.connect(), written, 30);
            written += 30;
            replica.await_offset_of(&server);
            let (before, data) = (history(&server), digest(&server));
            let run_id = server.connect().info("server", "run_id");
            end(&mut server);
            server.restart_in_place();
            let after = history(&server);
            assert_eq!((&after.replid, after.second), (&before.replid, -1), "{name}");
            // An orderly end may have asked the replicas to acknowledge, which is in the stream.
            let asked = after.offset - before.offset;
            assert!(asked == 0 || (asked < 100 && name != "kill -9"), "{name}: {asked} more bytes");
            assert_eq!(digest(&server), data, "{name}");
            assert_ne!(server.connect().info("server", "run_id"), run_id, "{name}");
            await_online(&server, 1);
            assert_eq!(resyncs(&server), (0, 1), "{name}");
            // The first write after a restart works in another database than the last one before.
            fill(&mut server.connect(), written, 3);
            written += 3;
            assert_in_sync(&server, &[&replica]);
            let output = server.output();
            assert!(
                output.contains("recovered") && output.contains("the replid is kept"),
                "{output}"
            );
        }
    }
}

/// A primary that closes its log, which takes a while.
struct Closing {
    server: Server,
    before: (History, String),
    _injector: Injector,
}

impl Closing {
    fn begin(ask: impl FnOnce(&Server)) -> Self {
        let mut server = primary(&["--appendfsync", "no"]);
        fill(&mut server.connect(), 0, 30);
        let before = (history(&server), digest(&server));
        let injector = Injector::delay(&server, "msync,fdatasync", 700);
        ask(&server);
        server.await_line("making everything durable");
        Self { server, before, _injector: injector }
    }

    fn ends_in_good_order(mut self) {
        assert!(self.server.wait().success(), "{}", self.server.output());
        assert!(self.server.output().contains("everything is durable, bye"));
        self.server.restart();
        let after = (history(&self.server), digest(&self.server));
        assert_eq!((after.0.replid, after.1), (self.before.0.replid, self.before.1));
    }
}

#[test]
fn an_end_that_is_asked_for_again_while_the_log_is_closed_is_one_end() {
    let ways: [fn(&Server); 2] = [
        |server| server.signal(Signal::TERM),
        |server| server.connect().send_command(&["SHUTDOWN", "NOSAVE"]),
    ];
    for ask in ways {
        let mut closing = Closing::begin(ask);
        closing.server.signal(Signal::TERM);
        closing.server.await_line("shutting down");
        closing.server.signal(Signal::INT);
        closing.ends_in_good_order();
    }
}

#[test]
fn an_end_cannot_be_called_off_once_the_log_is_closed() {
    let ask = |server: &Server| server.connect().send_command(&["SHUTDOWN", "NOSAVE", "NOW"]);
    let closing = Closing::begin(ask);
    let called_off = closing.server.connect().try_call(&["SHUTDOWN", "ABORT"]);
    assert!(called_off.is_err(), "the server ends before it would answer: {called_off:?}");
    closing.ends_in_good_order();
}

#[test]
fn whoever_asked_for_the_end_is_told_that_it_was_called_off() {
    let server = primary(&[]);
    let (mut lagging, _) = Follower::attach(&server);
    lagging.acknowledge(0);
    await_online(&server, 1);
    let mut client = server.connect();
    client.run("SET key value");
    let mut asking: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for client in &mut asking {
        client.send_command(&["SHUTDOWN", "NOSAVE"]);
    }
    await_until("the end is under way", || client.run("SHUTDOWN ABORT").text() == "OK");
    for client in &mut asking {
        assert_eq!(client.read().0.text(), "ERR Errors trying to SHUTDOWN. Check logs.");
    }
    assert_eq!(client.run("SET key other").text(), "OK");
}

#[test]
fn where_the_end_cannot_be_recorded_everything_is_durable_all_the_same() {
    let mut server = primary(&[]);
    fill(&mut server.connect(), 0, 30);
    let before = (history(&server), digest(&server));
    let in_the_way = server.directory().join("backlogd.manifest.tmp");
    fs::create_dir(&in_the_way).expect("there is none");
    assert!(server.terminate().success(), "{}", server.output());
    assert!(server.output().contains("the orderly end could not be recorded"));
    fs::remove_dir(&in_the_way).expect("it is empty");
    server.restart();
    assert_eq!((history(&server).replid, digest(&server)), (before.0.replid, before.1));
}

#[test]
fn a_restart_takes_the_newest_snapshot_and_the_log_since() {
    let mut server = primary(&[]);
    let mut client = server.connect();
    fill(&mut client, 0, 20);
    let before_save = client.run("LASTSAVE").integer();
    assert_eq!(client.run("SAVE").text(), "OK");
    assert!(client.run("LASTSAVE").integer() >= before_save);
    fill(&mut client, 20, 20);
    assert_eq!(client.run("BGSAVE").text(), "Background saving started");
    await_until("the snapshot is taken", || number(&mut client, "persistence", "rdb_saves") == 2);
    assert_eq!(client.info("persistence", "rdb_last_bgsave_status"), "ok");
    let at = number(&mut client, "backlog", "backlog_snapshot_offset");
    client.run("SELECT 3");
    client.run("DEL key:7");
    client.run("HSET hash:3 c late");
    client.run("SET only:log 1 KEEPTTL");
    let data = digest(&server);
    let end = history(&server).offset;
    assert!(at > 0 && at < end);
    server.kill();
    server.restart();
    assert_eq!((digest(&server), history(&server).offset), (data, end));
    let output = server.output();
    assert!(output.contains("snapshot loaded") && output.contains("log replayed"), "{output}");
    let check = Command::new("redis-check-rdb")
        .arg(server.directory().join("dump.rdb"))
        .output()
        .unwrap_or_else(|error| panic!("redis-check-rdb: {error}; apt-get install redis-server"));
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

#[test]
fn while_the_data_is_loading_clients_and_replicas_are_told_so() {
    for program in Program::replicas() {
        let boot = Boot::new();
        let mut server = primary(&["--backlog-boot-id-file", &boot.word()]);
        let replica = program.start(&[]);
        replica.replicate(&server);
        fill(&mut server.connect(), 0, 10);
        replica.await_offset_of(&server);
        server.kill();
        let data = digest(&replica);
        boot.hold_back();
        server.restart_loading(&[]);
        let mut client = server.connect();
        let loading = "LOADING Redis is loading the dataset in memory";
        for command in ["PING", "GET key:1", "SET key:1 2", "PSYNC ? -1", "SAVE", "WAIT 0 0"] {
            assert_eq!(client.run(command), Value::Error(loading.to_owned()), "{command}");
        }
        assert_eq!(client.info("persistence", "loading"), "1");
        assert_eq!(client.info("replication", "role"), "master");
        boot.write();
        server.await_ready();
        assert_eq!(server.connect().run("PING").text(), "PONG");
        assert_eq!(client.info("persistence", "loading"), "0");
        assert_eq!(digest(&server), data);
        await_online(&server, 1);
        assert_eq!(resyncs(&server), (0, 1), "being told LOADING costs a replica nothing");
    }
}

#[test]
fn a_server_that_is_loading_ends_when_told_to() {
    let boot = Boot::new();
    let mut server = primary(&["--backlog-boot-id-file", &boot.word()]);
    fill(&mut server.connect(), 0, 10);
    let data = digest(&server);
    server.kill();
    boot.hold_back();
    server.restart_loading(&[]);
    terminate(&mut server);
    boot.put_back();
    server.restart();
    assert_eq!(digest(&server), data);
}

#[test]
fn with_a_durable_feed_a_new_boot_keeps_the_history() {
    for program in Program::replicas() {
        let mut boot = Boot::new();
        let mut server = primary(&["--backlog-boot-id-file", &boot.word(), "--appendfsync", "no"]);
        let replica = program.start(&[]);
        replica.replicate(&server);
        fill(&mut server.connect(), 0, 20);
        replica.await_offset_of(&server);
        let before = history(&server);
        server.kill();
        boot.again();
        server.restart_in_place();
        assert_eq!(history(&server), before);
        await_online(&server, 1);
        assert_eq!(resyncs(&server), (0, 1));
        let output = server.output();
        assert!(output.contains("replicas had been sent durable bytes only"), "{output}");
    }
}

#[test]
fn with_a_sealed_feed_a_new_boot_resyncs_exactly_those_who_were_ahead() {
    for program in Program::replicas() {
        let mut boot = Boot::new();
        let mut server = primary(&[
            "--backlog-boot-id-file",
            &boot.word(),
            "--backlog-feed",
            "sealed",
            "--appendfsync",
            "no",
            "--repl-ping-replica-period",
            "3600",
        ]);
        let (mut behind, ahead) = (program.start(&[]), program.start(&[]));
        behind.replicate(&server);
        ahead.replicate(&server);
        let mut client = server.connect();
        fill(&mut client, 0, 20);
        behind.await_offset_of(&server);
        behind.shut_down();
        sync(&mut client);
        fill(&mut client, 20, 10);
        ahead.await_offset_of(&server);
        let before = history(&server);
        server.kill();

        // A power failure: what was sealed and sent, but not synced, is gone.
        let newest = segments(server.directory()).pop().expect("a segment");
        tear_last_seals(&newest, 20);
        boot.again();
        server.restart_in_place();
        let after = history(&server);
        assert!(after.offset < before.offset, "{after:?}");
        assert_ne!(after.replid, before.replid);
        assert_eq!((&after.replid2, after.second as u64), (&before.replid, after.offset + 1));
        assert!(server.output().contains("the replid is new"), "{}", server.output());

        // Written before anybody is back: other bytes where the lost ones were.
        let mut client = server.connect();
        while history(&server).offset <= before.offset + 500 {
            fill(&mut client, 900, 5);
        }
        behind.restart_as_replica_of(&server);
        await_online(&server, 2);
        assert_eq!(resyncs(&server), (1, 1), "the one ahead starts over, the one behind goes on");
        assert_in_sync(&server, &[&behind, &ahead]);

        let ceiling = after.offset;
        for held in [0, ceiling - 1, ceiling] {
            let resync = Follower::resume(&server, &before.replid, held).1;
            assert!(resync.is_partial(), "at {held}");
        }
        for held in [ceiling + 1, before.offset] {
            Follower::resume(&server, &before.replid, held).1.full();
        }
    }
}

#[test]
fn a_feed_that_was_sealed_for_a_while_is_not_forgotten() {
    let mut boot = Boot::new();
    let mut server = primary(&["--backlog-boot-id-file", &boot.word()]);
    fill(&mut server.connect(), 0, 5);
    let before = history(&server);
    assert_eq!(server.connect().run("CONFIG SET backlog-feed sealed").text(), "OK");
    assert_eq!(server.connect().run("CONFIG SET backlog-feed durable").text(), "OK");
    server.kill();
    boot.again();
    server.restart();
    let after = history(&server);
    assert_ne!(after.replid, before.replid);
    assert_eq!(after.replid2, before.replid);
    // In that run only durable bytes were sent.
    server.kill();
    boot.again();
    server.restart();
    assert_eq!(history(&server).replid, after.replid);
}

#[test]
fn a_kill_while_loading_changes_nothing() {
    let boot = Boot::new();
    let mut server = primary(&["--backlog-boot-id-file", &boot.word()]);
    fill(&mut server.connect(), 0, 10);
    let (before, data) = (history(&server), digest(&server));
    server.kill();
    boot.hold_back();
    server.restart_loading(&[]);
    server.kill();
    boot.put_back();
    server.restart();
    assert_eq!((history(&server), digest(&server)), (before, data));
}

#[test]
fn a_replica_that_slept_through_several_crashes_continues() {
    let mut boot = Boot::new();
    let mut server = primary(&["--backlog-boot-id-file", &boot.word(), "--backlog-feed", "sealed"]);
    let mut known = Vec::new();
    for round in 0..4 {
        fill(&mut server.connect(), round * 5, 5);
        known.push(history(&server));
        server.kill();
        boot.again();
        server.restart();
    }
    fill(&mut server.connect(), 50, 5);
    let now = history(&server);
    let mut replids: Vec<_> = known.iter().map(|past| &past.replid).collect();
    replids.dedup();
    assert_eq!(replids.len(), 4, "each of these crashes begins another history");
    assert_eq!(now.replid2, known[3].replid, "INFO shows the newest two");
    let (_, mut whole) = Follower::resume(&server, &known[0].replid, 0);
    assert!(whole.is_partial());
    let stream = {
        let (mut follower, _) = Follower::resume(&server, &now.replid, 0);
        follower.read(now.offset as usize)
    };
    for past in &known {
        let (mut follower, resync) = Follower::resume(&server, &past.replid, past.offset);
        assert!(resync.is_partial(), "{past:?}");
        whole = resync;
        let rest = follower.read((now.offset - past.offset) as usize);
        assert!(rest == stream[past.offset as usize..], "other bytes after {past:?}");
        Follower::resume(&server, &past.replid, past.offset + 1).1.full();
    }
    assert!(whole.is_partial());
}

/// Copies what is in a directory, as a backup does.
fn copy_all(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(copied.expect("cp is in coreutils").success());
}

#[test]
fn a_backup_put_back_in_place_does_not_carry_on_the_history() {
    for program in Program::replicas() {
        for end in [terminate, Server::kill as fn(&mut Server)] {
            let mut server = primary(&["--repl-ping-replica-period", "3600"]);
            let replica = program.start(&[]);
            replica.replicate(&server);
            fill(&mut server.connect(), 0, 10);
            replica.await_offset_of(&server);
            end(&mut server);
            let (directory, backup) =
                (server.directory().to_owned(), TempDir::new().expect("a place"));
            copy_all(&directory, backup.path());

            server.restart_in_place();
            let before = history(&server);
            await_online(&server, 1);
            fill(&mut server.connect(), 100, 10);
            replica.await_offset_of(&server);
            server.kill();
            for entry in fs::read_dir(&directory).expect("the directory can be read") {
                fs::remove_file(entry.expect("an entry").path()).expect("it can be removed");
            }
            copy_all(backup.path(), &directory);
            // Other bytes of the same length in the place of those the replica has.
            server.restart_in_place();
            fill(&mut server.connect(), 200, 10);
            assert_ne!(history(&server).replid, before.replid);
            await_online(&server, 1);
            fill(&mut server.connect(), 300, 1);
            assert_in_sync(&server, &[&replica]);
            assert_eq!(number(&mut server.connect(), "stats", "sync_full"), 1);
        }
    }
}

#[test]
fn a_copy_of_the_directory_does_not_carry_on_the_history() {
    let mut server = primary(&[]);
    let mut client = server.connect();
    fill(&mut client, 0, 10);
    client.run("SAVE");
    fill(&mut client, 10, 10);
    let (before, data) = (history(&server), digest(&server));
    terminate(&mut server);
    let place = TempDir::new().expect("a temporary directory");
    let copy = place.path().join("copy");
    fs::create_dir(&copy).expect("it can be made");
    copy_all(server.directory(), &copy);

    let mut second = Server::start_in(&copy, &DEBUG);
    let after = history(&second);
    assert_ne!(after.replid, before.replid);
    assert_eq!((&after.replid2, after.second as u64), (&before.replid, before.offset + 1));
    assert_eq!(digest(&second), data);
    assert!(second.output().contains("copied"), "{}", second.output());
    assert!(Follower::resume(&second, &before.replid, before.offset).1.is_partial());
    second.kill();
    let rotated = after.replid;
    let second = Server::start_in(&copy, &DEBUG);
    assert_eq!(history(&second).replid, rotated, "it rotates once");

    server.restart();
    assert_eq!(history(&server).replid, before.replid, "the original goes on");
}

#[test]
fn a_copy_of_a_running_server_vouches_only_for_what_its_manifest_knows_to_be_durable() {
    let server = primary(&[]);
    let mut client = server.connect();
    fill(&mut client, 0, 10);
    client.run("SAVE");
    let at_snapshot = history(&server).offset;
    fill(&mut client, 10, 10);
    let (before, data) = (history(&server), digest(&server));
    let place = TempDir::new().expect("a temporary directory");
    let copy = place.path().join("copy");
    fs::create_dir(&copy).expect("it can be made");
    copy_all(server.directory(), &copy);

    let second = Server::start_in(&copy, &DEBUG);
    assert_eq!(digest(&second), data, "nothing is lost of what was copied");
    let after = history(&second);
    assert_eq!((&after.replid2, after.second as u64), (&before.replid, at_snapshot + 1));
    // The original may lose these bytes and write others in their place; the copy cannot know.
    assert!(!Follower::resume(&second, &before.replid, before.offset).1.is_partial());
    assert!(Follower::resume(&second, &before.replid, at_snapshot).1.is_partial());
}

#[test]
fn keys_whose_time_came_while_it_was_down_are_deleted_in_the_stream() {
    for program in Program::replicas() {
        let mut server = primary(&[]);
        let replica = program.start(&[]);
        replica.replicate(&server);
        let mut client = server.connect();
        client.run("DEBUG SET-ACTIVE-EXPIRE 0");
        client.run("SET stays 1");
        client.run("SAVE");
        client.run("SET in:log 1 PX 1");
        client.run("HSET also v 1");
        client.run("PEXPIRE also 1");
        let end = history(&server).offset;
        replica.await_offset_of(&server);
        server.kill();
        server.restart_in_place();
        let (mut follower, resync) = Follower::resume(&server, &history(&server).replid, end);
        assert!(resync.is_partial());
        let mut deleted = Vec::new();
        while deleted.len() < 2 {
            let command = follower.command();
            if command[0] == "DEL" || command[0] == "UNLINK" {
                deleted.push(command[1].clone());
            }
        }
        deleted.sort();
        assert_eq!(deleted, ["also", "in:log"]);
        await_online(&server, 2);
        assert_in_sync(&server, &[&replica]);
        assert_eq!(resyncs(&server).0, 0);
    }
}

#[test]
fn a_dump_of_a_stock_server_is_imported() {
    for program in Program::replicas() {
        let stock = program.start(&[]);
        let mut client = stock.connect();
        fill(&mut client, 0, 40);
        for index in 0..600 {
            client.call(&["HSET", "large", &format!("field:{index}"), &index.to_string()]);
        }
        client.run("SAVE");
        let data = digest(&stock);
        let place = TempDir::new().expect("a temporary directory");
        fs::copy(stock.directory().join("dump.rdb"), place.path().join("dump.rdb"))
            .expect("a copy");
        let mut server = Server::start_in(place.path(), &DEBUG);
        assert_eq!(digest(&server), data);
        assert!(server.output().contains("importing"), "{}", server.output());
        fill(&mut server.connect(), 40, 5);
        let (before, data) = (history(&server), digest(&server));
        server.kill();
        server.restart();
        assert_eq!((history(&server), digest(&server)), (before, data));
        let replica = program.start(&[]);
        replica.replicate(&server);
        assert_in_sync(&server, &[&replica]);
    }
}

#[test]
fn reloading_keeps_the_data() {
    let server = primary(&[]);
    let mut client = server.connect();
    fill(&mut client, 0, 50);
    let data = digest(&server);
    assert_eq!(client.run("DEBUG LOADAOF").text(), "OK");
    assert_eq!(digest(&server), data);
    assert_eq!(client.run("DEBUG RELOAD").text(), "OK");
    assert_eq!(digest(&server), data);
    fill(&mut client, 20, 50);
    let data = digest(&server);
    assert_eq!(client.run("DEBUG LOADAOF").text(), "OK");
    assert_eq!(digest(&server), data);
}

#[test]
fn a_second_process_on_the_directory_is_refused() {
    let server = primary(&[]);
    let (output, status) = Server::start_refused(server.directory(), &DEBUG);
    assert!(!status.success());
    assert!(output.contains(&server.pid().to_string()), "it names who holds it: {output}");
    assert!(output.contains(server.directory().to_str().expect("UTF-8")), "{output}");
    assert_eq!(server.connect().run("PING").text(), "PONG");
}

#[test]
fn a_transaction_larger_than_a_segment_survives_as_a_whole() {
    for program in Program::replicas() {
        let mut server = primary(&["--backlog-segment-size", "64kb"]);
        let mut client = server.connect();
        client.run("MULTI");
        let value = "v".repeat(50_000);
        for index in 0..20 {
            client.call(&["SET", &format!("part:{index}"), &value]);
        }
        assert_eq!(client.run("EXEC").elements().len(), 20);
        let data = digest(&server);
        let replica = program.start(&[]);
        server.kill();
        server.restart();
        assert_eq!((digest(&server), server.connect().run("DBSIZE").integer()), (data, 20));
        replica.replicate(&server);
        assert_in_sync(&server, &[&replica]);
    }
}
