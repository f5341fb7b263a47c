//! What the files of a log amount to after a stop of any kind: a decision, and no change yet.
//!
//! Segments are followed by their links, not by their names. The last whole chain of checksums ends
//! at `end`; the highest durable watermark that any frame, any header or the manifest states is
//! `durable`. If `end ≥ durable`, what lies beyond is a torn tail and is cut. If not, bytes that
//! were durable have changed, and that is corruption (L3).

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::format::{FirstPage, Frame, Header, HeaderFault};
use super::scan::{self, Verified};
use super::segment::Vouched;
use super::storage::{SegmentFile, Storage, StorageError};
use crate::position::Offset;

/// What the caller knows of the log before it is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expectation {
    /// A watermark that was durable, from the manifest.
    pub durable_floor: Option<Offset>,
    /// The first offset that is needed; segments wholly below it are not read through.
    pub needed_from: Option<Offset>,
    /// The present boot of the machine: within one boot nothing sealed can be torn.
    pub boot_id: [u8; 16],
    /// What to do about corruption.
    pub on_corruption: OnCorruption,
}

/// What to do when bytes that were durable have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnCorruption {
    /// Fail, and change nothing.
    #[default]
    Refuse,
    /// Cut there all the same, and lose what lies beyond. An operator must have asked for it.
    Cut,
}

/// Why a log cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The disk did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no segment in use.
    #[error("there is no log in {}", .0.display())]
    Empty(PathBuf),
    /// What is needed has been retired or is gone.
    #[error("the log begins at {start}, but is needed from {needed}")]
    MissingStart {
        /// Where it begins.
        start: Offset,
        /// From where it is needed.
        needed: Offset,
    },
    /// A file is gone that a later one refers to.
    #[error("{} is missing, which {} continues", missing.display(), next.display())]
    MissingSegment {
        /// The file that should be there.
        missing: PathBuf,
        /// The file that says so.
        next: PathBuf,
    },
    /// A file holds nothing that a later one refers to.
    #[error("{} is empty, but {} continues it", path.display(), next.display())]
    EmptySegment {
        /// The file that should hold a segment.
        path: PathBuf,
        /// The file that says so.
        next: PathBuf,
    },
    /// The first page of a file cannot be read, in either copy.
    #[error("the header of {} is unreadable: {fault}", path.display())]
    HeaderUnreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: HeaderFault,
    },
    /// The file is not the one its header describes.
    #[error("{} has sequence {} and {} bytes by its header, but is {actual_bytes} bytes long",
        path.display(), header.seq, header.file_len)]
    FileDiffers {
        /// The file.
        path: PathBuf,
        /// Its header.
        header: Box<Header>,
        /// How long it is.
        actual_bytes: u64,
    },
    /// Bytes that were durable, or sealed within this boot, are not what they were.
    #[error("{} is corrupt from byte {position} (offset {offset}): {why}, up to {expected}",
        path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// From which byte of the file on.
        position: u64,
        /// The same place in the stream.
        offset: Offset,
        /// Up to where the log should be whole.
        expected: Offset,
        /// What is known.
        why: Evidence,
    },
}

/// How it is known that a log should reach further than it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Some frame, header or the manifest states that it was durable.
    Durable,
    /// It was sealed since the machine booted, and the page cache does not forget.
    SealedInThisBoot,
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Durable => "it was durable",
            Self::SealedInThisBoot => "it was sealed since the machine booted",
        })
    }
}

/// What was found, and what is to be done about it.
#[derive(Debug)]
pub struct Plan {
    /// The segments that stay, oldest first.
    pub(super) chain: Vec<Kept>,
    /// The chain checksum at the end.
    pub(super) chain_crc: u32,
    /// The lowest place in the last file that is known to hold a frame.
    pub(super) table: u64,
    /// Names to remove before anything is appended, in this order.
    pub(super) remove: Vec<u64>,
    /// A sequence number that no file has had.
    pub(super) next_seq: u64,
    /// What to tell the operator.
    pub report: Recovered,
}

