//! What the facts mean for a server of this configuration.

mod disk;
mod kernel;
mod machine;

use super::Finding;
use super::facts::Facts;
use crate::config::Settings;

/// Everything that was looked at, the kernel first.
pub(super) fn findings(facts: &Facts, settings: &Settings) -> Vec<Finding> {
    let mut found = kernel::findings(&facts.kernel, settings);
    found.extend(machine::findings(facts, settings));
    found.extend(disk::findings(&facts.disk, settings));
    found
}

/// A size for people.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut amount = bytes as f64;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{amount:.1} {}", UNITS[unit]) }
}

/// A figure of `/proc/meminfo`, in bytes.
fn memory_figure(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests;
