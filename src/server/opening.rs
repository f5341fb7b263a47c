//! What a server needs of the system before it serves: its directory, sockets and files.

use std::fmt::Write as _;

use crate::config::Settings;
use crate::snapshot::Directory;

use super::RunError;

/// Opens and locks the data directory; the built-in default one is made if it is not there.
pub fn open_directory(settings: &Settings) -> Result<Directory, RunError> {
    let path = &settings.dir;
    if settings.dir_is_default {
        std::fs::create_dir_all(path)
            .map_err(|source| RunError::Directory { path: path.clone(), source })?;
    }
    Ok(Directory::lock(path)?)
}

/// Writes the addresses, one a line, so that whoever waits for the file finds it whole.
pub fn write_address_file(settings: &Settings, addresses: &[String]) -> Result<(), RunError> {
    let Some(path) = &settings.backlog_address_file else { return Ok(()) };
    let failed = |source| RunError::AddressFile { path: path.clone(), source };
    let mut text = String::new();
    for address in addresses {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{address}");
    }
    let aside = path.with_extension("tmp");
    std::fs::write(&aside, text).map_err(failed)?;
    std::fs::rename(&aside, path).map_err(failed)
}

/// Writes the process number where `pidfile` says; the server goes on without, as stock servers do.
pub fn write_pid_file(settings: &Settings) {
    if let Some(path) = &settings.processing.pidfile
        && let Err(error) = std::fs::write(path, format!("{}\n", std::process::id()))
    {
        tracing::warn!(%error, path = %path.display(), "Failed to write PID file");
    }
}

/// Removes the file again.
pub fn remove_pid_file(settings: &Settings) {
    if let Some(path) = &settings.processing.pidfile
        && let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "the pid file stays");
    }
}