/// A segment that stays.
#[derive(Debug)]
pub struct Kept {
    pub(super) header: Header,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn SegmentFile>,
    pub(super) end: Offset,
    /// The slots whose frames seal what is kept and may not be durable; see `repair`.
    pub(super) slots: Option<std::ops::RangeInclusive<u32>>,
    pub(super) vouched: Vouched,
}

/// What a recovery found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The first offset there is.
    pub start: Offset,
    /// The end: everything below is there and, once the log is open, durable.
    pub end: Offset,
    /// Up to where the log was known to be durable beforehand.
    pub durable_floor: Offset,
    /// What was cut off, if anything sealed was.
    pub cut: Option<Cut>,
    /// How many bytes at least lay behind the end, where nothing is known to have been sealed.
    pub unsealed: u64,
    /// How many segments stay.
    pub segments: usize,
    /// Whether the end is marked as orderly.
    pub was_clean: bool,
    /// Whether the last segment was written in the present boot of the machine.
    pub same_boot: bool,
    /// How many header copies or frames were damaged without loss.
    pub healed: usize,
}

/// What was cut off the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// At least so many bytes had been sealed beyond the end.
    pub bytes: u64,
    /// The file in which the log now ends.
    pub path: PathBuf,
    /// Whether they had been durable, so that only force could cut them.
    pub was_durable: bool,
}

struct Found {
    header: Header,
    path: PathBuf,
    file: Box<dyn SegmentFile>,
    actual_bytes: u64,
}

impl Found {
    /// Fails if the file is not as long as its header says: frames are looked for from its end, so
    /// it can only be relied on where the next segment vouches for all of its stream.
    fn has_its_length(&self) -> Result<(), RecoveryError> {
        if self.actual_bytes == self.header.file_len {
            return Ok(());
        }
        let (path, header) = (self.path.clone(), Box::new(self.header));
        Err(RecoveryError::FileDiffers { path, header, actual_bytes: self.actual_bytes })
    }
}

#[derive(Default)]
struct Survey {
    used: BTreeMap<u64, Found>,
    spares: Vec<u64>,
    unreadable: Vec<u64>,
    healed: usize,
    last_seq: u64,
}

impl Survey {
    /// Fails if a file that holds nothing is what keeps the rest from going on where the chain ends.
    fn continues_no_empty_file(&self, storage: &dyn Storage) -> Result<(), RecoveryError> {
        let is_continued = |found: &&Found| self.spares.contains(&found.header.prev_seq);
        self.used.values().find(is_continued).map_or(Ok(()), |next| {
            let path = storage.path(next.header.prev_seq);
            Err(RecoveryError::EmptySegment { path, next: next.path.clone() })
        })
    }
}

