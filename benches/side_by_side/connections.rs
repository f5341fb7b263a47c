//! Many connections: each idle but for one command a second, or all of them busy.
//!
//! The clients are tasks on one thread. Every run has a new server, since an allocator keeps what
//! it once had. Memory is anonymous memory: the pages of a mapped log belong to the page cache. CPU
//! is that of a command, which for an idle connection is that of a second.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::aims::Aim;
use crate::client;
use crate::contestants::Entrant;
use crate::figures::{Column, Figures, interleaved};
use crate::table::Table;

const COLUMNS: &[Column] =
    &[Column::Rate, Column::Cpu, Column::Memory, Column::P50, Column::P99, Column::P999];
const CONNECTIONS: [u32; 2] = [1_000, 10_000];
/// More than there are connections, for what asks the server besides.
const CLIENTS: &str = "11000";
/// What a server needs for so many clients, and a few files.
const DESCRIPTORS: u64 = 11_100;
const LASTING: Duration = Duration::from_secs(4);
const EVERY: Duration = Duration::from_secs(1);
/// Keys that are there beforehand, so that only connections grow.
const KEYS: u64 = 1000;
const VALUE_BYTES: usize = 16;
const OK: &[u8] = b"+OK\r\n";

/// What the connections do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Busy,
}

/// Runs all rows and writes them.
pub fn run(workers: &[usize], rounds: usize, out: &mut impl Write) -> io::Result<()> {
    let allowed = getrlimit(Resource::Nofile).current;
    if allowed.is_some_and(|allowed| allowed < DESCRIPTORS) {
        let message = format!("{DESCRIPTORS} open files are needed: raise ulimit -Hn");
        return Err(io::Error::other(message));
    }
    let entrants: Vec<_> = Entrant::all("everysec", workers)
        .into_iter()
        .map(|entrant| entrant.with(&["--maxclients", CLIENTS]))
        .collect();
    let title = "connections, SET of 16 B; idle: one command a second each";
    let table = Table::begin(title, COLUMNS, out)?;
    for connections in CONNECTIONS {
        for (state, name) in [(State::Idle, "idle"), (State::Busy, "busy")] {
            let run = |index: usize| measure(&entrants[index], connections, state);
            let medians = interleaved(entrants.len(), rounds, run)?;
            let names = entrants.iter().map(|entrant| &*entrant.name);
            let aims = [Column::Cpu, Column::Memory].map(|column| Aim::times_or_less(column, 1.0));
            table.cell(&format!("{connections} {name}"), names, &medians, &aims, out)?;
        }
    }
    Ok(())
}

fn measure(entrant: &Entrant, connections: u32, state: State) -> io::Result<Figures> {
    let server = entrant.start()?;
    server.fill(KEYS, VALUE_BYTES)?;
    let memory = server.anonymous_bytes()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (latencies, streams, took, busy) = runtime.block_on(async {
        let streams = connect(server.port, connections).await?;
        let (begun, before) = (Instant::now(), server.busy_now()?);
        let (latencies, streams) = send(streams, state).await?;
        let busy = server.busy_now()?.saturating_sub(before);
        io::Result::Ok((latencies, streams, begun.elapsed(), busy))
    })?;
    // All of them are still connected.
    let grown = server.anonymous_bytes()?.saturating_sub(memory);
    drop(streams);
    let commands = latencies.len() as f64;
    Figures::default()
        .with(Column::Rate, commands / took.as_secs_f64() / 1e3)
        .with(Column::Cpu, busy.as_secs_f64() * 1e6 / commands)
        .with(Column::Memory, grown as f64 / 1024.0 / f64::from(connections))
        .with_latencies(latencies)
}

/// Opens one after the other, and waits until each is answered: none is left to the kernel's queue.
async fn connect(port: u16, connections: u32) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::new();
    for index in 0..connections {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        set(&mut stream, &request(index)).await?;
        streams.push(stream);
    }
    Ok(streams)
}

/// Lets every connection send for as long as a run lasts; returns how long each reply took.
async fn send(
    streams: Vec<TcpStream>,
    state: State,
) -> io::Result<(Vec<Duration>, Vec<TcpStream>)> {
    let (count, start) = (streams.len() as u32, Instant::now());
    let mut tasks = JoinSet::new();
    for (index, mut stream) in (0..count).zip(streams) {
        tasks.spawn(async move {
            let request = request(index);
            let mut latencies = Vec::new();
            // The idle ones are spread over the second.
            let mut due = start + EVERY * index / count;
            while start.elapsed() < LASTING {
                if state == State::Idle {
                    if due >= start + LASTING {
                        break;
                    }
                    tokio::time::sleep_until(due.into()).await;
                    due += EVERY;
                }
                let begun = Instant::now();
                set(&mut stream, &request).await?;
                latencies.push(begun.elapsed());
            }
            io::Result::Ok((latencies, stream))
        });
    }
    let (mut all, mut streams) = (Vec::new(), Vec::new());
    while let Some(ended) = tasks.join_next().await {
        let (latencies, stream) = ended.map_err(io::Error::other)??;
        all.extend(latencies);
        streams.push(stream);
    }
    Ok((all, streams))
}

async fn set(stream: &mut TcpStream, request: &[u8]) -> io::Result<()> {
    stream.write_all(request).await?;
    let mut reply = [0; OK.len()];
    stream.read_exact(&mut reply).await?;
    if reply == OK { Ok(()) } else { Err(io::Error::other(format!("the reply is {reply:?}"))) }
}

fn request(index: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let key = format!("key:{:08}", u64::from(index) % KEYS);
    client::encode(&["SET", &key, &"x".repeat(VALUE_BYTES)], &mut bytes);
    bytes
}
