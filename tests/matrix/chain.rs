//! The chain under test: three members, each with a relay in front that counts resyncs.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::history::number;
use crate::support::member::{await_link, await_same, follow, promote};
use crate::support::random::Random;
use crate::support::{Client, Endpoint, Kind, Member, Relay, await_until};
use crate::{LAST, REPLICA, writes};

/// So much of what a primary sends first is handshake and the beginning of the snapshot.
const WITHIN_SNAPSHOT: u64 = 12_000;

/// A member and what its replicas reach it through.
struct Node {
    member: Member,
    relay: Relay,
    /// How many full resyncs it should have begun.
    full: u64,
}

/// Three members in a row.
pub struct Chain {
    nodes: Vec<Node>,
    /// Whom each follows.
    follows: [Option<usize>; 3],
    random: Random,
}

impl Chain {
    /// Starts the members; each first snapshot is cut once on its way.
    pub fn start(kinds: &[Kind; 3]) -> Self {
        let further = ["--repl-backlog-size", "64mb", "--repl-diskless-load", "swapdb"];
        let start = |kind: &Kind| {
            let member = kind.start(&further);
            let relay = Relay::to(&member);
            Node { member, relay, full: 0 }
        };
        let nodes = kinds.iter().map(start).collect();
        let mut chain = Self { nodes, follows: [None; 3], random: Random::new(42) };
        writes::send(&mut chain.leader(), &writes::large(&mut chain.random)).expect("it is there");
        chain.write();
        for place in [REPLICA, LAST] {
            let above = place - 1;
            chain.nodes[above].relay.cut_after(WITHIN_SNAPSHOT);
            chain.nodes[above].full = 2;
            chain.follow(place, above);
            await_link(&chain.nodes[place].member);
        }
        chain.settle("they have found each other");
        chain
    }

    /// Tells whether a member is a stock server.
    pub fn is_stock(&self, place: usize) -> bool {
        !self.nodes[place].member.is_own()
    }

    /// A full resync more is due at the relay of a member, if so.
    pub fn expect_full_if(&mut self, is_due: bool, place: usize) {
        self.nodes[place].full += u64::from(is_due);
    }

    /// Waits until all are the same, and checks how many full resyncs there were.
    #[track_caller]
    pub fn settle(&mut self, after: &str) {
        writes::be_quiet(&mut self.leader());
        for (node, follows) in self.nodes.iter().zip(self.follows) {
            if follows.is_some() {
                await_link(&node.member);
            }
        }
        let members: Vec<&dyn Endpoint> =
            self.nodes.iter().map(|node| &node.member as &dyn Endpoint).collect();
        await_same(&members);
        let full = |node: &Node| (node.relay.full(), node.full);
        for (place, (found, expected)) in self.nodes.iter().map(full).enumerate() {
            assert_eq!(found, expected, "full resyncs at member {place} after {after}");
        }
    }

    fn leading(&self) -> usize {
        self.follows.iter().position(Option::is_none).expect("somebody leads")
    }

    fn leader(&self) -> Client {
        self.nodes[self.leading()].member.connect()
    }

    /// Writes a good deal at whoever leads.
    pub fn write(&mut self) {
        let lines = writes::commands(&mut self.random, 400);
        writes::send(&mut self.leader(), &lines).expect("the leader is there");
    }

    /// Cuts the links to a member's replicas somewhere within what is written meanwhile.
    pub fn cut_within_writes(&mut self, place: usize) {
        let relay = &self.nodes[place].relay;
        let before = relay.cuts();
        relay.cut_after(1 + self.random.below(20_000) as u64);
        self.write();
        let relay = &self.nodes[place].relay;
        await_until("the link is cut", || relay.cuts() > before);
    }

    /// Keeps the replicas of a member away while much is written.
    pub fn away_during_writes(&mut self, place: usize) {
        self.nodes[place].relay.close();
        for _ in 0..5 {
            self.write();
        }
        self.nodes[place].relay.open();
    }

    /// Ends a member as `kill -9` does.
    ///
    /// Of stock, nothing is left then: it has saved nothing.
    pub fn kill(&mut self, place: usize) {
        let member = &mut self.nodes[place].member;
        member.kill();
        if let Member::Stock(stock) = member {
            // There may be one of an orderly end before.
            drop(fs::remove_file(stock.directory().join("dump.rdb")));
        }
    }

    /// Kills a member while somebody writes.
    pub fn kill_under_load(&mut self, victim: usize) {
        let leading = self.leading();
        let address = self.nodes[leading].member.address();
        let mut watching = self.nodes[victim].member.connect();
        let begin = offset(&mut watching);
        let (is_over, mut random) = (AtomicBool::new(false), self.random.clone());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let Ok(mut client) = Client::try_connect(address) else { return };
                let mut go_on = || {
                    let lines = writes::commands(&mut random, 40);
                    !is_over.load(Ordering::SeqCst) && writes::send(&mut client, &lines).is_ok()
                };
                while go_on() {}
            });
            await_until("the load has come", || offset(&mut watching) > begin + 50_000);
            self.nodes[victim].member.kill();
            is_over.store(true, Ordering::SeqCst);
        });
        self.write_if_led();
    }

    /// Writes if there is somebody to write at.
    fn write_if_led(&mut self) {
        if Client::try_connect(self.nodes[self.leading()].member.address()).is_ok() {
            self.write();
        }
    }

    /// Ends a member in good order.
    pub fn shut_down(&mut self, place: usize) {
        self.nodes[place].member.shut_down();
    }

    /// Starts a member again, to follow whom it followed. Its replicas reach it once it has caught up.
    pub fn restart(&mut self, place: usize) {
        let above = self.follows[place].map(|above| self.nodes[above].relay.address());
        self.nodes[place].relay.close();
        self.nodes[place].member.restart(above);
        if above.is_some() {
            self.await_caught_up(place);
        }
        self.nodes[place].relay.open();
    }

    /// Waits until a replica is where the leader is.
    fn await_caught_up(&self, place: usize) {
        let member = &self.nodes[place].member;
        await_link(member);
        let (mut own, mut leader) = (member.connect(), self.leader());
        await_until("it has caught up", || offset(&mut own) >= offset(&mut leader));
    }

    /// Has a replica lead; whoever led before is to follow it.
    pub fn promote(&mut self, place: usize) {
        promote(&self.nodes[place].member);
        let before = self.leading();
        self.follows[before] = Some(place);
        self.follows[place] = None;
    }

    /// Makes a chain of another order: the first is promoted and writes, the others follow in turn.
    pub fn rearrange(&mut self, order: [usize; 3]) {
        let [first, second, third] = order;
        self.promote(first);
        self.write();
        writes::be_quiet(&mut self.leader());
        self.follow(second, first);
        // Whoever were ahead of it could not follow it.
        self.await_caught_up(second);
        self.follow(third, second);
    }

    fn follow(&mut self, place: usize, above: usize) {
        let address: SocketAddr = self.nodes[above].relay.address();
        follow(&self.nodes[place].member, address);
        self.follows[place] = Some(above);
    }
}

fn offset(client: &mut Client) -> u64 {
    number(client, "replication", "master_repl_offset")
}
