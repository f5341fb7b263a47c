//! Conversations of clients that wait, whose every byte is that of a stock server.

use super::support::{Server, Stock, Talk};

#[track_caller]
fn same_as_stock(steps: &[&str]) {
    let (server, stock) = (Server::start(&[]), Stock::oracle(&[]));
    assert_eq!(Talk::hold(&server, steps), Talk::hold(&stock, steps), "{steps:?}");
}

#[test]
fn words_that_are_wrong_are_errors_before_anything_waits() {
    same_as_stock(&[
        "0: BLPOP",
        "0: BLPOP k",
        "0: BLPOP k x",
        "0: BLPOP k -1",
        "0: BLPOP k nan",
        "0: SET s v",
        "0: BLPOP s 0",
        "0: BLPOP none s 0",
        "0: BRPOP s x",
        "0: BLMOVE k l LEFT 0",
        "0: BLMOVE k l LEFT MIDDLE 0",
        "0: BLMOVE k l LEFT RIGHT x",
        "0: BLMOVE s l LEFT RIGHT 0",
        "0: BRPOPLPUSH k l",
        "0: BRPOPLPUSH k l -1",
        "0: BRPOPLPUSH s l 0",
        "0: BLMPOP 0 0 k LEFT",
        "0: BLMPOP x 1 k LEFT",
        "0: BLMPOP 0 x k LEFT",
        "0: BLMPOP 0 2 k LEFT",
        "0: BLMPOP 0 1 k UP",
        "0: BLMPOP 0 1 k LEFT COUNT 0",
        "0: BLMPOP 0 1 k LEFT COUNT x",
        "0: BLMPOP 0 1 k LEFT COUNT 1 COUNT 1",
        "0: BLMPOP -1 1 s LEFT",
        "0: BLMPOP 0 1 s LEFT",
        "0: BLMPOP x 2 z0 z1 q2 LEFT",
        "0: BLMPOP -1 0 a LEFT",
        "0: BLMPOP x 1 k LEFT COUNT 0",
        "0: BLMPOP x 1 s LEFT",
        "0: BZMPOP nan 2 q2 MAX",
        "0: BZMPOP -1 0 a MAX",
        "0: BZMPOP x 1 k MIN COUNT 0",
        "0: BZMPOP x 1 s MIN",
        "0: CLIENT UNBLOCK",
        "0: CLIENT UNBLOCK x",
        "0: CLIENT UNBLOCK 1 x",
        "0: CLIENT UNBLOCK 1 TIMEOUT x",
        "0: CLIENT UNBLOCK 99999",
    ]);
}

#[test]
fn what_is_there_is_taken_at_once() {
    same_as_stock(&[
        "0: RPUSH k a b c d e f",
        "0: BLPOP none k 0",
        "0: BRPOP k none 0",
        "0: BLMOVE k l LEFT RIGHT 0",
        "0: BRPOPLPUSH k l 0",
        "0: BLMPOP 0 2 none k RIGHT COUNT 5",
        "0: LRANGE l 0 -1",
        "0: EXISTS k",
        "0: HELLO 3",
        "0: BLPOP l 0",
        "0: BLMPOP 0 1 l LEFT",
        "0: BLPOP l 0.01",
        "0: BLMOVE l k LEFT LEFT 0.01",
    ]);
}

#[test]
fn whose_time_is_over_is_answered_by_a_null_array() {
    same_as_stock(&[
        "0: BLMOVE k l LEFT RIGHT 0.01",
        "0: BRPOPLPUSH k l 0.01",
        "0: BLPOP k l 0.01",
        "0: BLMPOP 0.01 1 k LEFT",
        "0: BZPOPMIN k l 0.01",
        "0: HELLO 3",
        "0: BLMOVE k l LEFT RIGHT 0.01",
        "0: BRPOPLPUSH k l 0.01",
    ]);
}

#[test]
fn nothing_waits_within_a_transaction() {
    same_as_stock(&[
        "0: MULTI!",
        "0: BLPOP k 0!",
        "0: BRPOPLPUSH k l 0!",
        "0: BLMOVE k l LEFT LEFT 0!",
        "0: BLMPOP 0 1 k LEFT!",
        "0: RPUSH k a!",
        "0: BLPOP k 0!",
        "0: EXEC",
    ]);
}

#[test]
fn those_who_wait_are_served_in_order() {
    same_as_stock(&[
        "1: BLPOP k 0 ...",
        "2: BRPOP l k 0 ...",
        "3: BLMOVE k l LEFT RIGHT 0 ...",
        "4: BLPOP l 0 ...",
        "5: HELLO 3",
        "5: BLPOP k l 0 ...",
        "6: BLMPOP 0 2 m k LEFT COUNT 10 ...",
        "0: RPUSH k a",
        "0: RPUSH k b c d",
        "0: RPUSH m e f",
        "0: LRANGE k 0 -1",
        "0: LRANGE m 0 -1",
    ]);
}

#[test]
fn a_list_that_is_gone_again_serves_nobody() {
    same_as_stock(&[
        "1: BLPOP k 0 ...",
        "0: MULTI!",
        "0: RPUSH k a!",
        "0: DEL k!",
        "0: EXEC",
        "0: MULTI!",
        "0: RPUSH k a!",
        "0: DEL k!",
        "0: SET k v!",
        "0: EXEC",
        "0: GET k",
        "0: DEL k",
        "0: RPUSH k z",
    ]);
}

#[test]
fn moves_onto_the_same_list_and_in_rings() {
    same_as_stock(&[
        "1: BLMOVE k k LEFT RIGHT 0 ...",
        "2: BRPOPLPUSH k k 0 ...",
        "0: RPUSH k a b c",
        "0: LRANGE k 0 -1",
        "1: BLMOVE a b LEFT LEFT 0 ...",
        "2: BLMOVE b a LEFT LEFT 0 ...",
        "0: LPUSH a x",
        "0: LRANGE a 0 -1",
        "0: LRANGE b 0 -1",
    ]);
}
