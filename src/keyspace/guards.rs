//! The guards of held shards, and how they are come by.
//!
//! Nobody sleeps for a shard while it holds others, but whoever takes more of them halfway, and of these
//! there is one at most ([`super::Locked::extend`]). So nobody waits for ever.

use parking_lot::MutexGuard;

use super::key::ShardSet;
use super::shard::Shard;
use super::space::Keyspace;

/// One guard inline, so that the command of one key allocates nothing; else a list, ascending.
#[derive(Debug)]
pub(super) enum Guards<'a> {
    One(MutexGuard<'a, Shard>),
    Many(Many<'a>),
}

/// The guards of any other number of shards.
#[derive(Debug, Default)]
pub(super) struct Many<'a>(Vec<MutexGuard<'a, Shard>>);

/// The shards a [`super::Db`] looks at, without the lifetime of their guards.
pub(super) enum Shards<'l> {
    One(&'l mut Shard),
    Many(&'l mut (dyn ShardList + 'l)),
}

/// A list of held shards.
pub(super) trait ShardList {
    fn at(&self, index: usize) -> &Shard;
    fn at_mut(&mut self, index: usize) -> &mut Shard;
}

impl<'a> Guards<'a> {
    #[inline]
    pub(super) fn lock(space: &'a Keyspace, set: ShardSet) -> Self {
        match set.only() {
            Some(shard) => Self::One(space.lock_shard(shard)),
            None => Self::Many(Many::lock(space, set)),
        }
    }

    #[inline]
    pub(super) fn unless(
        space: &'a Keyspace,
        set: ShardSet,
        gives_up: &dyn Fn() -> bool,
    ) -> Option<Self> {
        Some(match set.only() {
            Some(shard) => Self::One(space.lock_shard_unless(shard, gives_up)?),
            None => Self::Many(Many::unless(space, set, gives_up)?),
        })
    }

    /// Makes guards of a list that is ascending.
    pub(super) fn of(list: Vec<MutexGuard<'a, Shard>>) -> Self {
        Self::Many(Many(list))
    }

    pub(super) fn into_list(self) -> Vec<MutexGuard<'a, Shard>> {
        match self {
            Self::One(guard) => vec![guard],
            Self::Many(mut guards) => std::mem::take(&mut guards.0),
        }
    }

    /// Adds guards of further shards to those of `held`.
    pub(super) fn join(&mut self, held: ShardSet, more: Vec<(usize, MutexGuard<'a, Shard>)>) {
        let own = std::mem::take(self).into_list();
        let mut all: Vec<_> = held.iter().zip(own).chain(more).collect();
        all.sort_unstable_by_key(|(shard, _)| *shard);
        *self = Self::of(all.into_iter().map(|(_, guard)| guard).collect());
    }

    #[inline]
    pub(super) fn shards(&mut self) -> Shards<'_> {
        match self {
            Self::One(guard) => Shards::One(guard),
            Self::Many(Many(guards)) => Shards::Many(guards),
        }
    }

    pub(super) fn at(&self, rank: usize) -> &Shard {
        match self {
            Self::One(guard) => guard,
            Self::Many(Many(guards)) => &guards[rank],
        }
    }

    pub(super) fn at_mut(&mut self, rank: usize) -> &mut Shard {
        match self {
            Self::One(guard) => guard,
            Self::Many(Many(guards)) => &mut guards[rank],
        }
    }

    pub(super) fn as_slice(&self) -> &[MutexGuard<'a, Shard>] {
        match self {
            Self::One(guard) => std::slice::from_ref(guard),
            Self::Many(Many(guards)) => guards,
        }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [MutexGuard<'a, Shard>] {
        match self {
            Self::One(guard) => std::slice::from_mut(guard),
            Self::Many(Many(guards)) => guards,
        }
    }
}

impl Default for Guards<'_> {
    fn default() -> Self {
        Self::Many(Many::default())
    }
}

