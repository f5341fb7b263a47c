//! Where a small value turns into a large one; changed at run time by CONFIG SET.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

/// The sizes up to which an aggregate keeps its packed form.
///
/// A change applies to later writes only; a value that has grown out of its packed form stays so.
#[derive(Debug)]
pub struct Limits {
    hash_entries_max: AtomicUsize,
    hash_value_bytes_max: AtomicUsize,
    sparse_sketch_bytes: AtomicUsize,
    zset_entries_max: AtomicUsize,
    zset_value_bytes_max: AtomicUsize,
    list_size_max: AtomicI64,
    set_integers_max: AtomicUsize,
    set_entries_max: AtomicUsize,
    set_value_bytes_max: AtomicUsize,
    stream_node_bytes_max: AtomicUsize,
    stream_node_entries_max: AtomicUsize,
}

/// How much of a list stock servers keep in one listpack, by which OBJECT ENCODING names lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListpackLimit {
    /// So many bytes.
    Bytes(usize),
    /// So many elements, and no more than [`LISTPACK_BYTES_MAX`].
    Elements(usize),
}

/// The bytes of a listpack whose limit counts elements.
const LISTPACK_BYTES_MAX: usize = 8192;
/// The bytes that -1, -2 and so on stand for in `list-max-listpack-size`.
const LISTPACK_BYTES: [usize; 5] = [4096, 8192, 16_384, 32_768, 65_536];

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash_entries_max: AtomicUsize::new(512),
            hash_value_bytes_max: AtomicUsize::new(64),
            sparse_sketch_bytes: AtomicUsize::new(3000),
            zset_entries_max: AtomicUsize::new(128),
            zset_value_bytes_max: AtomicUsize::new(64),
            list_size_max: AtomicI64::new(-2),
            set_integers_max: AtomicUsize::new(512),
            set_entries_max: AtomicUsize::new(128),
            set_value_bytes_max: AtomicUsize::new(64),
            stream_node_bytes_max: AtomicUsize::new(4096),
            stream_node_entries_max: AtomicUsize::new(100),
        }
    }
}

impl Limits {
    /// Takes over the limits of another keyspace.
    pub(super) fn adopt(&self, other: &Self) {
        // Named one by one, so that none can be forgotten.
        let Self {
            hash_entries_max,
            hash_value_bytes_max,
            sparse_sketch_bytes,
            zset_entries_max,
            zset_value_bytes_max,
            list_size_max,
            set_integers_max,
            set_entries_max,
            set_value_bytes_max,
            stream_node_bytes_max,
            stream_node_entries_max,
        } = other;
        for (own, others) in [
            (&self.hash_entries_max, hash_entries_max),
            (&self.hash_value_bytes_max, hash_value_bytes_max),
            (&self.sparse_sketch_bytes, sparse_sketch_bytes),
            (&self.zset_entries_max, zset_entries_max),
            (&self.zset_value_bytes_max, zset_value_bytes_max),
            (&self.set_integers_max, set_integers_max),
            (&self.set_entries_max, set_entries_max),
            (&self.set_value_bytes_max, set_value_bytes_max),
            (&self.stream_node_bytes_max, stream_node_bytes_max),
            (&self.stream_node_entries_max, stream_node_entries_max),
        ] {
            own.store(others.load(Relaxed), Relaxed);
        }
        self.list_size_max.store(list_size_max.load(Relaxed), Relaxed);
    }

    /// The fields a packed hash may have.
    pub fn hash_entries_max(&self) -> usize {
        self.hash_entries_max.load(Relaxed)
    }

    /// The bytes a field or a value of a packed hash may have.
    pub fn hash_value_bytes_max(&self) -> usize {
        self.hash_value_bytes_max.load(Relaxed)
    }

    /// Sets the fields a packed hash may have.
    pub fn set_hash_entries_max(&self, fields: usize) {
        self.hash_entries_max.store(fields, Relaxed);
    }

    /// Sets the bytes a field or a value of a packed hash may have.
    pub fn set_hash_value_bytes_max(&self, bytes: usize) {
        self.hash_value_bytes_max.store(bytes, Relaxed);
    }

    /// The bytes a `HyperLogLog` may have before its registers become dense.
    pub fn sparse_sketch_bytes_max(&self) -> usize {
        self.sparse_sketch_bytes.load(Relaxed)
    }

    /// Sets the bytes a `HyperLogLog` may have before its registers become dense.
    pub fn set_sparse_sketch_bytes_max(&self, bytes: usize) {
        self.sparse_sketch_bytes.store(bytes, Relaxed);
    }

    /// The members a sorted set may have that is called a listpack.
    pub fn zset_entries_max(&self) -> usize {
        self.zset_entries_max.load(Relaxed)
    }

    /// The bytes a member of a sorted set may have that is called a listpack.
    pub fn zset_value_bytes_max(&self) -> usize {
        self.zset_value_bytes_max.load(Relaxed)
    }

    /// Sets the members a sorted set may have that is called a listpack.
    pub fn set_zset_entries_max(&self, members: usize) {
        self.zset_entries_max.store(members, Relaxed);
    }

