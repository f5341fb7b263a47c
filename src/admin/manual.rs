//! What comes with the program beside itself: its manual page, and completions for shells.

use clap_complete::Shell;

use crate::config::flags;

/// The manual page, in roff. `tests/manual.rs` makes it of the help texts.
pub const PAGE: &str = include_str!("../../config/backlogd.1");

/// What has a shell complete commands, their flags and the directives, with the values they take.
///
/// # Panics
/// Where the shell is none that the command line takes.
#[must_use]
pub fn completions(shell: &str) -> String {
    let shell: Shell = shell.parse().expect("the command line takes no other");
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut flags::command_with_directives(), "backlogd", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}
