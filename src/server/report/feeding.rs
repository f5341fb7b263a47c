//! `INFO`: whom this server feeds, how far each of them is and how it resynced, and the lineage.

use std::fmt::Write;

use crate::log::Log;
use crate::replication::lineage::Lineage;
use crate::replication::replicas::Replica;
use crate::replication::resyncs::Resync;
use crate::server::Server;
use crate::server::clock::unix_ms;

use super::Text;

/// Stands for a number that is not known.
const UNKNOWN: i64 = -1;

/// A line for each replica, and one for each of the latest resyncs, newest first.
pub(super) fn section(server: &Server, log: &Log, text: &mut Text<'_, '_>) {
    let now_ms = unix_ms();
    for (index, replica) in server.replicas.list().iter().enumerate() {
        text.line(format_args!("backlog_replica{index}"), described(replica, log, now_ms));
    }
    for (index, resync) in server.resyncs.list().iter().enumerate() {
        let Resync { address, port, reason, .. } = resync;
        let (kind, age_s) = (reason.kind().word(), resync.age_s(now_ms));
        let address = plain(address);
        text.line(
            format_args!("backlog_resync{index}"),
            format_args!(
                "ip={address},port={port},kind={kind},reason={reason},seconds_ago={age_s}"
            ),
        );
    }
}

/// The histories of old, newest first: `replid:offset,…`, none where there is none.
///
/// The offset counts the bytes up to which the history is also ours, as `master_repl_offset` counts
/// them; `second_repl_offset` is one more than the first of these.
pub(super) fn lineage(lineage: &Lineage) -> String {
    let past = lineage.past().iter();
    let past = past.map(|ancestor| format!("{}:{}", ancestor.replid, ancestor.ceiling));
    past.collect::<Vec<_>>().join(",")
}

fn described(replica: &Replica, log: &Log, now_ms: i64) -> String {
    let introduction = &replica.introduction;
    let (lag_bytes, lag_s) = lag(replica, log, now_ms);
    let mut line = format!(
        "ip={},port={},kind={},version={},state={},offset={},durable_offset={},lag_bytes={lag_bytes},\
         lag_seconds={lag_s}",
        plain(&introduction.address),
        introduction.port,
        introduction.kind.word(),
        introduction.version.as_deref().unwrap_or("unknown"),
        replica.state().word(),
        replica.acknowledged(),
        replica.durable(),
    );
    // Writing to a string cannot fail.
    if let Some(resync) = replica.resync() {
        let (reason, age_s) = (resync.reason, resync.age_s(now_ms));
        let kind = reason.kind().word();
        let _ = write!(
            line,
            ",last_resync={kind},last_resync_reason={reason},last_resync_seconds_ago={age_s}"
        );
    }
    if let Some(progress) = replica.transfer() {
        let sent = progress.sent.load(std::sync::atomic::Ordering::Relaxed);
        let remaining_s = progress.remaining().map(|left| left.as_secs_f64().ceil() as i64);
        let (bytes, eta_s) = (progress.bytes, remaining_s.unwrap_or(UNKNOWN));
        let _ = write!(line, ",sync_bytes={sent},sync_total={bytes},sync_eta_seconds={eta_s}");
    }
    line
}

/// How many bytes of the stream a replica lacks, and for how many seconds the oldest of them is there.
fn lag(replica: &Replica, log: &Log, now_ms: i64) -> (i64, i64) {
    let Some(held) = replica.held() else { return (UNKNOWN, UNKNOWN) };
    let lag_bytes = log.written().since(held);
    let lag_ms = match log.sealed_ms(held) {
        _ if lag_bytes == 0 => 0,
        Some(sealed_ms) => now_ms.saturating_sub(sealed_ms as i64).max(0),
        // It was sent the rest of a segment that has been retired since, and has not acknowledged it.
        None if held < log.first() => log.covered_ms() as i64,
        // It is not sealed yet, and so of this moment.
        None => 0,
    };
    (lag_bytes as i64, lag_ms / 1000)
}

/// Makes a text that a replica has chosen one field of a line.
pub(super) fn plain(text: &str) -> String {
    text.replace(|char: char| char == ',' || char == '=' || char.is_control(), "?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::{Offset, Replid};

    #[test]
    fn the_lineage_is_told_newest_first_with_the_bytes_that_are_shared() {
        let mut own = Lineage::new(Replid::from_bytes([1; 20]));
        assert_eq!(lineage(&own), "");
        own.rotate(Replid::from_bytes([2; 20]), Offset(10));
        own.rotate(Replid::from_bytes([3; 20]), Offset(25));
        assert_eq!(lineage(&own), format!("{}:25,{}:10", "02".repeat(20), "01".repeat(20)));
    }

    #[test]
    fn an_address_cannot_break_out_of_its_field() {
        assert_eq!(plain("a,state=online\r\nrole:master"), "a?state?online??role:master");
        assert_eq!(plain("fe80::1"), "fe80::1");
    }
}
