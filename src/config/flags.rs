//! The command line: a configuration file, directives that follow it, and the operator's tools.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory, Parser, Subcommand};

use super::source::{self, ConfigError, Origin, Statement};
use super::store::Config;
use super::syntax::quote;
use super::value::Kind;

const AFTER_HELP: &str = "\
Directives are those of redis.conf, and they override the file (save adds to its lines):
  backlogd --port 7000 --dir /var/lib/backlogd
  backlogd /etc/backlogd.conf --appendfsync always
  backlogd /etc/backlogd.conf --save 900 1 300 10 --loglevel verbose
  backlogd /etc/backlogd.conf --save ''
  echo 'port 7000' | backlogd - --check-config

Without a file the server listens on port 6379 of the loopback interface and keeps
its data in ./backlogd-data, which it makes.

A configuration file named like a command is given with its directory: ./log

SIGTERM and SIGINT end it in good order, as SHUTDOWN does; what was replied to survives kill -9, too.
With daemonize yes it goes into the background once it listens; with supervised auto it tells systemd
when its data is loaded.

Exit status:
  0  it was told to end, and everything is durable
  1  the configuration is wrong, it cannot start, or it cannot go on; standard error or the log say why";

/// A Redis-compatible server whose replication backlog is a durable log on disk.
#[derive(Debug, Parser)]
#[command(
    name = "backlogd",
    version,
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    override_usage = "backlogd [FILE] [-] [--DIRECTIVE VALUE...]...\n       \
                      backlogd --check-config [FILE] [-] [--DIRECTIVE VALUE...]...\n       \
                      backlogd log <verify|stat|dump|tail> DIR\n       \
                      backlogd status HOST:PORT\n       \
                      backlogd ping [HOST:PORT]\n       \
                      backlogd completions <bash|zsh|fish>\n       \
                      backlogd man"
)]
struct CommandLine {
    /// Checks the configuration, names the first error, and does not start
    #[arg(long)]
    check_config: bool,

    /// A configuration file, `-` for one on standard input, then directives as `--name value...`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FILE|DIRECTIVE")]
    rest: Vec<OsString>,

