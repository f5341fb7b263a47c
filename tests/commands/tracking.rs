//! Client-side caching: who is told of which keys, and when, as by a stock server.

use crate::support::{Client, Endpoint, Server, Stock, Talk, await_until};

/// The number of the client that the first step connects.
const FIRST: u64 = 30;

/// Connects clients until the next one has the number [`FIRST`].
fn settle(server: &impl Endpoint) {
    while server.connect().run("CLIENT ID").integer() < FIRST as i64 - 1 {}
}

#[track_caller]
fn same_as_stock(steps: &[&str]) {
    let (server, stock) = (Server::start(&[]), Stock::oracle(&[]));
    settle(&server);
    settle(&stock);
    let (ours, theirs) = (Talk::hold(&server, steps), Talk::hold(&stock, steps));
    assert_eq!(ours, theirs, "{steps:?}");
}

#[test]
fn options_are_taken_refused_and_told_as_by_stock() {
    same_as_stock(&[
        "0: CLIENT GETREDIR",
        "0: CLIENT TRACKINGINFO",
        "0: CLIENT TRACKING",
        "0: CLIENT TRACKING MAYBE",
        "0: CLIENT TRACKING ON PREFIX a",
        "0: CLIENT TRACKING ON PREFIX",
        "0: CLIENT TRACKING ON OPTIN OPTOUT",
        "0: CLIENT TRACKING ON BCAST OPTIN",
        "0: CLIENT TRACKING ON REDIRECT 9999",
        "0: CLIENT TRACKING ON REDIRECT 0",
        "0: CLIENT TRACKING ON REDIRECT x",
        "0: CLIENT TRACKING ON REDIRECT",
        "0: CLIENT TRACKING ON REDIRECT 30 REDIRECT 30",
        "0: CLIENT TRACKING ON NOSUCH",
        "0: CLIENT CACHING YES",
        "0: CLIENT TRACKING OFF BCAST",
        "0: CLIENT TRACKING ON BCAST PREFIX a PREFIX ab",
        "0: CLIENT TRACKING ON BCAST PREFIX a PREFIX a",
        "0: CLIENT TRACKING ON BCAST PREFIX b",
        "0: CLIENT TRACKING ON BCAST PREFIX bc",
        "0: CLIENT TRACKING ON BCAST PREFIX a NOLOOP",
        "0: CLIENT TRACKINGINFO",
        "0: CLIENT TRACKING ON",
        "0: CLIENT TRACKING ON OPTIN",
        "0: CLIENT TRACKING OFF",
        "0: CLIENT TRACKINGINFO",
        "0: CLIENT TRACKING ON BCAST",
        "0: CLIENT TRACKING ON BCAST",
        "0: CLIENT TRACKINGINFO",
        "0: CLIENT TRACKING OFF",
        "0: CLIENT TRACKING ON",
        "0: CLIENT CACHING YES",
        "0: CLIENT CACHING MAYBE",
        "0: CLIENT TRACKING ON OPTIN NOLOOP",
        "0: CLIENT TRACKING ON OPTOUT",
        "0: CLIENT CACHING NO",
        "0: CLIENT CACHING YES!",
        "0: CLIENT TRACKINGINFO",
        "0: CLIENT TRACKING OFF",
        "0: CLIENT TRACKING ON OPTOUT REDIRECT 30",
        "0: CLIENT CACHING NO!",
        "0: CLIENT TRACKINGINFO",
        "0: CLIENT GETREDIR",
        "0: HELLO 3",
        "0: CLIENT TRACKINGINFO",
        "0: RESET",
        "0: CLIENT TRACKINGINFO",
    ]);
}

