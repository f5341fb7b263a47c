//! Tests of the values of all types, in every layout that there has been.

use super::*;

/// Reads the value that stands behind type byte `code`, in whole and by runs.
fn value_of(code: u8, body: &[u8]) -> Result<Owned, String> {
    let file = file("0011", &[&[code, 1, b'k'], body].concat());
    let [whole, by_runs] =
        [decode_all(&file[..]), decode_by_runs(Trickle(&file), Limits::default())]
            .map(|decoded| decoded.map(|(items, _)| items).map_err(|error| error.to_string()));
    assert_eq!(whole, by_runs);
    let mut items = whole?;
    assert_eq!(items.len(), 1);
    Ok(items.remove(0))
}

/// Puts the length of a string before it.
fn string(bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 64);
    [&[bytes.len() as u8], bytes].concat()
}

/// Reads hexadecimal digits.
fn bytes_of(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    let pairs = pairs.map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn list(elements: &[&str]) -> Owned {
    Owned::List(text("k"), None, elements.iter().map(|element| text(element)).collect())
}

fn set(members: &[&str]) -> Owned {
    Owned::Set(text("k"), None, members.iter().map(|member| text(member)).collect())
}

fn sorted_set(members: &[(&str, f64)]) -> Owned {
    let members = members.iter().map(|(member, score)| (text(member), *score));
    Owned::SortedSet(text("k"), None, members.collect())
}

fn hash(fields: &[(&str, &str)]) -> Owned {
    let fields = fields.iter().map(|(field, value)| (text(field), text(value)));
    Owned::Hash(text("k"), None, fields.collect())
}

/// `a`, `1`, `b`, `-2` as a ziplist.
const ZIPLIST: &[u8] = b"\x16\0\0\0\x12\0\0\0\x04\0\x00\x01a\x03\xf2\x02\x01b\x03\xfe\xfe\xff";
/// The same as a listpack.
const LISTPACK: &[u8] = b"\x12\0\0\0\x04\0\x81a\x02\x01\x01\x81b\x02\xdf\xfe\x02\xff";

/// Members of a sorted set that take every form a packed score has.
const SCORES: [(&str, f64); 12] = [
    ("c", f64::NEG_INFINITY),
    ("f", 0.0),
    ("h", 1e-7),
    ("j", 3e-5),
    ("b", 0.1),
    ("a", 1.5),
    ("g", 17.0),
    ("m", 9_007_199_254_740_992.0),
    ("l", 1e17),
    ("e", 1e20),
    ("i", 123_456_789_012_345_680_000.0),
    ("d", f64::INFINITY),
];
/// What 7.0 writes for them.
const ZSET_7_0: &str = "1140b7b70000001800816302842d696e6605816602000181680296392e3939393939393939393939\
         3939393935652d303817816a0296332e30303030303030303030303030303031652d303517816202\
         93302e31303030303030303030303030303030311481610283312e35048167021101816d02f40000\
         00000000200009816c02f400008a5d78456301098165028531652b32300681690296312e32333435\
         363738393031323334353638652b32301781640283696e6604ff";
/// What 7.2 writes for them.
const ZSET_7_2: &str = "114085850000001800816302842d696e660581660200018168028431652d3705816a0287302e3030\
         3030330881620283302e310481610283312e35048167021101816d02f4000000000000200009816c\
         02f400008a5d78456301098165028531652b32300681690295313233343536373839303132333435\
         3638303030301681640283696e6604ff";

#[test]
fn every_layout_of_every_type_is_read() {
    let strings = b"\x03\x01a\xc0\x07\xc3\x09\x20\x01zz\xe0\x13\x00\x01zz";
    let unpacked = ["a", "7", &"z".repeat(32)];
    assert_eq!(value_of(1, strings), Ok(list(&unpacked)));
    assert_eq!(value_of(2, strings), Ok(set(&unpacked)));
    let scores = b"\x03\x01a\x031.5\x01b\xfe\x01c\xff";
    let infinite = [("a", 1.5), ("b", f64::INFINITY), ("c", f64::NEG_INFINITY)];
    assert_eq!(value_of(3, scores), Ok(sorted_set(&infinite)));
    assert_eq!(value_of(4, b"\x01\x01f\x01v"), Ok(hash(&[("f", "v")])));
    let binary = b"\x02\x01a\0\0\0\0\0\0\xf8\x3f\xc0\x07\0\0\0\0\0\0\xf0\xff";
    assert_eq!(value_of(5, binary), Ok(sorted_set(&[("a", 1.5), ("7", f64::NEG_INFINITY)])));
    assert_eq!(value_of(9, &string(b"\x01\x01f\x01\x00v\xff")), Ok(hash(&[("f", "v")])));
    let intset = b"\x02\0\0\0\x02\0\0\0\xfe\xff\x07\0";
    assert_eq!(value_of(11, &string(intset)), Ok(set(&["-2", "7"])));
    for (list_code, zset_code, hash_code, packed) in [(10, 12, 13, ZIPLIST), (0, 17, 16, LISTPACK)]
    {
        if list_code != 0 {
            assert_eq!(value_of(list_code, &string(packed)), Ok(list(&["a", "1", "b", "-2"])));
        }
        let members = sorted_set(&[("a", 1.0), ("b", -2.0)]);
        assert_eq!(value_of(zset_code, &string(packed)), Ok(members));
        assert_eq!(value_of(hash_code, &string(packed)), Ok(hash(&[("a", "1"), ("b", "-2")])));
    }
    assert_eq!(value_of(20, &string(LISTPACK)), Ok(set(&["a", "1", "b", "-2"])));
    let twice = ["a", "1", "b", "-2", "a", "1", "b", "-2"];
    let ziplists = [&[2][..], &string(ZIPLIST), &string(ZIPLIST)].concat();
    assert_eq!(value_of(14, &ziplists), Ok(list(&twice)));
    let nodes = [&[3, 2][..], &string(LISTPACK), &[1, 1, b'p', 2], &string(LISTPACK)].concat();
    let with_plain = [&twice[..4], &["p"], &twice[4..]].concat();
    assert_eq!(value_of(18, &nodes), Ok(list(&with_plain)));
}

#[test]
fn what_stock_servers_write_is_read() {
    let read = |payload: &str| {
        let payload = bytes_of(payload);
        value_of(payload[0], &payload[1..]).unwrap()
    };
    // RPUSH k a b 1 -5000 "hello world", by 7.0
    let packed = "120102202000000005008161028162020101f178ec038b68656c6c6f20776f726c640cff";
    assert_eq!(read(packed), list(&["a", "b", "1", "-5000", "hello world"]));
    // SADD k 1 2 3 -70000, by 7.0
    let intset = "0b18040000000400000090eefeff010000000200000003000000";
    assert_eq!(read(intset), set(&["-70000", "1", "2", "3"]));
    // SADD k a 1 bcd, by 7.0 and by 7.2
    assert_eq!(read("020303626364c0010161"), set(&["bcd", "1", "a"]));
    assert_eq!(read("141111000000030081610201018362636404ff"), set(&["a", "1", "bcd"]));
    // ZADD k 1.5 a 0.1 b 2 c, by 7.0 with zset-max-listpack-entries 1
    let members = sorted_set(&[("c", 2.0), ("a", 1.5), ("b", 0.1)]);
    let binary = "0503016300000000000000400161000000000000f83f01629a9999999999b93f";
    assert_eq!(read(binary), members);
    // ZADD k -inf c -0.0 f 1e-7 h … by 7.0 and by 7.2
    let members = sorted_set(&SCORES);
    assert_eq!(read(ZSET_7_0), members);
    assert_eq!(read(ZSET_7_2), members);
}

#[test]
fn aggregates_without_elements_are_read_and_say_so() {
    let empty_ziplist = b"\x0b\0\0\0\x0a\0\0\0\0\0\xff";
    let empty_listpack = b"\x07\0\0\0\0\0\xff";
    let bodies: &[(u8, Vec<u8>)] = &[
        (1, vec![0]),
        (2, vec![0]),
        (3, vec![0]),
        (4, vec![0]),
        (5, vec![0]),
        (9, string(b"\0\xff")),
        (10, string(empty_ziplist)),
        (12, string(empty_ziplist)),
        (13, string(empty_ziplist)),
        (14, [&[1][..], &string(empty_ziplist)].concat()),
        (16, string(empty_listpack)),
        (17, string(empty_listpack)),
        (18, [&[1, 2][..], &string(empty_listpack)].concat()),
        (20, string(empty_listpack)),
    ];
    for (code, body) in bodies {
        let bytes = file("0011", &[&[*code, 1, b'k'], &body[..]].concat());
        let mut decoder = Decoder::new(&bytes[..], Limits::default()).unwrap();
        let Item::Entry(entry) = decoder.next_item().unwrap() else { panic!("an entry") };
        assert!(entry.value.is_empty(), "type {code}");
    }
    let bytes = file("0011", b"\0\x01k\0");
    let mut decoder = Decoder::new(&bytes[..], Limits::default()).unwrap();
    let Item::Entry(entry) = decoder.next_item().unwrap() else { panic!("an entry") };
    assert!(!entry.value.is_empty(), "a string is there though it is empty");
}

#[test]
fn damaged_values_are_refused_by_what_is_wrong() {
    let refused = |code: u8, body: &[u8], why: &str| {
        let error = value_of(code, body).unwrap_err();
        assert!(error.contains(why), "type {code}: {error}");
    };
    for scores in [&b"\x01\x01a\xfd"[..], b"\x01\x01a\x00", b"\x01\x01a\x03nan", b"\x01\x01a\x021x"]
    {
        refused(3, scores, "a score that is not a number");
    }
    refused(5, b"\x01\x01a\0\0\0\0\0\0\xf8\x7f", "a score that is not a number");
    let text_score = b"\x0d\0\0\0\x02\0\x81a\x02\x81x\x02\xff";
    refused(17, &string(text_score), "a score is not a number");
    let odd = b"\x0a\0\0\0\x01\0\x81a\x02\xff";
    refused(16, &string(odd), "the last field or member has no value");
    refused(17, &string(odd), "the last field or member has no value");
    refused(18, &[&[1, 3][..], &string(LISTPACK)].concat(), "a list's node of unknown kind");
    refused(18, &[&[1, 2][..], &string(ZIPLIST)].concat(), "a listpack");
    refused(14, &[&[1][..], &string(LISTPACK)].concat(), "a ziplist");
    refused(11, &string(b"\x02\0\0\0\x02\0\0\0\x07\0\x07\0"), "an intset is not in order");
    refused(11, &string(b"\x02\0\0\0\0\0\0\0"), "an intset's count");
    for code in [10, 12, 13] {
        refused(code, &string(&ZIPLIST[1..]), "a ziplist");
    }
    for code in [16, 17, 20] {
        refused(code, &string(&LISTPACK[1..]), "a listpack");
    }
}

#[test]
fn announced_counts_reserve_nothing_and_limits_hold_for_whole_values() {
    let huge = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for code in [1, 2, 3, 4, 5, 14, 18] {
        value_of(code, &huge).unwrap_err();
    }
    let limits = Limits { value_bytes_max: 40, ..Limits::default() };
    let nodes = [&[3, 2][..], &string(LISTPACK), &[2], &string(LISTPACK), &[2], &string(LISTPACK)];
    let bytes = file("0011", &[&[18, 1, b'k'][..], &nodes.concat()].concat());
    let error = decode_within(&bytes[..], limits).unwrap_err();
    assert!(matches!(error, DecodeError::TooLong { what: "a value", max: 40, .. }), "{error}");
}

/// Encodes one value, and returns what stands behind its key: the type byte and the value itself.
fn written(item: &Owned, options: Options) -> Vec<u8> {
    let (file, _) = encode(std::slice::from_ref(item), options);
    let (items, _) = decode_all(&file[..]).unwrap();
    assert_eq!(items, std::slice::from_ref(item));
    [&file[9..10], &file[12..file.len() - 9]].concat()
}

fn plain_options(version: u32) -> Options {
    Options { version, compression: Compression::None, ..Options::default() }
}

#[test]
fn small_values_are_written_as_stock_servers_write_them() {
    let few = list(&["a", "b", "1", "-5000", "hello world"]);
    let packed = "120102202000000005008161028162020101f178ec038b68656c6c6f20776f726c640cff";
    let integers = set(&["-70000", "1", "2", "3"]);
    let intset = "0b18040000000400000090eefeff010000000200000003000000";
    let hash = hash(&[("f", "1"), ("g", "xyz")]);
    let hash_listpack = "101414000000040081660201018167028378797a04ff";
    for version in [10, 11] {
        let options = plain_options(version);
        assert_eq!(written(&few, options), bytes_of(packed));
        assert_eq!(written(&integers, options), bytes_of(intset));
        assert_eq!(written(&hash, options), bytes_of(hash_listpack));
    }
    let strings = set(&["a", "1", "bcd"]);
    assert_eq!(written(&strings, plain_options(10)), b"\x02\x03\x01a\xc0\x01\x03bcd");
    let set_listpack = "141111000000030081610201018362636404ff";
    assert_eq!(written(&strings, plain_options(11)), bytes_of(set_listpack));
    let scores = sorted_set(&SCORES);
    assert_eq!(written(&scores, plain_options(10)), bytes_of(ZSET_7_0));
    assert_eq!(written(&scores, plain_options(11)), bytes_of(ZSET_7_2));
}

#[test]
fn version_9_is_written_in_ziplists() {
    let options = plain_options(9);
    let of = |code: u8, count: u8| {
        let nodes: &[u8] = if count > 0 { &[count] } else { &[] };
        [&[code], nodes, &string(ZIPLIST)].concat()
    };
    assert_eq!(written(&list(&["a", "1", "b", "-2"]), options), of(14, 1));
    let members = sorted_set(&[("a", 1.0), ("b", -2.0)]);
    assert_eq!(written(&members, options), of(12, 0));
    assert_eq!(written(&hash(&[("a", "1"), ("b", "-2")]), options), of(13, 0));
    let intset = written(&set(&["-2", "7"]), options);
    assert_eq!(intset, [&[11][..], &string(b"\x02\0\0\0\x02\0\0\0\xfe\xff\x07\0")].concat());
    assert_eq!(written(&set(&["x"]), options), b"\x02\x01\x01x");
}

#[test]
fn values_beyond_the_thresholds_are_written_one_by_one() {
    let small = Small { entries_max: 2, bytes_max: 3 };
    for version in 9..=11 {
        let options = Options {
            hashes: small,
            sets: small,
            sorted_sets: small,
            intset_members_max: 2,
            ..plain_options(version)
        };
        let code = |item: &Owned| written(item, options)[0];
        for (members, longest) in [(vec!["a", "b", "c"], 1), (vec!["long"], 4)] {
            let scored: Vec<_> = members.iter().map(|member| (*member, longest.into())).collect();
            let fields: Vec<_> = members.iter().map(|field| (*field, "v")).collect();
            assert_eq!(code(&set(&members)), format::TYPE_SET);
            assert_eq!(code(&sorted_set(&scored)), format::TYPE_ZSET_2);
            assert_eq!(code(&hash(&fields)), format::TYPE_HASH);
        }
        assert_eq!(code(&hash(&[("f", "long")])), format::TYPE_HASH);
        assert_eq!(code(&set(&["1", "2", "3"])), format::TYPE_SET);
        assert_eq!(code(&set(&["1", "2"])), format::TYPE_SET_INTSET);
        assert_eq!(code(&set(&["1", "02"])) == format::TYPE_SET_LISTPACK, version == 11);
    }
}

/// Of [`many_elements`]: `list-max-listpack-size`, and size and SHA-1 of what 7.0 writes.
const GOLDEN_LISTS: [(i64, usize, &str); 5] = [
    (-2, 40_020, "b7f9da4e5e74d6c479af73c727095d4d5b94b1fd"),
    (-1, 40_070, "6112c9dcd3e2277c4684ef8ce798261e8a7fe55f"),
    (3, 49_147, "13578d81cf4014f1e13ce9d48cfea876db21b708"),
    (0, 66_971, "35b93d63480a4d1f4e630bff887099a08715212b"),
    (-5, 39_983, "7c5ad230e05984d19953e27dc976e927ad265b0f"),
];

/// The elements of which stock servers have been asked to make lists.
fn many_elements() -> Owned {
    let elements = (0..3000i64).map(|n| {
        if n % 3 == 0 {
            (n * n * n - 5_000_000).to_string().into_bytes()
        } else {
            format!("e{n}").repeat((n % 7) as usize).into_bytes()
        }
    });
    Owned::List(text("k"), None, elements.collect())
}

#[test]
fn lists_are_cut_into_nodes_where_stock_servers_cut_them() {
    for (list_node_max, len, sum) in GOLDEN_LISTS {
        let options = Options { list_node_max, ..plain_options(10) };
        let bytes = written(&many_elements(), options);
        let digest = sha1_smol::Sha1::from(&bytes).digest().to_string();
        assert_eq!(
            (bytes.len(), &digest[..]),
            (len, sum),
            "list-max-listpack-size {list_node_max}"
        );
    }
    for (len, nodes) in [(8174, 2), (8175, 3)] {
        let elements = vec![b"a".to_vec(), vec![b'x'; len], b"b".to_vec()];
        let bytes = written(&Owned::List(text("k"), None, elements), plain_options(10));
        assert_eq!(bytes[1], nodes, "{len}");
    }
}

#[test]
fn nodes_of_ziplists_keep_to_the_same_limits() {
    for (list_node_max, longest) in [(-1, 4096), (-2, 8192), (-5, 65_536), (100, 8192)] {
        let options = Options { list_node_max, ..plain_options(9) };
        let bytes = written(&many_elements(), options);
        assert_eq!(bytes[0], format::TYPE_LIST_QUICKLIST);
        let mut source = source::Source::of(bytes[1..].to_vec(), Limits::default());
        let nodes = source.length().unwrap();
        for node in 0..nodes {
            let mut packed = Vec::new();
            source.string(&mut packed).unwrap();
            assert!(packed.len() <= longest, "{} bytes", packed.len());
            let count = u16::from_le_bytes([packed[8], packed[9]]);
            assert!(list_node_max < 0 || usize::from(count) <= 100);
            let is_full = packed.len() + 60 > longest || count == 100;
            assert!(is_full || node + 1 == nodes, "a node of {} bytes", packed.len());
        }
    }
}

fn any_score() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-100i32..100).prop_map(f64::from),
        any::<i64>().prop_map(|n| n as f64),
        any::<u64>().prop_map(f64::from_bits).prop_filter("NaN is no score", |s| !s.is_nan()),
    ]
}