/// Reads the files of a log and decides what they amount to.
pub fn plan(storage: &dyn Storage, expectation: &Expectation) -> Result<Plan, RecoveryError> {
    let mut survey = survey(storage, expectation)?;
    let mut chain = follow_links(storage, &mut survey, expectation)?;
    let start = chain[0].header.base;
    if let Some(needed) = expectation.needed_from.filter(|&needed| needed < start) {
        return Err(RecoveryError::MissingStart { start, needed });
    }
    let newest_boot =
        chain.iter().chain(survey.used.values()).max_by_key(|f| f.header.created_key());
    let boot_id = newest_boot.map_or([0; 16], |found| found.header.boot_id);
    let same_boot = boot_id != [0; 16] && boot_id == expectation.boot_id;

    let mut claims = Claims::new(expectation.durable_floor, &chain, &survey);
    let walk = walk(&chain, expectation, &mut claims)?;
    let orphans = chain.split_off(walk.kept.len());
    if expectation.on_corruption == OnCorruption::Refuse {
        let unvouched = chain.last().into_iter().chain(&orphans).chain(survey.used.values());
        unvouched.into_iter().try_for_each(Found::has_its_length)?;
    }
    let strays = survey.used.values().filter(|stray| !is_superseded(stray, &chain));
    for orphan in orphans.iter().chain(strays) {
        claims.take_all(storage, orphan)?;
    }
    let last = &chain[chain.len() - 1];
    let end = walk.verified.end;
    let corrupt = [
        (claims.durable, Evidence::Durable),
        (if same_boot { claims.sealed } else { end }, Evidence::SealedInThisBoot),
    ];
    for (expected, why) in corrupt {
        if end < expected && expectation.on_corruption == OnCorruption::Refuse {
            survey.continues_no_empty_file(storage)?;
            let position = scan::file_position(&last.header, end);
            let (path, offset) = (last.path.clone(), end);
            return Err(RecoveryError::Corrupt { path, position, offset, expected, why });
        }
    }
    let beyond = claims.sealed.max(claims.durable).since(end);
    let cut = (beyond > 0).then(|| Cut {
        bytes: beyond,
        path: last.path.clone(),
        was_durable: claims.durable > end,
    });
    let unsealed = if beyond > 0 { 0 } else { remains(last, end, walk.table)? };
    let report = Recovered {
        start,
        end,
        durable_floor: claims.durable.min(end),
        cut,
        unsealed,
        segments: chain.len(),
        was_clean: walk.was_clean && beyond == 0,
        same_boot,
        healed: survey.healed + walk.healed,
    };
    let mut remove: Vec<_> = orphans.iter().map(|found| found.header.seq).collect();
    remove.extend(survey.used.keys());
    sort_newest_first(&mut remove, &orphans, &survey);
    remove.extend(survey.spares.iter().chain(&survey.unreadable));
    let kept = chain.into_iter().zip(walk.kept).map(|(found, stretch)| Kept {
        header: found.header,
        path: found.path,
        file: found.file,
        end: stretch.end,
        slots: stretch.slots,
        vouched: stretch.vouched,
    });
    let (chain_crc, next_seq) = (walk.verified.chain, survey.last_seq + 1);
    let table = walk.table;
    Ok(Plan { chain: kept.collect(), chain_crc, table, remove, next_seq, report })
}

/// Counts what lies behind the end of the last segment, before its table of frames.
fn remains(last: &Found, end: Offset, table: u64) -> Result<u64, StorageError> {
    scan::remains(&*last.file, &last.header, end, table)
        .map_err(|error| StorageError::new("read", &last.path, error))
}

/// Opens every file and reads its first page.
fn survey(storage: &dyn Storage, expectation: &Expectation) -> Result<Survey, RecoveryError> {
    let forced = expectation.on_corruption == OnCorruption::Cut;
    let mut survey = Survey::default();
    for seq in storage.list()? {
        survey.last_seq = survey.last_seq.max(seq);
        let (path, file) = (storage.path(seq), storage.open(seq)?);
        let read_error = |error| StorageError::at("read", &path, 0, error);
        match scan::first_page(&*file).map_err(read_error)? {
            FirstPage::Spare => survey.spares.push(seq),
            FirstPage::Unreadable(fault) if !forced => {
                return Err(RecoveryError::HeaderUnreadable { path, fault });
            }
            FirstPage::Unreadable(_) => survey.unreadable.push(seq),
            FirstPage::Used { header, copies } => {
                let actual_bytes = file.measure().map_err(read_error)?;
                if header.seq != seq {
                    if !forced {
                        return Err(RecoveryError::FileDiffers { path, header, actual_bytes });
                    }
                    survey.unreadable.push(seq);
                    continue;
                }
                // A large unit's segment may have a higher number than the one after it, and be gone:
                // given again, that number would close the links to a ring.
                survey.last_seq = survey.last_seq.max(header.prev_seq);
                survey.healed += usize::from(copies == 1);
                survey.used.insert(seq, Found { header: *header, path, file, actual_bytes });
            }
        }
    }
    Ok(survey)
}

