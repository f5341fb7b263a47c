//! What evictions, tracked keys and events cost whoever writes, beside redis-server without a log.
//!
//! The requests are redis-benchmark's. Beside it one client takes in what the server pushes to it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::{self, JoinHandle};

use crate::aims::Aim;
use crate::benchmark::{COLUMNS, Numbers, benchmark};
use crate::client::{Client, encode};
use crate::contestants::{Contestant, Entrant};
use crate::figures::{Column, interleaved};
use crate::load::Pace;
use crate::table::Table;
use crate::values::CPU_TIMES_MAX;

/// How many different keys the requests name.
const KEYS: u64 = 1_000_000;
const CLIENTS: u64 = 50;
const PIPELINE: u64 = 16;
/// A value of 128 bytes.
const VALUE: &str = concat!(
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
);

/// One kind of load.
struct Case {
    name: &'static str,
    server: &'static [&'static str],
    /// The arguments of redis-benchmark behind the common ones.
    load: &'static [&'static str],
    requests: u64,
    /// Makes what a run finds, and who listens to it.
    prepare: fn(u16) -> io::Result<Option<Listener>>,
}

const SET: &[&str] = &["SET", "key:__rand_int__", VALUE];

const CASES: &[Case] = &[
    Case {
        name: "SET, others evicted",
        server: &["--maxmemory", "96mb", "--maxmemory-policy", "allkeys-lru"],
        load: SET,
        requests: 500_000,
        prepare: |port| fill(port).map(|()| None),
    },
    Case {
        name: "GET, each tracked",
        server: &["--tracking-table-max-keys", "0"],
        load: &["-3", "--enable-tracking", "GET", "key:__rand_int__"],
        requests: 1_000_000,
        prepare: |port| fill(port).map(|()| None),
    },
    Case {
        name: "SET of tracked keys",
        server: &["--tracking-table-max-keys", "0"],
        load: SET,
        requests: 500_000,
        prepare: |port| {
            fill(port)?;
            track_all(port).map(Some)
        },
    },
    Case {
        name: "SET, events heard",
        server: &["--notify-keyspace-events", "KEA"],
        load: SET,
        requests: 500_000,
        prepare: |port| Listener::start(port, &[&["PSUBSCRIBE", "__key*__:*"]]).map(Some),
    },
];

/// A client that reads whatever comes, until it is dropped.
struct Listener {
    stream: TcpStream,
    thread: Option<JoinHandle<()>>,
}

/// Runs all cases and writes their rows.
pub fn run(rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let title = "evictions, tracking and events, pipeline 16, appendfsync everysec";
    let table = Table::begin(title, COLUMNS, out)?;
    for case in CASES {
        let entrants = [Entrant::redis_aof("everysec"), Entrant::backlogd("everysec")];
        let contestants = entrants
            .iter()
            .map(|entrant| entrant.clone().with(case.server).compete(0))
            .collect::<io::Result<Vec<_>>>()?;
        let requests = if pace == Pace::Quick { case.requests / 4 } else { case.requests };
        let run = |index: usize| case.run(&contestants[index], requests);
        let medians = interleaved(contestants.len(), rounds, run)?;
        let names = contestants.iter().map(|contestant| &*contestant.name);
        let aims = [Aim::times_or_less(Column::Cpu, CPU_TIMES_MAX)];
        table.cell(case.name, names, &medians, &aims, out)?;
    }
    Ok(())
}

impl Case {
    fn run(&self, contestant: &Contestant, requests: u64) -> io::Result<crate::figures::Figures> {
        let port = contestant.server.port;
        let _listener = (self.prepare)(port)?;
        let (clients, pipeline, range) = (CLIENTS, PIPELINE, KEYS);
        let flags = Numbers { port, requests, clients, pipeline, range }.flags();
        let arguments: Vec<_> =
            flags.chain(self.load.iter().map(|&word| word.to_owned())).collect();
        benchmark(contestant, &arguments, requests)
    }
}

/// Makes all keys that the requests name.
fn fill(port: u16) -> io::Result<()> {
    each_key(&mut Client::connect(port)?, |key| vec!["SET", key, VALUE])
}

/// Lets a client of its own have read all keys.
fn track_all(port: u16) -> io::Result<Listener> {
    let mut listener = Client::connect(port)?;
    listener.send(&[&["HELLO", "3"], &["CLIENT", "TRACKING", "ON"]])?;
    listener.skip()?;
    listener.skip()?;
    each_key(&mut listener, |key| vec!["GET", key])?;
    Listener::of(listener.into_stream())
}

fn each_key(client: &mut Client, words: fn(&str) -> Vec<&str>) -> io::Result<()> {
    const BATCH: u64 = 1000;
    for first in (0..KEYS).step_by(BATCH as usize) {
        let keys: Vec<_> = (first..first + BATCH).map(|n| format!("key:{n:012}")).collect();
        let requests: Vec<_> = keys.iter().map(|key| words(key)).collect();
        client.send(&requests.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        keys.iter().try_for_each(|_| client.reply().map(drop))?;
    }
    Ok(())
}

impl Listener {
    fn start(port: u16, requests: &[&[&str]]) -> io::Result<Self> {
        let mut bytes = Vec::new();
        for words in requests {
            encode(words, &mut bytes);
        }
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(&bytes)?;
        // Something comes back when the server has begun to send.
        stream.read_exact(&mut [0])?;
        Self::of(stream)
    }

    fn of(stream: TcpStream) -> io::Result<Self> {
        let mut reading = stream.try_clone()?;
        let thread = thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while matches!(reading.read(&mut buffer), Ok(count) if count > 0) {}
        });
        Ok(Self { stream, thread: Some(thread) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Where the server has closed it already, the thread has ended.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
