//! The text log: one line an event, in the format that readers of Redis's log know.
//!
//! ```text
//! 4711:M 05 Mar 2026 14:07:31.204 * Replica attached peer=10.0.0.7:6379 offset=1337
//! pid:role, time (UTC), level, message and fields
//! ```
//!
//! The role is `M` for a primary, `S` for a replica, `C` before there is either. Levels are `.`
//! debug, `-` verbose, `*` notice, `#` warning; they stand for DEBUG and TRACE, nothing, INFO, and
//! WARN and ERROR. Verbose thus shows what notice shows. The level `nothing` lets no event pass; the
//! report of a crash, which is no event, is written all the same.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::metadata::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, SubscriberExt};
use tracing_subscriber::{Layer, Registry};

use crate::config::settings::LogLevel;

/// What the server is, as the log tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LoggedRole {
    /// Not a server yet: reading its configuration.
    Starting = b'C',
    /// A primary.
    Primary = b'M',
    /// A replica.
    Replica = b'S',
}

/// Changes what the log says while the server runs.
#[derive(Clone)]
pub struct LogHandle {
    shared: Arc<Shared>,
}

/// Why the log cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("Can't open the log file {}: {source}", path.display())]
pub struct LogFileError {
    path: PathBuf,
    source: io::Error,
}

struct Shared {
    /// The file, if it is not standard output.
    path: Option<PathBuf>,
    level: AtomicU8,
    role: AtomicU8,
    sink: Mutex<Sink>,
}

enum Sink {
    Stdout,
    File {
        path: PathBuf,
        file: File,
    },
    #[cfg(test)]
    Memory(Vec<u8>),
}

/// Begins to write the log to `logfile`, or to standard output, for the whole process.
///
/// # Errors
/// When the file cannot be opened for appending. A log begun earlier stays the process's own.
pub fn start(level: LogLevel, logfile: Option<&Path>) -> Result<LogHandle, LogFileError> {
    let sink = match logfile {
        None => Sink::Stdout,
        Some(path) => Sink::File { path: path.to_path_buf(), file: open(path)? },
    };
    let (subscriber, handle) = subscriber(level, sink);
    // An earlier subscriber is one that a test installed; both would write the same events.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(handle)
}

