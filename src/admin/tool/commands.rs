//! Cuts a segment's stream into commands, a piece of the file at a time.

use super::error::ToolError;
use crate::log::inspect::Stretch;
use crate::net::{Args, Parsed, Parser, Peer};
use crate::number::parse_i64_strict;
use crate::position::Offset;

/// How much of the file is read at once; a larger command takes as much memory as it has bytes.
const PIECE_BYTES: usize = 256 << 10;

/// The commands of one segment, from its first byte to the last that verifies.
pub(super) struct Commands {
    parser: Parser,
    buffer: Vec<u8>,
    /// Where in the buffer the next command begins.
    at: usize,
    /// The same place in the stream.
    offset: Offset,
}

/// One command of the stream.
pub(super) struct Command<'c> {
    /// Where it begins.
    pub(super) offset: Offset,
    /// Where it ends.
    pub(super) end: Offset,
    /// Its words.
    pub(super) args: Args<'c>,
}

impl Commands {
    /// Begins with the first command of a segment: no unit lies across two segments.
    pub(super) fn of(stretch: &Stretch) -> Self {
        let parser = Parser::new(Peer::Upstream, usize::MAX);
        Self { parser, buffer: Vec::new(), at: 0, offset: stretch.header.base }
    }

    /// Reads the next command of the segment it began with; `None` at the end of what verifies.
    pub(super) fn next(&mut self, stretch: &Stretch) -> Result<Option<Command<'_>>, ToolError> {
        let path = &stretch.path;
        loop {
            let offset = self.offset;
            match self.parser.parse(&self.buffer[self.at..]) {
                Ok(Parsed::Command { consumed }) => {
                    let begin = self.at;
                    self.advance(consumed);
                    let (end, args) = (self.offset, self.parser.args(&self.buffer[begin..]));
                    return Ok(Some(Command { offset, end, args }));
                }
                // A primary of old keeps its replicas awake with empty lines.
                Ok(Parsed::Empty { consumed }) => self.advance(consumed),
                Ok(Parsed::Incomplete { .. }) if self.fill(stretch)? => {}
                Ok(Parsed::Incomplete { .. }) if self.at == self.buffer.len() => return Ok(None),
                Ok(Parsed::Incomplete { .. }) => {
                    return Err(ToolError::Incomplete { path: path.clone(), at: offset });
                }
                Err(source) => {
                    return Err(ToolError::Garbled { path: path.clone(), at: offset, source });
                }
            }
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.at += bytes;
        self.offset = self.offset.advanced(bytes as u64);
    }

    /// Reads on in the file; tells whether there was anything to read.
    fn fill(&mut self, stretch: &Stretch) -> Result<bool, ToolError> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let len = self.buffer.len();
        let from = self.offset.advanced(len as u64);
        self.buffer.resize(len + PIECE_BYTES, 0);
        let count = stretch.read(from, &mut self.buffer[len..])?;
        self.buffer.truncate(len + count);
        Ok(count > 0)
    }
}

impl Command<'_> {
    /// The database that the commands after this one work in, if it says so.
    pub(super) fn selects(&self) -> Option<u64> {
        let is_select = self.args.len() == 2 && self.args[0].eq_ignore_ascii_case(b"SELECT");
        let number = is_select.then(|| parse_i64_strict(&self.args[1])).flatten()?;
        u64::try_from(number).ok()
    }
}
