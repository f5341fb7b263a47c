//! The directives of a server that follows a primary.

use super::directive::Directive;
use super::store::Config;
use super::value::Value;

/// What becomes of the data while those of a full resync are loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisklessLoad {
    /// They make room first: clients are told that the server is loading.
    Disabled,
    /// They make room first, if there are any.
    OnEmpty,
    /// They are served until the new ones take their place.
    Swap,
}

/// What concerns a server that follows a primary.
#[derive(Clone, Debug)]
pub struct Following {
    /// `replicaof`: the primary.
    pub primary: Option<(String, u16)>,
    /// `masterauth`.
    pub password: Option<Vec<u8>>,
    /// `masteruser`.
    pub user: Option<Vec<u8>>,
    /// `replica-announce-ip`.
    pub announce_ip: Option<String>,
    /// `replica-announce-port`.
    pub announce_port: Option<u16>,
    /// `bind-source-addr`.
    pub source_address: Option<String>,
    /// `replica-serve-stale-data`.
    pub serves_stale_data: bool,
    /// `replica-priority`.
    pub priority: u32,
    /// `replica-announced`.
    pub is_announced: bool,
    /// `repl-diskless-load`.
    pub diskless_load: DisklessLoad,
}

impl Config {
    /// Changes which primary is followed, as REPLICAOF does; CONFIG SET may not.
    ///
    /// CONFIG REWRITE then writes it.
    ///
    /// # Panics
    /// When the table has no such row, which its test excludes.
    pub fn set_primary(&mut self, primary: Option<(&str, u16)>) {
        let words = match primary {
            Some((host, port)) => vec![host.as_bytes().to_vec(), port.to_string().into_bytes()],
            None => Vec::new(),
        };
        let row = Directive::find(b"replicaof").expect("it is a row of the table");
        self.values[row] = Value::Words(words);
    }

    pub(super) fn following(&self) -> Following {
        Following {
            primary: self.primary(),
            password: self.bytes("masterauth"),
            user: self.bytes("masteruser"),
            announce_ip: self.strings("replica-announce-ip").pop(),
            announce_port: self.nonzero("replica-announce-port"),
            source_address: self.strings("bind-source-addr").pop(),
            serves_stale_data: self.yes("replica-serve-stale-data"),
            priority: self.unsigned("replica-priority"),
            is_announced: self.yes("replica-announced"),
            diskless_load: self.diskless_load(),
        }
    }

    fn primary(&self) -> Option<(String, u16)> {
        let words = self.strings("replicaof");
        let [host, port] = words.as_slice() else { return None };
        Some((host.clone(), port.parse().expect("the table's row checks it")))
    }

    fn diskless_load(&self) -> DisklessLoad {
        match self.choice("repl-diskless-load") {
            "swapdb" => DisklessLoad::Swap,
            "on-empty-db" => DisklessLoad::OnEmpty,
            _ => DisklessLoad::Disabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_primary_that_is_set_at_run_time_is_shown_and_taken_back() {
        let mut config = Config::from_text(b"replicaof 10.0.0.1 06380").unwrap();
        assert_eq!(config.settings().following.primary, Some(("10.0.0.1".to_owned(), 6380)));
        config.set_primary(Some(("host", 1)));
        assert_eq!(config.get(b"replicaof")[0].1, b"host 1");
        config.set_primary(None);
        assert_eq!(config.settings().following.primary, None);
        assert_eq!(config.get(b"slaveof")[0].1, b"");
    }

    #[test]
    fn a_replica_that_writes_by_itself_is_refused() {
        let refused = Config::from_text(b"replica-read-only no").unwrap_err().to_string();
        assert!(refused.contains("write to the primary"), "{refused}");
    }
}
