//! The scripts that the server knows, by the SHA-1 of their texts.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use sha1_smol::Sha1;

use super::Runs;
use super::conduct::Conduct;
use super::functions::Libraries;
use super::shebang::{self, Flags};

/// The SHA-1 of a script's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sha([u8; 20]);

/// The values of hexadecimal digits, and a value out of range for what is none.
const DIGITS: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value];
        values[digit as usize] = value as u8;
        values[digit.to_ascii_uppercase() as usize] = value as u8;
        value += 1;
    }
    values
};

impl Sha {
    /// How many digits it has.
    pub const DIGITS: usize = 40;

    /// Hashes a text.
    pub fn of(text: &[u8]) -> Self {
        Self(Sha1::from(text).digest().bytes())
    }

    /// Reads forty hexadecimal digits, in either case.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        let digits: &[u8; Self::DIGITS] = digits.try_into().ok()?;
        let mut bytes = [0; 20];
        let mut seen = 0;
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            let [high, low] = pair.map(|digit| DIGITS[usize::from(digit)]);
            seen |= high | low;
            *byte = high << 4 | low & 0xf;
        }
        if seen > 0xf {
            return None;
        }
        Some(Self(bytes))
    }

    /// Writes the digits, in lower case.
    pub fn digits(&self) -> String {
        self.spelled().map(char::from).iter().collect()
    }

    fn spelled(&self) -> [u8; Self::DIGITS] {
        let mut digits = [0; Self::DIGITS];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            let places = [byte >> 4, byte & 0xf].map(usize::from);
            pair.copy_from_slice(&places.map(|place| b"0123456789abcdef"[place]));
        }
        digits
    }
}

/// A script.
#[derive(Debug)]
pub struct Script {
    /// Its name.
    pub sha: Sha,
    /// The digits of that, in lower case.
    digits: [u8; Sha::DIGITS],
    /// What it says of itself; `None` where it says nothing.
    pub flags: Option<Flags>,
    /// Whether it keeps to the keys that it names.
    pub conduct: Conduct,
    /// How often all scripts had been forgotten when it was kept.
    generation: u64,
    /// Its text.
    source: Box<[u8]>,
    /// Where the program begins in it.
    program: usize,
    /// Whether it may get at the library `table`.
    reaches_tables: bool,
}

impl Script {
    /// Takes a text in; the error is what the client is told of its first line.
    pub fn new(sha: Sha, source: &[u8]) -> Result<Self, Vec<u8>> {
        let first = shebang::read(source)?;
        let (flags, conduct) = (first.flags, Conduct::default());
        let (program, reaches_tables) = (first.bytes, names_tables(source));
        let source = source.into();
        let digits = sha.spelled();
        Ok(Self { sha, digits, flags, conduct, generation: 0, source, program, reaches_tables })
    }

    /// Tells whether it may have put something into a table through a function of the library `table`.
    pub fn reaches_tables(&self) -> bool {
        self.reaches_tables
    }

    /// Tells whether it goes by some digits; where they are in upper case, that is not seen.
    #[inline]
    pub fn is_called(&self, digits: &[u8]) -> bool {
        digits == self.digits
    }

    /// Returns the text.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// Returns the program, whose lines are numbered as those of the text.
    pub fn program(&self) -> &[u8] {
        &self.source[self.program..]
    }
}

/// All scripts that the server knows, and the libraries of functions.
///
/// Scripts stay until they are flushed, as in stock: whoever has loaded one counts on it.
#[derive(Debug, Default)]
pub struct Cache {
    scripts: Mutex<HashMap<Sha, Arc<Script>>>,
    generation: AtomicU64,
    bytes: AtomicU64,
    libraries: Libraries,
    runs: Arc<Runs>,
}

impl Cache {
    /// Finds a script.
    pub fn find(&self, sha: &Sha) -> Option<Arc<Script>> {
        self.scripts.lock().get(sha).cloned()
    }

    /// Tells whether a script that was found is still kept.
    #[inline]
    pub fn holds(&self, script: &Script) -> bool {
        script.generation == self.generation()
    }

    /// Keeps a script; returns the one that is kept.
    pub fn keep(&self, mut script: Script) -> Arc<Script> {
        let bytes = script_bytes(&script);
        let mut scripts = self.scripts.lock();
        script.generation = self.generation();
        let kept = scripts.entry(script.sha).or_insert_with(|| {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            Arc::new(script)
        });
        Arc::clone(kept)
    }

    /// Forgets all scripts.
    pub fn flush(&self) {
        let mut scripts = self.scripts.lock();
        scripts.clear();
        self.bytes.store(0, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Tells how often all scripts were forgotten.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Returns the libraries of functions.
    pub fn libraries(&self) -> &Libraries {
        &self.libraries
    }

    /// Returns the scripts that run.
    pub fn runs(&self) -> &Arc<Runs> {
        &self.runs
    }

    /// Counts the scripts.
    pub fn count(&self) -> usize {
        self.scripts.lock().len()
    }

    /// Counts the bytes that they take.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Tells whether a program can get at the library `table`: by its name, by a table that has it, or by a
/// program that it makes itself.
pub(super) fn names_tables(source: &[u8]) -> bool {
    [&b"table"[..], b"_G", b"load"].iter().any(|name| memchr::memmem::find(source, name).is_some())
}

fn script_bytes(script: &Script) -> u64 {
    (size_of::<Script>() + size_of::<(Sha, Arc<Script>)>() + script.source.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_goes_by_its_digits_in_either_case() {
        let sha = Sha::of(b"return 1");
        assert_eq!(sha.digits(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        assert_eq!(Sha::parse(b"E0E1F9FABFC9D4800C877A703B823AC0578FF8DB"), Some(sha));
        assert_eq!(Sha::parse(b"e0e1f9fabfc9d4800c877a703b823ac0578ff8d"), None);
        assert_eq!(Sha::parse(b"g0e1f9fabfc9d4800c877a703b823ac0578ff8db"), None);
    }

    #[test]
    fn what_is_kept_twice_is_counted_once_and_is_gone_with_a_flush() {
        let cache = Cache::default();
        let sha = Sha::of(b"return 1");
        let keep = || cache.keep(Script::new(sha, b"return 1").unwrap());
        keep();
        let bytes = cache.bytes();
        keep();
        assert_eq!((cache.count(), cache.bytes()), (1, bytes));
        assert!(cache.holds(&keep()));
        assert!(bytes > 0 && cache.find(&sha).is_some());
        let before = keep();
        cache.flush();
        assert_eq!((cache.count(), cache.bytes(), cache.generation()), (0, 0, 1));
        assert!(!cache.holds(&before));
        assert!(cache.find(&sha).is_none());
    }

    #[test]
    fn the_program_begins_with_the_end_of_the_first_line() {
        let source = b"#!lua flags=no-writes\nreturn 1";
        let script = Script::new(Sha::of(source), source).unwrap();
        assert_eq!(script.program(), b"\nreturn 1");
        assert_eq!(script.flags, Some(Flags::NO_WRITES));
    }
}
