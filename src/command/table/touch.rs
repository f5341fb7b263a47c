//! What commands do with the keys of their specs, read from the specs' flags when this is compiled.

use crate::net::Args;

use super::index::join;
use super::{Command, KeySpec, count, index_of};

/// The most specs that one command has.
const SPECS_MAX: usize = 4;

static TOUCHES: [[Touch; SPECS_MAX]; count()] = read_all();

/// What is done with the keys of one spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch(u8);

impl Touch {
    const READS: u8 = 1;
    const WRITES: u8 = 1 << 1;
    const NO_KEY: u8 = 1 << 2;
    const DEPENDS: u8 = 1 << 3;

    /// Reads the flags of a spec.
    pub const fn of(flags: &str) -> Self {
        const MEANINGS: [(&str, u8); 6] = [
            ("access", Touch::READS),
            ("insert", Touch::WRITES),
            ("update", Touch::WRITES),
            ("delete", Touch::WRITES),
            ("not_key", Touch::NO_KEY),
            ("variable_flags", Touch::DEPENDS),
        ];
        let (flags, mut bits, mut begin) = (flags.as_bytes(), 0, 0);
        while begin < flags.len() {
            let mut end = begin;
            while end < flags.len() && flags[end] != b' ' {
                end += 1;
            }
            let mut at = 0;
            while at < MEANINGS.len() {
                if is_word(flags, (begin, end), MEANINGS[at].0.as_bytes()) {
                    bits |= MEANINGS[at].1;
                }
                at += 1;
            }
            begin = end + 1;
        }
        Self(bits)
    }

    /// Tells whether what the keys hold is told or copied.
    pub fn reads(self) -> bool {
        self.0 & Self::READS != 0
    }

    /// Tells whether the keys are changed.
    pub fn writes(self) -> bool {
        self.0 & Self::WRITES != 0
    }

    /// Tells whether they are no keys, but routed like some.
    pub fn is_no_key(self) -> bool {
        self.0 & Self::NO_KEY != 0
    }

    /// Tells whether only [`flags_here`] knows, by the words.
    pub fn depends_on_words(self) -> bool {
        self.0 & Self::DEPENDS != 0
    }
}

/// Returns what a command does with the keys of one of its specs.
#[inline]
pub fn of(command: &Command, spec: usize) -> Touch {
    TOUCHES[index_of(command)][spec]
}

/// Returns what is done with the keys by these very words, where that depends on the words.
pub fn flags_here(command: &Command, spec: &KeySpec, words: &Args<'_>) -> &'static str {
    if !spec.has_flag("variable_flags") {
        return spec.flags;
    }
    let gets = || words.from(3).iter().any(|word| word.eq_ignore_ascii_case(b"get"));
    match command.name {
        "set" if gets() => "RW access update",
        "set" => "OW update",
        "bitfield" if only_gets(words) => "RO access",
        "bitfield" => "RW access update",
        _ => spec.flags,
    }
}

/// Tells whether the operations of a `BITFIELD` only read.
fn only_gets(words: &Args<'_>) -> bool {
    let mut at = 2;
    while let Some(word) = words.get(at) {
        let left = words.len() - at - 1;
        at += if word.eq_ignore_ascii_case(b"get") && left >= 2 {
            3
        } else if word.eq_ignore_ascii_case(b"overflow") && left >= 1 {
            2
        } else {
            return false;
        };
    }
    true
}

const fn is_word(text: &[u8], (begin, end): (usize, usize), word: &[u8]) -> bool {
    if end - begin != word.len() {
        return false;
    }
    let mut at = 0;
    while at < word.len() {
        if text[begin + at] != word[at] {
            return false;
        }
        at += 1;
    }
    true
}

const fn read_all() -> [[Touch; SPECS_MAX]; count()] {
    let table = join();
    let mut touches = [[Touch(0); SPECS_MAX]; count()];
    let mut row = 0;
    while row < table.len() {
        assert!(table[row].keys.len() <= SPECS_MAX, "a command has more specs: raise SPECS_MAX");
        let mut spec = 0;
        while spec < table[row].keys.len() {
            touches[row][spec] = Touch::of(table[row].keys[spec].flags);
            spec += 1;
        }
        row += 1;
    }
    touches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::lookup;

    #[test]
    fn every_spec_is_read_as_it_is_written() {
        for row in crate::command::table::all() {
            for (place, spec) in row.keys.iter().enumerate() {
                let touch = of(row, place);
                assert_eq!(touch.reads(), spec.has_flag("access"), "{}", row.name);
                let writes = ["insert", "update", "delete"].iter().any(|flag| spec.has_flag(flag));
                assert_eq!(touch.writes(), writes, "{}", row.name);
                assert_eq!(touch.is_no_key(), spec.has_flag("not_key"), "{}", row.name);
                assert_eq!(touch.depends_on_words(), spec.has_flag("variable_flags"));
            }
        }
        assert!(of(lookup(b"set").unwrap(), 0).depends_on_words());
        assert!(!of(lookup(b"exists").unwrap(), 0).reads());
    }
}
