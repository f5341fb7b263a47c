//! Where a small value turns into a large one; changed at run time by CONFIG SET.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The sizes up to which an aggregate keeps its packed form.
///
/// A change applies to later writes only; a value that has grown out of its packed form stays so.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "each is the most of something else")]
pub struct Limits {
    hash_entries_max: AtomicUsize,
    hash_value_bytes_max: AtomicUsize,
    sparse_sketch_bytes: AtomicUsize,
    zset_entries_max: AtomicUsize,
    zset_value_bytes_max: AtomicUsize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash_entries_max: AtomicUsize::new(512),
            hash_value_bytes_max: AtomicUsize::new(64),
            sparse_sketch_bytes: AtomicUsize::new(3000),
            zset_entries_max: AtomicUsize::new(128),
            zset_value_bytes_max: AtomicUsize::new(64),
        }
    }
}

impl Limits {
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
}
