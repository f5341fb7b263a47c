//! The durable log: one endless run of bytes, cut into segment files.
//!
//! Only bytes and offsets live here; commands, clients and replicas do not. The bytes are those
//! that go over the wire to replicas, and they are all there is: any range of offsets can be served
//! straight from the mapping.
//!
//! ```text
//! Writer ─ append, seal ─► tail segment ─► Reader (any number, up to a watermark)
//!                             ▲   │
//!            prepare thread ──┘   └──► sync thread ─► durable watermark
//! ```
//!
//! Invariants
//! - L1  Bytes on disk are bytes on the wire; segments touch: each begins where the last one ended.
//! - L2  `start ≤ durable ≤ sealed ≤ written`, and none moves back while the log is open. Nothing
//!   above `sealed` is read; `durable` only moves to a value `sealed` had before the sync began.
//!   Bytes below `sealed` never change.
//! - L3  Recovery never cuts bytes known to have been durable: that is corruption, and an error that
//!   names file and offset. Above, a missing or bad frame is a torn tail, which is cut.
//! - L4  A recovered segment is never appended to. Recovery run twice gives the same result.
//! - L5  A cut falls only where a batch of whole units was sealed.
//! - L6  The first failed sync is final; it is never retried.
//! - L7  A full disk is an error, never a signal: files are allocated before they are mapped, and one
//!   spare is kept ready. No mapped file is ever truncated.
//! - L8  `unsafe` lives in `mapping`, and nowhere else in the log.
//! - L9  A log without a segment in use is an error, never an empty log.

pub mod format;
mod schedulable;

mod mapping;
mod storage;

mod directory;
pub mod heap;
mod watermarks;

mod age;
mod segment;

mod core;
mod handle;
mod writer;

mod checked;
mod reader;
mod residency;

mod prepare;
mod sync;

pub mod findings;
pub mod following;
pub mod inspect;
mod recovery;
mod repair;
pub mod retention;
mod scan;

pub use self::core::Options;
pub use directory::Directory;
pub use handle::{Examined, Helpers, Log, OpenError, Opened};
pub use prepare::{NoSpace, Secured};
pub use reader::{Chunk, ReadError, Reader};
pub use recovery::{Cut, Evidence, Expectation, OnCorruption, Recovered, RecoveryError};
pub use residency::Residency;
pub use storage::{Preparation, SegmentFile, Storage, StorageError};
pub use sync::{SyncPolicy, SyncStatistics};
pub use watermarks::SyncFailed;
pub use writer::{AppendError, CloseError, UNIT_BYTES_MAX, Writer};

#[cfg(test)]
mod tests;
