//! How many clients there may be, as far as the system lets the process open so many files.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::{Caller, Config};

/// What the log, snapshots and replicas take, and clients may not: the log refuses writes for good
/// once one of its files cannot be opened.
const FILES: u64 = 48;
/// What each worker takes.
const WORKER_FILES: u64 = 8;

/// Lowers `maxclients` to what the system allows, as stock servers do when they start.
pub fn fit(config: &mut Config, workers: usize) {
    let wanted = config.settings().maxclients;
    let fits = provide(wanted, workers);
    if fits == wanted {
        return;
    }
    tracing::warn!(
        wanted,
        maxclients = fits,
        "the system allows fewer open files than maxclients needs; it is lowered: raise ulimit -n"
    );
    let fits = fits.to_string();
    let lowered = config.set(&[(b"maxclients", fits.as_bytes())], Caller::Local);
    let _before = lowered.expect("a smaller number of clients is a number of clients");
}

/// Lets the process open as many files as so many clients take, and its own, or as many as the
/// system allows; returns how many clients there may be then.
pub fn provide(clients_max: u32, workers: usize) -> u32 {
    let own = own(workers);
    let wanted = u64::from(clients_max) + own;
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    if before.is_none_or(|current| current >= wanted) {
        return clients_max;
    }
    limit.current = Some(limit.maximum.map_or(wanted, |maximum| wanted.min(maximum)));
    let allowed = if setrlimit(Resource::Nofile, limit).is_ok() { limit.current } else { before };
    allowed.map_or(clients_max, |files| clients_max.min(served_with(files, own)))
}

fn own(workers: usize) -> u64 {
    FILES + WORKER_FILES * workers as u64
}

/// Tells how many clients there may be with so many files; somebody can always ask what is wrong.
fn served_with(files: u64, own: u64) -> u32 {
    u32::try_from(files.saturating_sub(own)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_files_come_before_clients() {
        assert_eq!(served_with(1024, 64), 960);
        assert_eq!(served_with(65, 64), 1);
        assert_eq!(served_with(10, 64), 1);
        assert_eq!(served_with(u64::MAX, 64), u32::MAX);
    }
}
