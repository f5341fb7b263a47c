//! Where a server is reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    /// The port; zero where a replica announces none.
    pub(super) port: u16,
}

/// A text that is no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not HOST:PORT; an IPv6 address stands in brackets, as in [::1]:6379")]
pub(super) struct NotAnAddress(String);

impl Address {
    /// Tells where it is for us when `other`, which we reach, is told of it.
    ///
    /// A server that speaks of the loopback interface means its own.
    pub(super) fn told_by(self, other: &Self) -> Self {
        if self.is_loopback() && !other.is_loopback() {
            return Self { host: other.host.clone(), ..self };
        }
        self
    }

    fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>().map(|address| address.is_loopback());
        address.unwrap_or_else(|_| self.host.eq_ignore_ascii_case("localhost"))
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let fault = || NotAnAddress(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(fault)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if host.is_empty() || bare.is_none() && host.contains([':', '[', ']']) {
            return Err(fault());
        }
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(fault)?;
        Ok(Self { host: bare.unwrap_or(host).to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_may_be_names_and_addresses_of_both_families() {
        for text in ["localhost:6379", "10.0.0.1:1", "[::1]:65535", "[fe80::1%eth0]:6379"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("[::1]:6379".parse::<Address>().unwrap().host, "::1");
        for text in ["", "localhost", ":6379", "a:0", "a:65536", "a:b", "::1:6379", "[::1]", "[a:1"]
        {
            assert_eq!(text.parse::<Address>(), Err(NotAnAddress(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn the_loopback_of_another_machine_is_not_ours() {
        let address = |text: &str| text.parse::<Address>().unwrap();
        let (near, far) = (address("localhost:6379"), address("10.0.0.1:6379"));
        assert_eq!(address("127.0.0.1:6380").told_by(&far), address("10.0.0.1:6380"));
        assert_eq!(address("[::1]:6380").told_by(&near), address("[::1]:6380"));
        assert_eq!(address("10.0.0.2:6380").told_by(&far), address("10.0.0.2:6380"));
    }
}
