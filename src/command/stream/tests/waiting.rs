//! What is asked for when there is nothing yet.

use std::time::Duration;

use super::bench;
use crate::command::Flow;
use crate::command::expecting::{answer, expect};
use crate::command::flow::{Block, Request};
use crate::keyspace::{Kind, Wish};
use crate::net::args::OwnedArgs;

fn block(words: &str) -> Block {
    let mut bench = bench();
    bench.run("XGROUP CREATE s g $");
    bench.run("XGROUP CREATECONSUMER s g c");
    let outcome = bench.run(words);
    assert!(outcome.effect.is_empty(), "{words}: {:?}", outcome.effect);
    let Some(Flow::Await(request)) = outcome.flow else { panic!("{words}: {:?}", outcome.flow) };
    let Request::Block(block) = *request else { panic!("{words}: {request:?}") };
    block
}

#[test]
fn the_last_id_is_that_of_the_moment_of_asking() {
    let asked = block("XREAD BLOCK 1500 COUNT 7 STREAMS s none $ $");
    let words = "XREAD BLOCK 1500 COUNT 7 STREAMS s none 3-0 0-0".split(' ').collect::<Vec<_>>();
    let expected = Block {
        keys: 6..8,
        wish: Wish::Value(Kind::Stream),
        timeout: Some(Duration::from_millis(1500)),
        words: Some(OwnedArgs::from_words(words)),
    };
    assert_eq!(asked, expected);
}

#[test]
fn a_consumer_waits_for_whatever_becomes_of_the_stream() {
    let asked = block("XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
    assert_eq!((asked.wish, asked.timeout, asked.words), (Wish::Change, None, None));
}

#[test]
fn what_is_there_is_not_waited_for() {
    let mut bench = bench();
    answer(&mut bench, "XREAD BLOCK 0 STREAMS s 2", "*1 *2 $1 s *1 *2 $3 3-0 *2 $1 f $2 v3");
    bench.run("XGROUP CREATE s g $");
    let told = ["XGROUP CREATECONSUMER s g c"];
    expect(&mut bench, "XREADGROUP GROUP g c BLOCK 0 STREAMS s 0", "*1 *2 $1 s *0", &told);
    answer(&mut bench, "XREAD BLOCK -1 STREAMS s 0", "-ERR timeout is negative");
    let wrong = "-ERR timeout is not an integer or out of range";
    answer(&mut bench, "XREAD BLOCK 1.5 STREAMS s 0", wrong);
    let far = "XREAD BLOCK 9223372036854775807 STREAMS s $";
    answer(&mut bench, far, "-ERR timeout is out of range");
    bench.session.executing = true;
    answer(&mut bench, "XREAD BLOCK 0 STREAMS s $", "*-1");
}