/// Takes the segments that hang together out of the survey, oldest first.
///
/// Where two continue the same one, the later generation counts: the other was left empty by a
/// recovery that was interrupted just before it would have removed it.
fn follow_links(
    storage: &dyn Storage,
    survey: &mut Survey,
    expectation: &Expectation,
) -> Result<Vec<Found>, RecoveryError> {
    let mut chain: Vec<Found> = Vec::new();
    loop {
        let used = &survey.used;
        let next = match chain.last() {
            None => used
                .values()
                .filter(|found| !used.contains_key(&found.header.prev_seq))
                .min_by_key(|found| (found.header.base, std::cmp::Reverse(found.header.epoch))),
            Some(last) => used
                .values()
                .filter(|found| found.header.continues(&last.header))
                .max_by_key(|found| found.header.epoch),
        };
        let Some(seq) = next.map(|found| found.header.seq) else { break };
        chain.extend(survey.used.remove(&seq));
    }
    let Some(first) = chain.first() else {
        return Err(RecoveryError::Empty(
            storage.path(0).parent().map_or_else(PathBuf::new, Into::into),
        ));
    };
    let forced = expectation.on_corruption == OnCorruption::Cut;
    let first_is_continued = survey.spares.contains(&first.header.prev_seq);
    let continues_chain = |prev_seq: u64| {
        prev_seq == first.header.prev_seq || chain.iter().any(|kept| kept.header.seq == prev_seq)
    };
    let stray = survey.used.values().find(|found| {
        let prev_seq = found.header.prev_seq;
        let known = continues_chain(prev_seq) || survey.spares.contains(&prev_seq);
        !known && !survey.used.contains_key(&prev_seq)
    });
    let before = |next: &Found| (storage.path(next.header.prev_seq), next.path.clone());
    if let Some((missing, next)) = stray.map(before).filter(|_| !forced) {
        return Err(RecoveryError::MissingSegment { missing, next });
    }
    if first_is_continued && !forced {
        let (path, next) = before(first);
        return Err(RecoveryError::EmptySegment { path, next });
    }
    Ok(chain)
}

/// Whether an earlier recovery found nothing whole in `stray` and began another in its place.
fn is_superseded(stray: &Found, chain: &[Found]) -> bool {
    chain.iter().any(|kept| {
        (kept.header.prev_seq, kept.header.base) == (stray.header.prev_seq, stray.header.base)
            && kept.header.epoch > stray.header.epoch
    })
}

/// What is known of a segment that stays.
struct Stretch {
    end: Offset,
    /// The slots of frames above the durable claim.
    slots: Option<std::ops::RangeInclusive<u32>>,
    vouched: Vouched,
}

struct Walk {
    /// One for each segment that stays.
    kept: Vec<Stretch>,
    verified: Verified,
    /// The lowest place in the last file that is known to hold a frame.
    table: u64,
    was_clean: bool,
    healed: usize,
}

