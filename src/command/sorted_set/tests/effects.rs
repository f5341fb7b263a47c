//! What goes into the stream, and that others come to the same by it.

use proptest::prelude::*;

use super::{bench, elements};
use crate::command::Mode;
use crate::command::expecting::{answer, expect};
use crate::command::testing::Bench;

#[test]
fn ranges_by_bytes_over_several_scores_name_the_members() {
    let mut bench = bench();
    let stream = ["DEL d", "ZADD d 1 a 2 b"];
    expect(&mut bench, "ZRANGESTORE d z - [b BYLEX", ":2", &stream[1..]);
    expect(&mut bench, "ZRANGESTORE d z - [b BYLEX", ":2", &stream);
    expect(&mut bench, "ZRANGESTORE d z (z + BYLEX", ":0", &stream[..1]);
    answer(&mut bench, "ZRANGESTORE d z (z + BYLEX", ":0");
    expect(&mut bench, "ZREMRANGEBYLEX z - (c", ":2", &["ZREM z a b"]);
    assert_eq!(elements(&mut bench, "ZRANGE z 0 -1"), "c");
}

#[test]
fn an_expired_sorted_set_is_removed_first_for_a_client_and_lives_on_in_a_replay() {
    let mut bench = bench();
    bench.run("PEXPIRE z 1000");
    bench.now_ms += 1001;
    bench.mode = Mode::Replay;
    assert_eq!(bench.reply("ZINCRBY z 1 a"), "$1 2");
    bench.mode = Mode::Client;
    expect(&mut bench, "ZINCRBY z 1 a", "$1 1", &["DEL z", "ZINCRBY z 1 a"]);
    bench.run("PEXPIRE z 1000");
    bench.now_ms += 1001;
    expect(&mut bench, "ZUNIONSTORE d 2 z z", ":0", &["DEL z"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whoever applies the stream to the same data has the same data.
    #[test]
    fn the_stream_applied_elsewhere_gives_the_same_data(
        commands in prop::collection::vec(any_command(), 1..80),
    ) {
        let (mut primary, mut replica) = (Bench::new(), Bench::new());
        replica.mode = Mode::Replay;
        // A replica may be late.
        replica.now_ms += 10_000_000;
        for words in commands {
            for (_, effect) in primary.run(&words).effect {
                prop_assert!(apply(&mut replica, &effect), "{effect} failed");
            }
            primary.now_ms += 7;
        }
        prop_assert_eq!(primary.reply("DEBUG DIGEST"), replica.reply("DEBUG DIGEST"));
    }
}

/// Applies a command of the stream; tells whether that went well.
fn apply(replica: &mut Bench, effect: &str) -> bool {
    let Some(key) = effect.strip_prefix("DEL ") else {
        return !replica.reply(effect).starts_with('-');
    };
    let key = replica.keyspace.key(key.as_bytes());
    replica.keyspace.lock_all().db(0).remove(&key)
}

fn any_command() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(vec!["x", "y", "z"]);
    let member = prop::sample::select(vec!["a", "b", "c", "d", "e", "f"]);
    let number = prop::sample::select(vec!["1", "-5", "0.25", "1e3", "2", "inf", "-inf", "0"]);
    let shape = prop::sample::select(vec![
        "ZADD $K $N $M",
        "ZADD $K $N $M 3 a 4 b",
        "ZADD $K $N $M 0.1 c 0.7 d",
        "ZADD $K NX $N $M",
        "ZADD $K XX $N $M",
        "ZADD $K GT $N $M",
        "ZADD $K INCR $N $M",
        "ZINCRBY $K $N $M",
        "ZREM $K $M b",
        "ZPOPMIN $K",
        "ZPOPMAX $K 2",
        "ZMPOP 2 $K $L MIN COUNT 2",
        "ZREMRANGEBYRANK $K 1 2",
        "ZREMRANGEBYSCORE $K 0 ($N",
        "ZREMRANGEBYLEX $K [b [$M",
        "ZRANGESTORE $K $L 0 2 REV",
        "ZRANGESTORE $K $L [b [$M BYLEX",
        "ZUNIONSTORE $K 2 $L z WEIGHTS 0.3 $N",
        "ZINTERSTORE $K 2 $L z AGGREGATE MAX",
        "ZDIFFSTORE $K 2 $L z",
        "PEXPIRE $K 20",
    ]);
    (shape, key(), key(), member, number).prop_map(|(shape, k, l, m, n)| {
        shape.replace("$K", k).replace("$L", l).replace("$M", m).replace("$N", n)
    })
}
