//! Memory per key and time per operation of the keyspace: `cargo bench --bench memory`.
//!
//! Each kind of data set is filled in a process of its own, so that what the allocator kept of one
//! does not count for the next. Memory is the growth of the resident set, with the allocator the
//! server has.

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write};
use std::process::Command;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use backlogd::keyspace::{Keyspace, SetExpiry, ShardSet, Value};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const PAGE_BYTES: usize = 4096;

/// Later than the run.
const EXPIRY_MS: i64 = 4_000_000_000_000;

/// One kind of data set.
struct Case {
    name: &'static str,
    keys: u64,
    bytes_max: usize,
    fill: fn(&Keyspace, u64),
}

const CASES: [Case; 6] = [
    Case { name: "integers", keys: 1_000_000, bytes_max: 64, fill: fill_integer },
    Case { name: "strings of 16 B", keys: 1_000_000, bytes_max: 84, fill: fill_16 },
    Case { name: "strings of 64 B", keys: 1_000_000, bytes_max: 135, fill: fill_64 },
    Case {
        name: "strings of 16 B, expiring",
        keys: 1_000_000,
        bytes_max: 111,
        fill: fill_expiring,
    },
    Case { name: "hashes of 10 × 16 B", keys: 200_000, bytes_max: 351, fill: fill_hash },
    Case { name: "hash of 1 M fields of 16 B", keys: 1_000_000, bytes_max: 84, fill: fill_field },
];

fn main() -> io::Result<()> {
    let named = std::env::var("KEYSPACE_CASE").ok();
    match named.as_deref() {
        None => run_each_apart(),
        Some("speed") => measure_speed(&mut io::stdout()),
        Some(named) => {
            let case = CASES.iter().find(|case| case.name == named);
            case.map_or(Ok(()), |case| measure_memory(case, &mut io::stdout()))
        }
    }
}

fn run_each_apart() -> io::Result<()> {
    let program = std::env::current_exe()?;
    for name in CASES.iter().map(|case| case.name).chain(["speed"]) {
        let status = Command::new(&program).env("KEYSPACE_CASE", name).status()?;
        assert!(status.success(), "{name}: {status}");
    }
    Ok(())
}

fn measure_memory(case: &Case, out: &mut impl Write) -> io::Result<()> {
    let before = resident_bytes()?;
    let space = Keyspace::new(16);
    let start = busy_time();
    for i in 0..case.keys {
        (case.fill)(&space, i);
    }
    let nanos = busy_time().saturating_sub(start).as_nanos() as u64 / case.keys;
    let bytes = (resident_bytes()? - before) as u64 / case.keys;
    let (name, aim) = (case.name, case.bytes_max);
    writeln!(out, "{name:28} {bytes:4} B per key (aim {aim:3})  {nanos:5} ns to fill each")?;
    black_box(&space);
    Ok(())
}

fn measure_speed(out: &mut impl Write) -> io::Result<()> {
    for keys in [1_000, 1_000_000] {
        let space = Keyspace::new(16);
        for i in 0..keys {
            fill_16(&space, i);
        }
        let names: Vec<_> = (0..keys).map(name).collect();
        let mut timed = |what: &str, run: &dyn Fn(&[u8])| -> io::Result<()> {
            let start = busy_time();
            let rounds = 3_000_000;
            let mut at = 0;
            for _ in 0..rounds {
                // A stride that is prime to the number of keys reaches each, far from the last.
                at = (at + 618_033) % names.len();
                run(&names[at]);
            }
            let nanos = busy_time().saturating_sub(start).as_nanos() as u64 / rounds;
            writeln!(out, "{keys:8} keys  {what:28} {nanos:5} ns")
        };
        timed("hash the key, lock, unlock", &|name| {
            let key = space.key(name);
            black_box(space.lock(ShardSet::of(&key)));
        })?;
        let plain: HashMap<_, _> =
            names.iter().map(|name| (name.clone(), vec![b'x'; 16])).collect();
        timed("find in a plain map", &|name| {
            black_box(plain.get(name).map(|value| value[0]));
        })?;
        timed("find", &|name| {
            let key = space.key(name);
            let mut locked = space.lock(ShardSet::of(&key));
            if let Some(Value::String(string)) = locked.db(0).find(&key).map(|e| e.value()) {
                black_box(string);
            }
        })?;
        timed("overwrite in place", &|name| {
            let key = space.key(name);
            let mut locked = space.lock(ShardSet::of(&key));
            locked.db(0).set_string(&key, b"yyyyyyyyyyyyyyyy", SetExpiry::Clear, 2);
        })?;
        timed("overwrite, sizes vary", &|name| {
            let key = space.key(name);
            let mut locked = space.lock(ShardSet::of(&key));
            let len = key.hash() as usize % 64;
            locked.db(0).set_string(&key, &[b'z'; 64][..len], SetExpiry::Clear, 2);
        })?;
        timed("remove and insert", &|name| {
            let key = space.key(name);
            let mut locked = space.lock(ShardSet::of(&key));
            locked.db(0).remove(&key);
            locked.db(0).set_string(&key, b"xxxxxxxxxxxxxxxx", SetExpiry::Clear, 2);
        })?;
    }
    Ok(())
}

fn fill_integer(space: &Keyspace, i: u64) {
    fill_string(space, i, (1_000_000 + i).to_string().as_bytes(), SetExpiry::Clear);
}

fn fill_16(space: &Keyspace, i: u64) {
    fill_string(space, i, &[b'x'; 16], SetExpiry::Clear);
}

fn fill_64(space: &Keyspace, i: u64) {
    fill_string(space, i, &[b'x'; 64], SetExpiry::Clear);
}

fn fill_expiring(space: &Keyspace, i: u64) {
    fill_string(space, i, &[b'x'; 16], SetExpiry::At(EXPIRY_MS));
}

fn fill_hash(space: &Keyspace, i: u64) {
    let name = name(i);
    let key = space.key(&name);
    let mut locked = space.lock(ShardSet::of(&key));
    let mut db = locked.db(0);
    let mut hash = db.hash_or_create(&key, 1);
    for field in 0..10 {
        hash.set(format!("field{field}").as_bytes(), &[b'x'; 16]);
    }
}

fn fill_field(space: &Keyspace, i: u64) {
    let key = space.key(b"hash");
    let mut locked = space.lock(ShardSet::of(&key));
    locked.db(0).hash_or_create(&key, 1).set(&name(i), &[b'x'; 16]);
}

fn fill_string(space: &Keyspace, i: u64, value: &[u8], expiry: SetExpiry) {
    let name = name(i);
    let key = space.key(&name);
    space.lock(ShardSet::of(&key)).db(0).set_string(&key, value, expiry, 1);
}

/// A key of twelve bytes.
fn name(i: u64) -> Vec<u8> {
    format!("key:{i:08}").into_bytes()
}

/// The time this thread was on a core, so that what else the machine does counts less.
fn busy_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn resident_bytes() -> io::Result<usize> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    let pages = pages.ok_or_else(|| io::Error::other("statm has no second number"))?;
    Ok(pages * PAGE_BYTES)
}
