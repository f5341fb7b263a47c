//! `ROLE`, `WAIT`, `WAITAOF`, and what a replica says: `REPLCONF`, `PSYNC`, `SYNC`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::net::Args;
use crate::number::parse_i64_strict;
use crate::position::{Offset, Position, Replid};

use super::flow::{FailoverPlan, FeedRequest, Request};
use super::host::{Followed, RoleReport};
use super::session::RdbParts;
use super::{Call, Fault, Flow, Mode};

/// The longest address that `REPLCONF ip-address` may announce.
const ADDRESS_BYTES_MAX: usize = 255;
/// The longest version that is remembered of `REPLCONF version`.
const VERSION_BYTES_MAX: usize = 32;

/// `ROLE`: what this server is, and whom it feeds.
pub fn role(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    match call.host.role() {
        RoleReport::Primary { offset, replicas } => {
            call.reply.array(3);
            call.reply.bulk(b"master");
            call.reply.integer(offset.0 as i64);
            call.reply.array(replicas.len());
            for (address, port, acknowledged) in replicas {
                call.reply.array(3);
                call.reply.bulk(address.as_bytes());
                call.reply.bulk(port.to_string().as_bytes());
                call.reply.bulk(acknowledged.to_string().as_bytes());
            }
        }
        RoleReport::Replica { host, port, link, offset } => {
            call.reply.array(5);
            call.reply.bulk(b"slave");
            call.reply.bulk(host.as_bytes());
            call.reply.integer(i64::from(port));
            call.reply.bulk(link.as_bytes());
            call.reply.integer(offset.map_or(-1, |offset| offset.0 as i64));
        }
    }
    Ok(Flow::Done)
}

/// `REPLICAOF host port`, `REPLICAOF NO ONE`: follows that primary from now on, or none any more.
pub fn replicaof(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const PORT: Fault = Fault::fixed("ERR Invalid master port");
    let (host, port) = (call.args.word(1), call.args.word(2));
    let is_none = host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one");
    let followed = if is_none {
        call.host.set_primary(None)?
    } else {
        let port = parse_i64_strict(port).and_then(|port| u16::try_from(port).ok()).ok_or(PORT)?;
        let host =
            std::str::from_utf8(host).map_err(|_| Fault::fixed("ERR Invalid master host"))?;
        call.host.set_primary(Some((host, port)))?
    };
    if followed == Followed::Already && !is_none {
        call.reply.simple("OK Already connected to specified master");
        return Ok(Flow::Done);
    }
    Ok(Flow::ask(Request::ChangeRole))
}

/// `FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms]`: a replica takes over.
pub fn failover(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const INCOMPLETE: Fault = Fault::fixed(
        "ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
    );
    let mut plan = FailoverPlan::default();
    let (mut aborts, mut at) = (false, 1);
    while let Some(word) = call.args.get(at) {
        let left = call.args.len() - at - 1;
        if word.eq_ignore_ascii_case(b"timeout") && left >= 1 && plan.timeout.is_none() {
            let ms = integer(call, at + 1)?;
            let ms = u64::try_from(ms).ok().filter(|ms| *ms > 0);
            let ms = ms.ok_or(Fault::fixed("ERR FAILOVER timeout must be greater than 0"))?;
            plan.timeout = Some(Duration::from_millis(ms));
            at += 2;
        } else if word.eq_ignore_ascii_case(b"abort") && !aborts {
            aborts = true;
            at += 1;
        } else if word.eq_ignore_ascii_case(b"to") && left >= 2 && plan.target.is_none() {
            let host = String::from_utf8_lossy(call.args.word(at + 1)).into_owned();
            let port = integer(call, at + 2)?;
            // No replica listens on a port that cannot be.
            plan.target = Some((host, u16::try_from(port).unwrap_or(0)));
            at += 3;
        } else if word.eq_ignore_ascii_case(b"force") && !plan.force {
            plan.force = true;
            at += 1;
        } else {
            return Err(Fault::SYNTAX);
        }
    }
    if aborts {
        if plan != FailoverPlan::default() {
            return Err(Fault::SYNTAX);
        }
        return Ok(Flow::ask(Request::AbortFailover));
    }
    if plan.force && (plan.timeout.is_none() || plan.target.is_none()) {
        return Err(INCOMPLETE);
    }
    Ok(Flow::ask(Request::Failover(plan)))
}

