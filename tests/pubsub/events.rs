//! Keyspace events where batches of commands do not say enough: by the clock, to those who do other
//! things as well, from clients that waited, in the midst of transactions.

use super::support::{Endpoint, Kind, Server, Stock, Talk, await_until};
use super::{listen, next};

/// Has both servers publish events of these classes, and compares what their clients are sent.
#[track_caller]
fn same_as_stock(classes: &str, steps: &[&str]) {
    let arguments = ["--notify-keyspace-events", classes];
    let debug = ["--enable-debug-command", "yes"];
    let (server, stock) = (Server::start(&[arguments, debug].concat()), Stock::start(&arguments));
    assert_eq!(Talk::hold(&server, steps), Talk::hold(&stock, steps), "{steps:?}");
}

#[test]
fn messages_and_events_of_a_transaction_come_in_its_order() {
    same_as_stock(
        "KEA",
        &[
            "0: PSUBSCRIBE *",
            "1: MULTI!",
            "1: SET a 1!",
            "1: PUBLISH c 1!",
            "1: PUBLISH c 2!",
            "1: SELECT 3!",
            "1: LPUSH b x!",
            "1: SPUBLISH c 3!",
            "1: DEL b!",
            "1: PUBLISH c 4!",
            "1: EXEC",
            "1: PUBLISH c 5",
            "1: MULTI!",
            "1: SET a 2!",
            "1: DISCARD",
        ],
    );
}

#[test]
fn clients_that_waited_tell_what_they_took_behind_what_served_them() {
    let steps = [
        "0: PSUBSCRIBE *",
        "1: BLPOP q 0 ...",
        "2: BRPOP q 0 ...",
        "3: RPUSH q a b c",
        "1: BZPOPMIN z 0 ...",
        "3: ZADD z 1 a 2 b",
        "1: BLMPOP 0 1 p LEFT COUNT 2 ...",
        "3: MULTI!",
        "3: LPUSH p x!",
        "3: SET k v!",
        "3: EXEC",
    ];
    same_as_stock("KEAn", &steps);
}

/// As 7.2 does, whose client runs `BLMOVE` anew; 7.0 tells of the source last.
#[test]
fn a_client_that_waited_to_move_an_element_tells_as_if_it_had_just_come() {
    let server = Server::start(&["--notify-keyspace-events", "KAn"]);
    let (mut listener, mut waiting, mut client) =
        (server.connect(), server.connect(), server.connect());
    listen(&mut listener, "PSUBSCRIBE *");
    waiting.send_command(&["BLMOVE", "q", "r", "LEFT", "RIGHT", "0"]);
    await_until("it waits", || client.info("clients", "blocked_clients") == "1");
    client.run("RPUSH q a");
    for event in ["q new", "q rpush", "r new", "r rpush", "q lpop", "q del"] {
        let (key, name) = event.split_once(' ').expect("two words");
        assert_eq!(next(&mut listener), format!("pmessage * __keyspace@0__:{key} {name}"));
    }
    assert_eq!(waiting.read().0.text(), "a");
}

/// As 7.2 does; 7.0 had them first, and within a transaction's reply.
#[test]
fn a_client_gets_events_of_its_own_commands_after_their_replies() {
    let server = Server::start(&["--notify-keyspace-events", "Eg$"]);
    let steps = [
        "0: HELLO 3",
        "0: PSUBSCRIBE *",
        "0: SET k v!",
        "0: DEL k!",
        "0: MULTI!",
        "0: SET k v!",
        "0: EXEC!",
        "0: GET k",
    ];
    let event = |name: &str| {
        let channel = format!("__keyevent@0__:{name}");
        let length = channel.len();
        format!(
            ">4\\r\\n$8\\r\\npmessage\\r\\n$1\\r\\n*\\r\\n${length}\\r\\n{channel}\\r\\n$1\\r\\nk\\r\\n"
        )
    };
    let mark = "$6\\r\\n~mark~\\r\\n";
    let (set, del) = (event("set"), event("del"));
    let expected = format!(
        "{mark}>3\\r\\n$10\\r\\npsubscribe\\r\\n$1\\r\\n*\\r\\n:1\\r\\n{mark}+OK\\r\\n{set}:1\\r\\n{del}\
         +OK\\r\\n+QUEUED\\r\\n*1\\r\\n+OK\\r\\n{set}$1\\r\\nv\\r\\n{mark}{mark}"
    );
    assert_eq!(Talk::hold(&server, &steps), [expected]);
}

#[test]
fn classes_are_set_told_and_refused_as_by_stock() {
    let steps = [
        "0: PSUBSCRIBE *",
        "1: CONFIG GET notify-keyspace-events",
        "1: SET k 1",
        "1: CONFIG SET notify-keyspace-events g",
        "1: DEL k",
        "1: CONFIG SET notify-keyspace-events KEg$lshzxetd",
        "1: CONFIG GET notify-keyspace-events",
        "1: SET k 2",
        "1: CONFIG SET notify-keyspace-events q",
        "1: SET k 3",
        "1: CONFIG SET notify-keyspace-events ''",
        "1: SET k 4",
        "1: FLUSHALL",
    ];
    same_as_stock("", &steps);
}

/// Flushing and exchanging databases is no event of any key.
#[test]
fn whole_databases_are_emptied_without_events() {
    let steps = [
        "0: PSUBSCRIBE *",
        "1: MSET a 1 b 2",
        "1: FLUSHDB",
        "1: SET c 3",
        "1: SWAPDB 0 1",
        "1: FLUSHALL",
        "1: DEBUG POPULATE 2",
    ];
    same_as_stock("KEA", &steps);
}

#[test]
fn keys_that_expire_by_the_clock_are_told_of_by_the_primary_alone() {
    let published = ["--notify-keyspace-events", "KEA"];
    let (primary, replica) = (Kind::Backlogd.start(&published), Kind::Backlogd.start(&published));
    super::support::member::follow(&replica, primary.address());
    super::support::member::await_link(&replica);
    let (mut here, mut there) = (primary.connect(), replica.connect());
    for listener in [&mut here, &mut there] {
        listen(listener, "PSUBSCRIBE __keyspace*");
    }
    let mut client = primary.connect();
    client.run("SET k v PX 20");
    client.run("SET last 1");
    let told = |name: &str| format!("pmessage __keyspace* __keyspace@0__:k {name}");
    for listener in [&mut here, &mut there] {
        assert_eq!(next(listener), told("set"));
        assert_eq!(next(listener), told("expire"));
        assert_eq!(next(listener), told("set").replace(":k", ":last"));
    }
    // Nobody looks for the key.
    assert_eq!(next(&mut here), told("expired"));
    assert_eq!(next(&mut there), told("del"));
}

#[test]
fn keys_sent_away_are_told_of_as_removed() {
    let published = ["--notify-keyspace-events", "KA"];
    let (server, target) = (Server::start(&published), Server::start(&published));
    let (mut here, mut there) = (server.connect(), target.connect());
    for listener in [&mut here, &mut there] {
        listen(listener, "PSUBSCRIBE *");
    }
    let mut client = server.connect();
    client.run("SET k v");
    let port = target.address().port();
    client.run(&format!("MIGRATE 127.0.0.1 {port} k 0 5000"));
    let told = |name: &str| format!("pmessage * __keyspace@0__:k {name}");
    assert_eq!([next(&mut here), next(&mut here)], [told("set"), told("del")]);
    assert_eq!(next(&mut there), told("restore"));
}
