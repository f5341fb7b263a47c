//! The operator's tools for a log directory: `backlogd log verify|stat|dump|tail`.
//!
//! They open files for reading only, take no lock and make no file, so that they may look at the
//! directory of a running server. What they see is a moment's view of it; since a file that is
//! read while it is being written can look damaged, damage counts when it is there at a second look.

pub(super) mod json;
mod moment;
mod place;

mod commands;
mod look;
mod printer;
mod snapshot;

mod dump;
mod stat;
mod tail;
mod verify;

mod error;
mod run;

pub use run::{misused, run};
