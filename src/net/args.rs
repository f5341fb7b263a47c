//! One command's words, borrowed from the read buffer or owned by a queue.

use std::ops::Index;

use super::wire;

/// A word's place in the bytes it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index of the first byte.
    pub start: usize,
    /// Index after the last byte.
    pub end: usize,
}

/// The words of one command, the command's name first.
///
/// Spans always lie inside the bytes: they are made by the parser or by [`OwnedArgs`] only.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
    raw: Option<&'a [u8]>,
}

impl<'a> Args<'a> {
    /// Joins words to the bytes they lie in; `raw` is the whole command where it came in canonical form.
    pub(super) fn new(bytes: &'a [u8], spans: &'a [Span], raw: Option<&'a [u8]>) -> Self {
        Self { bytes, spans, raw }
    }

    /// Counts the words, the command's name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Tells whether there is no word; only a slice past the last word has none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Returns the word at `index`, living as long as the buffer.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| &self.bytes[span.start..span.end])
    }

    /// Returns word `index`, borrowed for as long as the command's bytes are.
    ///
    /// # Panics
    /// When there are not so many words: the arity was not checked.
    #[inline]
    pub fn word(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        &self.bytes[span.start..span.end]
    }

    /// Walks the words in order.
    #[inline]
    pub fn iter(&self) -> Words<'a> {
        Words { bytes: self.bytes, spans: self.spans.iter() }
    }

    /// Returns the words from `index` on, or none when there are fewer.
    #[must_use]
    pub fn from(&self, index: usize) -> Self {
        let spans = self.spans.get(index..).unwrap_or_default();
        Self { bytes: self.bytes, spans, raw: None }
    }

    /// Returns the first `count` words, or all when there are fewer.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let spans = &self.spans[..count.min(self.spans.len())];
        Self { bytes: self.bytes, spans, raw: None }
    }

    /// Returns the exact bytes received, when they are what [`Self::encode_into`] would make.
    ///
    /// Inline commands have none, nor do requests with a sloppy line end that stock servers accept.
    #[inline]
    pub fn raw(&self) -> Option<&'a [u8]> {
        self.raw
    }

    /// Appends the command as a canonical multibulk of bulk strings.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        if let Some(raw) = self.raw {
            out.extend_from_slice(raw);
            return;
        }
        wire::put_header(out, b'*', self.len());
        for word in self {
            wire::put_bulk(out, word);
        }
    }

    /// Copies the words out of the read buffer, for a queue that outlives it.
    pub fn to_owned(&self) -> OwnedArgs {
        if let Some(raw) = self.raw {
            return OwnedArgs { encoded: raw.into(), spans: self.spans.into() };
        }
        OwnedArgs::from_words(self.iter())
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    #[inline]
    fn index(&self, index: usize) -> &[u8] {
        let span = self.spans[index];
        &self.bytes[span.start..span.end]
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = Words<'a>;

    fn into_iter(self) -> Words<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Args<'a> {
    type Item = &'a [u8];
    type IntoIter = Words<'a>;

    fn into_iter(self) -> Words<'a> {
        self.iter()
    }
}

/// Walks the words of a command; made by [`Args::iter`].
#[derive(Clone, Debug)]
pub struct Words<'a> {
    bytes: &'a [u8],
    spans: std::slice::Iter<'a, Span>,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.spans.next().map(|span| &self.bytes[span.start..span.end])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl DoubleEndedIterator for Words<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.spans.next_back().map(|span| &self.bytes[span.start..span.end])
    }
}

impl ExactSizeIterator for Words<'_> {}

/// Words that are gathered one by one into a command, again and again in the same room.
#[derive(Debug, Default)]
pub struct Gathered {
    encoded: Vec<u8>,
    spans: Vec<Span>,
}

impl Gathered {
    /// Begins a command of so many words.
    pub fn begin(&mut self, count: usize) {
        for_reuse(&mut self.encoded);
        for_reuse(&mut self.spans);
        wire::put_header(&mut self.encoded, b'*', count);
    }

    /// Adds a word.
    #[inline]
    pub fn push(&mut self, word: &[u8]) {
        wire::put_bulk(&mut self.encoded, word);
        let end = self.encoded.len() - b"\r\n".len();
        self.spans.push(Span { start: end - word.len(), end });
    }

    /// Lends the words, all of which have been added.
    pub fn as_args(&self) -> Args<'_> {
        Args::new(&self.encoded, &self.spans, Some(&self.encoded))
    }
}

/// Empties a list whose room is used again, unless it is very large.
fn for_reuse<T>(list: &mut Vec<T>) {
    list.clear();
    list.shrink_to(16 * 1024);
}

/// A command that owns its bytes: what MULTI queues.
///
/// Holds the canonical encoding and the places of the words in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedArgs {
    encoded: Box<[u8]>,
    spans: Box<[Span]>,
}

impl OwnedArgs {
    /// Makes a command of a list of words.
    pub fn from_words<I>(words: I) -> Self
    where
        I: IntoIterator<IntoIter: ExactSizeIterator, Item: AsRef<[u8]>>,
    {
        let words = words.into_iter();
        let mut encoded = Vec::new();
        let mut spans = Vec::with_capacity(words.len());
        wire::put_header(&mut encoded, b'*', words.len());
        for word in words {
            wire::put_bulk(&mut encoded, word.as_ref());
            let end = encoded.len() - b"\r\n".len();
            spans.push(Span { start: end - word.as_ref().len(), end });
        }
        Self { encoded: encoded.into(), spans: spans.into() }
    }

    /// Lends the words.
    pub fn as_args(&self) -> Args<'_> {
        Args::new(&self.encoded, &self.spans, Some(&self.encoded))
    }

    /// Counts the bytes it holds on the heap, for the accounting of a client's memory.
    pub fn heap_bytes(&self) -> usize {
        self.encoded.len() + size_of_val(&*self.spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(args: Args<'_>) -> Vec<&[u8]> {
        args.iter().collect()
    }

    #[test]
    fn an_owned_command_lends_the_words_it_was_made_of() {
        let owned = OwnedArgs::from_words(["SET", "", "a\r\nb"]);
        let args = owned.as_args();
        assert_eq!(words(args), [&b"SET"[..], b"", b"a\r\nb"]);
        assert_eq!(&args[2], b"a\r\nb");
        assert_eq!(args.get(3), None);
        assert_eq!(args.raw(), Some(&b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n"[..]));
    }

    #[test]
    fn a_slice_is_encoded_afresh() {
        let owned = OwnedArgs::from_words(["MGET", "a", "b"]);
        let tail = owned.as_args().from(1);
        assert_eq!(words(tail), [b"a", b"b"]);
        assert_eq!(tail.raw(), None);
        let mut out = Vec::new();
        tail.encode_into(&mut out);
        assert_eq!(out, b"*2\r\n$1\r\na\r\n$1\r\nb\r\n");
        assert!(owned.as_args().from(7).is_empty());
    }

    #[test]
    fn a_copy_of_a_slice_equals_the_command_made_of_its_words() {
        let owned = OwnedArgs::from_words(["MULTI", "GET", "k"]);
        assert_eq!(owned.as_args().from(1).to_owned(), OwnedArgs::from_words(["GET", "k"]));
        assert_eq!(owned.as_args().to_owned(), owned);
    }
}
