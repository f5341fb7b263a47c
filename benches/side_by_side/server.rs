//! A server process in a directory of its own, and what can be asked of it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(2);
/// Between two questions to a server whose latencies are being measured.
const GENTLE_POLL: Duration = Duration::from_millis(25);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The one built from this source.
    Backlogd,
    /// The stock one.
    Redis,
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Running {
    /// Which server it is.
    pub kind: Kind,
    arguments: Vec<String>,
    directory: TempDir,
    child: Child,
    /// Where it listens on loopback.
    pub port: u16,
}

impl Running {
    /// Starts a server with an empty directory and waits until it answers.
    pub fn start(kind: Kind, arguments: &[&str]) -> io::Result<Self> {
        let directory = TempDir::new()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let child = spawn(kind, &arguments, directory.path(), port)?;
        let mut server = Self { kind, arguments, directory, child, port };
        server.until_ready()?;
        Ok(server)
    }

    /// Starts a stock replica of `self`.
    pub fn replica(&self) -> io::Result<Self> {
        let port = self.port.to_string();
        Self::start(Kind::Redis, &["--replicaof", "127.0.0.1", &port])
    }

    /// Starts a replica of `self` that is of the same kind, with the same arguments.
    pub fn twin(&self) -> io::Result<Self> {
        let port = self.port.to_string();
        let own = self.arguments.iter().map(String::as_str);
        let arguments: Vec<_> = own.chain(["--replicaof", "127.0.0.1", &port]).collect();
        let twin = Self::start(self.kind, &arguments)?;
        // It answers a moment before it takes up its role.
        until(POLL, || Ok(twin.info("role")? == "slave"))?;
        Ok(twin)
    }

    /// Starts it again in the same place and waits until it answers; tells how long that took.
    pub fn start_again(&mut self) -> io::Result<Duration> {
        let begun = Instant::now();
        self.child = spawn(self.kind, &self.arguments, self.directory.path(), self.port)?;
        self.until_ready()?;
        Ok(begun.elapsed())
    }

    /// Starts it again in the same place, and waits for nothing.
    pub fn start_again_unready(&mut self) -> io::Result<()> {
        self.child = spawn(self.kind, &self.arguments, self.directory.path(), self.port)?;
        Ok(())
    }

