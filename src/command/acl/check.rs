//! Whether a user may run a command.

use crate::command::Fault;
use crate::command::table::{Channels, Command};
use crate::net::Args;

use super::pattern::{KeyPattern, Pattern};
use super::selector::{Names, Selector};
use super::touched::{channels, each_key};
use super::{Access, User};

/// What a user may not do; the later is the nearer miss, of which stock tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// The command.
    Command,
    /// The key in this word, or what would be done with it.
    Key(usize),
    /// The channel in this word.
    Channel(usize),
}

/// What was denied, as `ACL LOG` tells and `INFO` counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A command.
    Command,
    /// A key.
    Key,
    /// To log in.
    Auth,
    /// A channel.
    Channel,
}

impl Reason {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Key => "key",
            Self::Auth => "auth",
            Self::Channel => "channel",
        }
    }
}

impl Denied {
    /// Returns what it is a case of.
    pub fn reason(self) -> Reason {
        match self {
            Self::Command => Reason::Command,
            Self::Key(_) => Reason::Key,
            Self::Channel(_) => Reason::Channel,
        }
    }

    /// Returns the name of what was denied: that of the command, the key or the channel.
    pub fn object<'a>(self, command: &'static Command, args: &Args<'a>) -> &'a [u8] {
        match self {
            Self::Command => command.name.as_bytes(),
            Self::Key(place) | Self::Channel(place) => args.word(place),
        }
    }

    /// Says it to whoever asked, without a name that might not be for others to read.
    pub fn told(self, user: &User, command: &Command) -> Vec<u8> {
        match self {
            Self::Command => {
                let name = command.name;
                quoting(user, "run", &format!("{name}' command").into_bytes())
            }
            Self::Key(_) => b"No permissions to access a key".to_vec(),
            Self::Channel(_) => b"No permissions to access a channel".to_vec(),
        }
    }

    /// Says it with all names, as `ACL DRYRUN` does.
    pub fn told_in_full(self, user: &User, command: &'static Command, args: &Args<'_>) -> Vec<u8> {
        let what: &[u8] = match self {
            Self::Command => return self.told(user, command),
            Self::Key(_) => b"' key",
            Self::Channel(_) => b"' channel",
        };
        quoting(user, "access", &[self.object(command, args), what].concat())
    }

    /// The error of a command that is denied.
    pub fn fault(self, user: &User, command: &Command) -> Fault {
        Fault::of_bytes([b"NOPERM ".as_slice(), &self.told(user, command)].concat())
    }
}

fn quoting(user: &User, verb: &str, rest: &[u8]) -> Vec<u8> {
    let verb = format!(" has no permissions to {verb} the '");
    [b"User ", user.name.as_slice(), verb.as_bytes(), rest].concat()
}

impl User {
    /// Tells whether it may run a command with these words, of which there may be too few.
    pub fn check(&self, command: &'static Command, args: &Args<'_>) -> Result<(), Denied> {
        let mut nearest = Denied::Command;
        for selector in self.selectors() {
            match selector.check(command, args) {
                Ok(()) => return Ok(()),
                Err(denied) => nearest = nearest.max(denied),
            }
        }
        Err(nearest)
    }

    /// Tells whether it may run the command on any key that this reads, so that patterns may name them.
    pub fn reads_any_key(&self, command: &'static Command, args: &Args<'_>) -> bool {
        let covers = |selector: &&Selector| {
            selector.reads_any_key() && selector.check(command, args).is_ok()
        };
        self.selectors().iter().any(|selector| covers(&selector))
    }
}

impl Selector {
    fn check(&self, command: &'static Command, args: &Args<'_>) -> Result<(), Denied> {
        // Whoever has not logged in has to be able to.
        let is_for_all = command.has(crate::command::table::flag::NO_AUTH);
        if !is_for_all && !self.commands.allows(command, args.get(1)) {
            return Err(Denied::Command);
        }
        if let Names::Matching(patterns) = &self.keys {
            each_key(command, args, |place, access| {
                let may = covers(patterns, args.word(place), access);
                if may { Ok(()) } else { Err(Denied::Key(place)) }
            })?;
        }
        match &self.channels {
            Names::All => Ok(()),
            Names::Matching(patterns) => check_channels(patterns, command, args),
        }
    }

    fn reads_any_key(&self) -> bool {
        match &self.keys {
            Names::All => true,
            Names::Matching(patterns) => patterns
                .iter()
                .any(|own| own.access.covers(Access::READ) && own.pattern.text() == b"*"),
        }
    }
}

fn covers(patterns: &[KeyPattern], key: &[u8], access: Access) -> bool {
    patterns.iter().any(|own| own.access.covers(access) && own.pattern.matches(key))
}

fn check_channels(patterns: &[Pattern], command: &Command, args: &Args<'_>) -> Result<(), Denied> {
    let Some((places, kind)) = channels(command, args) else { return Ok(()) };
    for place in places {
        let name = args.word(place);
        let may = match kind {
            Channels::Matched => may_match(patterns, name),
            Channels::Published | Channels::Subscribed => may_hear(patterns, name),
        };
        if !may {
            return Err(Denied::Channel(place));
        }
    }
    Ok(())
}

/// Tells whether a channel is allowed by its name.
pub fn may_hear(patterns: &[Pattern], channel: &[u8]) -> bool {
    patterns.iter().any(|own| own.matches(channel))
}

/// Tells whether a pattern of channels is allowed: the very same has to be.
pub fn may_match(patterns: &[Pattern], pattern: &[u8]) -> bool {
    patterns.iter().any(|own| super::c_text(own.text()) == super::c_text(pattern))
}
