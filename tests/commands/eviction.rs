//! `maxmemory`: how much is kept, what goes first, who is refused, and that all copies agree.

use crate::support::history::{await_online, digest, history, number};
use crate::support::{Client, Endpoint, Server, Stock, Value, await_until};
use backlogd::net::wire::put_command;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

fn server(arguments: &[&str]) -> Server {
    // What a snapshot holds counts for itself: none is taken that is not asked for.
    let usual =
        ["--save", "", "--backlog-snapshot-ratio", "1000000", "--enable-debug-command", "yes"];
    Server::start(&[&usual, arguments].concat())
}

fn used(client: &mut Client) -> u64 {
    number(client, "memory", "used_memory")
}

fn evicted(client: &mut Client) -> u64 {
    number(client, "stats", "evicted_keys")
}

/// Sets keys numbered so, all in one pipeline.
fn set_keys(client: &mut Client, numbers: std::ops::Range<usize>, value: &str) {
    let mut bytes = Vec::new();
    for number in numbers.clone() {
        put_command(&mut bytes, &["SET", &format!("key:{number}"), value]);
    }
    client.send(&bytes);
    numbers.for_each(|_| assert_eq!(client.read().0.text(), "OK"));
}

/// Sets the limit to less than what is used, by so many bytes, and waits until it is kept to.
fn lower_limit(client: &mut Client, by: usize) {
    let limit = used(client) - by as u64;
    assert_eq!(client.run(&format!("CONFIG SET maxmemory {limit}")).text(), "OK");
    await_until("the limit is kept to", || used(client) <= limit);
    assert_eq!(client.run("CONFIG SET maxmemory 0").text(), "OK");
}

/// Counts the keys whose name begins so.
fn count(client: &mut Client, prefix: &str) -> usize {
    client.run(&format!("KEYS {prefix}*")).elements().len()
}

#[test]
fn the_limit_holds_under_pipelined_writes_of_values_of_any_size() {
    let loads = [(16, 12 * MIB, 500), (KIB, 24 * MIB, 200), (100 * KIB, 32 * MIB, 20)];
    for (value_bytes, limit, pipeline) in loads.into_iter().chain([(MIB, 100 * MIB, 8)]) {
        let server = server(&["--maxmemory-policy", "allkeys-lru"]);
        let mut client = server.connect();
        client.run(&format!("CONFIG SET maxmemory {limit}"));
        let value = "x".repeat(value_bytes);
        let rounds = 2 * limit / pipeline / (value_bytes + 40);
        let mut most = 0;
        for round in 0..rounds {
            set_keys(&mut client, round * pipeline..(round + 1) * pipeline, &value);
            most = most.max(used(&mut client));
        }
        assert!(most as usize * 100 <= limit * 102, "{most} of {limit} with {value_bytes}");
        // It is used as well as kept to, and no more is thrown away than must be.
        let kept = client.run("DBSIZE").integer() as usize;
        assert!(most as usize * 100 >= limit * 98, "{most} of {limit} with {value_bytes}");
        assert!(kept * value_bytes * 100 >= limit * 20, "{kept} keys of {value_bytes} bytes");
        // Some may still go between the two questions.
        await_until("each key that was written is there or counted", || {
            let kept = client.run("DBSIZE").integer() as usize;
            evicted(&mut client) as usize + kept == rounds * pipeline
        });
    }
}

/// Fills a server with keys that should go and others that should stay, evicts under a policy, and
/// tells how many of either kind went.
fn gone(policy: &str, goes: &[&str], stays: &[&str]) -> (usize, usize) {
    const KEYS: usize = 3_000;
    let server = server(&["--maxmemory-policy", policy]);
    let mut client = server.connect();
    client.call(&["SET", "one", &"v".repeat(KIB)]);
    let Value::Bulk(payload) = client.call(&["DUMP", "one"]) else { panic!("no payload") };
    client.run("DEL one");
    for number in 0..KEYS {
        for (kind, words) in [("goes", goes), ("stays", stays)] {
            let name = format!("{kind}:{number}");
            let mut request: Vec<&[u8]> = vec![b"RESTORE", name.as_bytes(), words[0].as_bytes()];
            request.push(&payload);
            request.extend(words[1..].iter().map(|word| word.as_bytes()));
            assert_eq!(client.call(&request).text(), "OK");
        }
    }
    lower_limit(&mut client, KEYS * KIB / 2);
    let gone = ["goes", "stays"].map(|kind| KEYS - count(&mut client, kind));
    assert_eq!(evicted(&mut client) as usize, gone[0] + gone[1]);
    assert!(gone[0] + gone[1] > KEYS / 3 && gone[0] + gone[1] < KEYS, "{policy}: {gone:?}");
    gone.into()
}

