//! What the named directory holds: a log, and perhaps the manifest that it belongs to.

use std::path::Path;

use super::error::ToolError;
use crate::log::Expectation;
use crate::log::format::Header;
use crate::log::inspect::{self, Listed};
use crate::snapshot::{Manifest, ManifestError};

/// A directory with a log in it.
#[derive(Debug)]
pub(super) struct Place<'d> {
    /// The directory.
    pub(super) directory: &'d Path,
    /// Its manifest; `None` where there is none, as in a directory that `backlog-dir` names.
    pub(super) manifest: Result<Option<Manifest>, ManifestError>,
    /// The files of its log.
    pub(super) listed: Vec<Listed>,
}

impl<'d> Place<'d> {
    /// Reads the manifest and the list of segments.
    ///
    /// The manifest comes first: what it states of the log then holds for the log that is found.
    pub(super) fn find(directory: &'d Path) -> Result<Self, ToolError> {
        let manifest = Manifest::load(directory);
        let listed = inspect::list(directory)?;
        if !listed.is_empty() {
            return Ok(Self { directory, manifest, listed });
        }
        Err(match manifest {
            Ok(None) => ToolError::Foreign(directory.to_owned()),
            _ => ToolError::Elsewhere(directory.to_owned()),
        })
    }

    /// The segments in use, in stream order.
    ///
    /// Where an interrupted recovery left two in one place, the one it was about to remove is left out.
    pub(super) fn chain(&self) -> Vec<(&Listed, &Header)> {
        let used: Vec<_> =
            self.listed.iter().filter_map(|file| Some((file, file.header()?))).collect();
        let place = |header: &Header| (header.prev_seq, header.base);
        let is_superseded = |header: &Header| {
            used.iter()
                .any(|(_, other)| place(other) == place(header) && other.epoch > header.epoch)
        };
        used.iter().copied().filter(|(_, header)| !is_superseded(header)).collect()
    }

    /// The manifest, if it is there and readable.
    pub(super) fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref().ok()?.as_ref()
    }

    /// What a start would expect of the log by the manifest.
    pub(super) fn expectation(&self) -> Expectation {
        let manifest = self.manifest();
        Expectation {
            durable_floor: manifest.map(Manifest::known_durable),
            needed_from: manifest.map(Manifest::needed_from),
            ..Expectation::default()
        }
    }
}
