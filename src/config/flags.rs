//! The command line: a configuration file, directives that follow it, and the operator's tools.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{CommandFactory, Parser};

use super::source::{self, ConfigError, Origin, Statement};
use super::store::Config;
use super::syntax::quote;
use super::tools::{Examination, LogCommand, PingArgs, StatusArgs, Tool};
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
                      backlogd man\n       \
                      backlogd doctor [DIR|FILE]"
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
    /// To look at the machine.
    Doctor(Examination),
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
        ["log", "status", "ping", "completions", "man", "doctor"].iter().any(|tool| first == tool)
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
        Some(Tool::Doctor(asked)) => {
            let examination = Examination::new(asked);
            return examination
                .map(Invocation::Doctor)
                .map_err(|error| FlagsError::Tool(error.to_string()));
        }
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
pub(super) fn configuration(rest: &[OsString]) -> Result<(Config, Vec<u8>), ConfigError> {
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
    fn the_doctor_takes_a_directory_or_a_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.conf");
        fs::write(&file, "backlog-dir /srv/log\nmaxmemory 1gb\n").unwrap();
        let examined = |target: &Path| match run(&["doctor", target.to_str().unwrap(), "--json"]) {
            Ok(Invocation::Doctor(examination)) if examination.json => examination.settings(),
            other => panic!("{other:?}"),
        };
        assert_eq!(examined(&file).backlog_dir, Path::new("/srv/log"));
        assert_eq!(examined(&file).memory_limit.bytes, 1 << 30);
        assert_eq!(examined(directory.path()).backlog_dir, directory.path());
        fs::write(&file, "nonsense\n").unwrap();
        let wrong = run(&["doctor", file.to_str().unwrap()]);
        assert!(matches!(wrong, Err(FlagsError::Tool(_))), "{wrong:?}");
        assert!(matches!(run(&["doctor", "a", "b"]), Err(FlagsError::Tool(_))));
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
        let path = |name: &str| Some(Path::new(name).to_owned());
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