fn any_value() -> impl Strategy<Value = Owned> {
    let integer = any::<i32>().prop_map(|n| n.to_string().into_bytes());
    let member = prop_oneof![any_text(), integer.clone()];
    let members = prop::collection::btree_set(member, 1..40);
    let integers = prop::collection::btree_set(integer, 1..40);
    let scored = prop::collection::btree_map(any_text(), any_score(), 1..40);
    let key = text("k");
    let [of_list, of_set, of_scores] = [key.clone(), key.clone(), key];
    prop_oneof![
        prop::collection::vec(any_text(), 1..60).prop_map(move |elements| Owned::List(
            of_list.clone(),
            None,
            elements
        )),
        prop_oneof![members, integers].prop_map(move |members| {
            let members = members.into_iter().collect();
            Owned::Set(of_set.clone(), Some(1), members)
        }),
        scored.prop_map(move |scored| {
            let members = scored.into_iter().collect();
            Owned::SortedSet(of_scores.clone(), None, members)
        }),
    ]
}

/// Puts the members of a set in an order of its own, since an intset has its own.
fn in_order(item: Owned) -> Owned {
    match item {
        Owned::Set(key, expiry, mut members) => {
            members.sort_unstable();
            Owned::Set(key, expiry, members)
        }
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_values_round_trip(
        value in any_value(),
        version in 9u32..=11,
        list_node_max in -6i64..6,
        entries_max in 0usize..50,
    ) {
        let small = Small { entries_max, bytes_max: 200 };
        let options = Options {
            version,
            list_node_max,
            sets: small,
            sorted_sets: small,
            intset_members_max: entries_max,
            ..Options::default()
        };
        let (file, finished) = encode(std::slice::from_ref(&value), options);
        let (mut items, checksum) = decode_all(Trickle(&file)).unwrap();
        prop_assert_eq!(checksum, finished.checksum);
        prop_assert_eq!(in_order(items.remove(0)), in_order(value.clone()));
        let (mut items, _) = decode_by_runs(&file[..], Limits::default()).unwrap();
        prop_assert_eq!(in_order(items.remove(0)), in_order(value));
    }

    #[test]
    fn a_value_is_read_or_refused_wherever_a_byte_is_changed(
        value in any_value(), version in 9u32..=11, at in any::<prop::sample::Index>(), byte: u8,
    ) {
        let options = Options { version, checksum: Checksum::Omitted, ..Options::default() };
        let (mut file, _) = encode(std::slice::from_ref(&value), options);
        let at = at.index(file.len() - 17) + 9;
        file[at] = byte;
        let limits = Limits { string_bytes_max: 1 << 16, value_bytes_max: 1 << 16 };
        let text = |decoded: Result<_, DecodeError>| decoded.map_err(|error| error.to_string());
        let (runs, whole) =
            (text(decode_by_runs(&file[..], limits)), text(decode_within(&file[..], limits)));
        // What is wrong within a value is found later there than what is wrong behind it.
        prop_assert!(
            runs == whole || (runs.is_err() && whole.is_err()),
            "{runs:?} for {whole:?}"
        );
    }
}
