//! Where whole units end in a stream that arrives in pieces.
//!
//! A unit is a command, or a transaction from its `MULTI` to its `EXEC`. A replica applies whole
//! units only, and so its data is at every moment what the primary's was at some moment.

use crate::net::{Args, Parsed, Parser, Peer, ProtocolError};

/// The most bytes a unit may have: as much as a frame of the log can seal.
pub const UNIT_BYTES_MAX: usize = crate::log::UNIT_BYTES_MAX as usize;

/// What a primary's stream contains that is no ordinary command, found on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It asks how far this replica is.
    AskForAcknowledgement {
        /// Where the command stands in the bytes looked at.
        at: usize,
    },
    /// A message to subscribers.
    Message {
        /// Where the command stands in the bytes looked at.
        at: usize,
    },
}

impl Mark {
    /// Where it stands in the bytes looked at.
    #[must_use]
    pub fn at(self) -> usize {
        let (Self::AskForAcknowledgement { at } | Self::Message { at }) = self;
        at
    }
}

/// Why the stream cannot be applied any further.
#[derive(Debug, thiserror::Error)]
pub enum UnitError {
    /// It is no stream of commands.
    #[error("the stream is garbled: {0}")]
    Garbled(#[from] ProtocolError),
    /// A transaction begins within another.
    #[error("a MULTI within a transaction")]
    Nested,
    /// A transaction ends that has not begun.
    #[error("an EXEC without MULTI")]
    Unopened,
    /// A unit does not end.
    #[error("a unit of more than {UNIT_BYTES_MAX} bytes")]
    TooLarge,
}

/// Looks for the ends of units in a buffer that grows at its end and is emptied from its beginning.
#[derive(Debug)]
pub struct Units {
    parser: Parser,
    /// Where the command begins that the parser is at.
    at: usize,
    /// Where the last whole unit ends.
    whole: usize,
    in_transaction: bool,
    marks: Vec<Mark>,
    /// Why nothing is found any more behind the whole units.
    failed: Option<UnitError>,
}

/// What a look at the next command came to.
enum Progress {
    /// It is there.
    Made,
    /// Not all of it is there.
    Lacks,
}

impl Default for Units {
    fn default() -> Self {
        Self::new()
    }
}

impl Units {
    /// Begins where a unit begins.
    #[must_use]
    pub fn new() -> Self {
        Self {
            parser: Parser::new(Peer::Upstream, usize::MAX),
            at: 0,
            whole: 0,
            in_transaction: false,
            marks: Vec::new(),
            failed: None,
        }
    }

    /// Goes on through `buffer`; returns how many bytes at its beginning are whole units.
    ///
    /// Stops at the first end of a unit from `enough` bytes on. What is no stream is told of once the
    /// whole units before it are taken; nothing is found behind it.
    pub fn find(&mut self, buffer: &[u8], enough: usize) -> Result<usize, UnitError> {
        while self.whole < enough && self.failed.is_none() {
            match self.step(buffer) {
                Ok(Progress::Made) => {}
                Ok(Progress::Lacks) => break,
                Err(error) => self.failed = Some(error),
            }
        }
        match self.failed.take_if(|_| self.whole == 0) {
            Some(error) => Err(error),
            None => Ok(self.whole),
        }
    }

    fn step(&mut self, buffer: &[u8]) -> Result<Progress, UnitError> {
        match self.parser.parse(&buffer[self.at..])? {
            Parsed::Command { consumed } => {
                let args = self.parser.args(&buffer[self.at..]);
                Self::look(&mut self.marks, &mut self.in_transaction, &args, self.at)?;
                self.at += consumed;
            }
            Parsed::Empty { consumed } => self.at += consumed,
            Parsed::Incomplete { need_hint } => {
                let announced = (buffer.len() - self.whole).saturating_add(need_hint);
                let is_bounded = announced <= UNIT_BYTES_MAX;
                return if is_bounded { Ok(Progress::Lacks) } else { Err(UnitError::TooLarge) };
            }
        }
        if !self.in_transaction {
            self.whole = self.at;
        }
        Ok(Progress::Made)
    }

    /// Notes that the whole units found were taken from the buffer.
    pub fn taken(&mut self) {
        let whole = std::mem::take(&mut self.whole);
        self.at -= whole;
        self.marks.retain_mut(|mark| {
            let (Mark::AskForAcknowledgement { at } | Mark::Message { at }) = mark;
            let follows = *at >= whole;
            *at = at.saturating_sub(whole);
            follows
        });
    }

    /// What was found in the whole units, in their order; also in what follows them.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    fn look(
        marks: &mut Vec<Mark>,
        in_transaction: &mut bool,
        args: &Args<'_>,
        at: usize,
    ) -> Result<(), UnitError> {
        let Some(name) = args.get(0) else { return Ok(()) };
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"exec") => {
                let is_open = std::mem::take(in_transaction);
                return if is_open { Ok(()) } else { Err(UnitError::Unopened) };
            }
            5 if name.eq_ignore_ascii_case(b"multi") => {
                let is_open = std::mem::replace(in_transaction, true);
                return if is_open { Err(UnitError::Nested) } else { Ok(()) };
            }
            7 | 8 if is_message(name) => marks.push(Mark::Message { at }),
            8 if is_question(name, args) => marks.push(Mark::AskForAcknowledgement { at }),
            _ => {}
        }
        Ok(())
    }
}

