//! Reads members and scores.

use crate::command::scan::{Filters, ScanOptions, answer_scan, parse_cursor};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{ScanCursor, Value};
use crate::number::{format_17_digits, format_double};

/// Which end ranks are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Lowest,
    Highest,
}

/// `ZCARD key`: how many members there are.
pub fn zcard(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let set = call.data.read_sorted_set(&key)?;
    call.reply.count(set.map_or(0, |set| set.len()));
    Ok(Flow::Done)
}

/// `ZSCORE key member`: the member's score, or null.
pub fn zscore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let set = call.data.read_sorted_set(&key)?;
    match set.and_then(|set| set.score(call.args.word(2))) {
        Some(score) => call.reply.double(score),
        None => call.reply.null(),
    }
    Ok(Flow::Done)
}

/// `ZMSCORE key member [member …]`: the score of each member, or null.
pub fn zmscore(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let set = call.data.read_sorted_set(&key)?;
    let members = call.args.from(2);
    call.reply.array(members.len());
    for member in members {
        match set.and_then(|set| set.score(member)) {
            Some(score) => call.reply.double(score),
            None => call.reply.null(),
        }
    }
    Ok(Flow::Done)
}

/// `ZRANK key member [WITHSCORE]`: how many members are below.
pub fn zrank(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    rank(call, From::Lowest, "ERR wrong number of arguments for 'zrank' command")
}

/// `ZREVRANK key member [WITHSCORE]`: how many members are above.
pub fn zrevrank(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    rank(call, From::Highest, "ERR wrong number of arguments for 'zrevrank' command")
}

fn rank(call: &mut Call<'_, '_>, from: From, too_many: &'static str) -> Result<Flow, Fault> {
    let with_score = match (call.args.get(3), call.args.len()) {
        (None, _) => false,
        (Some(word), 4) if word.eq_ignore_ascii_case(b"WITHSCORE") => true,
        (Some(_), 4) => return Err(Fault::SYNTAX),
        _ => return Err(Fault::fixed(too_many)),
    };
    let key = call.key(1);
    let set = call.data.read_sorted_set(&key)?;
    let found = set.and_then(|set| {
        let (below, score) = set.rank(call.args.word(2))?;
        Some((if from == From::Lowest { below } else { set.len() - 1 - below }, score))
    });
    match found {
        None if with_score => call.reply.null_array(),
        None => call.reply.null(),
        Some((rank, score)) => {
            if with_score {
                call.reply.array(2);
            }
            call.reply.count(rank);
            if with_score {
                call.reply.double(score);
            }
        }
    }
    Ok(Flow::Done)
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`: some members with their scores.
///
/// The options are looked at only if there is a sorted set, and scores of a skiplist have 17 digits,
/// as Redis does it.
pub fn zscan(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let cursor = parse_cursor(call.args.word(2))?;
    let Some(entry) = call.data.read(&key) else {
        answer_scan(&mut call.reply, |_| (ScanCursor::START, 0));
        return Ok(Flow::Done);
    };
    let Value::SortedSet(set) = entry.value() else { return Err(Fault::WRONG_TYPE) };
    let is_compact = entry.encoding() == "listpack";
    let options = ScanOptions::parse(call.args.from(3), Filters::Pattern)?;
    answer_scan(&mut call.reply, |reply| {
        let mut count = 0;
        let next = set.scan(cursor, options.count, |member| {
            if options.matches(member.bytes) {
                reply.bulk(member.bytes);
                if is_compact {
                    reply.bulk(format_double(member.score).as_bytes());
                } else {
                    reply.bulk(format_17_digits(member.score).as_bytes());
                }
                count += 2;
            }
        });
        (next, count)
    });
    Ok(Flow::Done)
}
