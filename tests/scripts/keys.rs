//! Scripts that name their keys and those that do not, while others run.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Client, Endpoint, Follower};
use crate::{digest, server};

const ACCOUNTS: [&str; 8] = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"];
const EACH: i64 = 1000;
/// More often than a script is tried.
const RUNS: usize = 20;

/// Moves one from an account to another, both of which it names.
const NAMED: &str = "redis.call('DECR', KEYS[1]) return redis.call('INCR', KEYS[2])";
/// Moves one from the account that it names to another, and back where that is not to be had.
const HALF_NAMED: &str = "redis.call('DECR', KEYS[1])
    local put = redis.pcall('INCR', ARGV[1])
    if type(put) == 'table' then redis.call('INCR', KEYS[1]) end
    return put";
const SUM: &str = "local sum = 0
    for _, key in ipairs(KEYS) do sum = sum + redis.call('GET', key) end
    return sum";

fn eval(client: &mut Client, script: &str, keys: &[&str], further: &[&str]) -> i64 {
    let count = keys.len().to_string();
    let reply = client.call(&[&["EVAL", script, &count], keys, further].concat());
    assert!(!reply.is_error(), "{reply:?}");
    reply.integer()
}

/// Has a server expect of a script that it keeps to its keys.
fn make_trusted(client: &mut Client, script: &str, keys: &[&str], further: &[&str]) {
    for _ in 0..RUNS {
        eval(client, script, keys, further);
    }
}

#[test]
fn a_script_that_is_trusted_gets_at_other_keys_too() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("MSET own 1 other 40 third 2");
    let reads = "return redis.call('GET', KEYS[1]) + (redis.call('GET', ARGV[1]) or 0)";
    make_trusted(&mut client, reads, &["own"], &["own"]);
    assert_eq!(eval(&mut client, reads, &["own"], &["other"]), 41);
    let all = "redis.call('INCR', KEYS[1])
        if ARGV[1] == 'all' then return #redis.call('KEYS', '*') + redis.call('DBSIZE') end
        return 0";
    make_trusted(&mut client, all, &["own"], &["none"]);
    assert_eq!(eval(&mut client, all, &["own"], &["all"]), 6);
    let without = "return ARGV[1] == 'x' and redis.call('INCRBY', 'third', 5) or 0";
    make_trusted(&mut client, without, &[], &["y"]);
    assert_eq!(eval(&mut client, without, &[], &["x"]), 7);
}

#[test]
fn what_a_script_did_before_it_asked_for_another_key_stays_in_one_unit() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("MSET own 1 other 1");
    make_trusted(&mut client, HALF_NAMED, &["own"], &["own"]);
    let (mut follower, _) = Follower::attach(&server);
    assert_eq!(eval(&mut client, HALF_NAMED, &["own"], &["other"]), 2);
    let commands = std::iter::repeat_with(|| follower.command().join(" "));
    let told: Vec<_> = commands.filter(|line| !line.starts_with("PING")).take(5).collect();
    assert_eq!(told, ["MULTI", "SELECT 0", "DECR own", "INCR other", "EXEC"]);
}

#[test]
fn a_script_that_begins_anew_is_seen_once() {
    let server = server(&["--notify-keyspace-events", "KEA"]);
    let mut client = server.connect();
    let script = "redis.call('GET', KEYS[1]) return redis.call('INCR', ARGV[1])";
    make_trusted(&mut client, script, &["own"], &["own"]);
    let mut listener = server.connect();
    listener.run("PSUBSCRIBE __keyevent@0__:*");
    assert_eq!(eval(&mut client, script, &["own"], &["other"]), 1);
    client.run("SET last 1");
    let channels: Vec<_> = (0..2).map(|_| listener.read().0.elements()[3].text()).collect();
    assert_eq!(channels, ["other", "last"]);
}

/// Moves money about in every way until it is told to stop.
fn move_about(mut client: Client, seed: u64, is_over: &AtomicBool) {
    let mut state = seed;
    let mut pick = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for round in 0_usize.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let from = pick() % ACCOUNTS.len();
        let to = (from + 1 + pick() % (ACCOUNTS.len() - 1)) % ACCOUNTS.len();
        let (from, to) = (ACCOUNTS[from], ACCOUNTS[to]);
        match pick() % 4 {
            0 => {
                eval(&mut client, NAMED, &[from, to], &[]);
            }
            1 => {
                // A script is new to the server until it has shown what it does.
                let script = format!("{HALF_NAMED} -- {seed} {}", round / 100);
                let other = if round % 100 < 60 { from } else { to };
                let reply = client.call(&["EVAL", &script, "1", from, other]);
                let is_refused = reply.is_error()
                    && reply.text().starts_with("ERR The script asks for a key that it does not");
                assert!(is_refused || !reply.is_error(), "{reply:?}");
            }
            2 => {
                client.run("MULTI");
                client.run(&format!("DECR {from}"));
                client.call(&["EVAL", "return redis.call('INCR', KEYS[1])", "1", to]);
                assert_eq!(client.run("EXEC").elements().len(), 2);
            }
            _ => {
                let others = client.run("MSET x 1 y 2 z 3 v 4 w 5");
                assert_eq!(others.text(), "OK");
            }
        }
    }
}

#[test]
fn whoever_looks_sees_all_of_a_script_or_nothing() {
    let mut server = server(&["--io-threads", "4"]);
    let mut client = server.connect();
    for account in ACCOUNTS {
        client.run(&format!("SET {account} {EACH}"));
    }
    let total = EACH * ACCOUNTS.len() as i64;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let (client, is_over) = (server.connect(), &is_over);
            scope.spawn(move || move_about(client, seed, is_over));
        }
        for _ in 0..1500 {
            assert_eq!(eval(&mut client, SUM, &ACCOUNTS, &[]), total);
            let values = client.call(&[&["MGET"][..], &ACCOUNTS].concat());
            let values = values.elements().iter().map(|value| value.text().parse::<i64>());
            assert_eq!(values.sum::<Result<i64, _>>(), Ok(total));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let before = digest(&server);
    server.kill();
    server.restart_in_place();
    assert_eq!(digest(&server), before);
}