    #[command(subcommand)]
    command: Option<Tool>,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  sound; with a torn tail too, which is said: a start after a power loss cuts it off
  1  damaged; the file, the byte and the offset are named
  2  the question cannot be answered: no such directory, no log in it, it cannot be read, what is
     asked for is not there, or the command line is wrong

The directory may belong to a running server; nothing in it is changed.";

const VERIFY_NOTES: &str = "\
Every byte of the log and the snapshot are read. Where only segments wholly below the snapshot are
damaged, a start goes on, since it does not read them, and replicas that need them resync in full:
the verdict says so, and the exit status is 1 all the same.";

const STAT_NOTES: &str = "\
Headers, frames and how the segments join are checked, and the checksums of the newest segment's
bytes; verify sums all of them, and reads the snapshot.";

const DUMP_NOTES: &str = "\
Plain form, a line for each command: its offset, when its batch was sealed (UTC), the database it
works in (a dash if no SELECT came before it), and its words, quoted as redis-cli does.

JSON form: {\"offset\", \"end\", \"time\", \"db\", \"args\"}, a line for each command. Times are in
milliseconds since 1970; what is not known is null. In \"args\" every character stands for one
byte: bytes from 0x80 on are \\u0080 to \\u00ff, and encoding the string in Latin-1 gives them back.";

const TAIL_NOTES: &str = "\
Only what the server has sealed is shown: that is what it replies to and what replicas can get.
With --follow it goes on through new segments and restarts of the server; a line on standard error
tells of a restart, and of what it has cut off. Where the retention removes what has not been shown
yet, it ends with an error that names the offset: it leaves nothing out.

It follows until a signal such as SIGINT or SIGTERM ends it, or until the reader of its pipe
leaves (status 0).

The forms of the lines are those of log dump, plain and JSON; see its help.";

const STATUS_NOTES: &str = "\
It goes up from the server that is named to the primary of all, and from there down over the
replicas that each server lists. Redis from 6.2, Valkey and backlogd may be mixed. Of each it shows
its history and offset, how its link is and how far it is behind, and how and why it last resynced,
as far as these servers tell: the age of what a replica lacks, and why it resynced, are known where
one end is a backlogd. Stock primaries tell how long they have heard nothing of a replica instead.

Every server is sent AUTH, if there is a password, and INFO. A password on the command line is seen
by others on this machine; REDISCLI_AUTH is not.

Exit status:
  0  all is well
  1  something is broken: a server does not answer, a link is down, a replica is further behind than
     the backlog reaches, histories differ, there are two primaries of one history; each in a line
     under \"Warnings\". A snapshot on its way to a replica is no warning
  2  the server that is named does not answer, or the command line is wrong";

#[derive(Debug, Subcommand)]
enum Tool {
    /// Shows the servers that replicate with one another as a tree, and what is wrong
    #[command(after_help = STATUS_NOTES)]
    Status(StatusArgs),
    /// Looks into a log directory, live or not, and changes nothing
    #[command(subcommand)]
    Log(LogCommand),
    /// Asks whether a server serves, for health checks
    #[command(after_help = PING_NOTES)]
    Ping(PingArgs),
    /// Prints what has a shell complete commands and directives
    Completions {
        /// The shell
        #[arg(value_parser = ["bash", "zsh", "fish"])]
        shell: String,
    },
    /// Prints the manual page, for man -l -
    Man,
}

const PING_NOTES: &str = "\
For health checks. While the data is loaded, and where a password is wanted and not given, it does not
serve. A password on the command line is seen by others on this machine; REDISCLI_AUTH is not.

Exit status:
  0  it serves
  1  it does not, or does not answer; the reason is on standard error
  2  the command line is wrong";

/// The operator's tools for a log directory; none of them changes it.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum LogCommand {
    /// Reads every frame and checks its checksums; the exit status tells the verdict
    #[command(after_help = format!("{VERIFY_NOTES}\n\n{EXIT_STATUS}"))]
    Verify {
        /// The directory that holds the log
        dir: PathBuf,
        /// Writes JSON
        #[arg(long)]
        json: bool,
    },
    /// Shows segments, offsets, watermarks and lineage
    #[command(after_help = format!("{STAT_NOTES}\n\n{EXIT_STATUS}"))]
    Stat {
        /// The directory that holds the log
        dir: PathBuf,
        /// Writes JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints the commands of the replication stream with their offsets and times
    #[command(after_help = format!("{DUMP_NOTES}\n\n{EXIT_STATUS}"))]
    Dump(DumpArgs),
    /// Prints the latest commands of the stream, and with --follow those to come
    #[command(after_help = format!("{TAIL_NOTES}\n\n{EXIT_STATUS}"))]
    Tail(TailArgs),
}

/// What `backlogd log dump` prints.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct DumpArgs {
    /// The directory that holds the log
    pub dir: PathBuf,
    /// Begins at this offset, which must be where a command begins [default: the oldest]
    #[arg(long, value_name = "OFFSET")]
    pub from: Option<u64>,
    /// Leaves out the commands that begin at this offset or later
    #[arg(long, value_name = "OFFSET")]
    pub to: Option<u64>,
    /// Prints at most this many commands
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Writes one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// What `backlogd log tail` prints.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct TailArgs {
    /// The directory that holds the log
    pub dir: PathBuf,
    /// Begins with this many commands before the end
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub lines: usize,
    /// Begins at this offset instead, which must be where a command begins, or the end
    #[arg(long, value_name = "OFFSET", conflicts_with = "lines")]
    pub from: Option<u64>,
    /// Goes on with what is sealed from now on
    #[arg(short, long)]
    pub follow: bool,
    /// How often it looks for more, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 100, requires = "follow",
          value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub interval: u64,
    /// Writes one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// What `backlogd status` shows.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct StatusArgs {
    /// Any one of the servers; an IPv6 address stands in brackets
    #[arg(value_name = "HOST:PORT")]
    pub address: String,
    /// How it is asked, and all others
    #[command(flatten)]
    pub access: AccessArgs,
    /// Writes JSON
    #[arg(long)]
    pub json: bool,
}

/// What `backlogd ping` asks.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct PingArgs {
    /// The server; an IPv6 address stands in brackets
    #[arg(value_name = "HOST:PORT", default_value = "127.0.0.1:6379")]
    pub address: String,
    /// How it is asked
    #[command(flatten)]
    pub access: AccessArgs,
}

