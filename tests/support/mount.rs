//! File systems of a test's own, which it takes root to mount.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::await_until;

/// Says that tests which mount something may be left out where they are not run by root.
const WITHOUT_ROOT: &str = "BACKLOGD_TESTS_WITHOUT_ROOT";

/// A mounted file system, unmounted when dropped.
#[derive(Debug)]
pub struct Mount {
    point: PathBuf,
}

impl Mount {
    /// Mounts a tmpfs of so many MiB; `None` where this cannot be and need not be.
    pub fn tmpfs(point: &Path, mebibytes: usize) -> Option<Self> {
        let size = format!("size={mebibytes}m");
        Self::new(point, &["-t", "tmpfs", "-o", &size, "backlogd-test"])
    }

    fn new(point: &Path, arguments: &[&str]) -> Option<Self> {
        as_root("mount", &[arguments, &[text(point)]].concat())?;
        Some(Self { point: point.to_owned() })
    }

    /// Where it is.
    pub fn point(&self) -> &Path {
        &self.point
    }

    /// Unmounts it and waits until it is gone, so that what it lay on can be mounted again.
    pub fn unmount(self) {
        // Whoever watches for new disks may be looking at it.
        await_until("the file system is unmounted", || succeeds("umount", &[text(&self.point)]));
        std::mem::forget(self);
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily, as a server may be ending still.
        let is_unmounted = succeeds("umount", &["-l", text(&self.point)]);
        assert!(is_unmounted || std::thread::panicking(), "{} stays", self.point.display());
    }
}

/// An ext4 in a file, which has the same device number whenever it is mounted: by that number, among
/// others, a server tells its directory from a copy of it.
#[derive(Debug)]
pub struct Image {
    file: PathBuf,
    device: Option<String>,
}

impl Image {
    /// Makes one in a new sparse file, which is on its disk when this returns.
    pub fn make(path: &Path, bytes: u64) -> Self {
        let file = File::create_new(path).expect("it can be made");
        file.set_len(bytes).expect("a file may have holes");
        let made = Command::new("mkfs.ext4")
            .args(["-q", "-F", text(path)])
            .output()
            .unwrap_or_else(|error| panic!("mkfs.ext4: {error}; apt-get install e2fsprogs"));
        assert!(made.status.success(), "mkfs.ext4: {}", String::from_utf8_lossy(&made.stderr));
        file.sync_all().expect("the disk works");
        Self { file: path.to_owned(), device: None }
    }

    /// Mounts it; `None` where this cannot be and need not be.
    pub fn mount(&mut self, point: &Path, options: &str) -> Option<Mount> {
        let device = self.attach()?;
        let mount = Mount::new(point, &["-t", "ext4", "-o", options, &device]);
        // While it is mounted this only says that the device goes with the mount.
        assert!(succeeds("losetup", &["--detach", &device]), "{device} stays");
        mount
    }

    /// Gives the file a loop device: any at first, then always the same.
    fn attach(&mut self) -> Option<String> {
        let file = text(&self.file);
        if let Some(device) = &self.device {
            // In the meantime another test may have been given it.
            await_until(&format!("{device} is free"), || succeeds("losetup", &[device, file]));
        } else {
            let told = as_root("losetup", &["--find", "--show", file])?;
            self.device = Some(told.trim().to_owned());
        }
        self.device.clone()
    }
}

/// Runs a program that only root can use, and returns what it printed; `None` where it fails and
/// tests like this one may be left out.
fn as_root(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; apt-get install mount"));
    if output.status.success() {
        return Some(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    assert!(
        std::env::var_os(WITHOUT_ROOT).is_some_and(|value| value == "1"),
        "this test mounts a file system, for which it must be run by root ({why}). Run the \
         tests as root, or set {WITHOUT_ROOT}=1 to leave it out."
    );
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let note = format!("\n!!! NOT TESTED: {test}, as nothing can be mounted: {why}\n");
    drop(std::io::stderr().write_all(note.as_bytes()));
    None
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
