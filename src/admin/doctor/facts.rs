//! What the machine says of itself: the texts of the kernel as they are, and a few system calls.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use super::mounts::{Mount, mount_of};
use super::timing::{Timing, measure};
use crate::config::Settings;

/// What there is. What could not be read is empty or `None`, and no check is made of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) kernel: Kernel,
    pub(super) limits: Limits,
    pub(super) disk: Disk,
    /// How many threads run at once.
    pub(super) cores: usize,
}

/// Files of `/proc` and `/sys`, without the line end.
#[derive(Clone, Debug, Default)]
pub(super) struct Kernel {
    /// `vm.overcommit_memory`.
    pub(super) overcommit: String,
    /// `transparent_hugepage/enabled`: the choice stands in brackets.
    pub(super) huge_pages: String,
    /// `net.core.somaxconn`.
    pub(super) somaxconn: String,
    /// `vm.swappiness`.
    pub(super) swappiness: String,
    /// `vm.dirty_ratio`, in percent.
    pub(super) dirty_ratio: String,
    /// `vm.dirty_bytes`; zero where the ratio counts.
    pub(super) dirty_bytes: String,
    /// `vm.dirty_background_ratio`, in percent.
    pub(super) background_ratio: String,
    /// `vm.dirty_background_bytes`; zero where the ratio counts.
    pub(super) background_bytes: String,
    /// `/proc/meminfo`.
    pub(super) meminfo: String,
    /// `memory.max` of the control group; `max` for no limit.
    pub(super) group_limit: String,
    /// The clock source in use.
    pub(super) clock: String,
}

/// Limits of the process; `None` for no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    /// The most open files that the process may allow itself.
    pub(super) files: Option<u64>,
    /// Bytes that may be locked in memory.
    pub(super) locked: Option<u64>,
    /// Bytes of a core dump.
    pub(super) core: Option<u64>,
    /// Bytes of a file.
    pub(super) file_bytes: Option<u64>,
    /// Bytes of address space.
    pub(super) address_space: Option<u64>,
}

/// The directory of the log and what it lies on.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    pub(super) directory: PathBuf,
    /// Whether the directory itself was looked at, and not the nearest one above that is there.
    pub(super) is_there: bool,
    pub(super) mount: Option<Mount>,
    /// Bytes that can still be written.
    pub(super) free_bytes: Option<u64>,
    /// Files that can still be made; `None` where the file system does not count them.
    pub(super) free_files: Option<u64>,
    /// How long syncs take, or why that could not be measured.
    pub(super) timing: Option<Result<Timing, String>>,
}

/// Looks at the machine and the directory of the log.
pub(super) fn gather(settings: &Settings) -> Facts {
    Facts {
        kernel: kernel(),
        limits: limits(),
        disk: disk(&settings.backlog_dir),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }
}

fn kernel() -> Kernel {
    let vm = |name: &str| read(&format!("/proc/sys/vm/{name}"));
    Kernel {
        overcommit: vm("overcommit_memory"),
        huge_pages: read("/sys/kernel/mm/transparent_hugepage/enabled"),
        somaxconn: read("/proc/sys/net/core/somaxconn"),
        swappiness: vm("swappiness"),
        dirty_ratio: vm("dirty_ratio"),
        dirty_bytes: vm("dirty_bytes"),
        background_ratio: vm("dirty_background_ratio"),
        background_bytes: vm("dirty_background_bytes"),
        meminfo: read("/proc/meminfo"),
        group_limit: read("/sys/fs/cgroup/memory.max"),
        clock: read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map(|text| text.trim_end().to_owned()).unwrap_or_default()
}

fn limits() -> Limits {
    Limits {
        // The server raises its own up to here.
        files: getrlimit(Resource::Nofile).maximum,
        locked: getrlimit(Resource::Memlock).current,
        core: getrlimit(Resource::Core).current,
        file_bytes: getrlimit(Resource::Fsize).current,
        address_space: getrlimit(Resource::As).current,
    }
}

fn disk(configured: &Path) -> Disk {
    let wanted = std::path::absolute(configured).unwrap_or_else(|_| configured.to_owned());
    let there = wanted.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"));
    let directory = there.canonicalize().unwrap_or_else(|_| there.to_owned());
    let stat = rustix::fs::statvfs(&directory).ok();
    let is_there = there == wanted;
    Disk {
        mount: mount_of(&directory, &read("/proc/self/mountinfo")),
        free_bytes: stat.as_ref().map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize)),
        free_files: stat.filter(|stat| stat.f_files > 0).map(|stat| stat.f_favail),
        timing: is_there.then(|| measure(&directory).map_err(|error| error.to_string())),
        is_there,
        directory,
    }
}
