//! Removing entries from the beginning of a stream.

use super::entries::Stream;
use super::id::StreamId;
use super::pack::Pack;
use crate::keyspace::large::OrderedMap;

/// How far a stream is trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimTo {
    /// Until so many entries are left.
    Length(u64),
    /// Until no entry with a lower ID is left.
    Id(StreamId),
}

/// What is to be trimmed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// How far.
    pub to: TrimTo,
    /// Whether only whole packs go.
    pub is_approximate: bool,
    /// The most entries that may go; zero for any number.
    pub limit: u64,
}

/// Entries that were trimmed, to be dropped where nobody waits.
#[derive(Debug)]
pub struct StreamCut(OrderedMap<StreamId, Pack>);

impl StreamCut {
    /// Counts the listpacks that the entries lie in.
    pub fn packs_count(&self) -> usize {
        self.0.len()
    }
}

impl Stream {
    /// Trims the stream; returns how many entries went, and what is left of them to be dropped.
    pub fn trim(&mut self, trim: Trim) -> (u64, Option<StreamCut>) {
        let (mut removed, mut whole) = (0, 0);
        // Of the pack that is trimmed in part: its ID.
        let mut part = None;
        for (first_id, pack) in self.packs.iter() {
            let left = self.len - removed;
            if matches!(trim.to, TrimTo::Length(len) if left <= len)
                || (trim.limit > 0 && removed + pack.live() > trim.limit)
            {
                break;
            }
            let goes = match trim.to {
                TrimTo::Length(len) => left - pack.live() >= len,
                TrimTo::Id(id) => {
                    pack.items(*first_id).next_back().is_none_or(|last| last.entry.id < id)
                }
            };
            if !goes {
                part = (!trim.is_approximate).then_some(*first_id);
                break;
            }
            removed += pack.live();
            whole += 1;
        }
        let cut = (whole > 0).then(|| {
            let rest = self.packs.split_off(whole);
            StreamCut(std::mem::replace(&mut self.packs, rest))
        });
        self.len -= removed;
        if let Some(first_id) = part {
            removed += self.trim_pack(first_id, trim.to);
        }
        if removed > 0 {
            self.find_first();
        }
        (removed, cut)
    }

    /// Removes entries from the beginning of the first pack; returns how many.
    fn trim_pack(&mut self, first_id: StreamId, to: TrimTo) -> u64 {
        let Some(pack) = self.packs.get(&first_id) else { return 0 };
        let live = pack.items(first_id).filter(|item| !item.is_deleted);
        let places: Vec<_> = match to {
            TrimTo::Length(len) => {
                live.take((self.len - len) as usize).map(|i| i.place()).collect()
            }
            TrimTo::Id(id) => live.take_while(|i| i.entry.id < id).map(|i| i.place()).collect(),
        };
        if !places.is_empty() {
            self.packs.change(&first_id, |pack| pack.remove(&places));
        }
        self.len -= places.len() as u64;
        places.len() as u64
    }
}
