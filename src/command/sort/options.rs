//! The options of `SORT`.

use std::ops::Range;

use crate::command::Fault;
use crate::net::args::Args;
use crate::number::parse_i64_strict;

use super::pattern::Pattern;

const BY_DENIED: Fault =
    Fault::fixed("ERR BY option of SORT denied due to insufficient ACL permissions.");
const GET_DENIED: Fault =
    Fault::fixed("ERR GET option of SORT denied due to insufficient ACL permissions.");

/// Which keys may be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Every,
    /// Only those that the command names.
    OwnKeys,
}

/// Whether the result may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    Allowed,
    Refused,
}

/// What the elements are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By<'a> {
    Themselves,
    /// The values of other keys.
    Pattern(Pattern<'a>),
    /// Nothing: they stay in the order they have.
    Nothing,
}

/// What is to be sorted how, and what is told of it.
#[derive(Clone, Debug)]
pub(super) struct Options<'a> {
    pub(super) by: By<'a>,
    pub(super) descends: bool,
    /// Whether weights are bytes and not numbers.
    pub(super) alpha: bool,
    pub(super) gets: Vec<Pattern<'a>>,
    pub(super) destination: Option<&'a [u8]>,
    offset: i64,
    count: i64,
}

impl<'a> Options<'a> {
    /// Reads the words; whoever may not read every key may not look at keys by patterns.
    pub(super) fn read(words: &Args<'a>, store: Store, reach: Reach) -> Result<Self, Fault> {
        let mut options = Self {
            by: By::Themselves,
            descends: false,
            alpha: false,
            gets: Vec::new(),
            destination: None,
            offset: 0,
            count: -1,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is("ASC") || is("DESC") {
                options.descends = is("DESC");
                continue;
            } else if is("ALPHA") {
                options.alpha = true;
                continue;
            }
            let value = words.next().ok_or(Fault::SYNTAX)?;
            if is("LIMIT") {
                let count = words.next().ok_or(Fault::SYNTAX)?;
                let number = |word| parse_i64_strict(word).ok_or(Fault::NOT_AN_INTEGER);
                (options.offset, options.count) = (number(value)?, number(count)?);
            } else if is("STORE") && store == Store::Allowed {
                options.destination = Some(value);
            } else if is("BY") {
                let pattern = Pattern::read(value);
                if matches!(pattern, Pattern::Key { .. }) && reach == Reach::OwnKeys {
                    return Err(BY_DENIED);
                }
                options.sort_by(pattern);
            } else if is("GET") {
                if reach == Reach::OwnKeys {
                    return Err(GET_DENIED);
                }
                options.gets.push(Pattern::read(value));
            } else {
                return Err(Fault::SYNTAX);
            }
        }
        Ok(options)
    }

    /// Takes a pattern that names no key for a wish not to sort, whatever comes later.
    fn sort_by(&mut self, pattern: Pattern<'a>) {
        if !matches!(pattern, Pattern::Key { .. }) {
            self.by = By::Nothing;
        } else if self.by != By::Nothing {
            self.by = By::Pattern(pattern);
        }
    }

    /// Has a set sorted whose elements are to be stored: they have no order that replicas know.
    pub(super) fn settle_for_set(&mut self) {
        if self.by == By::Nothing && self.destination.is_some() {
            (self.by, self.alpha) = (By::Themselves, true);
        }
    }

    /// Tells whether no key is needed but the one that is sorted, and each element is told once.
    pub(super) fn needs_only_its_key(&self) -> bool {
        let by_others = matches!(self.by, By::Pattern(_));
        !by_others && self.gets.is_empty() && self.destination.is_none()
    }

    /// Finds the places that are told of `len` sorted elements.
    ///
    /// Of elements that are not sorted, only those are there any more.
    pub(super) fn window(&self, len: usize) -> Range<usize> {
        if self.by == By::Nothing { 0..len } else { self.limits(len) }
    }

    /// Finds the places of `len` that `LIMIT` names.
    pub(super) fn limits(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset).unwrap_or(0).min(len);
        let count = usize::try_from(self.count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}
