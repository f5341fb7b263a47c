//! The operator's tools on real directories: of a running server, of one that stopped, of a damaged one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use crate::support::json::Json;
use crate::support::{Client, Endpoint, Server};
use backlogd::net::wire::put_command;

/// Where the stream begins in a segment file.
const STREAM_AT: usize = 4096;
const SMALL: [&str; 4] = ["--backlog-segment-size", "64kb", "--save", ""];

fn tool(arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.arg("log").arg(arguments[0]).arg(directory).args(&arguments[1..]);
    command.output().expect("the tool runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the tools write UTF-8")
}

/// Runs a tool that must find nothing wrong; returns what it printed.
#[track_caller]
fn sound(arguments: &[&str], directory: &Path) -> String {
    let output = tool(arguments, directory);
    let (out, complaints) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {out}{complaints}");
    assert_eq!(complaints, "", "{arguments:?}");
    out
}

/// A dump in JSON, line by line.
#[track_caller]
fn dumped(arguments: &[&str], directory: &Path) -> Vec<Json> {
    let arguments = [&["dump", "--json"], arguments].concat();
    sound(&arguments, directory).lines().map(Json::parse).collect()
}

fn words(command: &Json) -> Vec<Vec<u8>> {
    command.member("args").elements().iter().map(Json::latin_1).collect()
}

/// Every file with its contents and the time of its last change.
fn contents(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let entries = fs::read_dir(directory).expect("the directory can be listed");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let look = |path: PathBuf| {
        let changed = fs::metadata(&path).and_then(|metadata| metadata.modified());
        let bytes = fs::read(&path).expect("the file can be read");
        (path, (bytes, changed.expect("the file has a time")))
    };
    paths.map(look).collect()
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let names = contents(directory).into_keys();
    names.filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect()
}

/// Writes of all kinds, into more than one segment and more than one database.
fn write(client: &mut Client) {
    let every_byte: Vec<u8> = (0..=255).collect();
    client.call(&[b"SET".as_slice(), b"bytes", &every_byte]);
    client.run("SELECT 3");
    for number in 0..200 {
        client.call(&["HSET", "hash", &format!("field{number}"), &"v".repeat(1000)]);
    }
    client.run("SELECT 0");
    // Its segment has room for what comes behind it.
    client.call(&[b"SET".as_slice(), b"huge", &vec![b'x'; 700_000]]);
    for line in ["MULTI", "INCR counter", "SELECT 5", "SET in five", "EXEC", "GET in"] {
        client.run(line);
    }
}

/// Asks for a full resync; returns the offset that the stream which follows begins at.
fn attach(client: &mut Client) -> u64 {
    client.run("REPLCONF listening-port 1");
    client.send_command(&["PSYNC", "?", "-1"]);
    let reply = client.read().0.text();
    let offset = reply.rsplit(' ').next().expect("FULLRESYNC replid offset").parse();
    let mut byte = || client.read_bytes(1).expect("the snapshot comes")[0];
    let first = std::iter::repeat_with(&mut byte).find(|byte| *byte != b'\n');
    assert_eq!(first, Some(b'$'));
    let digits: Vec<u8> =
        std::iter::repeat_with(&mut byte).take_while(|byte| *byte != b'\r').collect();
    let bytes: usize = text(&digits).parse().expect("the length of the snapshot");
    client.read_bytes(1 + bytes).expect("the snapshot is whole");
    offset.unwrap_or_else(|_| panic!("no offset: {reply}"))
}

fn end_of(server: &Server) -> u64 {
    server.connect().info("replication", "master_repl_offset").parse().expect("an offset")
}

#[test]
fn a_dump_of_a_live_directory_is_what_a_replica_receives_byte_for_byte() {
    let server = Server::start(&SMALL);
    server.connect().run("SET before replicas");
    let mut replica = server.connect();
    let from = attach(&mut replica);
    write(&mut server.connect());
    let end = end_of(&server);
    let received = replica.read_bytes((end - from) as usize).expect("the stream comes");

    let (first, last) = (from.to_string(), end.to_string());
    let dump = dumped(&["--from", &first, "--to", &last], server.directory());
    let mut stream = Vec::new();
    for command in &dump {
        assert_eq!(command.member("offset").number(), from + stream.len() as u64);
        put_command(&mut stream, &words(command));
        assert_eq!(command.member("end").number(), from + stream.len() as u64);
        assert!(command.member("time").number() > 1_600_000_000_000);
    }
    assert!(stream == received, "{} bytes dumped, {} received", stream.len(), received.len());

    let database = |word: &[u8]| {
        let command = dump.iter().find(|command| words(command).iter().any(|own| own == word));
        command.unwrap_or_else(|| panic!("no {}", word.escape_ascii())).member("db").clone()
    };
    assert_eq!(database(b"hash"), Json::Number(3));
    assert_eq!(database(b"counter"), Json::Number(0));
    assert_eq!(database(b"five"), Json::Number(5));
}

