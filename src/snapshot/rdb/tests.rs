//! Tests of encoder and decoder against each other and against hand-made files.

use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::position::{Offset, Position, Replid};

mod streams;
mod values;

/// An item that owns its parts.
#[derive(Clone, Debug, PartialEq)]
enum Owned {
    Aux(Vec<u8>, Vec<u8>),
    Function(Vec<u8>),
    SelectDb(u64),
    ResizeDb(u64, u64),
    String(Vec<u8>, Option<i64>, Vec<u8>),
    List(Vec<u8>, Option<i64>, Vec<Vec<u8>>),
    Set(Vec<u8>, Option<i64>, Vec<Vec<u8>>),
    SortedSet(Vec<u8>, Option<i64>, Vec<(Vec<u8>, f64)>),
    Hash(Vec<u8>, Option<i64>, Vec<(Vec<u8>, Vec<u8>)>),
}

fn decode_all(reader: impl Read) -> Result<(Vec<Owned>, u64), DecodeError> {
    decode_within(reader, Limits::default())
}

fn decode_within(reader: impl Read, limits: Limits) -> Result<(Vec<Owned>, u64), DecodeError> {
    let mut decoder = Decoder::new(reader, limits)?;
    let mut items = Vec::new();
    while let Some(item) = owned(&decoder.next_item()?) {
        items.push(item);
    }
    let Ok(Item::Eof { checksum }) = decoder.next_item() else { panic!("the end stays the end") };
    Ok((items, checksum))
}

/// Decodes as loading does: the file is cut into entries, and runs of these are decoded.
fn decode_by_runs(reader: impl Read, limits: Limits) -> Result<(Vec<Owned>, u64), DecodeError> {
    let mut decoder = Decoder::new(reader, limits)?;
    let mut run = Run::new(decoder.version(), limits);
    let mut items = Vec::new();
    loop {
        let other = match decoder.next_raw() {
            Ok(RawItem::Entry(raw)) => {
                run.push(&raw, 0);
                continue;
            }
            Ok(RawItem::Other(Item::Eof { checksum })) => Ok((None, checksum)),
            Ok(RawItem::Other(item)) => Ok((owned(&item), 0)),
            Err(error) => Err(error),
        };
        // What was cut before an error is still whole.
        run.take(0).decode(
            &mut items,
            |_, _| (),
            |items, entry| {
                items.extend(owned(&Item::Entry(*entry)));
                Ok(())
            },
        )?;
        match other? {
            (Some(item), _) => items.push(item),
            (None, checksum) => return Ok((items, checksum)),
        }
    }
}

/// Copies an item; none at the end.
fn owned(item: &Item<'_>) -> Option<Owned> {
    Some(match item {
        Item::Aux { key, value } => Owned::Aux(key.to_vec(), value.to_vec()),
        Item::Function(source) => Owned::Function(source.to_vec()),
        Item::SelectDb(db) => Owned::SelectDb(*db),
        Item::ResizeDb { keys, expires } => Owned::ResizeDb(*keys, *expires),
        Item::Entry(entry) => owned_entry(entry),
        Item::Eof { .. } => return None,
    })
}

fn owned_entry(Entry { key, expiry_ms, value, .. }: &Entry<'_>) -> Owned {
    let (key, expiry) = (key.to_vec(), *expiry_ms);
    let all = |strings: &Strings<'_>| strings.iter().map(<[u8]>::to_vec).collect();
    match value {
        Value::String(value) => Owned::String(key, expiry, value.to_vec()),
        Value::List(elements) => Owned::List(key, expiry, all(elements)),
        Value::Set(members) => Owned::Set(key, expiry, all(members)),
        Value::SortedSet(members) => {
            let members = members.iter().map(|(member, score)| (member.to_vec(), score));
            Owned::SortedSet(key, expiry, members.collect())
        }
        Value::Hash(pairs) => {
            let pairs = pairs.iter().map(|(f, v)| (f.to_vec(), v.to_vec()));
            Owned::Hash(key, expiry, pairs.collect())
        }
        Value::Stream(_) => panic!("no stream is written here"),
    }
}