/// `WAIT numreplicas timeout`: until so many replicas have all that this client wrote.
pub fn wait(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const ON_REPLICA: Fault = Fault::fixed(
        "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a \
         replica is configured to be writable (which is not the default) writes to replicas are just \
         local and are not propagated.",
    );
    if is_replica(call) {
        return Err(ON_REPLICA);
    }
    let replicas = integer(call, 1)?;
    let timeout = timeout(call, 2)?;
    let written = Offset(call.session.info.written.load(Ordering::Relaxed));
    let there = call.host.replicas_at(written);
    if there >= replicas || call.session.executing {
        call.reply.integer(there);
        return Ok(Flow::Done);
    }
    Ok(Flow::ask(Request::Wait { replicas, timeout }))
}

/// `WAITAOF numlocal numreplicas timeout`: until all that this client wrote is on so many disks.
pub fn waitaof(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const ON_REPLICA: Fault = Fault::fixed(
        "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas \
         are just local and are not propagated.",
    );
    if is_replica(call) {
        return Err(ON_REPLICA);
    }
    let local = integer(call, 1)?;
    if !(0..=1).contains(&local) {
        return Err(Fault::fixed("ERR value is out of range, value must between 0 and 1"));
    }
    let replicas = integer(call, 2).ok().filter(|replicas| *replicas >= 0);
    let replicas = replicas.ok_or(Fault::fixed("ERR value is out of range, must be positive"))?;
    let timeout = timeout(call, 3)?;
    if call.session.executing {
        // Within a transaction nothing may wait.
        let written = Offset(call.session.info.written.load(Ordering::Relaxed));
        let (here, there) = call.host.durable_at(written);
        call.reply.array(2);
        call.reply.integer(i64::from(here));
        call.reply.integer(there);
        return Ok(Flow::Done);
    }
    Ok(Flow::ask(Request::WaitDurable { local: local == 1, replicas, timeout }))
}

/// `REPLCONF option value …`: what a replica says of itself, and its acknowledgements.
pub fn replconf(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    if call.args.len().is_multiple_of(2) {
        return Err(Fault::SYNTAX);
    }
    if call.args.len() >= 3 && call.args[1].eq_ignore_ascii_case(b"ack") {
        if let Some((offset, durable)) = acknowledgement(&call.args) {
            call.host.acknowledged(call.session, offset, durable);
        }
        return Ok(Flow::Done);
    }
    for index in (1..call.args.len()).step_by(2) {
        let option = call.args.word(index);
        if option.eq_ignore_ascii_case(b"getack") {
            // A primary asks this of a replica; as one we have nothing to say.
            return Ok(Flow::Done);
        }
        introduce(call, option, index + 1)?;
    }
    call.reply.ok();
    Ok(Flow::Done)
}

/// Reads `REPLCONF ACK <offset> [FACK <durable offset>]`, which has no reply.
pub fn acknowledgement(args: &Args<'_>) -> Option<(Offset, Option<Offset>)> {
    let offset_at = |index: usize| {
        let number = args.get(index).and_then(parse_i64_strict)?;
        u64::try_from(number).ok().map(Offset)
    };
    let is = |index: usize, word: &[u8]| {
        args.get(index).is_some_and(|given| given.eq_ignore_ascii_case(word))
    };
    if !is(0, b"replconf") || !is(1, b"ack") {
        return None;
    }
    let durable = if is(3, b"fack") { offset_at(4) } else { None };
    Some((offset_at(2)?, durable))
}

