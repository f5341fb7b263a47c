//! Streams: entries in listpacks, what is counted of them, and groups with what is pending.
//!
//! ```text
//! packs, and each: 16 bytes of ID in a string · listpack in a string
//! length · last ID · [forms 2, 3: first ID · greatest ID removed · entries added]
//! groups, and each:
//!   name · last ID · [forms 2, 3: entries read]
//!   pending, and each: 16 bytes of ID · delivered ms i64 LE · deliveries
//!   consumers, and each:
//!     name · seen ms i64 LE · [form 3: active ms i64 LE] · pending, and each: 16 bytes of ID
//! ```
//!
//! An ID that is not said to be bytes is two lengths.

use std::collections::HashSet;
use std::io::{Read, Write};

use super::encode::{EncodeError, Encoder};
use super::format as rdb;
use super::source::{DecodeError, PackedError, Source};
use crate::listpack::entries::check;

/// The bytes of an ID, in whose order IDs are.
pub type IdBytes = [u8; 16];

/// Which of the three forms a stream has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// That of Redis 5.0 to 6.2.
    One,
    /// That of 7.0.
    Two,
    /// That of 7.2.
    Three,
}

/// What is said of the entries of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamFacts {
    /// How many entries there are.
    pub len: u64,
    /// The ID that was given last.
    pub last_id: IdBytes,
    /// More, where the form has it.
    pub counters: Option<StreamCounters>,
}

/// What newer forms say of the entries of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounters {
    /// The ID of the first entry.
    pub first_id: IdBytes,
    /// The greatest ID of an entry that was removed.
    pub max_deleted_id: IdBytes,
    /// How many entries were ever added.
    pub entries_added: u64,
}

/// A stream as a file has it; what it holds has been checked.
#[derive(Debug, Default)]
pub struct Stream {
    /// What is said of the entries.
    pub facts: StreamFacts,
    /// The groups.
    pub groups: Vec<StreamGroup>,
    packs: Vec<(IdBytes, std::ops::Range<usize>)>,
    bytes: Vec<u8>,
    /// What all of it takes, roughly.
    total: u64,
}

/// A group of consumers.
#[derive(Debug, Default)]
pub struct StreamGroup {
    /// Its name.
    pub name: Vec<u8>,
    /// The ID of the entry that was delivered last.
    pub last_id: IdBytes,
    /// How many entries were read, or -1; none where the form does not have it.
    pub entries_read: Option<i64>,
    /// What is pending, in the order of the IDs.
    pub pending: Vec<StreamPending>,
    /// Its consumers.
    pub consumers: Vec<StreamConsumer>,
}

/// An entry that is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPending {
    /// Its ID.
    pub id: IdBytes,
    /// When it was delivered, in Unix milliseconds.
    pub delivered_ms: i64,
    /// How often.
    pub deliveries: u64,
}

/// A consumer.
#[derive(Debug, Default)]
pub struct StreamConsumer {
    /// Its name.
    pub name: Vec<u8>,
    /// When it was heard of last, in Unix milliseconds.
    pub seen_ms: i64,
    /// When it was active last, or -1.
    pub active_ms: i64,
    /// The IDs that are pending for it.
    pub pending: Vec<IdBytes>,
}

