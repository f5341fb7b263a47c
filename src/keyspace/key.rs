//! A key with its hash, and sets of the shards keys live in.

use std::hash::{BuildHasher, Hasher};

use ahash::RandomState;

/// Counts the shards, each behind a lock of its own.
pub const SHARDS: usize = 64;

/// The bits of a hash that name the shard, from the top.
pub(super) const SHARD_BITS: u32 = SHARDS.trailing_zeros();

/// A key's bytes and their hash, computed once per command.
#[derive(Clone, Copy, Debug)]
pub struct Key<'k> {
    bytes: &'k [u8],
    hash: u64,
}

impl<'k> Key<'k> {
    /// Pairs bytes with their hash under the keyspace's own seed.
    pub(super) fn new(bytes: &'k [u8], hash: u64) -> Self {
        Self { bytes, hash }
    }

    /// Returns the key's bytes.
    #[inline]
    pub fn bytes(&self) -> &'k [u8] {
        self.bytes
    }

    /// Returns the seeded hash.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Names the shard the key lives in.
    #[inline]
    pub fn shard(&self) -> usize {
        (self.hash >> (u64::BITS - SHARD_BITS)) as usize
    }
}

/// A set of shards, as a bitmask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet(u64);

impl ShardSet {
    /// No shard.
    pub const EMPTY: Self = Self(0);
    /// Every shard.
    pub const ALL: Self = Self(u64::MAX);

    /// Returns the set of the one shard that `key` lives in.
    pub fn of(key: &Key<'_>) -> Self {
        Self::single(key.shard())
    }

    /// Returns the set of one shard.
    ///
    /// # Panics
    /// When there is no such shard.
    pub fn single(shard: usize) -> Self {
        assert!(shard < SHARDS, "shard {shard} of {SHARDS}");
        Self(1 << shard)
    }

    /// Returns the shards of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether every shard of `other` is in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Counts the shards.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Tells whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the set as a bitmask.
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// Returns the set of a bitmask.
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the shards that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the shard if there is just one.
    #[inline]
    pub(super) fn only(self) -> Option<usize> {
        self.0.is_power_of_two().then_some(self.0.trailing_zeros() as usize)
    }

    /// Walks the shards upward.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let shard = (left != 0).then_some(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(shard)
        })
    }

    /// Counts the shards of the set below `shard`: its index in a list of the set.
    pub(super) fn rank(self, shard: usize) -> usize {
        (self.0 & ((1 << shard) - 1)).count_ones() as usize
    }
}

/// Hashes the bytes of a key or a field under a seed.
#[inline]
pub(super) fn hash_bytes(hasher: &RandomState, bytes: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write(bytes);
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_shards_walks_upward() {
        let set = ShardSet::single(63).union(ShardSet::single(0)).union(ShardSet::single(7));
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 7, 63]);
        assert_eq!((set.rank(0), set.rank(7), set.rank(63)), (0, 1, 2));
        assert_eq!(set.len(), 3);
        assert!(ShardSet::ALL.contains(set) && !set.contains(ShardSet::single(1)));
        assert!(set.contains(ShardSet::EMPTY) && ShardSet::EMPTY.is_empty());
        assert_eq!(ShardSet::ALL.iter().count(), SHARDS);
    }

    #[test]
    fn the_top_bits_name_the_shard() {
        assert_eq!(Key::new(b"", u64::MAX).shard(), 63);
        assert_eq!(Key::new(b"", u64::MAX >> SHARD_BITS).shard(), 0);
    }
}