/// Notes one option of a replica's introduction.
fn introduce(call: &mut Call<'_, '_>, option: &[u8], value: usize) -> Result<(), Fault> {
    let word = call.args.word(value);
    if option.eq_ignore_ascii_case(b"listening-port") {
        let port = integer(call, value)?;
        call.session.replica.listening_port = u16::try_from(port)
            .map_err(|_| Fault::fixed("ERR value is out of range, must be positive"))?;
    } else if option.eq_ignore_ascii_case(b"ip-address") {
        if word.len() > ADDRESS_BYTES_MAX {
            return Err(Fault::of(format!(
                "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                word.len()
            )));
        }
        let address = String::from_utf8_lossy(word).into_owned();
        call.session.replica.ip_address = (!address.is_empty()).then_some(address);
    } else if option.eq_ignore_ascii_case(b"capa") {
        // Unknown capabilities are for newer primaries.
        call.session.replica.capa_eof |= word.eq_ignore_ascii_case(b"eof");
        call.session.replica.capa_psync2 |= word.eq_ignore_ascii_case(b"psync2");
        call.session.replica.capa_backlog |= word.eq_ignore_ascii_case(b"backlog");
        call.session.replica.capa_any = true;
    } else if option.eq_ignore_ascii_case(b"rdb-only") {
        call.session.replica.rdb_only = integer(call, value)? == 1;
    } else if option.eq_ignore_ascii_case(b"rdb-filter-only") {
        call.session.replica.rdb_parts = rdb_parts(word)?;
    } else if option.eq_ignore_ascii_case(b"version") {
        call.session.replica.version = version(word);
    } else {
        return Err(Fault::of(format!(
            "ERR Unrecognized REPLCONF option: {}",
            String::from_utf8_lossy(option)
        )));
    }
    Ok(())
}

/// Takes a version that looks like one, as far as it is to be shown.
fn version(word: &[u8]) -> Option<String> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-+_".contains(byte);
    let fits = (1..=VERSION_BYTES_MAX).contains(&word.len()) && word.iter().all(is_plain);
    fits.then(|| String::from_utf8_lossy(word).into_owned())
}

/// Reads `rdb-filter-only`: nothing at all, or functions.
fn rdb_parts(filter: &[u8]) -> Result<RdbParts, Fault> {
    let mut parts = RdbParts::None;
    for word in filter.split(|b| *b == b' ').filter(|word| !word.is_empty()) {
        if !word.eq_ignore_ascii_case(b"functions") {
            return Err(Fault::of(format!(
                "ERR Unsupported rdb-filter-only option: {}",
                String::from_utf8_lossy(word)
            )));
        }
        parts = RdbParts::Functions;
    }
    Ok(parts)
}

/// `PSYNC replid offset`: the connection becomes a replica's.
pub fn psync(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NOT_A_REPLICA: Fault = Fault::fixed("ERR PSYNC FAILOVER can't be sent to a master.");
    let takes_over = call.args.get(3).is_some_and(|word| word.eq_ignore_ascii_case(b"failover"));
    if takes_over && !is_replica(call) {
        return Err(NOT_A_REPLICA);
    }
    let wanted = parse_i64_strict(call.args.word(2)).ok_or(Fault::NOT_AN_INTEGER)?;
    let replid = Replid::parse(call.args.word(1));
    let offset = u64::try_from(wanted).ok().and_then(Offset::from_first_wanted);
    let request = match (replid, offset) {
        (Some(replid), Some(offset)) if takes_over => {
            const STRANGER: Fault = Fault::fixed("ERR PSYNC FAILOVER replid must match my replid.");
            if call.host.replid() != replid {
                return Err(STRANGER);
            }
            FeedRequest::TakeOver(Position { replid, offset })
        }
        (Some(replid), Some(offset)) => FeedRequest::Continue(Position { replid, offset }),
        // A replica that has no history says so on purpose.
        _ if call.args.word(1).starts_with(b"?") => FeedRequest::Full,
        _ => FeedRequest::Nowhere,
    };
    Ok(Flow::ask(Request::Feed(request)))
}

/// `SYNC`: as `PSYNC ? -1`, for those who know no more.
pub fn sync(_call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    Ok(Flow::ask(Request::Feed(FeedRequest::Sync)))
}

fn is_replica(call: &Call<'_, '_>) -> bool {
    // A primary that may have been replaced has its clients read, too.
    call.data.mode == Mode::Reader && matches!(call.host.role(), RoleReport::Replica { .. })
}

fn integer(call: &Call<'_, '_>, index: usize) -> Result<i64, Fault> {
    parse_i64_strict(call.args.word(index)).ok_or(Fault::NOT_AN_INTEGER)
}

/// Reads a timeout in milliseconds; zero means for ever.
fn timeout(call: &Call<'_, '_>, index: usize) -> Result<Option<Duration>, Fault> {
    let ms = parse_i64_strict(call.args.word(index))
        .ok_or(Fault::fixed("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| Fault::fixed("ERR timeout is negative"))?;
    Ok((ms > 0).then(|| Duration::from_millis(ms)))
}
