//! Registers as runs of equal ones, for as long as most of them are zero.
//!
//! ```text
//! 00llllll            l + 1 registers are zero
//! 01llllll llllllll   l + 1 registers are zero, the higher bits of l first
//! 1vvvvvll            l + 1 registers hold v + 1
//! ```

use super::sketch::HEADER_BYTES;

/// The highest value that a run can have.
const VALUE_MAX: u8 = 32;
/// The most registers in a run that has a value.
const VALUES_MAX: usize = 4;
/// The most registers in a run of zeroes of one byte.
const ZEROES_MAX: usize = 64;
/// The runs that are looked at for what can be merged, beginning before the one that changed.
const MERGED_RUNS: usize = 5;
/// The bytes that a run can be split into.
const SPLIT_BYTES_MAX: usize = 5;

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) value: u8,
    /// How many registers.
    pub(super) len: usize,
    /// How many bytes it takes.
    pub(super) bytes: usize,
}

/// What raising a register did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was not lower.
    Not,
    /// It was raised.
    Done,
    /// There is no room for the value, or no way to say it: the registers have to become dense.
    TooMuch,
    /// The runs end before the register.
    Corrupted,
}

/// Walks the runs; ends early where one is cut off.
pub(super) fn runs(registers: &[u8]) -> impl Iterator<Item = Run> {
    let mut rest = registers;
    std::iter::from_fn(move || {
        let run = run(rest)?;
        rest = &rest[run.bytes..];
        Some(run)
    })
}

/// Appends a run of zeroes.
pub(super) fn push_zeroes(out: &mut Vec<u8>, len: usize) {
    if len <= ZEROES_MAX {
        out.push((len - 1) as u8);
    } else {
        out.extend_from_slice(&(0x4000 | (len - 1) as u16).to_be_bytes());
    }
}

/// Raises a register of a whole string, which may have `bytes_max` bytes when it grows.
pub(super) fn raise(bytes: &mut Vec<u8>, register: usize, value: u8, bytes_max: usize) -> Raised {
    if value > VALUE_MAX {
        return Raised::TooMuch;
    }
    let (mut at, mut first, mut before) = (HEADER_BYTES, 0, None);
    let found = loop {
        let Some(run) = run(&bytes[at..]) else { return Raised::Corrupted };
        if register < first + run.len {
            break run;
        }
        before = Some(at);
        at += run.bytes;
        first += run.len;
    };
    if found.value >= value {
        return Raised::Not;
    }
    let mut split = Vec::with_capacity(SPLIT_BYTES_MAX);
    let (ahead, behind) = (register - first, first + found.len - 1 - register);
    push(&mut split, found.value, ahead);
    push(&mut split, value, 1);
    push(&mut split, found.value, behind);
    let grown = split.len().saturating_sub(found.bytes);
    if grown > 0 && bytes.len() + grown > bytes_max {
        return Raised::TooMuch;
    }
    bytes.splice(at..at + found.bytes, split);
    merge(bytes, before.unwrap_or(HEADER_BYTES));
    Raised::Done
}

/// Joins neighbours that hold the same value, looking at a few runs from `at` on.
fn merge(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGED_RUNS {
        let Some(one) = run(&bytes[at..]) else { return };
        let next = run(&bytes[at + one.bytes..]);
        let joined = next.filter(|next| one.value > 0 && next.value == one.value);
        match joined.map(|next| one.len + next.len) {
            // The joined run may be joined with the one after it.
            Some(len) if len <= VALUES_MAX => {
                bytes.remove(at);
                bytes[at] = valued(one.value, len);
            }
            _ => at += one.bytes,
        }
    }
}

fn push(out: &mut Vec<u8>, value: u8, len: usize) {
    match (value, len) {
        (_, 0) => {}
        (0, len) => push_zeroes(out, len),
        (value, len) => out.push(valued(value, len)),
    }
}

fn valued(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// Reads the first run.
fn run(bytes: &[u8]) -> Option<Run> {
    let first = *bytes.first()?;
    Some(match first >> 6 {
        0 => Run { value: 0, len: usize::from(first) + 1, bytes: 1 },
        1 => {
            let len = usize::from(first & 0x3f) << 8 | usize::from(*bytes.get(1)?);
            Run { value: 0, len: len + 1, bytes: 2 }
        }
        _ => Run { value: (first >> 2 & 0x1f) + 1, len: usize::from(first & 3) + 1, bytes: 1 },
    })
}
