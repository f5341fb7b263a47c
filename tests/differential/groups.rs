//! Streams and their groups under several clients at once, of whom one waits.
//!
//! Which client sends a command follows from its words, so a batch that is made shorter goes the same
//! way. Clients have turns: the next one sends when the one before has all of its replies.

use std::net::SocketAddr;

use crate::compare::{self, Mismatch};
use crate::generate::{Command, Grammar};
use crate::normalise::{self, Reply};
use crate::support::random::Random;
use crate::support::{Client, Endpoint as _, Stock, Value, await_until};
use crate::{Subject, report, seeds_of};

/// Batches in an ordinary run.
const BATCHES: u64 = 350;
/// Commands in a batch.
const BATCH_COMMANDS: usize = 300;
const CLIENTS: usize = 4;
/// What who waits is told when the group is destroyed; 7.2 tells it as to who comes too late.
const DESTROYED_IN_7_0: &str =
    "NOGROUP the consumer group this client was blocked on no longer exists";
const DESTROYED_IN_7_2: &str = "NOGROUP No such key";

/// The clients of one server.
struct Side {
    clients: Vec<Client>,
    waiting: Client,
    waiting_id: i64,
}

impl Side {
    /// Empties the data set, and lets a client wait for the entries of a group.
    fn start(address: SocketAddr) -> Self {
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::connect(address)).collect();
        for line in ["FLUSHALL", "XGROUP CREATE x0 g0 $ MKSTREAM", "XGROUP CREATE x1 g0 0 MKSTREAM"]
        {
            assert_eq!(clients[0].run(line), Value::Simple("OK".to_owned()), "{line}");
        }
        clients[1].run("HELLO 3");
        let mut waiting = Client::connect(address);
        let waiting_id = waiting.run("CLIENT ID").integer();
        let words = "XREADGROUP GROUP g0 waiting COUNT 2 BLOCK 0 STREAMS x1 x0 > >";
        waiting.send_command(&words.split(' ').collect::<Vec<_>>());
        await_until("the client waits", || clients[0].info("clients", "blocked_clients") == "1");
        Self { clients, waiting, waiting_id }
    }

    fn call(&mut self, index: usize, command: &Command) -> Reply {
        let client = &mut self.clients[index];
        client.send_command(command);
        read(client)
    }

    /// Reads what the waiting client was told, be it that nothing came.
    fn end(mut self) -> Reply {
        self.clients[0].run(&format!("CLIENT UNBLOCK {}", self.waiting_id));
        read(&mut self.waiting)
    }
}

fn read(client: &mut Client) -> Reply {
    let (value, raw) = client.read();
    Reply { value, raw }
}

/// Runs a batch on both, from empty data sets.
fn run(ours: SocketAddr, stock: SocketAddr, batch: &[Command]) -> Result<(), Mismatch> {
    let (mut our_side, mut stock_side) = (Side::start(ours), Side::start(stock));
    let compare = |index: usize, command: &Command, ours: Reply, stock: Reply| {
        if normalise::same(command, &[], &ours, &stock) {
            return Ok(());
        }
        Err(Mismatch { index, ours: ours.raw, stock: stock.raw })
    };
    for (index, command) in batch.iter().enumerate() {
        let client =
            command.concat().iter().map(|byte| usize::from(*byte)).sum::<usize>() % CLIENTS;
        let ours = our_side.call(client, command);
        let stock = stock_side.call(client, command);
        compare(index, command, ours, stock)?;
    }
    let Some(last) = batch.len().checked_sub(1) else { return Ok(()) };
    let (ours, stock) = (our_side.end(), stock_side.end());
    let is_told = |reply: &Reply, text: &str| matches!(&reply.value, Value::Error(told) if told.starts_with(text));
    if is_told(&stock, DESTROYED_IN_7_0) && is_told(&ours, DESTROYED_IN_7_2) {
        return Ok(());
    }
    compare(last, &batch[last], ours, stock)
}

#[test]
fn groups_that_several_clients_read_are_those_of_stock() {
    let (subject, oracle) = (Subject::start(), Stock::oracle(&[]));
    let grammar = Grammar::known_to(&oracle).of_streams();
    for seed in seeds_of(BATCHES) {
        let batch = grammar.batch(&mut Random::new(seed), BATCH_COMMANDS);
        let run = |batch: &[Command]| run(subject.address(), oracle.address(), batch);
        if let Err(mismatch) = run(&batch) {
            let (shortest, last) = compare::shortest(&batch, mismatch, run);
            panic!("{}", report(seed, "several clients", &shortest, &last));
        }
    }
}
