//! Maps with values and without against a tree of the standard library.

use std::collections::BTreeMap;

use ahash::RandomState;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::{LargeFields, LargeMap, LargeMembers};
use super::{assert_filled, assert_shape, own_nodes, some_string};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, Vec<u8>),
    /// Numbers from the first one on.
    Fill(u16, usize),
    /// A member that is there.
    Change(Index, Vec<u8>),
    Remove(Index, usize),
    RemoveAny(Vec<u8>),
    Clone,
}

fn some_step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        4 => (some_string(), some_string()).prop_map(|(m, v)| Step::Set(m, v)),
        4 => (0_u16..900, 1_usize..150).prop_map(|(first, n)| Step::Fill(first, n)),
        2 => (index(), some_string()).prop_map(|(i, v)| Step::Change(i, v)),
        3 => (index(), 1_usize..150).prop_map(|(i, n)| Step::Remove(i, n)),
        1 => some_string().prop_map(Step::RemoveAny),
        1 => Just(Step::Clone),
    ]
}

fn seeded() -> RandomState {
    RandomState::with_seeds(1, 2, 3, 4)
}

/// Four places, and one tag for all.
fn few_places(member: &[u8]) -> u64 {
    (member.iter().map(|byte| u64::from(*byte)).sum::<u64>() % 4) << 60
}

fn same(_member: &[u8]) -> u64 {
    7
}

fn number(n: u16) -> Vec<u8> {
    n.to_string().into_bytes()
}

fn set<const WIDTH: usize>(map: &mut LargeMap<WIDTH>, model: &mut Model, m: &[u8], v: &[u8]) {
    let value = if WIDTH == 2 { v } else { &[] };
    let is_new = model.insert(m.to_vec(), value.to_vec()).is_none();
    assert_eq!(map.contains(m), !is_new);
    assert_eq!(map.set(m, value), is_new);
    assert_eq!(map.get(m), Some(value));
}

fn remove<const WIDTH: usize>(map: &mut LargeMap<WIDTH>, model: &mut Model, m: &[u8]) {
    assert_eq!(map.remove(m), model.remove(m).is_some());
    assert_eq!((map.contains(m), map.get(m)), (false, None));
}

fn apply<const WIDTH: usize>(step: Step, map: &mut LargeMap<WIDTH>, model: &mut Model) {
    let at = |model: &Model, i: Index| {
        let i = i.index(model.len().max(1));
        model.keys().nth(i).cloned()
    };
    match step {
        Step::Set(member, value) => set(map, model, &member, &value),
        Step::Fill(first, count) => {
            (first..).take(count).for_each(|n| set(map, model, &number(n), &number(n / 2)));
        }
        Step::Change(i, value) => {
            if let Some(member) = at(model, i) {
                set(map, model, &member, &value);
            }
        }
        Step::Remove(i, count) => {
            for _ in 0..count {
                let Some(member) = at(model, i) else { break };
                remove(map, model, &member);
            }
        }
        Step::RemoveAny(member) => remove(map, model, &member),
        Step::Clone => {}
    }
}

fn assert_same<const WIDTH: usize>(map: &LargeMap<WIDTH>, model: &Model) {
    let (tree, hashing) = map.parts();
    assert_shape(tree, hashing);
    assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
    let bytes = model.iter().map(|(m, v)| m.len() + v.len()).sum::<usize>();
    assert_eq!(map.payload_bytes(), bytes);
    assert_eq!(map.iter().len(), model.len());
    let mut found: Vec<_> = map.iter().collect();
    assert!(found.iter().enumerate().all(|(i, pair)| map.nth(i) == Some(*pair)));
    assert_eq!(map.nth(model.len()), None);
    found.sort_unstable();
    assert!(found.into_iter().eq(model.iter().map(|(m, v)| (&m[..], &v[..]))));
    let mut scanned = Vec::new();
    assert_eq!(map.scan(0, usize::MAX, |member, _| scanned.push(member)), None);
    scanned.sort_unstable();
    assert!(scanned.into_iter().eq(model.keys()));
}

