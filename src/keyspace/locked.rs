//! Held shards: what a command may look at and change until it lets go of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::MutexGuard;

use super::database::Db;
use super::guards::Guards;
use super::image::Image;
use super::key::{Key, SHARDS, ShardSet};
use super::seldom::Seldom;
use super::shard::Shard;
use super::space::Keyspace;
use super::spent::{Noted, Spent};
use super::table::Table;
use super::waiting::{Ticket, Wish};
use super::watch::Presence;

/// The locks of some shards, held until dropped.
///
/// They are taken for every command. So what few commands need is nothing but a null for the others,
/// and is dropped out of their way.
#[derive(Debug)]
pub struct Locked<'a> {
    space: &'a Keyspace,
    set: ShardSet,
    guards: Guards<'a>,
    /// The keys that were changed and that somebody waits for, in the order of their first change.
    ready: Seldom<VecDeque<(usize, Box<[u8]>)>>,
    /// Behind the locks, so that what was removed is freed after these.
    noted: Noted,
}

/// The tables a flush took out; dropping it frees them, which may take long.
#[derive(Debug)]
#[must_use = "dropping frees every value: choose the thread that does"]
pub struct Cleared {
    tables: Vec<Table>,
    count: usize,
}

impl<'a> Locked<'a> {
    #[inline]
    pub(super) fn new(space: &'a Keyspace, set: ShardSet) -> Self {
        Self::of(space, set, Guards::lock(space, set))
    }

    /// Locks the shards of a set, unless it has to wait and is told to give up.
    #[inline]
    pub(super) fn unless(
        space: &'a Keyspace,
        set: ShardSet,
        gives_up: &dyn Fn() -> bool,
    ) -> Option<Self> {
        Some(Self::of(space, set, Guards::unless(space, set, gives_up)?))
    }

    #[inline]
    fn of(space: &'a Keyspace, set: ShardSet, guards: Guards<'a>) -> Self {
        Self { space, set, guards, ready: Seldom::default(), noted: Noted::default() }
    }

    /// Takes the shards of a set as well, and those that serving whoever waits for their keys takes;
    /// tells whether it did.
    ///
    /// It does not while somebody else is at it: both could wait for what the other holds.
    #[cold]
    #[must_use = "the shards may not be held"]
    pub fn extend(&mut self, set: ShardSet) -> bool {
        let space = self.space;
        let Some(_turn) = space.extending.try_lock() else { return false };
        let mut wanted = self.set.union(set);
        while !self.holds(wanted) {
            let more = wanted.without(self.set).iter().map(|at| (at, space.lock_shard(at)));
            self.guards.join(self.set, more.collect());
            self.set = wanted;
            wanted = space.reach(wanted);
        }
        true
    }

    /// Tells whether all shards of `set` are held.
    pub fn holds(&self, set: ShardSet) -> bool {
        self.set.contains(set)
    }

    /// Returns the set of shards held.
    pub fn set(&self) -> ShardSet {
        self.set
    }

