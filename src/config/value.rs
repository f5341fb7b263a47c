//! The values a directive can take: how each kind is read, checked and written.

use std::path::PathBuf;

use super::size;
use super::syntax::quote;
use super::words::{self, OutputLimit, SavePoint};

/// Checks one argument and brings it into its usual form.
pub type CheckOne = fn(&[u8]) -> Result<Vec<u8>, ValueError>;

/// Checks several arguments and brings them into their usual form.
pub type CheckMany = fn(&[&[u8]]) -> Result<Vec<Vec<u8>>, ValueError>;

/// What a directive's arguments must look like.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    YesNo,
    /// `yes` or `no`, of which both mean `yes`: what it names cannot be switched off, for this reason.
    AlwaysYes(&'static str),
    /// One word of a list.
    Choice(&'static [&'static str]),
    /// Any words of a list, whose first means none of the others.
    Flags(&'static [&'static str]),
    /// A decimal number from the first to the second inclusive.
    Integer(i64, i64),
    /// A decimal number from the first to the second; what lies outside is moved to the nearer one.
    Clamped(i64, i64),
    /// A number of percent from the first to the second inclusive, the sign being optional.
    Percent(i64, i64),
    /// An octal number up to this one.
    Octal(u32),
    /// A memory size from the first to the second inclusive.
    Memory(u64, u64),
    /// A memory size, or a percentage of another one.
    MemoryOrPercent,
    /// Any bytes.
    Text,
    /// One argument that a function of [`words`] checks and brings into its usual form.
    Checked(CheckOne),
    /// Several arguments that a function of [`words`] checks and brings into their usual form.
    Words(CheckMany),
    /// A directory that exists.
    Directory,
    /// Pairs of seconds and changes.
    SavePoints,
    /// Groups of client class, hard limit, soft limit and seconds.
    OutputLimits,
}

