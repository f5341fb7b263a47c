//! The directives that have a write wait for, or ask for, others than the log of this server.

use std::time::Duration;

use super::store::Config;

/// What a write waits for, or asks for, of others than the log.
#[derive(Clone, Copy, Debug)]
pub struct Guarding {
    /// `min-replicas-to-write`; zero for no such demand.
    pub min_replicas: usize,
    /// `min-replicas-max-lag`; zero for no such demand.
    pub min_replicas_lag_secs: u64,
    /// `backlog-commit-replicas`; zero for none.
    pub commit_replicas: u64,
    /// `backlog-commit-timeout`.
    pub commit_timeout: Duration,
    /// `backlog-start-readonly`; zero for not at all.
    pub start_readonly: Duration,
}

impl Config {
    pub(super) fn guarding(&self) -> Guarding {
        Guarding {
            min_replicas: self.unsigned("min-replicas-to-write"),
            min_replicas_lag_secs: self.unsigned("min-replicas-max-lag"),
            commit_replicas: self.unsigned("backlog-commit-replicas"),
            commit_timeout: Duration::from_millis(self.unsigned("backlog-commit-timeout")),
            start_readonly: self.seconds("backlog-start-readonly"),
        }
    }
}