    /// Views one database over the held shards.
    ///
    /// # Panics
    /// When there is no such database; and later, when it is asked for a key of a shard not held.
    #[inline]
    pub fn db(&mut self, index: usize) -> Db<'_> {
        assert!(index < self.space.databases(), "database {index}");
        Db::new(self.space, self.set, self.guards.shards(), index, &mut self.noted)
    }

    /// Exchanges two databases (SWAPDB) and raises the flags of the watched keys in either.
    ///
    /// A key that has expired by `now_ms` counts as absent.
    ///
    /// # Panics
    /// When not every shard is held.
    pub fn swap(&mut self, a: usize, b: usize, now_ms: i64) {
        assert!(self.set == ShardSet::ALL, "swapping databases takes every shard");
        let space = self.space;
        let mut awaited = Vec::new();
        self.each(|index, shard| {
            let Shard { tables, watchers, waiting, .. } = &mut *shard;
            for (db, other) in [(a, b), (b, a)] {
                let changes = |key: &&[u8]| {
                    let key = space.key(key);
                    [db, other].iter().any(|db| tables[*db].find(&key).is_some())
                };
                awaited.extend(waiting.keys(db).filter(changes).map(|key| (db, Box::from(key))));
                watchers.replaced(
                    db,
                    |key| tables[db].find(&space.key(key)).is_some(),
                    |key| presence(&tables[other], &space.key(key), now_ms),
                );
            }
            tables.swap(a, b);
            publish(space, index, shard, a);
            publish(space, index, shard, b);
        });
        self.are_ready(awaited);
    }

    /// Empties a database in the held shards (FLUSHDB), raising the flags of its watched keys.
    ///
    /// What was in it comes back, so that another thread can free it.
    pub fn clear(&mut self, db: usize) -> Cleared {
        let space = self.space;
        let mut cleared = Cleared { tables: Vec::new(), count: 0 };
        let mut awaited = Vec::new();
        self.each(|index, shard| {
            let empty = shard.tables[db].empty_like();
            let table = std::mem::replace(&mut shard.tables[db], empty);
            let was_there = |key: &[u8]| table.find(&space.key(key)).is_some();
            shard.watchers.replaced(db, was_there, |_| Presence::Absent);
            let gone = shard.waiting.keys(db).filter(|key| was_there(key));
            awaited.extend(gone.map(|key| (db, Box::from(key))));
            table.note_if_held();
            cleared.count += table.len();
            cleared.tables.push(table);
            publish(space, index, shard, db);
        });
        self.are_ready(awaited);
        cleared
    }

    /// Exchanges all databases with those of a keyspace made by [`Keyspace::empty_like`].
    ///
    /// Raises the flags of the watched keys that were there or come to be, as [`Self::swap`] does.
    ///
    /// # Panics
    /// When not every shard of both is held, or they do not hash alike.
    pub fn exchange(&mut self, other: &mut Locked<'_>, now_ms: i64) {
        assert!(self.set == ShardSet::ALL && other.set == ShardSet::ALL, "every shard of both");
        let probe = b"probe";
        let (space, others) = (self.space, other.space);
        assert_eq!(space.key(probe).hash(), others.key(probe).hash(), "the same hash");
        let mut tables = Vec::new();
        other.each(|_, shard| tables.push(std::mem::take(&mut shard.tables)));
        let mut coming = tables.into_iter();
        let mut gone = Vec::new();
        self.each(|index, shard| {
            let tables = coming.next().expect("as many shards");
            for (db, (old, new)) in shard.tables.iter().zip(&tables).enumerate() {
                shard.watchers.replaced(
                    db,
                    |key| old.find(&space.key(key)).is_some(),
                    |key| presence(new, &space.key(key), now_ms),
                );
            }
            gone.push(std::mem::replace(&mut shard.tables, tables));
            (0..space.databases()).for_each(|db| publish(space, index, shard, db));
        });
        let mut gone = gone.into_iter();
        other.each(|index, shard| {
            shard.tables = gone.next().expect("as many shards");
            (0..others.databases()).for_each(|db| publish(others, index, shard, db));
        });
    }

    /// Takes an image of all databases, which costs one reference count per some hundred keys.
    ///
    /// # Panics
    /// When not every shard is held: the image would be of more than one moment.
    pub fn image(&self) -> Image {
        assert!(self.set == ShardSet::ALL, "an image takes every shard");
        let shards = self.shards();
        let partitions = (0..self.space.databases()).flat_map(|db| {
            let tables = shards.iter().map(move |shard| &shard.tables[db]);
            tables.flat_map(move |table| table.partitions().map(move |held| (db, Arc::clone(held))))
        });
        Image::new(self.space.databases(), partitions)
    }

    /// Counts the bytes that a database takes beside its records, in all shards.
    ///
    /// Where none is held here, each is locked for a moment.
    ///
    /// # Panics
    /// When some shards are held and others are not: locking those could be out of order.
    pub fn tables_bytes(&self, db: usize) -> usize {
        if self.set == ShardSet::ALL {
            return self.shards().iter().map(|shard| shard.tables[db].overhead_bytes()).sum();
        }
        assert!(self.set.is_empty(), "all shards are held, or none");
        let shards = self.space.shards.iter();
        shards.map(|cell| cell.shard.lock().tables[db].overhead_bytes()).sum()
    }

    /// Counts the bytes of the held partitions of a database, large values apart.
    #[cfg(test)]
    pub(super) fn rooms_bytes(&self, db: usize) -> usize {
        self.shards().iter().map(|shard| shard.tables[db].rooms_bytes()).sum()
    }

    /// Hands the held shards out in about `count` sets, for as many threads to fill.
    ///
    /// None is held here until [`Self::rejoin`] has taken them back.
    #[must_use = "dropping a part lets go of its shards"]
    pub fn split(&mut self, count: usize) -> Vec<Self> {
        let set = std::mem::take(&mut self.set);
        let guards = std::mem::take(&mut self.guards).into_list();
        let each = set.len().div_ceil(count.max(1)).max(1);
        let mut held = set.iter().zip(guards).peekable();
        let mut parts = Vec::new();
        while held.peek().is_some() {
            let (shards, guards): (Vec<_>, Vec<_>) = held.by_ref().take(each).unzip();
            let sets = shards.into_iter().map(ShardSet::single);
            let set = sets.fold(ShardSet::EMPTY, ShardSet::union);
            parts.push(Self::of(self.space, set, Guards::of(guards)));
        }
        parts
    }

    /// Takes back what [`Self::split`] handed out.
    ///
    /// # Panics
    /// When the parts do not come in their order.
    pub fn rejoin(&mut self, parts: Vec<Self>) {
        let mut all = Vec::new();
        for mut part in parts {
            let lowest = part.set.iter().next();
            assert!(self.set.iter().last() < lowest, "parts come back in ascending order");
            self.set = self.set.union(part.set);
            self.are_ready(part.ready.take().into_iter().flat_map(|ready| *ready));
            all.append(&mut part.guards.into_list());
        }
        self.guards = Guards::of(all);
    }

    /// Makes room for so many keys in all shards together, as far as a database is empty here.
    pub fn reserve(&mut self, db: usize, keys: usize) {
        self.each(|_, shard| shard.tables[db].reserve(keys / SHARDS));
    }

    /// Gives back what [`Self::reserve`] reserved of a database and is not used.
    pub fn fit(&mut self, db: usize) {
        let hasher = self.space.hasher();
        self.each(|_, shard| shard.tables[db].fit(hasher));
    }

    /// Raises `flag` when the key changes, from now on.
    ///
    /// That a key which has expired by `now_ms` is removed later is no change.
    pub fn watch(&mut self, db: usize, key: &Key<'_>, flag: &Arc<AtomicBool>, now_ms: i64) {
        let shard = self.shard_mut(key);
        let found = presence(&shard.tables[db], key, now_ms);
        shard.watchers.add(db, key.bytes(), flag, found);
    }

    /// Tells whether the key has expired since it is watched with `flag`, and is still there.
    pub fn has_expired_watched(
        &mut self,
        db: usize,
        key: &Key<'_>,
        flag: &Arc<AtomicBool>,
        now_ms: i64,
    ) -> bool {
        let shard = self.shard_mut(key);
        presence(&shard.tables[db], key, now_ms) == Presence::Expired
            && !shard.watchers.has_seen_expired(db, key.bytes(), flag)
    }

    /// Ends a [`Self::watch`].
    pub fn unwatch(&mut self, db: usize, key: &Key<'_>, flag: &Arc<AtomicBool>) {
        self.shard_mut(key).watchers.remove(db, key.bytes(), flag);
    }

    /// Raises the flags of those who watch the key, and notes that those who wait for it may be served;
    /// nearly free when nobody does either.
    #[inline]
    pub fn touched(&mut self, db: usize, key: &Key<'_>) {
        let Shard { tables, watchers, waiting, .. } = self.shard_mut(key);
        watchers.touched(db, key.bytes(), || tables[db].find(key).is_some());
        if !waiting.is_empty() && waiting.is_awaited(db, key.bytes()) {
            self.is_ready(db, key.bytes());
        }
    }

    /// Notes that those who wait for the key are to look at it, though it did not get more.
    pub fn disturbed(&mut self, db: usize, key: &Key<'_>) {
        if self.shard_mut(key).waiting.is_awaited(db, key.bytes()) {
            self.is_ready(db, key.bytes());
        }
    }

    /// Has one wait for what it wishes of a key; serving it takes the shards of `reach`.
    pub fn wait(
        &mut self,
        db: usize,
        key: &Key<'_>,
        (ticket, wish): (Ticket, Wish),
        reach: ShardSet,
    ) {
        let space = self.space;
        if self.shard_mut(key).waiting.add(db, key.bytes(), ticket, wish) {
            space.count_awaited(1);
        }
        let reach = space.reach_of(key.shard()).union(reach);
        space.set_reach(key.shard(), reach);
    }

    /// Ends a [`Self::wait`].
    pub fn wait_no_more(&mut self, db: usize, key: &Key<'_>, ticket: Ticket) {
        let space = self.space;
        let waiting = &mut self.shard_mut(key).waiting;
        if waiting.remove(db, key.bytes(), ticket) {
            space.count_awaited(-1);
            if waiting.is_empty() {
                space.set_reach(key.shard(), ShardSet::EMPTY);
            }
        }
    }

    /// Tells whether a key was changed that somebody waits for.
    #[inline]
    pub fn has_ready(&self) -> bool {
        self.ready.get().is_some_and(|ready| !ready.is_empty())
    }

    /// Takes the keys that were changed and that somebody waits for, with their databases.
    pub fn take_all_ready(&mut self) -> VecDeque<(usize, Box<[u8]>)> {
        self.ready.get_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Tells whether all shards are held that serving whoever waits for a key takes.
    pub fn reaches_all_of(&self, key: &Key<'_>) -> bool {
        self.holds(self.space.reach(ShardSet::of(key)))
    }

    /// Takes the key that was changed first, of those that somebody waits for, with its database.
    pub fn take_ready(&mut self) -> Option<(usize, Box<[u8]>)> {
        self.ready.get_mut()?.pop_front()
    }

    /// Takes what was removed and takes long to free; left here, it is freed with the locks.
    #[inline]
    pub fn take_spent(&mut self) -> Option<Box<Vec<Spent>>> {
        self.noted.spent.take()
    }

    /// Tells whether a key was created since this was last asked.
    pub fn take_created(&mut self) -> bool {
        std::mem::take(&mut self.noted.has_created)
    }

    /// Finds who has waited longest for what the key holds now, of those who came after `after`.
    ///
    /// A key that has expired by `now_ms` holds nothing.
    pub fn next_waiting(
        &self,
        db: usize,
        key: &Key<'_>,
        after: Option<Ticket>,
        now_ms: i64,
    ) -> Option<Ticket> {
        let shard = self.shard(key);
        let entry = shard.tables[db].find(key).filter(|entry| !entry.is_expired(now_ms));
        shard.waiting.next(db, key.bytes(), entry.map(|entry| entry.kind()), after)
    }

    fn are_ready(&mut self, keys: impl IntoIterator<Item = (usize, Box<[u8]>)>) {
        let mut keys = keys.into_iter().peekable();
        if keys.peek().is_some() {
            self.ready.get_or_default().extend(keys);
        }
    }

    #[cold]
    fn is_ready(&mut self, db: usize, key: &[u8]) {
        let ready = self.ready.get_or_default();
        if !ready.iter().any(|(at, name)| (*at, &**name) == (db, key)) {
            ready.push_back((db, key.into()));
        }
    }

    fn shard(&self, key: &Key<'_>) -> &Shard {
        assert!(self.holds(ShardSet::of(key)), "shard {} is not held", key.shard());
        self.guards.at(self.set.rank(key.shard()))
    }

    fn shard_mut(&mut self, key: &Key<'_>) -> &mut Shard {
        assert!(self.holds(ShardSet::of(key)), "shard {} is not held", key.shard());
        self.guards.at_mut(self.set.rank(key.shard()))
    }

    fn shards(&self) -> &[MutexGuard<'a, Shard>] {
        self.guards.as_slice()
    }

    fn each(&mut self, mut visit: impl FnMut(usize, &mut Shard)) {
        self.set
            .iter()
            .zip(self.guards.as_mut_slice())
            .for_each(|(index, guard)| visit(index, guard));
    }
}

