//! The leaves of an ordered map: keys in their order, and beside them the values.

use std::fmt::Debug;

use super::node::{LEAF_LEN_MAX, Leaf, Sequence};
use crate::keyspace::growth;

/// What an ordered map can hold.
pub(in crate::keyspace) trait Held: Clone + Debug {
    /// Counts the bytes it takes elsewhere; takes time with nothing.
    fn held_bytes(&self) -> usize;
}

/// Keys in their order, each with a value.
#[derive(Clone, Debug)]
pub(super) struct Pairs<K, V> {
    keys: Vec<K>,
    values: Vec<V>,
    /// What keys and values take elsewhere.
    held: usize,
}

impl<K, V> Default for Pairs<K, V> {
    fn default() -> Self {
        Self { keys: Vec::new(), values: Vec::new(), held: 0 }
    }
}

impl<K: Ord + Held, V: Held> Pairs<K, V> {
    pub(super) fn of(key: K, value: V) -> Self {
        let held = key.held_bytes() + value.held_bytes();
        Self { keys: vec![key], values: vec![value], held }
    }

    pub(super) fn keys(&self) -> &[K] {
        &self.keys
    }

    pub(super) fn values(&self) -> &[V] {
        &self.values
    }

    pub(super) fn insert(&mut self, i: usize, key: K, value: V) {
        self.held += key.held_bytes() + value.held_bytes();
        growth::insert(&mut self.keys, i, key);
        growth::insert(&mut self.values, i, value);
    }

    pub(super) fn remove(&mut self, i: usize) -> (K, V) {
        let (key, value) = (self.keys.remove(i), self.values.remove(i));
        self.held -= key.held_bytes() + value.held_bytes();
        growth::trim(&mut self.keys);
        growth::trim(&mut self.values);
        (key, value)
    }

    pub(super) fn change<R>(&mut self, i: usize, change: impl FnOnce(&mut V) -> R) -> R {
        let value = &mut self.values[i];
        self.held -= value.held_bytes();
        let result = change(value);
        self.held += value.held_bytes();
        result
    }

    fn measure(&mut self) {
        let keys: usize = self.keys.iter().map(Held::held_bytes).sum();
        self.held = keys + self.values.iter().map(Held::held_bytes).sum::<usize>();
    }
}

impl<K: Ord + Held, V: Held> Leaf for Pairs<K, V> {
    type Bound = K;
    type Context = ();

    #[inline]
    fn len(&self) -> usize {
        self.keys.len()
    }

    fn payload_bytes(&self) -> usize {
        0
    }

    fn memory_bytes(&self) -> usize {
        let keys = self.keys.capacity() * size_of::<K>();
        keys + self.values.capacity() * size_of::<V>() + self.held
    }

    /// Leaves are as full as the number of their elements makes them.
    fn bytes_len(&self) -> usize {
        0
    }

    fn split(&mut self, (): &()) -> Option<(K, Self)> {
        let right = self.split_off(self.len() / 2);
        Some((self.bound_before(&right), right))
    }

    fn append(&mut self, right: Self) {
        growth::reserve(&mut self.keys, right.keys.len());
        self.keys.extend(right.keys);
        growth::reserve(&mut self.values, right.values.len());
        self.values.extend(right.values);
        self.held += right.held;
    }
}

impl<K: Ord + Held, V: Held> Sequence for Pairs<K, V> {
    fn split_off(&mut self, at: usize) -> Self {
        let keys = growth::split_off(&mut self.keys, at);
        let values = growth::split_off(&mut self.values, at);
        let mut right = Self { keys, values, held: 0 };
        right.measure();
        self.held -= right.held;
        right
    }

    fn bound_before(&self, right: &Self) -> K {
        right.keys[0].clone()
    }
}

const _: () = assert!(LEAF_LEN_MAX >= 2, "a leaf that is split has elements for both halves");
