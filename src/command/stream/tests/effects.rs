//! What goes into the stream, and that others come to the same by it.

use proptest::prelude::*;

use super::bench;
use crate::command::Mode;
use crate::command::expecting::{answer, expect};
use crate::command::testing::{Bench, NOW_MS};
use crate::keyspace::StreamId;

#[test]
fn an_entry_is_told_with_its_id_and_a_trim_with_what_is_left() {
    let mut bench = bench();
    let id = format!("{NOW_MS}-0");
    let reply = format!("${} {id}", id.len());
    expect(&mut bench, "XADD s * f v", &reply, &[&format!("XADD s {id} f v")]);
    let mut bench = super::bench();
    expect(&mut bench, "XADD s 4-* f v", "$3 4-0", &["XADD s 4-0 f v"]);
    expect(&mut bench, "XADD s 5 f v", "$3 5-0", &["XADD s 5 f v"]);
    let told = "XADD s NOMKSTREAM MAXLEN = 6 6-0 f v";
    expect(&mut bench, "XADD s NOMKSTREAM MAXLEN ~ 2 LIMIT 9 6-* f v", "$3 6-0", &[told]);
    let told = "XADD s MINID = 1-0 7-0 f v";
    expect(&mut bench, "XADD s MINID ~ 3 7 f v", "$3 7-0", &[told]);
    let told = "XADD s MAXLEN 5 8 f v";
    expect(&mut bench, told, "$3 8-0", &[told]);
    answer(&mut bench, "XADD none NOMKSTREAM 8 f v", "$-1");
    answer(&mut bench, "XTRIM s MAXLEN ~ 2", ":0");
    expect(&mut bench, "XTRIM s MINID 6", ":2", &["XTRIM s MINID 6"]);
    expect(&mut bench, "XTRIM s MAXLEN ~ 0", ":3", &["XTRIM s MAXLEN = 0"]);
    let told = format!("XADD s MINID = {} 9-0 f v", StreamId::MAX);
    expect(&mut bench, "XADD s MINID ~ 10 9 f v", "$3 9-0", &[&told]);
    answer(&mut bench, "XDEL s 1 2", ":0");
}

#[test]
fn what_a_consumer_gets_is_told_as_what_is_pending() {
    let mut bench = bench();
    expect(&mut bench, "XGROUP CREATE s g 0", "+OK", &["XGROUP CREATE s g 0"]);
    let entry = "*1 *2 $1 s *1 *2 $3 1-0 *2 $1 f $2 v1";
    let claim = |id: &str, ms: i64, count: u32, last: &str| {
        let from = format!("XCLAIM s g c 0 {id} TIME {ms} RETRYCOUNT {count}");
        format!("{from} FORCE JUSTID LASTID {last}")
    };
    let read = "XREADGROUP GROUP g c COUNT 1 STREAMS s";
    let told = [
        "XGROUP CREATECONSUMER s g c",
        &claim("1-0", NOW_MS, 1, "1-0"),
        "XGROUP SETID s g 1-0 ENTRIESREAD 1",
    ];
    expect(&mut bench, &format!("{read} >"), entry, &told);
    bench.now_ms += 5;
    expect(&mut bench, &format!("{read} 0"), entry, &[&claim("1-0", NOW_MS + 5, 2, "1-0")]);
    let entry = "*1 *2 $1 s *1 *2 $3 2-0 *2 $1 f $2 v2";
    let told = ["XGROUP SETID s g 2-0 ENTRIESREAD 2"];
    expect(&mut bench, "XREADGROUP GROUP g c COUNT 1 NOACK STREAMS s >", entry, &told);
    bench.run("XDEL s 1");
    answer(&mut bench, &format!("{read} 0"), "*1 *2 $1 s *1 *2 $3 1-0 *-1");
    let told = [
        "XGROUP CREATECONSUMER s g d",
        "XCLAIM s g c 0 1-0 TIME 1700000000005 RETRYCOUNT 2 \
                 FORCE JUSTID LASTID 2-0",
    ];
    expect(&mut bench, "XCLAIM s g d 0 1", "*0", &told);
    answer(&mut bench, "XACK s g 1", ":0");
    answer(&mut bench, "XCLAIM s g d 0 3", "*0");
    expect(&mut bench, "XCLAIM s g d 0 3 LASTID 3", "*0", &["XGROUP SETID s g 3-0 ENTRIESREAD 2"]);
    expect(&mut bench, "XGROUP DELCONSUMER s g d", ":0", &["XGROUP DELCONSUMER s g d"]);
    answer(&mut bench, "XGROUP DELCONSUMER s g d", ":0");
    answer(&mut bench, "XGROUP CREATECONSUMER s g c", ":0");
    answer(&mut bench, "XGROUP DESTROY s none", ":0");
}

