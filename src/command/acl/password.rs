//! Passwords: of each only the SHA-256 is kept, and they are compared in constant time.

use std::fmt;
use std::io;

use rustix::rand::{GetRandomFlags, getrandom};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// The most bits that [`generate`] makes.
pub const BITS_MAX: i64 = 4096;
/// How many hexadecimal digits a digest has.
const DIGITS: usize = 64;

/// The SHA-256 of a password.
#[derive(Clone)]
pub struct Digest([u8; DIGITS / 2]);

impl Digest {
    /// Hashes a password.
    pub fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// Reads 64 hexadecimal digits, of which letters are small.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        let mut bytes = [0; DIGITS / 2];
        if pairs.len() != bytes.len() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }

    /// Tells whether one of `known` is this one; takes the same time whichever it is.
    pub fn is_among(&self, known: &[Self]) -> bool {
        let none = Choice::from(0);
        known.iter().fold(none, |found, one| found | one.0.ct_eq(&self.0)).into()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Shows nothing: what is logged by accident is not to be tried out at leisure.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

/// Makes a password of so many random bits, [`BITS_MAX`] at most, as hexadecimal digits.
pub fn generate(bits: usize) -> io::Result<String> {
    let digits = bits.div_ceil(4);
    let mut bytes = vec![0; digits.div_ceil(2)];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())?;
    }
    let digit = |byte: u8| char::from_digit(u32::from(byte), 16).unwrap_or_default();
    let all = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]);
    Ok(all.take(digits).collect())
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_the_standard() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), known);
        assert_eq!(Digest::parse(known.as_bytes()), Some(digest.clone()));
        assert!(digest.is_among(&[Digest::of(b"x"), digest.clone()]));
        assert!(!digest.is_among(&[Digest::of(b"x")]));
        assert_eq!(format!("{digest:?}"), "Digest");
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let known = Digest::of(b"abc").to_string();
        for text in ["", "ab", &known[1..], &format!("{known}0"), &known.to_ascii_uppercase()] {
            assert_eq!(Digest::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Digest::parse(&[0xff; DIGITS]), None);
    }

    #[test]
    fn a_password_has_a_digit_for_each_four_bits() {
        for (bits, digits) in [(1, 1), (4, 1), (5, 2), (256, 64), (4095, 1024), (4096, 1024)] {
            let password = generate(bits).unwrap();
            assert_eq!(password.len(), digits, "{bits}");
            assert!(password.bytes().all(|byte| digit(byte).is_some()), "{password}");
        }
        assert_ne!(generate(256).unwrap(), generate(256).unwrap());
    }
}
