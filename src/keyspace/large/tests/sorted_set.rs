//! Sorted sets against a sorted vector.

#![expect(clippy::float_cmp, reason = "scores are equal or they are not")]

use ahash::RandomState;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::node::LEAF_LEN_MAX;
use super::super::{LargeSortedSet, RankedPart, Scored, Side};
use super::{assert_filled, assert_shape, own_nodes, some_string};

/// In the order of the sorted set.
type Model = Vec<(Vec<u8>, f64)>;

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, f64),
    /// Numbers from the first one on, each with the score that a multiple of it comes to.
    Fill(u16, usize, u16),
    Move(Index, f64),
    Remove(Index, usize),
    RemoveAny(Vec<u8>),
    RemoveRange(Index, Index),
    Clone,
}

fn some_score() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-20_i8..20).prop_map(f64::from),
        1 => Just(-0.0),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        2 => -1e9_f64..1e9,
    ]
}

fn some_step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        4 => (some_string(), some_score()).prop_map(|(m, s)| Step::Set(m, s)),
        4 => (0_u16..900, 1_usize..150, 0_u16..200).prop_map(|(f, n, by)| Step::Fill(f, n, by)),
        3 => (index(), some_score()).prop_map(|(i, s)| Step::Move(i, s)),
        3 => (index(), 1_usize..100).prop_map(|(i, n)| Step::Remove(i, n)),
        1 => some_string().prop_map(Step::RemoveAny),
        1 => (index(), index()).prop_map(|(a, b)| Step::RemoveRange(a, b)),
        1 => Just(Step::Clone),
    ]
}

fn empty() -> LargeSortedSet {
    LargeSortedSet::new(&RandomState::with_seeds(1, 2, 3, 4))
}

fn number(n: u16) -> Vec<u8> {
    n.to_string().into_bytes()
}

fn place(model: &Model, member: &[u8]) -> Option<usize> {
    model.iter().position(|(other, _)| other == member)
}

fn set(sorted: &mut LargeSortedSet, model: &mut Model, member: &[u8], score: f64) {
    let old = place(model, member).map(|i| model.remove(i).1);
    let expected = match old {
        None => Scored::Added,
        Some(old) if old == score => Scored::Same,
        Some(_) => Scored::Moved,
    };
    let kept = if expected == Scored::Same { old.unwrap() } else { score };
    let at = model.partition_point(|(m, s)| *s < kept || (*s == kept && &m[..] < member));
    model.insert(at, (member.to_vec(), kept));
    assert_eq!(sorted.set(member, score), expected);
    assert_eq!(sorted.score(member).map(f64::to_bits), Some(kept.to_bits()));
    assert_eq!(sorted.rank(member), Some(at));
}

fn remove(sorted: &mut LargeSortedSet, model: &mut Model, member: &[u8]) {
    let score = place(model, member).map(|i| model.remove(i).1);
    assert_eq!(sorted.remove(member), score);
    assert_eq!((sorted.score(member), sorted.rank(member)), (None, None));
}

fn apply(step: Step, sorted: &mut LargeSortedSet, model: &mut Model) {
    match step {
        Step::Set(member, score) => set(sorted, model, &member, score),
        Step::Fill(first, count, by) => (first..).take(count).for_each(|n| {
            set(sorted, model, &number(n), f64::from(n.wrapping_mul(by)));
        }),
        Step::Move(i, score) if !model.is_empty() => {
            let member = model[i.index(model.len())].0.clone();
            set(sorted, model, &member, score);
        }
        Step::Remove(i, count) => {
            for _ in 0..count.min(model.len()) {
                let member = model[i.index(model.len())].0.clone();
                remove(sorted, model, &member);
            }
        }
        Step::RemoveAny(member) => remove(sorted, model, &member),
        Step::RemoveRange(a, b) => {
            let (a, b) = (a.index(model.len() + 1), b.index(model.len() + 1));
            let part = sorted.remove_range(a.min(b)..a.max(b));
            let removed: Model = model.drain(a.min(b)..a.max(b)).collect();
            assert_eq!((part.len(), part.is_empty()), (removed.len(), removed.is_empty()));
            assert!(part.iter().eq(pairs(&removed)));
        }
        Step::Move(..) | Step::Clone => {}
    }
}

fn pairs(model: &[(Vec<u8>, f64)]) -> impl DoubleEndedIterator<Item = (&[u8], f64)> {
    model.iter().map(|(member, score)| (&member[..], *score))
}

fn assert_same(sorted: &LargeSortedSet, model: &Model) {
    let (ranks, scores) = sorted.parts();
    assert_shape(ranks, &());
    assert_shape(scores.parts().0, scores.parts().1);
    assert_eq!((sorted.len(), scores.len()), (model.len(), model.len()));
    assert_eq!(sorted.is_empty(), model.is_empty());
    assert_eq!(sorted.payload_bytes(), model.iter().map(|(m, _)| m.len()).sum::<usize>());
    assert!(sorted.iter_from(0).eq(pairs(model)));
    for (member, score) in model {
        assert_eq!(sorted.score(member), Some(*score));
    }
}

