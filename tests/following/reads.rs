//! What clients of a replica are answered, held against a stock replica of the same primary.

use crate::support::member::{await_same, follow};
use crate::support::{Client, Endpoint, Kind, Member, Server, Value, await_until};
use crate::{replica_of, stock_kinds};

/// A backlogd and a stock replica of one primary.
struct Pair {
    ours: Server,
    stock: Member,
}

impl Pair {
    fn of(primary: &Member, kind: &Kind, further: &[&str]) -> Self {
        let (ours, stock) = (replica_of(primary, further), kind.start(further));
        follow(&stock, primary.address());
        await_same(&[primary, &ours, &stock]);
        Self { ours, stock }
    }

    /// Sends the same lines to both on one connection each, and compares the replies.
    #[track_caller]
    fn compare(&self, lines: &[&str]) {
        let (mut ours, mut stock) = (self.ours.connect(), self.stock.connect());
        for line in lines {
            assert_eq!(ours.run(line), of_redis(stock.run(line)), "{line}");
        }
    }
}

/// A reply in the words of Redis, from which Valkey parts once.
fn of_redis(reply: Value) -> Value {
    match reply {
        Value::Error(text) if text.starts_with("ERR WAIT ") => {
            Value::Error(text.replace("note that if", "note that since Redis 4.0 if"))
        }
        reply => reply,
    }
}

#[test]
fn writes_are_refused_in_stocks_words() {
    for kind in stock_kinds() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET key value");
        client.run("HSET hash f 1");
        let pair = Pair::of(&primary, &kind, &[]);
        pair.compare(&[
            "SET key other",
            "SET nothing 1 XX",
            "DEL key",
            "GETDEL key",
            "GETEX key",
            "GETEX key PERSIST",
            "HSET hash f 2",
            "HINCRBY hash f 1",
            "EXPIRE key 100",
            "RENAME key other",
            "COPY key other",
            "MOVE key 1",
            "SWAPDB 0 1",
            "FLUSHDB",
            "FLUSHALL ASYNC",
            "MSETNX a 1 b 2",
            "INCR",
            "WAIT 0 0",
            "WAIT 1 100",
            "FAILOVER",
            "FAILOVER ABORT",
            "MULTI",
            "GET key",
            "SET key 1",
            "EXEC",
            "MULTI",
            "GET key",
            "HGETALL hash",
            "SELECT 1",
            "DBSIZE",
            "EXEC",
            "GET key",
        ]);
        let waitaof = pair.ours.connect().run("WAITAOF 0 0 0");
        let text = "ERR WAITAOF cannot be used with replica instances. Please also note that \
                    writes to replicas are just local and are not propagated.";
        assert_eq!(waitaof, Value::Error(text.to_owned()));
        await_same(&[&primary, &pair.ours, &pair.stock]);
    }
}

#[test]
fn stale_data_is_not_served_where_it_is_not_to_be() {
    for kind in stock_kinds() {
        let mut primary = kind.start(&[]);
        primary.connect().run("SET key value");
        let pair = Pair::of(&primary, &kind, &["--replica-serve-stale-data", "no"]);
        pair.compare(&["GET key", "SET key 1", "DBSIZE"]);
        primary.kill();
        for replica in [&pair.ours as &dyn Endpoint, &pair.stock] {
            let mut client = replica.connect();
            await_until("the link is down", || client.run("GET key").is_error());
        }
        pair.compare(&[
            "GET key",
            "SET key 1",
            "DBSIZE",
            "SCAN 0",
            "PING",
            "ECHO word",
            "SELECT 1",
            "CONFIG GET replica-priority",
            "CLIENT SETNAME me",
            "WAIT 1 1",
            "MULTI",
            "GET key",
            "EXEC",
            "MULTI",
            "PING",
            "EXEC",
            "WATCH key",
            "UNWATCH",
            "FLUSHALL",
            "FAILOVER",
            "OBJECT ENCODING key",
            "TYPE key",
            "NONSENSE",
            "CONFIG SET replica-serve-stale-data yes",
            "GET key",
            "SET key 1",
            "REPLICAOF NO ONE",
            "SET key 1",
        ]);
    }
}

/// What a scan finds, in order.
fn scan(client: &mut Client, words: &str) -> Vec<String> {
    let reply = client.run(&format!("SCAN 0 COUNT 1000 {words}"));
    let mut keys: Vec<_> = reply.elements()[1].elements().iter().map(Value::text).collect();
    keys.sort();
    keys
}