#[test]
fn whoever_has_read_a_key_is_told_once_when_it_changes() {
    same_as_stock(&[
        "0: HELLO 3",
        "0: CLIENT TRACKING ON",
        "0: GET a",
        "0: MGET b c",
        "1: SET a 1",
        "1: SET a 2",
        "1: MSET b 1 c 2",
        "0: GET a",
        "0: SET a 3",
        "0: GET a",
        "1: MULTI!",
        "1: SET a 4!",
        "1: DEL b!",
        "1: SET a 5!",
        "1: EXEC",
        "0: MULTI!",
        "0: GET m!",
        "0: SET m 1!",
        "0: GET m!",
        "0: EXEC",
        "1: SET m 2",
        "0: EXISTS e",
        "0: TYPE t",
        "0: LRANGE l 0 -1",
        "1: MSET e 1 t 2",
        "1: RPUSH l x",
        "0: LRANGE l 0 -1",
        "1: LTRIM l 0 10",
        "0: LRANGE l 0 -1",
        "1: RENAME l r",
        "0: GET k",
        "1: SELECT 3",
        "1: SET k v",
        "0: SET written 1",
        "1: SET written 2",
        "0: GET k",
        "0: CLIENT TRACKING OFF",
        "1: SET k w",
        "0: GET k",
        "0: CLIENT TRACKING ON",
        "0: GET k",
        "0: CLIENT TRACKING OFF",
        "0: CLIENT TRACKING ON",
        "1: SET k x",
    ]);
}

#[test]
fn emptied_databases_are_told_of_without_keys() {
    same_as_stock(&[
        "0: HELLO 3",
        "0: CLIENT TRACKING ON",
        "2: HELLO 3",
        "2: CLIENT TRACKING ON BCAST PREFIX a",
        "0: GET a",
        "1: FLUSHALL",
        "1: SET a 1",
        "0: GET a",
        "0: FLUSHDB",
        "1: MULTI!",
        "1: FLUSHALL!",
        "1: SET a 2!",
        "1: EXEC",
    ]);
}

#[test]
fn own_changes_are_left_out_where_that_is_wanted() {
    same_as_stock(&[
        "0: HELLO 3",
        "0: CLIENT TRACKING ON NOLOOP",
        "0: GET a",
        "0: SET a 1",
        "1: SET a 2",
        "0: GET a",
        "1: SET a 3",
        "2: HELLO 3",
        "2: CLIENT TRACKING ON BCAST NOLOOP",
        "2: SET b 1",
        "1: SET b 2",
    ]);
}

#[test]
fn what_is_remembered_is_chosen_command_by_command() {
    same_as_stock(&[
        "0: HELLO 3",
        "0: CLIENT TRACKING ON OPTIN",
        "0: GET a",
        "1: SET a 1",
        "0: CLIENT CACHING YES!",
        "0: GET a",
        "0: GET b",
        "1: MSET a 2 b 2",
        "0: CLIENT CACHING YES!",
        "0: MULTI!",
        "0: GET a!",
        "0: GET b!",
        "0: EXEC",
        "1: MSET a 3 b 3",
        "0: CLIENT CACHING YES!",
        "0: nosuch!",
        "0: GET a",
        "1: SET a 4",
        "2: HELLO 3",
        "2: CLIENT TRACKING ON OPTOUT",
        "2: GET a",
        "1: SET a 5",
        "2: CLIENT CACHING NO!",
        "2: GET a",
        "2: GET b",
        "1: MSET a 6 b 6",
    ]);
}

/// In stock the keys of all commands that came together, here those of each command.
#[test]
fn keys_are_broadcast_by_the_beginnings_of_their_names() {
    same_as_stock(&[
        "0: HELLO 3",
        "0: CLIENT TRACKING ON BCAST PREFIX a PREFIX b",
        "2: HELLO 3",
        "2: CLIENT TRACKING ON BCAST",
        "1: SET a1 1",
        "1: MSET b1 1 a2 1 c 1",
        "1: SET c 2",
        "1: MULTI!",
        "1: SET b9 1!",
        "1: SET a9 1!",
        "1: SET a8 1!",
        "1: SET a9 2!",
        "1: EXEC",
        "0: GET c",
        "0: CLIENT TRACKING OFF",
        "1: SET a1 2",
    ]);
}

#[test]
fn others_are_told_in_ones_place() {
    same_as_stock(&[
        "0: SUBSCRIBE __redis__:invalidate",
        "1: CLIENT TRACKING ON REDIRECT 30",
        "1: GET a",
        "1: CLIENT GETREDIR",
        "2: SET a 1",
        "2: SET a 2",
        "1: GET a",
        "2: FLUSHALL",
        "1: GET a",
        "0: UNSUBSCRIBE",
        "2: SET a 3",
        "0: HELLO 3",
        "1: GET a",
        "2: SET a 4",
        "1: CLIENT TRACKING ON",
        "1: GET a",
        "2: SET a 5",
        "1: HELLO 3",
        "1: GET a",
        "2: SET a 6",
        "1: RESET",
        "2: SET a 7",
    ]);
}

