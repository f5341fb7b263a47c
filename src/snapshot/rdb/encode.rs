//! Writes an RDB file item by item.

use crate::number::parse_i64_strict;
use std::io::{self, Write};

use super::crc64::crc64;
use super::format as rdb;
use super::lzf::Compressor;
use super::packer::Packer;
use crate::position::Position;

mod aggregates;

/// Little enough that whoever paces the writing keeps to it within large values too.
const BUFFER_BYTES: usize = 128 << 10;
/// Strings of this size or less are not worth compressing.
const COMPRESS_BYTES_MIN: usize = 21;
/// Compression must save at least this.
const COMPRESS_GAIN_MIN: usize = 4;
/// No decimal form of an integer of 32 bits is longer.
const INTEGER_DIGITS_MAX: usize = 11;

/// How a file is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The version of the format, 9 to 11; replicas refuse one they do not know.
    pub version: u32,
    /// Directive `rdbcompression`.
    pub compression: Compression,
    /// Directive `rdbchecksum`.
    pub checksum: Checksum,
    /// Which hashes are packed: by their fields, and the bytes of a field or value.
    pub hashes: Small,
    /// Which sets are packed: by their members, and the bytes of one.
    pub sets: Small,
    /// Which sorted sets are packed: by their members, and the bytes of one.
    pub sorted_sets: Small,
    /// Sets of more integers than this are not written as intsets: directive
    /// `set-max-intset-entries`.
    pub intset_members_max: usize,
    /// How large the nodes of a list may be: directive `list-max-listpack-size`.
    pub list_node_max: i64,
}

/// Which aggregates are small enough to be packed into one string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Small {
    /// The most fields or members: directive `…-max-listpack-entries`.
    pub entries_max: usize,
    /// The most bytes of one: directive `…-max-listpack-value`.
    pub bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: rdb::VERSION,
            compression: Compression::Lzf,
            checksum: Checksum::Written,
            hashes: Small { entries_max: 512, bytes_max: 64 },
            sets: Small { entries_max: 128, bytes_max: 64 },
            sorted_sets: Small { entries_max: 128, bytes_max: 64 },
            intset_members_max: 512,
            list_node_max: -2,
        }
    }
}

/// Whether strings are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Strings are written as they are.
    None,
    /// Strings of more than 20 bytes are compressed where that helps.
    Lzf,
}

/// Whether the file ends in its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The file ends in its checksum.
    Written,
    /// The file ends in zero; readers check nothing.
    Omitted,
}

/// Why an RDB file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The bytes could not be written.
    #[error("writing the RDB file at byte {offset}: {source}")]
    Io {
        /// Bytes written before.
        offset: u64,
        /// What the operating system said.
        source: io::Error,
    },
    /// The version asked for is not one that can be written.
    #[error("RDB version {version} cannot be written: versions 9 to 11 can")]
    Version {
        /// The version asked for.
        version: u32,
    },
}

/// The facts about itself that a file begins with.
#[derive(Clone, Copy, Debug)]
pub struct Preamble<'a> {
    /// The Redis version that the server claims to be.
    pub redis_version: &'a str,
    /// Now, in seconds of Unix time.
    pub created_seconds: u64,
    /// Memory in use.
    pub used_memory_bytes: u64,
    /// Which history this is a state of, and how much of it the state contains.
    pub position: Position,
    /// The database the stream has selected there; the next write's SELECT may be missing.
    pub stream_db: u64,
}

/// What a finished file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its size.
    pub bytes: u64,
    /// The checksum of all but its last eight bytes, whether or not these hold it.
    pub checksum: u64,
    /// The version of its format.
    pub version: u32,
}

/// What there is around the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// A file, and for each value its key.
    File,
    /// Nothing but the type.
    Payload,
}

/// Writes an RDB file.
///
/// Keys come between [`Self::select_db`] and the next; each type of value is one method. The caller
/// sees to it that every key comes once. Bytes reach `out` some 128 KiB at a time.
#[derive(Debug)]
pub struct Encoder<W> {
    out: W,
    options: Options,
    frame: Frame,
    buffer: Vec<u8>,
    /// Bytes already handed to `out`, which `crc` covers.
    written: u64,
    crc: u64,
    compressor: Compressor,
    compressed: Vec<u8>,
    packer: Packer,
    integers: Vec<i64>,
}

impl<W: Write> Encoder<W> {
    /// Writes the header.
    pub fn new(out: W, options: Options) -> Result<Self, EncodeError> {
        let mut encoder = Self::with_frame(out, options, Frame::File)?;
        encoder.buffer.reserve(2 * BUFFER_BYTES);
        encoder.buffer.extend_from_slice(rdb::MAGIC);
        encoder.buffer.extend_from_slice(format!("{:04}", options.version).as_bytes());
        Ok(encoder)
    }

    /// Begins a value that will have neither a key nor a file around it.
    pub(super) fn of_payload(out: W, options: Options) -> Result<Self, EncodeError> {
        Self::with_frame(out, options, Frame::Payload)
    }

