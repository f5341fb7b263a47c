//! Users, what each of them may do, and how that is changed, shown and checked.
//!
//! ```text
//! words of rules ─► User: flags, passwords, selectors ─► UserSet ─► Users: shared, replaced whole
//!                     │ check of a command                             │ version
//!                     ▼                                                ▼
//!                  Denied ─► Log                          sessions notice, and look anew
//! ```
//!
//! The rules themselves (`user`, `selector`, `permissions`, `pattern`, `check`) are functions of values.
//! They know of commands what the table says: names, categories and where the keys are.
//!
//! Invariants
//! - A1  A set of users is never changed but replaced, and each one has a higher version than the last.
//! - A2  What a command may touch is looked at where the shards to lock come from: the same key specs.
//! - A3  Of a password nothing is kept but its hash.

pub mod password;
mod pattern;
mod permissions;
mod selector;
mod user;

mod check;
mod touched;

mod file;
mod line;
pub mod log;
mod login;
mod users;

mod commands;

#[cfg(test)]
mod tests;

pub use check::{Denied, Reason};
pub use commands::{
    cat, deluser, dryrun, genpass, getuser, help, list, load, log as show_log, save, setuser,
    users as names, whoami,
};
pub use file::{FileFaults, read as read_file, write as write_file};
pub use line::{LineFault, check_lines, read_lines};
pub use log::{Context, Log};
pub use login::{Login, NOT_LOGGED_IN, deny, deny_queued, deny_script, note_login};
pub use pattern::Access;
pub use selector::NewChannels;
pub use user::{RuleFault, User};
pub use users::{UserSet, Users};

/// The name of the user that clients are who did not say who they are.
pub const DEFAULT: &[u8] = b"default";

/// The number of that user.
pub const DEFAULT_ID: u64 = 1;

/// Returns a word as C reads it: up to its first zero byte.
fn c_text(word: &[u8]) -> &[u8] {
    word.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Tells whether a word has blanks or zero bytes in it, which names and patterns may not.
fn has_blanks(word: &[u8]) -> bool {
    word.iter().any(|byte| matches!(byte, 0 | b' ' | b'\t'..=b'\r'))
}
