//! As much of HTTP/1.1 as it takes to answer a scraper: the head of a request, and whole replies.

/// How many bytes the head of a request may have.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'b> {
    /// There is more to come.
    Incomplete,
    /// It is no request, or one that is too long.
    Broken,
    /// A request for a path; the part from `?` on is left out.
    Request {
        /// By which method.
        method: Method,
        /// Of what.
        path: &'b str,
    },
}

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The reply has a body.
    Get,
    /// The reply has none, and else is what it would be.
    Head,
    /// Any other.
    Other,
}

/// The status of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Here it is.
    Ok,
    /// The request is broken.
    BadRequest,
    /// Clients of other machines are turned away.
    Forbidden,
    /// There is no such path.
    NotFound,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// There are too many connections.
    Unavailable,
}

impl Status {
    /// Its number and name.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::Unavailable => "503 Service Unavailable",
        }
    }
}

/// Reads the head of a request from what has come so far.
///
/// A line may end with a bare line feed. Header fields are looked at for their form alone: nothing
/// that is answered depends on one.
#[must_use]
pub fn asked(bytes: &[u8]) -> Asked<'_> {
    let Some(end) = head_end(bytes) else {
        let is_over = bytes.len() >= HEAD_BYTES_MAX;
        return if is_over || is_hopeless(bytes) { Asked::Broken } else { Asked::Incomplete };
    };
    if end > HEAD_BYTES_MAX {
        return Asked::Broken;
    }
    request(&bytes[..end]).unwrap_or(Asked::Broken)
}

fn request(head: &[u8]) -> Option<Asked<'_>> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token_byte);
    let is_version = version == "HTTP/1.1" || version == "HTTP/1.0";
    if !is_version || words.next().is_some() || !is_token(method) {
        return None;
    }
    let is_plain = |target: &str| target.bytes().all(|byte| byte.is_ascii_graphic());
    if !target.starts_with('/') || !is_plain(target) {
        return None;
    }
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        if !is_token(name) || value.contains(|char: char| char.is_control() && char != '\t') {
            return None;
        }
    }
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        _ => Method::Other,
    };
    let path = target.split('?').next().unwrap_or(target);
    Some(Asked::Request { method, path })
}

/// Where the empty line ends, if it has come.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'\n', &bytes[from..]) {
        from += found + 1;
        let rest = &bytes[from..];
        let blank = if rest.starts_with(b"\n") { 1 } else { 2 };
        if rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            return Some(from + blank);
        }
    }
    None
}

/// Whether no byte to come can make it a request: no method begins so.
fn is_hopeless(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| !is_token_byte(*first))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Makes a whole reply, after which the connection ends.
///
/// One to `HEAD` tells the length of the body and leaves it out.
#[must_use]
pub fn reply(status: Status, method: Method, content_type: &str, body: &str) -> Vec<u8> {
    let allow = if status == Status::MethodNotAllowed { "Allow: GET, HEAD\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{allow}\
         Connection: close\r\n\r\n",
        status.text(),
        body.len()
    );
    let body = if method == Method::Head { "" } else { body };
    [head.as_bytes(), body.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Asked<'_> {
        Asked::Request { method: Method::Get, path }
    }

    #[test]
    fn a_request_is_read_when_its_head_is_whole() {
        let whole = b"GET /metrics?x=1 HTTP/1.1\r\nHost: a:1\r\nAccept: */*\r\n\r\nmore";
        assert_eq!(asked(whole), get("/metrics"));
        let head = whole.len() - 4;
        for end in 0..head {
            assert_eq!(asked(&whole[..end]), Asked::Incomplete, "{end}");
        }
        assert_eq!(asked(b"GET / HTTP/1.0\n\n"), get("/"));
        let head = Asked::Request { method: Method::Head, path: "/" };
        assert_eq!(asked(b"HEAD / HTTP/1.1\r\n\r\n"), head);
        let other = Asked::Request { method: Method::Other, path: "/metrics" };
        assert_eq!(asked(b"POST /metrics HTTP/1.1\r\n\r\n"), other);
    }

    #[test]
    fn what_is_no_request_is_broken() {
        for bytes in [
            &b"GET\r\n\r\n"[..],
            b"GET /\r\n\r\n",
            b"GET / HTTP/2.0\r\n\r\n",
            b"GET  / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1 x\r\n\r\n",
            b"GET metrics HTTP/1.1\r\n\r\n",
            b"G(T / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nspace : x\r\n\r\n",
            b"GET / HTTP/1.1\r\na: b\x00\r\n\r\n",
            b"GET /\xff HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01",
            b"\r\n",
        ] {
            assert_eq!(asked(bytes), Asked::Broken, "{}", bytes.escape_ascii());
        }
        assert_eq!(asked(&vec![b'a'; HEAD_BYTES_MAX - 1]), Asked::Incomplete);
        assert_eq!(asked(&vec![b'a'; HEAD_BYTES_MAX]), Asked::Broken);
        let long = [b"GET / HTTP/1.1\r\na: ".as_slice(), &vec![b'a'; HEAD_BYTES_MAX], b"\r\n\r\n"];
        assert_eq!(asked(&long.concat()), Asked::Broken);
    }

    #[test]
    fn a_reply_to_head_tells_the_length_and_ends_there() {
        let said = reply(Status::Ok, Method::Head, "text/plain", "four");
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("Content-Length: 4\r\n") && said.ends_with("\r\n\r\n"), "{said}");
        let said = reply(Status::MethodNotAllowed, Method::Other, "text/plain", "no");
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("\r\nAllow: GET, HEAD\r\n") && said.ends_with("\r\n\r\nno"));
    }
}
