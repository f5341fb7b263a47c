//! Keyspace events of the same random batches: each server tells the same ones, in the same order, with
//! each command; and replicas tell of what they apply.
//!
//! Where a command touches several keys, stock goes through them in the order of its words. `RANDOMKEY` and
//! `SCAN` are left out, which find keys that have expired in the order of a hash table, as is the clock, by
//! whose look at keys none expires here.

use crate::compare::{Mismatch, shortest};
use crate::generate::Command;
use crate::support::member::{await_link, follow};
use crate::support::{Client, Endpoint, Kind, Member, Program, Stock};
use crate::{Grammar, Subject, batch, generate, seeds};

/// Of the batches of an ordinary run, one of so many is run for all classes of events at once.
const SHARE: usize = 10;
/// And one of so many for each class alone.
const SHARE_OF_ONE: usize = 150;

/// The channel of what tells that all events before it have come.
const MARK: &str = "__keymark__:";

/// A server's client that runs commands, and one that listens.
struct Ear {
    client: Client,
    listener: Client,
}

impl Ear {
    fn of(server: &dyn Endpoint) -> Self {
        let (client, mut listener) = (server.connect(), server.connect());
        assert!(!listener.run("PSUBSCRIBE __key*__:*").is_error());
        Self { client, listener }
    }

    /// What was told since the last time, up to the mark that `marker` publishes.
    fn heard(&mut self, marker: &mut Client) -> Vec<u8> {
        marker.call(&["PUBLISH", MARK, "x"]);
        self.heard_to_mark()
    }

    fn heard_to_mark(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        loop {
            let (value, bytes) = self.listener.read();
            if value.elements()[2].text() == MARK {
                return heard;
            }
            heard.extend(bytes);
        }
    }
}

/// Publishes events of these classes, and leaves keys that have expired to whoever finds them.
fn prepare(server: &dyn Endpoint, classes: &str) {
    let mut client = server.connect();
    let published = client.call(&["CONFIG", "SET", "notify-keyspace-events", classes]);
    assert!(!published.is_error(), "{published:?}");
    assert!(!client.run("DEBUG SET-ACTIVE-EXPIRE 0").is_error());
}

/// Tells whether a command finds keys in an order of the server's own.
fn finds_by_chance(command: &Command) -> bool {
    [&b"RANDOMKEY"[..], b"SCAN"].iter().any(|name| command[0].eq_ignore_ascii_case(name))
}

/// Tells whether a command may make a consumer on the way, of which 7.2 tells and 7.0 does not.
fn makes_consumers(command: &Command) -> bool {
    let names = [&b"XREADGROUP"[..], b"XCLAIM", b"XAUTOCLAIM"];
    names.iter().any(|name| command[0].eq_ignore_ascii_case(name))
}

/// Runs a batch on both from empty data sets, and compares what is told with each command.
fn run(servers: [&dyn Endpoint; 2], commands: &[Command]) -> Result<(), Mismatch> {
    let mut ears = servers.map(Ear::of);
    let mut markers = servers.map(Endpoint::connect);
    for ear in &mut ears {
        ear.client.run("FLUSHALL");
    }
    for (index, command) in commands.iter().enumerate() {
        for ear in &mut ears {
            ear.client.send_command(command);
        }
        let mut heard = Vec::new();
        for (ear, marker) in ears.iter_mut().zip(&mut markers) {
            ear.client.read();
            heard.push(ear.heard(marker));
        }
        if heard[0] != heard[1] {
            let [ours, stock] = heard.try_into().expect("two were heard");
            return Err(Mismatch { index, ours, stock });
        }
    }
    Ok(())
}

/// Compares what is told of batches while these classes are published.
fn compare(servers: (&Subject, &Stock), classes: &str, share: usize) {
    let grammar = Grammar::known_to(servers.1);
    let is_older_than_7_2 = servers.1.version() < (7, 2);
    let servers: [&dyn Endpoint; 2] = [servers.0, servers.1];
    for server in servers {
        prepare(server, classes);
    }
    for seed in seeds().into_iter().step_by(share) {
        let mut commands = batch(4_000_000 + seed, &grammar);
        commands.retain(|command| !finds_by_chance(command));
        commands.retain(|command| !(is_older_than_7_2 && makes_consumers(command)));
        if let Err(first) = run(servers, &commands) {
            let (shortest, last) = shortest(&commands, first, |shorter| run(servers, shorter));
            let lines: Vec<_> = shortest.iter().map(|command| generate::shown(command)).collect();
            let (ours, stock) = (last.ours.escape_ascii(), last.stock.escape_ascii());
            let lines = lines.join("\n");
            panic!(
                "{classes}: events differ, seed {seed}:\n{lines}\nours:  {ours}\nstock: {stock}"
            );
        }
    }
}

#[test]
fn events_are_those_of_stock_in_its_order() {
    let (subject, oracle) = (Subject::start(), Stock::oracle(&[]));
    for classes in ["KEA", "KEAmn"] {
        compare((&subject, &oracle), classes, SHARE);
    }
}

#[test]
fn each_class_of_events_is_published_alone() {
    let (subject, oracle) = (Subject::start(), Stock::oracle(&[]));
    for class in "g$lshzxdmn".chars() {
        compare((&subject, &oracle), &format!("K{class}"), SHARE_OF_ONE);
        compare((&subject, &oracle), &format!("E{class}"), SHARE_OF_ONE);
    }
    compare((&subject, &oracle), "KE", SHARE_OF_ONE);
    compare((&subject, &oracle), "A", SHARE_OF_ONE);
}

/// Has two replicas follow one primary, and compares what they tell of its batches.
fn compare_replicas(program: &Program) {
    let primary = Kind::Backlogd.start(&[]);
    let replicas = [Kind::Backlogd, Kind::Stock(program.clone())].map(|kind| kind.start(&[]));
    prepare(&primary, "");
    for replica in &replicas {
        follow(replica, primary.address());
        await_link(replica);
        prepare(replica, "KEAn");
    }
    let mut ears = replicas.each_ref().map(|replica: &Member| Ear::of(replica));
    let Member::Stock(stock) = &replicas[1] else { unreachable!("it was started as one") };
    let grammar = Grammar::known_to(stock).with_chance();
    for seed in seeds().into_iter().step_by(SHARE) {
        let mut commands = batch(5_000_000 + seed, &grammar);
        commands.retain(|command| !finds_by_chance(command));
        let mut client = primary.connect();
        client.run("FLUSHALL");
        for command in &commands {
            client.send_command(command);
            client.read();
        }
        primary.connect().call(&["PUBLISH", MARK, "x"]);
        let [ours, theirs] =
            ears.each_mut().map(|ear| ear.heard_to_mark().escape_ascii().to_string());
        let at = ours.bytes().zip(theirs.bytes()).take_while(|(a, b)| a == b).count();
        let near = |text: &str| text[at.saturating_sub(200)..(at + 200).min(text.len())].to_owned();
        assert!(ours == theirs, "seed {seed}\nours:  {}\nstock: {}", near(&ours), near(&theirs));
    }
}

#[test]
fn a_replica_tells_of_what_it_applies() {
    Program::replicas().iter().for_each(compare_replicas);
}
