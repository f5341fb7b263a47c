//! What a service manager is told: that the server is ready, and what it is at.

use std::fmt;
use std::sync::atomic::Ordering;

use crate::server::Server;
use crate::server::link::Stage;

/// What the server is at, as an operator asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The data is loaded; so much of it is.
    Loading(Share),
    /// Clients are served, as a primary's.
    Primary,
    /// Clients are served, as a replica's.
    Replica(Sync),
}

/// How a replica stands to its primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sync {
    /// It is not sent the stream yet, or no more.
    Waiting,
    /// A snapshot comes; so much of it has.
    Receiving(Share),
    /// The snapshot is loaded.
    Loading,
    /// It is sent the stream.
    Done,
}

/// A part of a whole in percent, if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(Option<u64>);

impl Share {
    fn of(done: u64, total: u64) -> Self {
        let percent = (u128::from(done.min(total)) * 100).checked_div(u128::from(total));
        Self(percent.map(|percent| percent as u64))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(percent) => write!(f, ": {percent} %"),
            None => f.write_str("..."),
        }
    }
}

impl Condition {
    /// Looks at the server.
    pub fn of(server: &Server) -> Self {
        if !server.process.is_ready.load(Ordering::Acquire) {
            let (total, done) = server.loading.progress();
            return Self::Loading(Share::of(done, total));
        }
        let Some(link) = server.roles.link() else { return Self::Primary };
        let status = &link.status;
        Self::Replica(match status.stage() {
            Stage::Receiving => {
                let sync = status.sync().unwrap_or_default();
                Sync::Receiving(Share::of(sync.received, sync.total.unwrap_or(0)))
            }
            Stage::Loading => Sync::Loading,
            Stage::Connected => Sync::Done,
            Stage::Connect | Stage::Connecting | Stage::Handshake => Sync::Waiting,
        })
    }

    /// The assignments that tell of it.
    ///
    /// That it is ready is told with everything that is said from then on, so that it cannot be missed.
    pub fn assignments(&self) -> String {
        let replica = "Ready to accept connections in read-only mode. ";
        match self {
            Self::Loading(share) => format!("STATUS=backlogd is loading{share}\n"),
            Self::Primary => "READY=1\nSTATUS=Ready to accept connections\n".to_owned(),
            Self::Replica(sync) => {
                let sync = match sync {
                    Sync::Waiting => "Waiting for MASTER <-> REPLICA sync".to_owned(),
                    Sync::Receiving(share) => {
                        format!("MASTER <-> REPLICA sync: Receiving a snapshot{share}")
                    }
                    Sync::Loading => "MASTER <-> REPLICA sync: Loading the snapshot".to_owned(),
                    Sync::Done => "MASTER <-> REPLICA sync: Finished with success".to_owned(),
                };
                format!("READY=1\nSTATUS={replica}{sync}\n")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_from_when_its_data_is_there() {
        let loading = Condition::Loading(Share::of(1, 3)).assignments();
        assert_eq!(loading, "STATUS=backlogd is loading: 33 %\n");
        let unknown = Condition::Loading(Share::of(0, 0)).assignments();
        assert_eq!(unknown, "STATUS=backlogd is loading...\n");
        for (sync, end) in [
            (Sync::Waiting, "Waiting for MASTER <-> REPLICA sync\n"),
            (Sync::Receiving(Share::of(u64::MAX, u64::MAX)), "Receiving a snapshot: 100 %\n"),
            (Sync::Loading, "Loading the snapshot\n"),
            (Sync::Done, "Finished with success\n"),
        ] {
            let told = Condition::Replica(sync).assignments();
            assert!(told.starts_with("READY=1\nSTATUS=") && told.ends_with(end), "{told}");
        }
    }
}