fn encode(items: &[Owned], options: Options) -> (Vec<u8>, Finished) {
    let mut encoder = Encoder::new(Vec::new(), options).unwrap();
    for item in items {
        match item {
            Owned::Aux(key, value) => encoder.aux(key, value),
            Owned::Function(source) => encoder.function(source),
            Owned::SelectDb(db) => encoder.select_db(*db),
            Owned::ResizeDb(keys, expires) => encoder.resize_db(*keys, *expires),
            Owned::String(key, expiry, value) => encoder.string(key, *expiry, value),
            Owned::Hash(key, expiry, pairs) => {
                encoder.hash(key, *expiry, pairs.iter().map(|(f, v)| (f, v)))
            }
            Owned::List(key, expiry, elements) => encoder.list(key, *expiry, elements.iter()),
            Owned::Set(key, expiry, members) => encoder.set(key, *expiry, members.iter()),
            Owned::SortedSet(key, expiry, members) => {
                encoder.sorted_set(key, *expiry, members.iter().map(|(m, s)| (m, *s)))
            }
        }
        .unwrap();
    }
    let bytes = encoder.bytes();
    let (file, finished) = encoder.finish().unwrap();
    assert_eq!(finished.bytes, file.len() as u64);
    assert_eq!(finished.bytes, bytes + 9);
    (file, finished)
}

/// A file of `body` with any version and without a checksum.
fn file(version: &str, body: &[u8]) -> Vec<u8> {
    [b"REDIS", version.as_bytes(), body, &[0xff, 0, 0, 0, 0, 0, 0, 0, 0]].concat()
}

/// Hands out one byte a call, as the worst of networks would.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
        buffer[0] = *first;
        self.0 = rest;
        Ok(1)
    }
}

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

#[test]
fn golden_bytes_of_a_small_file() {
    let items = [
        Owned::Function(text("#!lua")),
        Owned::SelectDb(3),
        Owned::ResizeDb(2, 1),
        Owned::String(text("k"), Some(1), text("-300")),
        Owned::Hash(text("12"), None, vec![(text("f"), text("v"))]),
    ];
    let (bytes, finished) = encode(&items, Options::default());
    let mut expected = b"REDIS0010\xf5\x05#!lua\xfe\x03\xfb\x02\x01".to_vec();
    expected.extend(b"\xfc\x01\0\0\0\0\0\0\0\x00\x01k\xc1\xd4\xfe");
    expected.extend(b"\x10\xc0\x0c\x0d\x0d\0\0\0\x02\0\x81f\x02\x81v\x02\xff\xff");
    let checksum = crc64(0, &expected);
    expected.extend(checksum.to_le_bytes());
    assert_eq!(bytes, expected);
    assert_eq!(finished.checksum, checksum);
}

#[test]
fn the_preamble_tells_position_and_database() {
    let mut encoder = Encoder::new(Vec::new(), Options::default()).unwrap();
    let replid = Replid::from_bytes([0xab; 20]);
    let preamble = Preamble {
        redis_version: "7.2.5",
        created_seconds: 1_700_000_000,
        used_memory_bytes: 1 << 40,
        position: Position { replid, offset: Offset(u64::from(u32::MAX) + 1) },
        stream_db: 9,
    };
    encoder.preamble(&preamble).unwrap();
    let (file, _) = encoder.finish().unwrap();
    let (items, _) = decode_all(&file[..]).unwrap();
    let aux = |key: &str, value: &str| Owned::Aux(text(key), text(value));
    assert_eq!(
        items,
        [
            aux("redis-ver", "7.2.5"),
            aux("redis-bits", "64"),
            aux("ctime", "1700000000"),
            aux("used-mem", "1099511627776"),
            aux("repl-stream-db", "9"),
            aux("repl-id", &"ab".repeat(20)),
            aux("repl-offset", "4294967296"),
            aux("aof-base", "0"),
        ]
    );
}

