//! Streams against a plain list of entries.

use proptest::prelude::*;

use super::*;
use crate::keyspace::Limits;

type OwnFields = Vec<(Vec<u8>, Vec<u8>)>;
type Model = Vec<(StreamId, OwnFields)>;

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

fn limits(bytes: usize, entries: usize) -> Limits {
    let limits = Limits::default();
    limits.set_stream_node_bytes_max(bytes);
    limits.set_stream_node_entries_max(entries);
    limits
}

fn of(entry: &StreamEntry<'_>) -> (StreamId, OwnFields) {
    let fields = entry.fields.clone();
    assert_eq!(fields.len(), fields.clone().count());
    let bytes = |(field, value): (crate::listpack::Element<'_>, crate::listpack::Element<'_>)| {
        (field.to_bytes().into_owned(), value.to_bytes().into_owned())
    };
    (entry.id, fields.map(bytes).collect())
}

fn append(stream: &mut Stream, id: StreamId, fields: &[(Vec<u8>, Vec<u8>)], limits: &Limits) {
    stream.append(id, fields.iter().map(|(field, value)| (&field[..], &value[..])), limits);
}

/// A stream of entries with the IDs 1-0 to `last`-0, and one field.
fn stream(last: u64, limits: &Limits) -> Stream {
    let mut stream = Stream::default();
    for ms in 1..=last {
        append(&mut stream, id(ms, 0), &[(b"f".to_vec(), ms.to_string().into_bytes())], limits);
    }
    stream
}

fn assert_same(stream: &Stream, model: &Model, (from, to): (StreamId, StreamId)) {
    assert_eq!(stream.len(), model.len() as u64);
    let within: Model = model.iter().filter(|(id, _)| (from..=to).contains(id)).cloned().collect();
    assert_eq!(stream.range(from, to).map(|entry| of(&entry)).collect::<Vec<_>>(), within);
    let mut back: Vec<_> = stream.range_back(from, to).map(|entry| of(&entry)).collect();
    back.reverse();
    assert_eq!(back, within);
    assert_eq!(stream.last_entry_id(), model.last().map(|(id, _)| *id));
    assert_eq!(stream.counters().first_id, model.first().map_or(StreamId::MIN, |(id, _)| *id));
    assert_eq!(stream.parts().map(|part| part.bytes.len()).sum::<usize>(), stream.parts_bytes());
    for part in stream.parts() {
        crate::listpack::entries::check(&part.bytes).expect("what is kept is sound");
    }
    let read = Stream::of_parts(stream.parts(), stream.len(), stream.counters());
    let all = |stream: &Stream| -> Model {
        stream.range(StreamId::MIN, StreamId::MAX).map(|entry| of(&entry)).collect()
    };
    assert_eq!(all(&read), all(stream));
}

#[derive(Clone, Debug)]
enum Step {
    Add(u64, u64, usize),
    Remove(prop::sample::Index),
    RemoveAbsent(u64),
    Trim(TrimTo, bool, u64),
    Clone,
}

fn some_step() -> impl Strategy<Value = Step> {
    let to = prop_oneof![
        (0_u64..30).prop_map(TrimTo::Length),
        (0_u64..60).prop_map(|ms| TrimTo::Id(id(ms, 0))),
    ];
    prop_oneof![
        8 => (0_u64..3, 0_u64..3, 0_usize..4).prop_map(|(ms, seq, n)| Step::Add(ms, seq, n)),
        3 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => (0_u64..60).prop_map(Step::RemoveAbsent),
        1 => (to, any::<bool>(), 0_u64..9).prop_map(|(to, about, n)| Step::Trim(to, about, n)),
        1 => Just(Step::Clone),
    ]
}

