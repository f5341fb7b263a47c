//! Asks servers for `INFO`, many at once, each for a limited time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;

use super::address::Address;
use super::facts::{Facts, shown};
use crate::net::tls::{Blocking, ClientConfig};
use crate::net::wire::put_command;

/// A longer reply is not taken.
const REPLY_BYTES_MAX: usize = 1 << 20;
/// A status, an error, or the line that tells the length of a reply.
const LINE_BYTES_MAX: usize = 4096;
/// How many are asked at once.
const AT_ONCE: usize = 32;
/// How much longer than it may take an answer is waited for: the clock of the one who asks is late.
const GRACE: Duration = Duration::from_millis(200);
/// What a server says that wants no password, now and before 6.0.
const NEEDS_NONE: [&str; 2] = ["without any password configured", "no password is set"];

/// How the servers are spoken to.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    /// Whom they are to let in.
    pub(super) credentials: Option<Credentials>,
    /// What a handshake begins with, where TLS is spoken.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// Whom the servers are to let in.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    /// The user; the default one if there is none.
    pub(super) user: Option<String>,
    /// The password.
    pub(super) password: String,
}

/// Why a server gives no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// The name stands for no address.
    #[error("the name is not known: {0}")]
    Unknown(#[source] io::Error),
    /// It cannot be reached, or the connection broke.
    #[error("{}", .0.kind())]
    Socket(#[from] io::Error),
    /// Hands could not be shaken.
    #[error("no TLS: {0}")]
    Tls(#[source] io::Error),
    /// It did not answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// It answers with an error.
    #[error("{0}")]
    Refused(String),
    /// What it says is no such reply.
    #[error("it does not speak this protocol")]
    Garbled,
    /// It says too much.
    #[error("its answer is longer than {REPLY_BYTES_MAX} bytes")]
    TooLong,
    /// Its INFO lacks what every server tells.
    #[error("its INFO says nothing of replication")]
    Mute,
}

/// A reply of one of the kinds that are expected.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Text(String),
    Error(String),
}

/// Asks all of `addresses`, and gives up on each that takes longer than `patience`.
pub(super) fn ask_all(
    addresses: &[Address],
    manner: &Manner,
    patience: Duration,
) -> Vec<Result<Facts, AskError>> {
    let ask_some = |some: &[Address]| {
        let deadline = Instant::now() + patience;
        let (sender, answers) = mpsc::channel();
        let mut found: Vec<_> = some.iter().map(|_| Err(AskError::Late(patience))).collect();
        for (index, address) in some.iter().cloned().enumerate() {
            let (sender, manner) = (sender.clone(), manner.clone());
            // Looking up a name cannot be cut short, so the thread is left to itself if it hangs.
            thread::spawn(move || {
                let facts = ask(&address, &manner, deadline, patience);
                // Nobody waits any more if this fails.
                drop(sender.send((index, facts)));
            });
        }
        drop(sender);
        let left = || (deadline + GRACE).saturating_duration_since(Instant::now());
        while let Ok((index, facts)) = answers.recv_timeout(left()) {
            found[index] = facts;
        }
        found
    };
    addresses.chunks(AT_ONCE).flat_map(ask_some).collect()
}

/// Asks a server whether it serves.
pub(super) fn ping(address: &Address, manner: &Manner, patience: Duration) -> Result<(), AskError> {
    let said = say(address, manner, "PING", (Instant::now() + patience, patience))?;
    if said == "PONG" { Ok(()) } else { Err(AskError::Garbled) }
}

fn ask(
    address: &Address,
    manner: &Manner,
    deadline: Instant,
    patience: Duration,
) -> Result<Facts, AskError> {
    let info = say(address, manner, "INFO", (deadline, patience))?;
    Facts::read(&info).ok_or(AskError::Mute)
}

/// Sends a command of one word, and returns the text that it is answered with.
fn say(
    address: &Address,
    manner: &Manner,
    word: &str,
    (deadline, patience): (Instant, Duration),
) -> Result<String, AskError> {
    let said = Connection::open(address, manner.tls.as_ref(), deadline)
        .and_then(|mut one| one.say(manner.credentials.as_ref(), word));
    said.map_err(|error| match error {
        AskError::Socket(error) | AskError::Tls(error)
            if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) =>
        {
            AskError::Late(patience)
        }
        error => error,
    })
}

