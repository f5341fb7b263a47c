//! Power failures on a real file system: what was promised is there, and no replica silently differs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::mpsc::channel;

use crate::support::data::{fill, sync};
use crate::support::history::{assert_in_sync, await_online, digest, history, number, resyncs};
use crate::support::load::{self, Journal, Load, Promise};
use crate::support::random::Random;
use crate::support::{Boot, Client, Disk, Endpoint, Server, Stock, await_until};

/// A server on a disk and a boot of its own.
struct Machine {
    // In this order, as nobody may use the disk when it is unmounted.
    server: Server,
    boot: Boot,
    disk: Disk,
}

impl Machine {
    /// Starts it; `None` where this cannot be and need not be.
    fn start(further: &[&str]) -> Option<Self> {
        let disk = Disk::make()?;
        let boot = Boot::new();
        let boot_file = boot.word();
        let common = [
            "--backlog-boot-id-file",
            &boot_file,
            "--backlog-min-free-disk",
            "0",
            "--backlog-segment-size",
            "256kb",
            // Nothing but what a test does moves the offset.
            "--repl-ping-replica-period",
            "3600",
            "--save",
            "",
            "--enable-debug-command",
            "yes",
        ];
        let server = Server::start_in(&disk.directory(), &[&common[..], further].concat());
        Some(Self { server, boot, disk })
    }

    /// Cuts the power of the disk, and of all the rest a moment later.
    fn lose_power(&mut self) {
        self.disk.cut_power();
        self.server.kill();
    }

    /// Is powered and booted again, and has not started the server yet.
    fn restore_power(&mut self) {
        self.disk.restore_power();
        self.boot.again();
    }

    fn come_back(&mut self) {
        self.restore_power();
        self.server.restart_in_place();
    }

    /// The offset at which the log ended when the server had recovered it.
    fn recovered_end(&mut self) -> u64 {
        let output = self.server.output();
        let line = output.lines().find(|line| line.contains(" recovered directory="));
        let mut words = line.unwrap_or_else(|| panic!("no report:\n{output}")).split(' ');
        let end = words.find_map(|word| word.strip_prefix("end=")).expect("where it ended");
        end.parse().expect("an offset")
    }
}

/// Waits until a replica has noticed that its primary is gone; returns up to where it got.
fn held_by(replica: &Stock) -> u64 {
    let mut client = replica.connect();
    await_until("the replica's link is down", || {
        client.info("replication", "master_link_status") == "down"
    });
    number(&mut client, "replication", "slave_repl_offset")
}

/// A machine with a replica elsewhere, under load, that lives through one failure after another.
struct Ordeal {
    machine: Machine,
    replica: Stock,
    journals: Vec<Journal>,
    random: Random,
}

impl Ordeal {
    fn begin(seed: u64, promise: Promise, arguments: &[&str]) -> Option<Self> {
        let machine = Machine::start(arguments)?;
        let replica = Stock::start(&[]);
        replica.replicate(&machine.server);
        await_online(&machine.server, 1);
        let journals = load::journals(promise);
        Some(Self { machine, replica, journals, random: Random::new(seed) })
    }

    /// Writes, loses power in the midst of it, `meanwhile` perhaps once more, and looks at everything.
    fn round(&mut self, name: &str, meanwhile: impl FnOnce(&mut Machine)) {
        let replid = history(&self.machine.server).replid;
        let goal = 1 + self.random.below(1500) as u64;
        let (moment, reached) = channel();
        let (address, seed) = (self.machine.server.address(), self.random.bits());
        let load = Load::start(address, &self.journals, goal, &moment, seed);
        drop(moment);
        reached.recv().unwrap_or_else(|_| panic!("{name}: the load ended by itself"));
        self.machine.lose_power();
        self.journals = load.join();
        meanwhile(&mut self.machine);

        let held = held_by(&self.replica);
        self.machine.come_back();
        let server = &self.machine.server;
        assert_eq!(history(server).replid, replid, "{name}");
        load::check(&mut self.journals, &mut server.connect());
        await_online(server, 1);
        assert_eq!(resyncs(server), (0, 1), "{name}: full and partial resyncs");
        load::await_faded(&mut server.connect());
        assert_in_sync(server, &[&self.replica]);
        let end = self.machine.recovered_end();
        assert!(held <= end, "{name}: the replica held {held} bytes, and {end} were recovered");
    }
}

#[test]
fn under_appendfsync_always_no_power_failure_costs_what_was_replied_to() {
    let always = ["--appendfsync", "always"];
    let Some(mut ordeal) = Ordeal::begin(11, Promise::Reply, &always) else { return };
    for round in 0..8 {
        ordeal.round(&format!("round {round}"), |_| {});
    }
}

#[test]
fn under_appendfsync_everysec_no_power_failure_costs_what_waitaof_confirmed() {
    let everysec = ["--appendfsync", "everysec"];
    let Some(mut ordeal) = Ordeal::begin(12, Promise::Waitaof, &everysec) else { return };
    for round in 0..8 {
        ordeal.round(&format!("round {round}"), |_| {});
    }
}

