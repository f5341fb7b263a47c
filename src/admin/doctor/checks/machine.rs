//! Memory, cores and the limits of the process.

use super::super::Finding;
use super::super::facts::{Facts, Limits};
use super::{memory_figure, size};
use crate::config::Settings;

/// Descriptors that the server needs beside those of its clients.
const OWN_FILES: u64 = 64;
/// Of the memory there is, `maxmemory` may take so much: clients and the kernel need some as well.
const SHARE_PERCENT_MAX: u64 = 85;

pub(super) fn findings(facts: &Facts, settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(memory(facts, settings));
    found.push(cores(facts.cores, settings));
    found.push(files(facts.limits, settings));
    found.push(locked(facts.limits));
    found.push(core_dumps(facts.limits));
    found.extend(sizes(facts.limits, settings));
    found
}

fn memory(facts: &Facts, settings: &Settings) -> Option<Finding> {
    let name = "memory";
    let machine = memory_figure(&facts.kernel.meminfo, "MemTotal")?;
    let group = facts.kernel.group_limit.parse().unwrap_or(u64::MAX);
    let there = machine.min(group);
    let limit = settings.memory_limit.bytes;
    let whose = if group < machine { "in the control group" } else { "in the machine" };
    let seen = format!("{} {whose}, maxmemory {}", size(there), size(limit));
    Some(if limit == 0 {
        let seen = format!("{} {whose}, no maxmemory", size(there));
        Finding::warning(
            name,
            seen,
            "the kernel ends the server when memory is used up: set maxmemory",
        )
    } else if limit > there {
        Finding::error(name, seen, "there is not as much: the kernel ends the server before")
    } else if limit / SHARE_PERCENT_MAX > there / 100 {
        let most = size(there / 100 * SHARE_PERCENT_MAX);
        let advice = format!("leave some for clients and the page cache: at most {most}");
        Finding::warning(name, seen, advice)
    } else {
        Finding::fine(name, seen)
    })
}

fn cores(cores: usize, settings: &Settings) -> Finding {
    let name = "cores";
    let workers = settings.io_threads.unwrap_or(cores);
    let seen = format!("{cores}, workers {workers}");
    if workers > cores {
        let advice = format!("workers that wait for a core delay each other: io-threads {cores}");
        Finding::warning(name, seen, advice)
    } else if cores == 1 {
        Finding::warning(name, seen, "snapshots and syncs take the core that clients are served on")
    } else {
        Finding::fine(name, seen)
    }
}

fn files(limits: Limits, settings: &Settings) -> Finding {
    let name = "open files";
    let wanted = u64::from(settings.maxclients) + OWN_FILES;
    let Some(most) = limits.files else { return Finding::fine(name, "no limit") };
    let seen = format!("{most}, maxclients {} needs {wanted}", settings.maxclients);
    if most < OWN_FILES {
        Finding::error(name, seen, "that is not enough for the server's own: raise ulimit -n")
    } else if most < wanted {
        let advice =
            format!("not so many clients are served: ulimit -Hn {wanted}, or lower maxclients");
        Finding::warning(name, seen, advice)
    } else {
        Finding::fine(name, seen)
    }
}

/// Nothing is locked in memory here, whatever the limit.
fn locked(limits: Limits) -> Finding {
    let seen = limits.locked.map_or_else(|| "no limit".to_owned(), size);
    Finding::fine("locked memory", format!("{seen}, none is needed"))
}

/// A crash is reported in the log with or without one.
fn core_dumps(limits: Limits) -> Finding {
    let seen = match limits.core {
        Some(0) => "none; a crash is told in the log all the same".to_owned(),
        Some(bytes) => format!("up to {}", size(bytes)),
        None => "no limit".to_owned(),
    };
    Finding::fine("core dumps", seen)
}

fn sizes(limits: Limits, settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(most) = limits.file_bytes.filter(|most| *most < settings.backlog_segment_size) {
        let seen = format!("{}, a segment has {}", size(most), size(settings.backlog_segment_size));
        found.push(Finding::error(
            "size of files",
            seen,
            "no segment can be made: ulimit -f unlimited",
        ));
    }
    if let Some(most) = limits.address_space {
        let advice = "the log is mapped, and data may take what is left: ulimit -v unlimited";
        found.push(Finding::warning("address space", size(most), advice));
    }
    found
}