#[test]
fn a_live_directory_is_sound_while_it_is_written() {
    let server = Server::start(&SMALL);
    let address = server.address();
    let writer = std::thread::spawn(move || {
        let mut client = Client::connect(address);
        for number in 0..3000 {
            client.call(&["SET", "key", &format!("{number}{}", "x".repeat(200))]);
        }
    });
    while !writer.is_finished() {
        let report = sound(&["verify"], server.directory());
        assert!(report.contains("verdict: sound"), "{report}");
        Json::parse(&sound(&["stat", "--json"], server.directory()));
        sound(&["dump", "--count", "10"], server.directory());
    }
    writer.join().unwrap();
    let stat = Json::parse(&sound(&["stat", "--json"], server.directory()));
    assert_eq!(stat.member("end").number(), end_of(&server));
    let last = dumped(&[], server.directory()).pop().expect("commands");
    assert_eq!(last.member("end").number(), end_of(&server));
}

#[test]
fn the_tools_change_nothing_and_tell_of_a_stopped_directory_what_it_holds() {
    let mut server = Server::start(&SMALL);
    let mut client = server.connect();
    write(&mut client);
    client.run("SAVE");
    client.run("SET after snapshot");
    let replid = client.info("replication", "master_replid");
    let end = end_of(&server);
    assert!(server.terminate().success());

    let directory = server.directory();
    let before = contents(directory);
    let report = sound(&["verify"], directory);
    assert!(report.contains("closed in good order"), "{report}");
    assert!(report.contains("dump.rdb: snapshot at offset"), "{report}");
    assert!(report.ends_with(&format!("verdict: sound from 0 to {end}\n")), "{report}");
    let told = sound(&["stat"], directory);
    for line in [format!("end: {end}"), format!("replid: {replid}")] {
        assert!(told.contains(&line), "{line} in {told}");
    }
    let stat = Json::parse(&sound(&["stat", "--json"], directory));
    let manifest = stat.member("manifest");
    assert_eq!(manifest.member("replid").latin_1(), replid.as_bytes());
    assert_eq!(manifest.member("run").member("state").latin_1(), b"clean");
    assert_eq!(manifest.member("run").member("end").number(), end);
    assert_eq!(manifest.member("snapshot").member("file").latin_1(), b"dump.rdb");
    assert!(stat.member("segments").elements().len() > 2);
    let plain = sound(&["dump"], directory);
    assert!(plain.contains(r#" 0 "SET" "bytes" "\x00\x01\x02\x03\x04\x05\x06\a\b\t\n\x0b"#));
    assert!(contents(directory) == before, "a tool changed something");
}

#[test]
fn a_dump_begins_and_ends_where_it_is_asked_to() {
    let mut server = Server::start(&SMALL);
    write(&mut server.connect());
    let end = end_of(&server);
    server.kill();
    let directory = server.directory();
    let all = dumped(&[], directory);
    let offsets: Vec<u64> = all.iter().map(|command| command.member("offset").number()).collect();
    let middle = offsets.len() / 2;
    let (from, to) = (offsets[middle].to_string(), offsets[middle + 3].to_string());
    assert_eq!(dumped(&["--from", &from, "--to", &to], directory), all[middle..middle + 3]);
    assert_eq!(dumped(&["--from", &from, "--count", "2"], directory), all[middle..middle + 2]);
    assert_eq!(dumped(&["--from", &end.to_string()], directory), []);

    let inside = tool(&["dump", "--from", &(offsets[middle] + 1).to_string()], directory);
    let said = text(&inside.stderr);
    assert_eq!((inside.status.code(), inside.stdout.len()), (Some(2), 0), "{said}");
    let boundaries = format!("begin at {} and at {}", offsets[middle], offsets[middle + 1]);
    assert!(said.contains(&boundaries), "{said}");
    let beyond = tool(&["dump", "--from", &(end + 1).to_string()], directory);
    assert_eq!(beyond.status.code(), Some(2));
    assert!(text(&beyond.stderr).contains(&format!("the log ends at {end}")));
}

#[test]
fn a_flipped_byte_is_named_with_file_and_offset_and_the_status_tells() {
    let mut server = Server::start(&SMALL);
    write(&mut server.connect());
    assert!(server.terminate().success());
    let directory = server.directory();
    let stat = Json::parse(&sound(&["stat", "--json"], directory));
    let hit = stat.member("segments").elements()[1].clone();
    let path = directory.join(text(&hit.member("file").latin_1()));
    let mut bytes = fs::read(&path).unwrap();
    bytes[STREAM_AT + 5000] ^= 0x40;
    fs::write(&path, bytes).unwrap();

    let output = tool(&["verify"], directory);
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{report}");
    let damage = report.lines().find(|line| line.starts_with("damage: ")).expect("damage");
    assert!(damage.contains(&path.display().to_string()), "{damage}");
    assert!(damage.ends_with("corrupt below the durable watermark"), "{damage}");
    let number = |before: &str, after: char| -> u64 {
        let rest = damage.split(before).nth(1).expect(before);
        rest.split(after).next().expect(before).parse().expect("a number")
    };
    let (position, offset) = (number(": byte ", ' '), number("(offset ", ')'));
    let base = hit.member("start").number();
    assert_eq!(position - STREAM_AT as u64, offset - base);
    assert!(offset <= base + 5000 && offset + 64 * 1024 > base + 5000);
    assert!(report.contains("verdict: damaged"), "{report}");

    let dump = tool(&["dump", "--json"], directory);
    assert_eq!(dump.status.code(), Some(1));
    let last = text(&dump.stdout).lines().map(Json::parse).next_back().expect("what comes before");
    assert_eq!(last.member("end").number(), offset);
    assert!(text(&dump.stderr).contains(damage), "{}", text(&dump.stderr));
}

#[test]
fn damage_below_the_snapshot_is_damage_that_stops_no_start() {
    let mut server = Server::start(&SMALL);
    write(&mut server.connect());
    server.connect().run("SAVE");
    assert!(server.terminate().success());
    let path = segments(server.directory()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[STREAM_AT + 100] ^= 0x40;
    fs::write(&path, bytes).unwrap();

    let output = tool(&["verify"], server.directory());
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report.contains("corrupt below what a start reads"), "{report}");
    let verdict = report.lines().last().expect("a verdict");
    assert!(verdict.starts_with("verdict: damaged") && verdict.contains("resync in full"));
    assert!(!verdict.contains("would refuse"), "{verdict}");

    let output = tool(&["verify", "--json"], server.directory());
    assert_eq!(output.status.code(), Some(1));
    let report = Json::parse(&text(&output.stdout));
    assert_eq!(report.member("verdict").latin_1(), b"damaged");
    assert_eq!(*report.member("start_refused"), Json::Truth(false));
    let problem = &report.member("problems").elements()[0];
    assert_eq!(problem.member("kind").latin_1(), b"damage");
    assert_eq!(problem.member("byte").number(), STREAM_AT as u64);
    assert_eq!(problem.member("offset").number(), 0);
    server.restart();
    assert_eq!(server.connect().run("GET counter").text(), "1");
}

#[test]
fn verify_tells_programs_what_it_tells_people() {
    let mut server = Server::start(&SMALL);
    write(&mut server.connect());
    server.connect().run("SAVE");
    let end = end_of(&server);
    assert!(server.terminate().success());
    let report = Json::parse(&sound(&["verify", "--json"], server.directory()));
    assert_eq!(report.member("verdict").latin_1(), b"sound");
    assert_eq!(*report.member("start_refused"), Json::Truth(false));
    assert_eq!((report.member("start").number(), report.member("end").number()), (0, end));
    assert_eq!(report.member("problems").elements(), []);
    assert_eq!(report.member("snapshot").member("file").latin_1(), b"dump.rdb");
    let files = report.member("files").elements();
    assert_eq!(files.len(), segments(server.directory()).len());
    assert_eq!(files[0].member("verdict").latin_1(), b"sound");
}

#[test]
fn stat_tells_of_damage_that_it_sees() {
    let mut server = Server::start(&SMALL);
    write(&mut server.connect());
    assert!(server.terminate().success());
    let path = segments(server.directory()).remove(1);
    let whole = fs::read(&path).unwrap();
    for (at, status, told) in [
        (&[5, 2048 + 5][..], 1, "damage: "),
        (&[5], 0, "note: "),
        // It does not sum what another segment continues.
        (&[STREAM_AT + 100], 0, ""),
    ] {
        let mut bytes = whole.clone();
        for at in at {
            bytes[*at] ^= 1;
        }
        fs::write(&path, bytes).unwrap();
        let output = tool(&["stat"], server.directory());
        let report = text(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{at:?}: {report}");
        assert!(report.contains(&format!("{told}{}", path.display())) || told.is_empty());
        let json = Json::parse(&text(&tool(&["stat", "--json"], server.directory()).stdout));
        assert_eq!(json.member("problems").elements().is_empty(), told.is_empty(), "{at:?}");
    }
}

#[test]
fn a_question_that_makes_no_sense_is_no_verdict() {
    for arguments in [
        &["log"][..],
        &["log", "verify"],
        &["log", "burn", "/tmp"],
        &["log", "stat", "/tmp", "--nope"],
        &["log", "dump", "/tmp", "--from", "here"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_backlogd")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("help"), "{arguments:?}");
    }
}

#[test]
fn a_torn_tail_is_told_and_is_no_damage() {
    let arguments = [&SMALL[..], &["--appendfsync", "no"]].concat();
    let mut server = Server::start(&arguments);
    let mut client = server.connect();
    for number in 0..5 {
        client.call(&["SET", "key", &format!("value {number}")]);
    }
    let end = end_of(&server);
    server.kill();
    let directory = server.directory();
    let last = dumped(&[], directory).pop().expect("commands").member("offset").number();
    let path = segments(directory).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[STREAM_AT + end as usize - 4] ^= 1;
    fs::write(&path, bytes).unwrap();
    let report = sound(&["verify"], directory);
    assert!(report.contains(&format!("(offset {last}): torn tail")), "{report}");
    assert!(report.contains(&format!("verdict: sound from 0 to {last}, with a torn tail")));
    let dump = tool(&["dump", "--json"], directory);
    assert_eq!(dump.status.code(), Some(0));
    let printed = text(&dump.stdout).lines().map(Json::parse).next_back().expect("commands");
    assert_eq!(printed.member("end").number(), last);
    assert!(text(&dump.stderr).starts_with("note: "), "{}", text(&dump.stderr));
}

#[test]
fn a_damaged_or_missing_snapshot_and_a_damaged_manifest_are_found() {
    let mut server = Server::start(&SMALL);
    let mut client = server.connect();
    write(&mut client);
    client.run("SAVE");
    assert!(server.terminate().success());
    let directory = server.directory();
    let damaged = |what: &str| {
        let output = tool(&["verify"], directory);
        let report = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{report}");
        let told = report.lines().any(|line| line.starts_with("damage: ") && line.contains(what));
        assert!(told, "{what} in {report}");
    };
    let path = directory.join("dump.rdb");
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&path, &flipped).unwrap();
    damaged("dump.rdb");
    fs::write(&path, &whole[1..]).unwrap();
    damaged("bytes instead of");
    fs::remove_file(&path).unwrap();
    damaged("is missing");
    fs::write(&path, &whole).unwrap();
    sound(&["verify"], directory);
    let path = directory.join("backlogd.manifest");
    let mut bytes = fs::read(&path).unwrap();
    bytes[30] ^= 1;
    fs::write(&path, bytes).unwrap();
    damaged("its checksum is wrong");
    assert_eq!(tool(&["stat"], directory).status.code(), Some(1));
}

#[test]
fn a_lost_segment_is_found() {
    let mut server = Server::start(&SMALL);
    write(&mut server.connect());
    assert!(server.terminate().success());
    fs::remove_file(&segments(server.directory())[1]).unwrap();
    let output = tool(&["verify"], server.directory());
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report.contains("the segment before is missing"), "{report}");
    let dump = tool(&["dump"], server.directory());
    assert_eq!(dump.status.code(), Some(1));
    assert!(text(&dump.stderr).contains("the segment before is missing"));
}

#[test]
fn a_directory_without_a_log_is_an_error_of_its_own() {
    let empty = tempfile::tempdir().unwrap();
    for arguments in
        [&["verify"][..], &["stat"], &["stat", "--json"], &["dump"], &["tail"], &["tail", "-f"]]
    {
        let output = tool(arguments, Path::new("/no/such/directory"));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("/no/such/directory") && output.stdout.is_empty(), "{said}");
        let output = tool(arguments, empty.path());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("holds no log and no manifest"));
    }
    assert!(contents(empty.path()).is_empty());
}

#[test]
fn a_reader_that_leaves_ends_the_dump_quietly() {
    let mut server = Server::start(&SMALL);
    write(&mut server.connect());
    server.kill();
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.args(["log", "dump"]).arg(server.directory());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}
