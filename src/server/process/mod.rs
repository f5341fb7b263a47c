//! The process beside whoever started it: in the foreground or not, watched or not.

pub mod daemon;

mod condition;
mod supervisor;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::Notify;

use crate::config::Config;

use super::{RunError, Server, check};
use condition::Condition;
use daemon::Launcher;
use supervisor::{Absent, Supervisor};

/// Where a daemon writes its number if nothing else is said; stock servers do so as well.
const PID_FILE: &str = "/var/run/redis.pid";

/// How often it is looked whether there is something to tell the service manager.
const TICK: Duration = Duration::from_secs(1);

/// What a start comes to.
pub enum Start {
    /// This process is the server.
    Here(Process),
    /// Another one is, or could not be; this one ends with that status.
    Elsewhere(ExitCode),
}

/// The process, and whoever waits for it.
#[derive(Debug)]
pub struct Process {
    supervisor: Supervisor,
    absent: Option<Absent>,
    launcher: Mutex<Option<Launcher>>,
    is_ready: AtomicBool,
    /// Wakes who tells the service manager.
    changed: Notify,
}

/// Finds the service manager, goes into the background and to the data, as the directives say.
///
/// `input` is what was read of standard input. No thread may have been started before.
pub fn begin(config: &mut Config, input: &[u8]) -> Result<Start, RunError> {
    check(config)?;
    let wanted = config.settings().processing;
    let (supervisor, absent) =
        match Supervisor::find(wanted.supervised, |name| std::env::var_os(name)) {
            Ok(supervisor) => (supervisor, None),
            Err(absent) => (Supervisor::Nobody, Some(absent)),
        };
    // What is watched stays where it is.
    let is_daemon = wanted.daemonize && matches!(supervisor, Supervisor::Nobody);
    let launcher = match (is_daemon, daemon::is_launched()) {
        (false, _) => None,
        (true, false) => {
            return daemon::launch(input).map(Start::Elsewhere).map_err(RunError::Daemon);
        }
        (true, true) => Some(Launcher::detach().map_err(RunError::Daemon)?),
    };
    if !matches!(supervisor, Supervisor::Nobody) {
        config.settle("supervised", supervisor.word());
    }
    if is_daemon && wanted.pidfile.is_none() {
        config.settle("pidfile", PID_FILE);
    }
    enter_directory(config)?;
    Ok(Start::Here(Process {
        supervisor,
        absent,
        launcher: Mutex::new(launcher),
        is_ready: AtomicBool::new(false),
        changed: Notify::new(),
    }))
}

/// Has relative names of files mean those below `dir`, as for stock servers, if it was named.
fn enter_directory(config: &Config) -> Result<(), RunError> {
    let settings = config.settings();
    if settings.dir_is_default {
        return Ok(());
    }
    let path = settings.dir;
    std::env::set_current_dir(&path).map_err(|source| RunError::Directory { path, source })
}

impl Process {
    /// Tells the text log who watches the process, and Upstart that it has started.
    pub fn announce(&self) {
        match (&self.supervisor, &self.absent) {
            (_, Some(absent)) => tracing::warn!("{absent}"),
            (Supervisor::Nobody, None) => {}
            (Supervisor::Systemd(_), None) => {
                tracing::info!(
                    "Supervised by systemd. It is told once the data is loaded: see TimeoutStartSec"
                );
            }
            (Supervisor::Upstart, None) => {
                tracing::info!("supervised by upstart, will stop to signal readiness.");
                if let Err(error) = kill_process(getpid(), Signal::STOP) {
                    tracing::warn!(%error, "the process cannot be stopped");
                }
            }
        }
    }

    /// The word of `INFO` for who watches the process.
    pub fn supervisor(&self) -> &'static str {
        self.supervisor.word()
    }

    /// Notes that the server listens: whoever launched it need not wait any more.
    pub fn listens(&self) {
        if let Some(launcher) = self.launcher.lock().take() {
            launcher.release();
        }
    }

    /// Notes that the data is there, of which the service manager is told at once.
    pub fn serves(&self) {
        self.is_ready.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Tells the service manager that the process will end.
    pub fn ends(&self) {
        if let Supervisor::Systemd(notifier) = &self.supervisor
            && let Err(error) = notifier.tell("STOPPING=1\nSTATUS=Shutting down\n")
        {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
}

/// Tells the service manager what the server is at, for as long as there are both.
pub async fn tell(server: Arc<Server>) {
    let Supervisor::Systemd(notifier) = &server.process.supervisor else { return };
    let mut ticks = tokio::time::interval(TICK);
    let (mut last, mut is_deaf) = (None, false);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = server.process.changed.notified() => {}
        }
        let condition = Condition::of(&server);
        if last.as_ref() == Some(&condition) || server.is_ending() {
            continue;
        }
        match notifier.tell(&condition.assignments()) {
            Ok(()) => (last, is_deaf) = (Some(condition), false),
            // It has no room now, and is told later.
            Err(error) if is_deaf || error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                tracing::warn!(%error, "the service manager cannot be told");
                is_deaf = true;
            }
        }
    }
}
