//! Entries between two IDs, upward and downward.

use super::entries::Stream;
use super::id::StreamId;
use super::items::{Items, StreamEntry};
use super::pack::Pack;
use crate::keyspace::large::OrderedIter;

/// Walks entries upward.
#[derive(Clone, Debug)]
pub struct StreamIter<'s> {
    packs: OrderedIter<'s, StreamId, Pack>,
    items: Option<Items<'s>>,
    start: StreamId,
    end: StreamId,
}

/// Walks entries downward.
#[derive(Clone, Debug)]
pub struct StreamIterBack<'s> {
    packs: OrderedIter<'s, StreamId, Pack>,
    items: Option<Items<'s>>,
    start: StreamId,
    end: StreamId,
}

impl<'s> StreamIter<'s> {
    pub(super) fn new(stream: &'s Stream, start: StreamId, end: StreamId) -> Self {
        let from = stream.pack_index(start);
        let packs = stream.packs.iter_between(from, stream.packs.len());
        Self { packs, items: None, start, end }
    }
}

impl<'s> Iterator for StreamIter<'s> {
    type Item = StreamEntry<'s>;

    fn next(&mut self) -> Option<StreamEntry<'s>> {
        loop {
            if let Some(items) = &mut self.items {
                for item in items.by_ref() {
                    let id = item.entry.id;
                    if id > self.end {
                        break;
                    }
                    if id >= self.start && !item.is_deleted {
                        return Some(item.entry);
                    }
                }
            }
            let (first_id, pack) = self.packs.next()?;
            if *first_id > self.end {
                return None;
            }
            self.items = Some(pack.items(*first_id));
        }
    }
}

impl<'s> StreamIterBack<'s> {
    pub(super) fn new(stream: &'s Stream, start: StreamId, end: StreamId) -> Self {
        let last = stream.pack_index(end);
        let packs = stream.packs.iter_between(0, (last + 1).min(stream.packs.len()));
        Self { packs, items: None, start, end }
    }
}

impl<'s> Iterator for StreamIterBack<'s> {
    type Item = StreamEntry<'s>;

    fn next(&mut self) -> Option<StreamEntry<'s>> {
        loop {
            if let Some(items) = &mut self.items {
                while let Some(item) = items.next_back() {
                    let id = item.entry.id;
                    if id < self.start {
                        return None;
                    }
                    if id <= self.end && !item.is_deleted {
                        return Some(item.entry);
                    }
                }
            }
            let (first_id, pack) = self.packs.next_back()?;
            self.items = Some(pack.items(*first_id));
        }
    }
}
