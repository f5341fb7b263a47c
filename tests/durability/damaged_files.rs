//! Files that are missing or damaged: a refusal that names them, or a torn tail that is cut.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::data::{fill, sync};
use crate::support::follower::Follower;
use crate::support::history::{assert_in_sync, await_online, digest, history, number, resyncs};
use crate::support::segments::{flip, lose_last_seals, segments};
use crate::support::{Boot, Endpoint, Server, Stock, Value, await_until};
use backlogd::position::Offset;
use backlogd::snapshot::Manifest;

const DEBUG: [&str; 4] = ["--enable-debug-command", "yes", "--save", ""];

fn primary(further: &[&str]) -> Server {
    Server::start(&[&DEBUG[..], further].concat())
}

/// A server that has a snapshot and several segments, and was killed.
fn with_snapshot_and_log() -> Server {
    let mut server = primary(&["--backlog-segment-size", "64kb"]);
    let mut client = server.connect();
    fill(&mut client, 0, 100);
    client.run("SAVE");
    fill(&mut client, 100, 400);
    sync(&mut client);
    fill(&mut client, 500, 1);
    sync(&mut client);
    assert!(segments(server.directory()).len() >= 3);
    let written = history(&server).offset;
    await_until("the manifest says that the newest segment is in use", || {
        let manifest = Manifest::load(server.directory()).expect("a sound manifest");
        manifest.expect("there is one").durable_floor >= Offset(written)
    });
    server.kill();
    server
}

fn assert_refused(server: &mut Server, words: &[&str]) {
    let (output, status) = server.restart_refused(&[]);
    assert!(!status.success(), "{output}");
    for word in words {
        assert!(output.contains(word), "{word:?} is not in:\n{output}");
    }
}

fn aside(path: &Path) -> PathBuf {
    path.with_extension("aside")
}

#[test]
fn a_missing_part_is_a_refusal_to_start_and_never_an_empty_server() {
    let mut server = with_snapshot_and_log();
    let directory = server.directory().to_owned();
    let files = segments(&directory);
    let middle = files[files.len() / 2].clone();
    let newest = files[files.len() - 1].clone();
    for (missing, words) in [
        // No file refers to the newest segment, but the manifest knows how far the log went.
        (newest.clone(), ["corrupt", "durable"]),
        (directory.join("dump.rdb"), ["dump.rdb", "missing"]),
        (directory.join("backlogd.manifest"), ["backlogd.manifest", "segments"]),
        (middle.clone(), [file_name(&middle), "missing"]),
    ] {
        fs::rename(&missing, aside(&missing)).expect("it is there");
        assert_refused(&mut server, &words);
        assert_refused(&mut server, &words);
        fs::rename(aside(&missing), &missing).expect("it can be put back");
    }
    let files = segments(&directory);
    for file in &files {
        fs::rename(file, aside(file)).expect("it is there");
    }
    assert_refused(&mut server, &["no log in"]);
    for file in &files {
        fs::rename(aside(file), file).expect("it can be put back");
    }
    server.restart();
    assert_eq!(server.connect().run("GET counter"), Value::Bulk(b"126".to_vec()));
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8")
}

#[test]
fn a_damaged_manifest_or_snapshot_is_named() {
    let mut server = with_snapshot_and_log();
    let before = files(server.directory());
    for name in ["backlogd.manifest", "dump.rdb"] {
        let path = server.directory().join(name);
        let sound = fs::read(&path).expect("it is there");
        let mut damaged = sound.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(&path, &damaged).expect("it can be written");
        assert_refused(&mut server, &[name]);
        fs::write(&path, &sound[..middle]).expect("it can be written");
        assert_refused(&mut server, &[name]);
        fs::write(&path, &sound).expect("it can be written");
    }
    assert_eq!(files(server.directory()), before, "a refusal changes nothing");
    server.restart();
}

/// Lists all files but those that each start makes, with their contents.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(directory).expect("the directory can be read");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let made = ["lock", "address-for-test"];
    paths
        .filter(|path| !made.iter().any(|name| file_name(path).ends_with(name)))
        .map(|path| (path.clone(), fs::read(&path).expect("it can be read")))
        .collect()
}

