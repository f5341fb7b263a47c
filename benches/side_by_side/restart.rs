//! How long a server takes to come back, and how long its replicas take to be in sync again.

use std::io::{self, Write};
use std::time::Duration;

use crate::server::{Kind, Running};

const REPLICAS: usize = 2;
/// The length of the values written.
const VALUE_BYTES: usize = 64;

/// How a server stopped before it is started again.
#[derive(Clone, Copy, Debug)]
enum Stop {
    /// With a snapshot of everything.
    Saved,
    /// By SIGKILL, so that all there is are the commands written.
    Killed,
    /// By SIGKILL, when half of the commands were in a snapshot.
    KilledAfterSave,
}

/// What a start took.
#[derive(Clone, Copy, Debug)]
struct Start {
    took: Duration,
    busy: Duration,
}

/// Runs all rows and writes them.
pub fn run(keys: u64, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nrestart with {keys} keys of {VALUE_BYTES} B: until it answers, and CPU")?;
    let rdb = start(Kind::Redis, &["--appendonly", "no"], keys, Stop::Saved)?;
    let aof = start(Kind::Redis, &["--appendonly", "yes"], keys, Stop::Killed)?;
    let snapshot = start(Kind::Backlogd, &[], keys, Stop::Saved)?;
    let log = start(Kind::Backlogd, &["--backlog-snapshot-ratio", "1000000"], keys, Stop::Killed)?;
    let both = start(
        Kind::Backlogd,
        &["--backlog-snapshot-ratio", "1000000"],
        keys,
        Stop::KilledAfterSave,
    )?;
    write_start(out, "redis, RDB", rdb, rdb)?;
    write_start(out, "redis, AOF", aof, aof)?;
    write_start(out, "backlogd, snapshot (× RDB)", snapshot, rdb)?;
    write_start(out, "backlogd, log (× AOF)", log, aof)?;
    write_start(out, "backlogd, half and half (× AOF)", both, aof)?;

    writeln!(out, "\nkill -9 under {REPLICAS} replicas: from readiness until all are in sync")?;
    for keys in [keys / 10, keys] {
        for (name, kind, flags) in [
            ("redis aof", Kind::Redis, &["--appendonly", "yes", "--repl-diskless-sync-delay", "0"]),
            ("backlogd", Kind::Backlogd, &["--appendfsync", "everysec", "--io-threads", "2"]),
        ] {
            let (took, fulls) = resync(kind, flags, keys)?;
            let ms = took.as_millis();
            writeln!(out, "{name:10} {keys:9} keys  {ms:6} ms  {fulls} full resyncs")?;
        }
    }
    Ok(())
}

fn start(kind: Kind, flags: &[&str], keys: u64, stop: Stop) -> io::Result<Start> {
    let mut server = Running::start(kind, flags)?;
    match stop {
        Stop::Saved => {
            server.fill(keys, VALUE_BYTES)?;
            server.ask("SAVE")?;
        }
        Stop::Killed => server.fill(keys, VALUE_BYTES)?,
        Stop::KilledAfterSave => {
            server.fill(keys, VALUE_BYTES)?;
            server.ask("SAVE")?;
            server.fill(keys / 2, VALUE_BYTES)?;
        }
    }
    server.kill()?;
    let took = server.start_again()?;
    let busy = server.busy()?;
    let found = server.ask("DBSIZE")?;
    if found != format!(":{keys}") {
        return Err(io::Error::other(format!("{kind:?} came back with {found} keys of {keys}")));
    }
    Ok(Start { took, busy })
}

fn write_start(out: &mut impl Write, name: &str, start: Start, base: Start) -> io::Result<()> {
    let ratio = start.took.as_secs_f64() / base.took.as_secs_f64();
    let (took, busy) = (start.took.as_millis(), start.busy.as_millis());
    writeln!(out, "{name:32} {took:6} ms  {busy:6} ms CPU  × {ratio:.2}")
}

/// Kills a server that replicas follow; tells how long they took, and how many began anew.
fn resync(kind: Kind, flags: &[&str], keys: u64) -> io::Result<(Duration, String)> {
    let mut server = Running::start(kind, flags)?;
    let replicas = (0..REPLICAS).map(|_| server.replica()).collect::<io::Result<Vec<_>>>()?;
    server.fill(keys, VALUE_BYTES)?;
    server.until_followed_by(&replicas)?;
    server.kill()?;
    server.start_again()?;
    let took = server.until_followed_by(&replicas)?;
    Ok((took, server.info("sync_full")?))
}
