//! Runs Lua scripts and functions: what is known of them, an interpreter per thread, and what they find
//! there.
//!
//! Knows how replies are written, and no command: what a script calls reaches the server through
//! [`Commands`].
//!
//! A function of ours that fails raises a `thrown::Thrown`, which mlua hands on as an object of its own;
//! `guard.lua` makes of it what a script sees when it catches it.

mod api;
mod basics;
mod bounds;
mod cache;
mod conduct;
mod elements;
pub mod functions;
mod interpreter;
pub mod library;
mod names;
mod position;
mod random;
mod runs;
mod sandbox;
mod shebang;
mod thrown;
mod to_lua;
mod to_reply;
mod words;

pub use cache::{Cache, Script, Sha};
pub use conduct::Conduct;
pub use interpreter::{Failure, Ran, check, run};
pub use runs::{Ending, Kind, Moment, Runs, attend_with, begin_to_write, pass};
pub use shebang::{Flags, Shebang};

use crate::net::args::Args;
use crate::net::reply::Protocol;

/// What scripts are told of the server.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Its version, as three numbers with dots between.
    pub version: &'static str,
}

/// What runs the commands of a script.
pub trait Commands {
    /// Tells whether whoever runs the script may run a command; `None` if there is no such command.
    fn may_run(&self, words: &Args<'_>) -> Option<bool>;

    /// Runs a command and appends its reply to `out`, an error's as well.
    fn run(
        &mut self,
        words: &Args<'_>,
        protocol: Protocol,
        out: &mut Vec<u8>,
    ) -> Result<(), Stopped>;
}

/// The errors in what a script returned.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How many there are.
    pub count: usize,
    /// The beginnings of those that the statistics do not have.
    pub uncounted: Vec<Box<[u8]>>,
}

/// A script has to end here, whatever it makes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It needs more of the data than is held for it, and begins anew.
    Abandoned,
    /// Somebody ended it.
    Killed,
}