#[test]
fn a_flipped_bit_in_durable_bytes_is_refused_until_forced() {
    let mut server = primary(&["--repl-ping-replica-period", "3600"]);
    let replica = Stock::start(&[]);
    replica.replicate(&server);
    let mut client = server.connect();
    fill(&mut client, 0, 20);
    sync(&mut client);
    let damaged_at = history(&server).offset;
    fill(&mut client, 20, 20);
    sync(&mut client);
    fill(&mut client, 40, 2);
    sync(&mut client);
    replica.await_offset_of(&server);
    let before = history(&server);
    server.kill();
    let segment = segments(server.directory()).pop().expect("a segment");
    flip(&segment, 0, damaged_at + 200);
    let name = file_name(&segment);
    assert_refused(&mut server, &[name, "corrupt", "offset", "--backlog-force-recovery yes"]);
    assert_refused(&mut server, &[name, "corrupt"]);

    server.restart_in_place_with(&["--backlog-force-recovery", "yes"]);
    let after = history(&server);
    assert_ne!(after.replid, before.replid);
    assert!(after.offset >= damaged_at && after.offset <= damaged_at + 200, "{after:?}");
    assert_eq!((&after.replid2, after.second as u64), (&before.replid, after.offset + 1));
    await_online(&server, 1);
    assert_eq!(resyncs(&server), (1, 0), "the replica was ahead of what is left");
    fill(&mut server.connect(), 60, 3);
    assert_in_sync(&server, &[&replica]);
    assert!(server.output().contains("as forced"), "{}", server.output());
}

#[test]
fn a_torn_tail_is_cut_and_said_so_and_only_once() {
    let mut boot = Boot::new();
    let mut server = primary(&["--appendfsync", "no", "--backlog-boot-id-file", &boot.word()]);
    let mut client = server.connect();
    fill(&mut client, 0, 10);
    let whole = history(&server).offset;
    client.run("SET torn 1");
    client.run("SET lost 1");
    server.kill();
    // A power failure: the page with the seals reached the disk, a page of the stream did not.
    let segment = segments(server.directory()).pop().expect("a segment");
    flip(&segment, 0, whole + 20);
    boot.again();
    server.restart();
    assert!(server.output().contains("torn tail"), "{}", server.output());
    assert_eq!(history(&server).offset, whole);
    assert_eq!(server.connect().run("EXISTS torn lost").integer(), 0);
    let data = digest(&server);
    server.kill();
    server.restart();
    assert!(!server.output().contains("torn tail"), "{}", server.output());
    assert_eq!((history(&server).offset, digest(&server)), (whole, data));
}

#[test]
fn a_tail_whose_seals_are_lost_without_a_trace_is_told_by_what_lies_there() {
    let mut boot = Boot::new();
    let mut server = primary(&["--appendfsync", "no", "--backlog-boot-id-file", &boot.word()]);
    let mut client = server.connect();
    fill(&mut client, 0, 10);
    let whole = history(&server).offset;
    client.run("SET torn 1");
    let bytes = history(&server).offset - whole;
    server.kill();
    lose_last_seals(&segments(server.directory()).pop().expect("a segment"), 1);
    boot.again();
    server.restart();
    let output = server.output();
    let told = output.lines().find(|line| line.contains("no seal covers")).expect("it is told");
    assert!(told.ends_with(&format!("bytes={bytes}")), "{told}");
    assert_eq!(history(&server).offset, whole);
    server.terminate();
    server.restart();
    assert!(!server.output().contains("no seal covers"), "{}", server.output());
    assert_eq!(history(&server).offset, whole);
}

#[test]
fn rot_below_the_snapshot_is_not_sent_and_who_needs_it_resyncs_in_full() {
    let mut server = primary(&["--backlog-segment-size", "64kb"]);
    let mut client = server.connect();
    fill(&mut client, 0, 800);
    client.run("SAVE");
    fill(&mut client, 800, 10);
    drop(client);
    server.terminate();
    // Neither the snapshot nor the restart needs this segment; only a replica that was away does.
    let old = segments(server.directory()).remove(1);
    let half = fs::metadata(&old).expect("it is there").len() / 2;
    flip(&old, 0, half);
    server.restart();
    let replid = history(&server).replid;
    let (mut away, resync) = Follower::resume(&server, &replid, 0);
    assert!(resync.is_partial());
    // What lies before the damage is whole, and is sent.
    let sent = away.read_to_close().len() as u64;
    let told = server.await_line("is damaged behind offset");
    assert!(told.contains(file_name(&old)), "{told}");
    let begin = number(&mut server.connect(), "replication", "repl_backlog_first_byte_offset");
    assert!(sent > half && begin > sent, "{sent} bytes sent, the backlog begins at {begin}");

    let (_again, resync) = Follower::resume(&server, &replid, sent);
    assert!(!resync.is_partial(), "nobody is sent there again");
    let (_above, resync) = Follower::resume(&server, &replid, begin - 1);
    assert!(resync.is_partial());
    await_until("the damaged file is retired", || !old.exists());
}

