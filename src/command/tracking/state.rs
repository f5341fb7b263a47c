//! What one client tracks.

use std::sync::Arc;

use crate::command::table::{Command, flag};
use crate::command::{ClientInfo, Session};

/// Of which keys a client is told that they were changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Of those that it has read.
    #[default]
    Read,
    /// Of those that it reads behind `CLIENT CACHING YES` (`OPTIN`).
    OptIn,
    /// Of those that it reads, but not behind `CLIENT CACHING NO` (`OPTOUT`).
    OptOut,
    /// Of those whose names begin with one of its prefixes (`BCAST`).
    Broadcast,
}

/// What one client tracks.
#[derive(Clone, Debug, Default)]
pub struct Tracking {
    /// Which keys.
    pub choice: Choice,
    /// Whether `CLIENT CACHING` was said for the next command.
    pub is_caching_said: bool,
    /// Whether it is not told of its own changes.
    pub skips_own: bool,
    /// The client that is told in its place.
    pub redirect: Option<Arc<ClientInfo>>,
    /// How the names begin, in order.
    pub prefixes: Vec<Box<[u8]>>,
}

impl Tracking {
    /// Tells whether what the next command reads is remembered.
    fn remembers(&self) -> bool {
        match self.choice {
            Choice::Read => true,
            Choice::OptIn => self.is_caching_said,
            Choice::OptOut => !self.is_caching_said,
            Choice::Broadcast => false,
        }
    }
}

impl Session {
    /// Returns what the client tracks, if it does.
    #[inline]
    pub fn tracking(&self) -> Option<&Tracking> {
        self.subscriber.as_ref()?.tracking.as_ref()
    }

    /// Tells whether the keys that a command reads are remembered for the client.
    #[inline]
    pub fn remembers_keys_of(&self, command: &Command) -> bool {
        self.tracking().is_some_and(Tracking::remembers)
            && command.flags & (flag::READONLY | flag::PUBSUB) == flag::READONLY
    }

    /// Forgets behind a command what `CLIENT CACHING` said for it, if it was the one.
    ///
    /// Within `MULTI` that is `EXEC`, and `CLIENT` itself is none.
    pub fn forget_caching(&mut self, command: Option<&Command>) {
        let is_client = command.is_some_and(|command| command.name.starts_with("client"));
        if let Some(subscriber) = &mut self.subscriber
            && let Some(tracking) = &mut subscriber.tracking
            && self.transaction.is_none()
            && !is_client
        {
            tracking.is_caching_said = false;
        }
    }
}
