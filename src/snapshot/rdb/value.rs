//! Reads values, whatever their type and layout, or passes over them.

use std::io::Read;

use super::elements::{Elements, Found, Pairs, Scored, Strings};
use super::encoding::{Layout, Packing, ScoreForm, Shape};
use super::format as rdb;
use super::source::{DecodeError, PackedError, Source};
use super::stream::{self, Stream};
use super::{intset, ziplist, zipmap};
use crate::listpack::{self, Element, ListpackError};

/// The longest score in digits.
const SCORE_DIGITS_MAX: usize = 252;

/// A key's value.
///
/// Aggregates may be empty, as files of servers with a bug have them: stock servers take such a key
/// for absent, unless it is a stream. Sets, sorted sets and hashes of a damaged file may name something twice, which is for
/// those to find who collect it.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A string.
    String(&'a [u8]),
    /// A list.
    List(Strings<'a>),
    /// A set.
    Set(Strings<'a>),
    /// A sorted set; no score is NaN, and the members come in any order.
    SortedSet(Scored<'a>),
    /// A hash.
    Hash(Pairs<'a>),
    /// A stream.
    Stream(&'a Stream),
}

impl<'a> Value<'a> {
    /// Views what was read; a string is all there is in it.
    pub(super) fn of(shape: Shape, elements: &'a Elements) -> Self {
        match shape {
            Shape::String => Self::String(elements.all()),
            Shape::List => Self::List(elements.strings()),
            Shape::Set => Self::Set(elements.strings()),
            Shape::SortedSet => Self::SortedSet(elements.scored()),
            Shape::Hash => Self::Hash(elements.pairs()),
            Shape::Stream => Self::Stream(&elements.stream),
        }
    }

    /// Tells whether it is an aggregate without elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::String(_) | Self::Stream(_) => false,
            Self::List(elements) | Self::Set(elements) => elements.is_empty(),
            Self::SortedSet(members) => members.is_empty(),
            Self::Hash(pairs) => pairs.is_empty(),
        }
    }
}

/// Reads a value into `elements`; `key` is named in errors.
pub(super) fn read<R: Read>(
    source: &mut Source<R>,
    elements: &mut Elements,
    (shape, layout): (Shape, Layout),
    key: &[u8],
) -> Result<(), DecodeError> {
    elements.clear();
    match layout {
        Layout::String => push_string(source, elements),
        Layout::Strings => {
            for _ in 0..strings_in(source, shape)? {
                push_string(source, elements)?;
                within_limit(source, elements)?;
            }
            Ok(())
        }
        Layout::Scored(form) => {
            for _ in 0..source.length()? {
                push_string(source, elements)?;
                within_limit(source, elements)?;
                elements.push_score(read_score(source, form)?);
            }
            Ok(())
        }
        Layout::Packed(packing) => {
            push_packed(source, elements, packing, key)?;
            settle(elements, shape).map_err(|error| packed_error(source, key, error))
        }
        Layout::Ziplists => {
            for _ in 0..source.length()? {
                push_packed(source, elements, Packing::Ziplist, key)?;
                within_limit(source, elements)?;
            }
            Ok(())
        }
        Layout::Stream(form) => stream::read(source, &mut elements.stream, form, key),
        Layout::Nodes => {
            for _ in 0..source.length()? {
                match source.length()? {
                    rdb::NODE_PLAIN => push_string(source, elements)?,
                    rdb::NODE_PACKED => push_packed(source, elements, Packing::Listpack, key)?,
                    _ => return Err(source.malformed("a list's node of unknown kind")),
                }
                within_limit(source, elements)?;
            }
            Ok(())
        }
    }
}

/// Passes over a value, and looks at nothing but where it ends.
pub(super) fn skip<R: Read>(
    source: &mut Source<R>,
    (shape, layout): (Shape, Layout),
) -> Result<(), DecodeError> {
    match layout {
        Layout::String | Layout::Packed(_) => source.skip_string(),
        Layout::Strings => {
            let strings = strings_in(source, shape)?;
            (0..strings).try_for_each(|_| source.skip_string())
        }
        Layout::Ziplists => {
            let nodes = source.length()?;
            (0..nodes).try_for_each(|_| source.skip_string())
        }
        Layout::Stream(form) => stream::skip(source, form),
        Layout::Nodes => {
            for _ in 0..source.length()? {
                source.length()?;
                source.skip_string()?;
            }
            Ok(())
        }
        Layout::Scored(form) => {
            for _ in 0..source.length()? {
                source.skip_string()?;
                match form {
                    ScoreForm::Binary => source.skip(size_of::<f64>() as u64)?,
                    ScoreForm::Text => {
                        let len = source.byte()?;
                        if usize::from(len) <= SCORE_DIGITS_MAX {
                            source.skip(u64::from(len))?;
                        }
                    }
                }
            }
            Ok(())
        }
    }
}

/// Reads how many strings follow.
fn strings_in<R: Read>(source: &mut Source<R>, shape: Shape) -> Result<u64, DecodeError> {
    let count = source.length()?;
    if shape != Shape::Hash {
        return Ok(count);
    }
    count.checked_mul(2).ok_or_else(|| source.malformed("a hash of more fields than can be"))
}

fn push_string<R: Read>(
    source: &mut Source<R>,
    elements: &mut Elements,
) -> Result<(), DecodeError> {
    let start = elements.append(|bytes| source.string(bytes))?;
    elements.push_from(start);
    Ok(())
}

fn push_packed<R: Read>(
    source: &mut Source<R>,
    elements: &mut Elements,
    packing: Packing,
    key: &[u8],
) -> Result<(), DecodeError> {
    let start = elements.append(|bytes| source.string(bytes))?;
    let found: Result<(), PackedError> = match packing {
        Packing::Zipmap => elements.unpack(start, zipmap::read).map_err(Into::into),
        Packing::Ziplist => elements.unpack(start, ziplist::read).map_err(Into::into),
        Packing::Intset => elements.unpack(start, intset::read).map_err(Into::into),
        Packing::Listpack => elements.unpack(start, read_listpack).map_err(Into::into),
    };
    found.map_err(|error| packed_error(source, key, error))
}

/// Adds the entries of a listpack to those found.
pub(super) fn read_listpack(bytes: &[u8], found: &mut Found<'_>) -> Result<(), ListpackError> {
    let mut reader = listpack::Reader::new(bytes)?;
    while let Some(element) = reader.next_element()? {
        match element {
            Element::Integer(integer) => found.push_integer(integer),
            Element::Bytes(bytes) => found.push(bytes),
        }
    }
    Ok(())
}

fn packed_error<R: Read>(source: &Source<R>, key: &[u8], error: PackedError) -> DecodeError {
    DecodeError::Packed { key: key.to_vec(), offset: source.offset(), source: error }
}

/// Sees to it that what was packed goes in twos where it must.
fn settle(elements: &mut Elements, shape: Shape) -> Result<(), PackedError> {
    let goes_in_twos = matches!(shape, Shape::Hash | Shape::SortedSet);
    if goes_in_twos && !elements.count().is_multiple_of(2) {
        return Err(PackedError::Odd);
    }
    match shape {
        Shape::SortedSet => elements.split_scores().ok_or(PackedError::Score),
        _ => Ok(()),
    }
}

fn read_score<R: Read>(source: &mut Source<R>, form: ScoreForm) -> Result<f64, DecodeError> {
    let score = match form {
        ScoreForm::Binary => f64::from_le_bytes(source.array()?),
        ScoreForm::Text => match source.byte()? {
            rdb::SCORE_NAN => f64::NAN,
            rdb::SCORE_INFINITY => f64::INFINITY,
            rdb::SCORE_NEGATIVE_INFINITY => f64::NEG_INFINITY,
            len => {
                let mut digits = [0; SCORE_DIGITS_MAX];
                let digits = &mut digits[..usize::from(len)];
                for digit in &mut *digits {
                    *digit = source.byte()?;
                }
                let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
                number.unwrap_or(f64::NAN)
            }
        },
    };
    if score.is_nan() { Err(source.malformed("a score that is not a number")) } else { Ok(score) }
}

fn within_limit<R: Read>(source: &Source<R>, elements: &Elements) -> Result<(), DecodeError> {
    let (len, max) = (elements.bytes(), source.limits().value_bytes_max);
    if len <= max {
        return Ok(());
    }
    Err(DecodeError::TooLong { what: "a value", len, max, offset: source.offset() })
}
