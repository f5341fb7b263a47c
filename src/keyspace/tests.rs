//! The keyspace against a plain model, in worlds small enough that everything splits and moves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Acquire};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const DATABASES: usize = 2;

/// What the model says a key holds.
#[derive(Clone, Debug, PartialEq)]
enum Held {
    String(Vec<u8>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
}

type ModelDb = BTreeMap<Vec<u8>, (Held, Option<i64>)>;

type Model = [ModelDb; DATABASES];

#[derive(Clone, Debug)]
enum Operation {
    Set { db: usize, key: u16, len: usize, expiry: SetExpiry },
    SetInt { db: usize, key: u16, number: i64 },
    Append { db: usize, key: u16, len: usize },
    SetField { db: usize, key: u16, field: u8, len: usize },
    RemoveField { db: usize, key: u16, field: u8 },
    Expire { db: usize, key: u16, at_ms: Option<i64> },
    Remove { db: usize, key: u16 },
    Move { db: usize, from: u16, to: u16 },
    Copy { db: usize, from: u16, to: u16 },
    Swap,
    Clear { db: usize },
    Reserve { db: usize, keys: usize, threads: usize },
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let db = || 0..DATABASES;
    let key = || prop_oneof![4 => 0..400u16, 1 => 65_000..65_020u16];
    let len = || prop_oneof![8 => 0..80usize, 2 => 0..3000usize];
    let expiry = || {
        prop_oneof![
            Just(SetExpiry::Keep),
            Just(SetExpiry::Clear),
            (-5..1000i64).prop_map(SetExpiry::At)
        ]
    };
    let one = prop_oneof![
        30 => (db(), key(), len(), expiry())
            .prop_map(|(db, key, len, expiry)| Operation::Set { db, key, len, expiry }),
        5 => (db(), key(), any::<i64>())
            .prop_map(|(db, key, number)| Operation::SetInt { db, key, number }),
        10 => (db(), key(), len()).prop_map(|(db, key, len)| Operation::Append { db, key, len }),
        30 => (db(), 0..6u16, any::<u8>(), 0..40usize)
            .prop_map(|(db, key, field, len)| Operation::SetField { db, key, field, len }),
        10 => (db(), 0..6u16, any::<u8>())
            .prop_map(|(db, key, field)| Operation::RemoveField { db, key, field }),
        10 => (db(), key(), prop::option::of(-5..1000i64))
            .prop_map(|(db, key, at_ms)| Operation::Expire { db, key, at_ms }),
        20 => (db(), key()).prop_map(|(db, key)| Operation::Remove { db, key }),
        5 => (db(), key(), key()).prop_map(|(db, from, to)| Operation::Move { db, from, to }),
        5 => (db(), key(), key()).prop_map(|(db, from, to)| Operation::Copy { db, from, to }),
        1 => Just(Operation::Swap),
        1 => db().prop_map(|db| Operation::Clear { db }),
        1 => (db(), 0..300usize, 0..70usize)
            .prop_map(|(db, keys, threads)| Operation::Reserve { db, keys, threads }),
    ];
    vec(one, 1..600)
}

/// A key's name; high numbers are longer than what fits in a record.
fn name(key: u16) -> Vec<u8> {
    let mut name = format!("key:{key}").into_bytes();
    if key >= 65_000 {
        name.resize(1500, b'k');
    }
    name
}

/// Bytes that are no integer.
fn filler(len: usize) -> Vec<u8> {
    (0..len).map(|i| b'a' + (i % 26) as u8).collect()
}

pub(super) fn small_world() -> Keyspace {
    let space = Keyspace::with_partition_limit(DATABASES, 8);
    space.limits().set_hash_entries_max(40);
    space.limits().set_hash_value_bytes_max(32);
    space
}

fn apply_all(space: &Keyspace, model: &mut Model, operations: &[Operation]) {
    for operation in operations {
        apply(space, model, operation);
    }
}

/// What an operation's handler does, to both.
fn apply(space: &Keyspace, model: &mut Model, operation: &Operation) {
    let mut locked = space.lock_all();
    match *operation {
        Operation::Set { db, key, len, expiry } => {
            let (name, value) = (name(key), filler(len));
            locked.db(db).set_string(&space.key(&name), &value, expiry, 1);
            let old = model[db].get(&name).and_then(|(_, expiry)| *expiry);
            let expiry = match expiry {
                SetExpiry::Keep => old,
                SetExpiry::Clear => None,
                SetExpiry::At(at_ms) => Some(at_ms),
            };
            model[db].insert(name, (Held::String(value), expiry));
        }
        Operation::SetInt { db, key, number } => {
            let name = name(key);
            locked.db(db).set_int(&space.key(&name), number, SetExpiry::Clear, 1);
            let value = number.to_string().into_bytes();
            model[db].insert(name, (Held::String(value), None));
        }
        Operation::Append { db, key, len } => {
            let (name, tail) = (name(key), filler(len));
            let entry = model[db].entry(name.clone()).or_insert((Held::String(vec![]), None));
            if let Held::String(value) = &mut entry.0 {
                value.extend_from_slice(&tail);
                let end = value.len();
                let append = |mut string: StrMut<'_>| string.write(end - tail.len(), &tail);
                locked.db(db).edit_string(&space.key(&name), 0, end, append);
            }
        }
        Operation::Expire { db, key, at_ms } => {
            let name = name(key);
            let there = locked.db(db).set_expiry(&space.key(&name), at_ms);
            assert_eq!(there, model[db].contains_key(&name));
            model[db].entry(name).and_modify(|entry| entry.1 = at_ms);
        }
        Operation::Remove { db, key } => {
            let name = name(key);
            let there = locked.db(db).remove(&space.key(&name));
            assert_eq!(there, model[db].remove(&name).is_some());
        }
        Operation::Swap => {
            locked.swap(0, 1, 0);
            model.swap(0, 1);
        }
        Operation::Clear { db } => {
            let count = locked.clear(db).count();
            assert_eq!(count, std::mem::take(&mut model[db]).len());
        }
        Operation::Move { db, from, to } => {
            let (from, to) = (name(from), name(to));
            let moved = locked.db(db).take(&space.key(&from));
            put(space, &mut locked.db(db), &to, moved);
            let moved = model[db].remove(&from);
            model[db].extend(moved.map(|held| (to, held)));
        }
        Operation::Copy { db, from, to } => {
            let (from, to) = (name(from), name(to));
            let copy = locked.db(db).copy_of(&space.key(&from));
            put(space, &mut locked.db(db), &to, copy);
            let copy = model[db].get(&from).cloned();
            model[db].extend(copy.map(|held| (to, held)));
        }
        Operation::Reserve { db, keys, threads } => reserve(&mut locked, (db, keys), threads),
        Operation::SetField { db, key, field, len } => {
            set_field(space, &mut locked.db(db), &mut model[db], (key, field), len);
        }
        Operation::RemoveField { db, key, field } => {
            remove_field(space, &mut locked.db(db), &mut model[db], (key, field));
        }
    }
}

fn put(space: &Keyspace, db: &mut Db<'_>, key: &[u8], entry: Option<OwnedEntry>) {
    if let Some(entry) = entry {
        db.insert(&space.key(key), entry, 2);
    }
}

/// Gives back the room made before and makes some in every empty shard, by several threads.
fn reserve(locked: &mut Locked<'_>, (db, keys): (usize, usize), threads: usize) {
    let mut parts = locked.split(threads);
    assert!(!locked.holds(ShardSet::single(0)), "the parts hold all");
    std::thread::scope(|scope| {
        for part in &mut parts {
            scope.spawn(move || {
                part.fit(db);
                part.reserve(db, keys * 64);
            });
        }
    });
    locked.rejoin(parts);
    assert!(locked.holds(ShardSet::ALL));
}

fn set_field(
    space: &Keyspace,
    db: &mut Db<'_>,
    model: &mut ModelDb,
    (key, field): (u16, u8),
    len: usize,
) {
    let (name, field, value) = (name(key), vec![field], filler(len));
    let entry = model.entry(name.clone()).or_insert((Held::Hash(BTreeMap::new()), None));
    if let Held::Hash(fields) = &mut entry.0 {
        let done = db.hash_or_create(&space.key(&name), 1).set(&field, &value);
        let created = fields.insert(field, value).is_none();
        assert_eq!(done == FieldSet::Created, created);
    }
}

fn remove_field(space: &Keyspace, db: &mut Db<'_>, model: &mut ModelDb, (key, field): (u16, u8)) {
    let name = name(key);
    let Some((Held::Hash(fields), _)) = model.get_mut(&name) else { return };
    let mut hash = db.hash_mut(&space.key(&name)).expect("the model has it");
    assert_eq!(hash.remove(&[field]), fields.remove(&vec![field]).is_some());
    assert_eq!(hash.len(), fields.len());
    if hash.is_empty() {
        db.remove(&space.key(&name));
        model.remove(&name);
    }
}

fn held(entry: Entry<'_>) -> (Held, Option<i64>) {
    let held = match entry.value() {
        Value::String(string) => {
            let mut bytes = Vec::new();
            string.write_to(&mut bytes);
            Held::String(bytes)
        }
        Value::Hash(hash) => {
            let fields: BTreeMap<_, _> =
                hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
            assert_eq!(fields.len(), hash.len(), "a field twice");
            for (field, value) in &fields {
                assert_eq!(hash.get(field), Some(&value[..]));
            }
            Held::Hash(fields)
        }
        other => panic!("{other:?} is not in the model"),
    };
    (held, entry.expiry())
}

fn assert_agrees(space: &Keyspace, model: &Model) {
    for (db, expected) in model.iter().enumerate() {
        let mut found = BTreeMap::new();
        space.lock_all().db(db).for_each(|entry| {
            assert!(found.insert(entry.key().to_vec(), held(entry)).is_none(), "a key twice");
        });
        assert_eq!(&found, expected);
        let expiring = expected.values().filter(|(_, expiry)| expiry.is_some()).count();
        assert_eq!((space.keys_count(db), space.expiring_count(db)), (expected.len(), expiring));
        let mut locked = space.lock_all();
        for name in expected.keys() {
            let found = locked.db(db).find(&space.key(name)).map(held);
            assert_eq!(found.as_ref(), expected.get(name));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_keyspace_holds_what_a_plain_map_would(operations in operations()) {
        let (space, mut model) = (small_world(), Model::default());
        apply_all(&space, &mut model, &operations);
        assert_agrees(&space, &model);
    }

    #[test]
    fn a_scan_visits_what_stays_exactly_once(
        before in operations(),
        meanwhile in operations(),
        count in 1..20usize,
    ) {
        let (space, mut model) = (small_world(), Model::default());
        apply_all(&space, &mut model, &before);
        let mut staying: BTreeSet<_> = model[0].keys().cloned().collect();
        let mut visits = BTreeMap::<Vec<u8>, usize>::new();
        let mut cursor = ScanCursor::START;
        let mut meanwhile = meanwhile.iter();
        loop {
            cursor = space.scan(0, cursor, count, |entry| {
                *visits.entry(entry.key().to_vec()).or_default() += 1;
            });
            if cursor.is_end() {
                break;
            }
            meanwhile.by_ref().take(5).for_each(|operation| apply(&space, &mut model, operation));
            staying.retain(|name| model[0].contains_key(name));
        }
        for name in staying {
            prop_assert_eq!(visits.get(&name), Some(&1), "{:?}", name);
        }
    }

    #[test]
    fn an_image_stays_as_it_was(before in operations(), after in operations()) {
        let (space, mut model) = (small_world(), Model::default());
        apply_all(&space, &mut model, &before);
        let (then, mut image) = (model.clone(), space.lock_all().image());
        apply_all(&space, &mut model, &after);
        let mut found = Model::default();
        while let Some(part) = image.next_part() {
            part.for_each(|entry| {
                let twice = found[part.db()].insert(entry.key().to_vec(), held(entry));
                assert!(twice.is_none(), "a key twice");
            });
        }
        prop_assert_eq!(&found, &then);
        for (db, then) in then.iter().enumerate() {
            prop_assert_eq!(image.counts(db).keys, then.len());
            let expiring = then.values().filter(|(_, expiry)| expiry.is_some()).count();
            prop_assert_eq!(image.counts(db).expiring, expiring);
        }
        assert_agrees(&space, &model);
    }

    #[test]
    fn due_finds_the_keys_whose_time_has_come(operations in operations(), now_ms in -5..1000i64) {
        let (space, mut model) = (small_world(), Model::default());
        apply_all(&space, &mut model, &operations);
        for (db, model) in model.iter().enumerate() {
            for now_ms in [now_ms - 100, now_ms, now_ms] {
                let (found, passed) = gather_due(&space, db, now_ms);
                let late = |expiry: &Option<i64>| expiry.is_some_and(|at| at < now_ms);
                let expected: BTreeSet<_> =
                    model.iter().filter(|(_, (_, at))| late(at)).map(|(k, _)| k.clone()).collect();
                prop_assert_eq!(&found, &expected);
                let expiring = model.values().filter(|(_, expiry)| expiry.is_some()).count();
                prop_assert_eq!(passed, expiring - found.len());
            }
        }
    }
}

/// Gathers and removes nothing: a search that comes upon no more than one batch of each shard.
fn gather_due(space: &Keyspace, db: usize, now_ms: i64) -> (BTreeSet<Vec<u8>>, usize) {
    let (mut found, mut passed) = (BTreeSet::new(), 0);
    for shard in ShardSet::ALL.iter() {
        let mut locked = space.lock(ShardSet::single(shard));
        let mut due = Due::default();
        let searched = locked.db(db).gather_due(now_ms, &mut 0, &mut due);
        assert_eq!(searched, Searched::All);
        found.extend(due.keys().map(<[u8]>::to_vec));
        passed += due.passed();
    }
    (found, passed)
}

#[test]
fn a_hash_scan_visits_every_field_once_while_others_come_and_go() {
    let space = small_world();
    let key = space.key(b"hash");
    let mut locked = space.lock(ShardSet::of(&key));
    for i in 0..500 {
        locked.db(0).hash_or_create(&key, 0).set(format!("stays:{i}").as_bytes(), b"x");
    }
    let mut visits = BTreeMap::<Vec<u8>, usize>::new();
    let mut cursor = ScanCursor::START;
    for round in 0.. {
        let mut db = locked.db(0);
        let Some(Value::Hash(hash)) = db.find(&key).map(|entry| entry.value()) else { panic!() };
        assert!(!hash.is_packed());
        cursor = hash.scan(cursor, 7, |field, _| *visits.entry(field.to_vec()).or_default() += 1);
        if cursor.is_end() {
            break;
        }
        let mut hash = db.hash_mut(&key).unwrap();
        for i in 0..20 {
            hash.set(format!("passing:{round}:{i}").as_bytes(), b"y");
            hash.remove(format!("passing:{}:{i}", round - 1).as_bytes());
        }
    }
    for i in 0..500 {
        assert_eq!(visits.get(format!("stays:{i}").as_bytes()), Some(&1));
    }
}

#[test]
fn encodings_read_as_stock_words() {
    let space = small_world();
    let key = space.key(b"k");
    let mut locked = space.lock(ShardSet::of(&key));
    let mut db = locked.db(0);
    let encoding = |db: &Db<'_>| db.find(&key).unwrap().encoding();
    db.set_string(&key, b"123", SetExpiry::Clear, 0);
    assert_eq!(encoding(&db), "int");
    db.set_string(&key, &[b'x'; 44], SetExpiry::Clear, 0);
    assert_eq!(encoding(&db), "embstr");
    db.set_string(&key, &[b'x'; 45], SetExpiry::Clear, 0);
    assert_eq!(encoding(&db), "raw");
    db.set_int(&key, 5, SetExpiry::Clear, 0);
    db.edit_string(&key, 0, 2, |mut string| string.write(1, b"0"));
    assert_eq!(encoding(&db), "raw");
    db.remove(&key);
    db.hash_or_create(&key, 0).set(b"f", b"v");
    assert_eq!(encoding(&db), "listpack");
    db.hash_or_create(&key, 0).set(b"f", &[b'v'; 33]);
    assert_eq!(encoding(&db), "hashtable");
    db.hash_or_create(&key, 0).set(b"f", b"v");
    assert_eq!(encoding(&db), "hashtable", "a hash never goes back");
}

#[test]
fn a_hash_larger_than_a_record_stays_packed_until_its_limits() {
    let space = small_world();
    let key = space.key(b"k");
    let mut locked = space.lock(ShardSet::of(&key));
    let mut db = locked.db(0);
    let mut hash = db.hash_or_create(&key, 0);
    for i in 0..40u8 {
        assert_eq!(hash.set(&[i], &[i; 30]), FieldSet::Created);
    }
    assert!(hash.view().is_packed());
    assert_eq!(hash.set(&[3], b"new"), FieldSet::Updated);
    assert!(hash.view().iter().map(|(field, _)| field[0]).eq(0..40), "insertion order");
    hash.set(b"one more", b"");
    assert!(!hash.view().is_packed());
    assert_eq!((hash.len(), hash.get(&[3])), (41, Some(&b"new"[..])));
}

#[test]
fn touching_sets_the_clock_of_a_key_that_is_there() {
    let space = small_world();
    let (key, absent) = (space.key(b"k"), space.key(b"absent"));
    let mut locked = space.lock_all();
    let mut db = locked.db(0);
    db.set_int(&key, 1, SetExpiry::Clear, 7);
    assert_eq!(db.find(&key).unwrap().accessed(), 7);
    db.touch(&key, 0xab12_3456);
    db.touch(&absent, 1);
    assert_eq!(db.find(&key).unwrap().accessed(), 0x12_3456);
}

#[test]
fn random_reaches_every_key_and_none_of_an_empty_database() {
    let space = small_world();
    assert!(space.lock_all().db(0).random(5).is_none());
    let mut locked = space.lock_all();
    for i in 0..1000u32 {
        locked.db(0).set_int(&space.key(&i.to_le_bytes()), 0, SetExpiry::Clear, 0);
    }
    let db = locked.db(0);
    let seen: BTreeSet<_> = (0..1000).map(|i| db.random(i).unwrap().key().to_vec()).collect();
    assert_eq!(seen.len(), 1000);
}

#[test]
fn picking_in_a_table_of_many_partitions_reaches_nearly_every_key() {
    let space = Keyspace::with_partition_limit(1, 4);
    let mut locked = space.lock_all();
    for i in 0..40_000u32 {
        locked.db(0).set_int(&space.key(&i.to_le_bytes()), 0, SetExpiry::Clear, 0);
    }
    let db = locked.db(0);
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state ^ state >> 32
    };
    let picked = (0..400_000).map(|_| db.random(random()).unwrap().key().to_vec());
    assert!(picked.collect::<BTreeSet<_>>().len() > 39_000);
}

#[test]
fn watched_keys_raise_their_flags_once_touched_flushed_or_swapped() {
    let space = small_world();
    let (held, absent) = (space.key(b"held"), space.key(b"absent"));
    let mut locked = space.lock_all();
    locked.db(0).set_int(&held, 1, SetExpiry::Clear, 0);
    let watch = |locked: &mut Locked<'_>, db: usize, key: &Key<'_>| {
        let flag = Arc::new(AtomicBool::new(false));
        locked.watch(db, key, &flag, 0);
        flag
    };
    let (flag, other) = (watch(&mut locked, 0, &held), watch(&mut locked, 1, &held));
    locked.touched(0, &absent);
    assert!(!flag.load(Acquire));
    locked.db(0).touched(&held);
    assert!(flag.load(Acquire) && !other.load(Acquire));
    locked.unwatch(0, &held, &flag);

    let (flag, unaffected) = (watch(&mut locked, 0, &held), watch(&mut locked, 0, &absent));
    locked.swap(0, 1, 0);
    assert!(flag.load(Acquire), "it was there before");
    assert!(other.load(Acquire), "it is there now");
    assert!(!unaffected.load(Acquire), "it was absent and is");

    let flag = watch(&mut locked, 1, &held);
    drop(locked.clear(1));
    assert!(flag.load(Acquire) && !unaffected.load(Acquire));
}

#[test]
fn the_removal_of_a_key_that_was_watched_expired_is_no_change() {
    let space = small_world();
    let key = space.key(b"late");
    let mut locked = space.lock_all();
    let watch = |locked: &mut Locked<'_>| {
        locked.db(0).set_int(&key, 1, SetExpiry::At(10), 0);
        let flag = Arc::new(AtomicBool::new(false));
        locked.watch(0, &key, &flag, 11);
        assert!(!locked.has_expired_watched(0, &key, &flag, 12));
        flag
    };
    let removed = watch(&mut locked);
    let in_time = Arc::new(AtomicBool::new(false));
    locked.watch(0, &key, &in_time, 9);
    assert!(locked.has_expired_watched(0, &key, &in_time, 11), "it expired under watch");
    locked.db(0).remove(&key);
    locked.touched(0, &key);
    assert!(!removed.load(Acquire) && in_time.load(Acquire));
    locked.db(0).set_int(&key, 2, SetExpiry::Clear, 0);
    locked.touched(0, &key);
    assert!(removed.load(Acquire), "it came to be");

    let flushed = watch(&mut locked);
    drop(locked.clear(0));
    assert!(!flushed.load(Acquire));

    let swapped = watch(&mut locked);
    locked.swap(0, 1, 11);
    assert!(!swapped.load(Acquire), "it is absent now");
    locked.swap(0, 1, 11);
    assert!(!swapped.load(Acquire), "it is expired again");
    assert!(!locked.has_expired_watched(0, &key, &swapped, 11));
    locked.db(1).set_int(&key, 2, SetExpiry::Clear, 0);
    locked.swap(0, 1, 11);
    assert!(swapped.load(Acquire), "it is live now");
}

#[test]
#[should_panic(expected = "is not held")]
fn a_key_of_a_shard_that_is_not_held_is_a_bug() {
    let space = small_world();
    let key = space.key(b"k");
    let other = ShardSet::single((key.shard() + 1) % SHARDS);
    space.lock(other).db(0).contains(&key);
}

#[test]
fn removing_most_keys_gives_the_memory_back() {
    let space = Keyspace::with_partition_limit(1, 16);
    let mut locked = space.lock_all();
    let name = |i: u32| format!("key:{i}").into_bytes();
    for i in 0..20_000 {
        locked.db(0).set_string(&space.key(&name(i)), b"some value", SetExpiry::Clear, 0);
    }
    for i in 0..19_990 {
        assert!(locked.db(0).remove(&space.key(&name(i))));
    }
    for i in 19_990..20_000 {
        assert!(locked.db(0).contains(&space.key(&name(i))));
    }
    assert_eq!(space.keys_count(0), 10);
}

#[test]
fn values_that_grow_where_they_are_split_their_partition_in_time() {
    let space = Keyspace::new(1);
    let mut locked = space.lock_all();
    let mut db = locked.db(0);
    let names: Vec<_> = (0..40_000u32).map(u32::to_le_bytes).collect();
    for name in &names {
        db.hash_or_create(&space.key(name), 0).set(b"f", b"v");
    }
    for name in &names {
        let mut hash = db.hash_mut(&space.key(name)).unwrap();
        for field in 0..20u8 {
            hash.set(&[field], &[b'v'; 40]);
        }
    }
    for name in &names {
        let Value::Hash(hash) = db.find(&space.key(name)).unwrap().value() else { panic!() };
        assert_eq!((hash.len(), hash.get(&[19])), (21, Some(&[b'v'; 40][..])));
    }
}

#[test]
fn one_command_may_change_the_size_of_a_value_any_number_of_times() {
    let space = Keyspace::new(1);
    let key = space.key(b"k");
    let mut locked = space.lock_all();
    let mut db = locked.db(0);
    let mut hash = db.hash_or_create(&key, 0);
    hash.set(b"filler", &[b'x'; 60]);
    for i in 0..20_000 {
        hash.set(b"f", &[b'v'; 64][..i % 60]);
    }
    assert_eq!(hash.len(), 2);
}
