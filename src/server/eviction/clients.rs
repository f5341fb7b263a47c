//! Clients that are closed when all of them take more than `maxmemory-clients` allows.
//!
//! What each takes is counted in a sum whenever it changes. Whoever finds the sum too large closes those
//! that take most, by powers of two, and of those that take about as much the oldest first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::command::client::describe;
use crate::command::session::{ClientInfo, flag};
use crate::server::Server;
use crate::server::clock::unix_ms;

/// Clients that take less are of one class, and those that take more of another.
const CLASS_BITS_MIN: u32 = 15;
const CLASS_BITS_MAX: u32 = 33;

/// Whether clients take too much though nobody is left who may be closed.
#[derive(Debug, Default)]
pub struct Helpless(AtomicBool);

/// Closes clients where all together take too much; `asking` is the one that has grown, if it is known.
///
/// Where that was to no avail it is left to the clock to try again ([`look_again`]), unless that one may
/// go itself.
#[inline]
pub fn keep_clients(server: &Server, asking: Option<&ClientInfo>) {
    if !server.clients.weights().are_too_much() {
        return;
    }
    if asking.is_some_and(may_go) || !server.clients.helpless.0.load(Relaxed) {
        evict(server);
    }
}

/// Weighs all clients, whatever was written for them, and closes some if they take too much.
pub fn look_again(server: &Server) {
    let weights = server.clients.weights();
    if !weights.are_limited() {
        return;
    }
    server.clients.list().iter().for_each(|client| client.weigh());
    if weights.are_too_much() {
        evict(server);
    } else {
        server.clients.helpless.0.store(false, Relaxed);
    }
}

/// Takes over `maxmemory-clients`.
pub fn limit_clients(server: &Server, bytes: Option<usize>) {
    server.clients.weights().set_limit(bytes);
    look_again(server);
}

#[cold]
fn evict(server: &Server) {
    let weights = server.clients.weights();
    let Some(_turn) = server.clients.evicting.try_lock() else { return };
    let mut candidates: Vec<_> =
        server.clients.list().into_iter().filter(|client| may_go(client)).map(by_class).collect();
    // Ids are in the order in which clients came.
    candidates.sort_by_key(|(class, client)| (std::cmp::Reverse(*class), client.id));
    for (_, client) in candidates {
        if !weights.are_too_much() {
            return;
        }
        // Two may see that it is too much, and only one may close it.
        let before = client.flags.fetch_or(flag::KILLED | flag::EVICTED, Relaxed);
        if before & (flag::EVICTED | flag::LEFT) != 0 {
            continue;
        }
        let line = describe(&client, unix_ms());
        tracing::info!(client = line.trim_end(), "evicting a client, as all take too much");
        client.weight.end();
        client.kill.notify_one();
        server.stats.evicted_clients.fetch_add(1, Relaxed);
    }
    if weights.are_too_much() && !server.clients.helpless.0.swap(true, Relaxed) {
        tracing::warn!("clients take more than maxmemory-clients, and none is left to be closed");
    }
}

/// Tells whether a client may be closed for what it takes.
fn may_go(client: &ClientInfo) -> bool {
    client.flags.load(Relaxed) & (flag::NO_EVICT | flag::REPLICA) == 0
}

fn by_class(client: Arc<ClientInfo>) -> (u32, Arc<ClientInfo>) {
    (class(client.memory_bytes()), client)
}

/// Returns the power of two below which so many bytes are.
fn class(bytes: usize) -> u32 {
    (usize::BITS - bytes.leading_zeros()).clamp(CLASS_BITS_MIN, CLASS_BITS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_apart_by_powers_of_two_within_bounds() {
        assert_eq!([0, 1, 32 * 1024 - 1].map(class), [15; 3]);
        assert_eq!([32 * 1024, 64 * 1024 - 1, 64 * 1024].map(class), [16, 16, 17]);
        assert_eq!([1 << 32, 1 << 33, 1 << 60].map(class), [33; 3]);
    }
}
