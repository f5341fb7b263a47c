//! What passes between a replica and its upstream: the question, the answer, the stream.

use std::collections::VecDeque;

use backlogd::position::Offset;
use backlogd::replication::lineage::Verdict;
use backlogd::snapshot::{Ancestor, FeedsSeen, RunState};

use super::following::{Link, Replicas};
use super::network::{Connection, Message, Sender};
use super::recovery;
use super::rules::{Stop, must};
use super::world::{Weather, World, short};

impl World {
    /// Asks the upstream to continue; tells whether the question could be asked.
    pub fn ask(&mut self, number: usize) -> Result<bool, Stop> {
        if self.network.connections.contains_key(&number) {
            return Ok(false);
        }
        let Some(upstream) = self.nodes[number].upstream() else { return Ok(false) };
        let is_adopting = matches!(self.nodes[number].link(), Some(Link::Adopting(_)));
        let is_there = self.nodes[upstream].life.as_ref().is_some_and(|life| life.log.is_some());
        if is_adopting || !is_there || upstream == number || !self.network.reaches(number, upstream)
        {
            return Ok(false);
        }
        let Some(life) = &mut self.nodes[number].life else { return Ok(false) };
        life.seal();
        let at = life.position();
        let Some((cursor, queue)) = self.answer(number, upstream)? else { return Ok(false) };
        self.nodes[number].set_link(Link::Asked);
        let sender = Sender::Attached;
        self.network.connections.insert(number, Connection { upstream, sender, cursor, queue });
        let kind = if cursor == at.offset { "asks" } else { "is told to begin anew" };
        self.tell(number, &format!("{kind} at {upstream} for {}", short(at.replid)));
        Ok(true)
    }

    /// What the upstream answers: where the stream will begin, and what comes before it.
    fn answer(
        &mut self,
        number: usize,
        upstream: usize,
    ) -> Result<Option<(Offset, VecDeque<Message>)>, Stop> {
        let learned = self.learned(upstream);
        let (Some(asker), Some(life)) = (&self.nodes[number].life, &self.nodes[upstream].life)
        else {
            return Ok(None);
        };
        let Some((log, _)) = &life.log else { return Ok(None) };
        let at = asker.position();
        let replid = life.lineage.current();
        let verdict = life.lineage.continues(at, life.sealed());
        if matches!(verdict, Verdict::Continues(_)) && at.offset >= log.sound_from() {
            let held = life.data.get(..at.offset.0 as usize);
            must(held == asker.data.get(..at.offset.0 as usize), || {
                format!("node {number} continues on node {upstream} with other bytes below it")
            })?;
            self.resyncs.partial += 1;
            return Ok(Some((at.offset, [Message::Continue { replid, learned }].into())));
        }
        let is_stranger = !self.joined.contains(&number) || at.offset < life.manifest.log.first;
        must(self.weather == Weather::Wild || is_stranger, || {
            format!(
                "node {number} has the history of node {upstream} and is resynchronised in full at \
                 {}: {verdict:?}",
                at.offset
            )
        })?;
        let manifest = &life.manifest;
        let image = self.nodes[upstream].files.named_snapshot(manifest);
        let (Some(meta), Some(image)) = (&manifest.snapshot, image) else {
            self.nodes[upstream].cut_snapshot();
            return Ok(None);
        };
        let offset = meta.offset;
        let mut queue = VecDeque::from([Message::Full { replid, offset, learned }]);
        let piece = image.len() / 2 + 1;
        queue.extend(image.chunks(piece).map(|piece| Message::Piece(piece.to_vec())));
        queue.push_back(Message::PiecesEnd);
        self.resyncs.full += 1;
        Ok(Some((offset, queue)))
    }

    /// What an upstream says of its past: all of it, or as much as a stock server.
    fn learned(&mut self, upstream: usize) -> Vec<Ancestor> {
        let Some(life) = &self.nodes[upstream].life else { return Vec::new() };
        let past = life.lineage.past();
        match self.random.below(8) {
            0 if self.weather == Weather::Wild => Vec::new(),
            1 if self.weather == Weather::Wild => past.iter().take(1).copied().collect(),
            _ => past.to_vec(),
        }
    }

