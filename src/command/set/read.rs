//! Looks at the members of one set.

use super::combine::tell;
use crate::command::scan::{Filters, ScanOptions, answer_scan, parse_cursor};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::ScanCursor;

/// `SISMEMBER key member`: 1 if it is one.
pub fn sismember(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let set = call.data.read_set(&key)?;
    let found = set.is_some_and(|set| set.contains(call.args.word(2)));
    call.reply.integer(i64::from(found));
    Ok(Flow::Done)
}

/// `SMISMEMBER key member [member …]`: for each, 1 if it is one.
pub fn smismember(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let set = call.data.read_set(&key)?;
    let members = call.args.from(2);
    call.reply.array(members.len());
    for member in members {
        call.reply.integer(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(Flow::Done)
}

/// `SCARD key`: how many members there are.
pub fn scard(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let set = call.data.read_set(&key)?;
    call.reply.count(set.map_or(0, |set| set.len()));
    Ok(Flow::Done)
}

/// `SMEMBERS key`: all members.
pub fn smembers(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let Some(set) = call.data.read_set(&key)? else {
        call.reply.set(0);
        return Ok(Flow::Done);
    };
    call.reply.set(set.len());
    set.iter().for_each(|member| tell(&mut call.reply, member));
    Ok(Flow::Done)
}

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`: some members.
///
/// The options are looked at only if there is a set, as Redis does it.
pub fn sscan(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let cursor = parse_cursor(call.args.word(2))?;
    let Some(set) = call.data.read_set(&key)? else {
        answer_scan(&mut call.reply, |_| (ScanCursor::START, 0));
        return Ok(Flow::Done);
    };
    let options = ScanOptions::parse(call.args.from(3), Filters::Pattern)?;
    answer_scan(&mut call.reply, |reply| {
        let mut count = 0;
        let next = set.scan(cursor, options.count, |member| {
            if options.matches(&member.as_bytes(&mut [0; 20])) {
                tell(reply, member);
                count += 1;
            }
        });
        (next, count)
    });
    Ok(Flow::Done)
}
