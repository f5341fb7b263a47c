//! `backlog-start-readonly`: a primary that was restarted takes no writes before it is confirmed.
//!
//! Sentinel may have put another one in its place while it was away, and tells it so only some time
//! after it is back; what clients wrote here until then would be lost. So nothing is appended to the
//! log until somebody shows that this is still the primary, or the time is over.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::Fault;
use crate::position::Offset;

use super::Server;
use super::admission::READ_ONLY;
use super::listening::TLS;

/// When a doubt ends by itself; none at all if there is nothing to doubt.
#[derive(Debug, Default)]
pub struct Doubt(Mutex<Option<Instant>>);

/// What ends a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// A replica follows.
    Replica,
    /// A Sentinel names this server as the primary.
    Sentinel,
    /// An operator does.
    Operator,
    /// Nobody said otherwise in time.
    Time,
    /// It is no primary any more.
    Follows,
}

impl fmt::Display for Confirmation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Replica => "a replica follows it",
            Self::Sentinel => "a Sentinel names it as the primary",
            Self::Operator => "REPLICAOF NO ONE names it as the primary",
            Self::Time => "nobody said otherwise in time",
            Self::Follows => "it follows another primary now",
        })
    }
}

impl Doubt {
    /// Tells how long it lasts at most from now on.
    fn left(&self) -> Option<Duration> {
        self.0.lock().map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// Tells the seconds that are left, zero if there is no doubt.
    pub fn seconds_left(&self) -> u64 {
        self.left().map_or(0, |left| left.as_millis().div_ceil(1000) as u64)
    }
}

impl Server {
    /// Takes no writes until somebody confirms that this is the primary, if that is wanted.
    ///
    /// To be called before the first command runs, when a directory was resumed.
    pub(super) fn begin_doubt(&self) {
        let lasts = self.settings().guarding.start_readonly;
        let Some(stream) = self.stream() else { return };
        if lasts.is_zero() || self.wanted_primary().is_some() {
            return;
        }
        if stream.log().written() == Offset::ZERO {
            // Nobody can have followed a history without a byte.
            return;
        }
        stream.withhold();
        *self.doubt.0.lock() = Some(Instant::now() + lasts);
        self.live.set_doubtful(true);
        tracing::warn!(
            seconds = lasts.as_secs(),
            "this primary was restarted and may have been replaced; it takes no writes until a \
             replica or Sentinel confirms it, or the time is over (directive backlog-start-readonly)"
        );
    }

    /// Takes writes from now on, if it did not for want of this.
    pub(super) fn confirm(&self, by: Confirmation) {
        if self.doubt.0.lock().take().is_none() {
            return;
        }
        // In this order: who sees that there is no doubt may append at once.
        if let Some(stream) = self.stream() {
            stream.take_again();
        }
        self.live.set_doubtful(false);
        tracing::info!("the doubt about this primary is over: {by}");
    }

    /// Ends a doubt that has lasted long enough; to be called by the clock.
    pub(super) fn look_at_doubt(&self) {
        if self.live.is_doubtful() && self.doubt.left() == Some(Duration::ZERO) {
            self.confirm(Confirmation::Time);
        }
    }

    /// Says why a client that would write may only read.
    pub(super) fn unwritable(&self) -> Fault {
        if self.live.is_replica() { READ_ONLY } else { self.doubted() }
    }

    /// Says why a write is refused.
    pub(super) fn doubted(&self) -> Fault {
        let left = self.doubt.seconds_left();
        Fault::of(format!(
            "READONLY This primary was restarted and may have been replaced; it takes writes once a \
             replica or Sentinel confirms it, or in {left} s (directive backlog-start-readonly)"
        ))
    }

