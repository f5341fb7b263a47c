//! The decoder's input: buffered, counted and summed.

use std::hint::black_box;
use std::io::{self, ErrorKind, Read};

use super::crc64::crc64;
use super::format::{
    LENGTH_6, LENGTH_14, LENGTH_32, LENGTH_64, STRING_INT8, STRING_INT16, STRING_INT32, STRING_LZF,
    module_name,
};
use super::intset::IntsetError;
use super::lzf::{self, LzfError};
use super::plain::{Plain, plain};
use super::ziplist::ZiplistError;
use super::zipmap::ZipmapError;
use crate::listpack::ListpackError;
use crate::listpack::entries::EntriesError;

const BUFFER_BYTES: usize = 256 << 10;

/// How large what a file announces may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest key, string, field, or packed aggregate, unpacked.
    pub string_bytes_max: u64,
    /// The most bytes all elements of one value may take together.
    pub value_bytes_max: u64,
}

impl Default for Limits {
    /// What stock servers can hold: strings of 512 MiB, packed values of 1 GiB, others without bound.
    fn default() -> Self {
        Self { string_bytes_max: 1 << 30, value_bytes_max: u64::MAX }
    }
}

/// What is said of a module: left out, its data would be lost.
const WITHOUT_MODULES: &str = "which is not supported, and nothing is left out. Copy the other \
     keys into a server without the module, and take its RDB file";

/// The number of a module's type, which encodes its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleName(pub u64);

impl std::fmt::Display for ModuleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{}'", module_name(self.0))
    }
}

/// Why an RDB file cannot be read on; every variant names the place.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The source of the bytes failed.
    #[error("reading the RDB file at byte {offset}: {source}")]
    Io {
        /// Bytes read before the failure.
        offset: u64,
        /// What the operating system said.
        source: io::Error,
    },
    /// The bytes end before the RDB file does.
    #[error("the RDB file ends too early, at byte {offset}")]
    Truncated {
        /// How many bytes there were.
        offset: u64,
    },
    /// The first bytes are not those of an RDB file.
    #[error("not an RDB file: it does not begin with \"REDIS\" and four digits")]
    Magic,
    /// The file is of a version that is not known.
    #[error(
        "RDB version {version} is not supported: versions 1 to {} are, which Redis up to 7.2 and Valkey \
         up to 8 write. Load it with a server that can, and copy its keys from there by commands",
        super::format::VERSION_MAX
    )]
    Version {
        /// The version in the header.
        version: u32,
    },
    /// The file holds a value of a type that cannot be held.
    #[error(
        "key \"{}\" at byte {offset} of the RDB file (version {version}) is a {name} (type {code}), which is not supported, and nothing is left out. Remove the key where the file is from, or move it to another server",
        key.escape_ascii()
    )]
    UnsupportedType {
        /// The type in words.
        name: &'static str,
        /// The type's number.
        code: u8,
        /// The key.
        key: Vec<u8>,
        /// Where the type byte stands.
        offset: u64,
        /// The version in the header.
        version: u32,
    },
    /// The file holds something beside keys that cannot be held.
    #[error("the RDB file holds {name} at byte {offset}, which is not supported")]
    UnsupportedOpcode {
        /// The thing in words.
        name: &'static str,
        /// Where it begins.
        offset: u64,
    },
    /// A module keeps something beside keys.
    #[error("the RDB file holds data of the module {module} at byte {offset}, {WITHOUT_MODULES}")]
    ModuleData {
        /// The module's type.
        module: ModuleName,
        /// Where it begins.
        offset: u64,
    },
    /// A key holds a module's value.
    #[error(
        "key \"{}\" at byte {offset} of the RDB file is a value of the module {module}, \
         {WITHOUT_MODULES}",
        key.escape_ascii()
    )]
    ModuleValue {
        /// The module's type.
        module: ModuleName,
        /// The key.
        key: Vec<u8>,
        /// Where the type byte stands.
        offset: u64,
    },
    /// Something is larger than allowed.
    #[error("{what} of {len} bytes at byte {offset} of the RDB file exceeds the limit of {max}")]
    TooLong {
        /// What is too large.
        what: &'static str,
        /// The size that the file announces.
        len: u64,
        /// The limit.
        max: u64,
        /// Where the announcement ends.
        offset: u64,
    },
    /// A value makes no sense.
    #[error("{what} at byte {offset} of the RDB file")]
    Malformed {
        /// What makes no sense.
        what: &'static str,
        /// Where it ends.
        offset: u64,
    },
    /// A compressed string is damaged.
    #[error("a compressed string that ends at byte {offset} of the RDB file: {source}")]
    Lzf {
        /// Where the string ends.
        offset: u64,
        /// The damage.
        source: LzfError,
    },
    /// A packed aggregate value is damaged.
    #[error("the value of key \"{}\" that ends at byte {offset} of the RDB file: {source}", key.escape_ascii())]
    Packed {
        /// The key.
        key: Vec<u8>,
        /// Where the value ends.
        offset: u64,
        /// The damage.
        source: PackedError,
    },
    /// A value names something twice that it can have once only.
    #[error("the value of key \"{}\" of the RDB file has the same {what} twice", key.escape_ascii())]
    Duplicate {
        /// What it has twice.
        what: &'static str,
        /// The key.
        key: Vec<u8>,
    },
    /// The checksum at the end is not that of the bytes.
    #[error(
        "the RDB file's checksum is {computed:016x}, but it ends in {stored:016x}: it is damaged"
    )]
    Checksum {
        /// The sum of the bytes read.
        computed: u64,
        /// The sum in the file.
        stored: u64,
    },
}

