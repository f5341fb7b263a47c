//! The words every layer shares for a place in a history: [`Offset`], [`Replid`], [`Position`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// Counts the bytes of replication stream that lie before a place in it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Offset(pub u64);

impl Offset {
    /// The beginning of a history.
    pub const ZERO: Self = Self(0);

    /// Returns the offset `bytes` further on.
    ///
    /// # Panics
    /// When the sum exceeds 2^64, which takes centuries of writing.
    #[must_use]
    pub fn advanced(self, bytes: u64) -> Self {
        Self(self.0.checked_add(bytes).expect("an offset of 64 bits outlives the hardware"))
    }

    /// Counts the bytes from `earlier` up to here; zero when `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads the offset that PSYNC and the lineage's ceilings put on the wire: "first byte wanted".
    ///
    /// The wire counts bytes from one, so the first byte wanted is one more than the bytes held.
    #[must_use]
    pub fn from_first_wanted(wanted: u64) -> Option<Self> {
        wanted.checked_sub(1).map(Self)
    }

    /// Tells the wire number of the first byte after this offset; see [`Self::from_first_wanted`].
    #[must_use]
    pub fn first_wanted(self) -> u64 {
        self.0.saturating_add(1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names one history of the data set.
///
/// Two servers with the same `Replid` agree on every byte up to the lower of their offsets. A server
/// takes a new one whenever it might diverge: on promotion, and on a restart that may have lost
/// bytes it had sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replid([u8; 20]);

impl Replid {
    /// Wraps the twenty bytes behind the forty hexadecimal digits.
    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Returns the twenty bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Mints a new one from the operating system's randomness.
    pub fn random() -> Self {
        use std::hash::{BuildHasher, Hasher};
        let mut bytes = [0; 20];
        for chunk in bytes.chunks_mut(8) {
            // Every `RandomState` is keyed afresh from the operating system.
            let word = ahash::RandomState::new().build_hasher().finish().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Self(bytes)
    }

    /// Reads forty hexadecimal digits of either case.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != 40 {
            return None;
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let high = (pair[0] as char).to_digit(16)?;
            let low = (pair[1] as char).to_digit(16)?;
            *byte = (high * 16 + low) as u8;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Replid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Replid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replid({self})")
    }
}

/// A place in a named history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The history.
    pub replid: Replid,
    /// How much of it.
    pub offset: Offset,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_counts_from_one() {
        assert_eq!(Offset::from_first_wanted(0), None);
        assert_eq!(Offset::from_first_wanted(1), Some(Offset::ZERO));
        assert_eq!(Offset(41).first_wanted(), 42);
    }

    #[test]
    fn a_replid_reads_what_it_prints_in_either_case() {
        let id = Replid::random();
        assert_eq!(Replid::parse(id.to_string().as_bytes()), Some(id));
        assert_eq!(Replid::parse(id.to_string().to_uppercase().as_bytes()), Some(id));
        assert_eq!(Replid::parse(b"abc"), None);
        assert_eq!(Replid::parse(&[b'g'; 40]), None);
    }

    #[test]
    fn two_replids_differ() {
        assert_ne!(Replid::random(), Replid::random());
    }
}