impl LogHandle {
    /// Writes events of this importance and above from now on.
    pub fn set_level(&self, level: LogLevel) {
        self.shared.level.store(rank(level), Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }

    /// Tells the log what the server has become.
    pub fn set_role(&self, role: LoggedRole) {
        self.shared.role.store(role as u8, Ordering::Relaxed);
    }

    /// Opens the log file anew by its name, for when another program has moved it away.
    ///
    /// # Errors
    /// When it cannot be opened; the old file is then written on.
    pub fn reopen(&self) -> Result<(), LogFileError> {
        if let Sink::File { path, file } = &mut *self.shared.sink.lock() {
            *file = open(path)?;
        }
        Ok(())
    }
}

/// For the report of a crash: whoever crashed may hold every lock there is.
impl LogHandle {
    /// Writes text as it is, past the lock that keeps other lines apart.
    ///
    /// What cannot be written is lost: there is nowhere left to say so.
    pub(super) fn write_unlocked(&self, text: &str) {
        if let Some(path) = &self.shared.path {
            let _ = open(path).map(|mut file| file.write_all(text.as_bytes()));
            return;
        }
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match rustix::io::write(io::stdout(), rest) {
                Ok(count) => rest = &rest[count..],
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Spells a line of the greatest importance.
    pub(super) fn line_of_report(&self, text: &str) -> String {
        let role = char::from(self.shared.role.load(Ordering::Relaxed));
        let time = LoggedTime::at(SystemTime::now());
        format!("{}:{role} {time} # {text}\n", std::process::id())
    }
}

fn subscriber(level: LogLevel, sink: Sink) -> (impl Subscriber + Send + Sync, LogHandle) {
    let path = if let Sink::File { path, .. } = &sink { Some(path.clone()) } else { None };
    let shared = Arc::new(Shared {
        path,
        level: AtomicU8::new(rank(level)),
        role: AtomicU8::new(LoggedRole::Starting as u8),
        sink: Mutex::new(sink),
    });
    let lines = Lines { shared: Arc::clone(&shared), pid: std::process::id() };
    let filter = Threshold { shared: Arc::clone(&shared) };
    (Registry::default().with(lines.with_filter(filter)), LogHandle { shared })
}

fn open(path: &Path) -> Result<File, LogFileError> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(|source| LogFileError { path: path.to_path_buf(), source })
}

fn rank(level: LogLevel) -> u8 {
    match level {
        LogLevel::Debug => 0,
        LogLevel::Verbose => 1,
        LogLevel::Notice => 2,
        LogLevel::Warning => 3,
        LogLevel::Nothing => 4,
    }
}

fn rank_and_mark(level: Level) -> (u8, char) {
    match level {
        Level::TRACE | Level::DEBUG => (0, '.'),
        Level::INFO => (2, '*'),
        Level::WARN | Level::ERROR => (3, '#'),
    }
}

/// Lets events of the level in force pass.
struct Threshold {
    shared: Arc<Shared>,
}

impl Threshold {
    fn passes(&self, metadata: &Metadata<'_>) -> bool {
        rank_and_mark(*metadata.level()).0 >= self.shared.level.load(Ordering::Relaxed)
    }
}

impl<S: Subscriber> Filter<S> for Threshold {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.passes(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Final until the level changes, which asks every call site again.
        if self.passes(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match self.shared.level.load(Ordering::Relaxed) {
            0 => LevelFilter::TRACE,
            1 | 2 => LevelFilter::INFO,
            3 => LevelFilter::WARN,
            _ => LevelFilter::OFF,
        })
    }
}

/// Writes each event as a line.
struct Lines {
    shared: Arc<Shared>,
    pid: u32,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let role = char::from(self.shared.role.load(Ordering::Relaxed));
        let (_, mark) = rank_and_mark(*event.metadata().level());
        let time = LoggedTime::at(SystemTime::now());
        let mut line = format!("{}:{role} {time} {mark}", self.pid);
        let mut words = Words::default();
        event.record(&mut words);
        line.push_str(&words.message);
        line.push_str(&words.fields);
        line.push('\n');
        self.shared.sink.lock().write(line.as_bytes());
    }
}

impl Sink {
    /// Writes a line with one call, so that lines of two processes in one file stay whole.
    ///
    /// What cannot be written is lost: there is nowhere left to say so.
    fn write(&mut self, line: &[u8]) {
        let _ = match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(line).and_then(|()| stdout.flush())
            }
            Self::File { file, .. } => file.write_all(line),
            #[cfg(test)]
            Self::Memory(lines) => lines.write_all(line),
        };
    }
}

/// Collects an event's message and its fields.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Words {
    fn add(&mut self, field: &Field, value: &str) {
        let is_message = field.name() == "message";
        let text = if is_message { &mut self.message } else { &mut self.fields };
        text.push(' ');
        if !is_message {
            text.push_str(field.name());
            text.push('=');
            if needs_quotes(value) {
                let _ = write!(text, "{value:?}");
                return;
            }
        }
        // A line stays a line, whatever a peer put into it.
        for char in value.chars() {
            if char.is_control() {
                text.extend(char.escape_default());
            } else {
                text.push(char);
            }
        }
    }
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

fn needs_quotes(value: &str) -> bool {
    let is_odd = |char: char| char.is_whitespace() || char.is_control() || char == '"';
    // What a `Debug` implementation has quoted already stays as it is.
    let is_quoted = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
    value.is_empty() || (!is_quoted && value.contains(is_odd))
}

/// A moment as the log spells it.
struct LoggedTime {
    year: i64,
    month: usize,
    day: u64,
    second_of_day: u64,
    millisecond: u32,
}

impl LoggedTime {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

    /// Breaks a moment down in UTC.
    fn at(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, second_of_day) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let (year, month, day) = date(days);
        Self { year, month, day, second_of_day, millisecond: since.subsec_millis() }
    }
}

