//! Carrying out what recovery decided, so that stopping at any moment leads to the same end.
//!
//! 1. What is kept but may not be durable is written again, byte for byte, and synced: a page that
//!    was lost on its way to the disk would otherwise be found in the cache and believed.
//! 2. Files that are not part of the log are removed, the newest first, each durably.
//! 3. The last segment gives back the room between its stream and its frames, as nothing is written
//!    there any more: however often a server is restarted, the files take what they hold.
//! 4. A new segment is begun at the end, and its header made durable. From here on the end is fixed
//!    by that header, and nothing above it in the segment before counts any more (L4).
//! 5. The last segment, if it was left empty, is removed: the new one took its place.

use std::sync::Arc;

use super::core::{Options, random_salt};
use super::format::{Header, PAGE_BYTES};
use super::mapping::Writable;
use super::prepare::populate_beginning;
use super::recovery::{Kept, Plan};
use super::scan;
use super::segment::Segment;
use super::storage::{Preparation, Storage, StorageError};
use super::writer::{begin, now_ms};
use crate::position::Offset;

const COPY_BYTES: u64 = 1 << 20;

/// The log as it stands after the repair.
pub(super) struct Repaired {
    pub(super) closed: Vec<Segment>,
    pub(super) tail: Arc<Segment>,
    pub(super) writable: Writable,
    pub(super) next_seq: u64,
}

/// Carries `plan` out.
pub(super) fn apply(
    storage: &dyn Storage,
    plan: Plan,
    options: &Options,
) -> Result<Repaired, StorageError> {
    let Plan { mut chain, chain_crc, table, remove, next_seq, report } = plan;
    for kept in &chain {
        // One that ends right there may be in the cache alone, its header and all, if it was begun by
        // a start that did not live to sync it.
        if kept.end >= report.durable_floor {
            write_again(kept, report.durable_floor)
                .map_err(|error| StorageError::new("write again", &kept.path, error))?;
        }
    }
    for seq in remove {
        storage.remove(seq)?;
    }
    let last = chain.last().expect("a plan has at least one segment");
    give_back(last, table);
    let last = last.header;
    let left_empty = chain.pop_if(|kept| kept.end == kept.header.base);
    let (prev_seq, prev_chain) =
        if left_empty.is_some() { (last.prev_seq, last.prev_chain) } else { (last.seq, chain_crc) };
    let header = |seq, file_len| Header {
        epoch: last.epoch.saturating_add(1),
        file_len,
        seq,
        salt: random_salt(),
        base: report.end,
        replid: options.replid,
        prev_seq,
        prev_end: report.end,
        prev_chain,
        durable: report.end,
        boot_id: options.boot_id,
        created_ms: now_ms(),
    };
    let (tail, writable) = begin_tail(storage, next_seq, options, header)?;
    if left_empty.is_some() {
        storage.remove(last.seq)?;
    }
    let closed = chain.into_iter().map(close_segment).collect::<Result<_, _>>()?;
    Ok(Repaired { closed, tail, writable, next_seq: next_seq + 1 })
}

/// Begins a segment and makes its header durable at once.
pub(super) fn begin_tail(
    storage: &dyn Storage,
    seq: u64,
    options: &Options,
    header: impl FnOnce(u64, u64) -> Header,
) -> Result<(Arc<Segment>, Writable), StorageError> {
    let preparation = match options.sync {
        super::sync::SyncPolicy::Always => Preparation::WriteThrough,
        _ => Preparation::SinglePages,
    };
    let spare = storage.create(seq, options.segment_bytes(), preparation)?;
    populate_beginning(&spare);
    let header = header(spare.seq, spare.len);
    let (tail, writable) = begin(spare, header, storage.path(seq));
    tail.sync(header.base, header.base)?;
    Ok((tail, writable))
}

fn close_segment(kept: Kept) -> Result<Segment, StorageError> {
    let Kept { header, path, file, end, vouched, .. } = kept;
    let published = scan::file_position(&header, end) as usize;
    let readable = file.map(published).map_err(|error| StorageError::new("map", &path, error))?;
    let occupied = file.occupied().unwrap_or(header.file_len).min(header.file_len);
    Ok(Segment::closed(header, path, file, readable, (end, occupied), vouched))
}

/// Gives back the pages of the last segment that hold neither stream nor frames.
fn give_back(last: &Kept, table: u64) {
    let page = PAGE_BYTES as u64;
    let begin = scan::file_position(&last.header, last.end).next_multiple_of(page);
    let end = table - table % page;
    let has_its_length = last.file.measure().is_ok_and(|len| len == last.header.file_len);
    if begin < end
        && has_its_length
        && let Err(error) = last.file.release(begin..end)
    {
        // A file system that cannot do it keeps the room, and that is all.
        tracing::debug!(segment = %last.path.display(), %error, "no room can be given back");
    }
}

/// Writes the header page, the stream from `from` on and the frames again, and syncs the file.
fn write_again(kept: &Kept, from: Offset) -> std::io::Result<()> {
    let header = &kept.header;
    let page = PAGE_BYTES as u64;
    let first = scan::file_position(header, from.max(header.base));
    let last = scan::file_position(header, kept.end);
    copy_onto_itself(kept, 0, page)?;
    copy_onto_itself(kept, first - first % page, last)?;
    if let Some(slots) = &kept.slots {
        let lowest = scan::frame_position(header, *slots.end());
        copy_onto_itself(kept, lowest - lowest % page, header.file_len)?;
    }
    kept.file.sync_all()
}

fn copy_onto_itself(kept: &Kept, from: u64, to: u64) -> std::io::Result<()> {
    let mut at = from;
    while at < to {
        let mut bytes = vec![0; (to - at).min(COPY_BYTES) as usize];
        kept.file.read_at(at, &mut bytes)?;
        kept.file.rewrite_at(at, &bytes)?;
        at += bytes.len() as u64;
    }
    Ok(())
}