    fn with_frame(out: W, options: Options, frame: Frame) -> Result<Self, EncodeError> {
        let version = options.version;
        if !(9..=11).contains(&version) {
            return Err(EncodeError::Version { version });
        }
        Ok(Self {
            out,
            options,
            frame,
            buffer: Vec::new(),
            written: 0,
            crc: 0,
            compressor: Compressor::default(),
            compressed: Vec::new(),
            packer: Packer::new(version),
            integers: Vec::new(),
        })
    }

    /// Writes what stands behind a value that has no file around it; gives `out` back.
    pub(super) fn finish_payload(mut self) -> Result<W, EncodeError> {
        self.buffer.extend_from_slice(&(self.options.version as u16).to_le_bytes());
        self.flush()?;
        self.buffer.extend_from_slice(&self.crc.to_le_bytes());
        self.flush()?;
        Ok(self.out)
    }

    /// Counts the bytes of the file so far.
    pub fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Writes the facts that every snapshot carries, in the words of stock servers.
    pub fn preamble(&mut self, preamble: &Preamble<'_>) -> Result<(), EncodeError> {
        let mut number = itoa::Buffer::new();
        self.aux(b"redis-ver", preamble.redis_version.as_bytes())?;
        self.aux(b"redis-bits", b"64")?;
        self.aux(b"ctime", number.format(preamble.created_seconds).as_bytes())?;
        self.aux(b"used-mem", number.format(preamble.used_memory_bytes).as_bytes())?;
        self.aux(b"repl-stream-db", number.format(preamble.stream_db).as_bytes())?;
        self.aux(b"repl-id", preamble.position.replid.to_string().as_bytes())?;
        self.aux(b"repl-offset", number.format(preamble.position.offset.0).as_bytes())?;
        self.aux(b"aof-base", b"0")
    }

    /// Writes one fact about the file.
    pub fn aux(&mut self, key: &[u8], value: &[u8]) -> Result<(), EncodeError> {
        self.buffer.push(rdb::OPCODE_AUX);
        self.put_string(key)?;
        self.put_string(value)?;
        self.spill()
    }

    /// Writes a library of functions; they come before the first database.
    pub fn function(&mut self, source: &[u8]) -> Result<(), EncodeError> {
        self.buffer.push(rdb::OPCODE_FUNCTION);
        self.put_string(source)?;
        self.spill()
    }

    /// Makes the keys that follow belong to database `db`.
    pub fn select_db(&mut self, db: u64) -> Result<(), EncodeError> {
        self.buffer.push(rdb::OPCODE_SELECT_DB);
        self.put_length(db);
        self.spill()
    }

    /// Tells how many keys the database selected has, and how many of them expire.
    ///
    /// Readers take it as a hint, so it need not be exact.
    pub fn resize_db(&mut self, keys: u64, expires: u64) -> Result<(), EncodeError> {
        self.buffer.push(rdb::OPCODE_RESIZE_DB);
        self.put_length(keys);
        self.put_length(expires);
        self.spill()
    }

    /// Writes a string; `expiry_ms` is in milliseconds of Unix time.
    pub fn string(
        &mut self,
        key: &[u8],
        expiry_ms: Option<i64>,
        value: &[u8],
    ) -> Result<(), EncodeError> {
        self.begin_entry(rdb::TYPE_STRING, key, expiry_ms)?;
        self.put_string(value)?;
        self.spill()
    }

