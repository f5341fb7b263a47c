//! The directives that say how the process lives beside whoever started it.

use std::path::PathBuf;

use super::store::Config;

/// How the process lives beside whoever started it.
#[derive(Clone, Debug)]
pub struct Processing {
    /// `daemonize`.
    pub daemonize: bool,
    /// `supervised`.
    pub supervised: Supervised,
    /// `pidfile`.
    pub pidfile: Option<PathBuf>,
}

/// By which service manager the process is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervised {
    /// By none.
    No,
    /// By Upstart, which waits until the process stops itself.
    Upstart,
    /// By systemd, or another that is told by its socket.
    Systemd,
    /// By the one that the environment speaks of.
    Auto,
}

impl Config {
    pub(super) fn processing(&self) -> Processing {
        let supervised = match self.choice("supervised") {
            "upstart" => Supervised::Upstart,
            "systemd" => Supervised::Systemd,
            "auto" => Supervised::Auto,
            _ => Supervised::No,
        };
        let (daemonize, pidfile) = (self.yes("daemonize"), self.path("pidfile"));
        Processing { daemonize, supervised, pidfile }
    }
}
