//! The form of the string, and reading it.
//!
//! ```text
//! 0    "HYLL"
//! 4    how the registers lie: 0 dense, 1 sparse
//! 5    three bytes that mean nothing
//! 8    the count at the last look, little-endian; its highest bit says that it is out of date
//! 16   the registers: see dense.rs and sparse.rs
//! ```

use crate::command::Fault;
use crate::keyspace::Str;

use super::estimate::{Histogram, estimate};
use super::{dense, murmur::Mark, sparse};

/// How many registers there are.
pub(super) const REGISTERS: usize = 1 << 14;
/// The bytes before the registers.
pub(super) const HEADER_BYTES: usize = 16;

/// The registers cannot be read.
pub(super) const CORRUPTED: Fault = Fault::fixed("INVALIDOBJ Corrupted HLL object detected");
/// The string is something else.
const NO_SKETCH: Fault = Fault::fixed("WRONGTYPE Key is not a valid HyperLogLog string value.");

const MAGIC: &[u8; 4] = b"HYLL";
const ENCODING_AT: usize = 4;
const CARD_AT: usize = 8;
/// The bit of the cached count that says it is out of date.
const STALE: u64 = 1 << 63;

/// How the registers lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Dense,
    Sparse,
}

/// A string whose header is sound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sketch<'b> {
    bytes: &'b [u8],
    encoding: Encoding,
}

/// What all registers hold, one byte each.
pub(super) type Registers = [u8; REGISTERS];

impl<'b> Sketch<'b> {
    /// Looks at the value of a key.
    pub(super) fn of(value: Str<'b>) -> Result<Self, Fault> {
        match value {
            Str::Bytes(bytes) => Self::parse(bytes).ok_or(NO_SKETCH),
            Str::Int(_) => Err(NO_SKETCH),
            // No runs of so many bytes can be right.
            Str::Blocks(blocks) => {
                let mut header = [0; HEADER_BYTES];
                blocks.read(0, &mut header);
                Err(Sketch::parse(&header).map_or(NO_SKETCH, |_| CORRUPTED))
            }
        }
    }

    /// Reads a header.
    pub(super) fn parse(bytes: &'b [u8]) -> Option<Self> {
        let (header, registers) = bytes.split_at_checked(HEADER_BYTES)?;
        if !header.starts_with(MAGIC) {
            return None;
        }
        let encoding = match header[ENCODING_AT] {
            0 if registers.len() == dense::BYTES => Encoding::Dense,
            1 => Encoding::Sparse,
            _ => return None,
        };
        Some(Self { bytes, encoding })
    }

    /// Tells how the registers lie.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns the bytes in which the registers lie.
    pub(super) fn registers(&self) -> &'b [u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// Tells at once that an element would change nothing; a sparse sketch takes longer to tell.
    pub(super) fn has(&self, Mark { register, rank }: Mark) -> bool {
        self.encoding == Encoding::Dense && !dense::is_lower(self.registers(), register, rank)
    }

    /// Returns the count that was kept, unless it is out of date.
    pub(super) fn cached(&self) -> Option<u64> {
        let kept = u64::from_le_bytes(*self.bytes[CARD_AT..].first_chunk()?);
        (kept & STALE == 0).then_some(kept)
    }

    /// Estimates how many distinct elements were added.
    pub(super) fn count(&self) -> Result<u64, Fault> {
        let mut histogram = Histogram::default();
        self.for_each_run(|value, _, len| histogram.add(value, len))?;
        Ok(estimate(&histogram))
    }

    /// Raises each register of `into` to what it is here.
    pub(super) fn merge(&self, into: &mut Registers) -> Result<(), Fault> {
        self.for_each_run(|value, first, len| {
            if value > 0 {
                into[first..first + len].iter_mut().for_each(|own| *own = value.max(*own));
            }
        })
    }

    /// Visits the registers in runs of equal ones: their value, the first one, how many.
    fn for_each_run(&self, mut visit: impl FnMut(u8, usize, usize)) -> Result<(), Fault> {
        let mut next = 0;
        match self.encoding {
            Encoding::Dense => dense::for_each(self.registers(), |value| {
                visit(value, next, 1);
                next += 1;
            }),
            Encoding::Sparse => {
                for run in sparse::runs(self.registers()) {
                    if next + run.len > REGISTERS {
                        return Err(CORRUPTED);
                    }
                    visit(run.value, next, run.len);
                    next += run.len;
                }
            }
        }
        if next == REGISTERS { Ok(()) } else { Err(CORRUPTED) }
    }
}

/// Makes an empty one, which is sparse.
pub(super) fn empty() -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[ENCODING_AT] = 1;
    sparse::push_zeroes(&mut bytes, REGISTERS);
    bytes
}

/// Makes a sparse one dense; one that is dense already stays as it is.
pub(super) fn make_dense(bytes: &mut Vec<u8>) -> Result<(), Fault> {
    let sketch = Sketch::parse(bytes).ok_or(CORRUPTED)?;
    if sketch.encoding == Encoding::Dense {
        return Ok(());
    }
    let mut registers = [0; dense::BYTES];
    sketch.for_each_run(|value, first, len| {
        if value > 0 {
            (first..first + len).for_each(|register| dense::set(&mut registers, register, value));
        }
    })?;
    bytes.truncate(HEADER_BYTES);
    bytes[ENCODING_AT] = 0;
    bytes.extend_from_slice(&registers);
    Ok(())
}

/// Notes that the count that was kept is out of date.
///
/// # Panics
/// When there is no header.
pub(super) fn forget_count(bytes: &mut [u8]) {
    bytes[CARD_AT + 7] |= (STALE >> 56) as u8;
}

/// Keeps a count.
///
/// # Panics
/// When there is no header.
pub(super) fn keep_count(bytes: &mut [u8], count: u64) {
    bytes[CARD_AT..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
}
