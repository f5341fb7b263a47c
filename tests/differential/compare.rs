//! Runs a batch on two servers, finds the first reply that differs, and makes the batch short.

use std::net::SocketAddr;

use crate::generate::Command;
use crate::normalise::{self, Reply};
use crate::support::{Client, Value};

/// Commands sent before their replies are read; few enough that no socket fills up.
const PIPELINE: usize = 25;

/// The protocol a batch begins in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Without HELLO.
    Resp2,
    /// After HELLO 3.
    Resp3,
}

/// Two replies that should be the same.
#[derive(Debug)]
pub struct Mismatch {
    /// The command's place in its batch.
    pub index: usize,
    /// The reply of the server under test.
    pub ours: Vec<u8>,
    /// The reply of stock.
    pub stock: Vec<u8>,
}

/// The server under test and the one that is right.
pub struct Pair {
    ours: SocketAddr,
    stock: SocketAddr,
    dialect: Dialect,
}

impl Pair {
    /// Compares `ours` with `stock`.
    pub fn new(ours: SocketAddr, stock: SocketAddr, dialect: Dialect) -> Self {
        Self { ours, stock, dialect }
    }

    /// Runs a batch on both, from empty data sets, on connections of its own.
    pub fn run(&self, batch: &[Command]) -> Result<(), Mismatch> {
        let (mut ours, mut stock) = (self.fresh(self.ours), self.fresh(self.stock));
        let mut queue = Vec::new();
        for (chunk_index, chunk) in batch.chunks(PIPELINE).enumerate() {
            let ours = replies(&mut ours, chunk);
            let stock = replies(&mut stock, chunk);
            for (index, (command, (ours, stock))) in chunk.iter().zip(ours.zip(stock)).enumerate() {
                if !normalise::same(command, &queue, &ours, &stock) {
                    let index = chunk_index * PIPELINE + index;
                    return Err(Mismatch { index, ours: ours.raw, stock: stock.raw });
                }
                follow_queue(&mut queue, command, &stock.value);
            }
        }
        Ok(())
    }

    /// Drops every command the difference does not need; returns what is left and its difference.
    pub fn shrink(&self, batch: &[Command], first: Mismatch) -> (Vec<Command>, Mismatch) {
        shortest(batch, first, |shorter| self.run(shorter))
    }

    fn fresh(&self, address: SocketAddr) -> Client {
        let mut client = Client::connect(address);
        assert_eq!(client.run("FLUSHALL"), Value::Simple("OK".to_owned()));
        if self.dialect == Dialect::Resp3 {
            assert!(!client.run("HELLO 3").is_error(), "HELLO 3 is refused");
        }
        client
    }
}

/// Drops every command the difference that `run` finds does not need; returns what is left of the batch
/// and its difference.
pub fn shortest(
    batch: &[Command],
    first: Mismatch,
    run: impl Fn(&[Command]) -> Result<(), Mismatch>,
) -> (Vec<Command>, Mismatch) {
    let mut shortest = batch[..=first.index].to_vec();
    let mut last = first;
    let mut piece = shortest.len().div_ceil(2);
    loop {
        let mut at = 0;
        while at < shortest.len() {
            let mut shorter = shortest.clone();
            shorter.drain(at..(at + piece).min(shortest.len()));
            match run(&shorter) {
                Err(mismatch) => {
                    shorter.truncate(mismatch.index + 1);
                    (shortest, last) = (shorter, mismatch);
                }
                Ok(()) => at += piece,
            }
        }
        if piece == 1 {
            return (shortest, last);
        }
        piece = piece.div_ceil(2);
    }
}

/// Sends some commands and reads as many replies.
fn replies(client: &mut Client, commands: &[Command]) -> impl Iterator<Item = Reply> {
    for command in commands {
        client.send_command(command);
    }
    commands.iter().map(|_| {
        let (value, raw) = client.read();
        Reply { value, raw }
    })
}

/// Keeps the list of the commands that the next EXEC runs.
fn follow_queue(queue: &mut Vec<Command>, command: &Command, reply: &Value) {
    if *reply == Value::Simple("QUEUED".to_owned()) {
        queue.push(command.clone());
    } else if ["EXEC", "DISCARD", "RESET"].contains(&normalise::name(command).as_str()) {
        queue.clear();
    }
}