/// The value a directive has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `yes` or `no`, as it was asked for: of [`Kind::AlwaysYes`] it is `yes` all the same.
    YesNo(bool),
    /// A word of the kind's list.
    Choice(&'static str),
    /// Words of the kind's list in its order; empty for its first.
    Flags(Vec<&'static str>),
    /// A number.
    Integer(i64),
    /// A number written in octal.
    Octal(u32),
    /// A number of bytes.
    Memory(u64),
    /// A percentage of memory.
    Percent(u8),
    /// Any bytes.
    Text(Vec<u8>),
    /// Several words.
    Words(Vec<Vec<u8>>),
    /// When to take a snapshot.
    SavePoints(Vec<SavePoint>),
    /// The limits of the classes of clients in the order of [`words::CLIENT_CLASSES`].
    OutputLimits([OutputLimit; 3]),
}

impl Value {
    /// Returns what replicas may leave unread, if that is what the value says.
    pub(super) fn replica_limit(&self) -> Option<OutputLimit> {
        let Self::OutputLimits([_, replica, _]) = self else { return None };
        Some(*replica)
    }
}

/// Why a value was not taken; the texts are those that clients of stock servers know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Too few or too many arguments.
    #[error("wrong number of arguments")]
    ArgumentCount,
    /// Neither `yes` nor `no`.
    #[error("argument must be 'yes' or 'no'")]
    NotYesNo,
    /// None of the words allowed.
    #[error("argument(s) must be one of the following: {}", .0.join(", "))]
    NotAChoice(&'static [&'static str]),
    /// No whole decimal number.
    #[error("argument couldn't be parsed into an integer")]
    NotAnInteger,
    /// A number out of range.
    #[error("argument must be between {0} and {1} inclusive")]
    OutOfRange(i128, i128),
    /// No octal number.
    #[error("argument couldn't be parsed as an octal number")]
    NotOctal,
    /// An octal number out of range.
    #[error("argument must be between 0 and {0:o} inclusive")]
    OctalOutOfRange(u32),
    /// No memory size.
    #[error("argument must be a memory value")]
    NotMemory,
    /// Neither memory size nor percentage.
    #[error("argument must be a memory or percent value")]
    NotMemoryOrPercent,
    /// More than all of it.
    #[error("percentage argument must be less or equal to 100")]
    PercentTooLarge,
    /// Two shutdown options that exclude each other.
    #[error("shutdown options SAVE and NOSAVE can't be used simultaneously")]
    SaveAndNoSave,
    /// `save` without pairs of numbers.
    #[error("Invalid save parameters")]
    SavePoints,
    /// `client-output-buffer-limit` without groups of four.
    #[error("Wrong number of arguments in buffer limit configuration.")]
    LimitArguments,
    /// `client-output-buffer-limit` for a class there is not.
    #[error("Invalid client class specified in buffer limit configuration.")]
    LimitClass,
    /// `client-output-buffer-limit` with something that is no limit.
    #[error("Error in hard, soft or soft_seconds setting in buffer limit configuration.")]
    LimitNumbers,
    /// An event class there is not.
    #[error("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")]
    EventClass,
    /// Something that is no percentile.
    #[error("Invalid latency-tracking-info-percentiles parameters")]
    Percentile,
    /// A percentile out of range.
    #[error("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")]
    PercentileOutOfRange,
    /// Something that is no score.
    #[error("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")]
    OomScores,
    /// A path where a file's name belongs.
    #[error("{0} can't be a path, just a {1}")]
    NotAFileName(&'static str, &'static str),
    /// Nothing where a file's name belongs.
    #[error("{0} can't be empty")]
    EmptyFileName(&'static str),
    /// The name of a directory where a file's name belongs.
    #[error("{0} can't be a directory")]
    DirectoryName(&'static str),
    /// A name under which the server keeps something else.
    #[error(
        "{0} can't be a name that the server uses for files of its own: those that end in .log, \
         begin with backlogd. or begin with backlogd-"
    )]
    OwnFileName(&'static str),
    /// A host name with a byte that has no place in one.
    #[error("Hostnames may only contain alphanumeric characters, hyphens or dots")]
    HostName,
    /// A host name that is too long.
    #[error("Hostnames must be less than 256 characters")]
    HostNameLength,
    /// A process title with an unknown variable.
    #[error("template format is invalid or contains unknown variables")]
    TitleTemplate,
    /// More addresses than the server listens on.
    #[error("Too many bind addresses specified.")]
    TooManyAddresses,
    /// Something that cannot be an address.
    #[error("Failed to bind to specified addresses.")]
    Address,
    /// Something that is no port after the host of `replicaof`.
    #[error("Invalid master port")]
    PrimaryPort,
    /// A directory that does not exist or cannot be entered.
    #[error("{0}")]
    Directory(String),
    /// A value this server will not take, and why.
    #[error("{0}")]
    Refused(&'static str),
}

impl Kind {
    /// Whether a configuration line may carry any number of arguments.
    #[must_use]
    pub fn takes_many(self) -> bool {
        matches!(self, Self::Flags(_) | Self::Words(_) | Self::SavePoints | Self::OutputLimits)
    }

    /// Reads the arguments; `current` is what directives that change a part of it start from.
    pub fn parse(self, arguments: &[&[u8]], current: &Value) -> Result<Value, ValueError> {
        match self {
            Self::Flags(names) => flags(arguments, names).map(Value::Flags),
            Self::Words(check) => check(arguments).map(Value::Words),
            Self::SavePoints => words::save_points(arguments).map(Value::SavePoints),
            Self::OutputLimits => words::output_limits(arguments, current).map(Value::OutputLimits),
            _ => match arguments {
                [argument] => self.parse_one(argument),
                _ => Err(ValueError::ArgumentCount),
            },
        }
    }

    fn parse_one(self, argument: &[u8]) -> Result<Value, ValueError> {
        match self {
            Self::YesNo | Self::AlwaysYes(_) => yes_no(argument).map(Value::YesNo),
            Self::Choice(names) => choice(argument, names).map(Value::Choice),
            Self::Integer(min, max) => integer(argument, min, max).map(Value::Integer),
            Self::Clamped(min, max) => {
                let number = integer(argument, 0, i64::from(i32::MAX))?;
                Ok(Value::Integer(number.clamp(min, max)))
            }
            Self::Percent(min, max) => {
                let number = argument.strip_suffix(b"%").unwrap_or(argument);
                integer(number, min, max).map(Value::Integer)
            }
            Self::Octal(max) => octal(argument, max).map(Value::Octal),
            Self::Memory(min, max) => memory(argument, min, max).map(Value::Memory),
            Self::MemoryOrPercent => memory_or_percent(argument),
            Self::Checked(check) => check(argument).map(Value::Text),
            Self::Directory => directory(argument).map(Value::Text),
            Self::Text
            | Self::Flags(_)
            | Self::Words(_)
            | Self::SavePoints
            | Self::OutputLimits => Ok(Value::Text(argument.to_vec())),
        }
    }
}

impl Value {
    /// Writes the value as CONFIG GET does.
    #[must_use]
    pub fn to_reply(&self, kind: Kind) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone(),
            Self::Words(words) => words.join(&b' '),
            Self::Memory(bytes) => bytes.to_string().into_bytes(),
            Self::SavePoints(points) => words::join(points).into_bytes(),
            Self::OutputLimits(limits) => words::limits_reply(limits).into_bytes(),
            _ => self.to_word(kind).into_bytes(),
        }
    }

    /// Writes the value as the rest of a configuration line, from which it reads back.
    #[must_use]
    pub fn to_line(&self, kind: Kind) -> String {
        match self {
            Self::Text(text) => quote(text),
            Self::Words(words) if words.is_empty() => "\"\"".to_owned(),
            // The checks of these kinds let no word through that would need quotes.
            Self::Words(words) => String::from_utf8_lossy(&words.join(&b' ')).into_owned(),
            Self::Memory(bytes) => size::format(*bytes),
            Self::SavePoints(points) if points.is_empty() => "\"\"".to_owned(),
            Self::SavePoints(points) => words::join(points),
            Self::OutputLimits(limits) => words::limits_line(limits),
            _ => self.to_word(kind),
        }
    }

    fn to_word(&self, kind: Kind) -> String {
        match self {
            Self::YesNo(false) if !matches!(kind, Kind::AlwaysYes(_)) => "no".to_owned(),
            Self::YesNo(_) => "yes".to_owned(),
            Self::Choice(name) => (*name).to_owned(),
            Self::Flags(names) => match (names.as_slice(), kind) {
                ([], Kind::Flags([none, ..])) => (*none).to_owned(),
                (names, _) => names.join(" "),
            },
            Self::Integer(number) => number.to_string(),
            Self::Octal(number) => format!("{number:o}"),
            Self::Percent(percent) => format!("{percent}%"),
            // The others are written by the callers, each in its own way.
            _ => String::new(),
        }
    }
}

