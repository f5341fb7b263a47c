//! Writes replies in RESP2 or RESP3 straight into the connection's write buffer.
//!
//! Handlers speak in RESP3's words; where a client speaks RESP2, each falls back to what Redis sends it.

use super::wire::{put_bulk, put_bulk_int, put_header};
use crate::number::{format_17_decimals, format_double};

/// The version of the protocol a client has chosen with HELLO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// What every connection begins with.
    #[default]
    Resp2,
    /// Maps, sets, doubles, pushes.
    Resp3,
}

/// A place in the reply where the header of a collection goes once its size is known.
#[derive(Debug)]
#[must_use = "a collection whose header is never written is no reply"]
pub struct Deferred(usize);

/// Appends one client's replies to its write buffer.
#[derive(Debug)]
pub struct Reply<'b> {
    out: &'b mut Vec<u8>,
    protocol: Protocol,
}

impl<'b> Reply<'b> {
    /// Appends to `out` in the words of `protocol`.
    #[inline]
    pub fn new(out: &'b mut Vec<u8>, protocol: Protocol) -> Self {
        Self { out, protocol }
    }

    /// Tells which version is written.
    #[inline]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Changes the version from here on, as HELLO does before its own reply.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Lends the writer for a part of the reply.
    pub fn reborrow(&mut self) -> Reply<'_> {
        Reply { out: &mut *self.out, protocol: self.protocol }
    }

    /// Lends the buffer, for bytes that are a reply already.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Writes `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// Writes a status line; the text holds no line end.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']), "a status of two lines: {text:?}");
        self.line(b'+', text.as_bytes());
    }

    /// Writes an error; `text` begins with its code (`ERR …`), and line ends in it become spaces.
    #[cold]
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
        let text = &text[..text.iter().rposition(is_text).map_or(0, |last| last + 1)];
        self.out.push(b'-');
        self.out.extend(text.iter().map(|byte| match byte {
            b'\r' | b'\n' => b' ',
            other => *other,
        }));
        self.out.extend_from_slice(b"\r\n");
    }

    /// Writes an integer.
    #[inline]
    pub fn integer(&mut self, number: i64) {
        match number {
            0 => self.out.extend_from_slice(b":0\r\n"),
            1 => self.out.extend_from_slice(b":1\r\n"),
            _ => self.line(b':', itoa::Buffer::new().format(number).as_bytes()),
        }
    }

    /// Writes a count as an integer; no collection in memory is too large for one.
    #[inline]
    pub fn count(&mut self, count: usize) {
        self.integer(count as i64);
    }

    /// Writes a bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        put_bulk(self.out, bytes);
    }

    /// Writes a bulk string of `len` bytes that come in pieces.
    pub fn bulk_in_pieces<'p>(&mut self, len: usize, pieces: impl Iterator<Item = &'p [u8]>) {
        put_header(self.out, b'$', len);
        self.out.reserve(len + 2);
        pieces.for_each(|piece| self.out.extend_from_slice(piece));
        self.out.extend_from_slice(b"\r\n");
    }

    /// Writes an integer as a bulk string.
    #[inline]
    pub fn bulk_int(&mut self, number: i64) {
        put_bulk_int(self.out, number);
    }

    /// Writes a bulk string, or the null where there is none.
    #[inline]
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// Writes the null that stands for a missing value.
    #[inline]
    pub fn null(&mut self) {
        self.either(b"$-1\r\n", b"_\r\n");
    }

    /// Writes the null that stands for a missing array.
    #[inline]
    pub fn null_array(&mut self) {
        self.either(b"*-1\r\n", b"_\r\n");
    }

    /// Begins an array of `count` replies.
    #[inline]
    pub fn array(&mut self, count: usize) {
        put_header(self.out, b'*', count);
    }

    /// Begins a map of `pairs` keys and values; in RESP2 an array of twice as many.
    #[inline]
    pub fn map(&mut self, pairs: usize) {
        self.open(Shape::Map, pairs);
    }

    /// Begins a set of `count` replies; in RESP2 an array.
    #[inline]
    pub fn set(&mut self, count: usize) {
        self.open(Shape::Set, count);
    }

    /// Begins an out-of-band message of `count` replies; in RESP2 an array.
    #[inline]
    pub fn push(&mut self, count: usize) {
        self.open(Shape::Push, count);
    }

    /// Begins `pairs` attributes of the reply that follows; RESP2 has none, so ask first.
    ///
    /// # Panics
    /// When the client speaks RESP2.
    pub fn attribute(&mut self, pairs: usize) {
        assert!(self.protocol == Protocol::Resp3, "an attribute for a client that knows none");
        put_header(self.out, b'|', pairs);
    }

    /// Writes a floating-point number, in digits that read back to it; in RESP2 a bulk string.
    pub fn double(&mut self, number: f64) {
        let text = format_double(number);
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => self.line(b',', text.as_bytes()),
        }
    }

    /// Writes a floating-point number in full, to 17 decimals; in RESP2 a bulk string.
    pub fn decimal(&mut self, number: f64) {
        let text = format_17_decimals(number);
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => self.line(b',', text.as_bytes()),
        }
    }

    /// Writes a truth value; in RESP2 the integer 1 or 0.
    pub fn boolean(&mut self, value: bool) {
        if value {
            self.either(b":1\r\n", b"#t\r\n");
        } else {
            self.either(b":0\r\n", b"#f\r\n");
        }
    }

    /// Writes text for people in a `format` of three letters (`txt`, `mkd`); in RESP2 a bulk string.
    ///
    /// # Panics
    /// When the format has not three letters.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        assert!(format.len() == 3, "a verbatim format has three letters: {format:?}");
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                put_header(self.out, b'=', text.len() + format.len() + 1);
                self.out.extend_from_slice(format.as_bytes());
                self.out.push(b':');
                self.out.extend_from_slice(text);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Writes the digits of an integer of any size; in RESP2 a bulk string.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// Notes where a collection begins whose size is not known yet.
    pub fn defer(&self) -> Deferred {
        Deferred(self.out.len())
    }

    /// Makes an array of the `count` replies written since `begun`.
    pub fn array_since(&mut self, Deferred(begun): Deferred, count: usize) {
        self.close(begun, Shape::Array, count);
    }

    /// Makes a map of the `pairs` keys and values written since `begun`.
    pub fn map_since(&mut self, Deferred(begun): Deferred, pairs: usize) {
        self.close(begun, Shape::Map, pairs);
    }

    /// Makes a set of the `count` replies written since `begun`.
    pub fn set_since(&mut self, Deferred(begun): Deferred, count: usize) {
        self.close(begun, Shape::Set, count);
    }

    #[inline]
    fn open(&mut self, shape: Shape, count: usize) {
        let (kind, count) = shape.header(self.protocol, count);
        put_header(self.out, kind, count);
    }

    /// Puts the header before what was written since: the elements move up by its few bytes.
    fn close(&mut self, begun: usize, shape: Shape, count: usize) {
        let before = self.out.len();
        self.open(shape, count);
        let header_bytes = self.out.len() - before;
        self.out[begun..].rotate_right(header_bytes);
    }

    #[inline]
    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.push(kind);
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(b"\r\n");
    }

    #[inline]
    fn either(&mut self, resp2: &[u8], resp3: &[u8]) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => resp2,
            Protocol::Resp3 => resp3,
        });
    }
}

