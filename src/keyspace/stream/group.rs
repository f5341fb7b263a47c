//! Groups of consumers: how far they have read, and what was delivered and not acknowledged.

use std::sync::Arc;

use super::id::StreamId;
use crate::keyspace::large::{Held, OrderedMap};

/// The name of a group or of a consumer.
pub type Name = Arc<[u8]>;

/// A group of consumers, each entry being delivered to one of them.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The ID of the entry that was delivered last.
    pub last_id: StreamId,
    /// How many entries were ever read; none if that is not known.
    pub entries_read: Option<i64>,
    pub(super) pending: OrderedMap<StreamId, Pending>,
    pub(super) consumers: OrderedMap<Name, Consumer>,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it was delivered, in Unix milliseconds.
    pub delivered_ms: i64,
    /// How often it was delivered.
    pub deliveries: u64,
    /// To whom.
    pub consumer: Name,
}

/// A consumer of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// When it was heard of last, in Unix milliseconds.
    pub seen_ms: i64,
    /// When it got or claimed an entry last, in Unix milliseconds.
    pub active_ms: Option<i64>,
    pending: OrderedMap<StreamId, ()>,
}

impl Group {
    /// Makes a group that has read up to an ID.
    pub fn new(last_id: StreamId, entries_read: Option<i64>) -> Self {
        Self { last_id, entries_read, ..Self::default() }
    }

    /// Counts the entries that are pending.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// Finds an entry that is pending.
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// Walks the entries that are pending from an ID on, upward.
    pub fn pending_from(
        &self,
        id: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Pending)> + ExactSizeIterator {
        let from = self.pending.count_below(&id);
        self.pending.iter_between(from, self.pending.len()).map(|(id, pending)| (*id, pending))
    }

    /// Counts the consumers.
    pub fn consumers_count(&self) -> usize {
        self.consumers.len()
    }

    /// Walks the consumers with their names, in the order of these.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = (&[u8], &Consumer)> {
        self.consumers.iter().map(|(name, consumer)| (&**name, consumer))
    }

    /// Finds a consumer.
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(name)
    }

    /// Adds a consumer, unless there is one of this name; says whether there was none.
    pub fn add_consumer(&mut self, name: &[u8], seen_ms: i64) -> bool {
        let consumer = Consumer { seen_ms, active_ms: None, pending: OrderedMap::default() };
        let is_new = self.consumer(name).is_none();
        if is_new {
            self.consumers.insert(Arc::from(name), consumer);
        }
        is_new
    }

    /// Removes a consumer with what is pending for it; returns how much that was, and the consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<Consumer> {
        let consumer = self.consumers.remove(name)?;
        for id in consumer.pending() {
            self.pending.remove(&id);
        }
        Some(consumer)
    }

    /// Notes when a consumer was heard of.
    pub fn saw(&mut self, name: &[u8], at_ms: i64) {
        self.consumers.change(name, |consumer| consumer.seen_ms = at_ms);
    }

    /// Notes when a consumer got something, or claimed it.
    pub fn was_active(&mut self, name: &[u8], at_ms: i64) {
        self.consumers.change(name, |consumer| consumer.active_ms = Some(at_ms));
    }

    /// Notes that an entry is pending for a consumer, whoever it was pending for before.
    ///
    /// Says whether there is such a consumer.
    pub fn assign(&mut self, id: StreamId, name: &[u8], at_ms: i64, deliveries: u64) -> bool {
        let Some((consumer, _)) = self.consumers.get_pair(name) else { return false };
        let consumer = Arc::clone(consumer);
        if let Some(before) = self.pending.get(&id).filter(|p| p.consumer != consumer) {
            let before = Arc::clone(&before.consumer);
            self.consumers.change(&*before, |consumer| consumer.pending.remove(&id));
        }
        self.consumers.change(name, |consumer| consumer.pending.insert(id, ()));
        self.pending.insert(id, Pending { delivered_ms: at_ms, deliveries, consumer });
        true
    }

    /// Changes when and how often an entry was delivered; says whether it is pending.
    pub fn redeliver(&mut self, id: StreamId, at_ms: i64, deliveries: u64) -> bool {
        let change = |pending: &mut Pending| {
            pending.delivered_ms = at_ms;
            pending.deliveries = deliveries;
        };
        self.pending.change(&id, change).is_some()
    }

    /// Takes an entry off what is pending; says whether it was.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.consumers.change(&*pending.consumer, |consumer| consumer.pending.remove(&id));
        true
    }
}

impl Consumer {
    /// Counts the entries that are pending for it.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// Walks the entries that are pending for it, upward.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = StreamId> {
        self.pending.iter().map(|(id, ())| *id)
    }

    /// Walks the entries that are pending for it from an ID on, upward.
    pub fn pending_from(&self, id: StreamId) -> impl ExactSizeIterator<Item = StreamId> {
        let from = self.pending.count_below(&id);
        self.pending.iter_between(from, self.pending.len()).map(|(id, ())| *id)
    }
}

impl Held for Group {
    fn held_bytes(&self) -> usize {
        self.pending.memory_bytes() + self.consumers.memory_bytes()
    }
}

impl Held for Consumer {
    fn held_bytes(&self) -> usize {
        self.pending.memory_bytes()
    }
}

impl Held for Pending {
    fn held_bytes(&self) -> usize {
        0
    }
}

impl Held for () {
    fn held_bytes(&self) -> usize {
        0
    }
}

impl Held for Name {
    fn held_bytes(&self) -> usize {
        self.len() + 2 * size_of::<usize>()
    }
}
