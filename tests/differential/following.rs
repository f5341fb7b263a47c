//! The same random batches where others follow: all of them hold the same data, whoever leads.

use crate::generate::Command;
use crate::support::member::{await_link, await_same, follow};
use crate::support::random::Random;
use crate::support::{Client, Endpoint, Kind, Member, Program, Value};
use crate::{Grammar, batch, seeds};

/// Of the batches of an ordinary run, one of so many is run where others follow.
const SHARE: usize = 4;
/// After so many batches somebody is killed, and begins again.
const UNTIL_KILLED: usize = 12;
/// Commands on streams alone after each batch.
const STREAM_COMMANDS: usize = 100;

/// A primary and its replicas.
struct Group {
    members: Vec<Member>,
    grammar: Grammar,
    random: Random,
}

impl Group {
    fn start(kinds: &[Kind]) -> Self {
        let members: Vec<_> = kinds.iter().map(|kind| kind.start(&[])).collect();
        for replica in &members[1..] {
            follow(replica, members[0].address());
            await_link(replica);
        }
        // Whoever knows least tells what all can be given.
        let stock = members.iter().find_map(|member| match member {
            Member::Stock(stock) => Some(stock),
            Member::Own(_) => None,
        });
        let grammar = Grammar::known_to(stock.expect("a stock server is among them")).with_chance();
        Self { members, grammar, random: Random::new(11) }
    }

    fn primary(&self) -> Client {
        self.members[0].connect()
    }

    fn run(&mut self, commands: &[Command]) {
        let mut client = self.primary();
        client.run("FLUSHALL");
        for command in commands {
            client.send_command(command);
            client.read();
        }
        drop(client);
        // An empty data set has no digest to be compared.
        self.primary().run("SET held v");
        self.compare();
    }

    fn compare(&self) {
        let members: Vec<&dyn Endpoint> =
            self.members.iter().map(|member| member as &dyn Endpoint).collect();
        await_same(&members);
        if !self.members[0].is_own() {
            return;
        }
        // A digest does not tell all there is of groups; and stock does not tell its replicas all.
        let streams: Vec<_> = members.iter().map(|member| streams(*member)).collect();
        for (member, other) in members[1..].iter().zip(&streams[1..]) {
            assert_eq!(other, &streams[0], "{} beside the primary", member.address());
        }
    }

    /// Kills somebody whose data outlives that, and has it begin again.
    fn kill_one(&mut self) {
        let own: Vec<_> = (0..self.members.len()).filter(|at| self.members[*at].is_own()).collect();
        let victim = *self.random.pick::<usize>(&own);
        let primary = (victim > 0).then(|| self.members[0].address());
        self.members[victim].kill();
        self.members[victim].restart(primary);
        for replica in &self.members[1..] {
            await_link(replica);
        }
        self.compare();
    }

    /// Has somebody follow who has nothing yet, and so is sent a snapshot of all there is.
    fn enlarge(&mut self, kind: &Kind) {
        self.primary().run("SAVE");
        self.primary().run("SET after snapshot");
        let newcomer = kind.start(&[]);
        follow(&newcomer, self.members[0].address());
        await_link(&newcomer);
        self.members.push(newcomer);
        self.compare();
        let mut newcomer = self.members.pop().expect("it was pushed");
        if newcomer.is_own() {
            newcomer.kill();
        }
    }
}

/// Everything that a server tells of its streams, but for when a consumer was seen.
fn streams(member: &dyn Endpoint) -> Vec<Value> {
    let mut client = Client::connect(member.address());
    let told = |key: &str| without_times(&client.run(&format!("XINFO STREAM {key} FULL COUNT 0")));
    ["x0", "x1", "x2"].map(told).to_vec()
}

fn without_times(value: &Value) -> Value {
    let Value::Array(elements) = value else { return value.clone() };
    let (mut kept, mut elements) = (Vec::new(), elements.iter());
    while let Some(element) = elements.next() {
        match element {
            Value::Bulk(name)
                if ["seen-time", "active-time"].iter().any(|time| name == time.as_bytes()) =>
            {
                elements.next();
            }
            other => kept.push(without_times(other)),
        }
    }
    Value::Array(kept)
}

fn agree(kinds: &[Kind], newcomer: &Kind, first_seed: u64) {
    let mut group = Group::start(kinds);
    let streams_only = group.grammar.clone().of_streams();
    for (number, seed) in seeds().into_iter().step_by(SHARE).enumerate() {
        group.run(&batch(first_seed + seed, &group.grammar));
        group.run(&streams_only.batch(&mut Random::new(seed), STREAM_COMMANDS));
        if number % UNTIL_KILLED == UNTIL_KILLED - 1 {
            group.enlarge(newcomer);
            group.kill_one();
        }
    }
}

#[test]
fn a_stock_replica_and_one_of_ours_follow_ours() {
    for program in Program::replicas() {
        let stock = Kind::Stock(program);
        agree(&[Kind::Backlogd, stock.clone(), Kind::Backlogd], &stock, 1_000_000);
    }
}

#[test]
fn a_replica_of_ours_follows_stock() {
    for program in Program::replicas() {
        agree(&[Kind::Stock(program), Kind::Backlogd], &Kind::Backlogd, 2_000_000);
    }
}