impl Cleared {
    /// Counts the keys that were removed.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds what another flush took out.
    pub fn absorb(&mut self, other: Self) {
        self.tables.extend(other.tables);
        self.count += other.count;
    }
}

fn presence(table: &Table, key: &Key<'_>, now_ms: i64) -> Presence {
    match table.find(key) {
        None => Presence::Absent,
        Some(entry) if entry.is_expired(now_ms) => Presence::Expired,
        Some(_) => Presence::Live,
    }
}

fn publish(space: &Keyspace, index: usize, shard: &Shard, db: usize) {
    let table = &shard.tables[db];
    space.publish(index, db, table.len(), table.expiring());
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Acquire;

    use super::*;
    use crate::keyspace::SetExpiry;

    #[test]
    fn a_keyspace_of_the_same_hash_takes_the_place_of_another() {
        let keyspace = Keyspace::with_partition_limit(2, 8);
        let other = keyspace.empty_like();
        let set = |space: &Keyspace, db: usize, name: &[u8]| {
            space.lock_all().db(db).set_string(&space.key(name), b"v", SetExpiry::Clear, 0);
        };
        for number in 0..100 {
            set(&keyspace, 0, format!("old {number}").as_bytes());
            set(&other, 1, format!("new {number}").as_bytes());
        }
        let (gone, comes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let untouched = Arc::new(AtomicBool::new(false));
        let mut locked = keyspace.lock_all();
        locked.watch(0, &keyspace.key(b"old 7"), &gone, 0);
        locked.watch(1, &keyspace.key(b"new 7"), &comes, 0);
        locked.watch(0, &keyspace.key(b"none"), &untouched, 0);
        locked.exchange(&mut other.lock_all(), 0);
        drop(locked);
        assert_eq!((keyspace.keys_count(0), keyspace.keys_count(1)), (0, 100));
        assert_eq!((other.keys_count(0), other.keys_count(1)), (100, 0));
        assert!(keyspace.lock_all().db(1).contains(&keyspace.key(b"new 42")));
        assert!(gone.load(Acquire) && comes.load(Acquire) && !untouched.load(Acquire));
    }
}