#[test]
fn rot_that_a_restart_would_meet_is_left_behind_by_a_snapshot() {
    // The log is so long that pages far back may come from the disk again, and are summed again.
    let mut server = primary(&["--backlog-segment-size", "1mb"]);
    let mut client = server.connect();
    let value = "v".repeat(500_000);
    for number in 0..48 {
        client.call(&["SET", &format!("large:{}", number % 4), &value]);
    }
    sync(&mut client);
    let old = segments(server.directory()).remove(1);
    flip(&old, 0, 400_000);
    let (mut away, resync) = Follower::resume(&server, &history(&server).replid, 0);
    assert!(resync.is_partial());
    away.read_to_close();
    server.await_line("is damaged behind offset");
    server.await_line("snapshot saved");
    await_until("the damaged file is retired", || !old.exists());
    let before = (history(&server), digest(&server));
    server.kill();
    server.restart();
    assert_eq!((history(&server), digest(&server)), before);
}

#[test]
fn a_database_that_is_no_longer_configured_is_named_with_its_directive() {
    let mut server = primary(&[]);
    let mut client = server.connect();
    for line in ["SELECT 9", "SET key value", "DEL key"] {
        client.run(line);
    }
    sync(&mut client);
    server.kill();
    let refused = |server: &mut Server| {
        let (output, status) = server.restart_refused(&["--databases", "4"]);
        assert!(!status.success(), "{output}");
        let words = ["the log works in database 9 at offset", "4 are configured", "databases"];
        assert!(words.iter().all(|word| output.contains(word)), "{output}");
    };
    refused(&mut server);
    // The log goes on in the database that was selected where the snapshot was taken.
    server.restart();
    let mut client = server.connect();
    for line in ["SELECT 9", "SET key value", "DEL key", "SAVE", "SET key again"] {
        client.run(line);
    }
    sync(&mut client);
    server.kill();
    refused(&mut server);
}

#[test]
fn a_replica_with_damaged_bytes_sets_them_aside_and_has_its_data_from_the_primary_again() {
    let primary = primary(&[]);
    let mut client = primary.connect();
    fill(&mut client, 0, 300);
    let following = format!("127.0.0.1 {}", primary.address().port());
    let mut replica = Server::start(&[&DEBUG[..], &["--replicaof", &following]].concat());
    await_online(&primary, 1);
    fill(&mut client, 300, 300);
    await_until("the replica has all of it, on disk", || {
        client.run("WAITAOF 1 1 0").elements()[1].integer() == 1
    });
    replica.connect().run("SAVE");
    replica.kill();
    let newest = segments(replica.directory()).pop().expect("there is a segment");
    let manifest = Manifest::load(replica.directory()).expect("a sound manifest");
    let from = manifest.and_then(|manifest| manifest.snapshot).expect("there is one").offset;
    assert!(from > Offset::ZERO);
    fs::remove_file(replica.directory().join("dump.rdb")).expect("it is there");

    replica.restart_in_place();
    await_online(&primary, 1);
    await_until("the data is the same again", || digest(&replica) == digest(&primary));
    let output = replica.output();
    assert!(output.contains("is damaged and was set aside"), "{output}");
    let kept = fs::read_dir(replica.directory()).expect("a directory");
    let kept = kept.filter_map(Result::ok).map(|entry| entry.path());
    let kept = kept.filter(|path| path.is_dir() && file_name(path).starts_with("damaged-"));
    let kept: Vec<_> = kept.collect();
    assert_eq!(kept.len(), 1);
    assert!(
        kept[0].join("backlogd.manifest").exists() && kept[0].join(file_name(&newest)).exists()
    );

    // A primary that has the same damage does not start.
    let (said, status) = Server::start_refused(&kept[0], &DEBUG);
    assert!(!status.success() && said.contains("dump.rdb"), "{said}");
}
