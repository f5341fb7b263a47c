//! Puts elements in order, by numbers or by bytes.
//!
//! An order by numbers is total, as in stock: where numbers are equal, the bytes of the elements decide.
//! With `ALPHA` bytes are compared as where `LC_COLLATE` is `C`: up to a zero byte, or all of them if
//! the result is stored. What is equal then stays in the order it has, which of a set nobody knows
//! elsewhere, so there the elements decide as well.

use std::cmp::Ordering;

use crate::command::{Data, Fault};
use crate::number::parse_f64_strict;

use super::options::{By, Options};
use super::pattern::{Pattern, c_text};
use super::result::Copied;

const NOT_A_WEIGHT: Fault = Fault::fixed("ERR One or more scores can't be converted into double");

/// Whether elements have an order of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Sequence,
    Set,
}

/// Sorts elements by what they are, unless they are not to be sorted.
pub(super) fn by_themselves<'e>(
    mut elements: Vec<&'e [u8]>,
    options: &Options<'_>,
) -> Result<Vec<&'e [u8]>, Fault> {
    if options.by == By::Nothing {
        return Ok(elements);
    }
    if options.alpha {
        elements.sort_by(|a, b| directed(compare_text(a, b, options), options));
        return Ok(elements);
    }
    let weighed = elements.into_iter().map(|element| Some((weight(element)?, element)));
    let weighed = weighed.collect::<Option<Vec<_>>>().ok_or(NOT_A_WEIGHT)?;
    Ok(by_numbers(weighed, options))
}

/// Sorts elements by the values of other keys.
///
/// An element without such a value has the number zero; in an order of bytes it comes first.
pub(super) fn by_others<'e>(
    data: &mut Data<'_, '_>,
    elements: Vec<&'e [u8]>,
    pattern: Pattern<'_>,
    origin: Origin,
    options: &Options<'_>,
) -> Result<Vec<&'e [u8]>, Fault> {
    let mut name = Vec::new();
    if !options.alpha {
        let mut weighed = Vec::with_capacity(elements.len());
        // All of them are looked for, whatever the first ones hold.
        let mut are_numbers = true;
        for element in elements {
            let found =
                pattern.look_up(data, element, &mut name, |found| found.map_or(Some(0.0), weight));
            are_numbers &= found.is_some();
            weighed.push((found.unwrap_or_default(), element));
        }
        return if are_numbers { Ok(by_numbers(weighed, options)) } else { Err(NOT_A_WEIGHT) };
    }
    let mut weights = Copied::default();
    for element in &elements {
        pattern.look_up(data, element, &mut name, |found| weights.push(found));
    }
    let mut weighed: Vec<_> = weights.iter().zip(elements).collect();
    weighed.sort_by(|(a, element), (b, other)| {
        let by_weight = match (a, b) {
            (Some(a), Some(b)) => compare_text(a, b, options),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        let undecided = by_weight == Ordering::Equal && origin == Origin::Set;
        directed(if undecided { element.cmp(other) } else { by_weight }, options)
    });
    Ok(weighed.into_iter().map(|(_, element)| element).collect())
}

fn by_numbers<'e>(mut weighed: Vec<(f64, &'e [u8])>, options: &Options<'_>) -> Vec<&'e [u8]> {
    weighed.sort_by(|(a, element), (b, other)| {
        let by_weight = a.partial_cmp(b).expect("no weight is NaN");
        directed(by_weight.then_with(|| element.cmp(other)), options)
    });
    weighed.into_iter().map(|(_, element)| element).collect()
}

fn compare_text(a: &[u8], b: &[u8], options: &Options<'_>) -> Ordering {
    if options.destination.is_some() { a.cmp(b) } else { c_text(a).cmp(c_text(b)) }
}

fn directed(ordering: Ordering, options: &Options<'_>) -> Ordering {
    if options.descends { ordering.reverse() } else { ordering }
}

/// Reads a number as C's `strtod` does up to a zero byte; nothing at all is zero.
fn weight(text: &[u8]) -> Option<f64> {
    let text = c_text(text);
    if text.is_empty() {
        return Some(0.0);
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte))?;
    parse_f64_strict(&text[start..]).filter(|number| !number.is_subnormal())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_as_c_reads_them() {
        for (text, number) in [
            ("", Some(0.0)),
            (" \t12", Some(12.0)),
            ("-1.5e3", Some(-1500.0)),
            ("0x10", Some(16.0)),
            ("-inf", Some(f64::NEG_INFINITY)),
            ("1\0abc", Some(1.0)),
            ("\0abc", Some(0.0)),
            (" ", None),
            ("1 ", None),
            ("nan", None),
            ("1e400", None),
            ("1e-310", None),
            ("abc", None),
        ] {
            assert_eq!(weight(text.as_bytes()), number, "{text:?}");
        }
    }
}