    /// Kills it on the spot.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Asks one inline command; returns the whole reply of a bulk string, the line of another.
    pub fn ask(&self, line: &str) -> io::Result<String> {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.port))?);
        stream.get_ref().set_read_timeout(Some(PATIENCE))?;
        stream.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        let mut reply = String::new();
        stream.read_line(&mut reply)?;
        let Some(length) = reply.strip_prefix('$') else { return Ok(reply.trim_end().to_owned()) };
        let length = length.trim_end().parse::<u64>().map_err(io::Error::other)?;
        let mut text = String::new();
        stream.take(length).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Reads one field of `INFO`.
    pub fn info(&self, field: &str) -> io::Result<String> {
        let text = self.ask("INFO everything")?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .map(str::trim);
        value.map(str::to_owned).ok_or_else(|| io::Error::other(format!("INFO has no {field}")))
    }

    /// Reads one field of `INFO` that is a number.
    pub fn number(&self, field: &str) -> io::Result<u64> {
        self.info(field)?.parse().map_err(io::Error::other)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells how much memory it has that no file stands behind.
    pub fn anonymous_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"))
            .ok_or(io::ErrorKind::InvalidData)?;
        kib.parse::<u64>().map(|kib| kib * 1024).map_err(io::Error::other)
    }

    /// Tells how long the threads that live have been on a core, to the nanosecond.
    pub fn busy_now(&self) -> io::Result<Duration> {
        let mut total = Duration::ZERO;
        for task in fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            // A thread that ends meanwhile does not count.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let on_core = text.split(' ').next().and_then(|field| field.parse().ok());
            total += Duration::from_nanos(on_core.ok_or(io::ErrorKind::InvalidData)?);
        }
        Ok(total)
    }

    /// Tells how long the server, all threads, has been on a core, those that ended included.
    pub fn busy(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold spaces; the fields after it are fixed.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
        let (user, system) = ticks(12).zip(ticks(13)).ok_or(io::ErrorKind::InvalidData)?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs(user + system) / per_second as u32)
    }

    /// Writes so many keys, each `key:` and eight digits, through one pipelined connection.
    pub fn fill(&self, keys: u64, value_bytes: usize) -> io::Result<()> {
        let value = "x".repeat(value_bytes);
        self.fill_from(0..keys, |_| &value)
    }

    /// Writes keys as [`Self::fill`] does, each with a value of its own.
    pub fn fill_from<'v>(
        &self,
        keys: Range<u64>,
        value_of: impl Fn(u64) -> &'v str,
    ) -> io::Result<()> {
        self.fill_by(keys, |batch, key| {
            let value = value_of(key);
            let bytes = value.len();
            write!(batch, "*3\r\n$3\r\nSET\r\n$12\r\nkey:{key:08}\r\n${bytes}\r\n{value}\r\n")
        })
    }

    /// Sends a request for each number, which `encode` writes and `+OK` answers, in a pipeline.
    pub fn fill_by(
        &self,
        numbers: Range<u64>,
        encode: impl Fn(&mut Vec<u8>, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        const BATCH: u64 = 1000;
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        let (mut batch, mut replies) = (Vec::new(), Vec::new());
        for first in numbers.clone().step_by(BATCH as usize) {
            let mut numbers = first..numbers.end.min(first + BATCH);
            replies.resize((numbers.end - first) as usize * "+OK\r\n".len(), 0);
            batch.clear();
            numbers.try_for_each(|number| encode(&mut batch, number))?;
            stream.write_all(&batch)?;
            stream.read_exact(&mut replies)?;
        }
        Ok(())
    }

    /// Waits until all of `replicas` have everything that `self` has; tells how long that took.
    pub fn until_followed_by(&self, replicas: &[Self]) -> io::Result<Duration> {
        let begun = Instant::now();
        until(POLL, || {
            let end = self.info("master_repl_offset")?;
            for replica in replicas {
                // One that is just starting may not answer yet.
                let is = |field: &str, wanted: &str| {
                    replica.info(field).is_ok_and(|found| found == wanted)
                };
                if !is("master_link_status", "up") || !is("slave_repl_offset", &end) {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        Ok(begun.elapsed())
    }

    /// Waits until this replica follows its primary, however far behind.
    pub fn until_linked(&self) -> io::Result<()> {
        until(GENTLE_POLL, || Ok(self.info("master_link_status")? == "up"))
    }

    /// Waits until no snapshot is being taken, and the last one was.
    pub fn until_saved(&self) -> io::Result<()> {
        until(GENTLE_POLL, || Ok(self.info("rdb_bgsave_in_progress")? == "0"))?;
        match &*self.info("rdb_last_bgsave_status")? {
            "ok" => Ok(()),
            status => Err(io::Error::other(format!("BGSAVE ended with {status}"))),
        }
    }

    fn until_ready(&mut self) -> io::Result<()> {
        until(POLL, || match self.child.try_wait()? {
            None => Ok(self.ask("PING").is_ok_and(|reply| reply == "+PONG")),
            Some(status) => Err(io::Error::other(format!("the server ended: {status}"))),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is all that is wanted.
        let _ = self.kill();
    }
}

fn spawn(kind: Kind, arguments: &[String], directory: &Path, port: u16) -> io::Result<Child> {
    let program = match kind {
        Kind::Backlogd => env!("CARGO_BIN_EXE_backlogd"),
        Kind::Redis => "redis-server",
    };
    let port = port.to_string();
    let directory = directory.to_string_lossy();
    let common =
        ["--port", &port, "--bind", "127.0.0.1", "--dir", &directory, "--loglevel", "warning"];
    let mut command = Command::new(program);
    command.args(common).args(["--save", ""]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().map_err(|error| {
        io::Error::new(error.kind(), format!("{program}: {error} (apt-get install redis-server)"))
    })
}

fn until(poll: Duration, mut done: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done()? {
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(poll);
    }
    Ok(())
}