fn assert_steps<const WIDTH: usize>(mut map: LargeMap<WIDTH>, steps: Vec<Step>) {
    let mut model = Model::new();
    let mut clones = Vec::new();
    for step in steps {
        if matches!(step, Step::Clone) {
            clones.push((map.clone(), model.clone()));
        }
        apply(step, &mut map, &mut model);
        assert_same(&map, &model);
    }
    for (clone, model) in &clones {
        assert_same(clone, model);
    }
}

proptest! {
    #[test]
    fn a_map_holds_what_it_was_given(steps in prop::collection::vec(some_step(), 1..30)) {
        assert_steps(LargeFields::new(&seeded()), steps);
    }

    #[test]
    fn a_map_without_values_holds_its_members(
        steps in prop::collection::vec(some_step(), 1..30),
    ) {
        assert_steps(LargeMembers::new(&seeded()), steps);
    }

    #[test]
    fn members_of_equal_hashes_are_told_apart(steps in prop::collection::vec(some_step(), 1..12)) {
        assert_steps(LargeFields::hashed_by(few_places), steps.clone());
        assert_steps(LargeMembers::hashed_by(same), steps);
    }

    #[test]
    fn a_scan_visits_what_stays_once(
        changes in prop::collection::vec((some_step(), 1_usize..40), 1..40),
        few in any::<bool>(),
    ) {
        let mut map =
            if few { LargeFields::hashed_by(few_places) } else { LargeFields::new(&seeded()) };
        let mut model = Model::new();
        let stays = |n: u16| [&b"stays"[..], &number(n)].concat();
        (0..300).for_each(|n| set(&mut map, &mut model, &stays(n), b""));
        let mut others = Model::new();
        let mut changes = changes.into_iter();
        let mut seen = Vec::new();
        let mut place = Some(0);
        while let Some(at) = place {
            let count = match changes.next() {
                // Members come and go, those that stay are not known to the step.
                Some((step, count)) => {
                    apply(step, &mut map, &mut others);
                    count
                }
                None => 10,
            };
            place = map.scan(at, count, |member, _| seen.push(member.to_vec()));
            prop_assert!(place.is_none_or(|next| next > at));
        }
        seen.retain(|member| member.starts_with(b"stays"));
        seen.sort_unstable();
        prop_assert!(seen.iter().eq(model.keys()));
    }
}

fn members(count: u16) -> LargeMembers {
    let mut map = LargeMembers::new(&seeded());
    (0..count).for_each(|n| assert!(map.set(&number(n), b"")));
    map
}

#[test]
fn a_write_to_a_clone_copies_the_nodes_on_its_way_only() {
    let map = members(3000);
    let height = map.parts().0.height;
    assert!(height >= 3, "{height}");
    let mut clone = map.clone();
    assert!(!clone.set(b"1234", b"") && !clone.remove(b"none"));
    assert_eq!(own_nodes(clone.parts().0, map.parts().0), 0);
    assert!(clone.set(b"new", b""));
    assert!(own_nodes(clone.parts().0, map.parts().0) <= 2 * (height + 1) + 1);
    assert!(map.iter().eq(members(3000).iter()));
}

#[test]
fn leaves_stay_filled_as_members_go() {
    let mut map = members(4000);
    assert_filled(map.parts().0, 4);
    (0..4000).filter(|n| n % 10 != 0).for_each(|n| assert!(map.remove(&number(n))));
    assert_eq!(map.len(), 400);
    assert_filled(map.parts().0, 2);
    (0..4000).for_each(|n| assert_eq!(map.remove(&number(n)), n % 10 == 0));
    assert_eq!((map.parts().0.height, map.payload_bytes()), (0, 0));
    assert_eq!(map.memory_bytes(), members(0).memory_bytes());
}

#[test]
fn a_scan_visits_about_as_many_as_it_is_asked_for() {
    let map = members(1000);
    let mut place = Some(0);
    while let Some(at) = place {
        let mut count = 0;
        place = map.scan(at, 50, |_, _| count += 1);
        assert!(count == 50 || place.is_none(), "{count}");
    }
    assert_eq!(map.scan(u64::MAX, 10, |_, _| panic!("there is no such place")), None);
}
