//! The replica's side of the handshake: what to send, and what the answers come to.
//!
//! Values only. Whoever has the socket sends [`Handshake::output`], reads answers by
//! [`answer::read`](super::answer::read), and hands each to [`Handshake::answered`]:
//!
//! 1. `PING`, to see that somebody answers;
//! 2. at once `AUTH`, the `REPLCONF`s and `INFO replication`;
//! 3. `PSYNC`, when all of those are answered. Behind its answer comes the stream, or a snapshot.

use std::collections::VecDeque;

use crate::net::wire::put_command;
use crate::position::{Offset, Position, Replid};
use crate::snapshot::Ancestor;

use super::answer::Answer;

mod agreement;
mod told;

pub use told::{Kind, PrimaryRole, Told};

/// The version that a replica tells its primary: that of Redis whose stream and snapshots it takes.
pub const VERSION: &str = "7.2.6";
/// How much of a primary's words is shown.
const SHOWN_BYTES_MAX: usize = 200;

/// What a replica brings to the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Directive `masteruser`; says nothing without a password.
    pub user: Option<String>,
    /// Directive `masterauth`.
    pub password: Option<String>,
    /// The port that the primary shows for this replica.
    pub listening_port: u16,
    /// Directive `replica-announce-ip`.
    pub announce_ip: Option<String>,
    /// What is held already; without it a full resync is asked for.
    pub position: Option<Position>,
    /// Whether the primary is to hand over to this replica's side.
    pub failover: Failover,
}

/// Whether `PSYNC` asks a replica to become the primary, as `FAILOVER` does at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failover {
    /// The peer is a primary already.
    No,
    /// The peer is to be promoted; it must be at the very position of the plan.
    Asked,
}

/// What to do after an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to send.
    Send,
    /// Further answers are to come.
    Wait,
    /// The handshake is over.
    Done(Agreement),
}

/// What the two have agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// The stream goes on where the position is.
    Continue {
        /// The name that the history has from here on, if it was told.
        replid: Option<Replid>,
        /// What the primary says of its past, newest first; nothing if it does not.
        learned: Vec<Ancestor>,
    },
    /// A snapshot comes, and then the stream from its offset on.
    Full {
        /// The primary's history.
        replid: Replid,
        /// Where the snapshot was taken.
        offset: Offset,
        /// What the primary says of its past, newest first; nothing if it does not.
        learned: Vec<Ancestor>,
        /// Up to where the own history is the primary's too, if that can be told.
        parted: Option<Offset>,
    },
}

/// Why there is no agreement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The primary does not want the password, or the user.
    #[error(
        "the primary does not accept the password: {text}; masterauth must be the primary's \
         requirepass, or with masteruser the password of that user; leave both out if it has none"
    )]
    Password {
        /// Its words.
        text: String,
    },
    /// The primary wants a password first.
    #[error(
        "the primary wants a password before {what}: {text}; set masterauth, \
         and masteruser if it is not the default user's"
    )]
    PasswordNeeded {
        /// The command.
        what: &'static str,
        /// Its words.
        text: String,
    },
    /// The user may not do what replicas do.
    #[error(
        "the primary does not permit {what}: {text}; \
         the user that masteruser names needs +psync +replconf +ping"
    )]
    Forbidden {
        /// The command.
        what: &'static str,
        /// Its words.
        text: String,
    },
    /// The primary is not able or willing at present.
    #[error("the primary refuses {what}: {text}; it is asked again later")]
    Refused {
        /// The command.
        what: &'static str,
        /// Its words.
        text: String,
    },
    /// No primary answers so.
    #[error(
        "the answer to {what} is not one of a primary: \"{shown}\"; \
         does replicaof name the port of a Redis-compatible server?"
    )]
    Protocol {
        /// The command.
        what: &'static str,
        /// The beginning of the answer, escaped.
        shown: String,
    },
}

/// The handshake with one primary over one connection.
#[derive(Debug)]
pub struct Handshake {
    plan: Plan,
    output: Vec<u8>,
    /// What has been sent or is to be, and is not answered yet, oldest first.
    awaited: VecDeque<Request>,
    told: Option<Told>,
    remarks: Vec<String>,
}

/// A request that an answer is awaited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Ping,
    Auth,
    /// Its error is a remark.
    Replconf(&'static str),
    Info,
    Psync,
}

impl Request {
    fn name(self) -> &'static str {
        match self {
            Self::Ping => "PING",
            Self::Auth => "AUTH",
            Self::Replconf(name) => name,
            Self::Info => "INFO replication",
            Self::Psync => "PSYNC",
        }
    }
}

impl Handshake {
    /// Begins a handshake; its first output is there.
    pub fn new(plan: Plan) -> Self {
        let (output, awaited, remarks) = (Vec::new(), VecDeque::new(), Vec::new());
        let mut new = Self { plan, output, awaited, told: None, remarks };
        new.ask(Request::Ping, &["PING"]);
        new
    }

    /// Takes what is to be sent now; nothing if nothing is.
    pub fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Takes what an operator may want to know, though the handshake goes on.
    pub fn remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// What the primary has said of itself, if it was asked and did.
    pub fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// Takes in the next answer.
    #[expect(clippy::needless_pass_by_value, reason = "no answer is taken in twice")]
    pub fn answered(&mut self, answer: Answer) -> Result<Step, HandshakeError> {
        let Some(request) = self.awaited.pop_front() else {
            return Err(not_understood("nothing", &answer));
        };
        match request {
            Request::Ping => {
                check_ping(&answer)?;
                self.introduce();
                return Ok(Step::Send);
            }
            Request::Auth => check_auth(&answer)?,
            Request::Replconf(what) => self.note_replconf(what, &answer)?,
            Request::Info => self.note_info(&answer)?,
            Request::Psync => {
                let (position, told) = (self.plan.position, self.told.as_ref());
                return agreement::read(&answer, position, told).map(Step::Done);
            }
        }
        if !self.awaited.is_empty() {
            return Ok(Step::Wait);
        }
        self.ask_for_stream();
        Ok(Step::Send)
    }