/// Fields of a kind: the same ones, others, and some that are integers.
fn fields(kind: usize, at: u64) -> OwnFields {
    const NAMES: [&[&[u8]]; 4] = [&[b"a", b"b"], &[b"a"], &[b"17", b"-3", b"c"], &[b"long", b""]];
    let values = [at.to_string().into_bytes(), vec![b'v'; (at as usize * 7) % 90]];
    let names = NAMES[kind].iter().enumerate();
    names.map(|(i, name)| (name.to_vec(), values[i % 2].clone())).collect()
}

fn apply(step: &Step, stream: &mut Stream, model: &mut Model, limits: &Limits) {
    match *step {
        Step::Add(ms, seq, kind) => {
            let last = stream.counters().last_id;
            let next =
                if ms == 0 { id(last.ms, last.seq + seq + 1) } else { id(last.ms + ms, seq) };
            let fields = fields(kind, next.ms);
            append(stream, next, &fields, limits);
            model.push((next, fields));
        }
        Step::Remove(at) if !model.is_empty() => {
            let (id, _) = model.remove(at.index(model.len()));
            assert!(stream.contains(id) && stream.remove(id) && !stream.contains(id));
            assert!(stream.counters().max_deleted_id >= id);
        }
        Step::Remove(_) | Step::Clone => {}
        Step::RemoveAbsent(ms) => assert!(!stream.remove(id(ms, 77))),
        Step::Trim(to, is_approximate, limit) => {
            let limit = if is_approximate { limit } else { 0 };
            let (removed, _) = stream.trim(Trim { to, is_approximate, limit });
            let goes = match to {
                TrimTo::Length(len) => model.len().saturating_sub(len as usize),
                TrimTo::Id(id) => model.iter().filter(|(other, _)| *other < id).count(),
            };
            assert!(removed as usize <= goes && (limit == 0 || removed <= limit));
            assert!(is_approximate || removed as usize == goes, "{removed} of {goes}");
            model.drain(..removed as usize);
        }
    }
}

proptest! {
    #[test]
    fn a_stream_is_a_list_of_entries(
        (bytes, entries) in prop_oneof![Just((0, 3)), Just((90, 0)), Just((4096, 100))],
        steps in prop::collection::vec((some_step(), 0_u64..60, 0_u64..60), 1..60),
    ) {
        let limits = limits(bytes, entries);
        let (mut stream, mut model) = (Stream::default(), Model::new());
        let (mut kept, mut kept_model) = (stream.clone(), model.clone());
        for (step, from, to) in steps {
            if matches!(step, Step::Clone) {
                (kept, kept_model) = (stream.clone(), model.clone());
            }
            apply(&step, &mut stream, &mut model, &limits);
            assert_same(&stream, &model, (id(from, 1), id(to, 1)));
        }
        assert_same(&kept, &kept_model, (StreamId::MIN, StreamId::MAX));
    }

    #[test]
    fn the_nodes_of_the_radix_tree_are_those_of_its_shape(
        ids in prop::collection::btree_set((0_u64..4, 0_u64..4, 0_u64..70_000), 0..40),
    ) {
        let mut stream = Stream::default();
        let one = limits(0, 1);
        let ids: Vec<_> = ids.into_iter().map(|(high, ms, seq)| id(high << 40 | ms, seq)).collect();
        for id in ids.iter().filter(|id| **id != StreamId::MIN) {
            append(&mut stream, *id, &fields(1, 1), &one);
        }
        let keys: Vec<_> = stream.parts().map(|part| part.first_id.to_bytes()).collect();
        prop_assert_eq!(stream.radix_nodes(), 1 + below(&keys.iter().map(|key| &key[..]).collect::<Vec<_>>()));
    }
}

/// Counts the nodes below one, by walking the tree of some keys byte by byte.
fn below(keys: &[&[u8]]) -> usize {
    let Some(first) = keys.first().filter(|key| !key.is_empty()) else { return 0 };
    let shared =
        (0..first.len()).take_while(|at| keys.iter().all(|key| key[*at] == first[*at])).count();
    if shared > 0 {
        let rest: Vec<_> = keys.iter().map(|key| &key[shared..]).collect();
        return 1 + below(&rest);
    }
    let mut count = 0;
    for byte in 0..=u8::MAX {
        let rest: Vec<_> = keys.iter().filter(|key| key[0] == byte).map(|key| &key[1..]).collect();
        count += usize::from(!rest.is_empty()) + below(&rest);
    }
    count
}

