//! What is read, and errors.

use super::bench;
use crate::command::expecting::answer;
use crate::command::testing::Bench;
use crate::net::reply::Protocol;

#[test]
fn ranges_are_told_in_either_order() {
    let mut bench = bench();
    answer(
        &mut bench,
        "XRANGE s - + COUNT 2",
        "*2 *2 $3 1-0 *2 $1 f $2 v1 *2 $3 2-0 *2 $1 f $2 v2",
    );
    answer(&mut bench, "XREVRANGE s (3-0 (1-0", "*1 *2 $3 2-0 *2 $1 f $2 v2");
    answer(&mut bench, "XRANGE s 5 +", "*0");
    answer(&mut bench, "XRANGE none - +", "*0");
    answer(&mut bench, "XRANGE s - + COUNT 0", "*-1");
    answer(&mut bench, "XRANGE s - + COUNT", "-ERR syntax error");
    answer(&mut bench, "XLEN s", ":3");
    answer(&mut bench, "XLEN none", ":0");
    bench.run("SET text x");
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    for words in [
        "XLEN text",
        "XADD text * f v",
        "XREAD STREAMS text 0",
        "XINFO STREAM text",
        "XGROUP CREATE text g 0",
        "XACK text g 1",
    ] {
        answer(&mut bench, words, wrong);
    }
}

#[test]
fn several_streams_are_read_at_once_as_far_as_there_is_something() {
    let mut bench = bench();
    bench.run("XADD t 9-1 a b");
    let entry = "*2 $3 3-0 *2 $1 f $2 v3";
    let both = format!("*2 *2 $1 s *1 {entry} *2 $1 t *1 *2 $3 9-1 *2 $1 a $1 b");
    answer(&mut bench, "XREAD STREAMS s none t 2 0 0", &both);
    answer(&mut bench, "XREAD STREAMS s t $ $", "*-1");
    bench.session.protocol = Protocol::Resp3;
    answer(&mut bench, "XREAD COUNT 1 STREAMS s 2", &format!("%1 $1 s *1 {entry}"));
    answer(&mut bench, "XREAD STREAMS s 3", "_");
}

#[test]
fn what_is_known_of_a_stream_is_told() {
    let mut bench = bench();
    bench.run("XDEL s 2");
    bench.run("XGROUP CREATE s g 1");
    let facts = "$6 length :2 $15 radix-tree-keys :1 $16 radix-tree-nodes :2 $17 last-generated-id \
                 $3 3-0 $20 max-deleted-entry-id $3 2-0 $13 entries-added :3 \
                 $23 recorded-first-entry-id $3 1-0";
    let (first, last) = ("*2 $3 1-0 *2 $1 f $2 v1", "*2 $3 3-0 *2 $1 f $2 v3");
    let told = format!("*20 {facts} $6 groups :1 $11 first-entry {first} $10 last-entry {last}");
    answer(&mut bench, "XINFO STREAM s", &told);
    let group = "$4 name $1 g $17 last-delivered-id $3 1-0 $12 entries-read $-1 $3 lag $-1 \
                 $9 pel-count :0 $7 pending *0 $9 consumers *0";
    let told = format!("*18 {facts} $7 entries *1 {first} $6 groups *1 *14 {group}");
    answer(&mut bench, "XINFO STREAM s FULL COUNT 1", &told);
    answer(&mut bench, "XINFO STREAM none FULL COUNT x", "-ERR no such key");
    let wrong =
        "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.";
    answer(&mut bench, "XINFO STREAM s FOO", wrong);
    answer(&mut bench, "OBJECT ENCODING s", "$6 stream");
    answer(&mut bench, "TYPE s", "+stream");
}

#[test]
fn a_stream_that_is_trimmed_to_nothing_stays() {
    let mut bench = bench();
    assert_eq!(bench.reply("XTRIM s MAXLEN 0"), ":3");
    answer(&mut bench, "EXISTS s", ":1");
    let refused =
        "-ERR The ID specified in XADD is equal or smaller than the target stream top item";
    answer(&mut bench, "XADD s 3 f v", refused);
}

#[test]
fn a_large_part_that_goes_is_freed_elsewhere() {
    let mut bench = Bench::new();
    for ms in 1..=2500 {
        bench.run(&format!("XADD s {ms} f v"));
    }
    assert_eq!(bench.reply("XTRIM s MAXLEN 250"), ":2250");
    assert_eq!(bench.host.asked(), ["drop later"]);
    assert_eq!(bench.reply("XLEN s"), ":250");
    bench.run("XTRIM s MAXLEN 150");
    bench.run("XTRIM s MINID 2395");
    let told = bench.reply("XINFO STREAM s");
    assert!(told.contains("length :106 ") && told.contains("radix-tree-keys :2 "), "{told}");
    assert_eq!(bench.host.asked(), Vec::<String>::new());
}
