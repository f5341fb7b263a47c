//! Editing a list where it lies, and the changes between its packed form and its large one.
//!
//! A list is packed while it takes no more than a record may hold, and again when it takes half of
//! that. What OBJECT ENCODING calls it depends on other sizes, those of stock, and is a mark of the
//! record: a list that has grown beyond a listpack's limit is a "quicklist" until it has half of it.

use std::ops::Range;
use std::sync::Arc;

use super::list::List;
use super::place::Place;
use super::strings;
use super::{Kind, Value};
use crate::keyspace::large::LargeList;
use crate::keyspace::record::{Head, INLINE_BYTES_MAX};
use crate::keyspace::slab::Large;

/// A large list that takes no more than this is packed again.
const PACKED_AGAIN_BYTES: usize = INLINE_BYTES_MAX / 2;
/// What a listpack has beside its elements, and beside the bytes of each.
const LISTPACK_BYTES: usize = 7;
const LISTPACK_ELEMENT_BYTES: usize = 2;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListEnd {
    /// Where the first element is.
    Left,
    /// Where the last element is.
    Right,
}

/// Elements that were cut off a large list, to be dropped where nobody waits.
#[derive(Debug)]
pub struct ListCut(LargeList);

/// A list borrowed for editing.
///
/// It may become empty; whoever empties it removes the key.
#[derive(Debug)]
pub struct ListMut<'m>(pub(in crate::keyspace) Place<'m>);

