//! All nodes and what is between them; the steps that concern more than one.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use backlogd::position::{Offset, Position, Replid};
use backlogd::replication::feed::DurableOnly;
use backlogd::replication::lineage::{ANCESTORS_KEPT, Lineage, Verdict};
use backlogd::snapshot::Role;

use super::invariant;
use super::machine::{Files, Machine, beginning};
use super::network::Network;
use super::node::Node;
use super::random::Random;
use super::rules::{Broken, Rules, Stop};

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Anything: several primaries, any feed, copied directories, upstreams that tell little.
    Wild,
    /// Crashes and partitions, one primary at a time, durable feeds: nobody ever differs.
    Calm,
}

/// The nodes, the network and the dice.
#[derive(Debug)]
pub struct World {
    /// By number.
    pub nodes: Vec<Node>,
    /// Between them.
    pub network: Network,
    /// The seed's.
    pub random: Random,
    /// What the nodes go by.
    pub rules: Rules,
    /// What may happen.
    pub weather: Weather,
    /// Whom the others follow when it is calm.
    pub leader: usize,
    /// Who has come to share the leader's history.
    pub joined: BTreeSet<usize>,
    /// How many full resyncs were begun, and partial ones.
    pub resyncs: Resyncs,
    /// What is being done.
    pub doing: String,
    /// What happened so far.
    pub trace: Vec<String>,
    minted: u32,
    written: u64,
}

/// What replicas were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resyncs {
    /// By a snapshot.
    pub full: u64,
    /// By the bytes they lacked.
    pub partial: u64,
}

impl World {
    /// Sets up a few nodes, none of which has run.
    pub fn new(seed: u64, weather: Weather, rules: Rules) -> Self {
        let mut random = Random::new(seed);
        let count = 2 + random.below(4);
        let mut world = Self {
            nodes: Vec::new(),
            network: Network::default(),
            random,
            rules,
            weather,
            leader: 0,
            joined: BTreeSet::from([0]),
            resyncs: Resyncs::default(),
            doing: String::new(),
            trace: Vec::new(),
            minted: 0,
            written: 0,
        };
        for number in 0..count {
            let replid = world.mint();
            let role = if number == 0 { Role::Primary } else { Role::Replica };
            let manifest = beginning(&Machine::new(number), replid, role);
            world.nodes.push(Node::new(number, Files::new(&manifest), rules));
        }
        world
    }

    /// A name that no other history has.
    pub fn mint(&mut self) -> Replid {
        self.minted += 1;
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&self.minted.to_be_bytes());
        Replid::from_bytes(bytes)
    }

    /// Bytes that no other write has.
    pub fn unit(&mut self) -> Vec<u8> {
        self.written += 1;
        let bytes = match self.random.below(60) {
            0 => 1000 + self.random.below(3000),
            _ => 1 + self.random.below(24),
        };
        let mut contents = Random::new(self.written << 32);
        let words = std::iter::repeat_with(|| contents.bits().to_le_bytes());
        words.flatten().take(bytes).collect()
    }

    /// Another node than this one.
    pub fn another(&mut self, than: usize) -> usize {
        (than + 1 + self.random.below(self.nodes.len() - 1)) % self.nodes.len()
    }

    /// Another node to follow, more often than not one that would let this one continue.
    pub fn choose_upstream(&mut self, number: usize) -> usize {
        let asker = self.nodes[number].presents().pop();
        let continues = |other: &usize| {
            let life = self.nodes[*other].life.as_ref().filter(|_| *other != number);
            life.zip(asker.as_ref()).is_some_and(|(life, asker)| {
                let at = Position { replid: asker.lineage.current(), offset: asker.end };
                matches!(life.lineage.continues(at, life.sealed()), Verdict::Continues(_))
            })
        };
        let known: Vec<usize> = (0..self.nodes.len()).filter(continues).collect();
        if known.is_empty() || self.random.chance(30) {
            self.another(number)
        } else {
            *self.random.pick(&known)
        }
    }

    /// Notes what was done, and by or to whom.
    pub fn tell(&mut self, number: usize, what: &str) {
        let mut told = format!("{:>4} node {number}: {what}", self.trace.len());
        let node = &self.nodes[number];
        let _ = match &node.life {
            None => write!(told, " (down)"),
            Some(life) => {
                let role = match life.upstream() {
                    None => "primary".to_owned(),
                    Some(upstream) => format!("of {upstream}"),
                };
                let name = short(life.lineage.current());
                let (durable, sealed, written) = (life.durable(), life.sealed(), life.data.len());
                let past = past(&life.lineage);
                write!(told, " ({role}, {name} {durable} <= {sealed} <= {written}; {past})")
            }
        };
        self.trace.push(told);
    }

    /// Holds one node against all others.
    pub fn check(&self, number: usize) -> Result<(), Stop> {
        invariant::check(&self.nodes, &[number])
    }

    /// Makes a node a primary under a new name.
    pub fn promote(&mut self, number: usize) -> Result<(), Stop> {
        let minted = self.mint();
        self.disconnect(number);
        self.nodes[number].promote(minted)?;
        if !self.rules.break_with(Broken::KeepsReplicasWhenPromoted) {
            self.network.drop_replicas_of(number);
        }
        self.tell(number, "is promoted");
        Ok(())
    }

    /// Makes a node follow another one.
    pub fn follow(&mut self, number: usize, upstream: usize) {
        self.disconnect(number);
        self.nodes[number].follow(upstream);
        self.tell(number, &format!("is told to follow node {upstream}"));
    }

    /// What may be forgotten of a log: nothing that a start needs, or that a replica does.
    pub fn horizon(&self, number: usize, politeness: Politeness) -> Option<Offset> {
        let life = self.nodes[number].life.as_ref()?;
        let snapshot = life.manifest.snapshot.as_ref()?.offset;
        let cursors = self.network.cursors(number).min().unwrap_or(snapshot);
        let kept = self.nodes.iter().map(Node::surely_has).min();
        Some(match politeness {
            Politeness::None => snapshot,
            Politeness::Attached => snapshot.min(cursors),
            Politeness::Everybody => snapshot.min(kept.unwrap_or(snapshot)),
        })
    }

    /// How many names of old a node is configured to remember.
    pub fn configured_past(&mut self) -> usize {
        let any = *self.random.pick(&[ANCESTORS_KEPT, ANCESTORS_KEPT, 2, 0]);
        if self.weather == Weather::Wild { any } else { ANCESTORS_KEPT }
    }

    /// The feed that a node is configured to have.
    pub fn configured_feed(&mut self) -> DurableOnly {
        if self.weather == Weather::Wild && self.random.chance(40) {
            DurableOnly::No
        } else {
            DurableOnly::Yes
        }
    }
}

/// For whom a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Politeness {
    /// For the own restart.
    None,
    /// For the replicas there are, too.
    Attached,
    /// For those that sleep, too.
    Everybody,
}

/// A name as a trace tells it.
pub fn short(replid: Replid) -> String {
    replid.to_string()[..8].trim_start_matches('0').to_owned()
}

fn past(lineage: &Lineage) -> String {
    let told = lineage.past().iter().map(|old| format!("{}<{}", short(old.replid), old.ceiling));
    told.collect::<Vec<_>>().join(" ")
}
