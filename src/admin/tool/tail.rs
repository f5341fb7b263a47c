//! `backlogd log tail`: the end of the stream, and what is sealed after it.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::commands::Commands;
use super::error::ToolError;
use super::look::{self, Broken};
use super::place::Place;
use super::printer::Printer;
use super::run::Outcome;
use crate::config::TailArgs;
use crate::log::StorageError;
use crate::log::following::{Growing, Growth, Sequel, sequel};
use crate::log::format::Header;
use crate::log::inspect::Listed;
use crate::position::Offset;

/// Prints the commands that `arguments` ask for; what is to be said of the log goes to `complaints`.
pub(super) fn tail(
    arguments: &TailArgs,
    out: &mut dyn Write,
    complaints: &mut dyn Write,
) -> Result<Outcome, ToolError> {
    let place = Place::find(&arguments.dir)?;
    let from = match arguments.from {
        Some(from) => Offset(from),
        None => offset_of_last(&place, arguments.lines)?,
    };
    let index = place.index_of(from)?;
    let growing = open(place.chain()[index].0).map_err(|error| match error.source.kind() {
        ErrorKind::NotFound => ToolError::Retired { from },
        _ => error.into(),
    })?;
    let printer = Printer {
        as_json: arguments.json,
        from,
        to: Offset(u64::MAX),
        left: u64::MAX,
        database: place.database_before(index)?,
        out,
    };
    let commands = Commands::of(growing.stretch());
    let mut tail = Tail {
        directory: &arguments.dir,
        growing,
        commands,
        printer,
        complaints,
        stage: Stage::CatchingUp,
        torn_at: None,
    };
    let interval = arguments.follow.then(|| Duration::from_millis(arguments.interval));
    tail.run(interval)
}

/// Where the last `count` commands of the log begin, or all if there are not so many.
fn offset_of_last(place: &Place<'_>, count: usize) -> Result<Offset, ToolError> {
    let mut from = place.start()?;
    let mut left = count;
    for (index, (listed, header)) in place.chain().iter().rev().enumerate() {
        // Where one is retired, those before it are gone as well.
        let Some(segment) = place.open(listed, header)? else { break };
        if index == 0 {
            from = segment.facts.verified_end;
        }
        if left == 0 {
            break;
        }
        let mut commands = Commands::of(&segment.stretch);
        let mut last = VecDeque::new();
        while let Some(command) = commands.next(&segment.stretch)? {
            if last.len() == left {
                last.pop_front();
            }
            last.push_back(command.offset);
        }
        from = last.front().copied().unwrap_or(header.base);
        left -= last.len();
    }
    Ok(from)
}

fn open(listed: &Listed) -> Result<Growing, StorageError> {
    Ok(Growing::open(listed)?.expect("only files in use are listed as part of the chain"))
}

/// A log that is read on and on.
struct Tail<'t> {
    directory: &'t Path,
    growing: Growing,
    commands: Commands,
    printer: Printer<'t>,
    complaints: &'t mut dyn Write,
    stage: Stage,
    /// Where it was last said that the log is torn.
    torn_at: Option<Offset>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What is read was there at the beginning.
    CatchingUp,
    /// What is read came since.
    Following,
}

impl Tail<'_> {
    /// Prints what there is, and, at intervals, what has come since.
    fn run(&mut self, interval: Option<Duration>) -> Result<Outcome, ToolError> {
        loop {
            // What comes next is looked for first: a segment that is continued has all its bytes.
            let sequel = self.sequel()?;
            let next = match &sequel {
                Sequel::Next(listed) => listed.header(),
                _ => None,
            };
            let growth = self.growing.grow(next)?;
            self.printer.print(&mut self.commands, self.growing.stretch())?;
            let end = self.growing.stretch().end;
            match sequel {
                Sequel::Next(_) if growth == Growth::Broken => {
                    return self.complain(Broken::Between);
                }
                Sequel::Next(listed) | Sequel::Instead(listed) => self.go_on_in(&listed)?,
                Sequel::Retired => return Err(ToolError::Overtaken { at: end }),
                Sequel::Replaced => return Err(ToolError::Replaced(self.directory.to_owned())),
                Sequel::None => {
                    let from = self.printer.from;
                    if from > end {
                        return Err(ToolError::PastEnd { from, end });
                    }
                    self.printer.out.flush()?;
                    if growth == Growth::Broken && self.torn_at != Some(end) {
                        if self.complain(Broken::AtTail)? == Outcome::Damaged {
                            return Ok(Outcome::Damaged);
                        }
                        self.torn_at = Some(end);
                    }
                    let Some(interval) = interval else { return Ok(Outcome::Sound) };
                    if wait(interval)? == Reader::Gone {
                        return Ok(Outcome::Sound);
                    }
                    self.stage = Stage::Following;
                }
            }
        }
    }

    /// Looks for what comes next; what does not fit together counts when it does not twice.
    fn sequel(&self) -> Result<Sequel, ToolError> {
        let header = &self.growing.stretch().header;
        match sequel(self.directory, header)? {
            Sequel::Retired | Sequel::Replaced => Ok(sequel(self.directory, header)?),
            found => Ok(found),
        }
    }

    /// Leaves the segment for the one that comes after it, or that took its place.
    fn go_on_in(&mut self, listed: &Listed) -> Result<(), ToolError> {
        let next = *listed.header().expect("a sequel is a segment in use");
        let end = self.growing.stretch().end;
        self.note_restart(&next)?;
        self.growing = open(listed).map_err(|error| match error.source.kind() {
            ErrorKind::NotFound => ToolError::Overtaken { at: end },
            _ => error.into(),
        })?;
        self.commands = Commands::of(self.growing.stretch());
        self.torn_at = None;
        if next.base < end {
            // What stood here may have selected another database than what stands here now.
            let place = Place::find(self.directory)?;
            self.printer.database = place.database_before(place.index_of(next.base)?)?;
            self.printer.from = self.printer.from.min(next.base);
        }
        Ok(())
    }

    /// Says what a restart of the server, if there was one just now, has made of the log.
    fn note_restart(&mut self, next: &Header) -> Result<(), ToolError> {
        let Header { base, epoch, .. } = *next;
        let stretch = self.growing.stretch();
        if epoch == stretch.header.epoch || self.stage == Stage::CatchingUp {
            return Ok(());
        }
        self.printer.out.flush()?;
        let complaints = &mut self.complaints;
        if base < stretch.end {
            let end = stretch.end;
            writeln!(
                complaints,
                "note: a restart has cut the log at offset {base}: what stood from there to {end} is \
                 not part of it any more"
            )?;
        } else if self.growing.has_torn_tail()? {
            writeln!(complaints, "note: a restart has cut off a torn tail at offset {base}")?;
        } else {
            writeln!(complaints, "note: the server was restarted at offset {base}")?;
        }
        Ok(())
    }

    fn complain(&mut self, broken: Broken) -> Result<Outcome, ToolError> {
        self.printer.out.flush()?;
        look::complain(self.directory, broken, self.complaints)
    }
}

/// Who reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    There,
    Gone,
}

/// Lets time pass, and tells whether the reader of a pipe has left meanwhile.
fn wait(time: Duration) -> io::Result<Reader> {
    let stdout = io::stdout();
    let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
    let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
    match poll(&mut watched, Some(&time)) {
        Ok(0) | Err(Errno::INTR) => Ok(Reader::There),
        Ok(_) => Ok(Reader::Gone),
        Err(error) => Err(error.into()),
    }
}
