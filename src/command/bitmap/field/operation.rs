//! The operations of one `BITFIELD`, as clients write them.

use crate::command::bitmap::offset::field_offset;
use crate::command::bitmap::range::integer;
use crate::command::{Call, Fault};

use super::integer::{Kind, Overflow, Place};

/// One operation on one field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    /// The first bit of the field.
    offset: usize,
    pub(super) action: Action,
    pub(super) overflow: Overflow,
}

/// What is done to a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Get,
    Set(i64),
    Add(i64),
}

impl Operation {
    pub(super) fn only_reads(&self) -> bool {
        matches!(self.action, Action::Get)
    }

    pub(super) fn place(&self) -> Place {
        Place { offset: self.offset, bits: self.kind.bits }
    }
}

/// Reads all operations of a request.
pub(super) fn parse(call: &Call<'_, '_>) -> Result<Vec<Operation>, Fault> {
    let args = &call.args;
    let mut operations = Vec::new();
    let (mut at, mut overflow) = (2, Overflow::Wrap);
    while at < args.len() {
        let is = |name: &[u8]| args.word(at).eq_ignore_ascii_case(name);
        let has = |count: usize| at + count < args.len();
        if is(b"OVERFLOW") && has(1) {
            overflow = overflow_of(args.word(at + 1))?;
            at += 2;
            continue;
        }
        let action: fn(i64) -> Action = if is(b"GET") && has(2) {
            |_| Action::Get
        } else if is(b"SET") && has(3) {
            Action::Set
        } else if is(b"INCRBY") && has(3) {
            Action::Add
        } else {
            return Err(Fault::SYNTAX);
        };
        let kind = kind_of(args.word(at + 1))?;
        let offset = field_offset(call, args.word(at + 2), kind.bits)?;
        at += 3;
        let mut action = action(0);
        if let Action::Set(value) | Action::Add(value) = &mut action {
            *value = integer(args, at)?;
            at += 1;
        }
        operations.push(Operation { kind, offset, action, overflow });
    }
    Ok(operations)
}

fn kind_of(word: &[u8]) -> Result<Kind, Fault> {
    const NO_TYPE: Fault = Fault::fixed(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
    Kind::parse(word).ok_or(NO_TYPE)
}

fn overflow_of(word: &[u8]) -> Result<Overflow, Fault> {
    const NO_OVERFLOW: Fault = Fault::fixed("ERR Invalid OVERFLOW type specified");
    let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
    if is(b"WRAP") {
        Ok(Overflow::Wrap)
    } else if is(b"SAT") {
        Ok(Overflow::Saturate)
    } else if is(b"FAIL") {
        Ok(Overflow::Fail)
    } else {
        Err(NO_OVERFLOW)
    }
}
