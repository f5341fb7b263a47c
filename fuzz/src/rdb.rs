//! Arbitrary bytes are an RDB file or an error; what was read is written and read again alike.
//! Cut into entries that are decoded afterwards, as loading does it, they come to the same.

use backlogd::snapshot::rdb::{
    Decoder, EncodeError, Encoder, Entry, Item, Limits, Options, RawItem, Run, Value,
};

use super::streams;

const LIMITS: Limits = Limits { string_bytes_max: 1 << 16, value_bytes_max: 1 << 18 };
/// For what was written: packed, many small elements take more room than they did.
const WIDER: Limits = Limits { string_bytes_max: 1 << 20, value_bytes_max: 1 << 26 };

/// A file that takes what another one held, and how many items that was.
struct Copy {
    encoder: Encoder<Vec<u8>>,
    count: usize,
}

impl Copy {
    fn new() -> Self {
        let encoder = Encoder::new(Vec::new(), Options::default()).expect("memory takes all");
        Self { encoder, count: 0 }
    }

    /// Takes an item; tells whether it was not the last.
    fn take(&mut self, item: &Item<'_>) -> bool {
        let copied = match item {
            Item::Aux { key, value } => self.encoder.aux(key, value),
            Item::Function(source) => self.encoder.function(source),
            Item::SelectDb(db) => self.encoder.select_db(*db),
            Item::ResizeDb { keys, expires } => self.encoder.resize_db(*keys, *expires),
            // Which is not written; there is nothing in it.
            Item::Entry(entry) if entry.value.is_empty() => return true,
            Item::Entry(entry) => self.entry(entry),
            Item::Eof { .. } => return false,
        };
        copied.expect("memory takes all");
        self.count += 1;
        true
    }

    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), EncodeError> {
        match entry.value {
            Value::String(value) => self.encoder.string(entry.key, entry.expiry_ms, value),
            Value::List(elements) => self.encoder.list(entry.key, entry.expiry_ms, elements.iter()),
            Value::Set(members) => self.encoder.set(entry.key, entry.expiry_ms, members.iter()),
            Value::SortedSet(members) => {
                self.encoder.sorted_set(entry.key, entry.expiry_ms, members.iter())
            }
            Value::Hash(pairs) => self.encoder.hash(entry.key, entry.expiry_ms, pairs.iter()),
            Value::Stream(stream) => {
                streams::write(&mut self.encoder, (entry.key, entry.expiry_ms), stream)
            }
        }
    }

    fn finish(self) -> (Vec<u8>, usize) {
        (self.encoder.finish().expect("memory takes all").0, self.count)
    }
}

/// Copies all items up to the end or the first error into a new file; tells how many there were.
fn copy(bytes: &[u8], limits: Limits) -> Option<(Vec<u8>, usize)> {
    let mut decoder = Decoder::new(bytes, limits).ok()?;
    let mut copy = Copy::new();
    while let Ok(item) = decoder.next_item() {
        if !copy.take(&item) {
            break;
        }
    }
    assert!(decoder.consumed() <= bytes.len() as u64);
    Some(copy.finish())
}

/// As [`copy`], by runs.
fn copy_by_runs(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut decoder = Decoder::new(bytes, LIMITS).ok()?;
    let mut run = Run::new(decoder.version(), LIMITS);
    let mut copy = Copy::new();
    loop {
        let item = decoder.next_raw();
        if let Ok(RawItem::Entry(raw)) = item {
            run.push(&raw, 0);
            continue;
        }
        let done = run.take(0).decode(
            &mut copy,
            |_, _| (),
            |copy, entry| {
                copy.take(&Item::Entry(*entry));
                Ok(())
            },
        );
        match (done, item) {
            (Ok(()), Ok(RawItem::Other(item))) if copy.take(&item) => {}
            _ => break,
        }
    }
    Some(copy.finish())
}

/// What holds for any bytes.
pub fn check(bytes: &[u8]) {
    let copied = copy(bytes, LIMITS);
    assert_eq!(copy_by_runs(bytes), copied);
    let Some((first, count)) = copied else { return };
    assert_eq!(copy(&first, WIDER), Some((first.clone(), count)));
}
