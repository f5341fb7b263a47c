//! Glob patterns as Redis matches them: `*`, `?`, `[a-c]`, `[^a]` and `\` before any byte.
//!
//! The corner cases are Redis's as well: an unclosed class ends with the pattern, ranges compare
//! bytes as signed, and no star matches the empty string.

/// Whether a letter matches its other case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// It does not.
    Sensitive,
    /// It does.
    Ignored,
}

impl Case {
    fn fold(self, byte: u8) -> u8 {
        match self {
            Self::Sensitive => byte,
            Self::Ignored => byte.to_ascii_lowercase(),
        }
    }
}

/// Tells whether all of `text` matches the pattern.
///
/// Takes time in proportion to the product of the lengths at worst: a mismatch moves the last star
/// on by one byte, and those before it never.
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at, mut seen) = (0, 0);
    // What follows the last star, and the byte of the text it was last tried from.
    let mut star = None;
    while seen < text.len() {
        if pattern.get(at) == Some(&b'*') {
            at += pattern[at..].iter().take_while(|byte| **byte == b'*').count();
            if at == pattern.len() {
                return true;
            }
            star = Some((at, seen));
        }
        if let Some(next) = after_one(pattern, at, text[seen], case) {
            at = next;
            seen += 1;
        } else if let Some((begin, from)) = star {
            at = begin;
            seen = from + 1;
            star = Some((begin, seen));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Returns what comes after the part of the pattern at `at`, which is no star, if it matches `byte`.
fn after_one(pattern: &[u8], at: usize, byte: u8, case: Case) -> Option<usize> {
    let (matched, next) = match (pattern.get(at)?, pattern.get(at + 1)) {
        (b'?', _) => (true, at + 1),
        (b'[', _) => class(pattern, at + 1, byte, case),
        (b'\\', Some(&escaped)) => (case.fold(escaped) == case.fold(byte), at + 2),
        (&literal, _) => (case.fold(literal) == case.fold(byte), at + 1),
    };
    matched.then_some(next)
}

/// Tells whether the class that begins at `at` has `byte` in it, and where it ends.
fn class(pattern: &[u8], mut at: usize, byte: u8, case: Case) -> (bool, usize) {
    let negated = pattern.get(at) == Some(&b'^');
    at += usize::from(negated);
    let mut found = false;
    loop {
        match pattern[at..] {
            [] => return (found != negated, at),
            [b'\\', escaped, ..] => {
                found |= escaped == byte;
                at += 2;
            }
            [b']', ..] => return (found != negated, at + 1),
            [low, b'-', high, ..] => {
                found |= in_range(low, high, byte, case);
                at += 3;
            }
            [member, ..] => {
                found |= case.fold(member) == case.fold(byte);
                at += 1;
            }
        }
    }
}

fn in_range(low: u8, high: u8, byte: u8, case: Case) -> bool {
    let (low, high) = if low as i8 > high as i8 { (high, low) } else { (low, high) };
    let signed = |byte| case.fold(byte) as i8;
    (signed(low)..=signed(high)).contains(&signed(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One part of a pattern, matched the slow way.
    enum Part {
        Star,
        One(usize),
    }

    fn parts(pattern: &[u8]) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut at = 0;
        while at < pattern.len() {
            if pattern[at] == b'*' {
                parts.push(Part::Star);
                at += 1;
                continue;
            }
            parts.push(Part::One(at));
            // The length of a part does not depend on the byte it is tried on.
            at = (0..=255)
                .find_map(|byte| after_one(pattern, at, byte, Case::Sensitive))
                .unwrap_or_else(|| class(pattern, at + 1, 0, Case::Sensitive).1);
        }
        parts
    }

    /// Follows all ways at once through a table of parts by bytes.
    fn matches_slowly(pattern: &[u8], text: &[u8], case: Case) -> bool {
        if text.is_empty() {
            return pattern.is_empty();
        }
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        for part in parts(pattern) {
            let before = reached.clone();
            for seen in 0..=text.len() {
                reached[seen] = match part {
                    Part::Star => before[..=seen].iter().any(|way| *way),
                    Part::One(at) => {
                        seen > 0
                            && before[seen - 1]
                            && after_one(pattern, at, text[seen - 1], case).is_some()
                    }
                };
            }
        }
        reached[text.len()]
    }

    #[track_caller]
    fn expect(pattern: &str, yes: &[&str], no: &[&str]) {
        for text in yes {
            assert!(matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive), "{text}");
        }
        for text in no {
            assert!(!matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive), "{text}");
        }
    }

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        expect("a*c", &["ac", "abc", "abcbc"], &["a", "abcd", "bc"]);
        expect("h?llo", &["hello", "h?llo"], &["hllo", "heello"]);
        expect("*a*b*", &["ab", "xaxbx"], &["ba"]);
        expect("", &[""], &["a"]);
    }

    #[test]
    fn a_star_does_not_match_the_empty_string() {
        expect("*", &["a"], &[""]);
        expect("a*", &["a"], &[""]);
    }

    #[test]
    fn classes_take_ranges_in_either_order_and_negation() {
        expect("[a-c]", &["a", "b", "c"], &["d", "-"]);
        expect("[c-a]", &["b"], &["d"]);
        expect("[^a-c]x", &["dx"], &["ax"]);
        expect("[\\]]", &["]"], &["\\"]);
        expect("\\*", &["*"], &["a"]);
    }

    #[test]
    fn an_unclosed_class_ends_with_the_pattern() {
        expect("[ab", &["a", "b"], &["c", "ab"]);
        expect("[^", &["a"], &["aa"]);
        expect("[", &[], &["a", "["]);
        // The bracket is the end of the range, so nothing closes the class.
        expect("[a-]b", &["a", "b"], &["ab"]);
        expect("a\\", &["a\\"], &["a"]);
    }

    #[test]
    fn ranges_compare_bytes_as_signed() {
        assert!(matches(b"[\xff-a]", b"\x05", Case::Sensitive));
        assert!(!matches(b"[\xff-a]", b"\xfe", Case::Sensitive));
    }

    #[test]
    fn either_case_matches_when_case_is_ignored() {
        assert!(matches(b"MAX[a-m]emory*", b"maxMemory", Case::Ignored));
        assert!(!matches(b"MAX*", b"maxmemory", Case::Sensitive));
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = [b"a*".repeat(2_000), b"b".to_vec()].concat();
        assert!(!matches(&pattern, &b"a".repeat(4_000), Case::Sensitive));
        assert!(!matches(&b"*?".repeat(4_000), &b"a".repeat(3_999), Case::Sensitive));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_fast_way_agrees_with_the_slow_one(
            pattern in prop::collection::vec(prop::sample::select(&b"aabAB**??[]^-\\\xff"[..]), 0..12),
            text in prop::collection::vec(prop::sample::select(&b"aabAB*[]^-\\\xff"[..]), 0..10),
            ignored in any::<bool>(),
        ) {
            let case = if ignored { Case::Ignored } else { Case::Sensitive };
            prop_assert_eq!(matches(&pattern, &text, case), matches_slowly(&pattern, &text, case));
        }
    }
}
