//! The boot of the machine, as far as a server can tell it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

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

    /// Writes the present number into the file.
    pub fn write(&self) {
        fs::write(self.path(), format!("boot {}\n", self.number)).expect("it can be written");
    }
}