/// Follows the checksums through the chain until they no longer hold.
fn walk(
    chain: &[Found],
    expectation: &Expectation,
    claims: &mut Claims,
) -> Result<Walk, RecoveryError> {
    let origin = Verified { end: chain[0].header.base, chain: 0 };
    let mut walk =
        Walk { kept: Vec::new(), verified: origin, table: 0, was_clean: false, healed: 0 };
    for (index, found) in chain.iter().enumerate() {
        let next = chain.get(index + 1).map(|next| next.header);
        if let Some(next) = next
            && expectation.needed_from.is_some_and(|needed| next.base <= needed)
        {
            walk.kept.push(Stretch { end: next.base, slots: None, vouched: Vouched::No });
            continue;
        }
        let floor = next.map_or(0, |next| scan::file_position(&found.header, next.base));
        let limit = next.map_or(Offset(u64::MAX), |next| next.base);
        let read_error = |error| StorageError::new("read", &found.path, error);
        let mut frames = scan::frames(&*found.file, &found.header, floor).map_err(read_error)?;
        let all = frames.clone();
        frames.retain(|(_, frame)| frame.end <= limit);
        let mut verified =
            scan::verify(&*found.file, &found.header, &frames, limit).map_err(read_error)?;
        if let Some(next) = next {
            let chain = scan::chain_over(&*found.file, &found.header, verified, limit);
            if chain.map_err(read_error)? == next.prev_chain {
                verified = Verified { end: limit, chain: next.prev_chain };
            }
        }
        let goes_on = next.is_some_and(|next| next.base == verified.end);
        claims.take(if goes_on { &frames } else { &all });
        walk.healed += missing_slots(&frames) + usize::from(found.has_its_length().is_err());
        let slots = sealing_slots(&frames, verified.end);
        walk.kept.push(Stretch { end: verified.end, slots, vouched: Vouched::Yes });
        walk.verified = verified;
        if !goes_on {
            let lowest = all.last().map(|&(slot, _)| scan::frame_position(&found.header, slot));
            walk.table = lowest.unwrap_or(found.header.file_len);
            walk.was_clean = frames.last().is_some_and(|(_, frame)| {
                frame.is_clean_marker()
                    && (frame.end, frame.chain) == (verified.end, verified.chain)
            });
            break;
        }
    }
    Ok(walk)
}

/// The highest watermarks stated anywhere.
struct Claims {
    durable: Offset,
    sealed: Offset,
}

impl Claims {
    fn new(floor: Option<Offset>, chain: &[Found], survey: &Survey) -> Self {
        let headers = chain.iter().chain(survey.used.values()).map(|found| &found.header);
        let stated = headers.map(|header| header.durable).max();
        let durable = stated.max(floor).unwrap_or(Offset::ZERO);
        Self { durable, sealed: Offset::ZERO }
    }

    fn take(&mut self, frames: &[(u32, Frame)]) {
        for (_, frame) in frames {
            self.sealed = self.sealed.max(frame.end);
            self.durable = self.durable.max(frame.durable_claim().unwrap_or(Offset::ZERO));
        }
    }

    fn take_all(&mut self, storage: &dyn Storage, found: &Found) -> Result<(), StorageError> {
        let frames = scan::frames(&*found.file, &found.header, 0)
            .map_err(|error| StorageError::new("read", storage.path(found.header.seq), error))?;
        self.sealed = self.sealed.max(found.header.base);
        self.take(&frames);
        Ok(())
    }
}

/// Counts the slots before the last valid one that hold no valid frame.
fn missing_slots(frames: &[(u32, Frame)]) -> usize {
    frames.last().map_or(0, |&(slot, _)| slot as usize + 1 - frames.len())
}

fn sealing_slots(frames: &[(u32, Frame)], end: Offset) -> Option<std::ops::RangeInclusive<u32>> {
    let last = frames.iter().rev().find(|(_, frame)| frame.end <= end)?.0;
    Some(0..=last)
}

/// The newest goes first, so that an interrupted removal leaves no gap behind.
fn sort_newest_first(remove: &mut [u64], orphans: &[Found], survey: &Survey) {
    let base = |seq: &u64| {
        let orphan = orphans.iter().find(|found| found.header.seq == *seq);
        orphan.or_else(|| survey.used.get(seq)).map(|found| found.header.created_key())
    };
    remove.sort_by_key(|seq| std::cmp::Reverse(base(seq)));
}

impl Header {
    /// Whether this segment says that it goes on where `before` ends, and possibly does.
    fn continues(&self, before: &Self) -> bool {
        self.prev_seq == before.seq && self.base >= before.base
    }

    /// Orders segments by when they were begun; the clock is not asked.
    fn created_key(&self) -> (u32, Offset, u64) {
        (self.epoch, self.base, self.seq)
    }
}
