//! Finds the keys among a command's words.

use crate::net::args::Args;
use crate::number::parse_i64_strict;

use super::Command;

/// Where some of a command's keys are.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// What is done with the keys, in stock's words with a space between (`RW access update`).
    pub flags: &'static str,
    /// Where the first key is.
    pub begin: BeginSearch,
    /// Where the others are.
    pub find: FindKeys,
    /// A remark for people.
    pub notes: &'static str,
}

/// Where the first key is.
#[derive(Clone, Copy, Debug)]
pub enum BeginSearch {
    /// At this word.
    Index(i32),
    /// At this word of `MIGRATE`; where it is empty, others behind its word `KEYS` may stand for it.
    IndexOrKeys(i32),
    /// After this word, looked for from `start_from` on.
    Keyword {
        /// The word.
        keyword: &'static str,
        /// Where to begin; from the end if negative.
        start_from: i32,
    },
    /// Nobody can tell.
    Unknown,
}

/// Which words from the first key on are keys.
#[derive(Clone, Copy, Debug)]
pub enum FindKeys {
    /// From the first one to `last` (relative; from the end if negative), each `step` words.
    Range {
        /// The last one.
        last: i32,
        /// The distance.
        step: i32,
        /// Divides the words that remain when `last` is -1.
        limit: i32,
    },
    /// As many as the word at `keynum` says.
    Keynum {
        /// Where the number is, relative to the beginning.
        keynum: i32,
        /// Where the first key is, relative to the beginning.
        first: i32,
        /// The distance.
        step: i32,
    },
    /// Nobody can tell.
    Unknown,
}

/// The word behind which `XREAD` and `XREADGROUP` have their keys.
pub(super) const STREAMS: &str = "STREAMS";

/// The word behind which `MIGRATE` has its keys, if it has several.
pub(super) const KEYS: &str = "KEYS";

/// The words of one command are not what its key spec expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit;

/// Returns the place of the key of a command that always has one, at the same place.
#[inline]
pub fn only_key(command: &Command, args: &Args<'_>) -> Option<usize> {
    match command.keys {
        [
            KeySpec {
                begin: BeginSearch::Index(index), find: FindKeys::Range { last: 0, .. }, ..
            },
        ] => Some(*index as usize).filter(|index| *index < args.len()),
        _ => None,
    }
}

/// Walks the places of the keys among a command's words.
///
/// A spec that the words do not fit yields nothing: the command will refuse them before it looks at
/// a key. Of a word with one key behind it that is said several times, each such key is walked, for
/// only the command knows which of them counts.
pub fn keys_of<'a>(command: &'static Command, args: &Args<'a>) -> Positions<'a> {
    Positions { args: *args, specs: command.keys.iter(), places: Places::NONE, again: None }
}

/// Walks the places of the keys of one spec, as [`keys_of`] does.
pub fn keys_of_spec<'a>(spec: &'static KeySpec, args: &Args<'a>) -> Positions<'a> {
    let specs = std::slice::from_ref(spec).iter();
    Positions { args: *args, specs, places: Places::NONE, again: None }
}

/// Walks the places of keys; made by [`keys_of`].
#[derive(Clone, Debug)]
pub struct Positions<'a> {
    args: Args<'a>,
    specs: std::slice::Iter<'static, KeySpec>,
    places: Places,
    /// The word that may be said again, and from where on.
    again: Option<(&'static str, usize)>,
}

impl Iterator for Positions<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        loop {
            if let Some(place) = self.places.next() {
                return Some(place);
            }
            if let Some((keyword, from)) = self.again.take()
                && let Some(place) = after_keyword(&self.args, keyword, from as i32)
                && place < self.args.len()
            {
                self.again = Some((keyword, place));
                return Some(place);
            }
            let spec = self.specs.next()?;
            self.places = spec.places(&self.args).unwrap_or(Places::NONE);
            self.again = spec
                .may_be_said_again()
                .filter(|_| self.places.end > 0)
                .map(|keyword| (keyword, self.places.next));
        }
    }
}

/// Walks the places of the keys of one spec.
#[derive(Clone, Debug)]
pub struct Places {
    next: usize,
    /// After the last one.
    end: usize,
    step: usize,
}

