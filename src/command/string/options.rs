//! The options that `SET` and `GETEX` take, and the times they name.

use crate::command::Fault;
use crate::net::Args;
use crate::number::parse_i64_strict;

/// What the options of a command say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options<'c> {
    /// Under which condition `SET` sets.
    pub condition: Option<Condition>,
    /// What becomes of the expiry.
    pub lifetime: Option<Lifetime<'c>>,
    /// Whether `SET` answers with the old value.
    pub answers_old: bool,
}

/// Under which condition `SET` sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// `NX`.
    Absent,
    /// `XX`.
    Present,
}

/// What becomes of the expiry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lifetime<'c> {
    /// `KEEPTTL`: it stays.
    Keep,
    /// `PERSIST`: it is removed.
    Persist,
    /// `EX`, `PX`, `EXAT`, `PXAT`: it is set.
    Until(Deadline<'c>),
}

/// A time as a client names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline<'c> {
    /// What the number counts.
    pub unit: Unit,
    /// The number.
    pub number: &'c [u8],
}

/// What the number of a [`Deadline`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// Unix seconds.
    UnixSeconds,
    /// Unix milliseconds.
    UnixMilliseconds,
}

/// Whose options are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taker {
    /// `SET`.
    Set,
    /// `GETEX`.
    GetEx,
}

impl<'c> Options<'c> {
    /// Reads the options in `words`.
    pub(super) fn parse(words: Args<'c>, taker: Taker) -> Result<Self, Fault> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if let Some(unit) = Unit::parse(word) {
                let number = words.next().ok_or(Fault::SYNTAX)?;
                options.live(Lifetime::Until(Deadline { unit, number }))?;
                continue;
            }
            match taker {
                Taker::GetEx if is("PERSIST") => options.live(Lifetime::Persist)?,
                Taker::Set if is("KEEPTTL") => options.live(Lifetime::Keep)?,
                Taker::Set if is("NX") => options.require(Condition::Absent)?,
                Taker::Set if is("XX") => options.require(Condition::Present)?,
                Taker::Set if is("GET") => options.answers_old = true,
                _ => return Err(Fault::SYNTAX),
            }
        }
        Ok(options)
    }

    /// Takes what an option says of the expiry; one of the same sort replaces what was said.
    fn live(&mut self, lifetime: Lifetime<'c>) -> Result<(), Fault> {
        let agrees = match (self.lifetime, lifetime) {
            (None, _)
            | (Some(Lifetime::Keep), Lifetime::Keep)
            | (Some(Lifetime::Persist), Lifetime::Persist) => true,
            (Some(Lifetime::Until(said)), Lifetime::Until(says)) => said.unit == says.unit,
            _ => false,
        };
        if !agrees {
            return Err(Fault::SYNTAX);
        }
        self.lifetime = Some(lifetime);
        Ok(())
    }

    fn require(&mut self, condition: Condition) -> Result<(), Fault> {
        if self.condition.is_some_and(|said| said != condition) {
            return Err(Fault::SYNTAX);
        }
        self.condition = Some(condition);
        Ok(())
    }
}

impl Unit {
    fn parse(word: &[u8]) -> Option<Self> {
        let units: [(&[u8], Self); 4] = [
            (b"EX", Self::Seconds),
            (b"PX", Self::Milliseconds),
            (b"EXAT", Self::UnixSeconds),
            (b"PXAT", Self::UnixMilliseconds),
        ];
        units.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, unit)| unit)
    }

    /// Tells whether the number counts from the beginning of 1970, and so may lie in the past.
    pub(super) fn is_absolute(self) -> bool {
        matches!(self, Self::UnixSeconds | Self::UnixMilliseconds)
    }
}

impl Deadline<'_> {
    /// Returns the time in Unix milliseconds; `command` is named in the error.
    pub(super) fn at_ms(self, now_ms: i64, command: &str) -> Result<i64, Fault> {
        let number = parse_i64_strict(self.number).ok_or(Fault::NOT_AN_INTEGER)?;
        let time_ms = match self.unit {
            Unit::Seconds | Unit::UnixSeconds => number.checked_mul(1000),
            Unit::Milliseconds | Unit::UnixMilliseconds => Some(number),
        };
        let base_ms = if self.unit.is_absolute() { 0 } else { now_ms };
        time_ms
            .filter(|_| number > 0)
            .and_then(|time_ms| time_ms.checked_add(base_ms))
            .ok_or_else(|| Fault::of(format!("ERR invalid expire time in '{command}' command")))
    }
}
