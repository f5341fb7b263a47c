//! The command lines of the operator's tools.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::flags::configuration;
use super::settings::Settings;
use super::source::ConfigError;
use super::store::Config;

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

const DOCTOR_NOTES: &str = "\
It looks at settings of the kernel, the limits of the process it is run as, memory, the file system
of the directory and its room, measured against the configuration: run it as the server's user. How
long syncs take is measured as the log does them, for two seconds at most, on a file of its own that
is removed. The directory may belong to a running server.

Exit status:
  0  all is well
  1  there are warnings: the server runs, and could run better or is at a risk
  2  there are errors: the server does not run so, or does not keep what it promises; or the command
     line or the configuration is wrong";

#[derive(Debug, Subcommand)]
pub(super) enum Tool {
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
    /// Tells whether this machine and a directory suit the server, and what to change
    #[command(after_help = DOCTOR_NOTES)]
    Doctor(DoctorArgs),
}

const PING_NOTES: &str = "\
For health checks. A server that loads its data does not serve, nor does one that wants a password
and gets none. A password on the command line is seen by others on this machine; REDISCLI_AUTH is
not.

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

/// What `backlogd doctor` looks at.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The data directory, or a configuration file that names it [default: ./backlogd-data]
    #[arg(value_name = "DIR|FILE")]
    target: Option<PathBuf>,
    /// Writes JSON
    #[arg(long)]
    json: bool,
}

/// What `backlogd doctor` is to examine, and how to tell.
#[derive(Debug)]
pub struct Examination {
    config: Box<Config>,
    /// A directory in the place of the one that the configuration names.
    directory: Option<PathBuf>,
    /// Whether to write JSON.
    pub json: bool,
}

impl Examination {
    /// Reads the configuration, if one is named.
    pub(super) fn new(asked: DoctorArgs) -> Result<Self, ConfigError> {
        let DoctorArgs { target, json } = asked;
        let (file, directory): (Vec<_>, _) = match target {
            Some(path) if path.is_file() => (vec![path.into_os_string()], None),
            other => (Vec::new(), other),
        };
        Ok(Self { config: Box::new(configuration(&file)?.0), directory, json })
    }

    /// The settings of the server that is to run there.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let mut settings = self.config.settings();
        if let Some(directory) = &self.directory {
            settings.backlog_dir.clone_from(directory);
        }
        settings
    }
}
