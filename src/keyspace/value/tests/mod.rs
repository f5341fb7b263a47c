//! Small values of each type in the keyspace.

mod lists;

use crate::keyspace::{Keyspace, Kind, ListEnd, ScoreSet, ShardSet, Str};

#[test]
fn small_collections_hold_what_was_put_in() {
    let space = Keyspace::new(1);
    let mut held = space.lock(ShardSet::ALL);
    let db = &mut held.db(0);
    let key = |name: &'static [u8]| space.key(name);
    let long = [b'x'; 700];
    db.list_or_create(&key(b"l"), 0).push_back(b"b");
    db.list_or_create(&key(b"l"), 0).push(ListEnd::Left, &long);
    db.list_or_create(&key(b"l"), 0).push_back(&long);
    let list = db.list_mut(&key(b"l")).unwrap();
    assert_eq!(list.view().iter().collect::<Vec<_>>(), [&long[..], b"b", &long]);
    let mut set = db.set_or_create(&key(b"s"), 0);
    assert!(set.insert(b"a") && set.insert(&long) && !set.insert(b"a") && set.insert(b"c"));
    assert!(set.remove(&long) && !set.remove(&long));
    // One that was too long for it has cost the set its packed form, and so its order.
    let members = [Str::Bytes(b"a"), Str::Bytes(b"c")];
    assert_eq!(set.len(), 2);
    assert!(set.view().iter().all(|member| members.contains(&member)));
    let mut sorted = db.sorted_set_or_create(&key(b"z"), 0);
    for (member, score, did) in [
        (&b"m"[..], 2.0, ScoreSet::Added),
        (b"n", f64::NEG_INFINITY, ScoreSet::Added),
        (b"k", 2.0, ScoreSet::Added),
        (b"n", 2.5, ScoreSet::Moved),
        (b"n", 2.5, ScoreSet::Same),
    ] {
        assert_eq!(sorted.set(member, score), did);
    }
    assert_eq!(sorted.remove(b"x"), None);
    let members: Vec<_> = sorted.view().iter().map(|member| (member.bytes, member.score)).collect();
    assert_eq!(members, [(&b"k"[..], 2.0), (b"m", 2.0), (b"n", 2.5)]);
    let kinds = [&b"l"[..], b"s", b"z"].map(|name| db.find(&space.key(name)).unwrap().kind());
    assert_eq!(kinds, [Kind::List, Kind::Set, Kind::SortedSet]);
}
