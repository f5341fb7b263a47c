//! One row of the table.

use crate::command::secrets::Secrets;
use crate::command::{Call, Fault, Flow};

use super::KeySpec;

/// One command, or one subcommand of a container command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name in lower case; `container|subcommand` for a subcommand.
    pub name: &'static str,
    /// How many words it has; at least `-arity` if negative.
    pub arity: i32,
    /// What it does and where it may run; see [`super::flag`].
    pub flags: u32,
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// The ACL categories beside those that follow from the flags; see [`super::acl`].
    pub acl: u32,
    /// The function that runs it; `None` for a container whose subcommands run.
    pub handler: Option<Handler>,
    /// Which of its words are the names of channels, if a user needs a right to these.
    pub channels: Option<Channels>,
    /// Which of its words are not for others to read.
    pub secrets: Option<Secrets>,
    /// How many subcommands it has: they are the rows that follow its own.
    pub(super) subcommands: u16,
    /// Its place in the table.
    pub(super) index: u16,
    /// What `COMMAND DOCS` tells.
    pub docs: Docs,
}

/// The words of a command that are the names of channels, and what becomes of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// The first argument: something is published there.
    Published,
    /// All arguments: they are subscribed to.
    Subscribed,
    /// All arguments are patterns, and channels that match are subscribed to.
    Matched,
}

/// The function that runs a command.
pub type Handler = for<'c, 'k> fn(&mut Call<'c, 'k>) -> Result<Flow, Fault>;

impl Command {
    /// Tells whether one of `flags` is among its own.
    #[inline]
    pub fn has(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    /// Tells whether it may have so many words, its name included.
    #[inline]
    pub fn accepts(&self, words: usize) -> bool {
        let words = words as i64;
        let arity = i64::from(self.arity);
        if arity >= 0 { words == arity } else { words >= -arity }
    }
}

/// What `COMMAND DOCS` tells of a command.
#[derive(Clone, Copy, Debug)]
pub struct Docs {
    /// What it does, in a phrase.
    pub summary: &'static str,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// The family it belongs to.
    pub group: &'static str,
    /// How its time grows.
    pub complexity: &'static str,
    /// Whether it is deprecated: since which version, and what takes its place.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Whether only servers use it among themselves.
    pub internal: bool,
    /// What changed in which version.
    pub history: &'static [(&'static str, &'static str)],
    /// Hints for clients and proxies.
    pub tips: &'static [&'static str],
    /// Its arguments.
    pub arguments: &'static [Argument],
}

/// One argument of a command.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// Its type in stock's words (`key`, `string`, `pure-token`, `oneof`, `block`, …).
    pub kind: &'static str,
    /// Which key spec it belongs to.
    pub key_spec: Option<i32>,
    /// The word that comes before it.
    pub token: Option<&'static str>,
    /// When it came, if later than the command.
    pub since: Option<&'static str>,
    /// Since when it is deprecated.
    pub deprecated_since: Option<&'static str>,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it may come several times.
    pub multiple: bool,
    /// Whether its token comes again each time.
    pub multiple_token: bool,
    /// The arguments it is made of.
    pub arguments: &'static [Argument],
}
