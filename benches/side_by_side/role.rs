//! What a replica does: applying the stream, coming back, catching up, beginning anew, taking over.
//!
//! All replicas of a row follow a primary of the same kind, one after the other.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::server::{Kind, Running};

const VALUE_BYTES: usize = 64;
/// What a stock primary needs so that no limit of its own cuts a replica that is behind.
const PATIENT: [&str; 10] = [
    "--repl-backlog-size",
    "4gb",
    "--repl-diskless-sync-delay",
    "0",
    "--repl-timeout",
    "600",
    "--client-output-buffer-limit",
    "slave 0 0 0",
    "--appendonly",
    "no",
];
const CONTESTANTS: [(&str, Kind, &[&str]); 3] = [
    ("redis", Kind::Redis, &["--appendonly", "no"]),
    ("redis aof", Kind::Redis, &["--appendonly", "yes"]),
    ("backlogd", Kind::Backlogd, &[]),
];

/// Runs all rows and writes them.
pub fn run(keys: u64, out: &mut impl Write) -> io::Result<()> {
    apply(keys, out)?;
    restart(keys, out)?;
    catch_up(out)?;
    full_sync(out)?;
    promotion(out)
}

fn start(kind: Kind, flags: &[&str], primary: &Running) -> io::Result<Running> {
    let port = primary.port.to_string();
    let following = ["--replicaof", "127.0.0.1", &port, "--repl-timeout", "600"];
    Running::start(kind, &[flags, &following].concat())
}

fn signal(server: &Running, signal: Signal) -> io::Result<()> {
    let pid = Pid::from_raw(server.pid() as i32).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(pid, signal)?)
}

/// A replica that is held back while the stream gathers, and then applies all of it.
fn apply(keys: u64, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\napplying a pipelined stream of {keys} SETs of {VALUE_BYTES} B, already there"
    )?;
    let mut base = None;
    for (name, kind, flags) in CONTESTANTS {
        let primary = Running::start(Kind::Redis, &PATIENT)?;
        let replica = start(kind, flags, &primary)?;
        primary.until_followed_by(std::slice::from_ref(&replica))?;
        signal(&replica, Signal::STOP)?;
        primary.fill(keys, VALUE_BYTES)?;
        let busy = replica.busy()?;
        signal(&replica, Signal::CONT)?;
        let took = primary.until_followed_by(std::slice::from_ref(&replica))?;
        let busy = replica.busy()?.saturating_sub(busy);
        let rate = keys as f64 / took.as_secs_f64();
        let cost_us = busy.as_secs_f64() * 1e6 / keys as f64;
        let (base_rate, base_cost) = *base.get_or_insert((rate, cost_us));
        writeln!(
            out,
            "{name:10} {rate:9.0} commands/s × {:.2} (aim 1.5)  {cost_us:.2} s CPU per million × {:.2} \
             (aim 0.7)",
            rate / base_rate,
            cost_us / base_cost
        )?;
    }
    Ok(())
}

/// A replica that is killed and comes back.
fn restart(keys: u64, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\na replica of {keys} keys, killed: from its start until it is in sync again")?;
    let mut base = None;
    for (name, kind, flags) in CONTESTANTS {
        let primary = Running::start(Kind::Redis, &PATIENT)?;
        primary.fill(keys, VALUE_BYTES)?;
        let mut replica = start(kind, flags, &primary)?;
        primary.until_followed_by(std::slice::from_ref(&replica))?;
        let full = primary.number("sync_full")?;
        replica.kill()?;
        primary.fill(keys / 100, VALUE_BYTES)?;
        let begun = Instant::now();
        replica.start_again_unready()?;
        primary.until_followed_by(std::slice::from_ref(&replica))?;
        let (took, fulls) = (begun.elapsed(), primary.number("sync_full")? - full);
        let ratio = took.as_secs_f64() / base.get_or_insert(took).as_secs_f64();
        let ms = took.as_millis();
        writeln!(out, "{name:10} {ms:6} ms × {ratio:.2} (aim 0.33)  {fulls} full resyncs")?;
    }
    Ok(())
}

