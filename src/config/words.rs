//! The directives whose arguments have a shape of their own: `save`, `bind`, buffer limits, events.

use std::fmt;

use super::size;
use super::value::{Value, ValueError};

/// Addresses the server will listen on at most.
pub const ADDRESSES_MAX: usize = 16;

/// The classes of `client-output-buffer-limit`, as CONFIG GET and as a configuration line name them.
pub const CLIENT_CLASSES: [(&str, &str); 3] =
    [("normal", "normal"), ("slave", "replica"), ("pubsub", "pubsub")];

/// The letters of `notify-keyspace-events` in the order they are written, without `K`, `E` and `A`.
const EVENT_LETTERS: &[u8] = b"g$lshzxetd";

/// Letters that `A` does not stand for.
const EVENT_LETTERS_APART: &[u8] = b"nKEm";

/// The variables of `proc-title-template`.
const TITLE_VARIABLES: [&str; 7] =
    ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];

/// Asks for a snapshot `seconds` after the last one if there were `changes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// The time since the last snapshot.
    pub seconds: u64,
    /// The writes since then.
    pub changes: u64,
}

impl fmt::Display for SavePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seconds, self.changes)
    }
}

/// How much unread output a client may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes at which the client is closed at once; zero for no limit.
    pub hard_bytes: u64,
    /// Bytes at which it is closed when it stays there for `soft_seconds`; zero for no limit.
    pub soft_bytes: u64,
    /// See `soft_bytes`.
    pub soft_seconds: u64,
}

/// Reads a decimal number that is written in its shortest form.
#[must_use]
pub fn strict_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let is_canonical = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if is_canonical { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// Writes things with a blank between them.
#[must_use]
pub fn join<T: fmt::Display>(things: &[T]) -> String {
    things.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Reads the pairs of `save`; one empty argument means none.
pub fn save_points(arguments: &[&[u8]]) -> Result<Vec<SavePoint>, ValueError> {
    if matches!(arguments, [argument] if argument.is_empty()) {
        return Ok(Vec::new());
    }
    let (pairs, rest) = arguments.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(ValueError::SavePoints);
    }
    let point = |[seconds, changes]: &[&[u8]; 2]| {
        let seconds = lenient_integer(seconds).filter(|seconds| *seconds >= 1)?;
        let changes = lenient_integer(changes).filter(|changes| i32::try_from(*changes).is_ok())?;
        Some(SavePoint { seconds, changes })
    };
    pairs.iter().map(point).collect::<Option<_>>().ok_or(ValueError::SavePoints)
}

/// Reads groups of `class hard soft seconds` and changes those classes of `current`.
pub fn output_limits(arguments: &[&[u8]], current: &Value) -> Result<[OutputLimit; 3], ValueError> {
    let mut limits = match current {
        Value::OutputLimits(limits) => *limits,
        _ => [OutputLimit::default(); 3],
    };
    let (groups, rest) = arguments.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(ValueError::LimitArguments);
    }
    for [class, hard, soft, seconds] in groups {
        let limit = client_class(class)
            .and_then(|class| limits.get_mut(class))
            .ok_or(ValueError::LimitClass)?;
        *limit = (|| {
            Some(OutputLimit {
                hard_bytes: size::parse(hard)?,
                soft_bytes: size::parse(soft)?,
                soft_seconds: lenient_integer(seconds)?,
            })
        })()
        .ok_or(ValueError::LimitNumbers)?;
    }
    Ok(limits)
}

/// Writes the limits of all classes as CONFIG GET does.
#[must_use]
pub fn limits_reply(limits: &[OutputLimit; 3]) -> String {
    let mut groups = CLIENT_CLASSES.iter().zip(limits).map(|((name, _), limit)| {
        format!("{name} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
    });
    groups.by_ref().collect::<Vec<_>>().join(" ")
}

/// Writes the limits of all classes as one configuration line takes them.
#[must_use]
pub fn limits_line(limits: &[OutputLimit; 3]) -> String {
    let groups = CLIENT_CLASSES
        .iter()
        .zip(limits)
        .map(|((_, name), limit)| format!("{name} {}", limit_words(limit)));
    groups.collect::<Vec<_>>().join(" ")
}

/// Writes the three numbers of a limit as a configuration line takes them.
#[must_use]
pub fn limit_words(limit: &OutputLimit) -> String {
    let (hard, soft) = (size::format(limit.hard_bytes), size::format(limit.soft_bytes));
    format!("{hard} {soft} {}", limit.soft_seconds)
}

/// Checks the addresses of `bind`; one empty argument means none.
pub fn addresses(arguments: &[&[u8]]) -> Result<Vec<Vec<u8>>, ValueError> {
    if arguments.len() > ADDRESSES_MAX {
        return Err(ValueError::TooManyAddresses);
    }
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    let words = some_words(arguments);
    let is_address = |word: &Vec<u8>| !word.is_empty() && word.iter().all(is_plain);
    if words.iter().all(is_address) { Ok(words) } else { Err(ValueError::Address) }
}

/// Checks the host and port of `replicaof`; `no one` and one empty argument mean none.
pub fn primary(arguments: &[&[u8]]) -> Result<Vec<Vec<u8>>, ValueError> {
    match arguments {
        [b""] => Ok(Vec::new()),
        [host, port] => {
            if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
                return Ok(Vec::new());
            }
            let is_port = lenient_integer(port).is_some_and(|port| u16::try_from(port).is_ok());
            if is_port { Ok(some_words(arguments)) } else { Err(ValueError::PrimaryPort) }
        }
        _ => Err(ValueError::ArgumentCount),
    }
}