/// The collections a reply may hold.
#[derive(Clone, Copy)]
enum Shape {
    Array,
    Map,
    Set,
    Push,
}

impl Shape {
    #[inline]
    fn header(self, protocol: Protocol, count: usize) -> (u8, usize) {
        match (self, protocol) {
            (Self::Array | Self::Set | Self::Push, Protocol::Resp2) | (Self::Array, _) => {
                (b'*', count)
            }
            (Self::Map, Protocol::Resp2) => (b'*', count * 2),
            (Self::Map, Protocol::Resp3) => (b'%', count),
            (Self::Set, Protocol::Resp3) => (b'~', count),
            (Self::Push, Protocol::Resp3) => (b'>', count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `write` gives in RESP2 and in RESP3.
    fn both(write: impl Fn(&mut Reply<'_>)) -> (String, String) {
        let written = |protocol| {
            let mut out = Vec::new();
            write(&mut Reply::new(&mut out, protocol));
            String::from_utf8(out).unwrap()
        };
        (written(Protocol::Resp2), written(Protocol::Resp3))
    }

    #[track_caller]
    fn expect(write: impl Fn(&mut Reply<'_>), resp2: &str, resp3: &str) {
        assert_eq!(both(write), (resp2.to_owned(), resp3.to_owned()));
    }

    #[test]
    fn plain_shapes_are_the_same_in_both() {
        expect(
            |r| {
                r.ok();
            },
            "+OK\r\n",
            "+OK\r\n",
        );
        expect(|r| r.simple("QUEUED"), "+QUEUED\r\n", "+QUEUED\r\n");
        expect(|r| r.error("ERR no"), "-ERR no\r\n", "-ERR no\r\n");
        expect(|r| r.integer(-7), ":-7\r\n", ":-7\r\n");
        expect(|r| r.bulk(b"a\r\n"), "$3\r\na\r\n\r\n", "$3\r\na\r\n\r\n");
        let pieces = [&b"ab"[..], b"", b"c"];
        expect(|r| r.bulk_in_pieces(3, pieces.iter().copied()), "$3\r\nabc\r\n", "$3\r\nabc\r\n");
        expect(|r| r.bulk_int(12), "$2\r\n12\r\n", "$2\r\n12\r\n");
        expect(|r| r.array(10), "*10\r\n", "*10\r\n");
    }

    #[test]
    fn an_error_stays_on_one_line() {
        expect(|r| r.error("ERR a\r\nb\n"), "-ERR a  b\r\n", "-ERR a  b\r\n");
    }

    #[test]
    fn newer_shapes_fall_back_in_resp2() {
        expect(
            |r| {
                r.null();
            },
            "$-1\r\n",
            "_\r\n",
        );
        expect(
            |r| {
                r.null_array();
            },
            "*-1\r\n",
            "_\r\n",
        );
        expect(|r| r.map(3), "*6\r\n", "%3\r\n");
        expect(|r| r.set(3), "*3\r\n", "~3\r\n");
        expect(|r| r.push(3), "*3\r\n", ">3\r\n");
        expect(|r| r.boolean(true), ":1\r\n", "#t\r\n");
        expect(|r| r.boolean(false), ":0\r\n", "#f\r\n");
        expect(|r| r.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
        expect(|r| r.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
        expect(|r| r.decimal(0.1), "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n");
        expect(|r| r.big_number("123"), "$3\r\n123\r\n", "(123\r\n");
        expect(|r| r.verbatim("txt", b"hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n");
    }

    #[test]
    fn a_deferred_header_lands_before_its_elements() {
        expect(
            |r| {
                r.integer(9);
                let outer = r.defer();
                r.bulk(b"a");
                let inner = r.defer();
                for number in 0..12 {
                    r.integer(number % 2);
                }
                r.map_since(inner, 6);
                r.array_since(outer, 2);
            },
            &format!(":9\r\n*2\r\n$1\r\na\r\n*12\r\n{}", ":0\r\n:1\r\n".repeat(6)),
            &format!(":9\r\n*2\r\n$1\r\na\r\n%6\r\n{}", ":0\r\n:1\r\n".repeat(6)),
        );
    }
}
