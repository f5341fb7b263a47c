//! Clients that write until the server is gone, and know what they were promised to be kept.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use backlogd::net::wire::put_command;

use super::random::Random;
use super::{Client, Value, await_until};

/// How many clients write at the same time.
const WRITERS: usize = 8;
/// Over how many keys each of them goes.
const KEYS: u64 = 40;
/// The most writes of one pipeline.
const PIPELINE_MAX: usize = 40;
/// After how many of a hundred pipelines a client asks for them to be made durable, if it asks at all.
const WAITAOF_PERCENT: usize = 30;

/// What tells a client that a write will be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// That it was replied to.
    Reply,
    /// That a `WAITAOF` after it was.
    Waitaof,
}

/// What one client knows of its writes. It numbers them; each sets one of its keys to the number,
/// and then counts it.
#[derive(Clone, Copy, Debug)]
pub struct Journal {
    writer: usize,
    promise: Promise,
    /// The last write that is promised to be kept.
    kept: u64,
    /// The last write whose count was acknowledged.
    acknowledged: u64,
    /// The last write that was sent.
    sent: u64,
    /// Whether a write was refused, which ends the load of this client.
    is_refused: bool,
}

/// Begins a journal for each client.
pub fn journals(promise: Promise) -> Vec<Journal> {
    let begin =
        |writer| Journal { writer, promise, kept: 0, acknowledged: 0, sent: 0, is_refused: false };
    (0..WRITERS).map(begin).collect()
}

/// Compares all with what is there after a restart, and goes on from that.
pub fn check(journals: &mut [Journal], client: &mut Client) {
    for journal in journals {
        journal.check(client);
    }
}

/// Waits until no key is left that expires, so that a server is quiet after a load.
pub fn await_faded(client: &mut Client) {
    await_until("what fades has faded", || client.info("keyspace", "db0").contains("expires=0,"));
}

impl Journal {
    fn key(&self, number: u64) -> String {
        format!("key:{}:{}", self.writer, number % KEYS)
    }

    fn counter(&self) -> String {
        format!("counter:{}", self.writer)
    }

    /// Tells whether a write of the last load was refused.
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Half of the clients make each write one transaction, so that both halves come or neither.
    fn is_transactional(&self) -> bool {
        self.writer.is_multiple_of(2)
    }

    /// How many replies a write has.
    fn replies(&self) -> usize {
        if self.is_transactional() { 6 } else { 4 }
    }

    fn encode(&self, number: u64, out: &mut Vec<u8>) {
        let (key, value) = (self.key(number), number.to_string());
        if self.is_transactional() {
            put_command(out, &["MULTI"]);
        }
        put_command(out, &["SET", &key, &value]);
        put_command(out, &["HSET", "shared", &self.counter(), &value]);
        put_command(out, &["SET", &format!("fading:{key}"), &value, "PX", "40"]);
        put_command(out, &["INCR", &self.counter()]);
        if self.is_transactional() {
            put_command(out, &["EXEC"]);
        }
    }

    /// Reads the replies of a write, and notes that it was acknowledged.
    fn confirm(&mut self, client: &mut Client) -> std::io::Result<()> {
        let mut last = Value::Null;
        for _ in 0..self.replies() {
            last = client.try_read()?.0;
        }
        let count = match &last {
            Value::Array(replies) => replies.last().expect("the replies of a transaction"),
            Value::Error(refusal) => {
                self.is_refused = true;
                return Err(std::io::Error::other(refusal.clone()));
            }
            other => other,
        };
        assert_eq!(count.integer() as u64, self.acknowledged + 1, "writer {}", self.writer);
        self.acknowledged += 1;
        if self.promise == Promise::Reply {
            self.kept = self.acknowledged;
        }
        Ok(())
    }

    /// Waits until all that was acknowledged is durable.
    fn secure(&mut self, client: &mut Client) -> std::io::Result<()> {
        let reply = client.try_call(&["WAITAOF", "1", "0", "0"])?;
        // It waits without end, but for a sync that has failed: then it says so.
        if reply.elements()[0].integer() == 1 {
            self.kept = self.acknowledged;
        }
        Ok(())
    }

    fn check(&mut self, client: &mut Client) {
        let found = match client.call(&["GET", &self.counter()]) {
            Value::Null => 0,
            text => text.text().parse().expect("a number"),
        };
        let (least, most, writer) = (self.kept, self.sent, self.writer);
        assert!(
            (least..=most).contains(&found),
            "writer {writer}: {least} were to be kept and {most} sent, but {found} are there"
        );
        for number in (found + 1).saturating_sub(KEYS).max(1)..=found {
            let value = client.call(&["GET", &self.key(number)]).text();
            // The write after the last one counted may be there by half.
            let ahead = (found + 1).to_string();
            let half = !self.is_transactional()
                && value == ahead
                && self.key(found + 1) == self.key(number);
            assert!(value == number.to_string() || half, "writer {writer}: {value} for {number}");
        }
        *self = Self { kept: found, acknowledged: found, sent: found, is_refused: false, ..*self };
    }
}

/// The load of one round: clients that write until the server is gone.
pub struct Load {
    writers: Vec<JoinHandle<Journal>>,
}

impl Load {
    /// Begins to write; says so on `moment` once `goal` writes are acknowledged.
    pub fn start(
        address: SocketAddr,
        journals: &[Journal],
        goal: u64,
        moment: &Sender<()>,
        seed: u64,
    ) -> Self {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let writers = journals.iter().map(|journal| {
            let (journal, moment) = (*journal, moment.clone());
            let acknowledged = Arc::clone(&acknowledged);
            std::thread::spawn(move || {
                let reached = || {
                    if acknowledged.fetch_add(1, Ordering::Relaxed) + 1 == goal {
                        // The round may be over for another reason.
                        let _ = moment.send(());
                    }
                };
                write_until_cut(address, journal, seed, reached)
            })
        });
        Self { writers: writers.collect() }
    }

    /// Waits until all have noticed that the server is gone.
    pub fn join(self) -> Vec<Journal> {
        self.writers
            .into_iter()
            .map(|writer| writer.join().expect("a writer does not panic"))
            .collect()
    }
}

fn write_until_cut(
    address: SocketAddr,
    mut journal: Journal,
    seed: u64,
    acknowledged: impl Fn(),
) -> Journal {
    let mut random = Random::new(seed ^ journal.writer as u64);
    let Ok(mut client) = Client::try_connect(address) else { return journal };
    loop {
        let count = 1 + random.below(PIPELINE_MAX);
        let mut pipeline = Vec::new();
        for _ in 0..count {
            journal.sent += 1;
            journal.encode(journal.sent, &mut pipeline);
        }
        if client.try_send(&pipeline).is_err() {
            return journal;
        }
        for _ in 0..count {
            if journal.confirm(&mut client).is_err() {
                return journal;
            }
            acknowledged();
        }
        let asks = journal.promise == Promise::Waitaof && random.chance(WAITAOF_PERCENT);
        if asks && journal.secure(&mut client).is_err() {
            return journal;
        }
    }
}
