//! The sets and sorted sets that others are made of.

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::command::{Call, Data, Fault};
use crate::keyspace::{Key, Set, SortedSet, Value};

/// The score that each member of a plain set has.
const PLAIN_SCORE: f64 = 1.0;

/// A set or sorted set to be combined with others.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'s> {
    /// There is none.
    Absent,
    Plain(Set<'s>),
    Sorted(SortedSet<'s>),
}

/// A member with its score in one source.
pub(super) type Scored<'s> = (Cow<'s, [u8]>, f64);

/// The keys of sources, looked up one by one, each of them with what became of it.
pub(super) struct Keys<'c> {
    keys: Vec<(Key<'c>, bool)>,
}

impl<'c> Keys<'c> {
    /// Reads how many keys there are at word `index`, and looks up those that follow.
    pub(super) fn find(call: &mut Call<'c, '_>, index: usize, name: &str) -> Result<Self, Fault> {
        let number = crate::number::parse_i64_strict(call.args.word(index));
        let number = number.ok_or(Fault::NOT_AN_INTEGER)?;
        if number < 1 {
            let text = format!("ERR at least 1 input key is needed for '{name}' command");
            return Err(Fault::of(text));
        }
        let first = index + 1;
        let count = usize::try_from(number).ok().filter(|n| *n <= call.args.len() - first);
        let count = count.ok_or(Fault::SYNTAX)?;
        let mut keys = Vec::with_capacity(count);
        for place in first..first + count {
            let key = call.key(place);
            let is_there = match call.data.read(&key).map(|entry| entry.value()) {
                None => false,
                Some(Value::Set(_) | Value::SortedSet(_)) => true,
                Some(_) => return Err(Fault::WRONG_TYPE),
            };
            keys.push((key, is_there));
        }
        Ok(Self { keys })
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Lends what the keys hold, all of it at once, each with what `with` has for it.
    pub(super) fn sources<T, R>(
        &self,
        data: &mut Data<'_, '_>,
        with: impl IntoIterator<Item = T>,
        use_them: impl FnOnce(Vec<(Source<'_>, T)>) -> R,
    ) -> R {
        let db = data.db();
        let source = |(key, is_there): &(Key<'_>, bool)| match db
            .find(key)
            .filter(|_| *is_there)
            .map(|entry| entry.value())
        {
            Some(Value::Set(set)) => Source::Plain(set),
            Some(Value::SortedSet(set)) => Source::Sorted(set),
            _ => Source::Absent,
        };
        use_them(self.keys.iter().map(source).zip(with).collect())
    }
}

impl<'s> Source<'s> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Absent => 0,
            Self::Plain(set) => set.len(),
            Self::Sorted(set) => set.len(),
        }
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Absent => None,
            Self::Plain(set) => set.contains(member).then_some(PLAIN_SCORE),
            Self::Sorted(set) => set.score(member),
        }
    }

    /// Visits the members until `visit` breaks off.
    pub(super) fn each(&self, mut visit: impl FnMut(Scored<'s>) -> ControlFlow<()>) {
        let _ = match self {
            Self::Absent => ControlFlow::Continue(()),
            Self::Plain(set) => {
                set.iter().try_for_each(|member| visit((member.to_bytes(), PLAIN_SCORE)))
            }
            Self::Sorted(set) => {
                set.iter().try_for_each(|member| visit((Cow::Borrowed(member.bytes), member.score)))
            }
        };
    }
}