/// A replica that was away for a gigabyte.
fn catch_up(out: &mut impl Write) -> io::Result<()> {
    const VALUES: u64 = 250_000;
    const LONG_BYTES: usize = 4096;
    let socket = socket_rate()?;
    writeln!(
        out,
        "\ncatching up {VALUES} SETs of {LONG_BYTES} B; a socket carries {socket:.0} MB/s"
    )?;
    for (name, kind, flags) in CONTESTANTS {
        let primary = Running::start(Kind::Backlogd, &["--repl-backlog-size", "4gb"])?;
        let replica = start(kind, flags, &primary)?;
        primary.until_followed_by(std::slice::from_ref(&replica))?;
        signal(&replica, Signal::STOP)?;
        primary.fill(VALUES, LONG_BYTES)?;
        signal(&replica, Signal::CONT)?;
        let took = primary.until_followed_by(std::slice::from_ref(&replica))?;
        let rate = VALUES as f64 * LONG_BYTES as f64 / 1e6 / took.as_secs_f64();
        let fulls = primary.number("sync_full")?;
        writeln!(
            out,
            "{name:10} {rate:6.0} MB/s × {:.2} of the socket (aim 0.8)  {fulls} full resyncs",
            rate / socket
        )?;
    }
    Ok(())
}

/// What a loopback socket carries between two threads that do nothing else, in MB/s.
fn socket_rate() -> io::Result<f64> {
    const BYTES: usize = 1 << 30;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let sender = thread::spawn(move || -> io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        let chunk = vec![b'x'; 256 << 10];
        (0..BYTES / chunk.len()).try_for_each(|_| stream.write_all(&chunk))
    });
    let (mut stream, _) = listener.accept()?;
    let begun = Instant::now();
    let (mut chunk, mut read) = (vec![0; 256 << 10], 0);
    while read < BYTES {
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => read += count,
        }
    }
    let took = begun.elapsed();
    sender.join().map_err(|_| io::Error::other("the sender panicked"))??;
    Ok(BYTES as f64 / 1e6 / took.as_secs_f64())
}

/// An empty replica of half a gigabyte.
fn full_sync(out: &mut impl Write) -> io::Result<()> {
    const VALUES: u64 = 500_000;
    const LONG_BYTES: usize = 1000;
    writeln!(out, "\nfull resync of {VALUES} keys of {LONG_BYTES} B")?;
    let primary =
        Running::start(Kind::Redis, &[&PATIENT[..], &["--rdbcompression", "no"]].concat())?;
    primary.fill(VALUES, LONG_BYTES)?;
    let mut base = None;
    for (name, kind, flags) in CONTESTANTS {
        let begun = Instant::now();
        let replica = start(kind, flags, &primary)?;
        primary.until_followed_by(std::slice::from_ref(&replica))?;
        let took = begun.elapsed();
        let ratio = took.as_secs_f64() / base.get_or_insert(took).as_secs_f64();
        let (ms, busy_ms) = (took.as_millis(), replica.busy()?.as_millis());
        writeln!(out, "{name:10} {ms:6} ms × {ratio:.2} (aim 0.7)  {busy_ms:6} ms CPU")?;
    }
    Ok(())
}

/// From `REPLICAOF NO ONE` to the first write that is taken.
fn promotion(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\npromotion: from REPLICAOF NO ONE until a write is taken")?;
    for (name, kind, flags) in CONTESTANTS {
        let primary = Running::start(Kind::Redis, &PATIENT)?;
        primary.fill(100_000, VALUE_BYTES)?;
        let replica = start(kind, flags, &primary)?;
        primary.until_followed_by(std::slice::from_ref(&replica))?;
        let mut took = Duration::MAX;
        for _ in 0..5 {
            let begun = Instant::now();
            replica.ask("REPLICAOF NO ONE")?;
            while replica.ask("SET taken yes")? != "+OK" {}
            took = took.min(begun.elapsed());
            replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port))?;
            primary.until_followed_by(std::slice::from_ref(&replica))?;
        }
        writeln!(out, "{name:10} {:8.2} ms, the fastest of five", took.as_secs_f64() * 1e3)?;
    }
    Ok(())
}
