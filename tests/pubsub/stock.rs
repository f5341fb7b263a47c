//! Conversations of a few clients, whose every byte is that of a stock server.

use super::support::{Server, Stock, Talk};

#[track_caller]
fn same_as_stock(steps: &[&str]) {
    let (server, oracle) = (Server::start(&[]), Stock::oracle(&[]));
    // Valkey refuses to end subscriptions where there are none.
    let stock = if oracle.is_valkey() { Stock::start(&[]) } else { oracle };
    assert_eq!(Talk::hold(&server, steps), Talk::hold(&stock, steps), "{steps:?}");
}

#[test]
fn channels_are_confirmed_and_left_one_by_one() {
    same_as_stock(&[
        "0: SUBSCRIBE a b a",
        "0: SUBSCRIBE ''",
        "0: UNSUBSCRIBE nowhere a ''",
        "0: UNSUBSCRIBE",
        "0: UNSUBSCRIBE",
        "0: UNSUBSCRIBE x y",
        "0: PUNSUBSCRIBE",
        "0: SUNSUBSCRIBE",
        "0: GET k",
        "0: SUBSCRIBE",
        "0: PSUBSCRIBE",
        "0: SSUBSCRIBE",
        "0: subscribe A",
        "1: PUBLISH a no",
        "1: PUBLISH A yes",
    ]);
}

#[test]
fn patterns_and_shard_channels_are_counted_as_they_are_there() {
    same_as_stock(&[
        "0: PSUBSCRIBE h?llo h[ae]llo h*o",
        "0: PSUBSCRIBE h*o",
        "0: SUBSCRIBE hello",
        "0: SSUBSCRIBE hello s",
        "1: PUBLISH hell 1",
        "1: PUBLISH h.o 2",
        "1: SPUBLISH hello 3",
        "1: SPUBLISH hallo 4",
        "0: PUNSUBSCRIBE h*o none",
        "0: SUNSUBSCRIBE hello none",
        "1: PUBSUB NUMPAT",
        "0: SUNSUBSCRIBE",
        "0: UNSUBSCRIBE",
        "0: PING",
        "0: PUNSUBSCRIBE h?llo h[ae]llo",
        "0: PING",
    ]);
}

#[test]
fn whoever_listens_in_resp2_may_do_little_else() {
    same_as_stock(&[
        "0: SUBSCRIBE a",
        "0: PING",
        "0: PING hello",
        "0: PING a b",
        "0: GET k",
        "0: get",
        "0: CLIENT LIST",
        "0: CONFIG GET x",
        "0: HGETALL",
        "0: nosuch command",
        "0: MULTI",
        "0: EXEC",
        "0: PUBLISH a b",
        "0: SPUBLISH a b",
        "0: PUBSUB NUMPAT",
        "0: SSUBSCRIBE s",
        "0: PSUBSCRIBE p*",
        "0: UNSUBSCRIBE",
        "0: GET k",
        "0: PUNSUBSCRIBE",
        "0: GET k",
        "0: SUNSUBSCRIBE",
        "0: GET k",
        "1: SSUBSCRIBE s",
        "1: GET k",
        "1: RESET",
        "1: GET k",
    ]);
}

#[test]
fn of_the_subscriptions_those_to_shard_channels_are_refused_within_a_transaction() {
    same_as_stock(&[
        "0: MULTI!",
        "0: SSUBSCRIBE s!",
        "0: SUNSUBSCRIBE!",
        "0: SUBSCRIBE a!",
        "0: EXEC",
        "1: SPUBLISH s no",
        "1: PUBLISH a yes",
        "1: PUBSUB SHARDCHANNELS",
    ]);
}

#[test]
fn messages_come_as_arrays_in_resp2_and_as_pushes_in_resp3() {
    same_as_stock(&[
        "0: SUBSCRIBE a",
        "0: PSUBSCRIBE *",
        "1: HELLO 3",
        "1: SUBSCRIBE a b",
        "1: PSUBSCRIBE a*",
        "1: SSUBSCRIBE a",
        "2: PUBLISH a 1",
        "2: PUBLISH b ''",
        "2: PUBLISH '' 3",
        "2: SPUBLISH a 4",
        "1: GET k",
        "1: SET k v",
        "1: PING",
        "1: PING x",
        "1: UNSUBSCRIBE b a",
        "1: PUNSUBSCRIBE",
        "1: PUNSUBSCRIBE",
        "1: SUNSUBSCRIBE a a",
        "2: PUBLISH a 5",
    ]);
}

#[test]
fn the_protocol_can_change_under_subscriptions() {
    same_as_stock(&[
        "0: HELLO 3",
        "0: SUBSCRIBE a",
        "1: PUBLISH a 1",
        "0: HELLO 2",
        "1: PUBLISH a 2",
        "0: GET k",
        "0: PING",
        "0: UNSUBSCRIBE",
        "0: GET k",
    ]);
}

#[test]
fn reset_leaves_everything_without_a_word() {
    same_as_stock(&[
        "0: SUBSCRIBE a b",
        "0: PSUBSCRIBE *",
        "0: SSUBSCRIBE s",
        "1: PUBLISH a 1",
        "0: RESET",
        "0: GET k",
        "1: PUBLISH a 2",
        "1: SPUBLISH s 3",
        "1: PUBSUB CHANNELS",
        "1: PUBSUB NUMPAT",
        "0: SUBSCRIBE a",
        "1: PUBLISH a 4",
    ]);
}