    /// Writes a long string of `len` bytes that come in pieces.
    ///
    /// Each piece is compressed by itself, as long as that saves a quarter.
    pub fn string_in_pieces<'p>(
        &mut self,
        key: &[u8],
        expiry_ms: Option<i64>,
        len: usize,
        pieces: impl Iterator<Item = &'p [u8]> + Clone,
    ) -> Result<(), EncodeError> {
        self.begin_entry(rdb::TYPE_STRING, key, expiry_ms)?;
        if self.options.compression == Compression::Lzf
            && let Some(compressed) = self.compress_pieces(pieces.clone())
        {
            self.buffer.push(rdb::STRING_LZF);
            self.put_length(compressed.len() as u64);
            self.put_length(len as u64);
            self.put_bytes(&compressed)?;
            return self.spill();
        }
        self.put_length(len as u64);
        for piece in pieces {
            self.put_bytes(piece)?;
            self.spill()?;
        }
        Ok(())
    }

    /// Compresses pieces, of which nothing but their sequence can be told afterwards: what is copied
    /// is always of the same piece. None if it does not save enough.
    fn compress_pieces<'p>(&mut self, pieces: impl Iterator<Item = &'p [u8]>) -> Option<Vec<u8>> {
        /// What is looked at before the savings are judged.
        const SAMPLE_BYTES: usize = 1 << 20;
        let (mut all, mut taken) = (Vec::new(), 0);
        for piece in pieces {
            if !self.compressor.compress(piece, usize::MAX, &mut self.compressed) {
                return None;
            }
            all.extend_from_slice(&self.compressed);
            taken += piece.len();
            if taken >= SAMPLE_BYTES && all.len() > taken / 4 * 3 {
                return None;
            }
        }
        (all.len() <= taken / 4 * 3).then_some(all)
    }

    /// Writes a string that is the decimal form of `value`.
    pub fn integer(
        &mut self,
        key: &[u8],
        expiry_ms: Option<i64>,
        value: i64,
    ) -> Result<(), EncodeError> {
        self.begin_entry(rdb::TYPE_STRING, key, expiry_ms)?;
        match i32::try_from(value) {
            Ok(small) => self.put_integer(small),
            Err(_) => self.put_string(itoa::Buffer::new().format(value).as_bytes())?,
        }
        self.spill()
    }

    /// Writes the end and the checksum, and flushes; gives `out` back.
    pub fn finish(mut self) -> Result<(W, Finished), EncodeError> {
        self.buffer.push(rdb::OPCODE_EOF);
        self.flush()?;
        let checksum = self.crc;
        let stored = match self.options.checksum {
            Checksum::Written => checksum,
            Checksum::Omitted => 0,
        };
        self.buffer.extend_from_slice(&stored.to_le_bytes());
        self.flush()?;
        let offset = self.written;
        self.out.flush().map_err(|source| EncodeError::Io { offset, source })?;
        Ok((self.out, Finished { bytes: self.written, checksum, version: self.options.version }))
    }

    pub(super) fn begin_entry(
        &mut self,
        code: u8,
        key: &[u8],
        expiry_ms: Option<i64>,
    ) -> Result<(), EncodeError> {
        if self.frame == Frame::Payload {
            self.buffer.push(code);
            return Ok(());
        }
        if let Some(expiry_ms) = expiry_ms {
            self.buffer.push(rdb::OPCODE_EXPIRE_MS);
            self.buffer.extend_from_slice(&expiry_ms.to_le_bytes());
        }
        self.buffer.push(code);
        self.put_string(key)
    }

    pub(super) fn put_string(&mut self, string: &[u8]) -> Result<(), EncodeError> {
        if string.len() <= INTEGER_DIGITS_MAX
            && let Some(integer) = parse_i64_strict(string)
            && let Ok(integer) = i32::try_from(integer)
        {
            self.put_integer(integer);
            return Ok(());
        }
        if self.options.compression == Compression::Lzf && string.len() >= COMPRESS_BYTES_MIN {
            let mut compressed = std::mem::take(&mut self.compressed);
            let size_max = string.len() - COMPRESS_GAIN_MIN;
            let shrinks = self.compressor.compress(string, size_max, &mut compressed);
            if shrinks {
                self.buffer.push(rdb::STRING_LZF);
                self.put_length(compressed.len() as u64);
                self.put_length(string.len() as u64);
            }
            let put = if shrinks { self.put_bytes(&compressed) } else { Ok(()) };
            self.compressed = compressed;
            if shrinks {
                return put;
            }
        }
        self.put_length(string.len() as u64);
        self.put_bytes(string)
    }

    fn put_integer(&mut self, n: i32) {
        if let Ok(n) = i8::try_from(n) {
            self.buffer.extend_from_slice(&[rdb::STRING_INT8, n as u8]);
        } else if let Ok(n) = i16::try_from(n) {
            self.buffer.push(rdb::STRING_INT16);
            self.buffer.extend_from_slice(&n.to_le_bytes());
        } else {
            self.buffer.push(rdb::STRING_INT32);
            self.buffer.extend_from_slice(&n.to_le_bytes());
        }
    }

    pub(super) fn put_length(&mut self, length: u64) {
        match length {
            0..=0x3f => self.buffer.push(rdb::LENGTH_6 << 6 | length as u8),
            0x40..=0x3fff => {
                let first = rdb::LENGTH_14 << 6 | (length >> 8) as u8;
                self.buffer.extend_from_slice(&[first, length as u8]);
            }
            0x4000..=0xffff_ffff => {
                self.buffer.push(rdb::LENGTH_32);
                self.buffer.extend_from_slice(&(length as u32).to_be_bytes());
            }
            _ => {
                self.buffer.push(rdb::LENGTH_64);
                self.buffer.extend_from_slice(&length.to_be_bytes());
            }
        }
    }

    /// Puts a few bytes as they are.
    pub(super) fn put_plain(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Tells which version of the format is written.
    pub(super) fn version(&self) -> u32 {
        self.options.version
    }

    /// Puts bytes behind those in the buffer; many bypass it.
    fn put_bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        if bytes.len() < BUFFER_BYTES {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.flush()?;
        self.write(bytes)
    }

    pub(super) fn spill(&mut self) -> Result<(), EncodeError> {
        if self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), EncodeError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = self.write(&buffer);
        buffer.clear();
        self.buffer = buffer;
        written
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let offset = self.written;
        self.out.write_all(bytes).map_err(|source| EncodeError::Io { offset, source })?;
        self.crc = crc64(self.crc, bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }
}