fn assert_same_at(sorted: &LargeSortedSet, model: &Model, i: usize, score: f64) {
    assert_eq!(sorted.nth(i), pairs(model).nth(i));
    let upward = sorted.iter_from(i);
    assert_eq!(upward.len(), model.len() - i);
    assert!(upward.eq(pairs(&model[i..])));
    let downward = sorted.iter_back_from(i);
    assert_eq!(downward.len(), (i + 1).min(model.len()));
    assert!(downward.eq(pairs(&model[..(i + 1).min(model.len())]).rev()));
    let at = model.get(i).map_or(score, |(_, score)| *score);
    for score in [score, at] {
        let below = model.iter().filter(|(_, s)| *s < score).count();
        let equal = model.iter().filter(|(_, s)| *s == score).count();
        assert_eq!(sorted.rank_by_score(score, Side::Left), below);
        assert_eq!(sorted.rank_by_score(score, Side::Right), below + equal);
    }
}

proptest! {
    #[test]
    fn a_sorted_set_is_in_order_and_its_clones_stay(
        steps in prop::collection::vec((some_step(), any::<Index>(), some_score()), 1..30),
    ) {
        let (mut sorted, mut model) = (empty(), Model::new());
        let mut clones = Vec::new();
        for (step, at, score) in steps {
            if matches!(step, Step::Clone) {
                clones.push((sorted.clone(), model.clone()));
            }
            apply(step, &mut sorted, &mut model);
            assert_same(&sorted, &model);
            assert_same_at(&sorted, &model, at.index(model.len() + 1), score);
        }
        for (clone, model) in &clones {
            assert_same(clone, model);
        }
    }

    #[test]
    fn members_of_one_score_are_ranked_by_their_bytes(
        members in prop::collection::btree_set("[ab]{0,9}", 0..300),
        asked in prop::collection::vec("[abc]{0,9}", 20),
    ) {
        let mut sorted = empty();
        for member in members.iter().rev() {
            prop_assert_eq!(sorted.set(member.as_bytes(), 1.5), Scored::Added);
        }
        assert_shape(sorted.parts().0, &());
        for member in members.iter().take(20).chain(&asked) {
            let below = members.iter().filter(|other| *other < member).count();
            let equal = usize::from(members.contains(member));
            prop_assert_eq!(sorted.rank_by_member(member.as_bytes(), Side::Left), below);
            prop_assert_eq!(sorted.rank_by_member(member.as_bytes(), Side::Right), below + equal);
        }
    }
}

fn ranked(count: u16) -> LargeSortedSet {
    let mut sorted = empty();
    for n in 0..count {
        assert_eq!(sorted.set(&number(n), f64::from(n)), Scored::Added);
    }
    sorted
}

#[test]
fn leaves_are_full_when_members_arrive_in_order() {
    assert_filled(ranked(1000).parts().0, LEAF_LEN_MAX);
    let mut sorted = empty();
    for n in (0..1000).rev() {
        sorted.set(&number(n), f64::from(n));
    }
    assert_filled(sorted.parts().0, LEAF_LEN_MAX);
    assert!(sorted.iter_from(0).eq(ranked(1000).iter_from(0)));
}

#[test]
fn a_write_to_a_clone_copies_the_nodes_on_its_way_only() {
    let sorted = ranked(3000);
    let height = sorted.parts().0.height;
    assert!(height >= 3, "{height}");
    let mut clone = sorted.clone();
    assert_eq!((clone.set(b"7", 7.0), clone.remove(b"none")), (Scored::Same, None));
    assert_eq!(own_nodes(clone.parts().0, sorted.parts().0), 0);
    assert_eq!(clone.remove(b"1234"), Some(1234.0));
    let few = 2 * (height + 1) + 1;
    assert!(own_nodes(clone.parts().0, sorted.parts().0) <= few);
    assert!(own_nodes(clone.parts().1.parts().0, sorted.parts().1.parts().0) <= few);
    assert!(sorted.iter_from(0).eq(ranked(3000).iter_from(0)));
}

#[test]
fn a_score_of_minus_zero_is_that_of_zero() {
    let mut sorted = empty();
    assert_eq!(sorted.set(b"b", 0.0), Scored::Added);
    assert_eq!(sorted.set(b"b", -0.0), Scored::Same);
    assert_eq!(sorted.set(b"a", -0.0), Scored::Added);
    assert_eq!(sorted.set(b"c", -0.0), Scored::Added);
    let members: Vec<_> = sorted.iter_from(0).map(|(member, _)| member).collect();
    assert_eq!(members, [b"a", b"b", b"c"]);
    assert_eq!(sorted.rank_by_score(0.0, Side::Left), 0);
    assert_eq!(sorted.rank_by_score(-0.0, Side::Right), 3);
}

#[test]
fn all_ranks_can_be_removed_at_once() {
    let mut sorted = ranked(2000);
    let part: RankedPart = sorted.remove_range(0..2000);
    assert!(part.iter().eq(ranked(2000).iter_from(0)));
    assert_eq!((sorted.len(), sorted.memory_bytes()), (0, empty().memory_bytes()));
    assert_eq!((sorted.nth(0), sorted.iter_back_from(0).next()), (None, None));
}
