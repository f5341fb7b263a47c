//! TCP keepalive: how a peer that is gone without a word is noticed.

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// The most seconds that Linux takes, of idleness as between two probes.
const SECONDS_MAX: u64 = 32767;

/// Has the system probe a connection that was idle for so many seconds; zero for never.
///
/// A connection is good without, so that a system that refuses is told of and no more.
pub fn keep_alive(stream: &TcpStream, idle_s: u64) {
    if idle_s == 0 {
        return;
    }
    let idle_s = idle_s.min(SECONDS_MAX);
    let (idle, between) = (Duration::from_secs(idle_s), Duration::from_secs((idle_s / 3).max(1)));
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(between).with_retries(3);
    if let Err(error) = SockRef::from(stream).set_tcp_keepalive(&keepalive) {
        tracing::warn!(%error, idle_s, "cannot have a connection probed (directive tcp-keepalive)");
    }
}
