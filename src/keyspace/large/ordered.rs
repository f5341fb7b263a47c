//! Keys in their order, each with a value of any type: what streams are made of.

use std::borrow::Borrow;

use super::node::Side;
use super::pairs::{Held, Pairs};
use super::tree::{Found, Path, Tree};

/// A map in the order of its keys.
#[derive(Clone, Debug)]
pub(in crate::keyspace) struct OrderedMap<K: Ord + Held, V: Held> {
    tree: Tree<Pairs<K, V>>,
}

/// Walks keys and values from either end.
#[derive(Debug)]
pub(in crate::keyspace) struct OrderedIter<'m, K: Ord + Held, V: Held> {
    map: &'m OrderedMap<K, V>,
    front: Stretch<'m, K, V>,
    back: Stretch<'m, K, V>,
}

/// A leaf with the indices of its first key and behind its last one.
#[derive(Debug)]
struct Stretch<'m, K, V> {
    leaf: Option<&'m Pairs<K, V>>,
    start: usize,
    /// The index of the next key in the map, or behind it.
    next: usize,
}

impl<K, V> Clone for Stretch<'_, K, V> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<K: Ord + Held, V: Held> Clone for OrderedIter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { map: self.map, front: self.front.clone(), back: self.back.clone() }
    }
}

impl<K: Ord + Held, V: Held> Default for OrderedMap<K, V> {
    fn default() -> Self {
        Self { tree: Tree::new() }
    }
}

impl<K: Ord + Held, V: Held> OrderedMap<K, V> {
    /// Counts the keys.
    pub(in crate::keyspace) fn len(&self) -> usize {
        self.tree.len()
    }

    pub(in crate::keyspace) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the bytes of all nodes and of what is held elsewhere, whether shared or not.
    pub(in crate::keyspace) fn memory_bytes(&self) -> usize {
        self.tree.memory_bytes()
    }

    pub(in crate::keyspace) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (found, at) = self.find(key);
        at.ok().map(|at| &found.leaf.values()[at])
    }

    /// Finds a key that is equal to one, and its value.
    pub(in crate::keyspace) fn get_pair<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let (found, at) = self.find(key);
        at.ok().map(|at| (&found.leaf.keys()[at], &found.leaf.values()[at]))
    }

    /// Borrows the key and the value at an index.
    pub(in crate::keyspace) fn nth(&self, index: usize) -> Option<(&K, &V)> {
        (index < self.len()).then(|| {
            let (leaf, at) = self.tree.leaf_at(index);
            (&leaf.keys()[at], &leaf.values()[at])
        })
    }

    pub(in crate::keyspace) fn first(&self) -> Option<(&K, &V)> {
        self.nth(0)
    }

    pub(in crate::keyspace) fn last(&self) -> Option<(&K, &V)> {
        self.nth(self.len().checked_sub(1)?)
    }

    /// Counts the keys below one.
    pub(in crate::keyspace) fn count_below<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        let (found, at) = self.find(key);
        self.tree.count_before(&found.path) + at.unwrap_or_else(|at| at)
    }

    /// Gives a key a value, in the place of the one it had.
    ///
    /// Keys that arrive in their order fill the leaves whole.
    pub(in crate::keyspace) fn insert(&mut self, key: K, value: V) {
        let (found, at) = self.find(&key);
        let path = found.path;
        match at {
            Ok(at) => self.change_at(&path, at, |held| *held = value),
            Err(at) => match super::node::Sequence::beside(found.leaf, at, 0) {
                Some(Side::Right) if found.upper.is_none() => {
                    self.tree.insert_beside(&path, Side::Right, Pairs::of(key, value));
                }
                _ => self.tree.edit(&path, &(), |leaf| leaf.insert(at, key, value)),
            },
        }
    }

    /// Changes the value of a key; none if it is not there.
    pub(in crate::keyspace) fn change<Q: Ord + ?Sized, R>(
        &mut self,
        key: &Q,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<R>
    where
        K: Borrow<Q>,
    {
        let (found, at) = self.find(key);
        let (path, at) = (found.path, at.ok()?);
        Some(self.change_at(&path, at, change))
    }

    pub(in crate::keyspace) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (found, at) = self.find(key);
        let (path, at) = (found.path, at.ok()?);
        Some(self.tree.edit(&path, &(), |leaf| leaf.remove(at)).1)
    }

    /// Moves the keys from an index on into a map of their own.
    pub(in crate::keyspace) fn split_off(&mut self, index: usize) -> Self {
        if index == self.len() {
            return Self::default();
        }
        Self { tree: self.tree.split_off(index) }
    }

    /// Walks keys and values.
    pub(in crate::keyspace) fn iter(&self) -> OrderedIter<'_, K, V> {
        self.iter_between(0, self.len())
    }

    /// Walks keys and values from an index up to, but not including, another.
    pub(in crate::keyspace) fn iter_between(
        &self,
        start: usize,
        end: usize,
    ) -> OrderedIter<'_, K, V> {
        let stretch = |next| Stretch { leaf: None, start: 0, next };
        OrderedIter { map: self, front: stretch(start), back: stretch(end.max(start)) }
    }

    #[cfg(test)]
    pub(super) fn tree(&self) -> &Tree<Pairs<K, V>> {
        &self.tree
    }

    fn change_at<R>(&mut self, path: &Path, at: usize, change: impl FnOnce(&mut V) -> R) -> R {
        self.tree.edit(path, &(), |leaf| leaf.change(at, change))
    }

    /// Finds the leaf of a key, and the index within it, or where it would be.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> (Found<'_, Pairs<K, V>>, Result<usize, usize>)
    where
        K: Borrow<Q>,
    {
        let found = self.tree.find_bound(|bound| bound.borrow() <= key);
        let keys = found.leaf.keys();
        // What arrives in order belongs at the end.
        let at = match keys.last() {
            Some(last) if last.borrow() < key => Err(keys.len()),
            _ => keys.binary_search_by(|other| other.borrow().cmp(key)),
        };
        (found, at)
    }
}

impl<'m, K, V> Stretch<'m, K, V>
where
    K: Ord + Held,
    V: Held,
{
    /// Borrows what is at an index, which lies in this leaf or in one that is found now.
    fn at(&mut self, map: &'m OrderedMap<K, V>, index: usize) -> (&'m K, &'m V) {
        let within = |leaf: &Pairs<K, V>, start: usize| {
            index.checked_sub(start).is_some_and(|at| at < leaf.keys().len())
        };
        let leaf = match self.leaf {
            Some(leaf) if within(leaf, self.start) => leaf,
            _ => {
                let (leaf, at) = map.tree.leaf_at(index);
                self.start = index - at;
                leaf
            }
        };
        self.leaf = Some(leaf);
        let at = index - self.start;
        (&leaf.keys()[at], &leaf.values()[at])
    }
}

impl<'m, K: Ord + Held, V: Held> Iterator for OrderedIter<'m, K, V> {
    type Item = (&'m K, &'m V);

    fn next(&mut self) -> Option<Self::Item> {
        let index = (self.front.next < self.back.next).then_some(self.front.next)?;
        self.front.next += 1;
        Some(self.front.at(self.map, index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.back.next - self.front.next;
        (left, Some(left))
    }
}

impl<K: Ord + Held, V: Held> DoubleEndedIterator for OrderedIter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let index = (self.front.next < self.back.next).then(|| self.back.next - 1)?;
        self.back.next = index;
        Some(self.back.at(self.map, index))
    }
}

impl<K: Ord + Held, V: Held> ExactSizeIterator for OrderedIter<'_, K, V> {}