impl ListCut {
    /// Counts the elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ListMut<'_> {
    /// Borrows the list for reading.
    #[inline]
    pub fn view(&self) -> List<'_> {
        match self.0.value() {
            Value::List(list) => list,
            other => unreachable!("the record of a list stays one: {other:?}"),
        }
    }

    /// Counts the elements.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Tells whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Puts an element before all others, or behind them.
    pub fn push(&mut self, end: ListEnd, element: &[u8]) {
        match self.room_for(element, element.len()) {
            None => match end {
                ListEnd::Left => self.large_mut().push_front(element),
                ListEnd::Right => self.large_mut().push_back(element),
            },
            Some(len) => {
                let at = if end == ListEnd::Left { strings::EMPTY.len() } else { len };
                let grown = self.0.resize_packed(len + strings::size(element));
                strings::insert_grown(grown, at, element);
            }
        }
    }

    /// Puts an element behind all others.
    pub fn push_back(&mut self, element: &[u8]) {
        self.push(ListEnd::Right, element);
    }

    /// Inserts an element before the one at an index, or behind the last one.
    ///
    /// # Panics
    /// When the index is greater than the length.
    pub fn insert(&mut self, i: usize, element: &[u8]) {
        match self.room_for(element, element.len()) {
            None => self.large_mut().insert(i, element),
            Some(len) => {
                let at = self.packed_range(i..i).start;
                let grown = self.0.resize_packed(len + strings::size(element));
                strings::insert_grown(grown, at, element);
            }
        }
    }

    /// Puts an element in the place of the one at an index.
    ///
    /// # Panics
    /// When there is none.
    pub fn set(&mut self, i: usize, element: &[u8]) {
        let old = self.view().get(i).expect("the element is there").len();
        // Stock looks at the size with both elements in it, and then at what is left.
        match self.room_for(element, element.len().saturating_sub(old)) {
            None => self.large_mut().set(i, element),
            Some(len) => {
                let whole = self.packed_range(i..i + 1);
                strings::close_gap(self.0.resize_packed(len), whole.clone(), 1);
                let len = len - whole.len() + strings::size(element);
                strings::insert_grown(self.0.resize_packed(len), whole.start, element);
            }
        }
        self.shrunk();
    }

    /// Removes the elements of a range; what a large list loses is the caller's to drop.
    ///
    /// # Panics
    /// When the range does not lie within the list.
    pub fn remove(&mut self, range: Range<usize>) -> Option<ListCut> {
        let count = range.len();
        if count == 0 {
            return None;
        }
        if let Some(packed) = self.0.packed() {
            let len = packed.len();
            let whole = self.packed_range(range);
            strings::close_gap(self.0.resize_packed(len), whole.clone(), count);
            self.0.resize_packed(len - whole.len());
            self.shrunk();
            return None;
        }
        let list = self.large_mut();
        let cut = if count == 1 {
            list.remove(range.start);
            None
        } else if range.end == list.len() {
            Some(list.split_off(range.start))
        } else if range.start == 0 {
            let rest = list.split_off(range.end);
            Some(std::mem::replace(list, rest))
        } else {
            let rest = list.split_off(range.end);
            let cut = list.split_off(range.start);
            list.append(rest);
            Some(cut)
        };
        self.shrunk();
        cut.map(ListCut)
    }

    /// Removes the elements at some indices, which are given from the first to the last.
    pub fn remove_each(&mut self, indices: &[usize]) {
        if self.0.packed().is_some() {
            self.0.edit_packed(|packed| remove_packed(packed, indices));
        } else {
            let list = self.large_mut();
            for &i in indices.iter().rev() {
                list.remove(i);
            }
        }
        self.shrunk();
    }

    /// Makes ready for one more element, by which the packed form grows by some bytes and a length.
    ///
    /// Returns how long the packed form is if the list stays packed, none if it is large now.
    #[inline]
    fn room_for(&mut self, element: &[u8], growth: usize) -> Option<usize> {
        let listpack = self.0.limits.listpack();
        if listpack.is_passed(self.listpack_bytes() + element.len(), self.len() + 1) {
            self.mark_raw();
        }
        let held = self.0.packed()?;
        let len = held.len();
        if len + strings::PREFIX_BYTES_MAX + growth <= INLINE_BYTES_MAX {
            return Some(len);
        }
        let mut list = LargeList::new();
        strings::strings(held).for_each(|element| list.push_back(element));
        self.0.put_large(Large::List(Arc::new(list)));
        None
    }

    /// Goes back to what a smaller list is, if it has become one.
    #[inline]
    fn shrunk(&mut self) {
        let head = self.0.head();
        if head.raw && self.0.limits.listpack().is_met_again(self.listpack_bytes(), self.len()) {
            self.0.set_head(Head { raw: false, ..head });
        }
        let Some(Large::List(list)) = self.0.large_mut() else { return };
        if list.payload_bytes() + list.len() * strings::PREFIX_BYTES_MAX <= PACKED_AGAIN_BYTES {
            let list = Arc::clone(list);
            self.0.put_packed(Kind::List, |packed| {
                packed.extend_from_slice(strings::EMPTY);
                list.iter_from(0).for_each(|element| strings::push(packed, element));
            });
        }
    }

    fn mark_raw(&mut self) {
        let head = self.0.head();
        if !head.raw {
            self.0.set_head(Head { raw: true, ..head });
        }
    }

    /// Estimates the bytes of stock's listpack, as if no element were an integer or long.
    #[inline]
    fn listpack_bytes(&self) -> usize {
        let list = self.view();
        list.payload_bytes() + list.len() * LISTPACK_ELEMENT_BYTES + LISTPACK_BYTES
    }

    /// Finds the bytes that the elements of a range take in the packed form.
    fn packed_range(&self, range: Range<usize>) -> Range<usize> {
        let packed = self.0.packed().expect("the list is packed");
        let mut strings = strings::strings(packed);
        let start = strings.place_after(range.start);
        start..strings.place_after(range.len())
    }

    fn large_mut(&mut self) -> &mut LargeList {
        match self.0.large_mut() {
            Some(Large::List(list)) => Arc::make_mut(list),
            other => unreachable!("a list that is not packed is large: {other:?}"),
        }
    }
}

/// Leaves out the elements at some ascending indices.
fn remove_packed(packed: &mut Vec<u8>, indices: &[usize]) {
    let whole = std::mem::replace(packed, strings::EMPTY.to_vec());
    let mut indices = indices.iter().copied().peekable();
    for (i, element) in strings::strings(&whole).enumerate() {
        if indices.next_if_eq(&i).is_none() {
            strings::push(packed, element);
        }
    }
}