#[test]
fn packs_are_filled_as_the_limits_say() {
    let sizes =
        |stream: &Stream| stream.packs.iter().map(|(_, pack)| pack.live()).collect::<Vec<_>>();
    assert_eq!(sizes(&stream(250, &Limits::default())), [100, 100, 50]);
    assert_eq!(sizes(&stream(7, &limits(0, 3))), [3, 3, 1]);
    assert_eq!(sizes(&stream(7, &limits(0, 0))), [7]);
    let mut removed = stream(3, &limits(0, 3));
    removed.remove(id(2, 0));
    append(&mut removed, id(4, 0), &fields(1, 1), &limits(0, 3));
    assert_eq!(sizes(&removed), [2, 1], "what was removed counts too");
}

#[test]
fn what_no_file_could_hold_is_too_much_for_an_entry() {
    const MAX: usize = crate::listpack::BYTES_MAX;
    assert!(!Stream::is_too_much(MAX - 1000, 2) && Stream::is_too_much(MAX, 2));
    assert!(Stream::is_too_much(MAX / 2, MAX / 4) && Stream::is_too_much(usize::MAX, usize::MAX));
}

#[test]
fn a_write_to_a_clone_copies_one_pack() {
    let limits = Limits::default();
    let mut stream = stream(20_000, &limits);
    let before = stream.clone();
    append(&mut stream, id(30_000, 0), &fields(0, 1), &limits);
    assert!(stream.remove(id(10_000, 0)));
    let addresses = |stream: &Stream| -> std::collections::HashSet<_> {
        stream.packs.iter().map(|(_, pack)| pack.address()).collect()
    };
    assert_eq!(addresses(&stream).difference(&addresses(&before)).count(), 2);
    assert_eq!((before.len(), stream.len()), (20_000, 20_000));
    assert!(before.contains(id(10_000, 0)) && !before.contains(id(30_000, 0)));
}

#[test]
fn what_is_pending_is_pending_for_one_consumer() {
    let mut group = Group::new(id(0, 0), None);
    assert!(group.add_consumer(b"a", 5) && !group.add_consumer(b"a", 6));
    assert!(group.add_consumer(b"b", 5));
    let counts = |group: &Group| {
        let of = |name: &[u8]| group.consumer(name).map_or(99, Consumer::pending_count);
        (group.pending_count(), of(b"a"), of(b"b"))
    };
    for ms in 1..=9 {
        assert!(group.assign(id(ms, 0), b"a", 100, 1));
    }
    assert!(!group.assign(id(10, 0), b"nobody", 100, 1));
    assert_eq!(counts(&group), (9, 9, 0));
    assert!(group.assign(id(3, 0), b"b", 200, 2) && group.assign(id(3, 0), b"b", 300, 3));
    assert_eq!(counts(&group), (9, 8, 1));
    let pending = group.pending(id(3, 0)).expect("it is pending");
    assert_eq!((pending.delivered_ms, pending.deliveries, &*pending.consumer), (300, 3, &b"b"[..]));
    assert!(group.acknowledge(id(3, 0)) && !group.acknowledge(id(3, 0)));
    assert!(group.redeliver(id(4, 0), 7, 8) && !group.redeliver(id(3, 0), 7, 8));
    assert_eq!(counts(&group), (8, 8, 0));
    let kept = group.clone();
    assert_eq!(group.remove_consumer(b"a").map(|consumer| consumer.pending_count()), Some(8));
    assert_eq!((counts(&group), counts(&kept)), ((0, 99, 0), (8, 8, 0)));
}
