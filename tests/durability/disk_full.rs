//! A full disk is an error and no end: writes are refused, all else goes on, and nothing is lost.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::support::history::{assert_in_sync, await_online, digest, history, resyncs};
use crate::support::mount::Mount;
use crate::support::{Client, Endpoint, Server, Stock, Value, await_until};
use tempfile::TempDir;

/// A small file system of its own, unmounted when dropped.
struct SmallDisk {
    // In this order, as what is mounted goes before the directory it is mounted on.
    mount: Mount,
    _place: TempDir,
}

impl SmallDisk {
    /// Mounts a tmpfs of so many MiB; `None` where this cannot be and need not be.
    fn mount(mebibytes: usize) -> Option<Self> {
        let place = TempDir::new().expect("a temporary directory can be made");
        let mount = Mount::tmpfs(place.path(), mebibytes)?;
        Some(Self { mount, _place: place })
    }

    fn path(&self) -> &Path {
        self.mount.point()
    }

    /// Takes so many MiB away.
    fn load_ballast(&self, name: &str, mebibytes: usize) {
        let ballast = vec![1; mebibytes << 20];
        fs::write(self.path().join(name), ballast).expect("there is room for it");
    }

    /// Takes all room away that is left.
    fn fill(&self, name: &str) {
        let mut file = fs::File::create(self.path().join(name)).expect("it can be made");
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    fn drop_ballast(&self, name: &str) {
        fs::remove_file(self.path().join(name)).expect("it is there");
    }
}

/// Writes numbered keys until one is refused; returns how many were acknowledged.
fn write_until_refused(client: &mut Client, from: usize) -> (usize, String) {
    let value = "v".repeat(8 * 1024);
    for number in from.. {
        match client.call(&["SET", &format!("key:{}", number % 50), &format!("{number}:{value}")]) {
            Value::Error(refusal) => return (number, refusal),
            reply => assert_eq!(reply.text(), "OK"),
        }
    }
    unreachable!("the disk is small")
}

/// Asserts that every write acknowledged is there, and none that was refused.
fn assert_all_there(client: &mut Client, count: usize) {
    for number in count.saturating_sub(50)..count {
        let value = client.call(&["GET", &format!("key:{}", number % 50)]).text();
        assert!(value.starts_with(&format!("{number}:")), "{number} is not there");
    }
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount(24) else { return };
    disk.load_ballast("much", 8);
    disk.load_ballast("little", 3);
    let data = disk.path().join("data");
    fs::create_dir(&data).expect("it can be made");
    let arguments = [
        "--backlog-segment-size",
        "1mb",
        "--backlog-min-free-disk",
        "0",
        "--save",
        "",
        "--enable-debug-command",
        "yes",
    ];
    let mut server = Server::start_in(&data, &arguments);
    let replica = Stock::start(&[]);
    replica.replicate(&server);
    let mut client = server.connect();

    let (count, refusal) = write_until_refused(&mut client, 0);
    assert!(refusal.starts_with("MISCONF "), "{refusal}");
    assert!(count > 100, "only {count} writes went in");
    assert_all_there(&mut client, count);
    client.run("MULTI");
    client.run("SET in:transaction 1");
    let refused = client.run("EXEC");
    assert!(refused.is_error(), "{refused:?}");
    assert_eq!(client.run("EXISTS in:transaction").integer(), 0, "refused before it ran");
    assert_eq!(client.run("PING").text(), "PONG");
    assert_in_sync(&server, &[&replica]);
    assert_eq!(client.info("backlog", "backlog_admits_writes"), "0");

    // A replica that comes back while the disk is full continues from the log.
    assert_eq!(client.run("CLIENT KILL TYPE replica").integer(), 1);
    await_until("the replica has come back", || resyncs(&server) == (1, 1));
    await_online(&server, 1);

    disk.drop_ballast("much");
    await_until("there is room again", || client.info("backlog", "backlog_admits_writes") == "1");
    let (more, refusal) = write_until_refused(&mut client, count);
    assert!(more > count + 50, "{count} then {more}: {refusal}");
    assert_in_sync(&server, &[&replica]);
    let (before, held) = (history(&server), digest(&server));

    // It dies on a full disk, says so at the next start, and is back once there is room.
    server.kill();
    disk.fill("rest");
    let (output, status) = server.restart_refused(&[]);
    assert!(!status.success() && output.contains("No space left on device"), "{output}");
    disk.drop_ballast("little");
    server.restart_in_place();
    assert_eq!((history(&server), digest(&server)), (before, held));
    assert_all_there(&mut server.connect(), more);
    await_online(&server, 1);
    assert_eq!(resyncs(&server), (0, 1));
}

#[test]
fn a_full_disk_refuses_writes_of_any_size_and_the_server_stays() {
    let Some(disk) = SmallDisk::mount(16) else { return };
    // Larger than what is kept free in a segment, and than a segment.
    for (number, (segment, bytes)) in
        [("64kb", 10_000), ("64kb", 300_000), ("1mb", 600_000)].into_iter().enumerate()
    {
        let data = disk.path().join(number.to_string());
        fs::create_dir(&data).expect("it can be made");
        let options = ["--backlog-min-free-disk", "0", "--save", "", "--backlog-segment-size"];
        let mut server = Server::start_in(&data, &[&options[..], &[segment]].concat());
        let mut client = server.connect();
        let value = "v".repeat(bytes);
        let refusal = loop {
            match client.call(&["SET", "key", &value]) {
                Value::Error(refusal) => break refusal,
                reply => assert_eq!(reply.text(), "OK"),
            }
        };
        assert!(refusal.starts_with("MISCONF "), "{refusal}");
        assert_eq!(client.run("STRLEN key").integer(), bytes as i64);
        server.kill();
        fs::remove_dir_all(&data).expect("it can be removed");
    }
}

#[test]
fn letting_go_of_old_segments_makes_room() {
    let Some(disk) = SmallDisk::mount(16) else { return };
    let data = disk.path().join("data");
    fs::create_dir(&data).expect("it can be made");
    let arguments = [
        "--backlog-segment-size",
        "1mb",
        "--backlog-min-free-disk",
        "0",
        "--repl-backlog-size",
        "1mb",
        "--save",
        "",
    ];
    let server = Server::start_in(&data, &arguments);
    let mut client = server.connect();
    let (count, refusal) = write_until_refused(&mut client, 0);
    assert!(refusal.starts_with("MISCONF "), "{refusal}");
    // The data are small; with a snapshot of them the log before it is not needed.
    assert_eq!(client.run("SAVE").text(), "OK");
    await_until("writes go on", || !client.call(&["SET", "probe", "1"]).is_error());
    assert_all_there(&mut client, count);
}

#[test]
fn a_disk_below_its_reserve_refuses_writes_and_reads_go_on() {
    let data = TempDir::new().expect("a temporary directory can be made");
    let server = Server::start_in(data.path(), &["--backlog-min-free-disk", "0"]);
    let mut client = server.connect();
    assert_eq!(client.run("SET before 1").text(), "OK");
    // No disk has so much room.
    assert_eq!(client.run("CONFIG SET backlog-min-free-disk 8000000gb").text(), "OK");
    await_until("writes are refused", || client.run("SET during 1").is_error());
    assert!(client.run("SET during 1").text().starts_with("MISCONF "));
    assert!(client.run("PUBLISH channel message").text().starts_with("MISCONF "));
    assert_eq!(client.run("GET before").text(), "1");
    assert_eq!(client.run("CONFIG SET backlog-min-free-disk 0").text(), "OK");
    await_until("writes go on", || !client.run("SET after 1").is_error());
}

#[test]
fn room_is_made_before_a_write_must_be_refused() {
    // More than what is written to memory before the server first looks, in a tenth of a second.
    let Some(disk) = SmallDisk::mount(400) else { return };
    let data = disk.path().join("data");
    fs::create_dir(&data).expect("it can be made");
    // Replicas that are away would be kept more than the disk has, and a restart the whole log, as
    // there is no snapshot; nor is one due for anything but the disk.
    let arguments = [
        "--backlog-segment-size",
        "4mb",
        "--backlog-min-free-disk",
        "16mb",
        "--repl-backlog-size",
        "1gb",
        "--backlog-snapshot-ratio",
        "1000000",
        "--save",
        "",
        "--enable-debug-command",
        "yes",
    ];
    let mut server = Server::start_in(&data, &arguments);
    let mut client = server.connect();
    for number in 0..12_000 {
        let value = format!("{number:09};").repeat(10_000);
        let reply = client.call(&["SET", &format!("key:{}", number % 5), &value]);
        assert_eq!(reply.text(), "OK", "write {number}");
    }
    server.await_line("taking a snapshot to let go of the log");
    let before = digest(&server);
    server.kill();
    server.restart();
    assert_eq!(digest(&server), before);
}