/// How servers are asked.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct AccessArgs {
    /// The user to be let in as [default: the default user]
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// The password
    #[arg(long, value_name = "PASSWORD", help = "The password [default: that in REDISCLI_AUTH]")]
    pub password: Option<String>,
    /// How long a server may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2000,
          value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub timeout: u64,
    /// Speaks TLS
    #[arg(long, requires = "trust")]
    pub tls: bool,
    /// Trusts the servers whose certificates are signed by one in this file
    #[arg(long, value_name = "FILE", requires = "tls", group = "trust")]
    pub cacert: Option<PathBuf>,
    /// Trusts any server
    #[arg(long, requires = "tls", group = "trust")]
    pub insecure: bool,
    /// The certificate to show to servers that want one
    #[arg(long, value_name = "FILE", requires_all = ["tls", "key"])]
    pub cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// To run the server; with what was read of standard input, if it was asked to be.
    Serve(Box<Config>, Vec<u8>),
    /// To say that this configuration is sound.
    CheckConfig(Box<Config>),
    /// To look into a log.
    Log(LogCommand),
    /// To look at servers that run.
    Status(StatusArgs),
    /// To ask whether a server serves.
    Ping(PingArgs),
    /// To print what has this shell complete command lines.
    Completions(String),
    /// To print the manual page.
    Man,
    /// To print this text, such as the help, and nothing else.
    Explain(String),
}

/// Why the command line asks for nothing sensible.
#[derive(Debug, thiserror::Error)]
pub enum FlagsError {
    /// A flag or command of the program is wrong; the text says which, and how it is used.
    #[error("{0}")]
    Usage(String),
    /// The same of one of the operator's tools.
    #[error("{0}")]
    Tool(String),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// The command line as clap knows it, for what is made of it.
///
/// With the directives, which are taken as they come when it is read, as flags of their own.
#[must_use]
pub fn command_with_directives() -> clap::Command {
    super::table::TABLE.iter().fold(command(), |command, row| {
        let flag = clap::Arg::new(row.name).long(row.name).value_name("VALUE");
        command.arg(match row.kind {
            Kind::YesNo => flag.value_parser(["yes", "no"]),
            Kind::Choice(words) => flag.value_parser(PossibleValuesParser::new(words)),
            Kind::Directory => flag.value_hint(clap::ValueHint::DirPath),
            _ => flag,
        })
    })
}

/// The command line as clap knows it, for the manual page.
#[must_use]
pub fn command() -> clap::Command {
    CommandLine::command()
}

/// Reads the arguments, the program's name first, and the configuration that they name.
///
/// Reads standard input when they ask for it.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, FlagsError> {
    let mut arguments: Vec<_> = arguments.into_iter().collect();
    // `-v` is how stock servers spell it, and clap's own is `-V`.
    if arguments.get(1).is_some_and(|first| first == "-v") {
        arguments[1] = OsString::from("--version");
    }
    let is_tool = arguments.get(1).is_some_and(|first| {
        ["log", "status", "ping", "completions", "man"].iter().any(|tool| first == tool)
    });
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) if error.use_stderr() && is_tool => {
            return Err(FlagsError::Tool(error.to_string()));
        }
        Err(error) if error.use_stderr() => return Err(FlagsError::Usage(error.to_string())),
        Err(error) => return Ok(Invocation::Explain(error.to_string())),
    };
    match line.command {
        Some(Tool::Log(command)) => return Ok(Invocation::Log(command)),
        Some(Tool::Status(arguments)) => return Ok(Invocation::Status(arguments)),
        Some(Tool::Ping(arguments)) => return Ok(Invocation::Ping(arguments)),
        Some(Tool::Completions { shell }) => return Ok(Invocation::Completions(shell)),
        Some(Tool::Man) => return Ok(Invocation::Man),
        None => {}
    }
    let (rest, check_later) = without_check_config(line.rest);
    let (config, input) = configuration(&rest)?;
    let config = Box::new(config);
    if line.check_config || check_later {
        Ok(Invocation::CheckConfig(config))
    } else {
        Ok(Invocation::Serve(config, input))
    }
}

/// Reads the file, standard input and the directives, in that order.
fn configuration(rest: &[OsString]) -> Result<(Config, Vec<u8>), ConfigError> {
    let mut rest = rest;
    let mut input = Vec::new();
    let mut statements = Vec::new();
    let mut file = None;
    if let [first, after @ ..] = rest
        && !first.as_bytes().starts_with(b"-")
    {
        file = Some(Path::new(first));
        source::read_file(Path::new(first), &mut statements)?;
        rest = after;
    }
    if let [first, after @ ..] = rest
        && first == "-"
    {
        input = source::read_stdin(&mut statements)?;
        rest = after;
    }
    statements.extend(directives(rest));
    Ok((Config::from_statements(&statements, file)?, input))
}

