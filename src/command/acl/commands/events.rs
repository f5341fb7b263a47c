//! `ACL LOG`.

use crate::command::acl::log::Entry;
use crate::command::{Call, Fault, Flow};
use crate::net::reply::Reply;
use crate::number::parse_i64_strict;

use super::wrong_arity;

/// How many entries are shown unless it is said.
const SHOWN: usize = 10;

/// `ACL LOG [count | RESET]`.
pub fn log(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let log = call.host.users().log();
    let count = match (call.args.get(2), call.args.len()) {
        (None, _) => SHOWN,
        (Some(word), 3) if word.eq_ignore_ascii_case(b"RESET") => {
            log.lock().reset();
            call.reply.ok();
            return Ok(Flow::Done);
        }
        (Some(word), 3) => {
            let count = parse_i64_strict(word).ok_or(Fault::NOT_AN_INTEGER)?;
            usize::try_from(count).unwrap_or(0)
        }
        _ => return Err(wrong_arity(call)),
    };
    let log = log.lock();
    call.reply.array(count.min(log.entries().len()));
    log.entries().take(count).for_each(|entry| show(entry, call.data.now_ms, &mut call.reply));
    Ok(Flow::Done)
}

fn show(entry: &Entry, now_ms: i64, reply: &mut Reply<'_>) {
    let event = &entry.event;
    reply.map(10);
    reply.bulk(b"count");
    reply.integer(entry.count);
    for (name, value) in [
        ("reason", event.reason.word().as_bytes()),
        ("context", event.context.word().as_bytes()),
        ("object", &event.object),
        ("username", &event.user),
    ] {
        reply.bulk(name.as_bytes());
        reply.bulk(value);
    }
    reply.bulk(b"age-seconds");
    reply.double(now_ms.saturating_sub(entry.updated_ms) as f64 / 1000.0);
    reply.bulk(b"client-info");
    reply.bulk(event.client.as_bytes());
    for (name, value) in [
        ("entry-id", entry.id),
        ("timestamp-created", entry.created_ms),
        ("timestamp-last-updated", entry.updated_ms),
    ] {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    }
}
