//! `BITOP`.

use crate::command::generic::remove_key;
use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::{Blocks, OwnedEntry, Str};

/// What is done to the bits of several strings, or of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

/// Runs `BITOP`.
pub fn bitop(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NOT_TAKES_ONE: Fault =
        Fault::fixed("ERR BITOP NOT must be called with a single source key.");
    let operation = Operation::parse(call.args.word(1)).ok_or(Fault::SYNTAX)?;
    if operation == Operation::Not && call.args.len() != 4 {
        return Err(NOT_TAKES_ONE);
    }
    let mut result = Blocks::default();
    for index in 3..call.args.len() {
        let source = call.key(index);
        let value = call.data.read_string(&source)?.unwrap_or(Str::Bytes(b""));
        match value {
            Str::Blocks(blocks) if index == 3 => result = blocks.clone(),
            // A string that begins as zeroes becomes the first one so.
            _ if index == 3 => Operation::Or.combine(&mut result, value),
            _ => operation.combine(&mut result, value),
        }
    }
    if operation == Operation::Not {
        for index in 0..result.blocks() {
            result.block_mut(index).iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    let len = result.len();
    store(call, result);
    call.reply.count(len);
    Ok(Flow::Done)
}

/// Puts the result in the place of the destination; one without any byte removes it.
fn store(call: &mut Call<'_, '_>, result: Blocks) {
    let key = call.key(2);
    let is_there = call.data.is_live(&key);
    if !result.is_empty() {
        let clock = call.data.clock();
        call.data.db().insert(&key, OwnedEntry::raw(result), clock);
        call.data.changed(&key);
        call.data.notify(Classes::STRING, "set", &key);
    } else if is_there {
        remove_key(call, &key);
        call.data.changed(&key);
        call.data.notify(Classes::GENERIC, "del", &key);
    }
}

impl Operation {
    fn parse(word: &[u8]) -> Option<Self> {
        const NAMES: [(&[u8], Operation); 4] = [
            (b"AND", Operation::And),
            (b"OR", Operation::Or),
            (b"XOR", Operation::Xor),
            (b"NOT", Operation::Not),
        ];
        let known = NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        known.map(|(_, operation)| *operation)
    }

    /// Takes one more string into the result; the shorter of them goes on in zeroes.
    fn combine(self, result: &mut Blocks, value: Str<'_>) {
        result.grow(value.len());
        let mut digits = [0; 20];
        for index in 0..result.blocks() {
            let other = value.block(&mut digits, index);
            match (self, result.block(index).is_some(), other) {
                (Self::And, _, None) => result.clear_block(index),
                (Self::And, false, _) | (_, _, None) => {}
                (_, _, Some(other)) => self.combine_block(result.block_mut(index), other),
            }
        }
    }

    /// Does so with a block, and as much of the other string as lies there.
    fn combine_block(self, block: &mut [u8], other: &[u8]) {
        let (both, rest) = block.split_at_mut(other.len());
        let pairs = both.iter_mut().zip(other);
        match self {
            Self::And => {
                pairs.for_each(|(own, other)| *own &= other);
                rest.fill(0);
            }
            Self::Or => pairs.for_each(|(own, other)| *own |= other),
            Self::Xor => pairs.for_each(|(own, other)| *own ^= other),
            Self::Not => unreachable!("it takes one string"),
        }
    }
}
