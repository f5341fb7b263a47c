//! What ends the server: a client, a signal, or a log that has failed.

use std::sync::Arc;

use crate::command::flow::ShutdownMode;
use crate::config::settings::ShutdownOptions;

use super::{Server, shutdown};

/// Waits for an orderly end, by a client or a signal; a failed log ends the process at once.
pub async fn until_ended(server: &Arc<Server>, signals: &mut Signals) {
    let inbox = server.stop.inbox().expect("it is taken once, here");
    let wishes = shutdown::serve(server, inbox);
    tokio::pin!(wishes);
    let failed = server.streams.failed();
    tokio::pin!(failed);
    loop {
        tokio::select! {
            () = &mut wishes => return,
            error = &mut failed => server.fail("a sync of the log has failed", &error),
            signal = signals.next() => {
                let settings = server.settings();
                let options = match signal {
                    Signal::Interrupt => settings.shutdown_on_sigint,
                    Signal::Terminate => settings.shutdown_on_sigterm,
                };
                let mode = mode_of(options);
                let ending = shutdown::attempt(server, mode);
                tokio::select! {
                    ended = ending => if ended.is_ok() { return },
                    // Asked twice: at once, with what is durable.
                    _ = signals.next() => {
                        let now = ShutdownMode { now: true, save: Some(false), ..mode };
                        if shutdown::attempt(server, now).await.is_ok() { return }
                    }
                }
            }
        }
    }
}

fn mode_of(options: ShutdownOptions) -> ShutdownMode {
    let save = match (options.save, options.nosave) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    ShutdownMode { save, now: options.now, force: options.force, abort: false }
}

/// A signal that ends the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// The signals that end the server.
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen for them.
    pub fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal that ends the server; a hang-up does not.
    pub async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return Signal::Interrupt,
                _ = self.terminate.recv() => return Signal::Terminate,
                _ = self.hangup.recv() => {}
            }
        }
    }
}