/// Turns `--name value…` into statements.
///
/// The word after a name is its value even if it begins with `--`, except after `--save`, which may
/// stand alone. Name and value may also be one argument: `--port 7000`, quoted by the shell.
fn directives(rest: &[OsString]) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    let mut expects_value = false;
    for argument in rest {
        let bytes = argument.as_bytes();
        let is_bare_save = found.last().is_some_and(|last| {
            last.words.len() == 1 && last.words[0].eq_ignore_ascii_case(b"save")
        });
        match (bytes.strip_prefix(b"--"), found.last_mut()) {
            (None, Some(last)) => {
                last.words.push(bytes.to_vec());
                expects_value = false;
            }
            (Some(_), Some(last)) if expects_value && !is_bare_save => {
                last.words.push(bytes.to_vec());
                expects_value = false;
            }
            (name, _) => {
                // A word before any name is kept as one, to be refused by its name.
                let words = super::syntax::words(name.unwrap_or(bytes));
                let words = words.filter(|words| !words.is_empty());
                let words = words.unwrap_or_else(|| vec![bytes.to_vec()]);
                expects_value = words.len() == 1;
                found.push(Statement {
                    origin: Origin::CommandLine,
                    line: 0,
                    text: Vec::new(),
                    words,
                });
            }
        }
    }
    for statement in &mut found {
        if let [name] = statement.words.as_slice()
            && name.eq_ignore_ascii_case(b"save")
        {
            statement.words.push(Vec::new());
        }
        statement.text = shown(&statement.words);
    }
    found
}

/// Writes a directive as it would stand in a file.
fn shown(words: &[Vec<u8>]) -> Vec<u8> {
    let mut text = words[0].clone();
    for word in &words[1..] {
        text.push(b' ');
        text.extend_from_slice(quote(word).as_bytes());
    }
    text
}