    /// Takes in what was published on `__sentinel__:hello` by a client that came in at `local`.
    pub fn heard_hello(&self, local: &str, payload: &[u8]) {
        if !self.live.is_doubtful() {
            return;
        }
        let following = self.settings().following.clone();
        let port = following.announce_port.unwrap_or_else(|| self.port_for_servers());
        let mut own: Vec<_> = self.listening.addresses().iter().filter_map(|a| parted(a)).collect();
        if let Some((host, local_port)) = parted(local) {
            own.extend([(host.clone(), local_port), (host, port)]);
        }
        own.extend(following.announce_ip.map(|host| (host, port)));
        if confirms(payload, &own) {
            self.confirm(Confirmation::Sentinel);
        }
    }
}

/// Parts `ip:port`; what is no address of that form is of nobody.
fn parted(address: &str) -> Option<(String, u16)> {
    let address: SocketAddr = address.strip_prefix(TLS).unwrap_or(address).parse().ok()?;
    Some((address.ip().to_string(), address.port()))
}

/// Tells whether a Sentinel's hello names one of these hosts and ports as the primary.
///
/// It is `ip,port,runid,epoch` of the Sentinel and `name,ip,port,epoch` of its primary, in one line.
pub fn confirms(payload: &[u8], own: &[(String, u16)]) -> bool {
    let fields: Vec<_> = payload.split(|&byte| byte == b',').collect();
    let [_, _, _, _, _, host, port, _] = fields[..] else { return false };
    let (Ok(host), Ok(port)) = (std::str::from_utf8(host), std::str::from_utf8(port)) else {
        return false;
    };
    let Ok(port) = port.parse::<u16>() else { return false };
    own.iter().any(|(own_host, own_port)| *own_port == port && is_same_host(own_host, host))
}

/// Compares addresses by what they mean, and names by their letters.
fn is_same_host(one: &str, other: &str) -> bool {
    let address = |text: &str| text.parse::<IpAddr>().map(|ip| ip.to_canonical());
    match (address(one), address(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one.eq_ignore_ascii_case(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN_ID: &str = "3e6c4f1e5b3a7f1f3b8e1f0f6d7c8b9a0e1d2c3b";

    fn hello(host: &str, port: &str) -> Vec<u8> {
        format!("10.0.0.9,26379,{RUN_ID},4,mymaster,{host},{port},4").into_bytes()
    }

    fn own() -> Vec<(String, u16)> {
        vec![
            ("10.0.0.1".to_owned(), 6379),
            ("2001:db8::1".to_owned(), 6380),
            ("db1.example".to_owned(), 7000),
        ]
    }

    #[test]
    fn a_hello_that_names_this_server_confirms_it() {
        assert!(confirms(&hello("10.0.0.1", "6379"), &own()));
        assert!(confirms(&hello("::ffff:10.0.0.1", "6379"), &own()));
        assert!(confirms(&hello("2001:DB8:0:0::1", "6380"), &own()));
        assert!(confirms(&hello("DB1.example", "7000"), &own()));
    }

    #[test]
    fn a_hello_that_names_another_primary_does_not() {
        // The Sentinel's own address is not what counts, and host and port belong together.
        for (host, port) in
            [("10.0.0.2", "6379"), ("10.0.0.1", "6380"), ("10.0.0.9", "26379"), ("db1", "7000")]
        {
            assert!(!confirms(&hello(host, port), &own()), "{host} {port}");
        }
        assert!(!confirms(&hello("10.0.0.1", "6379"), &[]));
    }

    #[test]
    fn what_is_no_hello_confirms_nothing() {
        let whole = hello("10.0.0.1", "6379");
        for end in 0..whole.len() - 2 {
            assert!(!confirms(&whole[..end], &own()), "{end}");
        }
        assert!(!confirms(&[&whole[..], b",more"].concat(), &own()));
        for port in ["", "-1", "65536", "6379x", "\u{fffd}"] {
            assert!(!confirms(&hello("10.0.0.1", port), &own()), "{port}");
        }
        assert!(!confirms(b"\xff,\xff,\xff,\xff,\xff,\xff,\xff,\xff", &own()));
    }

    #[test]
    fn addresses_are_parted_as_they_are_written() {
        assert_eq!(parted("10.0.0.1:6379"), Some(("10.0.0.1".to_owned(), 6379)));
        assert_eq!(parted("[::1]:6379"), Some(("::1".to_owned(), 6379)));
        assert_eq!(parted("/run/backlogd.sock:0"), None);
    }
}
