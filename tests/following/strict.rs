//! What cannot be applied is never skipped: the link stops, says why, and goes on once it can.

use crate::support::history::{digest, history, number};
use crate::support::member::{await_down, await_link, await_same, follow};
use crate::support::{Client, Endpoint, Kind, Value, await_until};
use crate::{replica_of, stock_kinds};

/// Gives a stock primary a key that no replica hears of, as nothing but an overflow comes of the command.
fn hide(client: &mut Client) {
    client.run("BITFIELD list OVERFLOW FAIL INCRBY i1 #3 2");
    assert_eq!(client.run("EXISTS list").integer(), 1);
}

#[test]
fn a_command_that_cannot_be_applied_stops_the_link_until_there_is_another_way() {
    for kind in stock_kinds() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET key 1");
        let mut replica = replica_of(&primary, &[]);
        await_same(&[&primary, &replica]);
        hide(&mut client);
        // In one read, so that what precedes it is applied with it.
        client.send(b"SET key 2\r\nRENAME list other\r\nSET key 3\r\n");
        for _ in 0..3 {
            client.read();
        }
        let reason = await_down(&replica, "RENAME");
        assert!(reason.to_lowercase().contains("rename"), "{reason}");
        replica.await_line("the link is down");
        let mut reader = replica.connect();
        assert_eq!(reader.run("GET key").text(), "2", "what comes before it counts");
        assert_eq!(reader.run("DBSIZE").integer(), 1);
        let stopped = history(&replica);
        await_until("it is tried again", || number(&mut client, "stats", "sync_partial_ok") >= 2);
        assert_eq!(history(&replica), stopped);

        client.run("DEL other");
        client.run("DEBUG CHANGE-REPL-ID");
        await_link(&replica);
        await_same(&[&primary, &replica]);
        assert_eq!(reader.run("GET key").text(), "3");
    }
}

#[test]
fn the_log_keeps_the_words_of_clients_to_itself_if_asked_to() {
    for (kind, (hides, is_told)) in
        stock_kinds().into_iter().cycle().zip([("no", true), ("yes", false)])
    {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET key 1");
        let mut replica = replica_of(&primary, &["--hide-user-data-from-log", hides]);
        await_same(&[&primary, &replica]);
        hide(&mut client);
        client.run("RENAME list other");
        let reason = await_down(&replica, "RENAME");
        assert!(reason.contains("no such key"), "{reason}");
        replica.await_line("the link is down");
        let log = replica.output();
        assert!(log.contains("the command 'RENAME' at offset"), "{log}");
        assert_eq!(log.contains("no such key"), is_told, "{log}");
    }
}

#[test]
fn half_a_transaction_is_undone() {
    for kind in stock_kinds() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET key 1");
        let mut replica = replica_of(&primary, &[]);
        await_same(&[&primary, &replica]);
        let (before, held) = (digest(&replica), history(&replica));
        client.run("SELECT 3");
        hide(&mut client);
        client.run("SELECT 0");
        client
            .send(b"MULTI\r\nSET key 2\r\nSELECT 3\r\nRENAME list other\r\nSET key 3\r\nEXEC\r\n");
        for _ in 0..6 {
            client.read();
        }
        await_down(&replica, "RENAME");
        await_until("it is tried again", || number(&mut client, "stats", "sync_partial_ok") >= 2);
        await_down(&replica, "RENAME");
        assert_eq!(digest(&replica), before);
        // A SELECT before it counts.
        let stopped = history(&replica);
        assert_eq!(stopped.replid, held.replid);
        assert!(stopped.offset - held.offset < 30, "{stopped:?}");
        assert_eq!(replica.connect().run("GET key").text(), "1");

        let other = kind.start(&[]);
        other.connect().run("SET key 4");
        follow(&replica, other.address());
        await_link(&replica);
        await_same(&[&other, &replica]);
        replica.kill();
        replica.restart_as_replica_at(other.address());
        await_link(&replica);
        await_same(&[&other, &replica]);
    }
}

#[test]
fn whole_units_before_a_transaction_that_cannot_be_applied_count() {
    for kind in stock_kinds() {
        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET key 1");
        let replica = replica_of(&primary, &[]);
        await_same(&[&primary, &replica]);
        hide(&mut client);
        client.send(b"SET key 2\r\nMULTI\r\nSET key 3\r\nRENAME list other\r\nEXEC\r\n");
        for _ in 0..5 {
            client.read();
        }
        await_down(&replica, "RENAME");
        let mut reader = replica.connect();
        await_until("what precedes the transaction is applied", || {
            reader.run("GET key") == Value::Bulk(b"2".to_vec())
        });
        await_down(&replica, "RENAME");
    }
}

#[test]
fn a_snapshot_with_a_library_that_cannot_be_loaded_leaves_the_data_as_it_was() {
    for kind in stock_kinds() {
        let first = Kind::Backlogd.start(&[]);
        first.connect().run("SET of:first 1");
        let replica = replica_of(&first, &[]);
        await_same(&[&first, &replica]);
        let before = digest(&replica);

        let primary = kind.start(&[]);
        let mut client = primary.connect();
        client.run("SET key 1");
        // Functions are called whatever the case: which of the two, stock does not know either.
        let library = "#!lua name=l\nredis.register_function('f', function() return 1 end)
                       redis.register_function('F', function() return 2 end)";
        client.call(&["FUNCTION", "LOAD", library]);
        follow(&replica, primary.address());
        let reason = await_down(&replica, "the data is as it was");
        assert!(reason.contains("Function already exists in the library"), "{reason}");
        let mut reader = replica.connect();
        // While an attempt loads, there is no data to read.
        await_until("the data is as it was", || {
            reader.run("DEBUG DIGEST") == Value::Simple(before.clone())
        });

        client.run("FUNCTION FLUSH");
        client.run("SET key 2");
        await_link(&replica);
        await_same(&[&primary, &replica]);
        assert_eq!(replica.connect().run("DBSIZE").integer(), 1);
    }
}