/// Why a packed aggregate value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackedError {
    /// It is not a listpack.
    #[error(transparent)]
    Listpack(#[from] ListpackError),
    /// It is not a ziplist.
    #[error(transparent)]
    Ziplist(#[from] ZiplistError),
    /// It is not a zipmap.
    #[error(transparent)]
    Zipmap(#[from] ZipmapError),
    /// It is not an intset.
    #[error(transparent)]
    Intset(#[from] IntsetError),
    /// It does not hold the entries of a stream.
    #[error(transparent)]
    Entries(#[from] EntriesError),
    /// A hash has a field without a value, or a sorted set a member without a score.
    #[error("the last field or member has no value")]
    Odd,
    /// A sorted set has a score that is not a number.
    #[error("a score is not a number")]
    Score,
}

/// A length, or the special string encoding that stands in its place.
enum Prefix {
    Length(u64),
    Special(u8),
}

/// Reads primitives; sums the bytes a buffer at a time.
#[derive(Debug)]
pub(super) struct Source<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The next byte to hand out.
    at: usize,
    /// Where the buffer's bytes end.
    end: usize,
    /// Up to where `crc` covers the buffer.
    summed: usize,
    crc: u64,
    /// Where in the file the buffer begins.
    base: u64,
    limits: Limits,
    compressed: Vec<u8>,
    /// Where in the buffer what is kept begins; `None`: nothing is.
    kept_from: Option<usize>,
    /// What is kept and no longer in the buffer.
    kept: Vec<u8>,
}

/// Bytes that were handed out, as they lie in the file: the end of one buffer, and the next one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept<'a>(pub(super) [&'a [u8]; 2]);

impl Source<io::Empty> {
    /// Makes a source of bytes that are all there.
    pub(super) fn of(bytes: Vec<u8>, limits: Limits) -> Self {
        let end = bytes.len();
        Self::with_buffer(io::empty(), limits, bytes, end)
    }

    /// Goes on at a place in its bytes, and says where in a file that lay.
    pub(super) fn seek(&mut self, at: usize, offset: u64) {
        self.at = at;
        self.base = offset.wrapping_sub(at as u64);
    }

    /// Reads a byte, for nothing but to have its neighbourhood at hand.
    #[inline]
    pub(super) fn fetch(&self, at: usize) {
        black_box(self.buffer.get(at).copied());
    }
}

impl<R: Read> Source<R> {
    pub(super) fn new(reader: R, limits: Limits) -> Self {
        Self::with_buffer(reader, limits, vec![0; BUFFER_BYTES], 0)
    }

    fn with_buffer(reader: R, limits: Limits, buffer: Vec<u8>, end: usize) -> Self {
        Self {
            reader,
            buffer,
            at: 0,
            end,
            summed: 0,
            crc: 0,
            base: 0,
            limits,
            compressed: Vec::new(),
            kept_from: None,
            kept: Vec::new(),
        }
    }

    /// Keeps what is handed out from now on.
    pub(super) fn keep(&mut self) {
        self.kept.clear();
        self.kept_from = Some(self.at);
    }

    /// Returns what was handed out since [`Self::keep`].
    pub(super) fn kept(&self) -> Kept<'_> {
        Kept([&self.kept, &self.buffer[self.kept_from.unwrap_or(self.at)..self.at]])
    }

    /// Tells how many bytes have been handed out.
    pub(super) fn offset(&self) -> u64 {
        self.base.wrapping_add(self.at as u64)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the sum of all bytes handed out so far.
    pub(super) fn checksum(&mut self) -> u64 {
        self.crc = crc64(self.crc, &self.buffer[self.summed..self.at]);
        self.summed = self.at;
        self.crc
    }

    /// Gives back the reader and the bytes read from it beyond those handed out.
    pub(super) fn into_parts(self) -> (R, Vec<u8>) {
        (self.reader, self.buffer[self.at..self.end].to_vec())
    }

    /// Hands out a plain entry, if that is what comes next and all of it is in the buffer.
    ///
    /// It names places in what [`Self::buffered`] returns.
    #[inline]
    pub(super) fn plain(&mut self) -> Option<Plain> {
        let plain = plain(&self.buffer[..self.end], self.at, self.limits.string_bytes_max)?;
        self.at = plain.value.end;
        Some(plain)
    }

    /// Borrows the whole buffer, whatever of it was handed out.
    #[inline]
    pub(super) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// Tells where in the buffer the next byte lies.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed { what, offset: self.offset() }
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        if self.at == self.end {
            self.fill()?;
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        if let Some(array) = self.buffer[self.at..self.end].first_chunk() {
            self.at += N;
            return Ok(*array);
        }
        let mut array = [0; N];
        for byte in &mut array {
            *byte = self.byte()?;
        }
        Ok(array)
    }

    /// Appends `len` bytes to `out`, which grows no faster than bytes arrive.
    pub(super) fn append(&mut self, len: u64, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let mut left = len;
        while left > 0 {
            if self.at == self.end {
                self.fill()?;
            }
            let count = left.min((self.end - self.at) as u64) as usize;
            out.extend_from_slice(&self.buffer[self.at..self.at + count]);
            self.at += count;
            left -= count as u64;
        }
        Ok(())
    }

    /// Passes over `len` bytes.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), DecodeError> {
        let mut left = len;
        while left > 0 {
            if self.at == self.end {
                self.fill()?;
            }
            let count = left.min((self.end - self.at) as u64) as usize;
            self.at += count;
            left -= count as u64;
        }
        Ok(())
    }

    /// Passes over a string, whatever its encoding.
    pub(super) fn skip_string(&mut self) -> Result<(), DecodeError> {
        let len = match self.prefix()? {
            Prefix::Length(len) => len,
            Prefix::Special(STRING_INT8) => 1,
            Prefix::Special(STRING_INT16) => 2,
            Prefix::Special(STRING_INT32) => 4,
            Prefix::Special(STRING_LZF) => {
                let compressed_len = self.length()?;
                self.length()?;
                compressed_len
            }
            Prefix::Special(_) => return Err(self.malformed("an unknown string encoding")),
        };
        self.within_limit("a string", len)?;
        self.skip(len)
    }

    pub(super) fn length(&mut self) -> Result<u64, DecodeError> {
        match self.prefix()? {
            Prefix::Length(length) => Ok(length),
            Prefix::Special(_) => Err(self.malformed("a string encoding in the place of a length")),
        }
    }

    /// Appends a string, whatever its encoding, to `out`; returns nothing but its bytes.
    pub(super) fn string(&mut self, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let integer = match self.prefix()? {
            Prefix::Length(len) => {
                self.within_limit("a string", len)?;
                return self.append(len, out);
            }
            Prefix::Special(STRING_INT8) => i64::from(i8::from_le_bytes(self.array()?)),
            Prefix::Special(STRING_INT16) => i64::from(i16::from_le_bytes(self.array()?)),
            Prefix::Special(STRING_INT32) => i64::from(i32::from_le_bytes(self.array()?)),
            Prefix::Special(STRING_LZF) => return self.lzf_string(out),
            Prefix::Special(_) => return Err(self.malformed("an unknown string encoding")),
        };
        out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
        Ok(())
    }

    fn lzf_string(&mut self, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let compressed_len = self.length()?;
        let len = self.length()?;
        self.within_limit("a compressed string", compressed_len)?;
        self.within_limit("a string", len)?;
        let mut compressed = std::mem::take(&mut self.compressed);
        compressed.clear();
        self.append(compressed_len, &mut compressed)?;
        let result = lzf::decompress(&compressed, len as usize, out);
        self.compressed = compressed;
        result.map_err(|source| DecodeError::Lzf { offset: self.offset(), source })
    }

    fn within_limit(&self, what: &'static str, len: u64) -> Result<(), DecodeError> {
        let max = self.limits.string_bytes_max;
        if len <= max {
            Ok(())
        } else {
            Err(DecodeError::TooLong { what, len, max, offset: self.offset() })
        }
    }

    fn prefix(&mut self) -> Result<Prefix, DecodeError> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match first >> 6 {
            LENGTH_6 => Prefix::Length(u64::from(low)),
            LENGTH_14 => Prefix::Length(u64::from(low) << 8 | u64::from(self.byte()?)),
            _ => match first {
                LENGTH_32 => Prefix::Length(u64::from(u32::from_be_bytes(self.array()?))),
                LENGTH_64 => Prefix::Length(u64::from_be_bytes(self.array()?)),
                0xc0.. => Prefix::Special(first),
                _ => return Err(self.malformed("an unknown length encoding")),
            },
        })
    }

    #[cold]
    fn fill(&mut self) -> Result<(), DecodeError> {
        self.checksum();
        if let Some(from) = &mut self.kept_from {
            self.kept.extend_from_slice(&self.buffer[*from..self.end]);
            *from = 0;
        }
        self.base = self.base.wrapping_add(self.end as u64);
        (self.at, self.end, self.summed) = (0, 0, 0);
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => return Err(DecodeError::Truncated { offset: self.base }),
                Ok(count) => {
                    self.end = count;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(DecodeError::Io { offset: self.base, source }),
            }
        }
    }
}
