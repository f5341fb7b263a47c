//! The allocator's and the system's figures about memory and processor time.

use tikv_jemalloc_ctl::{background_thread, epoch, stats, stats_print, version};

/// The allocator's figures, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Handed out to the program: what Redis calls `used_memory`.
    pub allocated: u64,
    /// In pages that hold something.
    pub active: u64,
    /// In pages mapped by the allocator that are in memory.
    pub resident: u64,
    /// What the kernel counts as resident for the whole process, mapped files included.
    pub rss: u64,
    /// The part of it that is not backed by files.
    pub rss_anonymous: u64,
    /// The part of it that is pages of files, of the log above all.
    pub rss_files: u64,
}

/// Who gives memory that was freed back to the system, page by page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purging {
    /// Threads of the allocator.
    InBackground,
    /// Whoever frees or asks for some: that takes tens of milliseconds after much was freed.
    OnTheWay,
}

/// Says who gives memory back from now on.
pub fn set_purging(purging: Purging) {
    if let Err(error) = background_thread::write(purging == Purging::InBackground) {
        tracing::warn!(%error, "jemalloc-bg-thread has no effect here");
    }
}

/// Asks the allocator how many bytes are handed out to the program.
pub fn allocated() -> u64 {
    // A figure that the allocator does not give reads as zero.
    let _ = epoch::advance();
    stats::allocated::read().unwrap_or(0) as u64
}

/// Asks the allocator and the kernel.
pub fn memory() -> Memory {
    let allocated = allocated();
    let figure = |read: Result<usize, tikv_jemalloc_ctl::Error>| read.unwrap_or(0) as u64;
    let Resident { rss, rss_anonymous, rss_files } = resident();
    Memory {
        allocated,
        active: figure(stats::active::read()),
        resident: figure(stats::resident::read()),
        rss,
        rss_anonymous,
        rss_files,
    }
}

/// Names the allocator and its version, as stock servers do.
pub fn allocator() -> String {
    let told = version::read().unwrap_or_default();
    match told.split('-').next() {
        Some(number) if !number.is_empty() => format!("jemalloc-{number}"),
        _ => "jemalloc".to_owned(),
    }
}

/// Returns what the allocator says of itself.
pub fn allocator_stats() -> String {
    let mut text = Vec::new();
    match stats_print::stats_print(&mut text, stats_print::Options::default()) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("the allocator tells nothing: {error}\n"),
    }
}

struct Resident {
    rss: u64,
    rss_anonymous: u64,
    rss_files: u64,
}

fn resident() -> Resident {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |name: &str| {
        let figure = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = figure.map(|figure| figure.trim().trim_end_matches("kB").trim().parse());
        kilobytes.and_then(Result::ok).unwrap_or(0_u64) * 1024
    };
    Resident {
        rss: bytes("VmRSS:"),
        rss_anonymous: bytes("RssAnon:"),
        rss_files: bytes("RssFile:"),
    }
}

/// The machine's memory in bytes, or zero if the kernel does not tell.
pub fn machine_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    total
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}

/// Processor time used so far, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessorTime {
    /// In the program.
    pub user: f64,
    /// In the kernel for it.
    pub system: f64,
    /// In the program, by children it waited for.
    pub user_children: f64,
    /// In the kernel for them.
    pub system_children: f64,
}

/// Reads the processor time from the kernel's account of the process.
pub fn processor_time() -> ProcessorTime {
    time_of("/proc/self/stat")
}

/// Reads the processor time of the first thread of the process.
pub fn main_thread_time() -> ProcessorTime {
    time_of(&format!("/proc/self/task/{}/stat", std::process::id()))
}

fn time_of(account: &str) -> ProcessorTime {
    let text = std::fs::read_to_string(account).unwrap_or_default();
    // The second field is the program's name in parentheses and may hold anything.
    let Some((_, rest)) = text.rsplit_once(')') else { return ProcessorTime::default() };
    let ticks: Vec<f64> =
        rest.split_whitespace().skip(11).take(4).filter_map(|word| word.parse().ok()).collect();
    let second = rustix::param::clock_ticks_per_second() as f64;
    match ticks.as_slice() {
        [user, system, user_children, system_children] => ProcessorTime {
            user: user / second,
            system: system / second,
            user_children: user_children / second,
            system_children: system_children / second,
        },
        _ => ProcessorTime::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_of_this_process() {
        let memory = memory();
        assert!(memory.rss_anonymous > 0 && memory.rss_files > 0);
        assert!(memory.rss >= memory.rss_anonymous + memory.rss_files);
        assert!(machine_bytes() > memory.rss);
        assert!(allocator().starts_with("jemalloc-5."), "{}", allocator());
        let said = allocator_stats();
        assert!(said.starts_with("___ Begin jemalloc statistics ___") && said.contains("bins:"));
        assert!(processor_time().user >= 0.0);
    }
}
