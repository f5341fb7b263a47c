//! Changing a key's sketch where it lies.

use crate::command::{Call, Fault};
use crate::keyspace::{Key, StrMut};

use super::sketch::{self, CORRUPTED, Encoding, Sketch};
use super::sparse::Raised;
use super::{dense, murmur::Mark, sparse};

/// Edits the sketch of a key, an empty one if the key is absent; an edit that fails changes nothing.
///
/// The caller has looked at what the key holds.
pub(super) fn edit<T>(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    edit: impl FnOnce(&mut Vec<u8>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let clock = call.data.clock();
    let mut result = Err(CORRUPTED);
    call.data.db().edit_string(key, clock, 0, |string| {
        let StrMut::Piece(bytes) = string else { unreachable!("a longer one is no sketch") };
        if bytes.is_empty() {
            *bytes = sketch::empty();
        }
        // A dense one cannot be corrupted, and need not be kept.
        let is_dense = Sketch::parse(bytes).is_some_and(|s| s.encoding() == Encoding::Dense);
        let before = (!is_dense).then(|| bytes.clone());
        result = edit(bytes);
        if let (Err(_), Some(before)) = (&result, before) {
            *bytes = before;
        }
    });
    result
}

/// Raises a register, in the dense form if it cannot be said in a sparse one of `sparse_max` bytes.
pub(super) fn raise(bytes: &mut Vec<u8>, mark: Mark, sparse_max: usize) -> Result<bool, Fault> {
    let Mark { register, rank } = mark;
    if Sketch::parse(bytes).ok_or(CORRUPTED)?.encoding() == Encoding::Sparse {
        match sparse::raise(bytes, register, rank, sparse_max) {
            Raised::Not => return Ok(false),
            Raised::Done => return Ok(true),
            Raised::Corrupted => return Err(CORRUPTED),
            Raised::TooMuch => sketch::make_dense(bytes)?,
        }
    }
    Ok(dense::raise(&mut bytes[sketch::HEADER_BYTES..], register, rank))
}