    /// Sets the bytes a member of a sorted set may have that is called a listpack.
    pub fn set_zset_value_bytes_max(&self, bytes: usize) {
        self.zset_value_bytes_max.store(bytes, Relaxed);
    }

    /// The bytes that the entries of a stream may have which lie together; zero for any number.
    pub fn stream_node_bytes_max(&self) -> usize {
        self.stream_node_bytes_max.load(Relaxed)
    }

    /// The entries of a stream that may lie together; zero for any number.
    pub fn stream_node_entries_max(&self) -> usize {
        self.stream_node_entries_max.load(Relaxed)
    }

    /// Sets the bytes that the entries of a stream may have which lie together.
    pub fn set_stream_node_bytes_max(&self, bytes: usize) {
        self.stream_node_bytes_max.store(bytes, Relaxed);
    }

    /// Sets the entries of a stream that may lie together.
    pub fn set_stream_node_entries_max(&self, entries: usize) {
        self.stream_node_entries_max.store(entries, Relaxed);
    }

    /// The members that a packed set of integers may have.
    pub fn set_integers_max(&self) -> usize {
        self.set_integers_max.load(Relaxed)
    }

    /// The members that a packed set of strings may have.
    pub fn set_entries_max(&self) -> usize {
        self.set_entries_max.load(Relaxed)
    }

    /// The bytes that a member of a packed set of strings may have.
    pub fn set_value_bytes_max(&self) -> usize {
        self.set_value_bytes_max.load(Relaxed)
    }

    /// Sets the members that a packed set of integers may have.
    pub fn set_set_integers_max(&self, members: usize) {
        self.set_integers_max.store(members, Relaxed);
    }

    /// Sets the members that a packed set of strings may have.
    pub fn set_set_entries_max(&self, members: usize) {
        self.set_entries_max.store(members, Relaxed);
    }

    /// Sets the bytes that a member of a packed set of strings may have.
    pub fn set_set_value_bytes_max(&self, bytes: usize) {
        self.set_value_bytes_max.store(bytes, Relaxed);
    }

    /// The size up to which a list is told as a listpack: elements, or one of five sizes if negative.
    pub fn list_size_max(&self) -> i64 {
        self.list_size_max.load(Relaxed)
    }

    /// Sets the size up to which a list is told as a listpack.
    pub fn set_list_size_max(&self, size: i64) {
        self.list_size_max.store(size, Relaxed);
    }

    /// Says what [`Self::list_size_max`] means.
    #[inline]
    pub(super) fn listpack(&self) -> ListpackLimit {
        let size = self.list_size_max();
        if size < 0 {
            let level = size.unsigned_abs().min(LISTPACK_BYTES.len() as u64);
            return ListpackLimit::Bytes(LISTPACK_BYTES[level as usize - 1]);
        }
        ListpackLimit::Elements(usize::try_from(size).unwrap_or(usize::MAX).max(1))
    }
}

impl ListpackLimit {
    /// Tells whether a list of so much is no listpack any more.
    #[inline]
    pub(super) fn is_passed(self, bytes: usize, elements: usize) -> bool {
        match self {
            Self::Bytes(max) => bytes > max,
            Self::Elements(max) => elements > max || bytes > LISTPACK_BYTES_MAX,
        }
    }

    /// Tells whether a list of so much, that was no listpack, is one again: it has half of the limit.
    #[inline]
    pub(super) fn is_met_again(self, bytes: usize, elements: usize) -> bool {
        match self {
            Self::Bytes(max) => bytes <= max / 2,
            Self::Elements(max) => elements <= max / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_listpack_is_read_as_stock_reads_it() {
        let limits = Limits::default();
        assert_eq!(limits.listpack(), ListpackLimit::Bytes(8192));
        for (size, limit) in [
            (-1, ListpackLimit::Bytes(4096)),
            (-5, ListpackLimit::Bytes(65_536)),
            (i64::from(i32::MIN), ListpackLimit::Bytes(65_536)),
            (0, ListpackLimit::Elements(1)),
            (7, ListpackLimit::Elements(7)),
        ] {
            limits.set_list_size_max(size);
            assert_eq!(limits.listpack(), limit, "{size}");
        }
        let few = ListpackLimit::Elements(7);
        assert!(few.is_passed(10, 8) && few.is_passed(8193, 1) && !few.is_passed(8192, 7));
        assert!(few.is_met_again(9000, 3) && !few.is_met_again(10, 4));
        assert!(ListpackLimit::Bytes(4096).is_met_again(2048, 1000));
    }

    #[test]
    fn all_limits_of_another_are_taken_over() {
        let (limits, other) = (Limits::default(), Limits::default());
        other.set_hash_entries_max(1);
        other.set_hash_value_bytes_max(2);
        other.set_sparse_sketch_bytes_max(3);
        other.set_zset_entries_max(4);
        other.set_zset_value_bytes_max(5);
        other.set_list_size_max(6);
        other.set_set_integers_max(7);
        other.set_set_entries_max(8);
        other.set_set_value_bytes_max(9);
        other.set_stream_node_bytes_max(10);
        other.set_stream_node_entries_max(11);
        limits.adopt(&other);
        assert_eq!(format!("{limits:?}"), format!("{other:?}"));
    }
}
