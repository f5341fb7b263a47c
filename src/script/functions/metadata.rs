//! The first line of a library, which names it: `#!lua name=mylib`.

use crate::net::inline;

/// What the first line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The name of the library.
    pub name: Vec<u8>,
    /// How many bytes of the library come before the program; the line's end is none of them.
    pub bytes: usize,
}

/// Reads the first line; the error is what the client is told.
pub fn read(source: &[u8]) -> Result<Metadata, Vec<u8>> {
    const BAD_LINE: &[u8] = b"ERR Invalid library metadata";
    if !source.starts_with(b"#!") {
        return Err(b"ERR Missing library metadata".to_vec());
    }
    let end = source.iter().position(|byte| matches!(byte, b'\n' | 0));
    let bytes = end.filter(|end| source[*end] == b'\n').ok_or(BAD_LINE)?;
    let (mut text, mut spans) = (Vec::new(), Vec::new());
    inline::split(&source[..bytes], &mut text, &mut spans).map_err(|_| BAD_LINE)?;
    let mut words = spans.iter().map(|span| &text[span.start..span.end]);
    let engine = &words.next().ok_or(BAD_LINE)?[2..];
    let mut name = None;
    for word in words {
        let given = word.split_at_checked(b"name=".len());
        match given.filter(|(key, _)| key.eq_ignore_ascii_case(b"name=")) {
            Some(_) if name.is_some() => {
                let text = "ERR Invalid metadata value, name argument was given multiple times";
                return Err(text.into());
            }
            Some((_, value)) => name = Some(value.to_vec()),
            None => return Err([b"ERR Invalid metadata value given: ", word].concat()),
        }
    }
    let name = name.ok_or(b"ERR Library name was not given")?;
    check_name(&name)?;
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err([b"ERR Engine '", engine, b"' not found"].concat());
    }
    Ok(Metadata { name, bytes })
}

/// Tells whether a library or a function may have a name.
pub fn check_name(name: &[u8]) -> Result<(), &'static [u8]> {
    let is_fit = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if !name.is_empty() && name.iter().all(is_fit) {
        return Ok(());
    }
    Err(b"ERR Library names can only contain letters, numbers, or underscores(_) and must be at \
        least one character long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_whatever_the_case_and_the_quotes() {
        for line in
            ["#!lua name=a_1", "#!LUA  NAME=a_1 \r", "#!lua\tname=\"a_\\x31\"", "#!lua 'name=a_1'"]
        {
            let read = read(format!("{line}\nx").as_bytes()).unwrap();
            assert_eq!(read, Metadata { name: b"a_1".to_vec(), bytes: line.len() }, "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_the_words_of_stock() {
        let fault = |text: &str| String::from_utf8(read(text.as_bytes()).unwrap_err()).unwrap();
        assert_eq!(fault("return 1"), "ERR Missing library metadata");
        for text in ["#!lua name=a", "#!lua \"name=a\n", "#!lua\0name=a\n"] {
            assert_eq!(fault(text), "ERR Invalid library metadata", "{text}");
        }
        assert_eq!(fault("#!lua\n"), "ERR Library name was not given");
        assert_eq!(fault("#!lua name=a b\n"), "ERR Invalid metadata value given: b");
        assert_eq!(fault("#! name=a\n"), "ERR Engine '' not found");
        let twice = "ERR Invalid metadata value, name argument was given multiple times";
        assert_eq!(fault("#!js name=a name=a\n"), twice);
        for name in ["", "a-b", "\"a b\""] {
            let text = fault(&format!("#!js name={name}\n"));
            assert!(text.starts_with("ERR Library names can only contain letters, "), "{text}");
        }
    }
}
