//! Commands of the stream as lines, for people or for programs.

use std::io::{self, Write};

use super::commands::{Command, Commands};
use super::error::ToolError;
use super::json::Json;
use super::moment::Moment;
use crate::config::syntax::quote;
use crate::log::inspect::Stretch;
use crate::position::Offset;

/// What is still to be printed, and where to.
pub(super) struct Printer<'o> {
    /// Whether a line is JSON.
    pub(super) as_json: bool,
    /// Commands that begin before are left out.
    pub(super) from: Offset,
    /// Commands that begin here or later are left out.
    pub(super) to: Offset,
    /// How many more there may be.
    pub(super) left: u64,
    /// The database selected so far, if that is known.
    pub(super) database: Option<u64>,
    /// Where they go.
    pub(super) out: &'o mut dyn Write,
}

/// How far the printing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There may be more to print.
    Going,
    /// All that was asked for is printed.
    Done,
}

impl Printer<'_> {
    /// Prints what is wanted of the commands to come in `stretch`.
    pub(super) fn print(
        &mut self,
        commands: &mut Commands,
        stretch: &Stretch,
    ) -> Result<Progress, ToolError> {
        while let Some(command) = commands.next(stretch)? {
            let Command { offset, end, .. } = command;
            if offset < self.from && self.from < end {
                let (from, before, after) = (self.from, offset, end);
                return Err(ToolError::NotABoundary { from, before, after });
            }
            if offset >= self.to || self.left == 0 {
                return Ok(Progress::Done);
            }
            let selected = command.selects();
            if offset >= self.from {
                let time_ms = stretch.sealed_ms(end);
                if self.as_json {
                    self.write_json(&command, time_ms)?;
                } else {
                    self.write_text(&command, time_ms)?;
                }
                self.left -= 1;
            }
            self.database = selected.or(self.database);
        }
        Ok(Progress::Going)
    }

    fn write_text(&mut self, command: &Command<'_>, time_ms: Option<u64>) -> io::Result<()> {
        write!(self.out, "{} {} ", command.offset, Moment(time_ms))?;
        match self.database {
            Some(database) => write!(self.out, "{database}")?,
            None => write!(self.out, "-")?,
        }
        for word in &command.args {
            write!(self.out, " {}", quote(word))?;
        }
        writeln!(self.out)
    }

    fn write_json(&mut self, command: &Command<'_>, time_ms: Option<u64>) -> io::Result<()> {
        let mut json = Json::new(self.out);
        json.open('{')?;
        json.member("offset", command.offset.0)?;
        json.member("end", command.end.0)?;
        json.member("time", time_ms)?;
        json.member("db", self.database)?;
        json.name("args")?;
        json.open('[')?;
        for word in &command.args {
            json.bytes(word)?;
        }
        json.close(']')?;
        json.close('}')?;
        writeln!(self.out)
    }
}
