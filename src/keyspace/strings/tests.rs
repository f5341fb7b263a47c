use crate::keyspace::{Db, Key, Keyspace, Kind, SetExpiry, Str, StrMut, Value};

/// A string that does not lie in one piece.
const LONG_BYTES: usize = 3 << 20;

fn held<'d>(db: &'d Db<'_>, key: &Key<'_>) -> Str<'d> {
    let Value::String(string) = db.find(key).unwrap().value() else { panic!("it is no string") };
    string
}

fn bytes(db: &Db<'_>, key: &Key<'_>) -> Vec<u8> {
    held(db, key).as_bytes(&mut [0; 20]).into_owned()
}

#[test]
fn a_string_that_outgrows_one_piece_goes_on_in_blocks() {
    let space = Keyspace::new(1);
    let key = space.key(b"k");
    let mut locked = space.lock_all();
    let mut db = locked.db(0);
    db.set_int(&key, 12, SetExpiry::At(99), 0);
    let mut expected = b"12".to_vec();
    // From the record to the slab, to blocks, and on to their third.
    for len in [10, 70_000, 262_144, 262_145, 400_000] {
        db.edit_string(&key, 0, len, |mut string| string.write(len - 1, b"x"));
        expected.resize(len, 0);
        expected[len - 1] = b'x';
        assert!(bytes(&db, &key) == expected, "{len}");
        let in_blocks = matches!(held(&db, &key), Str::Blocks(_));
        assert_eq!(in_blocks, len > 262_144, "{len}");
    }
    let entry = db.find(&key).unwrap();
    assert_eq!((entry.encoding(), entry.expiry()), ("raw", Some(99)));
    db.set_string(&key, b"short", SetExpiry::Clear, 0);
    assert_eq!(held(&db, &key), Str::Bytes(b"short"));
}

#[test]
fn a_long_string_of_an_absent_key_takes_the_memory_of_what_is_written() {
    let space = Keyspace::new(1);
    let key = space.key(b"k");
    let mut locked = space.lock_all();
    let mut db = locked.db(0);
    db.edit_string(&key, 0, 512 << 20, |mut string| string.write((512 << 20) - 1, b"x"));
    assert_eq!(held(&db, &key).len(), 512 << 20);
    let memory = db.find(&key).unwrap().memory_bytes(5);
    assert!(memory < 300_000, "{memory}");
}

#[test]
fn a_write_beside_an_image_copies_only_the_block_that_it_touches() {
    let space = Keyspace::new(1);
    let key = space.key(b"k");
    let mut locked = space.lock_all();
    locked.db(0).set_string(&key, &vec![b'a'; LONG_BYTES], SetExpiry::Clear, 0);
    let mut image = locked.image();
    let mut db = locked.db(0);
    db.edit_string(&key, 0, 0, |mut string| string.write(1_000_000, b"b"));
    let Str::Blocks(live) = held(&db, &key) else { panic!("it lies in one piece") };
    let mut seen = 0;
    while let Some(part) = image.next_part() {
        part.for_each(|entry| {
            let Value::String(Str::Blocks(then)) = entry.value() else { panic!("{entry:?}") };
            let copied = (0..then.blocks())
                .filter(|at| !std::ptr::eq(then.block(*at).unwrap(), live.block(*at).unwrap()));
            assert_eq!(copied.collect::<Vec<_>>(), [1_000_000 / (128 * 1024)]);
            assert_eq!((then.get(1_000_000), live.get(1_000_000)), (Some(b'a'), Some(b'b')));
            seen += 1;
        });
    }
    assert_eq!(seen, 1);
}

#[test]
fn copies_of_a_long_string_go_their_own_ways() {
    let space = Keyspace::new(1);
    let (key, other) = (space.key(b"a"), space.key(b"b"));
    let mut locked = space.lock_all();
    let mut db = locked.db(0);
    db.set_string(&key, &vec![b'x'; LONG_BYTES], SetExpiry::Clear, 0);
    let copy = db.copy_of(&key).unwrap();
    db.insert(&other, copy, 0);
    db.edit_string(&key, 0, LONG_BYTES + 1, |mut string| string.write(0, b"y"));
    assert_eq!((held(&db, &key).len(), held(&db, &other).len()), (LONG_BYTES + 1, LONG_BYTES));
    assert!(bytes(&db, &other) == vec![b'x'; LONG_BYTES]);
}

#[test]
fn a_long_value_of_a_field_stays_in_one_piece() {
    let space = Keyspace::new(1);
    let key = space.key(b"h");
    let mut locked = space.lock_all();
    let mut db = locked.db(0);
    let long = vec![b'v'; 300_000];
    db.hash_or_create(&key, 0).set(b"field", &long);
    let hash = db.hash_mut(&key).unwrap();
    assert!(!hash.view().is_packed() && hash.get(b"field") == Some(&long[..]));
}

#[test]
fn a_copy_of_a_large_value_is_not_touched_by_later_writes() {
    let space = Keyspace::new(1);
    let (key, other) = (space.key(b"a"), space.key(b"b"));
    let mut locked = space.lock_all();
    let mut db = locked.db(0);
    db.set_string(&key, &[b'x'; 5000], SetExpiry::Clear, 0);
    let copy = db.copy_of(&key).unwrap();
    db.insert(&other, copy, 0);
    db.edit_string(&key, 0, 0, |string| {
        let StrMut::Piece(bytes) = string else { panic!() };
        bytes.truncate(2);
    });
    assert_eq!(db.find(&key).unwrap().value().kind(), Kind::String);
    let Value::String(string) = db.find(&other).unwrap().value() else { panic!() };
    assert_eq!(string.len(), 5000);
    let Value::String(string) = db.find(&key).unwrap().value() else { panic!() };
    assert_eq!(string, Str::Bytes(b"xx"));
}
