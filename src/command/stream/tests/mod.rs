//! Commands of streams, without a server around them.

mod effects;
mod reading;
mod waiting;

use crate::command::testing::{Bench, NOW_MS};

/// A stream `s` of the entries 1-0, 2-0 and 3-0.
fn bench() -> Bench {
    let mut bench = Bench::new();
    for ms in 1..=3 {
        bench.run(&format!("XADD s {ms} f v{ms}"));
    }
    bench
}

/// Runs a command, and expects a reply and what goes into the stream.
#[track_caller]
fn expect(bench: &mut Bench, words: &str, reply: &str, stream: &[&str]) {
    let outcome = bench.run(words);
    assert_eq!(outcome.text(), reply, "{words}");
    assert_eq!(outcome.stream(), stream, "{words}");
}

/// Runs a command that changes nothing, and expects a reply.
#[track_caller]
fn answer(bench: &mut Bench, words: &str, reply: &str) {
    expect(bench, words, reply, &[]);
}
