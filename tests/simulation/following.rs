//! The replica's side: the answer to its question, the stream, and the adoption of a full resync.

use std::sync::Arc;

use backlogd::log::{Helpers, Log};
use backlogd::position::{Offset, Replid};
use backlogd::snapshot::{Ancestor, LogFiles, LogPlace, Role};

use super::network::Message;
use super::node::Node;
use super::recovery::options;
use super::rules::{Broken, Rules, Stop, must};

/// Whom a node follows, and how far it has got.
#[derive(Debug)]
pub struct Following {
    /// The node it follows.
    pub upstream: usize,
    /// How far.
    pub link: Link,
}

/// The states of the link to an upstream.
#[derive(Debug)]
pub enum Link {
    /// There is none.
    Down,
    /// The question is asked.
    Asked,
    /// A snapshot is coming.
    Receiving(Transfer),
    /// It is there, and takes the place of what was.
    Adopting(Adoption),
    /// The stream is coming.
    Online,
}

/// A full resync, as far as it has come.
#[derive(Debug)]
pub struct Transfer {
    replid: Replid,
    offset: Offset,
    learned: Vec<Ancestor>,
    image: Vec<u8>,
}

/// How far an adoption is; a crash may come between any two.
#[derive(Debug)]
pub enum Adoption {
    /// The whole snapshot is on the disk, and nothing is changed.
    Whole(Transfer),
    /// The manifest is switched: name, past, snapshot, and a log still to be created.
    Switched,
    /// The files of the old log are gone.
    Removed,
    /// The new log is there.
    Created,
}

/// What a step of a replica asks of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replicas {
    /// Those attached stay.
    Stay,
    /// They are dropped: they learn the new name when they ask again.
    Drop,
}

impl Following {
    /// Has the link still to make.
    pub fn begin(upstream: usize) -> Self {
        Self { upstream, link: Link::Down }
    }

    /// Whether the manifest is switched and the log not there yet.
    pub fn is_between_logs(&self) -> bool {
        matches!(
            self.link,
            Link::Adopting(Adoption::Switched | Adoption::Removed | Adoption::Created)
        )
    }
}

impl Node {
    /// Takes one message from its upstream.
    pub fn take(&mut self, message: Message, rules: Rules) -> Result<Replicas, Stop> {
        match message {
            Message::Continue { replid, learned } => {
                self.set_link(Link::Online);
                Ok(self.go_on_as(replid, &learned, rules))
            }
            Message::Full { replid, offset, learned } => {
                let transfer = Transfer { replid, offset, learned, image: Vec::new() };
                if rules.break_with(Broken::AdoptsEarly) {
                    self.switch(&transfer, rules);
                }
                self.set_link(Link::Receiving(transfer));
                Ok(Replicas::Stay)
            }
            Message::Piece(bytes) => {
                if let Some(Link::Receiving(transfer)) = self.link() {
                    transfer.image.extend(bytes);
                }
                Ok(Replicas::Stay)
            }
            Message::PiecesEnd => {
                if let Some(link) = self.link()
                    && let Link::Receiving(whole) = std::mem::replace(link, Link::Down)
                {
                    *link = Link::Adopting(Adoption::Whole(whole));
                }
                Ok(Replicas::Stay)
            }
            Message::Bytes { name, at, bytes } => {
                let number = self.machine.number;
                let Some(life) = &mut self.life else { return Ok(Replicas::Stay) };
                rules.hold(name == life.lineage.current(), || {
                    format!("node {number} takes bytes that were written under another name")
                })?;
                let end = life.data.len() as u64;
                must(at.0 == end, || {
                    format!("node {number} ends at {end} and is sent the bytes from {at}")
                })?;
                life.append(&bytes)?;
                Ok(Replicas::Stay)
            }
        }
    }

    /// Goes on under the name that the upstream told, before the first byte under it.
    fn go_on_as(&mut self, replid: Replid, learned: &[Ancestor], rules: Rules) -> Replicas {
        let Some(life) = &mut self.life else { return Replicas::Stay };
        let is_new = life.lineage.current() != replid;
        let end = life.sealed();
        life.lineage.follow(replid, end, learned);
        if let Some((_, writer)) = &mut life.log {
            writer.set_replid(replid);
        }
        if !rules.break_with(Broken::NameNotDurable) {
            self.record(|_| {});
        }
        if is_new && !rules.break_with(Broken::KeepsReplicas) {
            Replicas::Drop
        } else {
            Replicas::Stay
        }
    }

    /// Makes the next step of an adoption.
    pub fn adopt(&mut self, rules: Rules) -> Result<Replicas, Stop> {
        let Some(Link::Adopting(adoption)) = self.link() else { return Ok(Replicas::Stay) };
        match std::mem::replace(adoption, Adoption::Switched) {
            Adoption::Whole(transfer) => {
                self.switch(&transfer, rules);
                return Ok(Replicas::Drop);
            }
            Adoption::Switched => {
                Log::remove_all_in(&self.files.log).map_err(|_| Stop::Died)?;
                self.set_link(Link::Adopting(Adoption::Removed));
            }
            Adoption::Removed => {
                self.create_log()?;
                self.set_link(Link::Adopting(Adoption::Created));
            }
            Adoption::Created => {
                self.record(|manifest| manifest.log.files = LogFiles::Own);
                self.set_link(Link::Online);
            }
        }
        Ok(Replicas::Stay)
    }

    /// The one durable switch: from here on the data are those of the upstream.
    fn switch(&mut self, transfer: &Transfer, rules: Rules) {
        let Some(life) = &mut self.life else { return };
        let Transfer { replid, offset, .. } = *transfer;
        life.lineage.adopt(replid, &transfer.learned);
        life.data.clone_from(&transfer.image);
        (life.log, life.pending) = (None, None);
        let epoch = life.manifest.log.epoch + 1;
        let given_up = !rules.break_with(Broken::OldLogNotGivenUp);
        let files = if given_up { LogFiles::GivenUp } else { LogFiles::Own };
        self.switch_snapshot(offset, &Arc::new(transfer.image.clone()), |manifest| {
            manifest.role = Role::Replica;
            manifest.durable_floor = offset;
            manifest.log = LogPlace { epoch, first: offset, files };
        });
    }

    fn create_log(&mut self) -> Result<(), Stop> {
        let Some(life) = &mut self.life else { return Ok(()) };
        let options = options(&self.machine, life.lineage.current());
        let first = life.manifest.log.first;
        let storage = Arc::new(self.files.log.clone());
        let created = Log::create_in(storage, first, &options, Helpers::Inline);
        life.log = Some(created.map_err(|_| Stop::Died)?);
        Ok(())
    }

    /// The state of the link, if there is to be one.
    pub fn link(&mut self) -> Option<&mut Link> {
        Some(&mut self.life.as_mut()?.following.as_mut()?.link)
    }

    /// Changes the state of the link.
    pub fn set_link(&mut self, to: Link) {
        if let Some(link) = self.link() {
            *link = to;
        }
    }

    /// The connection has ended: what was half received is worth nothing.
    pub fn lose_link(&mut self) {
        if let Some(link) = self.link()
            && !matches!(link, Link::Adopting(_))
        {
            *link = Link::Down;
        }
    }
}
