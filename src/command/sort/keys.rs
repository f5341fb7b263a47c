//! Where the keys of `SORT` are: of some it is only known while it runs.

use crate::keyspace::{Keyspace, ShardSet};
use crate::net::args::Args;

/// Tells which shards the command needs: all if it looks at keys by a pattern.
pub fn shards(args: &Args<'_>, keyspace: &Keyspace) -> ShardSet {
    let is = |word: &[u8], name: &[u8]| word.eq_ignore_ascii_case(name);
    if args.from(2).iter().any(|word| is(word, b"BY") || is(word, b"GET")) {
        return ShardSet::ALL;
    }
    // What stands behind the word is a key, unless the command is refused.
    let stored = args.from(2).iter().zip(args.from(3).iter());
    let stored = stored.filter(|(word, _)| is(word, b"STORE")).map(|(_, key)| key);
    let named = args.get(1).into_iter().chain(stored);
    named.fold(ShardSet::EMPTY, |set, key| set.union(ShardSet::of(&keyspace.key(key))))
}

/// Finds the places of the keys that `SORT` or `SORT_RO` names, with what is done with them.
pub fn named_keys(args: &Args<'_>) -> Vec<(usize, &'static str)> {
    let is = |place: usize, name: &str| args[place].eq_ignore_ascii_case(name.as_bytes());
    let mut named = vec![(1, "RO access")];
    let mut place = 2;
    while place < args.len() && is(0, "SORT") {
        if is(place, "STORE") && place + 1 < args.len() {
            named.truncate(1);
            named.push((place + 1, "OW update"));
        }
        let takes_one = is(place, "GET") || is(place, "BY");
        place += if is(place, "LIMIT") { 3 } else { 1 + usize::from(takes_one) };
    }
    named
}

/// Finds the place of the key that the result is stored in, by the words as the command reads them.
///
/// None where the words make no sense: the command refuses them before it touches anything.
pub fn destination(args: &Args<'_>) -> Option<usize> {
    let (mut place, mut found) = (2, None);
    while let Some(word) = args.get(place) {
        let is = |names: &[&str]| names.iter().any(|n| word.eq_ignore_ascii_case(n.as_bytes()));
        if is(&["STORE"]) && is_storing(args) {
            found = Some(place + 1).filter(|key| *key < args.len());
        }
        place += if is(&["ASC", "DESC", "ALPHA"]) {
            1
        } else if is(&["LIMIT"]) {
            3
        } else {
            2
        };
    }
    found
}

fn is_storing(args: &Args<'_>) -> bool {
    args[0].eq_ignore_ascii_case(b"SORT")
}
