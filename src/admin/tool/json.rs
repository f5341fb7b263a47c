//! Writes JSON, value by value.

use std::io::{self, Write};

/// Writes JSON to `out`; commas come by themselves.
///
/// Who calls it opens and closes in pairs and names each member of an object first.
pub(in crate::admin) struct Json<'o> {
    out: &'o mut dyn Write,
    /// Whether a value stands before the next one in the same object or array.
    follows: bool,
}

impl<'o> Json<'o> {
    /// Begins a document.
    pub(in crate::admin) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, follows: false }
    }

    /// Begins an object or an array, by its bracket.
    pub(in crate::admin) fn open(&mut self, bracket: char) -> io::Result<()> {
        self.separate()?;
        self.follows = false;
        write!(self.out, "{bracket}")
    }

    /// Ends an object or an array, by its bracket.
    pub(in crate::admin) fn close(&mut self, bracket: char) -> io::Result<()> {
        self.follows = true;
        write!(self.out, "{bracket}")
    }

    /// Names the member that comes next.
    pub(in crate::admin) fn name(&mut self, name: &str) -> io::Result<()> {
        self.text(name)?;
        self.follows = false;
        self.out.write_all(b":")
    }

    /// Writes a number, or null.
    pub(in crate::admin) fn number(&mut self, number: impl Into<Option<u64>>) -> io::Result<()> {
        self.separate()?;
        match number.into() {
            Some(number) => write!(self.out, "{number}"),
            None => self.out.write_all(b"null"),
        }
    }

    /// Writes null.
    pub(in crate::admin) fn null(&mut self) -> io::Result<()> {
        self.number(None)
    }

    /// Writes true or false.
    pub(in crate::admin) fn truth(&mut self, truth: bool) -> io::Result<()> {
        self.separate()?;
        write!(self.out, "{truth}")
    }

    /// Writes text as it is.
    pub(in crate::admin) fn text(&mut self, text: &str) -> io::Result<()> {
        self.string(text.as_bytes(), |byte| byte >= 0x80)
    }

    /// Writes bytes of any kind: every character of the string stands for one byte.
    ///
    /// Bytes from 0x80 on are written as `\u0080` to `\u00ff`. So they come through any JSON parser, and
    /// encoding the parsed string in Latin-1 gives the bytes back.
    pub(in crate::admin) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.string(bytes, |_| false)
    }

    /// Writes a member that is a number.
    pub(in crate::admin) fn member(
        &mut self,
        name: &str,
        number: impl Into<Option<u64>>,
    ) -> io::Result<()> {
        self.name(name)?;
        self.number(number)
    }

    /// Writes a member that is text.
    pub(in crate::admin) fn member_text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.name(name)?;
        self.text(text)
    }

    fn string(&mut self, bytes: &[u8], is_plain_beyond_ascii: fn(u8) -> bool) -> io::Result<()> {
        self.separate()?;
        self.out.write_all(b"\"")?;
        let mut rest = bytes;
        loop {
            let is_plain = |byte: &u8| match byte {
                b'"' | b'\\' => false,
                b' '..=b'~' => true,
                byte => is_plain_beyond_ascii(*byte),
            };
            let plain = rest.iter().position(|byte| !is_plain(byte)).unwrap_or(rest.len());
            self.out.write_all(&rest[..plain])?;
            match rest.get(plain) {
                None => return self.out.write_all(b"\""),
                Some(byte @ (b'"' | b'\\')) => self.out.write_all(&[b'\\', *byte])?,
                Some(b'\n') => self.out.write_all(b"\\n")?,
                Some(b'\r') => self.out.write_all(b"\\r")?,
                Some(b'\t') => self.out.write_all(b"\\t")?,
                Some(byte) => write!(self.out, "\\u{byte:04x}")?,
            }
            rest = &rest[plain + 1..];
        }
    }

    fn separate(&mut self) -> io::Result<()> {
        if self.follows {
            self.out.write_all(b",")?;
        }
        self.follows = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Json<'_>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut Json::new(&mut out)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn members_and_elements_are_parted_by_commas_and_nothing_else_is() {
        let text = written(|json| {
            json.open('{')?;
            json.member("a", 1)?;
            json.name("b")?;
            json.open('[')?;
            json.null()?;
            json.truth(true)?;
            json.open('[')?;
            json.close(']')?;
            json.open('{')?;
            json.close('}')?;
            json.close(']')?;
            json.member_text("c", "d")?;
            json.member("e", None)?;
            json.close('}')
        });
        assert_eq!(text, r#"{"a":1,"b":[null,true,[],{}],"c":"d","e":null}"#);
    }

    #[test]
    fn text_stays_text_and_cannot_break_out_of_its_quotes() {
        let text = written(|json| json.text("a\"b\\c\nd\r\te\u{0}\u{1f}\u{7f}é€"));
        assert_eq!(text, r#""a\"b\\c\nd\r\te\u0000\u001f\u007fé€""#);
    }

    #[test]
    fn every_byte_becomes_one_character() {
        let all: Vec<u8> = (0..=255).collect();
        let text = written(|json| json.bytes(&all));
        assert!(text.is_ascii());
        assert!(
            text.starts_with(r#""\u0000\u0001"#) && text.ends_with(r#"\u00fe\u00ff""#),
            "{text}"
        );
        assert_eq!(text.matches(r"\u").count(), 32 - 3 + 1 + 128);
        assert_eq!(written(|json| json.bytes("é".as_bytes())), r#""\u00c3\u00a9""#);
        assert_eq!(written(|json| json.bytes(b"")), r#""""#);
    }
}
