//! Settings of the kernel.

use super::super::Finding;
use super::super::facts::Kernel;
use super::{memory_figure, size};
use crate::config::Settings;

/// Beyond this the kernel swaps out data to keep files cached.
const SWAPPINESS_MAX: u64 = 60;
/// Above this share of memory all who write wait for the disk at once when it is reached.
const DIRTY_PERCENT_MAX: u64 = 40;
/// More than this at once is a pause to be felt on most disks.
const BACKGROUND_BYTES_MAX: u64 = 4 << 30;

pub(super) fn findings(kernel: &Kernel, settings: &Settings) -> Vec<Finding> {
    let all = [
        overcommit(kernel),
        huge_pages(kernel),
        accept_queue(kernel, settings),
        swappiness(kernel),
        dirty(kernel, settings),
        background(kernel),
        clock(kernel),
    ];
    all.into_iter().flatten().collect()
}

/// No process is forked here, so what stock servers ask for is not needed; but see 2.
fn overcommit(kernel: &Kernel) -> Option<Finding> {
    let name = "vm.overcommit_memory";
    match kernel.overcommit.as_str() {
        "" => None,
        "2" => Some(Finding::warning(
            name,
            "2",
            "memory is refused while there is some left: sysctl vm.overcommit_memory=1",
        )),
        seen => Some(Finding::fine(name, seen)),
    }
}

fn huge_pages(kernel: &Kernel) -> Option<Finding> {
    let name = "transparent huge pages";
    let chosen = kernel.huge_pages.split_once('[')?.1.split_once(']')?.0;
    Some(match chosen {
        "always" => Finding::warning(
            name,
            chosen,
            "memory that is freed comes back late, and pauses are longer: \
             echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
        ),
        _ => Finding::fine(name, chosen),
    })
}

fn accept_queue(kernel: &Kernel, settings: &Settings) -> Option<Finding> {
    let name = "net.core.somaxconn";
    let allowed: u64 = kernel.somaxconn.parse().ok()?;
    let wanted = u64::from(settings.tcp_backlog);
    let seen = format!("{allowed}, tcp-backlog is {wanted}");
    Some(if allowed < wanted {
        let advice = format!(
            "clients that connect at once may be kept waiting: sysctl net.core.somaxconn={wanted}"
        );
        Finding::warning(name, seen, advice)
    } else {
        Finding::fine(name, seen)
    })
}

fn swappiness(kernel: &Kernel) -> Option<Finding> {
    let name = "vm.swappiness";
    let swappiness: u64 = kernel.swappiness.parse().ok()?;
    let swap_bytes = memory_figure(&kernel.meminfo, "SwapTotal").unwrap_or(0);
    let seen = format!("{swappiness}, with {} of swap", size(swap_bytes));
    Some(if swap_bytes > 0 && swappiness > SWAPPINESS_MAX {
        Finding::warning(
            name,
            seen,
            "data is swapped out to cache files, the log among them: sysctl vm.swappiness=10",
        )
    } else {
        Finding::fine(name, seen)
    })
}

/// When all who write have to wait.
fn dirty(kernel: &Kernel, settings: &Settings) -> Option<Finding> {
    let name = "vm.dirty_ratio";
    let segments_bytes = 2 * settings.backlog_segment_size;
    let bytes: u64 = kernel.dirty_bytes.parse().ok()?;
    if bytes > 0 {
        let seen = format!("{} (vm.dirty_bytes)", size(bytes));
        return Some(if bytes < segments_bytes {
            let advice = format!(
                "writers wait for the disk after less than two segments: \
                 sysctl vm.dirty_bytes={segments_bytes} or more"
            );
            Finding::warning(name, seen, advice)
        } else {
            Finding::fine(name, seen)
        });
    }
    let percent: u64 = kernel.dirty_ratio.parse().ok()?;
    let seen = format!("{percent} %");
    Some(if percent > DIRTY_PERCENT_MAX {
        let advice = "so much is written at once that all who write wait long: \
                      sysctl vm.dirty_ratio=20";
        Finding::warning(name, seen, advice)
    } else {
        Finding::fine(name, seen)
    })
}

/// When the kernel begins to write.
fn background(kernel: &Kernel) -> Option<Finding> {
    let name = "vm.dirty_background_ratio";
    let bytes: u64 = kernel.background_bytes.parse().ok()?;
    let (threshold, seen) = if bytes > 0 {
        (bytes, format!("{} (vm.dirty_background_bytes)", size(bytes)))
    } else {
        let percent: u64 = kernel.background_ratio.parse().ok()?;
        let available = memory_figure(&kernel.meminfo, "MemAvailable")?;
        let threshold = available / 100 * percent;
        (threshold, format!("{percent} %, {} now", size(threshold)))
    };
    Some(if threshold > BACKGROUND_BYTES_MAX {
        Finding::warning(
            name,
            seen,
            "so much gathers before any of it is written that syncs beside it take long: \
             sysctl vm.dirty_background_bytes=268435456",
        )
    } else {
        Finding::fine(name, seen)
    })
}

fn clock(kernel: &Kernel) -> Option<Finding> {
    let name = "clock source";
    match kernel.clock.as_str() {
        "" => None,
        slow @ ("hpet" | "acpi_pm" | "jiffies" | "xen" | "pit") => Some(Finding::warning(
            name,
            slow,
            "each look at the time is a system call: choose tsc or kvm-clock where there is one",
        )),
        seen => Some(Finding::fine(name, seen)),
    }
}
