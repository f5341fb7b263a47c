//! Reads the answer to `PSYNC`, in the light of what the primary said before.

use crate::position::{Offset, Position, Replid};
use crate::snapshot::Ancestor;

use super::told::{Told, number};
use super::{Agreement, Answer, HandshakeError, Request, not_understood, refused};

/// Reads the answer that a replica at `position` got from a primary that had `told` of itself.
pub(super) fn read(
    answer: &Answer,
    position: Option<Position>,
    told: Option<&Told>,
) -> Result<Agreement, HandshakeError> {
    let what = Request::Psync.name();
    let line = match answer {
        Answer::Status(line) => line,
        Answer::Error(text) => return Err(refused(what, text)),
        other => return Err(not_understood(what, other)),
    };
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let agreement = match (words.as_slice(), position) {
        ([b"CONTINUE"], Some(at)) => {
            let learned = learned(told, at.replid);
            Some(Agreement::Continue { replid: None, learned })
        }
        ([b"CONTINUE", replid], Some(_)) => Replid::parse(replid).map(|replid| {
            Agreement::Continue { replid: Some(replid), learned: learned(told, replid) }
        }),
        ([b"FULLRESYNC", replid, offset], at) => full(replid, offset, at, told),
        // Nobody who asked for everything is told to go on.
        _ => None,
    };
    agreement.ok_or_else(|| not_understood(what, answer))
}

fn full(
    replid: &[u8],
    offset: &[u8],
    position: Option<Position>,
    told: Option<&Told>,
) -> Option<Agreement> {
    let (replid, offset) = (Replid::parse(replid)?, Offset(number(offset)?));
    let parted = position.zip(of_history(told, replid)).and_then(|(at, told)| parted(at, told));
    Some(Agreement::Full { replid, offset, learned: learned(told, replid), parted })
}

/// What was told, if it is of the history that the answer names: that may have changed in between.
fn of_history(told: Option<&Told>, replid: Replid) -> Option<&Told> {
    told.filter(|told| told.replid == replid)
}

fn learned(told: Option<&Told>, replid: Replid) -> Vec<Ancestor> {
    of_history(told, replid).map(|told| told.past.clone()).unwrap_or_default()
}

/// Up to where the history of a replica at `at` is that of the primary.
fn parted(at: Position, told: &Told) -> Option<Offset> {
    if at.replid == told.replid {
        return Some(at.offset.min(told.offset));
    }
    let ancestor = told.past.iter().find(|ancestor| ancestor.replid == at.replid)?;
    Some(at.offset.min(ancestor.ceiling))
}