    /// Sends a replica what may be sent; tells whether there was anything.
    pub fn feed(&mut self, number: usize) -> Result<bool, Stop> {
        let max = 1 + self.random.below(200);
        let Some(connection) = self.network.connections.get(&number) else { return Ok(false) };
        let upstream = connection.upstream;
        if connection.sender == Sender::Gone || !self.network.reaches(number, upstream) {
            return Ok(false);
        }
        let Some(connection) = self.network.connections.get_mut(&number) else { return Ok(false) };
        let Some(life) = &self.nodes[upstream].life else { return Ok(false) };
        let Some((log, _)) = &life.log else { return Ok(false) };
        if connection.cursor < log.first() {
            connection.sender = Sender::Gone;
            self.tell(upstream, &format!("drops node {number}, which fell behind"));
            return Ok(true);
        }
        let limit = life.limit();
        let to = connection.cursor.advanced(max as u64).min(limit);
        if to <= connection.cursor {
            return Ok(false);
        }
        let at = connection.cursor;
        let bytes = recovery::read(log, at, to)?;
        connection.queue.push_back(Message::Bytes { name: life.lineage.current(), at, bytes });
        connection.cursor = to;
        let recorded = self.nodes[upstream].files.manifest().run;
        let may_lose = matches!(recorded, RunState::Running { feeds: FeedsSeen::Sealed, .. });
        self.rules.hold(to <= life.durable() || may_lose, || {
            format!("node {upstream} sends {to} bytes, can lose some, and has not recorded it")
        })?;
        self.tell(upstream, &format!("feeds node {number} up to {to}"));
        Ok(true)
    }

    /// Lets a replica take what has arrived; tells whether anything had.
    pub fn deliver(&mut self, number: usize) -> Result<bool, Stop> {
        if matches!(self.nodes[number].link(), None | Some(Link::Adopting(_))) {
            return Ok(false);
        }
        let Some(connection) = self.network.connections.get_mut(&number) else { return Ok(false) };
        let upstream = connection.upstream;
        if connection.queue.is_empty() && connection.sender == Sender::Gone {
            self.disconnect(number);
            self.tell(number, "finds the connection closed");
            return Ok(true);
        }
        if !self.network.reaches(number, upstream) {
            return Ok(false);
        }
        let Some(connection) = self.network.connections.get_mut(&number) else { return Ok(false) };
        let Some(message) = connection.queue.pop_front() else { return Ok(false) };
        let what = describe(&message);
        let replicas = self.nodes[number].take(message, self.rules)?;
        self.heed(number, replicas);
        self.tell(number, &format!("takes {what}"));
        Ok(true)
    }

    /// Makes the next step of an adoption; tells whether there was one to make.
    pub fn adopt(&mut self, number: usize) -> Result<bool, Stop> {
        if !matches!(self.nodes[number].link(), Some(Link::Adopting(_))) {
            return Ok(false);
        }
        let replicas = self.nodes[number].adopt(self.rules)?;
        self.heed(number, replicas);
        self.joined.insert(number);
        self.tell(number, "adopts");
        Ok(true)
    }

    fn heed(&mut self, number: usize, replicas: Replicas) {
        if replicas == Replicas::Drop {
            self.network.drop_replicas_of(number);
        }
    }

    /// Ends a replica's connection, from its side.
    pub fn disconnect(&mut self, number: usize) {
        self.network.connections.remove(&number);
        self.nodes[number].lose_link();
    }
}

fn describe(message: &Message) -> String {
    match message {
        Message::Continue { replid, learned } => {
            format!("CONTINUE {} and {} names of old", short(*replid), learned.len())
        }
        Message::Full { replid, offset, .. } => format!("FULLRESYNC {} {offset}", short(*replid)),
        Message::Piece(bytes) => format!("{} bytes of snapshot", bytes.len()),
        Message::PiecesEnd => "the end of the snapshot".to_owned(),
        Message::Bytes { at, bytes, .. } => format!("{} bytes from {at}", bytes.len()),
    }
}