impl Stream {
    /// Walks the packs of entries, each with the ID of its first one.
    pub fn packs(&self) -> impl ExactSizeIterator<Item = (IdBytes, &[u8])> {
        self.packs.iter().map(|(id, range)| (*id, &self.bytes[range.clone()]))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl StreamGroup {
    /// Finds what is pending by its ID.
    #[must_use]
    pub fn pending(&self, id: &IdBytes) -> Option<&StreamPending> {
        let found = self.pending.binary_search_by(|pending| pending.id.cmp(id));
        found.ok().map(|at| &self.pending[at])
    }
}

/// Reads a stream; `key` is named in errors.
pub(super) fn read<R: Read>(
    source: &mut Source<R>,
    stream: &mut Stream,
    form: Form,
    key: &[u8],
) -> Result<(), DecodeError> {
    let (mut name, mut entries) = (Vec::new(), 0_u64);
    for _ in 0..source.length()? {
        name.clear();
        source.string(&mut name)?;
        let id = IdBytes::try_from(&name[..])
            .map_err(|_| source.malformed("a stream's ID of another length"))?;
        let start = stream.bytes.len();
        source.string(&mut stream.bytes)?;
        let pack = &stream.bytes[start..];
        let live = check(pack).map_err(|error| DecodeError::Packed {
            key: key.to_vec(),
            offset: source.offset(),
            source: PackedError::Entries(error),
        })?;
        entries = entries.saturating_add(live);
        stream.packs.push((id, start..stream.bytes.len()));
        grow(source, &mut stream.total, pack_bytes(&stream.bytes[start..]))?;
    }
    stream.facts = read_facts(source, form)?;
    let mut ids: Vec<_> = stream.packs.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|two| two[0] == two[1]) {
        return Err(source.malformed("a stream with an ID twice"));
    }
    if stream.facts.len != entries {
        return Err(source.malformed("a stream that counts its entries wrongly"));
    }
    let mut names = HashSet::new();
    for _ in 0..source.length()? {
        let group = read_group(source, &mut stream.total, form)?;
        if !names.insert(group.name.clone()) {
            return Err(source.malformed("a stream with a group twice"));
        }
        stream.groups.push(group);
    }
    Ok(())
}

/// Passes over a stream, and looks at nothing but where it ends.
pub(super) fn skip<R: Read>(source: &mut Source<R>, form: Form) -> Result<(), DecodeError> {
    const ID: u64 = size_of::<IdBytes>() as u64;
    const TIME: u64 = size_of::<i64>() as u64;
    for _ in 0..source.length()? {
        source.skip_string()?;
        source.skip_string()?;
    }
    read_facts(source, form)?;
    for _ in 0..source.length()? {
        source.skip_string()?;
        read_id(source)?;
        if form >= Form::Two {
            source.length()?;
        }
        for _ in 0..source.length()? {
            source.skip(ID + TIME)?;
            source.length()?;
        }
        for _ in 0..source.length()? {
            source.skip_string()?;
            source.skip(if form >= Form::Three { 2 * TIME } else { TIME })?;
            for _ in 0..source.length()? {
                source.skip(ID)?;
            }
        }
    }
    Ok(())
}

fn read_facts<R: Read>(source: &mut Source<R>, form: Form) -> Result<StreamFacts, DecodeError> {
    let (len, last_id) = (source.length()?, read_id(source)?);
    let counters = match form {
        Form::One => None,
        Form::Two | Form::Three => Some(StreamCounters {
            first_id: read_id(source)?,
            max_deleted_id: read_id(source)?,
            entries_added: source.length()?,
        }),
    };
    Ok(StreamFacts { len, last_id, counters })
}

fn read_group<R: Read>(
    source: &mut Source<R>,
    total: &mut u64,
    form: Form,
) -> Result<StreamGroup, DecodeError> {
    let mut group = StreamGroup::default();
    source.string(&mut group.name)?;
    grow(source, total, group.name.len())?;
    group.last_id = read_id(source)?;
    if form >= Form::Two {
        group.entries_read = Some(source.length()? as i64);
    }
    for _ in 0..source.length()? {
        let id = source.array()?;
        let delivered_ms = i64::from_le_bytes(source.array()?);
        group.pending.push(StreamPending { id, delivered_ms, deliveries: source.length()? });
        grow(source, total, size_of::<StreamPending>())?;
    }
    group.pending.sort_unstable_by_key(|pending| pending.id);
    if group.pending.windows(2).any(|two| two[0].id == two[1].id) {
        return Err(source.malformed("a group that lists a pending entry twice"));
    }
    let (mut names, mut assigned) = (HashSet::new(), HashSet::new());
    for _ in 0..source.length()? {
        let consumer = read_consumer(source, total, form)?;
        for id in &consumer.pending {
            if group.pending(id).is_none() {
                return Err(source.malformed("a consumer with an entry that is not pending"));
            }
            if !assigned.insert(*id) {
                return Err(source.malformed("an entry that is pending for two consumers"));
            }
        }
        if !names.insert(consumer.name.clone()) {
            return Err(source.malformed("a group with a consumer twice"));
        }
        group.consumers.push(consumer);
    }
    if assigned.len() != group.pending.len() {
        return Err(source.malformed("an entry that is pending for no consumer"));
    }
    Ok(group)
}

fn read_consumer<R: Read>(
    source: &mut Source<R>,
    total: &mut u64,
    form: Form,
) -> Result<StreamConsumer, DecodeError> {
    let mut consumer = StreamConsumer::default();
    source.string(&mut consumer.name)?;
    consumer.seen_ms = i64::from_le_bytes(source.array()?);
    consumer.active_ms = match form {
        // That is what servers of that form take it for.
        Form::One | Form::Two => consumer.seen_ms,
        Form::Three => i64::from_le_bytes(source.array()?),
    };
    grow(source, total, consumer.name.len() + size_of::<StreamConsumer>())?;
    for _ in 0..source.length()? {
        consumer.pending.push(source.array()?);
        grow(source, total, size_of::<IdBytes>())?;
    }
    Ok(consumer)
}

fn read_id<R: Read>(source: &mut Source<R>) -> Result<IdBytes, DecodeError> {
    let (ms, seq) = (source.length()?, source.length()?);
    Ok((u128::from(ms) << 64 | u128::from(seq)).to_be_bytes())
}

fn pack_bytes(pack: &[u8]) -> usize {
    pack.len() + size_of::<IdBytes>()
}

/// Counts bytes that a value takes, up to the limit.
fn grow<R: Read>(source: &Source<R>, total: &mut u64, bytes: usize) -> Result<(), DecodeError> {
    *total += bytes as u64;
    let (len, max) = (*total, source.limits().value_bytes_max);
    if len <= max {
        return Ok(());
    }
    Err(DecodeError::TooLong { what: "a value", len, max, offset: source.offset() })
}

/// A consumer that is to be written, before what is pending for it.
#[derive(Clone, Copy, Debug)]
pub struct ConsumerHead<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// When it was heard of last, in Unix milliseconds.
    pub seen_ms: i64,
    /// When it was active last, or -1.
    pub active_ms: i64,
}

