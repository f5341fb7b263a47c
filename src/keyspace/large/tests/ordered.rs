//! Ordered maps against a map of the standard library.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::node::{LEAF_LEN_MAX, Leaf};
use super::super::pairs::Pairs;
use super::super::{Held, OrderedMap};
use super::{Bounded, assert_filled, assert_shape, own_nodes};

impl Held for u16 {
    fn held_bytes(&self) -> usize {
        0
    }
}

/// A value that takes as many bytes elsewhere as it says.
impl Held for Vec<u8> {
    fn held_bytes(&self) -> usize {
        self.len()
    }
}

impl Bounded for Pairs<u16, Vec<u8>> {
    fn assert_between(&self, lower: Option<&u16>, upper: Option<&u16>, (): &()) {
        let keys = self.keys();
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert!(keys.iter().all(|key| lower.is_none_or(|lower| lower <= key)));
        assert!(keys.iter().all(|key| upper.is_none_or(|upper| upper > key)));
        let held: usize = self.values().iter().map(Vec::len).sum();
        assert!(self.memory_bytes() >= held);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(u16, usize),
    /// Several that follow each other.
    Append(u16),
    Change(u16, usize),
    Remove(u16),
    /// Several neighbours.
    Drain(u16, u16),
    /// Keeps what lies from here on, or before it.
    Keep(u16),
    Drop(u16),
    Clone,
}

fn some_step() -> impl Strategy<Value = Step> {
    let key = || 0_u16..400;
    prop_oneof![
        4 => (key(), 0_usize..9).prop_map(|(k, v)| Step::Insert(k, v)),
        4 => (1_u16..60).prop_map(Step::Append),
        2 => (key(), 0_usize..9).prop_map(|(k, v)| Step::Change(k, v)),
        3 => key().prop_map(Step::Remove),
        2 => (key(), 1_u16..80).prop_map(|(k, n)| Step::Drain(k, n)),
        1 => key().prop_map(Step::Keep),
        1 => key().prop_map(Step::Drop),
        1 => Just(Step::Clone),
    ]
}

type Map = OrderedMap<u16, Vec<u8>>;
type Model = BTreeMap<u16, Vec<u8>>;

fn assert_same(map: &Map, model: &Model, key: u16) {
    assert_shape(map.tree(), &());
    assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
    assert!(map.iter().eq(model));
    assert!(map.iter().rev().eq(model.iter().rev()));
    assert_eq!(map.get(&key), model.get(&key));
    assert_eq!(map.get_pair(&key), model.get_key_value(&key));
    let below = model.range(..key).count();
    assert_eq!(map.count_below(&key), below);
    assert!(map.iter_between(below, map.len()).eq(model.range(key..)));
    assert_eq!((map.first(), map.last()), (model.first_key_value(), model.last_key_value()));
    assert_eq!(map.nth(model.len()), None);
    // From both ends at once, until they meet.
    let mut both = map.iter();
    let (mut front, mut back) = (Vec::new(), Vec::new());
    while let Some((key, _)) = both.next() {
        front.push(*key);
        back.extend(both.next_back().map(|(key, _)| *key));
    }
    front.extend(back.into_iter().rev());
    assert!(front.iter().eq(model.keys()));
}

fn apply(step: Step, map: &mut Map, model: &mut Model) {
    match step {
        Step::Insert(key, len) => {
            map.insert(key, vec![1; len]);
            model.insert(key, vec![1; len]);
        }
        Step::Append(count) => {
            let last = model.last_key_value().map_or(0, |(key, _)| *key);
            for key in last + 1..=last + count {
                map.insert(key, vec![2]);
                model.insert(key, vec![2]);
            }
        }
        Step::Change(key, len) => {
            let changed = map.change(&key, |value| *value = vec![3; len]);
            assert_eq!(changed.is_some(), model.contains_key(&key));
            model.entry(key).and_modify(|value| *value = vec![3; len]);
        }
        Step::Remove(key) => assert_eq!(map.remove(&key), model.remove(&key)),
        Step::Drain(key, count) => {
            for key in key..key + count {
                assert_eq!(map.remove(&key), model.remove(&key));
            }
        }
        Step::Keep(key) => {
            *map = map.split_off(map.count_below(&key));
            *model = model.split_off(&key);
        }
        Step::Drop(key) => {
            let dropped = map.split_off(map.count_below(&key));
            assert!(dropped.iter().eq(&model.split_off(&key)));
        }
        Step::Clone => *map = map.clone(),
    }
}

proptest! {
    #[test]
    fn a_map_is_the_one_of_the_standard_library(
        steps in prop::collection::vec((some_step(), 0_u16..400), 1..40),
    ) {
        let (mut map, mut model) = (Map::default(), Model::new());
        let (mut kept, mut kept_model) = (map.clone(), model.clone());
        for (step, key) in steps {
            if matches!(step, Step::Clone) {
                (kept, kept_model) = (map.clone(), model.clone());
            }
            apply(step, &mut map, &mut model);
            assert_same(&map, &model, key);
        }
        assert_same(&kept, &kept_model, 0);
    }
}

#[test]
fn keys_that_arrive_in_order_fill_the_leaves() {
    let mut map = Map::default();
    (0..2000).for_each(|key| map.insert(key, Vec::new()));
    assert_filled(map.tree(), LEAF_LEN_MAX - 1);
    let bytes = map.memory_bytes();
    map.change(&7, |value| value.extend([0; 1000]));
    assert_eq!(map.memory_bytes(), bytes + 1000);
}

#[test]
fn a_change_of_a_clone_copies_a_way_and_no_more() {
    let mut map = Map::default();
    (0..2000).for_each(|key| map.insert(key, vec![0]));
    let before = map.clone();
    map.change(&1000, |value| value.push(1));
    assert!(own_nodes(map.tree(), before.tree()) <= map.tree().height + 1);
    map.insert(3000, vec![]);
    assert!(own_nodes(map.tree(), before.tree()) <= 2 * (map.tree().height + 2));
    assert_eq!((before.len(), before.get(&1000)), (2000, Some(&vec![0])));
}
