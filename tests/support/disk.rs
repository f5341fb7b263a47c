//! A disk whose power can be cut: what nobody had it flush is gone then, as with a real one.
//!
//! Two file systems lie in one another, both ext4. The inner one is the one under test. The outer one
//! plays the drive: its only file, the image of the inner one, is the medium, and its page cache is
//! the drive's own cache. To shut the outer one down without writing its journal is the power cut.
//! From then on every access to the medium fails, and of what was written before, that is there for
//! certain which was flushed; of the rest a part, as chance has it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::mount::{Image, Mount};

/// How large the file system under test is.
const BYTES: u64 = 256 << 20;
/// The drive has room for all of its image, whatever becomes of it.
const DRIVE_BYTES: u64 = 2 * BYTES;
/// What is mounted by turns: ext4 as it comes, and with all it does for the careless turned off, so
/// that names may reach the disk before what they name.
const OPTIONS: [&str; 2] = ["defaults", "noauto_da_alloc,data=writeback"];

/// A disk with a file system.
#[derive(Debug)]
pub struct Disk {
    // The order is that of dropping: what lies inside of another goes first.
    mounted: Option<Mount>,
    drive_mounted: Option<Mount>,
    medium: Image,
    drive: Image,
    place: TempDir,
    starts: usize,
}

impl Disk {
    /// Makes and mounts one; `None` where this cannot be and need not be.
    pub fn make() -> Option<Self> {
        let place = TempDir::new().expect("a temporary directory can be made");
        let (point, drive_point) = (place.path().join("disk"), place.path().join("drive"));
        for point in [&point, &drive_point] {
            fs::create_dir(point).expect("it can be made");
        }
        let mut drive = Image::make(&place.path().join("drive-image"), DRIVE_BYTES);
        let drive_mounted = Some(drive.mount(&drive_point, OPTIONS[0])?);
        let medium = Image::make(&drive_point.join("medium"), BYTES);
        let mut disk = Self { mounted: None, drive_mounted, medium, drive, place, starts: 0 };
        disk.mount();
        // A directory that is there before any power cut is there after it.
        fs::create_dir(disk.directory()).expect("it can be made");
        let top = File::open(point).expect("it is a directory");
        top.sync_all().expect("the disk works");
        Some(disk)
    }

    /// A directory on it.
    pub fn directory(&self) -> PathBuf {
        self.point().join("data")
    }

    /// Cuts the power: nothing reaches the disk from here on, nor comes from it.
    pub fn cut_power(&self) {
        let output = Command::new("xfs_io")
            // In the expert mode, `shutdown` is for file systems of every kind.
            .args(["-x", "-c", "shutdown"])
            .arg(self.drive_point())
            .output()
            .unwrap_or_else(|error| panic!("xfs_io: {error}; apt-get install xfsprogs"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told.is_empty(), "xfs_io: {told}");
        let probe = File::create(self.drive_point().join("probe"));
        assert!(probe.is_err(), "the power is still on");
    }

    /// Gives power again to a disk that nobody uses any more.
    pub fn restore_power(&mut self) {
        for mount in [self.mounted.take(), self.drive_mounted.take()] {
            mount.expect("it was mounted").unmount();
        }
        let drive_point = self.drive_point();
        self.drive_mounted = self.drive.mount(&drive_point, OPTIONS[0]);
        assert!(self.drive_mounted.is_some(), "what could be mounted can be mounted again");
        self.mount();
    }

    fn mount(&mut self) {
        let options = OPTIONS[self.starts % OPTIONS.len()];
        self.starts += 1;
        let point = self.point();
        self.mounted = self.medium.mount(&point, options);
        // From here on nothing may be left out: there would be tests of another disk.
        assert!(self.mounted.is_some(), "where a drive can be mounted, so can what is in it");
    }

    fn point(&self) -> PathBuf {
        self.place.path().join("disk")
    }

    fn drive_point(&self) -> PathBuf {
        self.place.path().join("drive")
    }
}
