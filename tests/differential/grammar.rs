//! Expands a form such as `SET key value [ ( NX | XX ) ]` into words.

use crate::support::random::Random;

/// How many times at most a group in braces is repeated.
const REPEATS_MAX: usize = 3;

/// Turns a word of the form into what is sent for it.
pub type Fill<'f> = &'f mut dyn FnMut(&str, &mut Random) -> Vec<u8>;

/// Makes one command of a form.
pub fn expand(form: &str, random: &mut Random, fill: Fill<'_>) -> Vec<Vec<u8>> {
    let tokens: Vec<_> = form.split_whitespace().collect();
    let mut words = Vec::new();
    sequence(&tokens, random, fill, &mut words);
    words
}

fn sequence(tokens: &[&str], random: &mut Random, fill: Fill<'_>, words: &mut Vec<Vec<u8>>) {
    let mut at = 0;
    while at < tokens.len() {
        let Some(close) = closing(tokens[at]) else {
            words.push(fill(tokens[at], random));
            at += 1;
            continue;
        };
        let end = matching(tokens, at, close);
        let inner = &tokens[at + 1..end];
        match close {
            "]" if random.chance(50) => sequence(inner, random, fill, words),
            ")" => {
                let choices = alternatives(inner);
                let choice: &[&str] = random.pick::<&[&str]>(&choices);
                sequence(choice, random, fill, words);
            }
            "}" => {
                for _ in 0..=random.below(REPEATS_MAX) {
                    sequence(inner, random, fill, words);
                }
            }
            _ => {}
        }
        at = end + 1;
    }
}

fn closing(token: &str) -> Option<&'static str> {
    match token {
        "[" => Some("]"),
        "(" => Some(")"),
        "{" => Some("}"),
        _ => None,
    }
}

fn matching(tokens: &[&str], open: usize, close: &str) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        if *token == tokens[open] {
            depth += 1;
        } else if *token == close {
            depth -= 1;
            if depth == 0 {
                return index;
            }
        }
    }
    panic!("a form without {close:?}: {tokens:?}");
}

/// Parts `a | b c | d` at the bars that are not inside a group.
fn alternatives<'t>(tokens: &'t [&'t str]) -> Vec<&'t [&'t str]> {
    let mut depth = 0;
    tokens
        .split(|token| {
            match *token {
                "[" | "(" | "{" => depth += 1,
                "]" | ")" | "}" => depth -= 1,
                _ => {}
            }
            *token == "|" && depth == 0
        })
        .collect()
}
