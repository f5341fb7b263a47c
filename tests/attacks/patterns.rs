//! Patterns that make a naive matcher go back for ever, or too deep.

use super::{Target, request};
use crate::support::Value;

/// Needs more steps than there is time for, where each star starts over what those before did.
fn endless(stars: usize) -> String {
    format!("{}b", "*a".repeat(stars))
}

/// CVE-2022-36021, CVE-2024-31228: `KEYS`.
#[test]
fn keys_with_a_pattern_of_many_stars_is_answered() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    client.call(&["SET", &"a".repeat(5000), "v"]);
    for pattern in [endless(40), endless(2000), "*".repeat(100_000), "?*".repeat(2000)] {
        client.send_command(&["KEYS", &pattern]);
        target.answers_others();
        let found = client.read().0;
        let matches = usize::from(!pattern.ends_with('b'));
        assert_eq!(found.elements().len(), matches, "{} bytes of pattern", pattern.len());
    }
    target.stands();
}

/// CVE-2022-36021 once more: `SCAN` and its kin.
#[test]
fn scans_with_a_pattern_of_many_stars_are_answered() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    let name = "a".repeat(5000);
    client.call(&["SADD", "set", &name]);
    client.call(&["HSET", "hash", &name, "v"]);
    client.call(&["ZADD", "zset", "1", &name]);
    for head in ["SCAN 0", "SSCAN set 0", "HSCAN hash 0", "ZSCAN zset 0"] {
        let pattern = endless(2000);
        let words: Vec<_> = head.split(' ').chain(["MATCH", &pattern, "COUNT", "100"]).collect();
        client.send_command(&words);
        target.answers_others();
        assert!(client.read().0.elements()[1].elements().is_empty(), "{head}");
    }
    target.stands();
}

/// CVE-2024-31228: a matcher that calls itself for each star runs out of stack.
#[test]
fn patterns_as_long_as_a_word_may_be_do_not_nest() {
    let target = Target::start(&[]);
    let mut client = target.connect();
    let name = "a".repeat(300);
    client.call(&["SET", &name, "v"]);
    client.run("SUBSCRIBE other");
    let mut client = target.connect();
    let long = endless(1_000_000);
    client.send_command(&["KEYS", &long]);
    target.answers_others();
    assert!(client.read().0.elements().is_empty());
    client.send_command(&["CONFIG", "GET", &long]);
    assert!(client.read().0.elements().is_empty());
    client.send_command(&["PUBSUB", "CHANNELS", &long]);
    assert!(client.read().0.elements().is_empty());
    client.send_command(&["KEYS", &"[".repeat(1_000_000)]);
    assert!(client.read().0.elements().is_empty());
    target.answers_others();
}

/// A subscriber's pattern is tried for every message of everybody.
#[test]
fn a_pattern_subscribed_to_does_not_hold_up_who_publishes() {
    let mut target = Target::start(&[]);
    let mut subscriber = target.connect();
    subscriber.send(&request(&["PSUBSCRIBE", &endless(2000)]));
    subscriber.read();
    let mut publisher = target.connect();
    let reply = publisher.call(&["PUBLISH", &"a".repeat(5000), "m"]);
    assert_eq!(reply, Value::Integer(0));
    target.stands();
}
