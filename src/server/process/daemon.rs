//! `daemonize`: the server in the background, in a session of its own, away from the terminal.
//!
//! ```text
//! launcher                              daemon
//! reads its configuration
//! starts this program once more ──────► reads its configuration
//! waits                                 leaves the session; input and output to /dev/null
//!                                       locks its directory, listens, writes its pid file
//!                        ◄── one byte ──
//! ends, as does its command line        error output to /dev/null, too
//! ```
//!
//! Stock servers fork. With threads about that is not safe in Rust, so the program is started anew with
//! the same arguments. Whatever keeps it from listening is still said on the terminal, and is the
//! launcher's exit status: stock servers end with success before they know, and tell only their log.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{getppid, setsid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdout};

/// Names to the daemon the process that has launched it; a value of other processes means nothing.
const LAUNCHER: &str = "BACKLOGD_LAUNCHED_BY";

/// Descriptors below are those of input, output and errors.
const FIRST_DESCRIPTOR: i32 = 3;

/// Whether this process was launched as a daemon by the one above.
pub fn is_launched() -> bool {
    let launcher = std::env::var(LAUNCHER).ok().and_then(|pid| pid.parse::<i32>().ok());
    launcher.is_some() && launcher == getppid().map(|pid| pid.as_raw_nonzero().get())
}

/// Starts the daemon and waits until it stands, or has said why not; returns how to end then.
///
/// `input` is what was read of standard input, for the daemon to read as well.
pub fn launch(input: &[u8]) -> io::Result<ExitCode> {
    let mut arguments = std::env::args_os();
    let name = arguments.next();
    let mut command = Command::new(program());
    if let Some(name) = name {
        command.arg0(name);
    }
    let mut daemon = command
        .args(arguments)
        .env(LAUNCHER, std::process::id().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut pipe) = daemon.stdin.take() {
        // One that does not read it to the end will say why.
        let _ = pipe.write_all(input);
    }
    let mut word = [0];
    let stands = daemon.stdout.take().is_some_and(|mut pipe| pipe.read_exact(&mut word).is_ok());
    if stands {
        return Ok(ExitCode::SUCCESS);
    }
    let code = daemon.wait()?.code().and_then(|code| u8::try_from(code).ok());
    // It has ended without a word: with success only if it was told to, and that is none here.
    Ok(code.filter(|code| *code != 0).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The file to start, which need not be where it was.
fn program() -> PathBuf {
    // By its own path, as the process is called after the last part of what is started.
    let known = std::env::current_exe().ok().filter(|path| path.exists());
    known.unwrap_or_else(|| PathBuf::from("/proc/self/exe"))
}

/// The launcher that waits, and the terminal that is still told of errors.
#[derive(Debug)]
pub struct Launcher {
    pipe: File,
    null: File,
}

impl Launcher {
    /// Leaves the session and lets go of input and output, but not of error output yet.
    pub fn detach() -> io::Result<Self> {
        let pipe = File::from(rustix::io::fcntl_dupfd_cloexec(stdout(), FIRST_DESCRIPTOR)?);
        let null = File::options().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        setsid()?;
        Ok(Self { pipe, null })
    }

    /// Lets the launcher end, and go of error output.
    pub fn release(mut self) {
        // Where it cannot be told any more, it does not wait any more.
        let _ = self.pipe.write_all(b"+");
        if let Err(error) = dup2_stderr(&self.null) {
            tracing::warn!(%error, "error output stays where it was");
        }
    }
}
