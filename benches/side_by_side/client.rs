//! A client that blocks: requests go out, replies are read one by one.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(2);

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to a server on loopback.
    pub fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends one request and returns its reply.
    pub fn call(&mut self, words: &[&str]) -> io::Result<String> {
        self.send(&[words])?;
        self.reply()
    }

    /// Sends requests at once.
    pub fn send(&mut self, requests: &[&[&str]]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for words in requests {
            encode(words, &mut bytes);
        }
        self.stream.get_mut().write_all(&bytes)
    }

    /// Reads one reply: the string of a bulk, the line with its type in front of another.
    pub fn reply(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        line.truncate(line.trim_end().len());
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.starts_with('-') {
            return Err(io::Error::other(line));
        }
        let Some(length) = line.strip_prefix('$').filter(|length| *length != "-1") else {
            return Ok(line);
        };
        let length: usize = length.parse().map_err(io::Error::other)?;
        let mut bulk = vec![0; length + 2];
        self.stream.read_exact(&mut bulk)?;
        bulk.truncate(length);
        String::from_utf8(bulk).map_err(io::Error::other)
    }

    /// Returns the connection; all replies were read.
    pub fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    /// Reads one reply, whatever it holds, and lets go of it; tells how many strings were in it.
    pub fn skip(&mut self) -> io::Result<usize> {
        let (mut left, mut strings) = (1_usize, 0);
        while left > 0 {
            left -= 1;
            let item = self.reply()?;
            match item.strip_prefix(['*', '%']).and_then(|count| count.parse::<usize>().ok()) {
                Some(count) => left += if item.starts_with('%') { 2 * count } else { count },
                None => strings += 1,
            }
        }
        Ok(strings)
    }
}

/// Appends a request as RESP.
pub fn encode(words: &[&str], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}
