//! Commands of as many words as there can be, and values of what they bring.

use crate::support::history::digest;
use crate::support::{Endpoint, Server, Stock};

#[test]
fn a_million_words_make_one_value_and_others_are_served() {
    const ELEMENTS: usize = 1_000_000;
    let server = Server::start(&["--save", "", "--enable-debug-command", "yes"]);
    let stock = Stock::start(&[]);
    let (mut ours, mut theirs) = (server.connect(), stock.connect());
    let names: Vec<_> = (0..ELEMENTS).map(|n| format!("e{n}")).collect();
    let half = &names[..ELEMENTS / 2];
    let numbers: Vec<_> = (0..ELEMENTS / 2).map(|n| n.to_string()).collect();
    let pairs = |first: &[String], second: &[String]| -> Vec<String> {
        let pairs = first.iter().zip(second);
        pairs.flat_map(|(first, second)| [first.clone(), second.clone()]).collect()
    };
    let mut other = server.connect();
    for (head, tail) in [
        ("RPUSH million:list", names.clone()),
        ("SADD million:set", names.clone()),
        ("SADD million:ints", numbers.clone()),
        ("ZADD million:zset", pairs(&numbers, half)),
        ("HSET million:hash", pairs(half, &numbers)),
        ("DEL", names.clone()),
    ] {
        let head = head.split(' ').map(str::to_owned);
        let words: Vec<_> = head.chain(tail).collect();
        ours.send_command(&words);
        assert_eq!(other.run("PING").text(), "PONG");
        let (said, expected) = (ours.read().0, theirs.call(&words));
        assert!(!said.is_error(), "{}: {said:?}", words[0]);
        assert!(said == expected, "{} {}", words[0], words[1]);
    }
    assert_eq!(digest(&server), digest(&stock));
    // All members but one, all there are, and far more than there are.
    let said = ours.run("SPOP million:ints 499999");
    assert_eq!(said.elements().len(), ELEMENTS / 2 - 1);
    assert_eq!(ours.run("SCARD million:ints").integer(), 1);
    assert_eq!(ours.run("ZPOPMIN million:zset 99999999999").elements().len(), ELEMENTS);
    assert_eq!(ours.run("EXISTS million:zset").integer(), 0);
}