/// Takes `--check-config` out of the directives, where it may stand as well.
fn without_check_config(rest: Vec<OsString>) -> (Vec<OsString>, bool) {
    let before = rest.len();
    let rest: Vec<_> = rest.into_iter().filter(|word| word != "--check-config").collect();
    let found = rest.len() != before;
    (rest, found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn run(arguments: &[&str]) -> Result<Invocation, FlagsError> {
        let program = std::iter::once("backlogd");
        parse(program.chain(arguments.iter().copied()).map(OsString::from))
    }

    fn served(arguments: &[&str]) -> Config {
        match run(arguments) {
            Ok(Invocation::Serve(config, _)) => *config,
            other => panic!("{other:?}"),
        }
    }

    fn value(config: &Config, name: &str) -> String {
        String::from_utf8(config.get(name.as_bytes()).remove(0).1).unwrap()
    }

    #[test]
    fn no_argument_means_the_defaults() {
        assert_eq!(value(&served(&[]), "port"), "6379");
    }

    #[test]
    fn a_directive_takes_every_word_up_to_the_next() {
        let config = served(&["--save", "900", "1", "300", "10", "--port", "7000", "--hz", "20"]);
        assert_eq!(value(&config, "save"), "900 1 300 10");
        assert_eq!(value(&config, "port"), "7000");
        assert_eq!(value(&config, "hz"), "20");
        assert_eq!(value(&served(&["--port 7001", "--hz 30"]), "hz"), "30");
        assert_eq!(value(&served(&["--save", "900 1"]), "save"), "900 1");
        let config = served(&["--repl_backlog_size", "31457280"]);
        assert_eq!(value(&config, "repl-backlog-size"), "31457280");
    }

    #[test]
    fn save_may_stand_alone_and_others_take_a_value_that_looks_like_a_name() {
        for arguments in [&["--save"][..], &["--save", ""], &["--save", "--port", "1"]] {
            assert_eq!(value(&served(arguments), "save"), "", "{arguments:?}");
        }
        let config = served(&["--requirepass", "--secret", "--port", "1"]);
        assert_eq!(value(&config, "requirepass"), "--secret");
        assert_eq!(value(&config, "port"), "1");
    }

    #[test]
    fn directives_override_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.conf");
        fs::write(&path, "port 1\nhz 50\n").unwrap();
        let config = served(&[path.to_str().unwrap(), "--port", "2"]);
        assert_eq!((value(&config, "port"), value(&config, "hz")), ("2".into(), "50".into()));
        assert_eq!(config.file(), Some(path.as_path()));
    }

    #[test]
    fn the_check_may_be_asked_for_anywhere() {
        for arguments in
            [&["--check-config", "--port", "1"][..], &["--port", "1", "--check-config"]]
        {
            assert!(matches!(run(arguments), Ok(Invocation::CheckConfig(_))), "{arguments:?}");
        }
    }

    #[test]
    fn an_error_shows_the_directive() {
        let error = run(&["--port", "x"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "argument couldn't be parsed into an integer\n    on the command line:\n    \
             >>> 'port \"x\"'"
        );
        let error = run(&["/no/such.conf"]).unwrap_err().to_string();
        assert!(error.starts_with("can't open config file '/no/such.conf'"), "{error}");
        assert!(run(&["--nope", "1"]).unwrap_err().to_string().contains("Bad directive"));
    }

    #[test]
    fn help_and_version_are_explained() {
        for flag in ["--help", "-h", "--version", "-V", "-v"] {
            let Ok(Invocation::Explain(text)) = run(&[flag]) else { panic!("{flag}") };
            assert!(text.contains("backlogd"), "{text}");
        }
    }

    #[test]
    fn the_tools_have_their_own_flags() {
        let Ok(Invocation::Log(command)) = run(&["log", "verify", "/x"]) else { panic!() };
        assert_eq!(command, LogCommand::Verify { dir: "/x".into(), json: false });
        let dump = ["log", "dump", "/x", "--from", "17", "--count", "2", "--json"];
        let Ok(Invocation::Log(LogCommand::Dump(dump))) = run(&dump) else { panic!() };
        assert_eq!((dump.from, dump.to, dump.count, dump.json), (Some(17), None, Some(2), true));
        let tail = ["log", "tail", "/x", "-n", "3", "-f", "--interval", "20"];
        let Ok(Invocation::Log(LogCommand::Tail(tail))) = run(&tail) else { panic!() };
        assert_eq!((tail.lines, tail.from, tail.follow, tail.interval), (3, None, true, 20));
        let Ok(Invocation::Log(LogCommand::Tail(tail))) = run(&["log", "tail", "/x"]) else {
            panic!()
        };
        assert_eq!((tail.lines, tail.follow, tail.interval), (10, false, 100));
        for wrong in [&["-n", "1", "--from", "2"][..], &["-f", "--interval", "0"], &["-n", "-1"]] {
            let arguments = [&["log", "tail", "/x"], wrong].concat();
            assert!(matches!(run(&arguments), Err(FlagsError::Tool(_))), "{wrong:?}");
        }
        assert!(matches!(run(&["log", "dump"]), Err(FlagsError::Tool(_))));
        assert!(matches!(run(&["log", "burn", "/x"]), Err(FlagsError::Tool(_))));
    }

    #[test]
    fn the_status_of_servers_is_asked_for_by_an_address() {
        let line = ["status", "h:1", "--user", "u", "--password", "p", "--timeout", "5", "--json"];
        let Ok(Invocation::Status(given)) = run(&line) else { panic!() };
        assert_eq!((given.address.as_str(), given.access.timeout, given.json), ("h:1", 5, true));
        assert_eq!(
            (given.access.user.as_deref(), given.access.password.as_deref()),
            (Some("u"), Some("p"))
        );
        let Ok(Invocation::Status(bare)) = run(&["status", "h:1"]) else { panic!() };
        assert_eq!(
            (bare.access.user, bare.access.password, bare.access.timeout),
            (None, None, 2000)
        );
        let line = ["status", "h:1", "--tls", "--cacert", "ca", "--cert", "c", "--key", "k"];
        let Ok(Invocation::Status(given)) = run(&line) else { panic!() };
        let path = |name: &str| Some(PathBuf::from(name));
        assert_eq!(
            (given.access.tls, given.access.insecure, given.access.cacert),
            (true, false, path("ca"))
        );
        assert_eq!((given.access.cert, given.access.key), (path("c"), path("k")));
        for wrong in [&["status"][..], &["status", "a", "b"], &["status", "a", "--timeout", "0"]] {
            assert!(matches!(run(wrong), Err(FlagsError::Tool(_))), "{wrong:?}");
        }
    }

    #[test]
    fn a_server_is_pinged_where_it_is_by_default() {
        let Ok(Invocation::Ping(bare)) = run(&["ping"]) else { panic!() };
        assert_eq!((bare.address.as_str(), bare.access.timeout), ("127.0.0.1:6379", 2000));
        let Ok(Invocation::Ping(given)) = run(&["ping", "h:1", "--timeout", "5"]) else { panic!() };
        assert_eq!((given.address.as_str(), given.access.timeout), ("h:1", 5));
        assert!(matches!(run(&["completions", "tcsh"]), Err(FlagsError::Tool(_))));
        assert!(matches!(run(&["man"]), Ok(Invocation::Man)));
    }
}
