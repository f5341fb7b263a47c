//! What the tests of commands expect of them.

use super::testing::{Bench, Outcome};

pub const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
pub const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range";
pub const SYNTAX: &str = "-ERR syntax error";

/// Runs a command, and compares its reply and what goes into the stream.
#[track_caller]
pub fn expect(bench: &mut Bench, words: &str, reply: &str, stream: &[&str]) -> Outcome {
    let outcome = bench.run(words);
    assert_eq!(outcome.text(), reply, "reply to {words}");
    assert_eq!(outcome.stream(), stream, "effect of {words}");
    outcome
}

/// Does so for each command.
#[track_caller]
pub fn expect_each(bench: &mut Bench, runs: &[(&str, &str, &[&str])]) {
    for (words, reply, stream) in runs {
        expect(bench, words, reply, stream);
    }
}

/// Runs a command that changes nothing, and compares its reply.
#[track_caller]
pub fn answer(bench: &mut Bench, words: &str, reply: &str) {
    expect(bench, words, reply, &[]);
}

/// Does so for each command.
#[track_caller]
pub fn answer_each(bench: &mut Bench, runs: &[(&str, &str)]) {
    for (words, reply) in runs {
        answer(bench, words, reply);
    }
}
