//! The byte shapes that requests, effects and replies share: length headers and bulk strings.

/// Appends `kind`, the decimal `count` and a line end: the header of every counted shape.
#[inline]
pub fn put_header(out: &mut Vec<u8>, kind: u8, count: usize) {
    if let Some(digit) = u8::try_from(count).ok().filter(|count| *count < 10) {
        out.extend_from_slice(&[kind, b'0' + digit, b'\r', b'\n']);
        return;
    }
    let mut digits = itoa::Buffer::new();
    out.push(kind);
    out.extend_from_slice(digits.format(count).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends `$<length>`, the bytes and a line end.
#[inline]
pub fn put_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    put_header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends an integer as a bulk string, as effects and RESP2 replies carry numbers.
#[inline]
pub fn put_bulk_int(out: &mut Vec<u8>, number: i64) {
    let mut digits = itoa::Buffer::new();
    put_bulk(out, digits.format(number).as_bytes());
}

/// Appends one whole command: a multibulk of bulk strings.
pub fn put_command<W: AsRef<[u8]>>(out: &mut Vec<u8>, words: &[W]) {
    put_header(out, b'*', words.len());
    for word in words {
        put_bulk(out, word.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_multibulk_of_bulks() {
        let mut out = Vec::new();
        put_command(&mut out, &["SET", "key", "0123456789"]);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$10\r\n0123456789\r\n");
    }

    #[test]
    fn a_number_is_counted_with_its_sign() {
        let mut out = Vec::new();
        put_bulk_int(&mut out, i64::MIN);
        assert_eq!(out, b"$20\r\n-9223372036854775808\r\n");
    }
}