/// Checks the percentiles of `latency-tracking-info-percentiles`; one empty argument means none.
pub fn percentiles(arguments: &[&[u8]]) -> Result<Vec<Vec<u8>>, ValueError> {
    let percentile = |word: Vec<u8>| {
        let text = std::str::from_utf8(&word).map_err(|_| ValueError::Percentile)?;
        let number: f64 = text.parse().map_err(|_| ValueError::Percentile)?;
        if (0.0..=100.0).contains(&number) {
            Ok(number.abs().to_string().into_bytes())
        } else {
            Err(ValueError::PercentileOutOfRange)
        }
    };
    some_words(arguments).into_iter().map(percentile).collect()
}

/// Checks the three scores of `oom-score-adj-values`.
pub fn oom_scores(arguments: &[&[u8]]) -> Result<Vec<Vec<u8>>, ValueError> {
    if arguments.len() != 3 {
        return Err(ValueError::ArgumentCount);
    }
    let score = |word: &&[u8]| {
        let score = strict_integer(word).filter(|score| (-2000..=2000).contains(score));
        Ok(score.ok_or(ValueError::OomScores)?.to_string().into_bytes())
    };
    arguments.iter().map(score).collect()
}

/// Checks the letters of `notify-keyspace-events` and puts them in order.
pub fn event_classes(argument: &[u8]) -> Result<Vec<u8>, ValueError> {
    let is_known = |letter: &u8| {
        *letter == b'A' || EVENT_LETTERS.contains(letter) || EVENT_LETTERS_APART.contains(letter)
    };
    if !argument.iter().all(is_known) {
        return Err(ValueError::EventClass);
    }
    let has = |letter: &u8| argument.contains(letter);
    let mut written = if has(&b'A') || EVENT_LETTERS.iter().all(has) {
        vec![b'A']
    } else {
        EVENT_LETTERS.iter().copied().filter(has).collect()
    };
    written.extend(EVENT_LETTERS_APART.iter().copied().filter(has));
    Ok(written)
}

/// Checks that `dbfilename` is a name and no path, and not that of a segment or a file of state.
///
/// Publishing a snapshot replaces whatever has its name.
pub fn snapshot_name(argument: &[u8]) -> Result<Vec<u8>, ValueError> {
    let name = file_name(argument, "dbfilename", "filename")?;
    if matches!(argument, b"." | b"..") {
        return Err(ValueError::DirectoryName("dbfilename"));
    }
    let is_own = argument.ends_with(b".log")
        || argument.starts_with(b"backlogd.")
        || argument.starts_with(b"backlogd-");
    if is_own { Err(ValueError::OwnFileName("dbfilename")) } else { Ok(name) }
}

/// Checks that `appendfilename` is a name and no path.
pub fn append_name(argument: &[u8]) -> Result<Vec<u8>, ValueError> {
    file_name(argument, "appendfilename", "filename")
}

/// Checks that `appenddirname` is a name and no path.
pub fn append_directory_name(argument: &[u8]) -> Result<Vec<u8>, ValueError> {
    file_name(argument, "appenddirname", "dirname")
}

/// Checks a host name.
pub fn host_name(argument: &[u8]) -> Result<Vec<u8>, ValueError> {
    if argument.len() >= 256 {
        return Err(ValueError::HostNameLength);
    }
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if argument.iter().all(is_allowed) { Ok(argument.to_vec()) } else { Err(ValueError::HostName) }
}

/// Checks the variables in braces of `proc-title-template`.
pub fn title_template(argument: &[u8]) -> Result<Vec<u8>, ValueError> {
    let mut rest = argument;
    while let Some(open) = rest.iter().position(|byte| *byte == b'{') {
        let inside = &rest[open + 1..];
        let close = inside.iter().position(|byte| *byte == b'}');
        let close = close.ok_or(ValueError::TitleTemplate)?;
        if !TITLE_VARIABLES.iter().any(|name| name.as_bytes() == &inside[..close]) {
            return Err(ValueError::TitleTemplate);
        }
        rest = &inside[close + 1..];
    }
    Ok(argument.to_vec())
}