#[test]
fn pubsub_tells_who_listens() {
    same_as_stock(&[
        "0: PUBSUB CHANNELS",
        "0: SUBSCRIBE ab",
        "1: SUBSCRIBE ab",
        "1: SSUBSCRIBE sx",
        "2: PUBSUB CHANNELS",
        "2: PUBSUB CHANNELS a*",
        "2: PUBSUB CHANNELS A*",
        "2: PUBSUB CHANNELS a b",
        "2: PUBSUB SHARDCHANNELS",
        "2: PUBSUB SHARDCHANNELS ?x",
        "2: PUBSUB SHARDCHANNELS x y z",
        "2: PUBSUB NUMSUB",
        "2: PUBSUB NUMSUB ab none ab",
        "2: PUBSUB SHARDNUMSUB sx ab",
        "2: PUBSUB NUMPAT",
        "2: PUBSUB NUMPAT x",
        "2: PUBSUB nosuch",
        "2: PUBSUB",
        "2: HELLO 3",
        "2: PUBSUB NUMSUB ab",
        "2: PUBSUB CHANNELS",
        "0: PSUBSCRIBE p*",
        "1: PSUBSCRIBE p*",
        "2: PUBSUB NUMPAT",
        "2: PUBLISH",
        "2: PUBLISH a",
        "2: PUBLISH a b c",
        "2: SPUBLISH a",
        "2: COMMAND GETKEYS SPUBLISH a b",
        "2: COMMAND GETKEYS SSUBSCRIBE a",
    ]);
}

#[test]
fn transactions_subscribe_and_publish_in_their_places() {
    same_as_stock(&[
        "0: MULTI!",
        "0: SUBSCRIBE a!",
        "0: GET k!",
        "0: UNSUBSCRIBE!",
        "0: PUNSUBSCRIBE!",
        "0: EXEC",
        "1: SUBSCRIBE a",
        "0: MULTI!",
        "0: PUBLISH a 1!",
        "0: SET k v!",
        "0: PUBLISH a 2!",
        "0: SPUBLISH a 3!",
        "0: EXEC",
        "0: MULTI!",
        "0: PUBLISH a 4!",
        "0: DISCARD",
        "0: MULTI!",
        "0: SUBSCRIBE z!",
        "0: EXEC",
        "0: GET k",
        "1: PING",
    ]);
}

#[test]
fn messages_come_though_replies_are_off() {
    same_as_stock(&[
        "0: CLIENT REPLY OFF!",
        "0: SUBSCRIBE a!",
        "0: PING!",
        "0: UNSUBSCRIBE!",
        "0: CLIENT REPLY ON",
        "1: HELLO 3",
        "1: CLIENT REPLY OFF!",
        "1: SUBSCRIBE a!",
        "1: PING!",
        "1: CLIENT REPLY ON",
        "0: PUBLISH a 1",
        "1: CLIENT REPLY OFF!",
        "0: PUBLISH a 2",
        "1: CLIENT REPLY ON",
        "1: CLIENT REPLY SKIP!",
        "1: SUBSCRIBE b",
        "1: CLIENT REPLY SKIP!",
        "1: PING",
    ]);
}

#[test]
fn the_end_is_said_to_whoever_listens() {
    same_as_stock(&["0: SUBSCRIBE a", "0: QUIT", "1: PUBLISH a 1"]);
}

#[test]
fn sentinels_speak_through_a_channel_of_theirs() {
    let greeting = "127.0.0.1,26379,0123456789012345678901234567890123456789,0,mymaster,\
                    127.0.0.1,6379,0";
    same_as_stock(&[
        "0: CLIENT SETNAME sentinel-01234567-pubsub",
        "0: SUBSCRIBE __sentinel__:hello",
        "1: CLIENT SETNAME sentinel-01234567-cmd",
        &format!("1: PUBLISH __sentinel__:hello {greeting}"),
        "0: PING",
        "1: PUBLISH __sentinel__:hello again",
        "1: CLIENT KILL TYPE pubsub",
        "1: PUBLISH __sentinel__:hello nobody",
    ]);
}

/// As 7.2 does; 7.0 had the message first, and within a transaction's reply.
#[test]
fn a_client_gets_its_own_messages_after_the_reply() {
    let server = Server::start(&[]);
    let steps = [
        "0: HELLO 3",
        "0: SUBSCRIBE a",
        "0: PUBLISH a 1",
        "0: MULTI!",
        "0: PUBLISH a 2!",
        "0: GET k!",
        "0: EXEC",
    ];
    let message =
        |text| format!(">3\\r\\n$7\\r\\nmessage\\r\\n$1\\r\\na\\r\\n$1\\r\\n{text}\\r\\n");
    let mark = "$6\\r\\n~mark~\\r\\n";
    let expected = format!(
        "{mark}>3\\r\\n$9\\r\\nsubscribe\\r\\n$1\\r\\na\\r\\n:1\\r\\n{mark}:1\\r\\n{}{mark}+OK\\r\\n\
         +QUEUED\\r\\n+QUEUED\\r\\n*2\\r\\n:1\\r\\n_\\r\\n{}{mark}{mark}",
        message(1),
        message(2)
    );
    assert_eq!(Talk::hold(&server, &steps), [expected]);
}