struct Connection {
    stream: Stream,
    deadline: Instant,
    buffer: Vec<u8>,
}

/// What a server is spoken to through.
enum Stream {
    Plain(TcpStream),
    Tls(Box<Blocking>),
}

impl Stream {
    fn new(
        stream: TcpStream,
        (tls, host): (Option<&Arc<ClientConfig>>, &str),
        deadline: Instant,
    ) -> Result<Self, AskError> {
        let Some(config) = tls else { return Ok(Self::Plain(stream)) };
        stream.set_read_timeout(Some(left(deadline)?))?;
        stream.set_write_timeout(Some(left(deadline)?))?;
        let shaken = Blocking::connect(stream, Arc::clone(config), host).map_err(AskError::Tls)?;
        Ok(Self::Tls(Box::new(shaken)))
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.socket(),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Connection {
    fn open(
        address: &Address,
        tls: Option<&Arc<ClientConfig>>,
        deadline: Instant,
    ) -> Result<Self, AskError> {
        let host = address.host.as_str();
        let found = (address.host.as_str(), address.port).to_socket_addrs();
        let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in found.map_err(AskError::Unknown)? {
            match TcpStream::connect_timeout(&address, left(deadline)?) {
                Ok(stream) => {
                    let stream = Stream::new(stream, (tls, host), deadline)?;
                    return Ok(Self { stream, deadline, buffer: Vec::new() });
                }
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    fn say(&mut self, credentials: Option<&Credentials>, word: &str) -> Result<String, AskError> {
        let mut request = Vec::new();
        if let Some(Credentials { user, password }) = credentials {
            let words = ["AUTH"].into_iter().chain(user.as_deref()).chain([password.as_str()]);
            put_command(&mut request, &words.collect::<Vec<_>>());
        }
        put_command(&mut request, &[word]);
        self.stream.socket().set_write_timeout(Some(left(self.deadline)?))?;
        // A server that lets nobody in says why before it closes, and that counts.
        let sent = self.stream.write_all(&request);
        if credentials.is_some() {
            match self.reply(&sent)? {
                Reply::Error(text) if !NEEDS_NONE.iter().any(|none| text.contains(none)) => {
                    return Err(AskError::Refused(shown(&text)));
                }
                _ => {}
            }
        }
        match self.reply(&sent)? {
            Reply::Text(text) => Ok(text),
            Reply::Error(text) => Err(AskError::Refused(shown(&text))),
        }
    }

    fn reply(&mut self, sent: &io::Result<()>) -> Result<Reply, AskError> {
        let mut chunk = [0; 16 << 10];
        loop {
            if let Some((reply, consumed)) = parse(&self.buffer)? {
                self.buffer.drain(..consumed);
                return Ok(reply);
            }
            self.stream.socket().set_read_timeout(Some(left(self.deadline)?))?;
            match (self.stream.read(&mut chunk), sent) {
                (Ok(0) | Err(_), Err(error)) => return Err(io::Error::from(error.kind()).into()),
                (Ok(0), Ok(())) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                (Ok(count), _) => self.buffer.extend_from_slice(&chunk[..count]),
                (Err(error), _) if error.kind() == ErrorKind::Interrupted => {}
                (Err(error), _) if error.kind() == ErrorKind::InvalidData => {
                    return Err(AskError::Tls(error));
                }
                (Err(error), _) => return Err(error.into()),
            }
        }
    }
}

/// Takes a reply off the front of `buffer`, with its length; `None` until it is whole.
///
/// The decoder sees nothing nested, and no length above the limit.
fn parse(buffer: &[u8]) -> Result<Option<(Reply, usize)>, AskError> {
    let Some(&kind) = buffer.first() else { return Ok(None) };
    let line_end = buffer.iter().take(LINE_BYTES_MAX).position(|&byte| byte == b'\n');
    match (kind, line_end) {
        (b'+' | b'-' | b'$', None) if buffer.len() >= LINE_BYTES_MAX => {
            return Err(AskError::TooLong);
        }
        (b'+' | b'-' | b'$', None) => return Ok(None),
        (b'$', Some(end)) => {
            let digits = str::from_utf8(&buffer[1..end]).map_err(|_| AskError::Garbled)?;
            let bytes: usize = digits.trim_end().parse().map_err(|_| AskError::Garbled)?;
            if bytes > REPLY_BYTES_MAX {
                return Err(AskError::TooLong);
            }
        }
        (b'+' | b'-', Some(_)) => {}
        _ => return Err(AskError::Garbled),
    }
    let text = |bytes: &[u8]| Reply::Text(String::from_utf8_lossy(bytes).into_owned());
    let Some((frame, consumed)) = decode(buffer).map_err(|_| AskError::Garbled)? else {
        return Ok(None);
    };
    match frame {
        OwnedFrame::SimpleString(bytes) | OwnedFrame::BulkString(bytes) => {
            Ok(Some((text(&bytes), consumed)))
        }
        OwnedFrame::Error(error) => Ok(Some((Reply::Error(error), consumed))),
        _ => Err(AskError::Garbled),
    }
}

/// How much time is left; an error if none is.
fn left(deadline: Instant) -> Result<Duration, AskError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::Error::from(ErrorKind::TimedOut).into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn parsed(bytes: &[u8]) -> Option<(Reply, usize)> {
        parse(bytes).unwrap()
    }

    #[test]
    fn replies_are_taken_one_by_one_when_they_are_whole() {
        let text = |text: &str| Reply::Text(text.to_owned());
        assert_eq!(parsed(b""), None);
        assert_eq!(parsed(b"+O"), None);
        assert_eq!(parsed(b"+OK\r\n$3\r\n"), Some((text("OK"), 5)));
        assert_eq!(parsed(b"$3\r\na\r"), None);
        assert_eq!(parsed(b"$3\r\na\r\n\r\n"), Some((text("a\r\n"), 9)));
        let error = Reply::Error("NOAUTH Authentication required.".to_owned());
        assert_eq!(parsed(b"-NOAUTH Authentication required.\r\n"), Some((error, 34)));
    }

    #[test]
    fn what_no_server_answers_to_info_is_refused_before_it_is_decoded() {
        for garbled in
            [&b"*1\r\n"[..], b"*999999999\r\n", b":1\r\n", b"HTTP/1.1 400\r\n", b"$x\r\n"]
        {
            assert!(matches!(parse(garbled), Err(AskError::Garbled)), "{garbled:?}");
        }
        assert!(matches!(parse(b"$-1\r\n"), Err(AskError::Garbled)));
        assert!(matches!(parse(b"$1048577\r\n"), Err(AskError::TooLong)));
        assert_eq!(parsed(b"$1048576\r\n"), None);
        assert!(matches!(parse(&[b'-'; LINE_BYTES_MAX]), Err(AskError::TooLong)));
    }

    #[test]
    fn who_is_silent_costs_one_limit_however_many_they_are() {
        let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = deaf.local_addr().unwrap().port();
        let address = Address { host: "127.0.0.1".to_owned(), port };
        let patience = Duration::from_millis(200);
        let began = Instant::now();
        let answers = ask_all(&vec![address; 20], &Manner::default(), patience);
        assert_eq!(answers.len(), 20);
        for answer in answers {
            assert_eq!(answer.unwrap_err().to_string(), "no answer within 200 ms");
        }
        assert!(began.elapsed() < 10 * patience, "{:?}", began.elapsed());
    }
}
