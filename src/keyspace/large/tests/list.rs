//! Lists against a vector.

use std::mem;

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::LargeList;
use super::super::node::Leaf;
use super::super::run::Run;
use super::{assert_filled, assert_shape, own_nodes, some_string};

#[derive(Clone, Debug)]
enum Step {
    Insert(Index, Vec<u8>),
    /// Several at once, so that trees grow high.
    Fill(Index, usize),
    PushFront(usize),
    PushBack(usize),
    Set(Index, Vec<u8>),
    Remove(Index, usize),
    PopFront(usize),
    PopBack(usize),
    /// Cuts off the elements from here on; kept aside, or put in front.
    Keep(Index),
    Swap(Index),
    /// Appends what was kept aside.
    Append,
    Clone,
}

type Model = Vec<Vec<u8>>;

fn some_step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), some_string()).prop_map(|(i, s)| Step::Insert(i, s)),
        4 => (index(), 1_usize..120).prop_map(|(i, n)| Step::Fill(i, n)),
        2 => (1_usize..60).prop_map(Step::PushFront),
        2 => (1_usize..60).prop_map(Step::PushBack),
        2 => (index(), some_string()).prop_map(|(i, s)| Step::Set(i, s)),
        3 => (index(), 1_usize..120).prop_map(|(i, n)| Step::Remove(i, n)),
        1 => (1_usize..60).prop_map(Step::PopFront),
        1 => (1_usize..60).prop_map(Step::PopBack),
        2 => index().prop_map(Step::Keep),
        2 => index().prop_map(Step::Swap),
        2 => Just(Step::Append),
        1 => Just(Step::Clone),
    ]
}

fn assert_same(list: &LargeList, model: &Model) {
    assert_shape(list.tree(), &());
    assert_eq!((list.len(), list.is_empty()), (model.len(), model.is_empty()));
    assert_eq!(list.payload_bytes(), model.iter().map(Vec::len).sum::<usize>());
    assert!(list.iter_from(0).eq(model));
    assert_eq!(list.get(model.len()), None);
}

fn assert_same_from(list: &LargeList, model: &Model, i: usize) {
    assert_eq!(list.get(i), model.get(i).map(|element| &element[..]));
    let forward = list.iter_from(i);
    assert_eq!(forward.len(), model.len() - i);
    assert!(forward.eq(&model[i..]));
    let backward = list.iter_back_from(i);
    assert_eq!(backward.len(), (i + 1).min(model.len()));
    assert!(backward.eq(model.iter().take(i + 1).rev()));
}

fn apply(step: Step, list: &mut LargeList, model: &mut Model, kept: &mut (LargeList, Model)) {
    match step {
        Step::Insert(i, string) => {
            let i = i.index(model.len() + 1);
            list.insert(i, &string);
            model.insert(i, string);
        }
        Step::Fill(i, count) => {
            let i = i.index(model.len() + 1);
            for n in 0..count {
                list.insert(i + n / 2, n.to_string().as_bytes());
                model.insert(i + n / 2, n.to_string().into_bytes());
            }
        }
        Step::PushFront(count) => (0..count).for_each(|n| {
            list.push_front(n.to_string().as_bytes());
            model.insert(0, n.to_string().into_bytes());
        }),
        Step::PushBack(count) => (0..count).for_each(|n| {
            list.push_back(n.to_string().as_bytes());
            model.push(n.to_string().into_bytes());
        }),
        Step::Set(i, string) if !model.is_empty() => {
            let i = i.index(model.len());
            list.set(i, &string);
            model[i] = string;
        }
        Step::Remove(i, count) => {
            for _ in 0..count.min(model.len()) {
                let i = i.index(model.len());
                assert_eq!(list.remove(i), model.remove(i));
            }
        }
        Step::PopFront(count) => (0..count).for_each(|_| {
            let first = (!model.is_empty()).then(|| model.remove(0));
            assert_eq!(list.pop_front(), first);
        }),
        Step::PopBack(count) => (0..count).for_each(|_| assert_eq!(list.pop_back(), model.pop())),
        Step::Keep(i) => {
            let i = i.index(model.len() + 1);
            *kept = (list.split_off(i), model.split_off(i));
        }
        Step::Swap(i) => {
            let i = i.index(model.len() + 1);
            let mut tail = list.split_off(i);
            tail.append(mem::replace(list, LargeList::new()));
            *list = tail;
            model.rotate_left(i);
        }
        Step::Append => {
            list.append(kept.0.clone());
            model.extend(kept.1.iter().cloned());
        }
        Step::Set(..) | Step::Clone => {}
    }
}