#[test]
fn what_has_been_pending_for_long_is_taken_over() {
    let mut bench = bench();
    bench.run("XGROUP CREATE s g 0");
    bench.run("XREADGROUP GROUP g a STREAMS s >");
    bench.run("XDEL s 2");
    bench.now_ms += 100;
    let at = bench.now_ms;
    let told = [
        "XGROUP CREATECONSUMER s g b".to_owned(),
        format!("XCLAIM s g b 0 1-0 TIME {at} RETRYCOUNT 2 FORCE JUSTID LASTID 3-0"),
        format!("XCLAIM s g a 0 2-0 TIME {NOW_MS} RETRYCOUNT 1 FORCE JUSTID LASTID 3-0"),
    ];
    let told: Vec<_> = told.iter().map(String::as_str).collect();
    let reply = "*3 $3 3-0 *1 *2 $3 1-0 *2 $1 f $2 v1 *1 $3 2-0";
    expect(&mut bench, "XAUTOCLAIM s g b 100 0 COUNT 2", reply, &told);
    answer(&mut bench, "XAUTOCLAIM s g b 101 0", "*3 $3 0-0 *0 *0");
    answer(&mut bench, "XPENDING s g", "*4 :2 $3 1-0 $3 3-0 *2 *2 $1 a $1 1 *2 $1 b $1 1");
    let pending = "*1 *4 $3 3-0 $1 a :100 :1";
    answer(&mut bench, "XPENDING s g IDLE 100 - + 10", pending);
    answer(&mut bench, "XPENDING s g (1 + 10 a", pending);
    answer(&mut bench, "XPENDING s g - + 10 nobody", "*0");
    let missing = "-NOGROUP No such key 's' or consumer group 'none'";
    answer(&mut bench, "XPENDING s none", missing);
}

#[test]
fn an_effect_that_is_longer_than_its_request_is_asked_for_first() {
    let mut bench = Bench::new();
    for ms in 1..=50 {
        bench.run(&format!("XADD s {ms} f v"));
    }
    bench.run("XGROUP CREATE s g 0");
    let before = bench.reply("XINFO STREAM s FULL");
    bench.host.room_bytes.store(300, std::sync::atomic::Ordering::Relaxed);
    let refused = bench.run("XREADGROUP GROUP g c STREAMS s >");
    assert_eq!((refused.text(), refused.stream().len()), ("-MISCONF no room".to_owned(), 0));
    assert_eq!(bench.reply("XINFO STREAM s FULL"), before);
    bench.host.room_bytes.store(u64::MAX, std::sync::atomic::Ordering::Relaxed);
    for words in [
        "XREADGROUP GROUP g c STREAMS s >",
        "XREADGROUP GROUP g c STREAMS s 0",
        "XAUTOCLAIM s g d 0 0",
        "XCLAIM s g e 0 1 2 3 4 5 6 7 8 9 10",
    ] {
        let told = bench.run(words).stream().iter().map(|words| words.len() + 100).sum::<usize>();
        let asked = bench.host.room_asked.load(std::sync::atomic::Ordering::Relaxed) as usize;
        assert!(asked >= told, "{words}: {asked} for {told}");
    }
}

