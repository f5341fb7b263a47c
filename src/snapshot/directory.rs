//! The server's directory: one process at a time, files replaced whole, and a way to recognise it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, StatxFlags};
use serde::{Deserialize, Serialize};

/// The file whose lock makes the directory one process's own; it stays when the process is gone.
pub const LOCK_FILE: &str = "backlogd.lock";
/// Where Linux tells a number that changes with every boot.
pub const BOOT_ID_PATH: &str = "/proc/sys/kernel/random/boot_id";

const BOOT_ID_BYTES_MAX: u64 = 128;
const PID_BYTES_MAX: u64 = 32;

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {}: {source}", path.display())]
pub struct FileError {
    /// What was tried.
    pub verb: &'static str,
    /// On which file.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl FileError {
    /// Builds the function that `map_err` wants.
    pub(crate) fn new(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { verb, path: path.to_owned(), source }
    }
}

/// Why a directory cannot be made one's own.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is in use by {}", path.display(), describe_holder(*.pid))]
    Held {
        /// The directory.
        path: PathBuf,
        /// The process, if it left its number.
        pid: Option<u32>,
    },
    /// The directory or its lock file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

fn describe_holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// A directory that is this process's own as long as this value lives.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    handle: File,
    id: DirectoryId,
    _lock: File,
}

/// Tells a directory from its copies, and from what a restored backup makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryId {
    /// The device it lies on.
    pub device: u64,
    /// Its inode there.
    pub inode: u64,
    /// The inode of its lock file, which is made once and stays.
    pub lock_inode: u64,
    /// When the lock file was made, in nanoseconds of Unix time; zero where that is not kept.
    ///
    /// An inode may be given again to what a restored backup puts in its place; a birth is not.
    pub lock_born_ns: u64,
}

impl Directory {
    /// Takes the directory for this process, and leaves the process number in the lock file.
    pub fn lock(path: &Path) -> Result<Self, LockError> {
        let handle = File::open(path).map_err(FileError::new("open", path))?;
        let metadata = handle.metadata().map_err(FileError::new("examine", path))?;
        let lock = lock_file(path)?;
        let (lock_inode, lock_born_ns) =
            birth(&lock).map_err(FileError::new("examine", &path.join(LOCK_FILE)))?;
        let (device, inode) = (metadata.dev(), metadata.ino());
        let id = DirectoryId { device, inode, lock_inode, lock_born_ns };
        Ok(Self { path: path.to_owned(), handle, id, _lock: lock })
    }

    /// Returns the path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what tells it from its copies.
    pub fn id(&self) -> DirectoryId {
        self.id
    }

    /// Makes durable which files there are.
    pub fn sync(&self) -> Result<(), FileError> {
        self.handle.sync_all().map_err(FileError::new("sync", &self.path))
    }

    /// Durably replaces a file: at any time a crash leaves the old or the new one, whole.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let temporary = self.path.join(format!("{name}.tmp"));
        let replaced = write_aside(&temporary, bytes)
            .and_then(|()| self.rename(&temporary, &self.path.join(name)));
        if replaced.is_err() {
            // The next attempt would write over it; whoever gives up leaves the directory as it was.
            let _ = fs::remove_file(&temporary);
        }
        replaced
    }

    /// Durably removes a file, if it is there.
    pub fn remove(&self, name: &str) -> Result<(), FileError> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(FileError::new("remove", &path)(error)),
        }
    }

    /// Durably renames a file within the directory.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), FileError> {
        fs::rename(from, to).map_err(FileError::new("rename", from))?;
        self.sync()
    }
}

/// Makes durable which files there are in a directory that is not a server's own.
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(FileError::new("sync", path))
}

fn write_aside(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = File::create(path).map_err(FileError::new("create", path))?;
    file.write_all(bytes).map_err(FileError::new("write", path))?;
    file.sync_all().map_err(FileError::new("sync", path))
}

fn lock_file(directory: &Path) -> Result<File, LockError> {
    let path = directory.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(FileError::new("open", &path))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(LockError::Held { path: directory.to_owned(), pid: read_pid(&mut file) });
        }
        Err(error) => return Err(FileError::new("lock", &path)(error.into()).into()),
    }
    file.set_len(0).map_err(FileError::new("write", &path))?;
    writeln!(file, "{}", std::process::id()).map_err(FileError::new("write", &path))?;
    Ok(file)
}

/// Tells the inode of a file, and when it was made.
fn birth(file: &File) -> io::Result<(u64, u64)> {
    let wanted = StatxFlags::INO | StatxFlags::BTIME;
    let answer = match rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, wanted) {
        Ok(answer) => answer,
        Err(rustix::io::Errno::NOSYS) => return Ok((file.metadata()?.ino(), 0)),
        Err(error) => return Err(error.into()),
    };
    let is_kept = answer.stx_mask & StatxFlags::BTIME.bits() != 0;
    let (seconds, ns) = (answer.stx_btime.tv_sec, answer.stx_btime.tv_nsec);
    let born_ns = (seconds as u64).wrapping_mul(1_000_000_000).wrapping_add(u64::from(ns));
    Ok((answer.stx_ino, if is_kept { born_ns } else { 0 }))
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(PID_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Tells whether what the page cache held can still be there: same kernel, same mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootIdentity {
    /// The kernel's number for this boot, as text.
    pub boot_id: String,
    /// The kernel's number for the mount the directory lies on, where it tells one.
    pub mount_id: Option<u64>,
}

/// How two [`BootIdentity`] values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootChange {
    /// Same boot, same mount: what was written is still there.
    None,
    /// Another boot.
    Boot,
    /// Same boot, but another mount, or one that cannot be told from others.
    Mount,
}