proptest! {
    #[test]
    fn a_list_is_a_vector_and_its_clones_stay(
        steps in prop::collection::vec((some_step(), any::<Index>()), 1..40),
    ) {
        let (mut list, mut model) = (LargeList::new(), Model::new());
        let mut kept = (LargeList::new(), Model::new());
        let mut clones = Vec::new();
        for (step, at) in steps {
            if matches!(step, Step::Clone) {
                clones.push((list.clone(), model.clone()));
            }
            apply(step, &mut list, &mut model, &mut kept);
            assert_same(&list, &model);
            assert_same(&kept.0, &kept.1);
            assert_same_from(&list, &model, at.index(model.len() + 1));
        }
        for (clone, model) in &clones {
            assert_same(clone, model);
        }
    }
}

fn numbers(range: std::ops::Range<usize>) -> LargeList {
    let mut list = LargeList::new();
    range.for_each(|n| list.push_back(n.to_string().as_bytes()));
    list
}

#[test]
fn leaves_are_full_when_elements_arrive_at_an_end() {
    let count = 64 * Run::LEN_MAX;
    assert_filled(numbers(0..count).tree(), Run::LEN_MAX);
    let mut list = LargeList::new();
    (0..count).for_each(|n: usize| list.push_front(n.to_string().as_bytes()));
    assert_filled(list.tree(), Run::LEN_MAX);
    assert_shape(list.tree(), &());
}

#[test]
fn a_write_to_a_clone_copies_the_nodes_on_its_way_only() {
    let list = numbers(0..10_000);
    let height = list.tree().height;
    assert!(height >= 3, "{height}");
    let mut clone = list.clone();
    assert_eq!(own_nodes(clone.tree(), list.tree()), 0);
    clone.set(7770, b"other");
    assert_eq!(own_nodes(clone.tree(), list.tree()), height + 1);
    let mut clone = list.clone();
    // Each inner node on the way may split.
    clone.insert(6789, b"other");
    assert!(own_nodes(clone.tree(), list.tree()) <= 2 * (height + 1) + 1);
    assert!(list.iter_from(0).eq(numbers(0..10_000).iter_from(0)));
}

#[test]
fn a_cut_and_a_join_copy_few_nodes() {
    let list = numbers(0..5000);
    let mut head = list.clone();
    let tail = head.split_off(2345);
    let few = 6 * (list.tree().height + 1);
    assert!(own_nodes(head.tree(), list.tree()) <= few);
    assert!(own_nodes(tail.tree(), list.tree()) <= few);
    let mut joined = head.clone();
    joined.append(tail.clone());
    assert_shape(joined.tree(), &());
    assert!(joined.iter_from(0).eq(list.iter_from(0)));
}

#[test]
fn a_long_element_has_a_leaf_of_its_own() {
    let mut list = numbers(0..6);
    list.insert(3, &[b'x'; 5000]);
    assert_eq!(list.tree().leaves().map(super::Run::len).collect::<Vec<_>>(), [3, 1, 3]);
    // What comes beside it leaves it as it is.
    let shared = list.clone();
    list.insert(4, b"right");
    list.insert(3, b"left");
    (0..100).for_each(|_| list.insert(5, b"more"));
    assert_shape(list.tree(), &());
    assert_filled(list.tree(), Run::LEN_MAX / 3);
    let is_long = |leaf: &&super::Run| leaf.bytes_len() > 5000;
    let leaf = |list: &LargeList| {
        let found: Vec<*const super::Run> =
            list.tree().leaves().filter(is_long).map(|leaf| &raw const *leaf).collect();
        assert_eq!(found.len(), 1);
        found[0]
    };
    assert_eq!(leaf(&list), leaf(&shared));
    assert_eq!(list.remove(4).len(), 5000);
    assert_eq!(list.len(), 108);
}

#[test]
fn a_list_taken_apart_is_empty_again() {
    let mut list = numbers(0..3000);
    let empty = LargeList::new().memory_bytes();
    for n in 0..3000 {
        // From the middle outwards, so that leaves join.
        let at = list.len() / 2;
        list.remove(at);
        if n % 100 == 0 {
            assert_shape(list.tree(), &());
        }
    }
    assert_eq!((list.len(), list.payload_bytes()), (0, 0));
    assert_eq!(list.memory_bytes(), empty);
    assert_eq!((list.pop_front(), list.pop_back(), list.tree().height), (None, None, 0));
}
