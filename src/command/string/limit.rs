//! `proto-max-bulk-len`: how many bytes one string may have.

use crate::command::Host;

/// The least that the limit can be, so that fewer bytes need no look at the configuration.
const LEAST_BYTES: usize = 1024 * 1024;
/// What the limit is by default.
const DEFAULT_BYTES: usize = 512 * 1024 * 1024;

/// Tells whether so many bytes are within the limit.
pub(in crate::command) fn allows(host: &dyn Host, bytes: usize) -> bool {
    bytes <= LEAST_BYTES || bytes <= configured(host)
}

#[cold]
fn configured(host: &dyn Host) -> usize {
    let found = host.config_get(&[b"proto-max-bulk-len"]);
    found.first().and_then(|(_, value)| value.parse().ok()).unwrap_or(DEFAULT_BYTES)
}
