//! Who waits for which key to hold something, in the order of arrival.

use std::collections::{BTreeMap, HashMap};

use ahash::RandomState;

use super::value::Kind;

/// Names one who waits; lower ones have waited longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// That the key holds a value of this type.
    Value(Kind),
    /// Whatever becomes of the key, be it that it is gone.
    Change,
}

/// Those who wait for one key.
type Queue = BTreeMap<Ticket, Wish>;

/// Those who wait for a key of one shard, by database and key.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    databases: HashMap<usize, HashMap<Box<[u8]>, Queue, RandomState>, RandomState>,
}

impl Waiting {
    /// Tells whether nobody waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    /// Tells whether somebody waits for this key.
    pub(super) fn is_awaited(&self, db: usize, key: &[u8]) -> bool {
        self.queue(db, key).is_some()
    }

    /// Adds one who waits; says whether nobody else waits for this key.
    pub(super) fn add(&mut self, db: usize, key: &[u8], ticket: Ticket, wish: Wish) -> bool {
        let keys = self.databases.entry(db).or_default();
        if let Some(queue) = keys.get_mut(key) {
            queue.insert(ticket, wish);
            return false;
        }
        keys.insert(key.into(), BTreeMap::from([(ticket, wish)]));
        true
    }

    /// Removes one who waits; says whether nobody waits for this key any more.
    pub(super) fn remove(&mut self, db: usize, key: &[u8], ticket: Ticket) -> bool {
        let Some(keys) = self.databases.get_mut(&db) else { return false };
        let Some(queue) = keys.get_mut(key) else { return false };
        if queue.remove(&ticket).is_none() || !queue.is_empty() {
            return false;
        }
        keys.remove(key);
        if keys.is_empty() {
            self.databases.remove(&db);
        }
        true
    }

    /// Finds who has waited longest for a value of this type, or none, of those who came after `after`.
    pub(super) fn next(
        &self,
        db: usize,
        key: &[u8],
        kind: Option<Kind>,
        after: Option<Ticket>,
    ) -> Option<Ticket> {
        let from = after.map_or(0, |Ticket(number)| number + 1);
        let mut later = self.queue(db, key)?.range(Ticket(from)..);
        let is_met = |wish: Wish| match wish {
            Wish::Value(wanted) => kind == Some(wanted),
            Wish::Change => true,
        };
        later.find(|(_, wish)| is_met(**wish)).map(|(ticket, _)| *ticket)
    }

    /// Lists the keys of a database that somebody waits for.
    pub(super) fn keys(&self, db: usize) -> impl Iterator<Item = &[u8]> {
        self.databases.get(&db).into_iter().flatten().map(|(key, _)| &**key)
    }

    fn queue(&self, db: usize, key: &[u8]) -> Option<&Queue> {
        self.databases.get(&db)?.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_first_is_next_if_the_type_is_right() {
        let mut waiting = Waiting::default();
        assert!(waiting.add(0, b"k", Ticket(5), Wish::Value(Kind::List)));
        assert!(!waiting.add(0, b"k", Ticket(2), Wish::Value(Kind::SortedSet)));
        assert!(!waiting.add(0, b"k", Ticket(9), Wish::Value(Kind::List)));
        assert!(waiting.add(1, b"k", Ticket(1), Wish::Value(Kind::List)));
        assert_eq!(waiting.next(0, b"k", Some(Kind::List), None), Some(Ticket(5)));
        assert_eq!(waiting.next(0, b"k", Some(Kind::List), Some(Ticket(5))), Some(Ticket(9)));
        assert_eq!(waiting.next(0, b"k", Some(Kind::SortedSet), None), Some(Ticket(2)));
        assert_eq!(waiting.next(0, b"k", Some(Kind::Set), None), None);
        assert!(!waiting.add(0, b"k", Ticket(7), Wish::Change));
        let next = |kind| waiting.next(0, b"k", kind, Some(Ticket(5)));
        assert_eq!([next(Some(Kind::Set)), next(None)], [Some(Ticket(7)); 2]);
        waiting.remove(0, b"k", Ticket(7));
        assert!(!waiting.remove(0, b"k", Ticket(5)) && !waiting.remove(0, b"k", Ticket(5)));
        assert!(!waiting.remove(0, b"k", Ticket(2)) && waiting.remove(0, b"k", Ticket(9)));
        assert!(!waiting.is_awaited(0, b"k") && waiting.is_awaited(1, b"k"));
        assert_eq!(waiting.keys(1).collect::<Vec<_>>(), [b"k"]);
        assert!(waiting.remove(1, b"k", Ticket(1)) && waiting.is_empty());
    }
}
