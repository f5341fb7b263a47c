//! The file system of the log, its room, and how long it takes to sync.

use super::super::Finding;
use super::super::facts::Disk;
use super::super::mounts::Mount;
use super::super::timing::Timing;
use super::size;
use crate::config::Settings;
use crate::config::settings::AppendFsync;

/// File systems in memory: nothing in them outlives the machine.
const VOLATILE: [&str; 2] = ["tmpfs", "ramfs"];
/// File systems whose bytes are elsewhere: locks and syncs are what the other end makes of them.
const REMOTE: [&str; 12] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "ceph",
    "glusterfs",
    "lustre",
    "afs",
    "ocfs2",
    "gfs2",
];
/// Options by which a sync does not reach the disk.
const WITHOUT_BARRIERS: [&str; 3] = ["nobarrier", "barrier=0", "barrier=none"];
/// So many files are needed soon.
const FILES_MIN: u64 = 64;
/// A disk that takes longer for one of a hundred syncs is felt by every client under `always`.
const ALWAYS_P99_US: u64 = 20_000;
/// And one that takes so long, by replicas and once a second.
const ANY_P99_US: u64 = 200_000;

pub(super) fn findings(disk: &Disk, settings: &Settings) -> Vec<Finding> {
    let mut found = vec![directory(disk)];
    found.extend(disk.mount.as_ref().map(kind));
    found.extend(disk.mount.as_ref().map(options));
    found.extend(disk.free_bytes.map(|free| room(free, settings)));
    found.extend(disk.free_files.map(files));
    found.extend(disk.timing.as_ref().map(|timing| syncs(timing, settings)));
    found
}

fn directory(disk: &Disk) -> Finding {
    let name = "directory of the log";
    let seen = disk.directory.display().to_string();
    if disk.is_there {
        return Finding::fine(name, seen);
    }
    let seen = format!("not there yet; {seen} is looked at instead");
    Finding::warning(name, seen, "make it, and ask again: how long syncs take was not measured")
}

fn kind(mount: &Mount) -> Finding {
    let name = "file system";
    let (kind, point) = (mount.kind.as_str(), mount.point.display());
    let seen = format!("{kind} at {point}");
    if VOLATILE.contains(&kind) {
        Finding::error(name, seen, "nothing in it outlives a restart of the machine: choose a disk")
    } else if REMOTE.contains(&kind) || kind.starts_with("fuse") {
        Finding::warning(
            name,
            seen,
            "what syncs, locks and mappings are worth is up to the other end: choose a local disk",
        )
    } else if kind == "overlay" || kind == "aufs" {
        let advice = "it goes with the container, and is slow: mount a volume for the data";
        Finding::warning(name, seen, advice)
    } else {
        Finding::fine(name, seen)
    }
}

fn options(mount: &Mount) -> Finding {
    let name = "mount options";
    let seen = mount.options.join(",");
    if mount.has("ro") {
        return Finding::error(name, seen, "it can only be read: mount it with rw");
    }
    if let Some(option) = WITHOUT_BARRIERS.iter().find(|option| mount.has(option)) {
        let advice =
            format!("with {option} a power loss may take what was synced: mount it without");
        return Finding::error(name, seen, advice);
    }
    if mount.has("sync") {
        let advice =
            "every write waits for the disk: mount it without sync, the log syncs by itself";
        return Finding::warning(name, seen, advice);
    }
    Finding::fine(name, seen)
}

fn room(free: u64, settings: &Settings) -> Finding {
    let name = "free space";
    let (segment, reserve) = (settings.backlog_segment_size, settings.backlog_min_free_disk);
    let needed = reserve.saturating_add(2 * segment);
    let seen = format!("{}, of which backlog-min-free-disk keeps {}", size(free), size(reserve));
    if free < needed {
        let advice = format!("writes are refused below {}: make room", size(needed));
        Finding::error(name, seen, advice)
    } else if free < reserve.saturating_add(settings.repl_backlog_size) {
        let advice = format!(
            "there is no room for repl-backlog-size, {}: make some, or lower it",
            size(settings.repl_backlog_size)
        );
        Finding::warning(name, seen, advice)
    } else {
        Finding::fine(name, seen)
    }
}

fn files(free: u64) -> Finding {
    let name = "free inodes";
    if free < FILES_MIN {
        Finding::error(
            name,
            free.to_string(),
            "segments and snapshots cannot be made: remove files",
        )
    } else {
        Finding::fine(name, free.to_string())
    }
}

fn syncs(timing: &Result<Timing, String>, settings: &Settings) -> Finding {
    let name = "time of a sync";
    let timing = match timing {
        Ok(timing) => timing,
        Err(error) => {
            let advice = "a log cannot be kept here: it takes the right to write, room, and a file \
                          system that allocates and maps";
            return Finding::error(name, error.clone(), advice);
        }
    };
    let seen = shown(timing);
    let always = settings.appendfsync == AppendFsync::Always;
    if timing.p99_us > ANY_P99_US {
        let advice = "everything that waits for the disk waits long: choose another, or spare it";
        Finding::warning(name, seen, advice)
    } else if always && timing.p99_us > ALWAYS_P99_US {
        let advice =
            "under appendfsync always each client waits for it: choose a disk that is faster";
        Finding::warning(name, seen, advice)
    } else {
        Finding::fine(name, seen)
    }
}

fn shown(timing: &Timing) -> String {
    let Timing { count, p50_us, p99_us, max_us } = timing;
    let ms = |us: &u64| *us as f64 / 1000.0;
    format!(
        "{:.2} ms half the time, {:.2} ms in 99 of 100, {:.2} ms at most, of {count}",
        ms(p50_us),
        ms(p99_us),
        ms(max_us)
    )
}
