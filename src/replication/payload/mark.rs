//! Finds the mark that ends a snapshot.

use memchr::memmem::Finder;

/// How long a mark is.
pub const MARK_BYTES: usize = 40;

/// The random bytes that end one snapshot.
///
/// It may lie anywhere in what was read, so all of it is searched.
#[derive(Debug)]
pub struct Mark(Finder<'static>);

impl Mark {
    /// Prepares the search.
    pub fn new(bytes: &[u8; MARK_BYTES]) -> Self {
        Self(Finder::new(bytes).into_owned())
    }

    /// Where the mark begins in `input`, if all of it is there.
    pub fn find(&self, input: &[u8]) -> Option<usize> {
        self.0.find(input)
    }

    /// How many bytes at the end of `input`, which has no mark, may be the beginning of one.
    pub fn begun(&self, input: &[u8]) -> usize {
        let longest = input.len().min(MARK_BYTES - 1);
        let begins = |count: &usize| input.ends_with(&self.0.needle()[..*count]);
        (1..=longest).rev().find(begins).unwrap_or(0)
    }
}