/// A group that is to be written, before what is pending in it.
#[derive(Clone, Copy, Debug)]
pub struct GroupHead<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The ID of the entry that was delivered last.
    pub last_id: IdBytes,
    /// How many entries were read, or -1.
    pub entries_read: i64,
}

impl<W: Write> Encoder<W> {
    /// Begins a stream, in the form of the file's version; so many groups follow.
    pub fn stream(
        &mut self,
        (key, expiry_ms): (&[u8], Option<i64>),
        facts: (&StreamFacts, &StreamCounters),
        packs: impl ExactSizeIterator<Item = (IdBytes, impl AsRef<[u8]>)>,
        groups: usize,
    ) -> Result<(), EncodeError> {
        let form = self.stream_form();
        let code = match form {
            Form::One => rdb::TYPE_STREAM,
            Form::Two => rdb::TYPE_STREAM_2,
            Form::Three => rdb::TYPE_STREAM_3,
        };
        self.begin_entry(code, key, expiry_ms)?;
        self.put_length(packs.len() as u64);
        for (id, pack) in packs {
            self.put_string(&id)?;
            self.put_string(pack.as_ref())?;
            self.spill()?;
        }
        let (StreamFacts { len, last_id, .. }, counters) = facts;
        self.put_length(*len);
        self.put_id(last_id);
        if form >= Form::Two {
            self.put_id(&counters.first_id);
            self.put_id(&counters.max_deleted_id);
            self.put_length(counters.entries_added);
        }
        self.put_length(groups as u64);
        self.spill()
    }

    /// Begins a group of a stream; so many consumers follow.
    pub fn stream_group(
        &mut self,
        head: &GroupHead<'_>,
        pending: impl ExactSizeIterator<Item = StreamPending>,
        consumers: usize,
    ) -> Result<(), EncodeError> {
        self.put_string(head.name)?;
        self.put_id(&head.last_id);
        if self.stream_form() >= Form::Two {
            self.put_length(head.entries_read as u64);
        }
        self.put_length(pending.len() as u64);
        for StreamPending { id, delivered_ms, deliveries } in pending {
            self.put_plain(&id);
            self.put_plain(&delivered_ms.to_le_bytes());
            self.put_length(deliveries);
            self.spill()?;
        }
        self.put_length(consumers as u64);
        self.spill()
    }

    /// Writes a consumer of a group, with the IDs of what is pending for it.
    pub fn stream_consumer(
        &mut self,
        head: &ConsumerHead<'_>,
        pending: impl ExactSizeIterator<Item = IdBytes>,
    ) -> Result<(), EncodeError> {
        self.put_string(head.name)?;
        self.put_plain(&head.seen_ms.to_le_bytes());
        if self.stream_form() >= Form::Three {
            self.put_plain(&head.active_ms.to_le_bytes());
        }
        self.put_length(pending.len() as u64);
        for id in pending {
            self.put_plain(&id);
            self.spill()?;
        }
        self.spill()
    }

    fn stream_form(&self) -> Form {
        match self.version() {
            rdb::VERSION_STREAM_3_MIN.. => Form::Three,
            rdb::VERSION_STREAM_2_MIN => Form::Two,
            _ => Form::One,
        }
    }

    fn put_id(&mut self, id: &IdBytes) {
        let both = u128::from_be_bytes(*id);
        self.put_length((both >> 64) as u64);
        self.put_length(both as u64);
    }
}