fn client_class(name: &[u8]) -> Option<usize> {
    CLIENT_CLASSES.iter().position(|(reply, line)| {
        name.eq_ignore_ascii_case(reply.as_bytes()) || name.eq_ignore_ascii_case(line.as_bytes())
    })
}

fn file_name(
    argument: &[u8],
    directive: &'static str,
    what: &'static str,
) -> Result<Vec<u8>, ValueError> {
    if argument.is_empty() {
        return Err(ValueError::EmptyFileName(directive));
    }
    let is_name = !argument.contains(&b'/');
    if is_name { Ok(argument.to_vec()) } else { Err(ValueError::NotAFileName(directive, what)) }
}

fn some_words(arguments: &[&[u8]]) -> Vec<Vec<u8>> {
    match arguments {
        [b""] => Vec::new(),
        _ => arguments.iter().map(|word| word.to_vec()).collect(),
    }
}

/// Reads a number as C's `strtoll` does, that is with a plus sign and zeroes before it.
fn lenient_integer(text: &[u8]) -> Option<u64> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let number = std::str::from_utf8(text).ok()?;
    if number.starts_with('+') { None } else { number.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shortest_form_of_a_number_is_a_number() {
        for (text, number) in [("0", 0), ("-1", -1), ("10", 10)] {
            assert_eq!(strict_integer(text.as_bytes()), Some(number));
        }
        for text in ["", "-", "-0", "+1", "01", "1 ", "1x", "9223372036854775808"] {
            assert_eq!(strict_integer(text.as_bytes()), None, "{text}");
        }
        assert_eq!(strict_integer(b"-9223372036854775808"), Some(i64::MIN));
    }

    #[test]
    fn save_takes_pairs_or_nothing() {
        let point = |seconds, changes| SavePoint { seconds, changes };
        assert_eq!(save_points(&[b""]), Ok(vec![]));
        assert_eq!(save_points(&[b"+10", b"0"]), Ok(vec![point(10, 0)]));
        for bad in [&[&b"1"[..]][..], &[b"0", b"1"], &[b"1", b"-1"], &[b"", b"1"], &[b"a", b"1"]] {
            assert_eq!(save_points(bad), Err(ValueError::SavePoints));
        }
    }

    #[test]
    fn event_classes_come_in_one_order() {
        for (given, written) in
            [("KEA", "AKE"), ("gKxnA", "AnK"), ("d$lm", "$ldm"), ("", ""), ("g$lshzxetd", "A")]
        {
            assert_eq!(event_classes(given.as_bytes()), Ok(written.as_bytes().to_vec()));
        }
        assert_eq!(event_classes(b"q"), Err(ValueError::EventClass));
    }

    #[test]
    fn a_snapshot_is_not_named_like_a_file_of_the_server() {
        for name in ["dump.rdb", "log", "backlogd", "my.backlogd.manifest", "x.log.rdb"] {
            assert_eq!(snapshot_name(name.as_bytes()), Ok(name.into()));
        }
        for name in [
            "00000000000000000001.log",
            ".log",
            "backlogd.manifest",
            "backlogd.lock",
            "backlogd.sync-failed",
            "backlogd-import.tmp",
        ] {
            let own = ValueError::OwnFileName("dbfilename");
            assert_eq!(snapshot_name(name.as_bytes()), Err(own), "{name}");
        }
        for (name, error) in [
            (".", ValueError::DirectoryName("dbfilename")),
            ("..", ValueError::DirectoryName("dbfilename")),
            ("", ValueError::EmptyFileName("dbfilename")),
            ("a/b", ValueError::NotAFileName("dbfilename", "filename")),
        ] {
            assert_eq!(snapshot_name(name.as_bytes()), Err(error), "{name}");
        }
    }

    #[test]
    fn a_title_names_known_variables() {
        assert!(title_template(b"{title} {port}").is_ok());
        assert!(title_template(b"").is_ok());
        for bad in ["{foo}", "{title", "{}"] {
            assert_eq!(title_template(bad.as_bytes()), Err(ValueError::TitleTemplate));
        }
    }

    #[test]
    fn a_limit_changes_its_own_class() {
        let none = Value::OutputLimits([OutputLimit::default(); 3]);
        let limits = output_limits(&[b"REPLICA", b"1mb", b"2k", b"30"], &none).unwrap();
        assert_eq!(limits_reply(&limits), "normal 0 0 0 slave 1048576 2000 30 pubsub 0 0 0");
        assert_eq!(limits_line(&limits), "normal 0 0 0 replica 1mb 2000 30 pubsub 0 0 0");
        let error = output_limits(&[b"master", b"1", b"1", b"1"], &none);
        assert_eq!(error, Err(ValueError::LimitClass));
    }
}
