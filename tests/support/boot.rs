//! The boot of the machine, as far as a server can tell it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::fs::OFlags;
use tempfile::TempDir;

use super::await_until;

/// A boot id that the test decides on.
#[derive(Debug)]
pub struct Boot {
    directory: TempDir,
    number: usize,
}

impl Boot {
    /// Makes the first one.
    pub fn new() -> Self {
        let boot = Self { directory: TempDir::new().expect("a temporary directory"), number: 0 };
        boot.write();
        boot
    }

    /// The file that has it.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("boot-id")
    }

    /// The file, as an argument.
    pub fn word(&self) -> String {
        self.path().to_str().expect("a path in UTF-8").to_owned()
    }

    /// From here on the machine has been started anew.
    pub fn again(&mut self) {
        self.number += 1;
        self.write();
    }

    /// Puts a pipe in its place: a server that starts reads it first, and gets it by [`Self::write`].
    pub fn hold_back(&self) {
        fs::remove_file(self.path()).expect("it is there");
        let made = Command::new("mkfifo").arg(self.path()).status();
        assert!(made.expect("mkfifo is in coreutils").success());
    }

    /// Waits until a server has come to the pipe; it waits in turn, for [`Self::tell`].
    pub fn await_reader(&self) -> File {
        let mut end = None;
        await_until("the server reads its boot id", || {
            // Without waiting, as nobody may ever come.
            let flags = OFlags::NONBLOCK.bits().cast_signed();
            end = OpenOptions::new().write(true).custom_flags(flags).open(self.path()).ok();
            end.is_some()
        });
        end.expect("it was opened")
    }

    /// Gives the present number to the server that waits for it.
    pub fn tell(&self, mut reader: File) {
        writeln!(reader, "boot {}", self.number).expect("it is being read");
    }

    /// Puts the file in the place of the pipe again.
    pub fn put_back(&self) {
        fs::remove_file(self.path()).expect("it is there");
        self.write();
    }

    /// Writes the present number into the file.
    pub fn write(&self) {
        fs::write(self.path(), format!("boot {}\n", self.number)).expect("it can be written");
    }
}