#[test]
fn each_policy_evicts_what_it_should() {
    let few = |(goes, stays): (usize, usize)| assert!(stays * 20 < goes, "{goes} and {stays}");
    few(gone("allkeys-lru", &["0", "IDLETIME", "9000"], &["0", "IDLETIME", "10"]));
    few(gone("allkeys-lfu", &["0", "FREQ", "2"], &["0", "FREQ", "200"]));
    few(gone("volatile-ttl", &["100000"], &["900000"]));
    let hour = "3600000";
    few(gone("volatile-lru", &[hour, "IDLETIME", "9000"], &[hour, "IDLETIME", "10"]));
    few(gone("volatile-lfu", &[hour, "FREQ", "2"], &[hour, "FREQ", "200"]));
    let (one, other) = gone("allkeys-random", &["0", "IDLETIME", "9000"], &["0"]);
    assert!(one.min(other) * 3 > one.max(other) * 2, "{one} and {other}");
    for policy in ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"] {
        let (_, persistent) = gone(policy, &[hour], &["0", "IDLETIME", "9000"][..1]);
        assert_eq!(persistent, 0, "{policy}");
    }
}

#[test]
fn where_nothing_may_go_writes_are_refused_and_reads_go_on() {
    let server = server(&["--maxmemory-policy", "volatile-lru"]);
    let mut client = server.connect();
    set_keys(&mut client, 0..2_000, &"v".repeat(KIB));
    client.run("SET brief v EX 3600");
    let limit = used(&mut client) - 1;
    client.run(&format!("CONFIG SET maxmemory {limit}"));
    let large = "v".repeat(100 * KIB);
    let mut answer = Value::Null;
    await_until("writes are refused", || {
        answer = client.call(&["APPEND", "key:1", &large]);
        answer.is_error()
    });
    assert_eq!(answer.text(), "OOM command not allowed when used memory > 'maxmemory'.");
    assert_eq!((client.run("EXISTS brief").integer(), evicted(&mut client)), (0, 1));
    assert_eq!(client.run("GET key:7").text().len(), KIB);
    assert!(number(&mut client, "stats", "current_eviction_exceeded_time") < 60_000);
    // Half of it goes: more than the buffers of those long requests take, by far.
    for number in 1..=1_000 {
        assert_eq!(client.run(&format!("DEL key:{number}")).integer(), 1);
    }
    set_keys(&mut client, 1..1_001, "v");
    assert_eq!(client.run("DBSIZE").integer(), 2_000);
    assert_eq!(number(&mut client, "stats", "current_eviction_exceeded_time"), 0);
}

#[test]
fn refusals_are_those_of_stock_byte_for_byte() {
    let steps = [
        "0: SET a 1",
        "1: CONFIG SET maxmemory 1",
        "0: SET b 1",
        "0: LPUSH l 1",
        "0: GET a",
        "0: DEL nothing",
        "0: EXPIRE a 100",
        "0: PUBLISH channel message",
        "0: BLPOP nothing 0.01",
        "0: XGROUP CREATE s g $ MKSTREAM",
        "0: MULTI",
        "0: GET a",
        "0: EXEC",
        "0: MULTI",
        "0: WATCH a",
        "0: MULTI",
        "0: DISCARD",
        "0: MULTI",
        "0: UNWATCH",
        "0: RESET",
        "1: CONFIG SET maxmemory 0",
        "0: MULTI",
        "0: SET b 2",
        "1: CONFIG SET maxmemory 1",
        "0: EXEC",
        "0: EXEC",
        "1: CONFIG SET maxmemory 0",
        "0: MULTI",
        "0: GET b",
        "1: CONFIG SET maxmemory 1",
        "0: EXEC",
        "1: CONFIG SET maxmemory 0",
        "0: WATCH a",
        "1: CONFIG SET maxmemory-policy allkeys-lru maxmemory 1",
        "1: PING",
        "1: CONFIG SET maxmemory 0",
        "0: MULTI",
        "0: EXEC",
        "0: DBSIZE",
        "1: CONFIG SET maxmemory 1",
        "0: SET b 1",
        "0: GET b",
        "0: DBSIZE",
    ];
    let ours = told(&server(&[]), &steps);
    for (step, (ours, stock)) in
        steps.iter().zip(ours.iter().zip(told(&Stock::oracle(&[]), &steps)))
    {
        assert_eq!(*ours, stock, "{step}");
    }
}

/// Sends each command from the client that its number names; returns the replies as they came.
fn told(server: &impl Endpoint, steps: &[&str]) -> Vec<String> {
    let mut clients = [server.connect(), server.connect()];
    let mut told = |step: &&str| {
        let (number, line) = step.split_once(": ").expect("a step has a client");
        let client = &mut clients[number.parse::<usize>().expect("clients are numbered")];
        client.send_command(&line.split(' ').collect::<Vec<_>>());
        client.read().1.escape_ascii().to_string()
    };
    steps.iter().map(&mut told).collect()
}

/// Writes values of all types until many have been evicted, overwriting and reading others.
fn load(client: &mut Client) {
    let (short, long) = ("s".repeat(100), "l".repeat(70 * KIB));
    for round in 0..400 {
        set_keys(client, round * 50..(round + 1) * 50, &short);
        let key = |name: &str| format!("{name}:{round}");
        for number in 0..20 {
            client.call(&["RPUSH", &key("list"), &format!("{number}:{short}")]);
            client.call(&["HSET", &key("hash"), &number.to_string(), &short]);
        }
        client.call(&["SET", &key("long"), &long, "EX", "1000"]);
        client.call(&["SELECT", &(round % 3).to_string()]);
        client.call(&["GET", &format!("key:{}", round * 25)]);
    }
    client.run("SELECT 0");
}