impl Places {
    const NONE: Self = Self { next: 0, end: 0, step: 1 };
}

impl Iterator for Places {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let place = self.next;
        self.next += self.step;
        (place < self.end).then_some(place)
    }
}

impl KeySpec {
    /// Finds this spec's keys among the words; none if its keyword is not there or the last one.
    #[inline]
    pub fn places(&self, args: &Args<'_>) -> Result<Places, Unfit> {
        let first = match self.begin {
            BeginSearch::Index(index) => index as usize,
            BeginSearch::IndexOrKeys(index) => {
                let are_several = after_keys(args).is_some_and(|first| first < args.len());
                let is_empty = args.get(index as usize).is_some_and(<[u8]>::is_empty);
                match (are_several, is_empty) {
                    (true, true) => return Ok(Places::NONE),
                    // The command refuses to take both.
                    (true, false) => return Err(Unfit),
                    (false, _) => index as usize,
                }
            }
            BeginSearch::Keyword { keyword, start_from } => {
                match after_keyword(args, keyword, start_from) {
                    Some(first) if first < args.len() => first,
                    _ => return Ok(Places::NONE),
                }
            }
            BeginSearch::Unknown => return Err(Unfit),
        };
        let count = args.len() as i64;
        let (first, last, step) = match self.find {
            FindKeys::Range { last, step, limit } => {
                let first = first as i64;
                let last = match (last, limit) {
                    (0.., _) => first + i64::from(last),
                    (_, 0) => count + i64::from(last),
                    _ => first + (count - first) / i64::from(limit) + i64::from(last),
                };
                (first, last, step)
            }
            FindKeys::Keynum { keynum, first: offset, step } => {
                let number = args.get(first + keynum as usize).and_then(parse_i64_strict);
                let number = number.filter(|number| (1..=count).contains(number)).ok_or(Unfit)?;
                let first = first as i64 + i64::from(offset);
                (first, first + (number - 1) * i64::from(step), step)
            }
            FindKeys::Unknown => return Err(Unfit),
        };
        if last >= count || last < first {
            return Err(Unfit);
        }
        Ok(Places { next: first as usize, end: last as usize + 1, step: step as usize })
    }
}

/// Returns the place after the keyword, looked for forward or, from the end, backward.
fn after_keyword(args: &Args<'_>, keyword: &str, start_from: i32) -> Option<usize> {
    if keyword == STREAMS {
        return after_streams(args);
    }
    if keyword == KEYS {
        return after_keys(args).filter(|_| args.get(3).is_some_and(<[u8]>::is_empty));
    }
    let is_it = |place: &usize| args[*place].eq_ignore_ascii_case(keyword.as_bytes());
    let found = if start_from >= 0 {
        (start_from as usize..args.len()).find(is_it)
    } else {
        let start = args.len().checked_sub(start_from.unsigned_abs() as usize)?;
        (1..=start).rev().find(is_it)
    };
    found.map(|place| place + 1)
}

/// Returns the place after the word that ends the options of `MIGRATE`.
///
/// A password, a user or a key may have that very name.
fn after_keys(args: &Args<'_>) -> Option<usize> {
    let mut place = 6;
    loop {
        let word = args.get(place)?;
        place += 1;
        if word.eq_ignore_ascii_case(KEYS.as_bytes()) {
            return Some(place);
        }
        let values = [(&b"AUTH"[..], 1), (b"AUTH2", 2)];
        let values = values.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        place += values.map_or(0, |(_, count)| *count);
    }
}

/// Returns the place after the word that ends the options of `XREAD` and `XREADGROUP`.
///
/// A group, or a consumer, may have that very name.
fn after_streams(args: &Args<'_>) -> Option<usize> {
    const VALUES: [(&[u8], usize); 4] =
        [(b"BLOCK", 1), (b"COUNT", 1), (b"GROUP", 2), (b"NOACK", 0)];
    let mut place = 1;
    loop {
        let word = args.get(place)?;
        if word.eq_ignore_ascii_case(STREAMS.as_bytes()) {
            return Some(place + 1);
        }
        let option = VALUES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        place += 1 + option?.1;
    }
}

