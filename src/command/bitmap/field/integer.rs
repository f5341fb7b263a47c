//! Integers of 1 to 64 bits: where they lie, what they hold, what happens beyond their limits.

/// The bytes that the widest field can touch, as it may begin within one.
const WINDOW_BYTES: usize = 9;

/// The bytes of a string from that on in which a field begins; behind the end of the string zeroes.
pub(super) type Window = [u8; WINDOW_BYTES];

/// What numbers a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) sign: Sign,
    /// From 1 to 64; to 63 without a sign, since replies have one.
    pub(super) bits: u32,
}

/// Whether the highest bit of a field is a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Signed,
    Unsigned,
}

/// What becomes of a number beyond the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overflow {
    /// The higher bits are lost.
    Wrap,
    /// It is cut to the limit.
    Saturate,
    /// Nothing is written.
    Fail,
}

/// Where a field lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The first bit.
    pub(super) offset: usize,
    /// How many there are.
    pub(super) bits: u32,
}

impl Place {
    /// The bit after the last one.
    pub(super) fn end(self) -> usize {
        self.offset + self.bits as usize
    }

    /// The byte in which the field begins.
    pub(super) fn first_byte(self) -> usize {
        self.offset / 8
    }

    /// How many bytes it touches.
    pub(super) fn bytes(self) -> usize {
        self.end().div_ceil(8) - self.first_byte()
    }

    /// The bits after the field in the window that begins with its first byte.
    fn shift(self) -> u32 {
        WINDOW_BYTES as u32 * 8 - (self.offset % 8) as u32 - self.bits
    }
}

impl Kind {
    /// Reads a type such as `i16` or `u8`.
    pub(super) fn parse(word: &[u8]) -> Option<Self> {
        let (sign, bits_max) = match word.first()? {
            b'i' => (Sign::Signed, 64),
            b'u' => (Sign::Unsigned, 63),
            _ => return None,
        };
        let bits = crate::number::parse_i64_strict(&word[1..])?;
        (1..=bits_max).contains(&bits).then_some(Self { sign, bits: bits as u32 })
    }

    /// Returns the number that the bits of a field stand for.
    pub(super) fn decode(self, bits: u64) -> i128 {
        let number = i128::from(bits);
        if number > self.limits().1 { number - (1 << self.bits) } else { number }
    }

    /// Returns the number that a client gives for a field; without a sign, a negative one is huge.
    pub(super) fn given(self, value: i64) -> i128 {
        match self.sign {
            Sign::Signed => i128::from(value),
            Sign::Unsigned => i128::from(value as u64),
        }
    }

    /// Fits a number into the field; none if it is not to be written.
    pub(super) fn fit(self, number: i128, overflow: Overflow) -> Option<i128> {
        let (min, max) = self.limits();
        if (min..=max).contains(&number) {
            return Some(number);
        }
        match overflow {
            Overflow::Wrap => Some(self.decode(number as u64 & mask(self.bits))),
            Overflow::Saturate => Some(number.clamp(min, max)),
            Overflow::Fail => None,
        }
    }

    fn limits(self) -> (i128, i128) {
        match self.sign {
            Sign::Signed => (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1),
            Sign::Unsigned => (0, (1 << self.bits) - 1),
        }
    }
}

/// Reads the bits of a field.
pub(super) fn extract(window: Window, place: Place) -> u64 {
    (number_of(window) >> place.shift()) as u64 & mask(place.bits)
}

/// Writes the lowest bits of a number into a field.
pub(super) fn insert(window: &mut Window, place: Place, number: u64) {
    let kept = number_of(*window) & !(u128::from(mask(place.bits)) << place.shift());
    let new = kept | u128::from(number & mask(place.bits)) << place.shift();
    let encoded = new.to_be_bytes();
    window.copy_from_slice(&encoded[encoded.len() - WINDOW_BYTES..]);
}

fn number_of(window: Window) -> u128 {
    let mut padded = [0; size_of::<u128>()];
    let begin = padded.len() - WINDOW_BYTES;
    padded[begin..].copy_from_slice(&window);
    u128::from_be_bytes(padded)
}

fn mask(bits: u32) -> u64 {
    u64::MAX >> (u64::BITS - bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(word: &str) -> Kind {
        Kind::parse(word.as_bytes()).unwrap()
    }

    #[test]
    fn types_are_a_letter_and_a_width() {
        for word in ["i1", "i64", "u1", "u63"] {
            assert!(Kind::parse(word.as_bytes()).is_some(), "{word}");
        }
        for word in ["", "i", "u0", "i0", "u64", "i65", "I8", "i08", "i-1", "8", "i8 ", "f32"] {
            assert!(Kind::parse(word.as_bytes()).is_none(), "{word}");
        }
    }

    #[test]
    fn numbers_beyond_the_limits_are_wrapped_cut_or_refused() {
        for (word, number, wrapped, cut) in [
            ("u8", 256, 0, 255),
            ("u8", -1, 255, 0),
            ("i8", 128, -128, 127),
            ("i8", -129, 127, -128),
            ("i1", 1, -1, 0),
            ("i1", -2, 0, -1),
            ("u63", i128::from(u64::MAX), i128::from(i64::MAX), i128::from(i64::MAX)),
            ("i64", 1 << 63, i128::from(i64::MIN), i128::from(i64::MAX)),
            ("i64", -(1 << 63) - 1, i128::from(i64::MAX), i128::from(i64::MIN)),
        ] {
            let kind = kind(word);
            assert_eq!(kind.fit(number, Overflow::Wrap), Some(wrapped), "{word} {number}");
            assert_eq!(kind.fit(number, Overflow::Saturate), Some(cut), "{word} {number}");
            assert_eq!(kind.fit(number, Overflow::Fail), None, "{word} {number}");
        }
        assert_eq!(kind("i64").fit(i128::from(i64::MIN), Overflow::Fail), Some(-(1 << 63)));
        assert_eq!(kind("u8").given(-1), i128::from(u64::MAX));
    }

    proptest! {
        #[test]
        fn a_field_reads_as_written_and_its_neighbours_stay(
            before: Window, offset in 0usize..8, bits in 1u32..=64, number: u64,
        ) {
            let place = Place { offset, bits };
            let mut after = before;
            insert(&mut after, place, number);
            prop_assert_eq!(extract(after, place), number & mask(bits));
            prop_assert_eq!(&before[place.bytes()..], &after[place.bytes()..]);
            let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
            let outside = (0..before.len() * 8).filter(|at| !(offset..place.end()).contains(at));
            for at in outside {
                prop_assert_eq!(bit(&before, at), bit(&after, at), "bit {}", at);
            }
        }
    }
}
