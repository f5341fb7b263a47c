//! Full resyncs: in every form, with a password, and all or nothing whenever they are cut.

use crate::support::data::text;
use crate::support::history::{digest, history};
use crate::support::member::{await_down, await_link, await_same, follow};
use crate::support::random::Random;
use crate::support::{Client, Endpoint, Kind, Member, Program, Relay, Server, Value, await_until};
use crate::{replica_of, stock_kinds};

fn own(further: &[&str]) -> Server {
    let Member::Own(server) = Kind::Backlogd.start(further) else { unreachable!("it is ours") };
    server
}

/// Writes so many keys of about a kilobyte, in one pipeline.
fn fill(client: &mut Client, name: &str, count: usize) {
    // Nothing that can be compressed.
    let mut random = Random::new(count as u64);
    let lines = (0..count).map(|index| format!("SET {name}:{index} {}\r\n", text(&mut random, 60)));
    client.send(lines.collect::<Vec<_>>().concat().as_bytes());
    for _ in 0..count {
        assert_eq!(client.read().0.text(), "OK");
    }
}

#[test]
fn snapshots_of_either_form_and_every_load_are_adopted() {
    let forms = [Kind::Stock(Program::usual()), Kind::Backlogd];
    let forms = forms.iter().chain(stock_kinds().iter().skip(1)).cloned().collect::<Vec<_>>();
    for kind in forms {
        for diskless in ["yes", "no"] {
            let primary = kind.start(&["--repl-diskless-sync", diskless]);
            let mut client = primary.connect();
            client.run("SELECT 3");
            client.run("HSET hash f 1");
            client.run("SELECT 0");
            fill(&mut client, "key", 500);
            for load in ["disabled", "on-empty-db", "swapdb"] {
                let replica = own(&["--repl-diskless-load", load]);
                replica.connect().run("SET of:its:own 1");
                follow(&replica, primary.address());
                await_link(&replica);
                client.run("INCR counter");
                await_same(&[&primary, &replica]);
                assert_eq!(replica.connect().run("EXISTS of:its:own").integer(), 0);
                assert_eq!(history(&primary), history(&replica));
            }
        }
    }
}

#[test]
fn a_primary_that_wants_a_password_is_given_it() {
    for kind in stock_kinds() {
        let primary = kind.start(&["--requirepass", "secret"]);
        let mut client = primary.connect();
        client.run("AUTH secret");
        client.run("SET key 1");
        let replica = own(&[]);
        follow(&replica, primary.address());
        let reason = await_down(&replica, "masterauth");
        assert!(reason.contains("NOAUTH"), "{reason}");
        let mut reader = replica.connect();
        reader.run("CONFIG SET masterauth wrong");
        await_down(&replica, "WRONGPASS");
        reader.run("CONFIG SET masterauth secret");
        await_link(&replica);

        client.run("ACL SETUSER follower on >other +psync +replconf +ping");
        reader.run("REPLICAOF NO ONE");
        reader.run("CONFIG SET masteruser follower");
        reader.run("CONFIG SET masterauth other");
        follow(&replica, primary.address());
        await_link(&replica);
        client.run("SET key 2");
        await_until("it follows", || reader.run("GET key") == Value::Bulk(b"2".to_vec()));
    }
}

#[test]
fn the_old_data_is_served_while_the_new_is_loaded_if_it_is_to_be() {
    for kind in Kind::all() {
        let primary = kind.start(&[]);
        fill(&mut primary.connect(), "key", 4000);
        for (load, is_served) in [("swapdb", true), ("disabled", false)] {
            let replica = own(&["--repl-diskless-load", load]);
            let mut reader = replica.connect();
            reader.run("SET old 1");
            let relay = Relay::to(&primary);
            // As far as the snapshot has come by half, and no further.
            relay.hold_after(1_500_000);
            follow(&replica, relay.address());
            await_until("the snapshot comes", || {
                reader.info("replication", "master_sync_in_progress") == "1"
                    && reader.info("replication", "master_sync_read_bytes") != "0"
            });
            assert_eq!(reader.run("GET old").text(), "1", "{load}");
            assert_eq!(reader.run("ROLE").elements()[3].text(), "sync");
            relay.release();
            // What is asked while it is loaded is old, refused or new; never of both.
            await_until("the new data is there", || match reader.run("MGET old key:0 key:3999") {
                Value::Error(text) => {
                    assert!(!is_served && text.starts_with("LOADING "), "{load}: {text}");
                    false
                }
                reply => {
                    let values = reply.elements();
                    let is_new = values[0] == Value::Null;
                    assert_eq!(values[1] != Value::Null, is_new, "{load}: {reply:?}");
                    assert_eq!(values[2] != Value::Null, is_new, "{load}: {reply:?}");
                    is_new
                }
            });
            await_link(&replica);
            assert_eq!(digest(&replica), digest(&primary));
        }
    }
}

#[test]
fn a_full_resync_that_is_cut_begins_anew_and_the_old_data_stays_until_then() {
    for kind in Kind::all() {
        let primary = kind.start(&[]);
        fill(&mut primary.connect(), "key", 2000);
        let replica = own(&[]);
        let mut reader = replica.connect();
        reader.run("SET old 1");
        let before = (digest(&replica), history(&replica));
        let relay = Relay::to(&primary);
        for bytes in [20_000, 700_000, 900_000] {
            relay.cut_after(bytes);
        }
        // The last one is not let through.
        relay.hold_after(900_000);
        follow(&replica, relay.address());
        await_until("the snapshot was cut thrice", || relay.cuts() == 3);
        await_until("it comes again", || relay.is_holding());
        relay.close();
        await_down(&replica, "closed the connection");
        assert_eq!((digest(&replica), history(&replica)), before);
        relay.open();
        await_link(&replica);
        await_same(&[&primary, &replica]);
    }
}

#[test]
fn a_kill_during_a_full_resync_leaves_the_old_data_or_the_new() {
    let mut random = Random::new(7);
    let mut seen = [0, 0];
    let primary = own(&[]);
    fill(&mut primary.connect(), "key", 3000);
    let new = digest(&primary);
    let mut replica = own(&["--backlog-discarded-max-count", "2"]);
    for round in 0..10 {
        let mut reader = replica.connect();
        reader.call(&["SET", "old", &round.to_string()]);
        fill(&mut reader, "other", 20);
        let old = digest(&replica);
        let relay = Relay::to(&primary);
        let bytes = random.below(3_000_000) as u64;
        if round % 2 == 0 {
            // Behind a part of the snapshot.
            relay.hold_after(bytes);
        }
        follow(&replica, relay.address());
        if round % 2 == 0 {
            await_until("the part has come", || relay.is_holding() || relay.full() == 1);
        } else {
            // While it is adopted: a while later by each round.
            for _ in 0..round * 40 {
                reader.run("PING");
            }
        }
        replica.kill();
        replica.restart_in_place();
        let found = digest(&replica);
        assert!(found == old || found == new, "neither the old data nor the new");
        seen[usize::from(found == new)] += 1;
        let held = history(&replica);
        assert_ne!(held.replid, history(&primary).replid, "it is a primary of its own now");
        replica.connect().run("FLUSHALL");
    }
    assert!(seen[0] > 0, "{seen:?}");
    let replica_again = replica_of(&primary, &[]);
    await_same(&[&primary, &replica_again]);
}
