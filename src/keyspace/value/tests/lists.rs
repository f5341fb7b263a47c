//! Lists against a model, in both forms and across the changes between them.

use std::collections::VecDeque;

use crate::keyspace::{Db, Keyspace, ListEnd, ShardSet, Value};

/// A list in the keyspace, beside what it should be.
struct Pair<'d, 'l> {
    db: &'d mut Db<'l>,
    name: &'static [u8],
    space: &'d Keyspace,
    model: VecDeque<Vec<u8>>,
}

impl Pair<'_, '_> {
    fn edit<R>(&mut self, edit: impl FnOnce(&mut crate::keyspace::ListMut<'_>) -> R) -> R {
        edit(&mut self.db.list_mut(&self.space.key(self.name)).expect("the list is there"))
    }

    fn push(&mut self, end: ListEnd, element: &[u8]) {
        self.edit(|list| list.push(end, element));
        match end {
            ListEnd::Left => self.model.push_front(element.to_vec()),
            ListEnd::Right => self.model.push_back(element.to_vec()),
        }
    }

    fn insert(&mut self, i: usize, element: &[u8]) {
        self.edit(|list| list.insert(i, element));
        self.model.insert(i, element.to_vec());
    }

    fn set(&mut self, i: usize, element: &[u8]) {
        self.edit(|list| list.set(i, element));
        self.model[i] = element.to_vec();
    }

    fn remove(&mut self, range: std::ops::Range<usize>) {
        let cut = self.edit(|list| list.remove(range.clone()));
        assert!(cut.is_none_or(|cut| cut.len() == range.len() && !cut.is_empty()));
        self.model.drain(range);
    }

    fn remove_each(&mut self, indices: &[usize]) {
        self.edit(|list| list.remove_each(indices));
        let mut i = 0;
        self.model.retain(|_| {
            i += 1;
            !indices.contains(&(i - 1))
        });
    }

    fn check(&self) {
        let entry = self.db.find(&self.space.key(self.name)).expect("the list is there");
        let Value::List(list) = entry.value() else { panic!("it is a list") };
        let model: Vec<_> = self.model.iter().map(Vec::as_slice).collect();
        assert_eq!(list.len(), model.len());
        assert_eq!(list.iter().collect::<Vec<_>>(), model);
        let mut backward: Vec<_> = list.iter_back_from(model.len()).collect();
        backward.reverse();
        assert_eq!(backward, model);
        for i in [0, 1, model.len() / 2, model.len().saturating_sub(1), model.len()] {
            assert_eq!(list.get(i), model.get(i).copied());
            assert_eq!(list.iter_from(i).next(), model.get(i).copied());
            assert_eq!(list.iter_from(i).len(), model.len() - i.min(model.len()));
        }
    }

    fn encoding(&self) -> &'static str {
        self.db.find(&self.space.key(self.name)).expect("the list is there").encoding()
    }
}

/// Numbers that look random and are the same each time.
fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    }
}

#[test]
fn a_list_is_what_its_edits_make_of_it_in_either_form() {
    for seed in 0..40 {
        let space = Keyspace::new(1);
        let mut held = space.lock(ShardSet::ALL);
        let mut db = held.db(0);
        let mut random = numbers(seed);
        // A neighbour in the same partition has records move and the partition compact.
        for name in [&b"l"[..], b"other"] {
            db.list_or_create(&space.key(name), 0);
        }
        let mut pair = Pair { db: &mut db, name: b"l", space: &space, model: VecDeque::new() };
        for _ in 0..400 {
            let longest = [3, 20, 130, 700][random(4)];
            let element = vec![b'a' + random(26) as u8; random(longest)];
            let len = pair.model.len();
            // Growth and shrinking take turns, so that both limits are passed both ways.
            let shrinks = random(40) < len;
            match (shrinks, random(5)) {
                (false, 0) => pair.insert(random(len + 1), &element),
                (false, 1) if len > 0 => pair.set(random(len), &element),
                (false, 2 | 3) => pair.push(ListEnd::Left, &element),
                (false, _) => pair.push(ListEnd::Right, &element),
                (true, 0) => pair.remove(0..random(len)),
                (true, 1) => pair.remove(random(len)..len),
                (true, 2) => {
                    let start = random(len);
                    pair.remove(start..start + random(len - start));
                }
                (true, 3) => {
                    let each: Vec<_> = (0..len).filter(|_| random(3) == 0).collect();
                    pair.remove_each(&each);
                }
                (true, _) => pair.remove(0..1),
            }
            pair.check();
            let other = pair.space.key(b"other");
            let mut neighbour = pair.db.list_mut(&other).expect("it is there");
            if neighbour.len() > 20 {
                neighbour.remove(0..neighbour.len());
            }
            neighbour.push(ListEnd::Right, &element[..element.len().min(30)]);
        }
    }
}

#[test]
fn a_list_is_called_by_the_size_it_has_had() {
    let space = Keyspace::new(1);
    space.limits().set_list_size_max(4);
    let mut held = space.lock(ShardSet::ALL);
    let mut db = held.db(0);
    db.list_or_create(&space.key(b"l"), 0);
    let mut pair = Pair { db: &mut db, name: b"l", space: &space, model: VecDeque::new() };
    for i in 0..5 {
        assert_eq!(pair.encoding(), "listpack", "{i} elements");
        pair.push(ListEnd::Right, b"x");
    }
    for i in 3..=5 {
        assert_eq!(pair.encoding(), "quicklist", "{} elements", 8 - i);
        pair.remove(0..1);
    }
    assert_eq!(pair.encoding(), "listpack");
    space.limits().set_list_size_max(-1);
    for _ in 0..6 {
        assert_eq!(pair.encoding(), "listpack");
        pair.push(ListEnd::Left, &[b'x'; 700]);
    }
    assert_eq!(pair.encoding(), "quicklist");
    pair.check();
    // An element is replaced by one that makes it small enough, as by one that makes it too large.
    pair.remove(0..3);
    pair.set(0, b"small");
    assert_eq!(pair.encoding(), "listpack");
    pair.set(0, &[b'y'; 4096]);
    assert_eq!(pair.encoding(), "quicklist");
    pair.check();
}

#[test]
fn a_copy_of_a_large_list_stays_as_it_was() {
    let space = Keyspace::new(1);
    let mut held = space.lock(ShardSet::ALL);
    let mut db = held.db(0);
    let key = space.key(b"l");
    let mut list = db.list_or_create(&key, 0);
    (0..500).for_each(|i: i32| list.push_back(i.to_string().as_bytes()));
    let copy = db.copy_of(&key).expect("the list is there");
    db.list_mut(&key).expect("the list is there").remove(10..490);
    let Value::List(list) = copy.value_ref() else { panic!("it is a list") };
    assert_eq!((list.len(), list.get(250)), (500, Some(&b"250"[..])));
    db.insert(&space.key(b"m"), copy, 0);
    assert_eq!(db.list_mut(&space.key(b"m")).expect("it was put there").len(), 500);
    assert_eq!(db.list_mut(&key).expect("the list is there").len(), 20);
}
