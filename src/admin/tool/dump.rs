//! `backlogd log dump`: the commands of the stream, with their offsets and times.

use std::io::{self, Write};

use super::commands::{Command, Commands};
use super::error::ToolError;
use super::json::Json;
use super::look::{Look, Problem};
use super::moment::Moment;
use super::place::Place;
use super::run::Outcome;
use super::verify;
use crate::config::flags::DumpArgs;
use crate::config::syntax::quote;
use crate::log::format::Header;
use crate::log::inspect::{self, Depth, Listed, OpenSegment};
use crate::position::Offset;

/// Prints the commands that `arguments` ask for; what stops it before goes to `complaints`.
pub(super) fn dump(
    arguments: &DumpArgs,
    out: &mut dyn Write,
    complaints: &mut dyn Write,
) -> Result<Outcome, ToolError> {
    let place = Place::find(&arguments.dir)?;
    let chain = place.chain();
    let start = chain.first().map(|(_, header)| header.base);
    let start = start.ok_or_else(|| ToolError::Unused(arguments.dir.clone()))?;
    let from = arguments.from.map_or(start, Offset);
    if from < start {
        return Err(ToolError::BeforeStart { from, start });
    }
    let index = chain.partition_point(|(_, header)| header.base <= from) - 1;
    let mut dump = Dump {
        as_json: arguments.json,
        from,
        to: arguments.to.map_or(Offset(u64::MAX), Offset),
        left: arguments.count.unwrap_or(u64::MAX),
        database: database_before(&place, &chain[..index])?,
        out,
    };
    let mut end = start;
    for (index, (listed, header)) in chain.iter().enumerate().skip(index) {
        let before = index.checked_sub(1).map(|before| chain[before].1.seq);
        let is_linked = end == header.base && before == Some(header.prev_seq);
        if end > start && !is_linked {
            dump.out.flush()?;
            return complain(&place, Broken::Between, complaints);
        }
        let Some(segment) = open(&place, listed, header)? else { continue };
        if dump.segment(&segment)? == Progress::Done {
            return Ok(Outcome::Sound);
        }
        end = segment.facts.verified_end;
        let next = inspect::next_of(&place.listed, header.seq);
        if end < next.map_or(segment.facts.sealed_end, |next| next.base) {
            dump.out.flush()?;
            let broken = if next.is_some() { Broken::Between } else { Broken::AtTail };
            return complain(&place, broken, complaints);
        }
    }
    if from > end { Err(ToolError::PastEnd { from, end }) } else { Ok(Outcome::Sound) }
}

/// What is still to be printed, and where to.
struct Dump<'o> {
    as_json: bool,
    from: Offset,
    to: Offset,
    left: u64,
    /// The database selected so far, if that is known.
    database: Option<u64>,
    out: &'o mut dyn Write,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// There may be more to print.
    Going,
    /// All that was asked for is printed.
    Done,
}

impl Dump<'_> {
    /// Prints what is wanted of one segment.
    fn segment(&mut self, segment: &OpenSegment) -> Result<Progress, ToolError> {
        let mut commands = Commands::of(segment);
        while let Some(command) = commands.next()? {
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
                let time_ms = segment.sealed_ms(end);
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

fn open(
    place: &Place<'_>,
    listed: &Listed,
    header: &Header,
) -> Result<Option<OpenSegment>, ToolError> {
    let next = inspect::next_of(&place.listed, header.seq);
    Ok(OpenSegment::open(listed, next, Depth::Stream)?)
}

/// The database that is selected where the last of `segments` ends, as far as they tell.
fn database_before(
    place: &Place<'_>,
    segments: &[(&Listed, &Header)],
) -> Result<Option<u64>, ToolError> {
    for (listed, header) in segments.iter().rev() {
        let Some(segment) = open(place, listed, header)? else { continue };
        let mut commands = Commands::of(&segment);
        let mut last = None;
        while let Some(command) = commands.next()? {
            last = command.selects().or(last);
        }
        if last.is_some() {
            return Ok(last);
        }
    }
    Ok(None)
}

/// Where a dump ended before the log did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    /// With more segments to come.
    Between,
    /// In the last segment, which may be growing.
    AtTail,
}

/// Says why the dump ends before the log does.
fn complain(
    place: &Place<'_>,
    broken: Broken,
    complaints: &mut dyn Write,
) -> Result<Outcome, ToolError> {
    let mut problems = Look::closely(place.directory)?.problems;
    problems.retain(|problem| matches!(problem, Problem::File(_)));
    if problems.is_empty() && broken == Broken::Between {
        return Err(ToolError::Changing(place.directory.to_owned()));
    }
    verify::tell(&problems, complaints)?;
    Ok(verify::outcome_of(&problems))
}
