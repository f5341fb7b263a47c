//! `backlogd log dump`: the commands of the stream, with their offsets and times.

use std::io::Write;

use super::commands::Commands;
use super::error::ToolError;
use super::look::{self, Broken};
use super::place::Place;
use super::printer::{Printer, Progress};
use super::run::Outcome;
use crate::config::DumpArgs;
use crate::log::inspect;
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
    let start = place.start()?;
    let from = arguments.from.map_or(start, Offset);
    let index = place.index_of(from)?;
    let mut printer = Printer {
        as_json: arguments.json,
        from,
        to: arguments.to.map_or(Offset(u64::MAX), Offset),
        left: arguments.count.unwrap_or(u64::MAX),
        database: place.database_before(index)?,
        out,
    };
    let mut end = start;
    for (index, (listed, header)) in chain.iter().enumerate().skip(index) {
        let before = index.checked_sub(1).map(|before| chain[before].1.seq);
        let is_linked = end == header.base && before == Some(header.prev_seq);
        if end > start && !is_linked {
            printer.out.flush()?;
            return look::complain(place.directory, Broken::Between, complaints);
        }
        let Some(segment) = place.open(listed, header)? else {
            printer.out.flush()?;
            may_pass_over(arguments.from, (start, end))?;
            continue;
        };
        let mut commands = Commands::of(&segment.stretch);
        if printer.print(&mut commands, &segment.stretch)? == Progress::Done {
            return Ok(Outcome::Sound);
        }
        end = segment.facts.verified_end;
        let next = inspect::next_of(&place.listed, header.seq);
        if end < next.map_or(segment.facts.sealed_end, |next| next.base) {
            printer.out.flush()?;
            let broken = if next.is_some() { Broken::Between } else { Broken::AtTail };
            return look::complain(place.directory, broken, complaints);
        }
    }
    if from > end { Err(ToolError::PastEnd { from, end }) } else { Ok(Outcome::Sound) }
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