fn is_question(name: &[u8], args: &Args<'_>) -> bool {
    name.eq_ignore_ascii_case(b"replconf")
        && args.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"getack"))
}

fn is_message(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"publish") || name.eq_ignore_ascii_case(b"spublish")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn command(words: &[&str]) -> Vec<u8> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
        bytes
    }

    #[test]
    fn a_transaction_is_one_unit_and_half_a_command_is_none() {
        let multi = [command(&["MULTI"]), command(&["SET", "a", "1"])].concat();
        let exec = command(&["EXEC"]);
        let ping = command(&["PING"]);
        let mut units = Units::new();
        assert_eq!(units.find(&ping, usize::MAX).unwrap(), ping.len());
        units.taken();
        assert_eq!(units.find(&multi, usize::MAX).unwrap(), 0);
        let whole = [&multi[..], &exec, &ping[..5]].concat();
        assert_eq!(units.find(&whole, usize::MAX).unwrap(), multi.len() + exec.len());
        units.taken();
        assert_eq!(units.find(&ping, usize::MAX).unwrap(), ping.len());
    }

    #[test]
    fn enough_is_enough() {
        let ping = command(&["PING"]);
        let many = ping.repeat(10);
        let mut units = Units::new();
        assert_eq!(units.find(&many, 1).unwrap(), ping.len());
        units.taken();
        assert_eq!(units.find(&many[ping.len()..], ping.len() + 1).unwrap(), 2 * ping.len());
    }

    #[test]
    fn questions_and_messages_are_found() {
        let stream = [
            command(&["REPLCONF", "GETACK", "*"]),
            command(&["SET", "a", "1"]),
            command(&["publish", "c", "m"]),
        ];
        let (first, second) = (stream[0].len(), stream[1].len());
        let mut units = Units::new();
        units.find(&stream.concat(), usize::MAX).unwrap();
        let at = first + second;
        assert_eq!(units.marks(), [Mark::AskForAcknowledgement { at: 0 }, Mark::Message { at }]);
        units.taken();
        assert_eq!(units.marks(), []);
    }

    #[test]
    fn what_no_primary_sends_is_an_error() {
        let nested = [command(&["MULTI"]), command(&["MULTI"])].concat();
        assert!(matches!(Units::new().find(&nested, usize::MAX), Err(UnitError::Nested)));
        let unopened = command(&["EXEC"]);
        assert!(matches!(Units::new().find(&unopened, usize::MAX), Err(UnitError::Unopened)));
        assert!(matches!(Units::new().find(b"*x\r\n", usize::MAX), Err(UnitError::Garbled(_))));
    }

    #[test]
    fn what_stands_before_an_error_is_found_all_the_same() {
        let ping = command(&["PING"]);
        let stream = [&ping[..], &ping, b"garbage\r\n"].concat();
        let mut units = Units::new();
        assert_eq!(units.find(&stream, usize::MAX).unwrap(), 2 * ping.len());
        units.taken();
        let rest = &stream[2 * ping.len()..];
        assert!(matches!(units.find(rest, usize::MAX), Err(UnitError::Garbled(_))));
    }

    #[test]
    fn what_is_too_large_is_refused_where_it_is_announced() {
        let find = |length: usize| {
            let stream = format!("*2\r\n$3\r\nDEL\r\n${length}\r\n");
            Units::new().find(stream.as_bytes(), usize::MAX)
        };
        assert!(matches!(find(UNIT_BYTES_MAX - 100), Ok(0)));
        assert!(matches!(find(UNIT_BYTES_MAX), Err(UnitError::TooLarge)));
        assert!(matches!(find(i64::MAX as usize), Err(UnitError::TooLarge)));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_give_the_same_units(
            kinds in prop::collection::vec(0u8..4, 1..40),
            pieces in prop::collection::vec(1usize..60, 1..40),
        ) {
            let mut stream = Vec::new();
            let mut ends = vec![0];
            for kind in kinds {
                match kind {
                    0 => stream.extend(command(&["SET", "key", "a longer value than others"])),
                    1 => stream.extend(command(&["PING"])),
                    2 => stream.extend(b"\r\n"),
                    _ => {
                        stream.extend(command(&["MULTI"]));
                        stream.extend(command(&["INCR", "n"]));
                        stream.extend(command(&["EXEC"]));
                    }
                }
                ends.push(stream.len());
            }
            let (mut units, mut buffer, mut taken) = (Units::new(), Vec::new(), 0);
            let mut left = &stream[..];
            for piece in pieces.iter().cycle() {
                let (now, later) = left.split_at((*piece).min(left.len()));
                buffer.extend_from_slice(now);
                left = later;
                let whole = units.find(&buffer, usize::MAX).unwrap();
                units.taken();
                buffer.drain(..whole);
                taken += whole;
                let expected = ends.iter().rev().find(|end| **end <= stream.len() - left.len());
                prop_assert_eq!(Some(&taken), expected);
                if left.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(taken, stream.len());
        }
    }
}
