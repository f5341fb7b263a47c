//! The directives of TLS.

use std::path::PathBuf;
use std::time::Duration;

use super::store::Config;

/// What certificate a client has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthClients {
    /// None.
    No,
    /// None, but one that it shows must be good.
    Optional,
    /// A good one.
    Yes,
}

/// What concerns TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// `tls-port`.
    pub port: Option<u16>,
    /// `tls-replication`.
    pub replication: bool,
    /// `tls-cluster`: whether `MIGRATE` speaks TLS.
    pub migration: bool,
    /// `tls-auth-clients`.
    pub auth_clients: AuthClients,
    /// `tls-cert-file` and `tls-key-file`.
    pub server: (Option<PathBuf>, Option<PathBuf>),
    /// `tls-client-cert-file` and `tls-client-key-file`.
    pub client: (Option<PathBuf>, Option<PathBuf>),
    /// `tls-ca-cert-file`.
    pub authority_file: Option<PathBuf>,
    /// `tls-ca-cert-dir`.
    pub authority_directory: Option<PathBuf>,
    /// `tls-protocols`.
    pub protocols: String,
    /// `tls-ciphers`.
    pub ciphers: Option<String>,
    /// `tls-ciphersuites`.
    pub suites: Option<String>,
    /// `tls-prefer-server-ciphers`.
    pub prefers_own_ciphers: bool,
    /// The sessions that may be resumed; `None` without `tls-session-caching`.
    pub sessions: Option<KeptSessions>,
}

/// Which sessions may be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptSessions {
    /// `tls-session-cache-size`; `None` for as many as come.
    pub count_max: Option<usize>,
    /// `tls-session-cache-timeout`.
    pub age_max: Duration,
}

impl Tls {
    /// Whether anybody is spoken to in TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.port.is_some() || self.connects()
    }

    /// Whether other servers are connected to in TLS.
    #[must_use]
    pub fn connects(&self) -> bool {
        self.replication || self.migration
    }
}

impl Config {
    pub(super) fn tls(&self) -> Tls {
        let text = |name| self.strings(name).pop();
        let pair = |certificate, key| (self.beside_data(certificate), self.beside_data(key));
        Tls {
            port: self.nonzero("tls-port"),
            replication: self.yes("tls-replication"),
            migration: self.yes("tls-cluster"),
            auth_clients: match self.choice("tls-auth-clients") {
                "no" => AuthClients::No,
                "optional" => AuthClients::Optional,
                _ => AuthClients::Yes,
            },
            server: pair("tls-cert-file", "tls-key-file"),
            client: pair("tls-client-cert-file", "tls-client-key-file"),
            authority_file: self.beside_data("tls-ca-cert-file"),
            authority_directory: self.beside_data("tls-ca-cert-dir"),
            protocols: text("tls-protocols").unwrap_or_default(),
            ciphers: text("tls-ciphers"),
            suites: text("tls-ciphersuites"),
            prefers_own_ciphers: self.yes("tls-prefer-server-ciphers"),
            sessions: self.yes("tls-session-caching").then(|| KeptSessions {
                count_max: self.nonzero("tls-session-cache-size"),
                age_max: self.seconds("tls-session-cache-timeout"),
            }),
        }
    }

    /// A path that stock servers look up in `dir`, which they work in once it is given.
    fn beside_data(&self, name: &str) -> Option<PathBuf> {
        let path = self.path(name)?;
        Some(if self.is_given("dir") { self.dir().join(path) } else { path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(text: &str) -> Tls {
        Config::from_text(text.as_bytes()).unwrap().settings().tls
    }

    #[test]
    fn it_is_off_until_somebody_is_spoken_to() {
        assert!(!tls("tls-cert-file x").is_on());
        for directive in ["tls-port 1", "tls-replication yes", "tls-cluster yes"] {
            assert!(tls(directive).is_on(), "{directive}");
        }
        assert!(!tls("tls-port 1").connects());
    }

    #[test]
    fn files_are_where_stock_servers_look_for_them() {
        assert_eq!(tls("tls-cert-file a").server.0, Some(PathBuf::from("a")));
        assert_eq!(tls("dir /\ntls-cert-file a").server.0, Some(PathBuf::from("/a")));
        assert_eq!(tls("dir /\ntls-key-file /b/c").server.1, Some(PathBuf::from("/b/c")));
    }
}