impl BootIdentity {
    /// Reads the boot's number from `boot_id_path` and the mount's from the kernel.
    pub fn read(boot_id_path: &Path, directory: &Directory) -> Result<Self, FileError> {
        let mut text = String::new();
        File::open(boot_id_path)
            .and_then(|file| file.take(BOOT_ID_BYTES_MAX).read_to_string(&mut text))
            .map_err(FileError::new("read the boot id from", boot_id_path))?;
        let boot_id = text.trim().to_owned();
        if boot_id.is_empty() {
            let empty = io::Error::new(io::ErrorKind::InvalidData, "it is empty");
            return Err(FileError::new("read the boot id from", boot_id_path)(empty));
        }
        let mount_id = mount_id(directory)?;
        Ok(Self { boot_id, mount_id })
    }

    /// Compares with the identity `earlier` recorded.
    #[must_use]
    pub fn change_since(&self, earlier: &Self) -> BootChange {
        if self.boot_id != earlier.boot_id {
            BootChange::Boot
        } else if self.mount_id.is_none() || self.mount_id != earlier.mount_id {
            BootChange::Mount
        } else {
            BootChange::None
        }
    }
}

/// Asks for the mount's number; kernels before 5.8 tell none.
fn mount_id(directory: &Directory) -> Result<Option<u64>, FileError> {
    let wanted = StatxFlags::MNT_ID;
    match rustix::fs::statx(&directory.handle, "", AtFlags::EMPTY_PATH, wanted) {
        Ok(answer) if answer.stx_mask & wanted.bits() != 0 => Ok(Some(answer.stx_mnt_id)),
        Ok(_) | Err(rustix::io::Errno::NOSYS) => Ok(None),
        Err(error) => Err(FileError::new("examine", &directory.path)(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let place = tempfile::tempdir().unwrap();
        let first = Directory::lock(place.path()).unwrap();
        let refused = Directory::lock(place.path()).unwrap_err();
        let message = refused.to_string();
        assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
        drop(first);
        Directory::lock(place.path()).unwrap();
    }

    #[test]
    fn a_missing_directory_is_named() {
        let message = Directory::lock(Path::new("/nowhere/at/all")).unwrap_err().to_string();
        assert!(message.contains("cannot open /nowhere/at/all"), "{message}");
    }

    #[test]
    fn a_copy_has_another_identity() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let id = |place: &tempfile::TempDir| Directory::lock(place.path()).unwrap().id();
        assert_eq!(id(&one), id(&one));
        assert_ne!(id(&one), id(&two));
    }

    #[test]
    fn a_directory_emptied_and_filled_again_has_another_identity() {
        let place = tempfile::tempdir().unwrap();
        let id = || Directory::lock(place.path()).unwrap().id();
        let (before, lock) = (id(), place.path().join(LOCK_FILE));
        let bytes = fs::read(&lock).unwrap();
        fs::remove_file(&lock).unwrap();
        fs::write(&lock, bytes).unwrap();
        let after = id();
        assert_eq!((after.device, after.inode), (before.device, before.inode));
        assert_ne!(after, before);
        assert_eq!(after, id());
    }

    #[test]
    fn the_boot_is_recognised_and_another_is_not() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::lock(place.path()).unwrap();
        let source = place.path().join("boot_id");
        fs::write(&source, "one\n").unwrap();
        let one = BootIdentity::read(&source, &directory).unwrap();
        assert_eq!(one.boot_id, "one");
        assert!(one.mount_id.is_some(), "Linux 5.8 and later tell the mount's number");
        assert_eq!(
            BootIdentity::read(&source, &directory).unwrap().change_since(&one),
            BootChange::None
        );
        fs::write(&source, "two\n").unwrap();
        let two = BootIdentity::read(&source, &directory).unwrap();
        assert_eq!(two.change_since(&one), BootChange::Boot);
        let elsewhere = BootIdentity { mount_id: Some(u64::MAX), ..one.clone() };
        assert_eq!(elsewhere.change_since(&one), BootChange::Mount);
        let untold = BootIdentity { mount_id: None, ..one };
        assert_eq!(untold.change_since(&untold), BootChange::Mount);
        fs::write(&source, " \n").unwrap();
        BootIdentity::read(&source, &directory).unwrap_err();
    }

    #[test]
    fn a_replaced_file_leaves_no_other_behind() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::lock(place.path()).unwrap();
        directory.replace("file", b"old").unwrap();
        directory.replace("file", b"new").unwrap();
        assert_eq!(fs::read(place.path().join("file")).unwrap(), b"new");
        let mut names: Vec<_> =
            fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [LOCK_FILE, "file"]);
        directory.remove("file").unwrap();
        directory.remove("file").unwrap();
        assert!(!place.path().join("file").exists());
    }

    #[test]
    fn a_file_that_cannot_be_replaced_leaves_nothing_aside() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::lock(place.path()).unwrap();
        let obstacle = place.path().join("file");
        fs::create_dir(&obstacle).unwrap();
        let message = directory.replace("file", b"new").unwrap_err().to_string();
        assert!(message.contains("cannot rename"), "{message}");
        assert!(obstacle.is_dir() && !place.path().join("file.tmp").exists());
    }
}
