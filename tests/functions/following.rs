//! Libraries on replicas, ours and stock ones, by the stream and by snapshots.

use crate::support::history::{await_online, resyncs};
use crate::support::member::{await_link, await_same, follow, promote};
use crate::support::{Endpoint, Kind, Member, await_until};
use crate::{LIBRARY, libraries, load, returning};

/// Waits until all have the same libraries.
#[track_caller]
fn await_libraries(members: &[&dyn Endpoint]) {
    let expected = libraries(members[0]);
    for member in &members[1..] {
        await_until("the libraries are the same", || libraries(*member) == expected);
    }
}

/// Every kind of primary with every kind of replica, one of both ours.
fn pairs() -> impl Iterator<Item = (Kind, Kind)> {
    let all = || Kind::all().into_iter();
    let is_own = |kind: &Kind| matches!(kind, Kind::Backlogd);
    all()
        .flat_map(move |primary| all().map(move |replica| (primary.clone(), replica)))
        .filter(move |(primary, replica)| is_own(primary) || is_own(replica))
}

#[test]
fn replicas_have_the_libraries_of_their_primary() {
    for (primary, replica) in pairs() {
        let (primary, replica) = (primary.start(&[]), replica.start(&[]));
        let (mut client, mut reader) = (primary.connect(), replica.connect());
        load(&mut client, LIBRARY);
        load(&mut client, &returning("early", "f", 1));
        client.run("SET k v");
        // What the replica had goes with its data.
        load(&mut reader, &returning("own", "read", 5));
        follow(&replica, primary.address());
        await_link(&replica);
        await_same(&[&primary, &replica]);
        await_libraries(&[&primary, &replica]);
        assert_eq!(reader.call(&["FCALL_RO", "read", "1", "k"]).text(), "v");

        client.run("FUNCTION DELETE early");
        load(&mut client, &returning("late", "g", 2));
        client.call(&["FCALL", "write", "1", "k", "w"]);
        await_same(&[&primary, &replica]);
        await_libraries(&[&primary, &replica]);
        let refused = reader.call(&["FUNCTION", "FLUSH"]).text();
        assert!(refused.starts_with("READONLY "), "{refused}");

        let payload = client.run("FUNCTION DUMP");
        let crate::Value::Bulk(payload) = payload else { panic!("a payload: {payload:?}") };
        client.run("FUNCTION FLUSH");
        await_same(&[&primary, &replica]);
        await_libraries(&[&primary, &replica]);
        let words = [&b"FUNCTION"[..], b"RESTORE", &payload, b"FLUSH"];
        assert_eq!(client.call(&words).text(), "OK");
        await_same(&[&primary, &replica]);
        await_libraries(&[&primary, &replica]);
        assert_eq!(libraries(&replica).len(), 2);

        promote(&replica);
        assert_eq!(reader.call(&["FCALL", "write", "1", "k", "x"]).integer(), 2);
    }
}

#[test]
fn what_a_replica_missed_comes_with_a_partial_resync() {
    for (primary, replica) in pairs() {
        let (primary, mut replica) = (primary.start(&[]), replica.start(&[]));
        let mut client = primary.connect();
        load(&mut client, &returning("early", "f", 1));
        client.run("SET k v");
        follow(&replica, primary.address());
        await_link(&replica);
        await_same(&[&primary, &replica]);
        replica.shut_down();
        load(&mut client, LIBRARY);
        client.run("FUNCTION DELETE early");
        let (full, partial) = resyncs(&primary);
        replica.restart(Some(primary.address()));
        await_link(&replica);
        await_same(&[&primary, &replica]);
        await_libraries(&[&primary, &replica]);
        let now = resyncs(&primary);
        assert_eq!(now, (full, partial + 1));
    }
}

#[test]
fn a_replica_of_a_replica_has_them_after_both_were_killed() {
    let mut members: Vec<Member> = (0..3).map(|_| Kind::Backlogd.start(&[])).collect();
    for index in 1..3 {
        follow(&members[index], members[index - 1].address());
        await_link(&members[index]);
    }
    let mut client = members[0].connect();
    load(&mut client, LIBRARY);
    client.run("SET k v");
    await_same(&[&members[0], &members[1], &members[2]]);
    for index in 1..3 {
        let upstream = members[index - 1].address();
        members[index].kill();
        members[index].restart(Some(upstream));
    }
    load(&mut client, &returning("late", "g", 2));
    for member in &members[1..] {
        await_link(member);
    }
    await_online(&members[0], 1);
    await_same(&[&members[0], &members[1], &members[2]]);
    await_libraries(&[&members[0], &members[1], &members[2]]);
}