impl fmt::Display for LoggedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute) = (self.second_of_day / 3600, self.second_of_day / 60 % 60);
        let (second, month) = (self.second_of_day % 60, Self::MONTHS[self.month]);
        let (day, year, millisecond) = (self.day, self.year, self.millisecond);
        write!(f, "{day:02} {month} {year} {hour:02}:{minute:02}:{second:02}.{millisecond:03}")
    }
}

/// Turns days since 1970-01-01 into year, month from zero, and day from one.
///
/// Years are counted from March, so that the leap day is the last one
/// (Howard Hinnant, "chrono-compatible low-level date algorithms").
pub(super) fn date(days: u64) -> (i64, usize, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march as usize + 2) % 12;
    let year = (year_of_era + era * 400) as i64 + i64::from(month < 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn written(level: LogLevel, events: impl FnOnce(&LogHandle)) -> Vec<String> {
        let (subscriber, handle) = subscriber(level, Sink::Memory(Vec::new()));
        tracing::subscriber::with_default(subscriber, || events(&handle));
        let Sink::Memory(lines) = &*handle.shared.sink.lock() else { unreachable!() };
        String::from_utf8(lines.clone()).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_has_process_role_time_level_message_and_fields() {
        let lines = written(LogLevel::Notice, |handle| {
            handle.set_role(LoggedRole::Primary);
            tracing::info!(offset = 17, peer = %"10.0.0.1:1", why = "two words", "Hello there");
        });
        let pid = std::process::id();
        assert!(lines[0].starts_with(&format!("{pid}:M ")), "{}", lines[0]);
        assert!(
            lines[0].ends_with(" * Hello there offset=17 peer=10.0.0.1:1 why=\"two words\""),
            "{}",
            lines[0]
        );
        let time = lines[0].split(' ').skip(1).take(4).collect::<Vec<_>>().join(" ");
        assert_eq!(time.len(), "05 Mar 2026 14:07:31.204".len(), "{time}");
    }

    #[test]
    fn what_a_peer_sends_cannot_forge_a_line() {
        let lines = written(LogLevel::Notice, |_| {
            tracing::warn!(name = "x\n1:M y", "bad\nline");
        });
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with(r#" # bad\nline name="x\n1:M y""#), "{}", lines[0]);
    }

    #[test]
    fn the_level_changes_at_run_time() {
        let lines = written(LogLevel::Warning, |handle| {
            use LogLevel::{Debug, Nothing, Notice, Warning};
            for level in [Notice, Warning, Nothing, Debug] {
                handle.set_level(level);
                tracing::debug!("debug at {level:?}");
                tracing::info!("info at {level:?}");
                tracing::error!("error at {level:?}");
            }
        });
        let messages: Vec<_> = lines.iter().map(|line| &line[line.len() - 20..]).collect();
        assert_eq!(lines.len(), 2 + 1 + 3, "{messages:?}");
        assert!(!messages.iter().any(|message| message.ends_with("Nothing")), "{messages:?}");
    }

    #[test]
    fn dates_agree_with_the_calendar() {
        for (seconds, expected) in [
            (0, "01 Jan 1970 00:00:00.000"),
            (951_782_400, "29 Feb 2000 00:00:00.000"),
            (1_772_719_651, "05 Mar 2026 14:07:31.000"),
            (4_107_542_399, "28 Feb 2100 23:59:59.000"),
        ] {
            let time = LoggedTime::at(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(time.to_string(), expected);
        }
    }

    #[test]
    fn a_moved_file_is_opened_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.log");
        let sink = Sink::File { file: open(&path).unwrap(), path: path.clone() };
        let (subscriber, handle) = subscriber(LogLevel::Notice, sink);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("one");
            std::fs::rename(&path, directory.path().join("old.log")).unwrap();
            handle.reopen().unwrap();
            tracing::info!("two");
        });
        assert!(std::fs::read_to_string(&path).unwrap().ends_with("* two\n"));
    }
}
