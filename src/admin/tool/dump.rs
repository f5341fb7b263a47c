//! `backlogd log dump`: the commands of the stream, with their offsets and times.

use std::io::{self, ErrorKind, Write};

use super::commands::{Command, Commands};
use super::error::ToolError;
use super::json::Json;
use super::look::{self, Look, Problem};
use super::moment::Moment;
use super::place::Place;
use super::run::Outcome;
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
    dump_place(&Place::find(&arguments.dir)?, arguments, out, complaints)
}

/// Prints what was found in `place`, of which the oldest may have been retired since.
fn dump_place(
    place: &Place<'_>,
    arguments: &DumpArgs,
    out: &mut dyn Write,
    complaints: &mut dyn Write,
) -> Result<Outcome, ToolError> {
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
        database: database_before(place, &chain[..index])?,
        out,
    };
    let mut end = start;
    for (index, (listed, header)) in chain.iter().enumerate().skip(index) {
        let before = index.checked_sub(1).map(|before| chain[before].1.seq);
        let is_linked = end == header.base && before == Some(header.prev_seq);
        if end > start && !is_linked {
            dump.out.flush()?;
            return complain(place, Broken::Between, complaints);
        }
        let Some(segment) = open(place, listed, header)? else {
            dump.out.flush()?;
            may_pass_over(arguments.from, (start, end))?;
            continue;
        };
        if dump.segment(&segment)? == Progress::Done {
            return Ok(Outcome::Sound);
        }
        end = segment.facts.verified_end;
        let next = inspect::next_of(&place.listed, header.seq);
        if end < next.map_or(segment.facts.sealed_end, |next| next.base) {
            dump.out.flush()?;
            let broken = if next.is_some() { Broken::Between } else { Broken::AtTail };
            return complain(place, broken, complaints);
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

/// Fails if a segment that was retired since it was listed leaves a gap in what was asked for.
///
/// Otherwise the dump has not begun, and it is as if the log began with the next segment.
fn may_pass_over(from: Option<u64>, dumped: (Offset, Offset)) -> Result<(), ToolError> {
    let (start, end) = dumped;
    match from {
        _ if end > start => Err(ToolError::Overtaken { at: end }),
        Some(from) => Err(ToolError::Retired { from: Offset(from) }),
        None => Ok(()),
    }
}

/// Opens a segment of the list; `None` if it has been retired since.
fn open(
    place: &Place<'_>,
    listed: &Listed,
    header: &Header,
) -> Result<Option<OpenSegment>, ToolError> {
    let next = inspect::next_of(&place.listed, header.seq);
    match OpenSegment::open(listed, next, Depth::Stream) {
        Err(error) if error.source.kind() == ErrorKind::NotFound => Ok(None),
        segment => Ok(segment?),
    }
}

/// The database that is selected where the last of `segments` ends, as far as they tell.
fn database_before(
    place: &Place<'_>,
    segments: &[(&Listed, &Header)],
) -> Result<Option<u64>, ToolError> {
    for (listed, header) in segments.iter().rev() {
        // Where one is retired, those before it are gone as well.
        let Some(segment) = open(place, listed, header)? else { break };
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
    let mut problems = Look::closely(place.directory, Depth::Stream)?.problems;
    problems.retain(|problem| matches!(problem, Problem::File(_)));
    if problems.is_empty() && broken == Broken::Between {
        return Err(ToolError::Changing(place.directory.to_owned()));
    }
    look::tell(&problems, complaints)?;
    Ok(look::conclude(&problems).outcome())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::log::{Log, Options};
    use crate::net::wire::put_command;
    use crate::position::Replid;

    /// A log of several segments.
    fn write(directory: &Path) {
        let options = Options { segment_bytes: 65536, ..Options::new(Replid::random()) };
        let (_log, mut writer) = Log::create(directory, Offset(0), &options).unwrap();
        for number in 0..20 {
            let mut unit = Vec::new();
            put_command(&mut unit, &["SET", &format!("key{number}"), &"x".repeat(10_000)]);
            writer.append(&[&unit]).unwrap();
            writer.seal();
        }
        writer.close().unwrap();
    }

    fn arguments(directory: &Path, from: Option<u64>) -> DumpArgs {
        DumpArgs { dir: directory.to_owned(), from, to: None, count: None, json: false }
    }

    #[test]
    fn what_is_retired_before_it_is_read_is_as_if_it_had_never_been_listed() {
        let temp = tempfile::tempdir().unwrap();
        write(temp.path());
        let place = Place::find(temp.path()).unwrap();
        let bases: Vec<_> = place.chain().iter().map(|(_, header)| header.base).collect();
        assert!(bases.len() >= 3);
        fs::remove_file(&place.chain()[0].0.path).unwrap();
        let dump = |from| {
            let (mut out, mut said) = (Vec::new(), Vec::new());
            let done = dump_place(&place, &arguments(temp.path(), from), &mut out, &mut said);
            (done, String::from_utf8(out).unwrap())
        };
        let (done, printed) = dump(None);
        assert_eq!(done.unwrap(), Outcome::Sound);
        assert!(printed.starts_with(&format!("{} ", bases[1])), "{printed:.80}");
        let (done, printed) = dump(Some(bases[1].0));
        assert_eq!((done.unwrap(), printed.is_empty()), (Outcome::Sound, false));
        let (done, printed) = dump(Some(0));
        let error = done.unwrap_err().to_string();
        assert!(error.contains("offset 0 was retired") && printed.is_empty(), "{error}");
        // Retention may also overtake a dump that has begun.
        fs::remove_file(&place.chain()[2].0.path).unwrap();
        let (done, printed) = dump(Some(bases[1].0));
        let error = done.unwrap_err().to_string();
        let expected = format!("behind offset {}", bases[2]);
        assert!(error.contains(&expected) && !printed.is_empty(), "{error}");
    }
}