#[test]
fn keys_whose_time_has_come_are_gone_for_readers_until_the_primary_deletes_them() {
    for kind in stock_kinds() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET lasting 1");
        let pair = Pair::of(&primary, &kind, &[]);
        client.run("DEBUG SET-ACTIVE-EXPIRE 0");
        client.run("SET fading 1 PX 20");
        client.run("HSET fading:hash f 1");
        client.run("PEXPIRE fading:hash 20");
        client.run("SET long 1 EX 1000");
        let (mut ours, mut stock) = (pair.ours.connect(), pair.stock.connect());
        await_until("the replicas have all and its time has come", || {
            [&mut ours, &mut stock].into_iter().all(|replica| {
                replica.run("GET long") == Value::Bulk(b"1".to_vec())
                    && replica.run("EXISTS fading:hash").integer() == 0
            })
        });
        pair.compare(&[
            "GET fading",
            "EXISTS fading fading fading:hash long lasting",
            "TTL fading",
            "PTTL fading",
            "EXPIRETIME fading",
            "TYPE fading",
            "STRLEN fading",
            "GETRANGE fading 0 -1",
            "MGET fading lasting fading:hash",
            "HGETALL fading:hash",
            "HGET fading:hash f",
            "OBJECT ENCODING fading",
            "TOUCH fading lasting",
            "DBSIZE",
            "SET fading 1",
            "TTL lasting",
        ]);
        for words in ["", "TYPE string", "MATCH f*"] {
            assert_eq!(scan(&mut ours, words), scan(&mut stock, words), "{words}");
        }
        let sorted = |reply: Value| {
            let mut keys: Vec<_> = reply.elements().iter().map(Value::text).collect();
            keys.sort();
            keys
        };
        assert_eq!(sorted(ours.run("KEYS *")), sorted(stock.run("KEYS *")));
        for _ in 0..50 {
            let key = ours.run("RANDOMKEY").text();
            assert!(key == "lasting" || key == "long", "{key}");
        }
        client.run("INCR fading");
        client.run("EXISTS fading:hash");
        client.run("HSET fading:hash g 2");
        await_until("the primary's word is here", || {
            !ours.run("HGET fading:hash g").eq(&Value::Null)
        });
        await_until("and at stock", || !stock.run("HGET fading:hash g").eq(&Value::Null));
        pair.compare(&["GET fading", "HGETALL fading:hash", "TTL fading", "DBSIZE"]);
    }
}

#[test]
fn a_watched_key_that_the_stream_changes_fails_the_transaction() {
    for kind in Kind::all() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET key 1");
        client.run("SET other 1");
        let replica = replica_of(&primary, &[]);
        let mut reader = replica.connect();
        reader.run("WATCH other");
        client.run("SET key 2");
        await_same(&[&primary, &replica]);
        reader.run("MULTI");
        reader.run("GET key");
        assert_eq!(reader.run("EXEC").elements()[0].text(), "2");
        for change in ["SET key 3", "DEL key", "FLUSHALL", "RENAME key moved", "SWAPDB 0 1"] {
            client.run("SET key 1");
            await_same(&[&primary, &replica]);
            reader.run("WATCH key");
            client.run(change);
            client.run("SET seen 1");
            await_same(&[&primary, &replica]);
            reader.run("MULTI");
            reader.run("GET key");
            assert_eq!(reader.run("EXEC"), Value::Null, "{change}");
        }
    }
}

#[test]
fn a_replica_counts_for_wait_and_for_waitaof() {
    for kind in Kind::all() {
        let primary = kind.start(&["--appendonly", "yes"]);
        let mut client = primary.connect();
        client.run("SET before 1");
        let replica = replica_of(&primary, &[]);
        client.run("SET key 1");
        assert_eq!(client.run("WAIT 1 20000").integer(), 1);
        client.run("SET key 2");
        let waited = client.run("WAITAOF 0 1 20000");
        match waited {
            Value::Array(counts) => assert_eq!(counts[1].integer(), 1, "{counts:?}"),
            Value::Error(text) => assert!(text.starts_with("ERR unknown command"), "{text}"),
            other => panic!("{other:?}"),
        }
        await_same(&[&primary, &replica]);
        assert_eq!(replica.connect().run("GET key").text(), "2");
    }
}
