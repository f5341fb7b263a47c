//! What only an old primary has is told when it comes back, and kept to be looked at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::replica_of;
use crate::support::history::{history, number};
use crate::support::json::Json;
use crate::support::member::{await_link, await_same, follow, promote};
use crate::support::{Endpoint, Kind, Member, Server};

fn own(further: &[&str]) -> Server {
    let Member::Own(server) = Kind::Backlogd.start(further) else { unreachable!("it is ours") };
    server
}

/// What was kept, oldest first.
fn kept(server: &Server) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(server.directory().join("discarded")) else { return Vec::new() };
    let mut all: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    all.sort();
    all
}

/// The commands of a log, each as its words.
fn commands(directory: &Path) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_backlogd"))
        .args(["log", "dump", "--json"])
        .arg(directory)
        .output()
        .expect("cargo builds it for the tests");
    let text = String::from_utf8(output.stdout).expect("it is JSON");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let words = |line: &str| -> String {
        let parsed = Json::parse(line);
        let words = parsed.member("args").elements().iter();
        let words: Vec<_> =
            words.map(|word| String::from_utf8_lossy(&word.latin_1()).into_owned()).collect();
        words.join(" ")
    };
    text.lines().map(words).collect()
}

#[test]
fn stray_writes_of_an_old_primary_are_kept_apart_to_the_byte() {
    for kind in Kind::all() {
        let mut old = own(&[]);
        let mut client = old.connect();
        client.run("SET shared 1");
        let new = kind.start(&[]);
        follow(&new, old.address());
        await_link(&new);
        client.run("SET shared 2");
        await_same(&[&old, &new]);
        let shared = history(&old).offset;
        promote(&new);
        client.run("SELECT 2");
        client.run("SET stray 1");
        client.run("MULTI");
        client.run("INCR stray");
        client.run("HSET stray:hash f v");
        client.run("EXEC");
        let end = history(&old).offset;
        new.connect().run("SET own 1");

        follow(&old, new.address());
        await_link(&old);
        await_same(&[&old, &new]);
        assert_eq!(client.run("EXISTS stray").integer(), 0);
        let parted = number(&mut client, "backlog", "backlog_discarded_from");
        assert_eq!(parted, shared, "{kind:?}");
        assert_eq!(number(&mut client, "backlog", "backlog_discarded_bytes"), end - shared);
        old.await_line("backlogd log dump");
        let [kept] = kept(&old).try_into().expect("one");
        let strays =
            ["SELECT 2", "SET stray 1", "MULTI", "INCR stray", "HSET stray:hash f v", "EXEC"];
        assert_eq!(commands(&kept), strays);

        old.kill();
        old.restart_as_replica_at(new.address());
        await_link(&old);
        await_same(&[&old, &new]);
        assert_eq!(commands(&kept), strays, "a restart leaves it");
    }
}

#[test]
fn a_former_primary_that_has_not_run_ahead_continues() {
    for kind in Kind::all() {
        let old = own(&[]);
        let mut client = old.connect();
        client.run("SET shared 1");
        let new = kind.start(&[]);
        follow(&new, old.address());
        await_link(&new);
        client.run("SET shared 2");
        await_same(&[&old, &new]);
        promote(&new);
        new.connect().run("SET own 1");
        follow(&old, new.address());
        await_link(&old);
        await_same(&[&old, &new]);
        assert_eq!(client.info("backlog", "backlog_last_resync_kind"), "partial");
        assert_eq!(number(&mut new.connect(), "stats", "sync_full"), 0);
        assert_eq!(kept(&old), Vec::<PathBuf>::new());
        let name = history(&new).replid;
        assert_eq!(history(&old).replid, name);
    }
}

#[test]
fn no_more_is_kept_than_is_configured() {
    let primary = own(&[]);
    primary.connect().run("SET key 1");
    let server =
        own(&["--backlog-discarded-max-count", "2", "--backlog-discarded-max-size", "400"]);
    let mut client = server.connect();
    for round in 0..4 {
        for index in 0..20 {
            client.run(&format!("SET stray:{round}:{index} 1"));
        }
        follow(&server, primary.address());
        await_same(&[&primary, &server]);
        promote(&server);
    }
    let all = kept(&server);
    assert_eq!(all.len(), 2);
    for (directory, round) in all.iter().zip([2, 3]) {
        let found = commands(directory);
        let strays: Vec<_> = found.iter().filter(|line| line.starts_with("SET stray")).collect();
        // Whole commands alone, as many as there is room for, from the first on.
        assert!(strays.len() > 5 && strays.len() < 12, "{found:?}");
        assert_eq!(*strays[0], format!("SET stray:{round}:0 1"));
    }
    client.run("CONFIG SET backlog-discarded-max-size 0");
    client.run("SET stray 1");
    follow(&server, primary.address());
    await_same(&[&primary, &server]);
    assert_eq!(kept(&server), all, "nothing is kept, and nothing of before is lost");
    let second = replica_of(&server, &[]);
    await_same(&[&primary, &server, &second]);
}