impl<'a> Many<'a> {
    #[cold]
    fn lock(space: &'a Keyspace, set: ShardSet) -> Self {
        Self::take(space, set, |shard| Some(space.lock_shard(shard))).expect("it sleeps as long")
    }

    #[cold]
    fn unless(space: &'a Keyspace, set: ShardSet, gives_up: &dyn Fn() -> bool) -> Option<Self> {
        Self::take(space, set, |shard| space.lock_shard_unless(shard, gives_up))
    }

    /// Takes the shards of a set; `sleep` waits for one while none is held.
    fn take(
        space: &'a Keyspace,
        set: ShardSet,
        sleep: impl Fn(usize) -> Option<MutexGuard<'a, Shard>>,
    ) -> Option<Self> {
        let mut awaited = None;
        loop {
            let mut slept = match awaited {
                Some(shard) => Some(sleep(shard)?),
                None => None,
            };
            let mut guards = Vec::with_capacity(set.len());
            let missed = set.iter().find(|&shard| {
                let own = slept.take_if(|_| awaited == Some(shard));
                let guard = own.or_else(|| space.try_shard(shard));
                let is_missed = guard.is_none();
                guards.extend(guard);
                is_missed
            });
            if missed.is_none() {
                return Some(Self(guards));
            }
            awaited = missed;
        }
    }

    #[cold]
    fn unlock(&mut self) {
        self.0.clear();
    }
}

impl Drop for Many<'_> {
    #[inline]
    fn drop(&mut self) {
        self.unlock();
    }
}

impl ShardList for Vec<MutexGuard<'_, Shard>> {
    fn at(&self, index: usize) -> &Shard {
        &self[index]
    }

    fn at_mut(&mut self, index: usize) -> &mut Shard {
        &mut self[index]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::key::SHARDS;
    use super::*;

    /// Shards that are the same for a seed.
    fn some(seed: usize, count: usize) -> ShardSet {
        let shards = (0..count).map(|n| ShardSet::single((seed * 7 + n * 13 + n * seed) % SHARDS));
        shards.fold(ShardSet::EMPTY, ShardSet::union)
    }

    #[test]
    fn those_who_take_many_and_those_who_take_more_do_not_wait_for_ever() {
        let space = Keyspace::new(1);
        let (extended, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (space, extended, refused) = (&space, &extended, &refused);
                scope.spawn(move || {
                    for round in 0..3000 {
                        let seed = round * 4 + thread;
                        let mut locked = space.lock(some(seed, 1 + seed % 9));
                        let more = some(seed + 1, 5);
                        let count = if locked.extend(more) { extended } else { refused };
                        assert!(locked.holds(some(seed, 1 + seed % 9)));
                        count.fetch_add(1, Ordering::Relaxed);
                        if round % 100 == 0 {
                            drop(locked);
                            assert!(space.lock_all().holds(ShardSet::ALL));
                        }
                    }
                });
            }
        });
        assert_eq!(extended.into_inner() + refused.into_inner(), 12_000);
        assert!(space.lock_all().holds(ShardSet::ALL), "all were let go of");
    }

    #[test]
    fn what_is_taken_in_addition_is_where_it_is_looked_for() {
        let space = Keyspace::new(1);
        let keys: Vec<_> = (0..200).map(|number| format!("key {number}")).collect();
        let mut locked = space.lock(ShardSet::of(&space.key(keys[0].as_bytes())));
        for name in &keys {
            let key = space.key(name.as_bytes());
            assert!(locked.extend(ShardSet::of(&key)));
            locked.db(0).set_string(&key, name.as_bytes(), crate::keyspace::SetExpiry::Clear, 0);
        }
        drop(locked);
        for name in &keys {
            let key = space.key(name.as_bytes());
            assert!(space.lock(ShardSet::of(&key)).db(0).contains(&key), "{name}");
        }
    }
}