/// What a machine does until its power fails.
type Course = fn(&mut Machine);

/// Recovery finds that there is no disk, and gives up.
fn fail_before_recovery(machine: &mut Machine) {
    machine.restore_power();
    machine.boot.hold_back();
    machine.server.restart_loading(&[]);
    let reader = machine.boot.await_reader();
    machine.disk.cut_power();
    machine.boot.tell(reader);
    await_until("it ends, for want of a disk", || !machine.server.is_running());
    assert!(!machine.server.wait().success());
    machine.boot.put_back();
}

fn fail_during_recovery(machine: &mut Machine) {
    machine.restore_power();
    machine.boot.hold_back();
    machine.server.restart_loading(&[]);
    machine.boot.tell(machine.boot.await_reader());
    machine.lose_power();
    machine.boot.put_back();
}

fn fail_after_recovery(machine: &mut Machine) {
    machine.restore_power();
    machine.server.restart_loading(&[]);
    machine.server.await_line("recovered");
    machine.lose_power();
}

fn fail_with_new_writes(machine: &mut Machine) {
    machine.come_back();
    let mut client = machine.server.connect();
    for _ in 0..50 {
        client.run("INCR relapses");
    }
    machine.lose_power();
}

#[test]
fn power_that_fails_again_while_the_server_recovers_costs_nothing_more() {
    let relapses: [(&str, Course); 4] = [
        ("before recovery", fail_before_recovery),
        ("during recovery", fail_during_recovery),
        ("after recovery", fail_after_recovery),
        ("with new writes", fail_with_new_writes),
    ];
    let Some(mut ordeal) = Ordeal::begin(13, Promise::Waitaof, &[]) else { return };
    for (name, relapse) in [relapses, relapses].concat() {
        ordeal.round(name, relapse);
    }
    ordeal.round("one after the other", |machine| {
        for (_, relapse) in relapses {
            relapse(machine);
        }
    });
}

#[test]
fn a_sealed_feed_resyncs_in_full_exactly_those_who_were_ahead_of_the_disk() {
    let sealed = ["--backlog-feed", "sealed", "--appendfsync", "no"];
    let Some(mut machine) = Machine::start(&sealed) else { return };
    let (mut behind, ahead) = (Stock::start(&[]), Stock::start(&[]));
    behind.replicate(&machine.server);
    ahead.replicate(&machine.server);
    let mut lossy_rounds = 0;
    // The long one goes over several segments, of which those that are full reach the disk.
    for (round, unsynced) in [1, 40, 2000, 5].into_iter().enumerate() {
        let mut client = machine.server.connect();
        fill(&mut client, 0, 20);
        behind.await_offset_of(&machine.server);
        behind.shut_down();
        sync(&mut client);
        let durable = history(&machine.server).offset;
        fill(&mut client, 20, unsynced);
        ahead.await_offset_of(&machine.server);
        let before = history(&machine.server);
        machine.lose_power();
        assert_eq!(held_by(&ahead), before.offset);

        machine.come_back();
        let (after, end) = (history(&machine.server), machine.recovered_end());
        assert!((durable..=before.offset).contains(&end), "{round}: {durable} {end} {before:?}");
        assert_ne!(after.replid, before.replid, "{round}");
        assert_eq!((&after.replid2, after.second as u64), (&before.replid, end + 1), "{round}");
        // Other bytes in the place of those that were lost.
        let mut client = machine.server.connect();
        while history(&machine.server).offset <= before.offset {
            fill(&mut client, 5000, 50);
        }
        behind.restart_as_replica_of(&machine.server);
        await_online(&machine.server, 2);
        let is_lossy = end < before.offset;
        lossy_rounds += usize::from(is_lossy);
        let expected = if is_lossy { (1, 1) } else { (0, 2) };
        assert_eq!(resyncs(&machine.server), expected, "{round}: full and partial resyncs");
        assert_in_sync(&machine.server, &[&behind, &ahead]);
    }
    // The system writes back when it likes, but it does not like to do so at once.
    assert!(lossy_rounds >= 2, "in {lossy_rounds} rounds only was anything lost");
}

/// A moment at which the power fails while a snapshot is taken, or soon after.
struct Moment {
    name: &'static str,
    reach: Course,
    outcome: Outcome,
}

/// Which snapshot the server may start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The one that was taken, as it was there for all to see.
    New,
    /// That one, or the one before.
    Either,
}

const MOMENTS: [Moment; 5] = [
    Moment { name: "begun", reach: begin_snapshot, outcome: Outcome::Either },
    Moment { name: "being written", reach: see_it_written, outcome: Outcome::Either },
    Moment { name: "under its name", reach: see_it_named, outcome: Outcome::New },
    Moment { name: "saved", reach: save, outcome: Outcome::New },
    Moment { name: "log let go of", reach: see_the_log_go, outcome: Outcome::New },
];