/// Reads the next push, and joins its words by spaces.
fn next(client: &mut Client) -> String {
    let (value, _) = client.read();
    let elements = value.elements();
    let word = |value: &crate::support::Value| match value {
        crate::support::Value::Integer(number) => number.to_string(),
        crate::support::Value::Array(keys) => {
            keys.iter().map(crate::support::Value::text).collect()
        }
        crate::support::Value::Null => "(nil)".to_owned(),
        other => other.text(),
    };
    elements.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn tracking(server: &Server, options: &str) -> Client {
    let mut client = server.connect();
    client.run("HELLO 3");
    let reply = client.run(&format!("CLIENT TRACKING ON {options}"));
    assert!(!reply.is_error(), "{reply:?}");
    client
}

#[test]
fn whoever_is_told_by_nobody_any_more_hears_of_that() {
    let server = Server::start(&[]);
    let (target, mut client, mut writer) = (server.connect(), server.connect(), server.connect());
    let mut target = target;
    target.run("HELLO 3");
    let id = target.run("CLIENT ID").integer();
    client.run("HELLO 3");
    client.run(&format!("CLIENT TRACKING ON REDIRECT {id}"));
    client.run("GET a");
    drop(target);
    await_until("it has left", || !writer.run("CLIENT LIST").text().contains(&format!("id={id} ")));
    writer.run("SET a 1");
    assert_eq!(next(&mut client), format!("tracking-redir-broken {id}"));
    let shown = client.run("CLIENT INFO").text();
    assert!(shown.contains(" flags=tR ") && shown.contains(&format!(" redir={id} ")), "{shown}");
}

#[test]
fn keys_that_expire_are_told_of_by_whoever_removes_them() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let (mut reader, mut broadcast) = (tracking(&server, ""), tracking(&server, "BCAST"));
    let mut writer = server.connect();
    writer.run("SET k v PX 500");
    assert_eq!(next(&mut broadcast), "invalidate k");
    reader.run("GET k");
    assert_eq!(next(&mut broadcast), "invalidate k");
    assert_eq!(next(&mut reader), "invalidate k");
    writer.run("DEBUG SET-ACTIVE-EXPIRE 0");
    writer.run("SET k v PXAT 1");
    assert_eq!(next(&mut broadcast), "invalidate k");
    writer.run("GET k");
    assert_eq!(next(&mut broadcast), "invalidate k");
}

#[test]
fn a_replica_tells_of_what_it_applies() {
    let (primary, replica) = (Server::start(&[]), Server::start(&[]));
    let port = primary.address().port().to_string();
    replica.connect().call(&["REPLICAOF", "127.0.0.1", &port]);
    crate::support::history::await_online(&primary, 1);
    let mut reader = tracking(&replica, "");
    reader.run("GET k");
    let mut writer = primary.connect();
    writer.run("SET k v");
    assert_eq!(next(&mut reader), "invalidate k");
    reader.run("GET k");
    writer.run("FLUSHALL");
    assert_eq!(next(&mut reader), "invalidate (nil)");
}

#[test]
fn no_more_keys_are_remembered_than_allowed() {
    let server = Server::start(&["--tracking-table-max-keys", "10"]);
    let mut reader = tracking(&server, "");
    for number in 0..10 {
        reader.run(&format!("GET k{number}"));
    }
    let mut other = server.connect();
    let counted = |client: &mut Client, field| client.info("stats", field);
    assert_eq!(counted(&mut other, "tracking_total_keys"), "10");
    assert_eq!(counted(&mut other, "tracking_total_items"), "10");
    reader.run("GET one-more");
    assert!(next(&mut reader).starts_with("invalidate "));
    assert_eq!(counted(&mut other, "tracking_total_keys"), "10");
    assert_eq!(other.info("clients", "tracking_clients"), "1");
    drop(reader);
    await_until("it is gone", || other.info("clients", "tracking_clients") == "0");
}