fn any_command() -> impl Strategy<Value = String> {
    let id = || (1_u64..30).prop_map(|ms| format!("{ms}"));
    let consumer = || prop_oneof![Just("a"), Just("b"), Just("c")];
    let trim = prop_oneof![
        2 => Just(String::new()),
        1 => (0..9).prop_map(|n| format!("MAXLEN {n} ")),
        1 => (0..9).prop_map(|n| format!("MAXLEN ~ {n} ")),
        1 => (0..20).prop_map(|n| format!("MINID ~ {n} ")),
    ];
    prop_oneof![
        6 => (trim, 0..3).prop_map(|(trim, n)| format!("XADD s {trim}* f{n} v")),
        2 => id().prop_map(|id| format!("XDEL s {id}")),
        1 => (0..9).prop_map(|n| format!("XTRIM s MAXLEN ~ {n} LIMIT 4")),
        1 => Just("XGROUP CREATE s g 0 MKSTREAM".to_owned()),
        1 => Just("XGROUP CREATE s g $ MKSTREAM ENTRIESREAD 3".to_owned()),
        1 => id().prop_map(|id| format!("XGROUP SETID s g {id}")),
        1 => Just("XGROUP DESTROY s g".to_owned()),
        1 => consumer().prop_map(|c| format!("XGROUP DELCONSUMER s g {c}")),
        6 => (consumer(), 1..4).prop_map(|(c, n)| {
            format!("XREADGROUP GROUP g {c} COUNT {n} STREAMS s >")
        }),
        2 => consumer().prop_map(|c| format!("XREADGROUP GROUP g {c} NOACK COUNT 1 STREAMS s >")),
        2 => (consumer(), id()).prop_map(|(c, id)| format!("XREADGROUP GROUP g {c} STREAMS s {id}")),
        2 => Just("XREADGROUP GROUP g d STREAMS s s > 0".to_owned()),
        2 => id().prop_map(|id| format!("XACK s g {id}")),
        2 => (consumer(), id()).prop_map(|(c, id)| format!("XCLAIM s g {c} 0 {id} 5 FORCE")),
        1 => (consumer(), id()).prop_map(|(c, id)| format!("XCLAIM s g {c} 9 {id} LASTID {id}")),
        2 => (consumer(), id()).prop_map(|(c, id)| format!("XAUTOCLAIM s g {c} 9 {id} COUNT 2")),
        1 => Just("XSETID s 9999999999999 ENTRIESADDED 70 MAXDELETEDID 3".to_owned()),
    ]
}

/// What is known of the stream but when consumers were seen.
fn told(bench: &mut Bench) -> Vec<String> {
    let told = bench.reply("XINFO STREAM s FULL COUNT 0");
    let mut words: Vec<_> = told.split(' ').map(str::to_owned).collect();
    for at in 0..words.len() {
        if words[at] == "seen-time" || words[at] == "active-time" {
            words[at + 1].clear();
        }
    }
    words
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// Whoever applies the stream to the same data has the same data.
    #[test]
    fn the_stream_applied_elsewhere_gives_the_same_data(
        commands in prop::collection::vec(any_command(), 1..80),
    ) {
        let (mut primary, mut replica) = (Bench::new(), Bench::new());
        replica.mode = Mode::Replay;
        // IDs are times, so that they can be named.
        primary.now_ms = 1;
        // A replica may be late, or early.
        for (at, words) in commands.iter().enumerate() {
            replica.now_ms = if at % 2 == 0 { 0 } else { 10_000_000 };
            for (_, effect) in primary.run(words).effect {
                let reply = replica.reply(&effect);
                prop_assert!(!reply.starts_with('-'), "{effect}: {reply}");
            }
            primary.now_ms += 1;
        }
        let (ours, theirs) = (told(&mut primary), told(&mut replica));
        let from = ours.iter().zip(&theirs).take_while(|(one, other)| one == other).count();
        prop_assert_eq!(&ours[from..], &theirs[from..], "behind {:?}", &ours[..from]);
        prop_assert_eq!(primary.reply("DEBUG DIGEST"), replica.reply("DEBUG DIGEST"));
    }
}