fn begin_snapshot(machine: &mut Machine) {
    let reply = machine.server.connect().run("BGSAVE");
    assert_eq!(reply.text(), "Background saving started");
}

fn see_it_written(machine: &mut Machine) {
    begin_snapshot(machine);
    let mut client = machine.server.connect();
    await_until("the snapshot is being written", || {
        // On a fast disk it may be whole before anybody looks.
        let is_over = client.info("persistence", "rdb_bgsave_in_progress") == "0";
        is_over || staged_snapshots(&machine.disk.directory()) > 0
    });
}

fn see_it_named(machine: &mut Machine) {
    let path = machine.disk.directory().join("dump.rdb");
    let inode = || fs::metadata(&path).ok().map(|file| file.ino());
    let before = inode();
    begin_snapshot(machine);
    await_until("the snapshot has its name", || inode() != before);
}

fn save(machine: &mut Machine) {
    assert_eq!(machine.server.connect().run("SAVE").text(), "OK");
}

fn see_the_log_go(machine: &mut Machine) {
    let mut client = machine.server.connect();
    let first = number(&mut client, "backlog", "backlog_start_offset");
    save(machine);
    await_until("the log before the snapshot is let go of", || {
        number(&mut client, "backlog", "backlog_start_offset") > first
    });
}

/// How many snapshots there are that do not have their name yet.
fn staged_snapshots(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).expect("the directory can be read").flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".rdb.tmp")).count()
}

/// Writes some MiB, so that a snapshot takes a while and the log has segments to let go of.
fn write_much(client: &mut Client, round: usize) {
    for index in 0..200 {
        let value = format!("{round}:{index}:").repeat(8000);
        assert_eq!(client.call(&["SET", &format!("large:{index}"), &value]).text(), "OK");
    }
}

#[test]
fn whenever_power_fails_around_a_snapshot_the_server_starts_from_one_that_is_whole() {
    let arguments =
        ["--appendfsync", "always", "--repl-backlog-size", "16kb", "--rdbcompression", "no"];
    let Some(mut machine) = Machine::start(&arguments) else { return };
    let replica = Stock::start(&[]);
    replica.replicate(&machine.server);
    let snapshot =
        |server: &Server| number(&mut server.connect(), "backlog", "backlog_snapshot_offset");
    for (round, Moment { name, reach, outcome }) in MOMENTS.into_iter().enumerate() {
        write_much(&mut machine.server.connect(), round);
        replica.await_offset_of(&machine.server);
        let (before, data) = (history(&machine.server), digest(&machine.server));
        let old = snapshot(&machine.server);
        reach(&mut machine);
        machine.lose_power();
        machine.come_back();
        assert_eq!((history(&machine.server), digest(&machine.server)), (before.clone(), data));
        let started_from = snapshot(&machine.server);
        let is_old = started_from == old && outcome == Outcome::Either;
        assert!(is_old || started_from == before.offset, "{name}: {old}, then {started_from}");
        let told = format!("offset={started_from}");
        let output = machine.server.output();
        let loaded = output.lines().find(|line| line.contains("snapshot loaded"));
        assert!(loaded.is_some_and(|line| line.ends_with(&told)), "{name}: {output}");
        assert_eq!(staged_snapshots(&machine.disk.directory()), 0, "{name}: half a snapshot stays");
        await_online(&machine.server, 1);
        assert_eq!(resyncs(&machine.server), (0, 1), "{name}: full and partial resyncs");
        assert_in_sync(&machine.server, &[&replica]);
    }
}

/// Makes the directory one that nobody has served, with a file of a stock server of old in it.
fn empty_but_for_a_dump(directory: &Path) {
    for entry in fs::read_dir(directory).expect("the directory can be read").flatten() {
        fs::remove_file(entry.path()).expect("there are files alone");
    }
    let path = directory.join("dump.rdb");
    fs::write(&path, b"REDIS0003\xfe\x00\x00\x08imported\x05value\xff").expect("it can be written");
    for path in [&path, directory] {
        fs::File::open(path).and_then(|file| file.sync_all()).expect("the disk works");
    }
}

#[test]
fn whenever_power_fails_during_an_import_the_next_start_has_the_data() {
    let Some(mut machine) = Machine::start(&[]) else { return };
    for moment in ["listening", "importing", " recovered directory=", "Ready to accept"] {
        // Twice, as each kind of mount has its turn.
        for _ in 0..2 {
            machine.server.kill();
            empty_but_for_a_dump(&machine.disk.directory());
            machine.server.restart_loading(&[]);
            if !machine.server.output().contains(moment) {
                machine.server.await_line(moment);
            }
            machine.lose_power();
            machine.come_back();
            let value = machine.server.connect().run("GET imported");
            assert_eq!(value.text(), "value", "{moment}: {}", machine.server.output());
        }
    }
}
