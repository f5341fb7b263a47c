//! `MEMORY`: the same figures, in the same order and words, as stock servers give; and true ones.

use crate::support::history::number;
use crate::support::{Client, Endpoint, Server, Stock, Value, await_until};
use backlogd::net::wire::put_command;

/// The names of a map, those within it behind theirs.
fn names(map: &Value) -> Vec<String> {
    let (pairs, _) = map.elements().as_chunks::<2>();
    let mut all = Vec::new();
    for [name, value] in pairs {
        all.push(name.text());
        if let Value::Array(_) = value {
            all.extend(names(value).into_iter().map(|inner| format!("{}.{inner}", name.text())));
        }
    }
    all
}

#[test]
fn stats_have_the_names_of_stock_in_its_order() {
    let told = |server: &dyn Endpoint| {
        let mut client = server.connect();
        client.run("SET key value EX 1000");
        client.run("SELECT 2");
        client.run("SET key value");
        names(&client.run("MEMORY STATS"))
    };
    let (ours, stock) = (told(&Server::start(&[])), told(&Stock::start(&[])));
    assert_eq!(ours, stock);
    assert!(ours.contains(&"db.2.overhead.hashtable.expires".to_owned()), "{ours:?}");
}

#[test]
fn the_doctor_and_the_allocator_speak_as_in_stock() {
    let told = |server: &dyn Endpoint| {
        let mut client = server.connect();
        let said = client.run("MEMORY MALLOC-STATS").text();
        let said: Vec<_> = said.lines().take(1).map(str::to_owned).collect();
        let allocator = client.info("memory", "mem_allocator");
        let allocator = allocator.split('.').next().unwrap_or_default().to_owned();
        let purged = client.run("MEMORY PURGE").text();
        (client.run("MEMORY DOCTOR").text(), said, allocator, purged)
    };
    assert_eq!(told(&Server::start(&[])), told(&Stock::start(&[])));
}

#[test]
fn the_doctor_sees_a_peak_and_clients_that_take_much() {
    let server = Server::start(&["--save", ""]);
    let mut client = server.connect();
    client.call(&["SET", "large", &"x".repeat(40 << 20)]);
    client.call(&["SET", "lasting", &"x".repeat(12 << 20)]);
    await_until("the peak is noted", || {
        number(&mut client, "memory", "used_memory_peak") > 52 << 20
    });
    client.run("DEL large");
    await_until("it is freed", || number(&mut client, "memory", "used_memory") < 30 << 20);
    let told = client.run("MEMORY DOCTOR").text();
    assert!(
        told.starts_with("Sam, I detected a few issues") && told.contains("Peak mem"),
        "{told}"
    );
    assert!(!told.contains("Big client buffers"), "{told}");
    let mut busy = server.connect();
    let mut request = Vec::new();
    put_command(&mut request, &["SET", "other", &"x".repeat(8 << 20)]);
    busy.send(&request[..request.len() - 1]);
    await_until("clients take much", || {
        client.run("MEMORY DOCTOR").text().contains(" * Big client buffers: ")
    });
}

/// A value under a key, written by one command or more.
type Make = fn(&mut Client, &str);

fn words(command: &str, key: &str, further: impl Iterator<Item = String>) -> Vec<String> {
    [command.to_owned(), key.to_owned()].into_iter().chain(further).collect()
}

const VALUES: [(&str, usize, Make); 12] = [
    ("short strings", 80_000, |client, key| drop(client.call(&["SET", key, "sixteen bytes ..."]))),
    ("strings", 20_000, |client, key| drop(client.call(&["SET", key, &"x".repeat(1000)]))),
    ("long strings", 20, |client, key| drop(client.call(&["SET", key, &"x".repeat(400_000)]))),
    ("small lists", 20_000, |client, key| {
        client.call(&words("RPUSH", key, (0..10).map(|i| format!("element:{i:08}"))));
    }),
    ("lists", 60, |client, key| {
        client.call(&words("RPUSH", key, (0..5_000).map(|i| format!("element:{i:08}"))));
    }),
    ("small hashes", 20_000, |client, key| {
        client.call(&words("HSET", key, (0..20).map(|i| format!("word:{i:08}"))));
    }),
    ("hashes", 20, |client, key| {
        client.call(&words("HSET", key, (0..10_000).map(|i| format!("word:{i:08}"))));
    }),
    ("sets of integers", 20_000, |client, key| {
        client.call(&words("SADD", key, (0..100).map(|i| (i * 7).to_string())));
    }),
    ("sets", 60, |client, key| {
        client.call(&words("SADD", key, (0..5_000).map(|i| format!("member:{i:08}"))));
    }),
    ("sorted sets", 20, |client, key| {
        let pairs = (0..5_000).flat_map(|i| [i.to_string(), format!("member:{i:08}")]);
        client.call(&words("ZADD", key, pairs));
    }),
    ("streams", 16, |client, key| {
        // Long enough that what the server itself takes and gives back meanwhile is little beside it.
        let value = "some value".repeat(12);
        for i in 0..3_000 {
            client.call(&["XADD", key, &format!("{}-0", i + 1), "field", &value]);
        }
    }),
    ("HyperLogLogs", 300, |client, key| {
        client.call(&words("PFADD", key, (0..2_000).map(|i| i.to_string())));
    }),
];

#[test]
fn usage_is_what_values_of_each_type_take() {
    for (what, count, make) in VALUES {
        // Nothing that was there before is freed meanwhile.
        let server = Server::start(&["--save", ""]);
        let mut client = server.connect();
        let before = number(&mut client, "memory", "used_memory");
        let step = (count / 500).max(1);
        let mut told = 0;
        for index in 0..count {
            let key = format!("key:{index:06}");
            make(&mut client, &key);
            if index % step == 0 {
                let usage = client.call(&["MEMORY", "USAGE", &key, "SAMPLES", "0"]);
                told += usage.integer() as usize * step;
            }
        }
        let taken = number(&mut client, "memory", "used_memory") - before;
        let share = told as f64 / taken as f64;
        assert!((0.66..1.5).contains(&share), "{what}: {told} told, {taken} taken");
    }
}