#[test]
fn small_and_large_strings_take_every_length_and_integer_encoding() {
    let mut items = vec![Owned::SelectDb(u64::MAX)];
    for len in [0, 1, 63, 64, 16_383, 16_384, 300_000, 3_000_000] {
        let noise: Vec<u8> =
            (0..len).map(|n: u32| (n.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
        items.push(Owned::String(noise.clone(), None, b"x".repeat(len as usize)));
        items.push(Owned::String(text("noise"), Some(i64::MIN), noise));
    }
    for n in [0, -1, 127, 128, -128, -129, 32_767, 32_768, -32_769, i64::from(i32::MAX)] {
        for n in [n, n + 1, n * 100_000] {
            items.push(Owned::String(
                n.to_string().into_bytes(),
                Some(n),
                n.to_string().into_bytes(),
            ));
        }
    }
    for compression in [Compression::Lzf, Compression::None] {
        let (file, finished) = encode(&items, Options { compression, ..Options::default() });
        assert_eq!(decode_all(&file[..]).unwrap(), (items.clone(), finished.checksum));
    }
}

#[test]
fn a_string_in_pieces_is_read_as_one() {
    let even = vec![7; 300_000];
    let mut state = 1u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let uneven: Vec<u8> = (0..1_500_000).map(|_| next()).collect();
    for compression in [Compression::Lzf, Compression::None] {
        let options = Options { compression, ..Options::default() };
        for bytes in [&even, &uneven] {
            let mut encoder = Encoder::new(Vec::new(), options).unwrap();
            let pieces = bytes.chunks(100_000);
            encoder.string_in_pieces(b"key", Some(5), bytes.len(), pieces).unwrap();
            let (written, _) = encoder.finish().unwrap();
            let is_smaller = written.len() < bytes.len();
            assert_eq!(is_smaller, compression == Compression::Lzf && bytes == &even);
            let expected = Owned::String(b"key".to_vec(), Some(5), bytes.clone());
            assert!(decode_all(&written[..]).unwrap().0 == [expected], "{compression:?}");
        }
    }
}

#[test]
fn integers_given_as_integers_are_the_same_as_their_decimal_form() {
    for n in [0, -1, 300, i64::from(i32::MIN), i64::from(i32::MAX) + 1, i64::MIN, i64::MAX] {
        let mut encoder = Encoder::new(Vec::new(), Options::default()).unwrap();
        encoder.integer(b"k", None, n).unwrap();
        let (as_integer, _) = encoder.finish().unwrap();
        let as_text = encode(
            &[Owned::String(text("k"), None, n.to_string().into_bytes())],
            Options::default(),
        );
        assert_eq!(as_integer, as_text.0);
    }
}

#[test]
fn hashes_are_packed_by_the_thresholds_and_in_ziplists_before_version_10() {
    let hash = |fields: usize, value: usize| {
        let pairs = (0..fields).map(|n| (n.to_string().into_bytes(), b"v".repeat(value)));
        Owned::Hash(text("h"), None, pairs.collect())
    };
    let code = |item: &Owned, version: u32| {
        let items = [item.clone()];
        let (file, _) = encode(&items, Options { version, ..Options::default() });
        assert_eq!(decode_all(&file[..]).unwrap().0, items);
        file[9]
    };
    assert_eq!(code(&hash(512, 64), 10), format::TYPE_HASH_LISTPACK);
    assert_eq!(code(&hash(512, 64), 11), format::TYPE_HASH_LISTPACK);
    assert_eq!(code(&hash(513, 64), 10), format::TYPE_HASH);
    assert_eq!(code(&hash(1, 65), 10), format::TYPE_HASH);
    assert_eq!(code(&hash(512, 64), 9), format::TYPE_HASH_ZIPLIST);
    assert_eq!(code(&hash(513, 64), 9), format::TYPE_HASH);
    assert_eq!(code(&hash(100_000, 1), 10), format::TYPE_HASH);
    assert!(matches!(
        Encoder::new(Vec::new(), Options { version: 12, ..Options::default() }),
        Err(EncodeError::Version { version: 12 })
    ));
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let items = [
        Owned::SelectDb(0),
        Owned::String(text("key"), Some(77), b"compress me ".repeat(9)),
        Owned::Hash(text("h"), None, vec![(text("a"), text("1"))]),
    ];
    let (good, _) = encode(&items, Options::default());
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        // Which version it is does not matter to the contents; the checksum covers it all the same.
        decode_all(&bytes[..]).unwrap_err();
    }
    for end in 0..good.len() {
        let error = decode_all(&good[..end]).unwrap_err();
        assert!(matches!(error, DecodeError::Truncated { offset } if offset == end as u64));
    }
}

#[test]
fn without_a_checksum_nothing_is_compared_but_it_is_still_computed() {
    let items = [Owned::SelectDb(0), Owned::String(text("k"), None, text("v"))];
    let options = Options { checksum: Checksum::Omitted, ..Options::default() };
    let (mut file, finished) = encode(&items, options);
    assert_eq!(file[file.len() - 8..], [0; 8]);
    assert_eq!(decode_all(&file[..]).unwrap().1, finished.checksum);
    file[15] ^= 1;
    assert_ne!(decode_all(&file[..]).unwrap().1, finished.checksum);
}

#[test]
fn what_follows_the_file_is_given_back() {
    let (mut bytes, _) = encode(&[Owned::SelectDb(0)], Options::default());
    let len = bytes.len() as u64;
    bytes.extend(b"*1\r\n$4\r\nPING\r\n");
    let mut decoder = Decoder::new(&bytes[..], Limits::default()).unwrap();
    while !matches!(decoder.next_item().unwrap(), Item::Eof { .. }) {}
    assert_eq!((decoder.consumed(), decoder.version()), (len, 10));
    assert_eq!(decoder.into_parts().1, b"*1\r\n$4\r\nPING\r\n");
}

#[test]
fn idle_frequency_seconds_and_slots_belong_to_the_next_key() {
    let body = b"\xf4\x01\x02\x03\xfd\x0a\0\0\0\xf8\x40\x64\xf9\x05\x00\x01k\x01v\x00\x01l\x01w";
    let bytes = file("0011", body);
    let mut decoder = Decoder::new(&bytes[..], Limits::default()).unwrap();
    let Item::Entry(entry) = decoder.next_item().unwrap() else { panic!("the key comes first") };
    assert_eq!(entry.expiry_ms, Some(10_000));
    assert_eq!((entry.idle_seconds, entry.frequency), (Some(100), Some(5)));
    let Item::Entry(entry) = decoder.next_item().unwrap() else { panic!("then the other") };
    assert_eq!((entry.expiry_ms, entry.idle_seconds, entry.frequency), (None, None, None));
}

#[test]
fn what_a_module_keeps_is_refused_by_its_name() {
    let id = b"\x81\x45\xe2\x52\x38\xdf\x91\x2c\x03";
    let message = |version: &str, parts: &[&[u8]]| {
        decode_all(&file(version, &parts.concat())[..]).unwrap_err().to_string()
    };
    let data = message("0010", &[b"\xf7", id, b"\x02\x01\x05\x01x\x00\xfe\x01"]);
    let named =
        "the RDB file holds data of the module 'ReJSON-RL' at byte 9, which is not supported";
    assert!(data.starts_with(named) && data.contains("without the module"), "{data}");
    for code in [b"\x06", b"\x07"] {
        let value = message("0008", &[b"\xfe\x00", code, b"\x02k\xff", id, b"\x05\x01x\x00"]);
        let named =
            "key \"k\\xff\" at byte 11 of the RDB file is a value of the module 'ReJSON-RL'";
        assert!(value.starts_with(named) && value.contains("without the module"), "{value}");
    }
    let cut = decode_all(&b"REDIS0010\x07\x01k\x81\x45"[..]).unwrap_err();
    assert!(matches!(cut, DecodeError::Truncated { .. }), "{cut}");
}

#[test]
fn old_encodings_of_hashes_are_read() {
    let zipmap = b"\x01\x01f\x01\x00v\xff";
    let ziplist = b"\x10\0\0\0\x0d\0\0\0\x02\0\x00\x01f\x03\xf3\xff";
    for (code, packed, value) in [(9u8, &zipmap[..], "v"), (13, ziplist, "2")] {
        let body = [&[code, 1, b'h', packed.len() as u8], packed].concat();
        let (items, _) = decode_all(&file("0003", &body)[..body.len() + 10]).unwrap();
        assert_eq!(items, [Owned::Hash(text("h"), None, vec![(text("f"), text(value))])]);
    }
}

#[test]
fn what_cannot_be_held_is_named_with_key_and_place() {
    let message =
        |version: &str, body: &[u8]| decode_all(&file(version, body)[..]).unwrap_err().to_string();
    assert_eq!(
        message("0011", b"\xfe\x00\x19\x03q\x00\xff"),
        "key \"q\\x00\\xff\" at byte 11 of the RDB file (version 11) is a hash with field expiry (type \
         25), which is not supported, and nothing is left out. Remove the key where the file is from, \
         or move it to another server"
    );
    assert!(message("0010", b"\x08\x01h").contains("is a value of unknown type (type 8)"));
    assert_eq!(
        message("0010", b"\xf6\x01x"),
        "the RDB file holds a function library as release candidates of 7.0 wrote it at byte 9, which \
         is not supported"
    );
    assert!(
        message("0080", b"").starts_with("RDB version 80 is not supported: versions 1 to 11 are")
    );
    assert!(message("0012", b"").contains("copy its keys from there by commands"));
    assert!(message("0000", b"").contains("version 0"));
    assert!(matches!(decode_all(&b"*3\r\n$3\r\nSET"[..]), Err(DecodeError::Magic)));
}

#[test]
fn announced_sizes_reserve_nothing() {
    let huge = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let string = [&[0, 1, b'k'], &huge[..]].concat();
    let error = decode_all(&file("0010", &string)[..]).unwrap_err();
    assert!(matches!(error, DecodeError::TooLong { len: u64::MAX, .. }), "{error}");
    let hash = [&[4, 1, b'k'], &huge[..]].concat();
    decode_all(&file("0010", &hash)[..]).unwrap_err();
    // Within the limit, but the bytes do not come.
    let error = decode_all(&b"REDIS0010\x00\x01k\x80\x3f\xff\xff\xff"[..]).unwrap_err();
    assert!(matches!(error, DecodeError::Truncated { .. }));
    // Compressed: no three bytes stand for a gigabyte.
    let error =
        decode_all(&b"REDIS0010\x00\x01k\xc3\x03\x80\x3f\xff\xff\xff\0a\0"[..]).unwrap_err();
    assert!(matches!(error, DecodeError::Lzf { .. }), "{error}");
}

#[test]
fn a_hash_beyond_the_limit_is_refused() {
    let pairs = (0..200).map(|n: u32| (n.to_string().into_bytes(), vec![b'v'; 100]));
    let (file, _) = encode(&[Owned::Hash(text("h"), None, pairs.collect())], Options::default());
    let limits = Limits { value_bytes_max: 10_000, ..Limits::default() };
    let error = decode_within(&file[..], limits).unwrap_err();
    assert!(matches!(error, DecodeError::TooLong { what: "a value", max: 10_000, .. }));
}

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(0u8..3, 0..3000),
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        any::<i16>().prop_map(|n| n.to_string().into_bytes()),
    ]
}

