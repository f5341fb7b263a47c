//! A relay that replicas reach their primary through: it can cut what passes it, and counts resyncs.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use super::Endpoint;

const FULL: &[u8] = b"+FULLRESYNC ";
const PARTIAL: &[u8] = b"+CONTINUE";

/// A relay in front of one server.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    has_ended: AtomicBool,
    full: AtomicU64,
    partial: AtomicU64,
    cuts: AtomicU64,
    traffic: Mutex<Traffic>,
    released: Condvar,
}

/// What happens when the server has sent so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Cut,
    Hold,
}

#[derive(Debug, Default)]
struct Traffic {
    is_closed: bool,
    /// How many more bytes the server may send, and what comes then; one after the other.
    limits: VecDeque<(u64, Then)>,
    is_holding: bool,
    sockets: Vec<TcpStream>,
}

impl Traffic {
    fn cut(&mut self) {
        for socket in self.sockets.drain(..) {
            // It may be closed already.
            drop(socket.shutdown(Shutdown::Both));
        }
    }
}

impl Relay {
    /// Opens a relay to a server.
    pub fn to(server: &impl Endpoint) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            target: server.address(),
            has_ended: AtomicBool::new(false),
            full: AtomicU64::new(0),
            partial: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            traffic: Mutex::default(),
            released: Condvar::new(),
        });
        let own = Arc::clone(&shared);
        let accepting = Some(std::thread::spawn(move || accept(&listener, &own)));
        Self { address, shared, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection now; new ones pass.
    pub fn cut(&self) {
        self.traffic(Traffic::cut);
    }

    /// Cuts every connection now, and lets none pass until it is opened.
    pub fn close(&self) {
        self.traffic(|traffic| {
            traffic.is_closed = true;
            traffic.cut();
        });
        self.shared.released.notify_all();
    }

    /// Lets connections pass again.
    pub fn open(&self) {
        self.traffic(|traffic| traffic.is_closed = false);
    }

    /// Cuts the connection that brings the last of so many more bytes of the server's, once; these are
    /// counted from the cut before it, if there is one to come.
    pub fn cut_after(&self, bytes: u64) {
        self.traffic(|traffic| traffic.limits.push_back((bytes, Then::Cut)));
    }

    /// Holds what the server sends back, behind so many more bytes, until it is released.
    pub fn hold_after(&self, bytes: u64) {
        self.traffic(|traffic| traffic.limits.push_back((bytes, Then::Hold)));
    }

    /// Lets pass what was held back.
    pub fn release(&self) {
        self.traffic(|traffic| {
            traffic.is_holding = false;
            traffic.limits.clear();
        });
        self.shared.released.notify_all();
    }

    /// Tells whether something is held back.
    pub fn is_holding(&self) -> bool {
        self.shared.traffic.lock().expect("nobody panics with it").is_holding
    }

    /// Tells how many cuts there were behind a number of bytes.
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// Tells how many full resyncs the server has begun.
    pub fn full(&self) -> u64 {
        self.shared.full.load(Ordering::SeqCst)
    }

    /// Tells how many partial resyncs the server has granted.
    pub fn partial(&self) -> u64 {
        self.shared.partial.load(Ordering::SeqCst)
    }

    fn traffic(&self, change: impl FnOnce(&mut Traffic)) {
        change(&mut self.shared.traffic.lock().expect("nobody panics with it"));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::SeqCst);
        self.close();
        // Wakes the one who accepts.
        drop(TcpStream::connect(self.address));
        let accepting = self.accepting.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(accepting.is_none_or(|ended| ended.is_ok()), "the relay has panicked");
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut passing = Vec::new();
    while let Ok((replica, _)) = listener.accept() {
        if shared.has_ended.load(Ordering::SeqCst) {
            break;
        }
        let mut traffic = shared.traffic.lock().expect("nobody panics with it");
        if traffic.is_closed {
            continue;
        }
        // A server that is down is a connection that ends at once.
        let Ok(server) = TcpStream::connect(shared.target) else { continue };
        let copy = |socket: &TcpStream| socket.try_clone().expect("a socket can be shared");
        traffic.sockets.extend([copy(&replica), copy(&server)]);
        drop(traffic);
        let (up, down) = ((copy(&replica), copy(&server)), (server, replica));
        let own = Arc::clone(shared);
        passing.push(std::thread::spawn(move || pass(up.0, up.1, |_| None)));
        passing.push(std::thread::spawn(move || {
            let mut watch = Watch::default();
            pass(down.0, down.1, |bytes| {
                watch.look(bytes, &own);
                allowed(bytes.len() as u64, &own)
            });
        }));
    }
    for thread in passing {
        thread.join().expect("what passes bytes does not panic");
    }
}

/// Waits until bytes may pass; tells how many of so many, if there is a cut behind them.
fn allowed(count: u64, shared: &Shared) -> Option<u64> {
    let mut traffic = shared.traffic.lock().expect("nobody panics with it");
    let (left, then) = traffic.limits.front_mut()?;
    if count < *left {
        *left -= count;
        return None;
    }
    let (left, then) = (*left, *then);
    traffic.limits.pop_front();
    if then == Then::Cut {
        shared.cuts.fetch_add(1, Ordering::SeqCst);
        return Some(left);
    }
    traffic.is_holding = true;
    let held = |traffic: &mut Traffic| traffic.is_holding && !traffic.is_closed;
    drop(shared.released.wait_while(traffic, held).expect("nobody panics with it"));
    None
}

/// Passes bytes on until either side ends, or fewer are allowed than came.
fn pass(mut from: TcpStream, mut to: TcpStream, mut allowed: impl FnMut(&[u8]) -> Option<u64>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer)
        && count > 0
    {
        let cut = allowed(&buffer[..count]);
        let passing = cut.map_or(count, |bytes| bytes as usize);
        if to.write_all(&buffer[..passing]).is_err() || cut.is_some() {
            break;
        }
    }
    for socket in [from, to] {
        // The other side may have closed it.
        drop(socket.shutdown(Shutdown::Both));
    }
}

/// Looks for the answer to `PSYNC` among what a server sends first.
#[derive(Default)]
struct Watch {
    seen: Vec<u8>,
    has_answered: bool,
}

impl Watch {
    fn look(&mut self, bytes: &[u8], shared: &Shared) {
        if self.has_answered {
            return;
        }
        self.seen.extend_from_slice(bytes);
        let begins = |line: &[u8], word: &[u8]| line.starts_with(word);
        let mut lines = self.seen.split_inclusive(|byte| *byte == b'\n');
        let counter = lines.find_map(|line| match line {
            line if begins(line, FULL) => Some(&shared.full),
            line if begins(line, PARTIAL) => Some(&shared.partial),
            _ => None,
        });
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::SeqCst);
            self.has_answered = true;
            self.seen = Vec::new();
        }
    }
}
