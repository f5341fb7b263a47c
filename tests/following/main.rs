//! The behaviours of a replica: of a primary of its own kind, and of stock ones.
//!
//! `BACKLOGD_TEST_REPLICAS` names further stock programs, which are primaries here as well.

#[path = "../support/mod.rs"]
mod support;

mod discarded;
mod handover;
mod reads;
mod report;
mod restarting;
mod resync;
mod room;
mod stream;
mod strict;

use support::member::{await_link, follow};
use support::{Endpoint, Kind, Member, Server};

/// Starts a backlogd that follows `primary`, with its link up.
fn replica_of(primary: &dyn Endpoint, further: &[&str]) -> Server {
    let Member::Own(replica) = Kind::Backlogd.start(further) else { unreachable!("it is ours") };
    follow(&replica, primary.address());
    await_link(&replica);
    replica
}

/// The stock kinds alone.
fn stock_kinds() -> Vec<Kind> {
    Kind::all().split_off(1)
}
