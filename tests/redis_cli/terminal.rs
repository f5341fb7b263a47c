//! A terminal with `redis-cli` in it: what is typed, and what is shown.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::wait::PATIENCE;

/// Wide enough for the longest hint on one line, since what is too long is cut at the edge.
const COLUMNS: u16 = 4000;

/// A program that believes a person sits in front of it; killed when dropped.
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// What was shown and not yet taken.
    shown: Vec<u8>,
}

impl Terminal {
    /// Starts `command` in a terminal of its own; `hint` says how to install a missing program.
    pub fn start(command: &mut Command, hint: &str) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let own = openpt(flags).expect("there are pseudo-terminals");
        grantpt(&own).and_then(|()| unlockpt(&own)).expect("it can be used");
        let its = ioctl_tiocgptpeer(&own, flags).expect("its other side can be opened");
        let size = Winsize { ws_row: 50, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&its, size).expect("a terminal can have a size");
        let program_end = |fd: &OwnedFd| Stdio::from(fd.try_clone().expect("it can be shared"));
        let child = command
            .stdin(program_end(&its))
            .stdout(program_end(&its))
            .stderr(program_end(&its))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}. {hint}"));
        let keyboard = File::from(own);
        let mut glass = keyboard.try_clone().expect("it can be shared");
        let (sender, screen) = channel();
        // It ends with an error once the program has closed its side, which is all there is then.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count) = glass.read(&mut bytes) {
                if count == 0 || sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keyboard, screen, shown: Vec::new() }
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the program reads");
    }

    /// Returns all that is shown up to and with `mark`.
    pub fn until(&mut self, mark: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.shown.windows(mark.len()).position(|part| part == mark.as_bytes());
            if let Some(at) = found {
                let taken: Vec<_> = self.shown.drain(..at + mark.len()).collect();
                return String::from_utf8(taken).expect("what is shown is text");
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(bytes) => self.shown.extend_from_slice(&bytes),
                Err(error) => {
                    let shown = String::from_utf8_lossy(&self.shown);
                    panic!("{mark:?} is not shown ({error}): {shown:?}")
                }
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