#[test]
fn replicas_and_a_restart_hold_what_was_not_evicted() {
    let mut primary = server(&["--maxmemory-policy", "allkeys-lfu", "--io-threads", "2"]);
    let mut client = primary.connect();
    let limit = used(&mut client) + 8 * MIB as u64;
    client.run(&format!("CONFIG SET maxmemory {limit}"));
    let stock = Stock::start(&["--maxmemory", "1mb", "--maxmemory-policy", "allkeys-random"]);
    stock.replicate(&primary);
    let (host, port) = (primary.address().ip().to_string(), primary.address().port().to_string());
    let ours = server(&[
        "--replicaof",
        &host,
        &port,
        "--maxmemory",
        "1mb",
        "--maxmemory-policy",
        "allkeys-random",
        "--replica-ignore-maxmemory",
        "no",
    ]);
    await_online(&primary, 2);
    std::thread::scope(|scope| {
        let mut another = primary.connect();
        scope.spawn(move || load(&mut another));
        load(&mut client);
    });
    assert!(evicted(&mut client) > 5_000);
    client.run("CONFIG SET maxmemory 0");
    stock.await_offset_of(&primary);
    await_until("our replica is there", || history(&ours).offset == history(&primary).offset);
    let held = digest(&primary);
    assert_eq!((digest(&stock), digest(&ours)), (held.clone(), held.clone()));
    assert_eq!(evicted(&mut ours.connect()), 0);
    primary.kill();
    primary.restart();
    assert_eq!(digest(&primary), held);
}

#[test]
fn eviction_goes_on_by_itself_where_a_command_leaves_too_much() {
    let server = server(&["--maxmemory-policy", "allkeys-lru"]);
    let mut client = server.connect();
    set_keys(&mut client, 0..4_000, &"v".repeat(KIB));
    let limit = used(&mut client) - 2 * MIB as u64;
    client.run("CONFIG SET maxmemory-eviction-tenacity 0 notify-keyspace-events Ee");
    let mut listener = server.connect();
    listener.run("SUBSCRIBE __keyevent@0__:evicted");
    client.run(&format!("CONFIG SET maxmemory {limit}"));
    // While it listens, no other command comes that could evict.
    for _ in 0..1_000 {
        assert_eq!(listener.read().0.elements()[0].text(), "message");
    }
    await_until("all that is gone was evicted", || {
        evicted(&mut client) + client.run("DBSIZE").integer() as u64 == 4_000
    });
}

#[test]
fn a_snapshot_under_way_costs_no_keys() {
    const KEYS: usize = 30_000;
    let server =
        server(&["--maxmemory-policy", "allkeys-lru", "--backlog-snapshot-max-rate", "200kb"]);
    let mut client = server.connect();
    set_keys(&mut client, 0..KEYS, &"v".repeat(300));
    let limit = used(&mut client) + MIB as u64;
    client.run(&format!("CONFIG SET maxmemory {limit}"));
    client.run("BGSAVE");
    // Each of them is in a partition of the image, which is copied.
    set_keys(&mut client, 0..KEYS, &"w".repeat(300));
    assert_eq!(client.info("persistence", "rdb_bgsave_in_progress"), "1");
    assert!(number(&mut client, "memory", "mem_not_counted_for_evict") > MIB as u64);
    let left = client.run("DBSIZE").integer() as usize;
    assert!(left > KEYS * 9 / 10, "{left} of {KEYS} are left");
    // What is flushed stays in memory until the snapshot has it, and makes room all the same. What the
    // snapshot needs not is freed on a thread of its own, which has little time on a busy machine.
    client.run("FLUSHALL");
    await_until("what was flushed is let go of", || {
        number(&mut client, "memory", "lazyfree_pending_objects") == 0
    });
    set_keys(&mut client, 0..KEYS / 3, &"x".repeat(300));
    assert_eq!(client.info("persistence", "rdb_bgsave_in_progress"), "1");
    assert_eq!(client.run("DBSIZE").integer() as usize, KEYS / 3);
}

#[test]
fn what_evicting_takes_is_among_the_latency_events() {
    let server = server(&["--maxmemory-policy", "allkeys-random"]);
    let mut client = server.connect();
    set_keys(&mut client, 0..20_000, &"v".repeat(300));
    client.run("CONFIG SET latency-monitor-threshold 1 maxmemory-eviction-tenacity 100");
    lower_limit(&mut client, 4 * MIB);
    let latest = client.run("LATENCY LATEST");
    let names: Vec<_> = latest.elements().iter().map(|event| event.elements()[0].text()).collect();
    assert!(names.iter().any(|name| name == "eviction-cycle"), "{names:?}");
    assert_eq!(client.run("CONFIG RESETSTAT").text(), "OK");
    assert_eq!(evicted(&mut client), 0);
}
