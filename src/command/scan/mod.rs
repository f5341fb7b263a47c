//! Walks the keys of a database: `SCAN`, `KEYS`, `RANDOMKEY`.
//!
//! These have no key whose shard could be locked for them. `SCAN` locks one shard after the other
//! itself, unless it runs within a transaction that holds them all.

mod options;

pub use options::{Filters, ScanOptions, answer_scan, parse_cursor};

use super::glob::{Case, matches};
use super::{Call, Data, Fault, Flow};
use crate::keyspace::dice::random_bits;
use crate::keyspace::{Db, Entry, ScanCursor, ShardSet};

/// How often a key is drawn before the expired ones are thought to be in the majority.
const DRAWS_MAX: usize = 100;

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`: some keys, and where to go on.
pub fn scan(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let cursor = parse_cursor(call.args.word(1))?;
    let options = ScanOptions::parse(call.args.from(2), Filters::PatternAndType)?;
    let now_ms = call.data.now_ms;
    answer_scan(&mut call.reply, |reply| {
        let mut count = 0;
        let next = walk(&mut call.data, cursor, options.count, |entry| {
            if options.matches(entry.key())
                && options.matches_kind(entry.kind())
                && !entry.is_expired(now_ms)
            {
                reply.bulk(entry.key());
                count += 1;
            }
        });
        (next, count)
    });
    Ok(Flow::Done)
}

/// `KEYS pattern`: all keys that match.
pub fn keys(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let pattern = call.args.word(1);
    let now_ms = call.data.now_ms;
    let reply = &mut call.reply;
    let begun = reply.defer();
    let mut count = 0;
    with_all(&mut call.data, |db| {
        db.for_each(|entry| {
            let wanted = pattern == b"*" || matches(pattern, entry.key(), Case::Sensitive);
            if wanted && !entry.is_expired(now_ms) {
                reply.bulk(entry.key());
                count += 1;
            }
        });
    });
    reply.array_since(begun, count);
    Ok(Flow::Done)
}

/// `RANDOMKEY`: any key that has not expired, or null if there is none.
pub fn randomkey(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let now_ms = call.data.now_ms;
    let reply = &mut call.reply;
    with_all(&mut call.data, |db| reply.bulk_or_null(random_live(&db, now_ms).as_deref()));
    Ok(Flow::Done)
}

/// Draws keys until one is live; if most have expired, takes the first live one.
fn random_live(db: &Db<'_>, now_ms: i64) -> Option<Vec<u8>> {
    for _ in 0..DRAWS_MAX {
        let entry = db.random(random_bits())?;
        if !entry.is_expired(now_ms) {
            return Some(entry.key().to_vec());
        }
    }
    let mut live = None;
    db.for_each(|entry| {
        if live.is_none() && !entry.is_expired(now_ms) {
            live = Some(entry.key().to_vec());
        }
    });
    live
}

/// Visits about `count` keys of the selected database, whatever shards are held.
fn walk(
    data: &mut Data<'_, '_>,
    cursor: ScanCursor,
    count: usize,
    visit: impl FnMut(Entry<'_>),
) -> ScanCursor {
    if holds_all(data) {
        data.db().scan(cursor, count, visit)
    } else {
        data.keyspace.scan(data.database, cursor, count, visit)
    }
}

/// Lends the selected database with all its shards, locked for as long if they are not yet.
fn with_all<T>(data: &mut Data<'_, '_>, look: impl FnOnce(Db<'_>) -> T) -> T {
    if holds_all(data) { look(data.db()) } else { look(data.keyspace.lock_all().db(data.database)) }
}

/// Tells whether every shard is held; otherwise none is, and the command may lock what it needs.
///
/// # Panics
/// When only some are held: to lock another then could wait for a thread that waits for this one.
pub(super) fn holds_all(data: &Data<'_, '_>) -> bool {
    let all = data.locked.holds(ShardSet::ALL);
    assert!(all || data.locked.set().is_empty(), "a command without keys holds some shards");
    all
}

#[cfg(test)]
mod tests;
