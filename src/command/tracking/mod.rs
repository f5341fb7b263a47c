//! Client-side caching: clients are told which keys they may no longer hold copies of.
//!
//! The [`Tracker`] knows, of the clients that track, which keys each has read, or whose names begin how.
//! What a command read and changed is noted in its effect, and worked off in that order when it is
//! logged and while the shards of its keys are held: so no change comes between a read and its being
//! remembered. What clients are told waits in their mailboxes, as messages do.

mod command;
mod options;
mod state;
mod tell;
mod tracker;

pub use command::{client_caching, client_getredir, client_tracking, client_trackinginfo};
pub use state::{Choice, Tracking};
pub use tell::Changed;
pub use tracker::{Tracked, Tracker};
