//! Why a tool cannot go on.

use std::io;
use std::path::PathBuf;

use crate::log::StorageError;
use crate::net::ProtocolError;
use crate::position::Offset;
use crate::snapshot::ManifestError;

/// Why a tool cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ToolError {
    /// The directory or a file of the log cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What was found cannot be written out.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// The manifest cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// There is nothing of ours in the directory.
    #[error("{} holds no log and no manifest", .0.display())]
    Foreign(PathBuf),
    /// There is a manifest, and no file of a log beside it.
    #[error(
        "{} holds a manifest and no log: where directive backlog-dir puts the log elsewhere, name \
         that directory; otherwise the log is lost",
        .0.display()
    )]
    Elsewhere(PathBuf),
    /// No segment has been used.
    #[error("no segment in {} is in use", .0.display())]
    Unused(PathBuf),
    /// What was read did not fit together, and at a second look it does.
    #[error("{} changed while it was read; ask again", .0.display())]
    Changing(PathBuf),
    /// What is wanted has been retired.
    #[error("the log begins at {start}: offset {from} is no longer there")]
    BeforeStart {
        /// What was wanted.
        from: Offset,
        /// Where the log begins.
        start: Offset,
    },
    /// What is wanted was there when the directory was listed.
    #[error("offset {from} was retired meanwhile; ask for a later one, or from the oldest on")]
    Retired {
        /// What was wanted.
        from: Offset,
    },
    /// The retention was faster than the tool.
    #[error("what lies behind offset {at} was retired before it was read: the output ends there")]
    Overtaken {
        /// The end of what was printed.
        at: Offset,
    },
    /// What was followed is gone.
    #[error("{}: the log that was followed is no longer there", .0.display())]
    Replaced(PathBuf),
    /// What is wanted has not been written.
    #[error("the log ends at {end}: offset {from} is not there yet")]
    PastEnd {
        /// What was wanted.
        from: Offset,
        /// Where the log ends.
        end: Offset,
    },
    /// No command begins where the output should.
    #[error("offset {from} is inside of a command: commands begin at {before} and at {after}")]
    NotABoundary {
        /// What was wanted.
        from: Offset,
        /// Where the command begins.
        before: Offset,
        /// Where the next one does.
        after: Offset,
    },
    /// The bytes verify, and are no command.
    #[error("{}: the stream is no command at offset {at}: {source}", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
        /// Where.
        at: Offset,
        /// What is wrong.
        source: ProtocolError,
    },
    /// The bytes verify, and end within a command.
    #[error("{}: the segment ends within the command at offset {at}", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// Where the command begins.
        at: Offset,
    },
}

impl ToolError {
    /// Whether the log is to blame, and not the question or the machine.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Garbled { .. } | Self::Incomplete { .. } => true,
            Self::Manifest(error) => !matches!(error, ManifestError::File(_)),
            _ => false,
        }
    }
}
