//! Arbitrary bytes are an RDB file or an error; what was read is written and read again alike.

use backlogd::snapshot::rdb::{Decoder, Encoder, Item, Limits, Options, Value};

const LIMITS: Limits = Limits { string_bytes_max: 1 << 16, value_bytes_max: 1 << 18 };

/// Copies all items up to the end or the first error into a new file; tells how many there were.
fn copy(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut decoder = Decoder::new(bytes, LIMITS).ok()?;
    let mut encoder = Encoder::new(Vec::new(), Options::default()).expect("memory takes all");
    let mut count = 0;
    loop {
        let copied = match decoder.next_item() {
            Ok(Item::Aux { key, value }) => encoder.aux(key, value),
            Ok(Item::SelectDb(db)) => encoder.select_db(db),
            Ok(Item::ResizeDb { keys, expires }) => encoder.resize_db(keys, expires),
            Ok(Item::ModuleAux { .. }) => continue,
            Ok(Item::Entry(entry)) => match entry.value {
                Value::String(value) => encoder.string(entry.key, entry.expiry_ms, value),
                Value::Hash(pairs) => encoder.hash(entry.key, entry.expiry_ms, pairs.iter()),
            },
            Ok(Item::Eof { .. }) | Err(_) => break,
        };
        copied.expect("memory takes all");
        count += 1;
    }
    assert!(decoder.consumed() <= bytes.len() as u64);
    Some((encoder.finish().expect("memory takes all").0, count))
}

/// What holds for any bytes.
pub fn check(bytes: &[u8]) {
    let Some((first, count)) = copy(bytes) else { return };
    assert_eq!(copy(&first), Some((first.clone(), count)));
}
