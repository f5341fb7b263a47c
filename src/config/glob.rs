//! Glob patterns: those of CONFIG GET, and those of file names after `include`.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Whether letters of different case are the same letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `A` is not `a`.
    Matters,
    /// `A` is `a`.
    Ignored,
}

/// Whether `pattern` has a character that a plain name has not.
#[must_use]
pub fn is_pattern(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// Whether the whole of `text` matches `pattern`.
///
/// `*` is any run of bytes, `?` any byte, `[a-z]` and `[^a-z]` one of a set, `\` quotes the next.
/// Takes time in proportion to the product of both lengths at worst.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    let (mut at, mut within) = (0, 0);
    // Where to go on when the last `*` must swallow one byte more.
    let mut retry: Option<(usize, usize)> = None;
    while within < text.len() {
        if pattern.get(at) == Some(&b'*') {
            retry = Some((at + 1, within));
            at += 1;
        } else if let Some(taken) = matches_one(&pattern[at..], text[within], case) {
            at += taken;
            within += 1;
        } else if let Some((after_star, from)) = retry {
            retry = Some((after_star, from + 1));
            at = after_star;
            within = from + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Lists the files that `pattern` names, in the order of their names; none is no error.
///
/// A leading dot must be spelled out. A directory that cannot be read counts as empty.
pub fn files(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let name = component.as_os_str();
        if is_pattern(name.as_bytes()) {
            found = found.iter().flat_map(|parent| entries(parent, name)).collect();
        } else {
            for path in &mut found {
                path.push(name);
            }
        }
    }
    found.retain(|path| path.exists());
    found
}

fn entries(parent: &Path, pattern: &OsStr) -> Vec<PathBuf> {
    let directory = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let mut names = names_in(directory).unwrap_or_default();
    names.retain(|name| {
        let hidden = name.as_bytes().starts_with(b".");
        (!hidden || pattern.as_bytes().starts_with(b"."))
            && matches(pattern.as_bytes(), name.as_bytes(), Case::Matters)
    });
    names.sort();
    names.into_iter().map(|name| parent.join(name)).collect()
}

fn names_in(directory: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// Matches the pattern's first element against `byte` and tells the element's length.
fn matches_one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let same = |a: u8| match case {
        Case::Matters => a == byte,
        Case::Ignored => a.eq_ignore_ascii_case(&byte),
    };
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', ..] => {
            let (taken, is_member) = matches_set(pattern, byte, case);
            is_member.then_some(taken)
        }
        [b'\\', quoted, ..] => same(*quoted).then_some(2),
        [plain, ..] => same(*plain).then_some(1),
    }
}

/// Reads the set at the head of `pattern`: its length, and whether `byte` belongs to it.
///
/// A set that is not closed runs to the end of the pattern.
fn matches_set(pattern: &[u8], byte: u8, case: Case) -> (usize, bool) {
    let fold = |b: u8| if case == Case::Ignored { b.to_ascii_lowercase() } else { b };
    let byte = fold(byte);
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = if negated { 2 } else { 1 };
    let mut found = false;
    while at < pattern.len() && pattern[at] != b']' {
        match &pattern[at..] {
            [b'\\', quoted, ..] => {
                found |= fold(*quoted) == byte;
                at += 2;
            }
            [low, b'-', high, ..] => {
                let (low, high) = (fold(*low).min(fold(*high)), fold(*low).max(fold(*high)));
                found |= (low..=high).contains(&byte);
                at += 3;
            }
            [plain, ..] => {
                found |= fold(*plain) == byte;
                at += 1;
            }
            [] => break,
        }
    }
    ((at + 1).min(pattern.len()), found != negated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yes(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes(), Case::Ignored)
    }

    #[test]
    fn stars_and_marks() {
        assert!(yes("*", ""));
        assert!(yes("p?rt", "port"));
        assert!(yes("*max*", "hash-MAX-listpack-value"));
        assert!(yes("a**b*", "a-b-c"));
        assert!(!yes("?", ""));
        assert!(!yes("*x", "abc"));
    }

    #[test]
    fn sets() {
        assert!(yes("[a-c]x", "Bx"));
        assert!(yes("[^a-c]x", "dx"));
        assert!(!yes("[^a-c]x", "ax"));
        assert!(yes("por[t", "port"));
        assert!(yes("[z-a]", "m"));
        assert!(yes(r"\*", "*"));
        assert!(!yes(r"\*", "a"));
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        assert!(!yes(&format!("{}b", "a*".repeat(64)), &"a".repeat(4000)));
    }

    #[test]
    fn files_come_in_the_order_of_their_names_and_hidden_ones_stay_out() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", ".hidden.conf", "c.txt"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let found = files(&directory.path().join("*.conf"));
        assert_eq!(found, [directory.path().join("a.conf"), directory.path().join("b.conf")]);
        assert!(files(&directory.path().join("none*")).is_empty());
    }
}