/// Sums the specs up as `COMMAND INFO` shows them: first key, last key and step, or zeroes.
pub fn legacy_range(specs: &[KeySpec]) -> (i32, i32, i32) {
    let mut ranges = specs.iter().filter_map(KeySpec::fixed_range);
    if let [spec] = specs {
        return spec.fixed_range().unwrap_or_default();
    }
    let Some((first, mut last, _)) = ranges.next().filter(|(_, _, step)| *step == 1) else {
        return (0, 0, 0);
    };
    // Only specs that touch the ones before them can be told as one range.
    for (next, end, _) in ranges.filter(|(_, _, step)| *step == 1) {
        if next == last + 1 {
            last = end;
        }
    }
    (first, last, 1)
}

impl KeySpec {
    /// Tells whether a word is among its flags.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.split(' ').any(|own| own == flag)
    }

    /// Returns the word that has one key behind it, wherever it is said.
    fn may_be_said_again(&self) -> Option<&'static str> {
        match (self.begin, self.find) {
            (
                BeginSearch::Keyword { keyword, start_from: 0.. },
                FindKeys::Range { last: 0, .. },
            ) => Some(keyword),
            _ => None,
        }
    }

    fn fixed_range(&self) -> Option<(i32, i32, i32)> {
        match (self.begin, self.find) {
            (
                BeginSearch::Index(first) | BeginSearch::IndexOrKeys(first),
                FindKeys::Range { last, step, .. },
            ) => Some((first, if last >= 0 { first + last } else { last }, step)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::row::{command, key_at, keys_from};
    use crate::net::args::OwnedArgs;

    static COUNTED: Command = command("counted", -3, 0).keys(&[
        key_at(1, "OW update"),
        KeySpec {
            flags: "RO access",
            begin: BeginSearch::Index(2),
            find: FindKeys::Keynum { keynum: 0, first: 1, step: 1 },
            notes: "",
        },
    ]);
    static AFTER_WORD: Command = command("after", -2, 0).keys(&[
        KeySpec {
            flags: "RO access",
            begin: BeginSearch::Keyword { keyword: "STREAMS", start_from: 1 },
            find: FindKeys::Range { last: -1, step: 1, limit: 2 },
            notes: "",
        },
        KeySpec {
            flags: "RW",
            begin: BeginSearch::Keyword { keyword: "NAMES", start_from: -2 },
            find: FindKeys::Range { last: -1, step: 1, limit: 0 },
            notes: "",
        },
    ]);
    static PAIRS: Command = command("pairs", -3, 0).keys(&[keys_from(1, -1, 2, "OW update")]);
    static UNKNOWN: Command = command("unknown", -2, 0).keys(&[KeySpec {
        flags: "RW incomplete",
        begin: BeginSearch::Unknown,
        find: FindKeys::Unknown,
        notes: "",
    }]);

    fn places(command: &'static Command, words: &str) -> Vec<usize> {
        let owned = OwnedArgs::from_words(words.split(' ').collect::<Vec<_>>());
        keys_of(command, &owned.as_args()).collect()
    }

    #[test]
    fn a_range_may_skip_words_and_end_before_the_last() {
        assert_eq!(places(&PAIRS, "pairs a 1 b 2"), [1, 3]);
        assert_eq!(places(&PAIRS, "pairs a 1 b"), [1, 3]);
        assert_eq!(places(&PAIRS, "pairs"), []);
    }

    #[test]
    fn a_number_tells_how_many_keys_follow() {
        assert_eq!(places(&COUNTED, "counted to 2 a b weights"), [1, 3, 4]);
        for words in ["counted to 9 a", "counted to x a", "counted to 0", "counted to -1 a"] {
            assert_eq!(places(&COUNTED, words), [1], "{words}");
        }
        let huge = format!("counted to {} a", i64::MAX);
        assert_eq!(places(&COUNTED, &huge), [1]);
    }

    #[test]
    fn a_group_may_have_the_name_of_the_word_before_the_keys() {
        let row = crate::command::table::lookup(b"XREADGROUP").unwrap();
        let streams = "streams";
        assert_eq!(places(row, &format!("x GROUP g {streams} {streams} a b 0 0")), [5, 6]);
        assert_eq!(places(row, &format!("x COUNT 1 group {streams} {streams} {streams} k >")), [7]);
        assert_eq!(places(row, &format!("x block {streams} noack {streams} k >")), [5]);
        assert_eq!(places(row, &format!("x other {streams} k >")), []);
        assert_eq!(places(row, &format!("x GROUP {streams} k >")), []);
    }

    #[test]
    fn several_keys_of_migrate_take_the_place_of_the_one() {
        let row = crate::command::table::lookup(b"MIGRATE").unwrap();
        let places = |rest: &str| {
            let words: Vec<_> = ["x", "host", "1"].into_iter().chain(rest.split(' ')).collect();
            keys_of(row, &OwnedArgs::from_words(words).as_args()).collect::<Vec<_>>()
        };
        assert_eq!(places("k 0 9"), [3]);
        assert_eq!(places("k 0 9 AUTH keys COPY"), [3]);
        assert_eq!(places(" 0 9"), [3]);
        assert_eq!(places(" 0 9 KEYS"), [3]);
        assert_eq!(places(" 0 9 KEYS a b"), [7, 8]);
        assert_eq!(places(" 0 9 keys a KEYS b"), [7, 8, 9]);
        assert_eq!(places(" 0 9 AUTH KEYS KEYS a"), [9]);
        assert_eq!(places(" 0 9 AUTH2 u KEYS REPLACE KEYS a"), [11]);
        assert_eq!(places("k 0 9 KEYS a"), [], "the command refuses it");
    }

    #[test]
    fn a_keyword_is_looked_for_from_either_end() {
        assert_eq!(places(&AFTER_WORD, "after count 1 streams a b 0 0"), [4, 5]);
        assert_eq!(places(&AFTER_WORD, "after x names a b"), [3, 4]);
        assert_eq!(places(&AFTER_WORD, "after nothing here"), []);
        assert_eq!(places(&AFTER_WORD, "after streams"), []);
    }

    #[test]
    fn a_word_said_again_has_another_key_behind_it() {
        static TARGET: Command = command("target", -2, 0).keys(&[
            KeySpec {
                flags: "OW update",
                begin: BeginSearch::Keyword { keyword: "STORE", start_from: 2 },
                find: FindKeys::Range { last: 0, step: 1, limit: 0 },
                notes: "",
            },
            key_at(1, "RO"),
        ]);
        assert_eq!(places(&TARGET, "target k store a x STORE b"), [3, 6, 1]);
        assert_eq!(places(&TARGET, "target k store store b"), [3, 4, 1]);
        assert_eq!(places(&TARGET, "target k x store a store"), [4, 1]);
        assert_eq!(places(&TARGET, "target store"), [1]);
        let owned = OwnedArgs::from_words(["target", "k", "store", "a", "store", "b"]);
        let spec = &TARGET.keys[0];
        assert_eq!(spec.places(&owned.as_args()).unwrap().collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn a_command_with_one_key_at_a_fixed_place_is_told_from_all_others() {
        static ONE: Command = command("one", -2, 0).keys(&[key_at(1, "RO")]);
        let only = |command, words: &str| {
            let owned = OwnedArgs::from_words(words.split(' ').collect::<Vec<_>>());
            only_key(command, &owned.as_args())
        };
        assert_eq!([only(&ONE, "one a b"), only(&ONE, "one")], [Some(1), None]);
        for other in [&COUNTED, &AFTER_WORD, &PAIRS, &UNKNOWN] {
            assert_eq!(only(other, "x 1 a b"), None);
        }
    }

    #[test]
    fn what_nobody_can_tell_yields_nothing() {
        assert_eq!(places(&UNKNOWN, "unknown a b"), []);
    }

    #[test]
    fn specs_are_summed_up_as_one_range() {
        let keyword = AFTER_WORD.keys[0];
        assert_eq!(legacy_range(&[]), (0, 0, 0));
        assert_eq!(legacy_range(PAIRS.keys), (1, -1, 2));
        assert_eq!(legacy_range(&[key_at(1, "RO"), key_at(2, "OW")]), (1, 2, 1));
        assert_eq!(legacy_range(&[key_at(3, "RW"), keyword]), (3, 3, 1));
        assert_eq!(legacy_range(&[keyword]), (0, 0, 0));
    }
}