fn any_item() -> impl Strategy<Value = Owned> {
    let expiry = any::<Option<i64>>();
    let pairs = prop::collection::vec((any_text(), any_text()), 1..40);
    prop_oneof![
        any::<u64>().prop_map(Owned::SelectDb),
        (any::<u64>(), any::<u64>()).prop_map(|(keys, expires)| Owned::ResizeDb(keys, expires)),
        (any_text(), any_text()).prop_map(|(key, value)| Owned::Aux(key, value)),
        any_text().prop_map(Owned::Function),
        (any_text(), expiry.clone(), any_text()).prop_map(|(k, e, v)| Owned::String(k, e, v)),
        (any_text(), expiry, pairs).prop_map(|(k, e, v)| Owned::Hash(k, e, v)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_items_round_trip(
        items in prop::collection::vec(any_item(), 0..12), version in 9u32..=11,
    ) {
        let (file, finished) = encode(&items, Options { version, ..Options::default() });
        prop_assert_eq!(decode_all(Trickle(&file)).unwrap(), (items.clone(), finished.checksum));
        for by_runs in [
            decode_by_runs(Trickle(&file), Limits::default()),
            decode_by_runs(&file[..], Limits::default()),
        ] {
            prop_assert_eq!(by_runs.unwrap(), (items.clone(), finished.checksum));
        }
    }

    #[test]
    fn arbitrary_bodies_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let limits = Limits { string_bytes_max: 1 << 16, value_bytes_max: 1 << 16 };
        let text = |decoded: Result<_, DecodeError>| decoded.map_err(|error| error.to_string());
        let file = file("0010", &body);
        let (runs, whole) =
            (text(decode_by_runs(&file[..], limits)), text(decode_within(&file[..], limits)));
        // What is wrong within a value is found later there than what is wrong behind it.
        prop_assert!(
            runs == whole || (runs.is_err() && whole.is_err()),
            "{runs:?} for {whole:?}"
        );
    }
}
