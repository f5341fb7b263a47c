//! Connections between nodes, what is under way on them, and who cannot reach whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use backlogd::position::{Offset, Replid};
use backlogd::snapshot::Ancestor;

/// What an upstream sends.
#[derive(Debug)]
pub enum Message {
    /// `+CONTINUE`, with what it says of its past.
    Continue {
        /// The name from here on.
        replid: Replid,
        /// Nothing from a stock server.
        learned: Vec<Ancestor>,
    },
    /// `+FULLRESYNC`, with what it says of its past.
    Full {
        /// The name.
        replid: Replid,
        /// What the snapshot to come stands for.
        offset: Offset,
        /// Nothing from a stock server.
        learned: Vec<Ancestor>,
    },
    /// A part of the snapshot.
    Piece(Vec<u8>),
    /// The snapshot is whole.
    PiecesEnd,
    /// A stretch of the stream.
    Bytes {
        /// The name under which it is sent; the wire does not tell.
        name: Replid,
        /// Where it belongs.
        at: Offset,
        /// What it is.
        bytes: Vec<u8>,
    },
}

/// Whether an upstream still sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// It does.
    Attached,
    /// It has closed the connection; what is under way still arrives.
    Gone,
}

/// One replica's connection.
#[derive(Debug)]
pub struct Connection {
    /// Who sends.
    pub upstream: usize,
    /// Whether it still does.
    pub sender: Sender,
    /// What it sends next.
    pub cursor: Offset,
    /// What is under way.
    pub queue: VecDeque<Message>,
}

/// All connections, by replica.
#[derive(Debug, Default)]
pub struct Network {
    /// One at most for each replica.
    pub connections: BTreeMap<usize, Connection>,
    cut: BTreeSet<(usize, usize)>,
}

impl Network {
    /// Whether two nodes reach each other.
    pub fn reaches(&self, a: usize, b: usize) -> bool {
        !self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// Parts two nodes, or brings them together again.
    pub fn toggle(&mut self, a: usize, b: usize) {
        let pair = (a.min(b), a.max(b));
        if !self.cut.remove(&pair) {
            self.cut.insert(pair);
        }
    }

    /// Brings all together.
    pub fn heal(&mut self) {
        self.cut.clear();
    }

    /// An upstream closes the connections of its replicas.
    pub fn drop_replicas_of(&mut self, upstream: usize) {
        for connection in self.connections.values_mut() {
            if connection.upstream == upstream {
                connection.sender = Sender::Gone;
            }
        }
    }

    /// How far the attached replicas of a node have got.
    pub fn cursors(&self, upstream: usize) -> impl Iterator<Item = Offset> + '_ {
        let attached = move |connection: &&Connection| {
            connection.upstream == upstream && connection.sender == Sender::Attached
        };
        self.connections.values().filter(attached).map(|connection| connection.cursor)
    }
}
