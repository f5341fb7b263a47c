//! Replays the fuzz corpora of RDB decoder and manifest, so that what was once found stays found.

#![expect(clippy::unwrap_used, reason = "a failed test says where by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use backlogd::snapshot::Manifest;
use backlogd::snapshot::rdb::{DecodeError, Decoder, Item, Limits};

fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(&place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    let files = files.map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    });
    files.collect()
}

/// Counts the keys.
fn decode(bytes: &[u8]) -> Result<usize, DecodeError> {
    let limits = Limits { string_bytes_max: 1 << 16, value_bytes_max: 1 << 18 };
    let mut decoder = Decoder::new(bytes, limits)?;
    let mut keys = 0;
    loop {
        match decoder.next_item()? {
            Item::Entry(_) => keys += 1,
            Item::Eof { .. } => return Ok(keys),
            _ => {}
        }
    }
}

#[test]
fn rdb_seeds_are_read_or_refused_as_they_were_made_to_be() {
    let corpus = corpus("rdb");
    let keys = |name: &str| decode(&corpus[name]);
    assert_eq!(keys("strings").unwrap(), 3);
    assert_eq!(keys("lzf").unwrap(), 1);
    assert_eq!(keys("hashes").unwrap(), 4);
    assert_eq!(keys("attributes").unwrap(), 1);
    assert_eq!(keys("lengths").unwrap(), 1);
    assert_eq!(keys("old").unwrap(), 1);
    assert_eq!(keys("types").unwrap(), 8);
    assert_eq!(keys("types-listpack").unwrap(), 3);
    assert!(matches!(keys("unsupported"), Err(DecodeError::UnsupportedType { .. })));
    assert!(matches!(keys("module-data"), Err(DecodeError::ModuleData { .. })));
    assert!(matches!(keys("module-value"), Err(DecodeError::ModuleValue { .. })));
    assert_eq!(keys("function").unwrap(), 0);
    for bytes in corpus.values() {
        let _ = decode(bytes);
    }
}

#[test]
fn manifest_seeds_are_read_or_refused_as_they_were_made_to_be() {
    let corpus = corpus("manifest");
    let followed = &corpus["followed"];
    assert_eq!(Manifest::decode(followed).unwrap().encode(), *followed);
    // Those of version 2 say the same in other bytes.
    for name in ["running", "clean"] {
        let manifest = Manifest::decode(&corpus[name]).unwrap();
        assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest), "{name}");
    }
    Manifest::decode(&corpus["torn"]).unwrap_err();
    for bytes in corpus.values() {
        let _ = Manifest::decode(bytes);
    }
}