fn yes_no(argument: &[u8]) -> Result<bool, ValueError> {
    if argument.eq_ignore_ascii_case(b"yes") {
        Ok(true)
    } else if argument.eq_ignore_ascii_case(b"no") {
        Ok(false)
    } else {
        Err(ValueError::NotYesNo)
    }
}

fn choice(argument: &[u8], names: &'static [&str]) -> Result<&'static str, ValueError> {
    let mut names_left = names.iter();
    names_left
        .find(|name| argument.eq_ignore_ascii_case(name.as_bytes()))
        .copied()
        .ok_or(ValueError::NotAChoice(names))
}

fn flags(
    arguments: &[&[u8]],
    names: &'static [&'static str],
) -> Result<Vec<&'static str>, ValueError> {
    let given: Vec<_> =
        arguments.iter().map(|argument| choice(argument, names)).collect::<Result<_, _>>()?;
    if given.is_empty() {
        return Err(ValueError::NotAChoice(names));
    }
    if given.contains(&"save") && given.contains(&"nosave") {
        return Err(ValueError::SaveAndNoSave);
    }
    Ok(names.iter().skip(1).filter(|name| given.contains(name)).copied().collect())
}

fn integer(argument: &[u8], min: i64, max: i64) -> Result<i64, ValueError> {
    let number = words::strict_integer(argument).ok_or(ValueError::NotAnInteger)?;
    if (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err(ValueError::OutOfRange(min.into(), max.into()))
    }
}

fn octal(argument: &[u8], max: u32) -> Result<u32, ValueError> {
    let text = std::str::from_utf8(argument).map_err(|_| ValueError::NotOctal)?;
    if !text.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) || text.is_empty() {
        return Err(ValueError::NotOctal);
    }
    match u32::from_str_radix(text, 8) {
        Ok(number) if number <= max => Ok(number),
        _ => Err(ValueError::OctalOutOfRange(max)),
    }
}

fn memory(argument: &[u8], min: u64, max: u64) -> Result<u64, ValueError> {
    let bytes = size::parse(argument).ok_or(ValueError::NotMemory)?;
    if (min..=max).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(ValueError::OutOfRange(min.into(), max.into()))
    }
}

fn memory_or_percent(argument: &[u8]) -> Result<Value, ValueError> {
    if let Some(number) = argument.strip_suffix(b"%") {
        let percent = words::strict_integer(number).filter(|percent| *percent >= 0);
        let percent = percent.ok_or(ValueError::NotMemoryOrPercent)?;
        return match u8::try_from(percent) {
            Ok(percent @ ..=100) => Ok(Value::Percent(percent)),
            _ => Err(ValueError::PercentTooLarge),
        };
    }
    size::parse(argument)
        .filter(|bytes| i64::try_from(*bytes).is_ok())
        .map(Value::Memory)
        .ok_or(ValueError::NotMemoryOrPercent)
}

/// Resolves a directory to its absolute path, which must exist.
fn directory(argument: &[u8]) -> Result<Vec<u8>, ValueError> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(argument));
    let problem = |error: &std::io::Error| {
        let text = error.to_string();
        // The text ends in the number of the error, which is the kernel's business.
        ValueError::Directory(text.split(" (os error").next().unwrap_or(&text).to_owned())
    };
    let found = path.canonicalize().map_err(|error| problem(&error))?;
    if found.is_dir() {
        Ok(found.into_os_string().into_vec())
    } else {
        Err(ValueError::Directory("Not a directory".to_owned()))
    }
}