    fn ask(&mut self, request: Request, words: &[&str]) {
        put_command(&mut self.output, words);
        self.awaited.push_back(request);
    }

    /// Says who is here, and asks who is there.
    fn introduce(&mut self) {
        let Plan { user, password, listening_port, announce_ip, .. } = self.plan.clone();
        match (&user, &password) {
            (Some(user), Some(password)) => self.ask(Request::Auth, &["AUTH", user, password]),
            (None, Some(password)) => self.ask(Request::Auth, &["AUTH", password]),
            (_, None) => {}
        }
        let port = listening_port.to_string();
        let request = Request::Replconf("REPLCONF listening-port");
        self.ask(request, &["REPLCONF", "listening-port", &port]);
        if let Some(ip) = &announce_ip {
            let request = Request::Replconf("REPLCONF ip-address");
            self.ask(request, &["REPLCONF", "ip-address", ip]);
        }
        // Primaries pass over capabilities that they do not know.
        let capabilities = ["REPLCONF", "capa", "eof", "capa", "psync2", "capa", "backlog"];
        self.ask(Request::Replconf("REPLCONF capa"), &capabilities);
        self.ask(Request::Replconf("REPLCONF version"), &["REPLCONF", "version", VERSION]);
        self.ask(Request::Info, &["INFO", "replication"]);
    }

    fn ask_for_stream(&mut self) {
        let (replid, wanted) = match self.plan.position {
            Some(at) => (at.replid.to_string(), at.offset.first_wanted().to_string()),
            None => ("?".to_owned(), "-1".to_owned()),
        };
        let words = ["PSYNC", &replid, &wanted, "FAILOVER"];
        let count = match self.plan.failover {
            Failover::No => 3,
            Failover::Asked => 4,
        };
        self.ask(Request::Psync, &words[..count]);
    }

    /// Older primaries do not know every option, and the handshake does not depend on one.
    fn note_replconf(&mut self, what: &'static str, answer: &Answer) -> Result<(), HandshakeError> {
        match answer {
            Answer::Status(_) => Ok(()),
            Answer::Error(text) => {
                self.remarks.push(format!("the primary does not take {what}: {}", shown(text)));
                Ok(())
            }
            other => Err(not_understood(what, other)),
        }
    }

    /// What is not told is not needed: it only spares those who follow this replica a full resync.
    fn note_info(&mut self, answer: &Answer) -> Result<(), HandshakeError> {
        match answer {
            Answer::Bulk(text) => match Told::read(text) {
                Ok(told) => self.told = Some(told),
                Err(error) => self.remarks.push(error.to_string()),
            },
            Answer::Error(text) => {
                let text = shown(text);
                self.remarks.push(format!("the primary does not tell of its history: {text}"));
            }
            other => return Err(not_understood(Request::Info.name(), other)),
        }
        Ok(())
    }
}

/// Whoever answers is a primary, even one that wants a password first.
fn check_ping(answer: &Answer) -> Result<(), HandshakeError> {
    let what = Request::Ping.name();
    match answer {
        Answer::Status(text) if text == b"PONG" => Ok(()),
        Answer::Error(text) => match code(text) {
            b"NOAUTH" | b"NOPERM" => Ok(()),
            // Before 2.8 the refusal had no code of its own.
            _ if text.starts_with(b"ERR operation not permitted") => Ok(()),
            _ => Err(refused(what, text)),
        },
        other => Err(not_understood(what, other)),
    }
}

fn check_auth(answer: &Answer) -> Result<(), HandshakeError> {
    let what = Request::Auth.name();
    match answer {
        Answer::Status(_) => Ok(()),
        Answer::Error(text) if matches!(code(text), b"WRONGPASS" | b"ERR") => {
            Err(HandshakeError::Password { text: shown(text) })
        }
        Answer::Error(text) => Err(refused(what, text)),
        other => Err(not_understood(what, other)),
    }
}

/// What an error comes to that ends the handshake.
fn refused(what: &'static str, text: &[u8]) -> HandshakeError {
    let shown = shown(text);
    match code(text) {
        b"NOAUTH" => HandshakeError::PasswordNeeded { what, text: shown },
        b"NOPERM" => HandshakeError::Forbidden { what, text: shown },
        _ => HandshakeError::Refused { what, text: shown },
    }
}

fn not_understood(what: &'static str, answer: &Answer) -> HandshakeError {
    let shown = match answer {
        Answer::Status(text) => format!("+{}", shown(text)),
        Answer::Error(text) => format!("-{}", shown(text)),
        Answer::Integer(number) => format!(":{number}"),
        Answer::Bulk(text) => shown(text),
        Answer::Null => "(nil)".to_owned(),
    };
    HandshakeError::Protocol { what, shown }
}

/// The first word of an error, by which kinds of errors are told apart.
fn code(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b' ').next().unwrap_or_default()
}

/// The beginning of a primary's words, fit for a line of the text log.
fn shown(text: &[u8]) -> String {
    let mut shown = text[..text.len().min(SHOWN_BYTES_MAX)].escape_ascii().to_string();
    if text.len() > SHOWN_BYTES_MAX {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
