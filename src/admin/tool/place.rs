//! What the named directory holds: a log, and perhaps the manifest that it belongs to.

use std::io::ErrorKind;
use std::path::Path;

use super::commands::Commands;
use super::error::ToolError;
use crate::log::Expectation;
use crate::log::format::Header;
use crate::log::inspect::{self, Depth, Listed, OpenSegment};
use crate::position::Offset;
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

    /// Where the log begins.
    pub(super) fn start(&self) -> Result<Offset, ToolError> {
        let chain = self.chain();
        let start = chain.first().map(|(_, header)| header.base);
        start.ok_or_else(|| ToolError::Unused(self.directory.to_owned()))
    }

    /// Which segment of the chain holds the byte at `from`, or will.
    pub(super) fn index_of(&self, from: Offset) -> Result<usize, ToolError> {
        let start = self.start()?;
        let after = self.chain().partition_point(|(_, header)| header.base <= from);
        after.checked_sub(1).ok_or(ToolError::BeforeStart { from, start })
    }

    /// Opens a segment of the list; `None` if it has been retired since.
    pub(super) fn open(
        &self,
        listed: &Listed,
        header: &Header,
    ) -> Result<Option<OpenSegment>, ToolError> {
        let next = inspect::next_of(&self.listed, header.seq);
        match OpenSegment::open(listed, next, Depth::Stream) {
            Err(error) if error.source.kind() == ErrorKind::NotFound => Ok(None),
            segment => Ok(segment?),
        }
    }

    /// The database that is selected where the segment `index` of the chain begins, as far as those
    /// before it tell.
    pub(super) fn database_before(&self, index: usize) -> Result<Option<u64>, ToolError> {
        for (listed, header) in self.chain()[..index].iter().rev() {
            // Where one is retired, those before it are gone as well.
            let Some(segment) = self.open(listed, header)? else { break };
            let mut commands = Commands::of(&segment.stretch);
            let mut last = None;
            while let Some(command) = commands.next(&segment.stretch)? {
                last = command.selects().or(last);
            }
            if last.is_some() {
                return Ok(last);
            }
        }
        Ok(None)
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
