//! What a primary says of itself in `INFO replication`.

use crate::position::{Offset, Replid};
use crate::replication::lineage::ANCESTORS_MAX;
use crate::snapshot::Ancestor;

/// What the primary said before it was asked for the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its history at that time.
    pub replid: Replid,
    /// Its end at that time.
    pub offset: Offset,
    /// The histories of old that it knows, newest first; none twice, nor the present one.
    pub past: Vec<Ancestor>,
    /// What it is itself.
    pub role: PrimaryRole,
    /// What program it is.
    pub kind: Kind,
}

/// Whether the one that is followed follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrimaryRole {
    /// It follows nobody.
    Primary,
    /// It is a replica with replicas of its own.
    Replica,
}

/// What program the primary is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It tells all of its lineage.
    Backlogd,
    /// It tells the last history of old.
    Stock,
}

/// Which line of the report is missing or not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the primary's INFO has no {0} that can be read, so nothing is learned of its history")]
pub struct Unreadable(&'static str);

impl Told {
    /// Reads the section.
    pub fn read(info: &[u8]) -> Result<Self, Unreadable> {
        let (replid, offset) = ("master_replid", "master_repl_offset");
        let named = field(info, replid).and_then(Replid::parse).ok_or(Unreadable(replid))?;
        let end = field(info, offset).and_then(number).ok_or(Unreadable(offset))?;
        let role = match field(info, "role") {
            Some(b"master") => PrimaryRole::Primary,
            Some(b"slave") => PrimaryRole::Replica,
            _ => return Err(Unreadable("role")),
        };
        let (kind, mut past) = match field(info, "backlog_lineage") {
            Some(list) => (Kind::Backlogd, lineage(list).ok_or(Unreadable("backlog_lineage"))?),
            None => (Kind::Stock, former(info)?),
        };
        past.retain(|ancestor| ancestor.replid != named);
        Ok(Self { replid: named, offset: Offset(end), past, role, kind })
    }
}

/// Reads digits and nothing else, up to what other servers can count.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    u64::try_from(number).ok()
}

/// Finds the value of a line `name:value`.
fn field<'i>(info: &'i [u8], name: &str) -> Option<&'i [u8]> {
    info.split(|byte| *byte == b'\n').find_map(|line| {
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
        Some(value.strip_suffix(b"\r").unwrap_or(value))
    })
}

/// Reads `replid:offset,replid:offset…`, newest first, where the offset is the ceiling itself.
fn lineage(list: &[u8]) -> Option<Vec<Ancestor>> {
    if list.is_empty() {
        return Some(Vec::new());
    }
    let mut past: Vec<Ancestor> = Vec::new();
    for word in list.split(|byte| *byte == b',') {
        let (replid, ceiling) = word.split_at_checked(40)?;
        let replid = Replid::parse(replid)?;
        let ceiling = Offset(number(ceiling.strip_prefix(b":")?)?);
        if past.iter().all(|known| known.replid != replid) {
            past.push(Ancestor { replid, ceiling });
        }
        if past.len() == ANCESTORS_MAX {
            break;
        }
    }
    Some(past)
}

/// Reads the one history of old that stock servers tell: zeroes if there is none.
fn former(info: &[u8]) -> Result<Vec<Ancestor>, Unreadable> {
    let (replid, second) = ("master_replid2", "second_repl_offset");
    let replid = field(info, replid).and_then(Replid::parse).ok_or(Unreadable(replid))?;
    if replid == Replid::from_bytes([0; 20]) {
        return Ok(Vec::new());
    }
    let wanted = field(info, second).and_then(number);
    let ceiling = wanted.and_then(Offset::from_first_wanted).ok_or(Unreadable(second))?;
    Ok(vec![Ancestor { replid, ceiling }])
}
