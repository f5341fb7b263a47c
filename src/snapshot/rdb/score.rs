//! Scores as packed sorted sets hold them: integers where they can be, otherwise text.

use super::format as rdb;
use crate::number::{format_17_digits, format_double};

/// How a score is packed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Packed {
    Integer(i64),
    Text(String),
}

/// Packs a score as the first servers to write this version of the format do.
///
/// Until 7.0 they print 17 digits, afterwards as many as tell the number from its neighbours.
pub(super) fn pack(score: f64, version: u32) -> Packed {
    if let Some(integer) = integer(score, version) {
        return Packed::Integer(integer);
    }
    let is_short = version >= rdb::VERSION_SET_LISTPACK_MIN;
    Packed::Text(if is_short { shortest(score) } else { format_17_digits(score) })
}

fn shortest(score: f64) -> String {
    String::from_utf8_lossy(format_double(score).as_bytes()).into_owned()
}

fn integer(score: f64, version: u32) -> Option<i64> {
    // Servers from 7.0 on pack negative zero as zero; who holds it as it is would lose it.
    if score == 0.0 && score.is_sign_negative() {
        return None;
    }
    let bound = if version < rdb::VERSION_LISTPACK_MIN {
        (1u64 << 52) as f64 - 1.0
    } else {
        (1u64 << 62) as f64
    };
    let is_integer = score.abs() <= bound && score.fract() == 0.0;
    is_integer.then_some(score as i64)
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    fn text(score: f64, version: u32) -> String {
        match pack(score, version) {
            Packed::Integer(integer) => format!("#{integer}"),
            Packed::Text(text) => text,
        }
    }

    #[test]
    fn scores_are_packed_as_servers_of_that_version_do() {
        for (score, old, v7_0, v7_2) in [
            (0.0, "#0", "#0", "#0"),
            (-0.0, "-0", "-0", "-0"),
            (17.0, "#17", "#17", "#17"),
            (-1.5, "-1.5", "-1.5", "-1.5"),
            (0.1, "0.10000000000000001", "0.10000000000000001", "0.1"),
            (1e-7, "9.9999999999999995e-08", "9.9999999999999995e-08", "1e-7"),
            (3e-5, "3.0000000000000001e-05", "3.0000000000000001e-05", "0.00003"),
            (1.25e-10, "1.2500000000000001e-10", "1.2500000000000001e-10", "1.25e-10"),
            (1e17, "1e+17", "#100000000000000000", "#100000000000000000"),
            (1e20, "1e+20", "1e+20", "1e+20"),
            (-1e25, "-1.0000000000000001e+25", "-1.0000000000000001e+25", "-1e+25"),
            (
                123_456_789_012_345_680_000.0,
                "1.2345678901234568e+20",
                "1.2345678901234568e+20",
                "123456789012345680000",
            ),
            (4.5e15, "#4500000000000000", "#4500000000000000", "#4500000000000000"),
            (1234.5678, "1234.5678", "1234.5678", "1234.5678"),
            (f64::INFINITY, "inf", "inf", "inf"),
            (f64::NEG_INFINITY, "-inf", "-inf", "-inf"),
        ] {
            let texts = [9, 10, 11].map(|version| text(score, version));
            assert_eq!(texts, [old, v7_0, v7_2]);
        }
    }

    proptest! {
        #[test]
        fn any_score_is_the_same_when_read_again(bits in any::<u64>(), version in 9u32..=11) {
            let score = f64::from_bits(bits);
            if !score.is_nan() {
                let again = match pack(score, version) {
                    Packed::Integer(integer) => integer as f64,
                    Packed::Text(text) => text.parse().unwrap(),
                };
                prop_assert_eq!(again.total_cmp(&score), Ordering::Equal);
            }
        }
    }
}
