//! Everything that a primary's stream brings: applied, and kept byte for byte.

use crate::support::history::history;
use crate::support::member::{await_link, await_same, follow};
use crate::support::{Endpoint, Follower, Kind, Member, Value};
use crate::{replica_of, stock_kinds};

/// Commands of every kind that both servers know.
const COMMON: [&str; 27] = [
    "SET string value",
    "APPEND string more",
    "SETRANGE string 3 xyz",
    "SET expiring 1 EX 1000",
    "GETEX string EX 2000",
    "PERSIST string",
    "INCRBYFLOAT float 0.1",
    "INCRBY counter 7",
    "MSET a 1 b 2 c 3",
    "GETDEL a",
    "HSET hash f 1 g 2",
    "HINCRBYFLOAT hash f 0.5",
    "HDEL hash g",
    "EXPIRE hash 1000",
    "RENAME b d",
    "COPY d e DB 4",
    "MOVE c 2",
    "MULTI",
    "SELECT 3",
    "SET of:three 1",
    "SELECT 0",
    "INCR counter",
    "EXEC",
    "SWAPDB 2 3",
    "SELECT 5",
    "SET of:five 1",
    "SELECT 0",
];

#[test]
fn the_log_of_a_replica_is_the_stream_of_its_primary_byte_for_byte() {
    for kind in Kind::all() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET before 1");
        let replica = replica_of(&primary, &[]);
        let begun = history(&replica);
        assert_eq!(begun, history(&primary), "one history, from the snapshot on");
        let (mut upstream, _) = Follower::resume(&primary, &begun.replid, begun.offset);
        for line in COMMON {
            assert!(!client.run(line).is_error(), "{line}");
        }
        await_same(&[&primary, &replica]);
        let (mut downstream, resync) = Follower::resume(&replica, &begun.replid, begun.offset);
        assert!(resync.is_partial());
        let count = (history(&replica).offset - begun.offset) as usize;
        assert!(count > 800, "{count}");
        let (theirs, ours) = (upstream.read(count), downstream.read(count));
        assert_eq!(theirs.escape_ascii().to_string(), ours.escape_ascii().to_string());

        client.run("FLUSHDB");
        client.run("SET last 1");
        await_same(&[&primary, &replica]);
        client.run("FLUSHALL");
        client.run("SET last 2");
        await_same(&[&primary, &replica]);
        assert_eq!(replica.connect().run("DBSIZE").integer(), 1);
    }
}

#[test]
fn functions_scripts_and_messages_of_the_primary_go_through() {
    for kind in stock_kinds() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET before 1");
        let replica = replica_of(&primary, &[]);
        let library = "#!lua name=lib\nredis.register_function('f', function(keys, args) \
                       return redis.call('SET', keys[1], args[1]) end)";
        let calls: [&[&str]; 9] = [
            &["FUNCTION", "LOAD", library],
            &["FCALL", "f", "1", "of:function", "1"],
            &["SCRIPT", "LOAD", "return 1"],
            &["EVAL", "redis.call('SET',KEYS[1],1) redis.call('INCR',KEYS[1])", "1", "of:script"],
            &["EVAL", "return redis.call('PUBLISH','channel','m')", "0"],
            &["PUBLISH", "channel", "message"],
            &["SPUBLISH", "channel", "message"],
            &["SCRIPT", "FLUSH"],
            &["FUNCTION", "FLUSH"],
        ];
        for call in calls {
            let reply = client.call(call);
            assert!(!reply.is_error(), "{call:?}: {reply:?}");
            await_same(&[&primary, &replica]);
        }
        let mut reader = replica.connect();
        assert_eq!(reader.run("GET of:function").text(), "1");
        assert_eq!(reader.run("GET of:script").text(), "2");
        await_link(&replica);

        assert_eq!(reader.run("FUNCTION LIST").elements().len(), 0);

        // By the stream, and by a snapshot.
        client.call(&["FUNCTION", "LOAD", library]);
        let Member::Own(second) = Kind::Backlogd.start(&[]) else { unreachable!("it is ours") };
        follow(&second, primary.address());
        await_link(&second);
        await_same(&[&primary, &replica, &second]);
        for replica in [&replica, &second] {
            let ours = replica.connect().run("FUNCTION LIST WITHCODE");
            assert_eq!(ours, client.run("FUNCTION LIST WITHCODE"));
        }
    }
}

#[test]
fn messages_of_the_primary_reach_those_who_subscribe_here_as_with_stock() {
    for kind in stock_kinds() {
        let primary = kind.start(&[]);
        primary.connect().run("SET key 1");
        let ours = replica_of(&primary, &[]);
        let stock = kind.start(&[]);
        follow(&stock, primary.address());
        await_same(&[&primary, &ours, &stock]);
        let (mut at_ours, mut at_stock) = (ours.connect(), stock.connect());
        let reply = at_ours.run("SUBSCRIBE channel");
        assert_eq!(at_stock.run("SUBSCRIBE channel").elements().len(), 3);
        // Subscribing is no command here; if it becomes one, messages have to come.
        if let Value::Error(text) = reply {
            assert!(text.starts_with("ERR unknown command"), "{text}");
        } else {
            primary.connect().run("PUBLISH channel message");
            assert_eq!(at_ours.read(), at_stock.read());
        }
    }
}
