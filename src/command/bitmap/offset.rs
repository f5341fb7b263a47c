//! Where a bit is: offsets as clients write them.

use crate::command::string::limit;
use crate::command::{Call, Fault, Mode};
use crate::number::parse_i64_strict;

const OUT_OF_RANGE: Fault = Fault::fixed("ERR bit offset is not an integer or out of range");

/// Reads the offset of a bit.
pub(super) fn offset(call: &Call<'_, '_>, word: &[u8]) -> Result<usize, Fault> {
    within_limit(call, parse_i64_strict(word))
}

/// Reads the offset of a field of so many bits; `#n` is the place of the n-th of them.
pub(super) fn field_offset(call: &Call<'_, '_>, word: &[u8], width: u32) -> Result<usize, Fault> {
    match word.strip_prefix(b"#") {
        // Stock multiplies without a look at the result, and others have logged what came of it.
        Some(number) => {
            let scaled = parse_i64_strict(number).map(|n| n.wrapping_mul(i64::from(width)));
            within_limit(call, scaled)
        }
        None => offset(call, word),
    }
}

/// What the log says has been accepted once, and is not judged by `proto-max-bulk-len` again.
fn within_limit(call: &Call<'_, '_>, offset: Option<i64>) -> Result<usize, Fault> {
    let offset = offset.and_then(|offset| usize::try_from(offset).ok()).ok_or(OUT_OF_RANGE)?;
    if call.data.mode == Mode::Replay || limit::allows(call.host, offset / 8 + 1) {
        Ok(offset)
    } else {
        Err(OUT_OF_RANGE)
    }
}
