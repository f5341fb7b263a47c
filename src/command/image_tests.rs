//! Images taken again and again while commands change values of every type, small and large.

use crate::keyspace::{Entry, Image, Keyspace, Kind, StreamId, Value};

use super::testing::{Bench, NOW_MS};

const KEYS_OF_A_KIND: usize = 4;
const CUTS: usize = 3000;
/// How many images are held at the same time.
const HELD: usize = 4;

/// A key with all it holds, as plain bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plain {
    kind: Kind,
    expiry: Option<i64>,
    parts: Vec<Vec<u8>>,
}

impl Plain {
    fn of(entry: &Entry<'_>) -> Self {
        let mut parts = Vec::new();
        match entry.value() {
            Value::String(string) => {
                parts.push(Vec::new());
                string.write_to(&mut parts[0]);
            }
            Value::List(list) => parts.extend(list.iter().map(<[u8]>::to_vec)),
            Value::Set(set) => {
                parts.extend(set.iter().map(|member| member.as_bytes(&mut [0; 20]).to_vec()));
            }
            Value::SortedSet(set) => parts.extend(set.iter().flat_map(|member| {
                [member.bytes.to_vec(), member.score.to_bits().to_be_bytes().to_vec()]
            })),
            Value::Hash(hash) => {
                parts.extend(hash.iter().flat_map(|(f, v)| [f.to_vec(), v.to_vec()]));
            }
            Value::Stream(stream) => {
                parts.extend(stream.parts().map(|part| part.bytes.into_owned()));
                parts.push(format!("{:?}", stream.counters()).into_bytes());
                for (name, group) in stream.groups() {
                    let pending: Vec<_> = group.pending_from(StreamId::MIN).collect();
                    parts.push(format!("{name:?} {:?} {pending:?}", group.last_id).into_bytes());
                }
            }
        }
        Self { kind: entry.kind(), expiry: entry.expiry(), parts }
    }

    /// Without the order of what has none, which differs between two keyspaces.
    fn in_order(mut self) -> Self {
        match self.kind {
            Kind::Set => self.parts.sort_unstable(),
            Kind::Hash => {
                let mut pairs: Vec<_> = self.parts.chunks(2).map(<[Vec<u8>]>::to_vec).collect();
                pairs.sort_unstable();
                self.parts = pairs.concat();
            }
            Kind::String | Kind::List | Kind::SortedSet | Kind::Stream => {}
        }
        self
    }
}

/// `SplitMix64`: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// A command whose outcome depends on nothing but the data, and the keys that it may change.
fn command(random: &mut Random) -> (String, Vec<String>) {
    let kind = random.pick(&["s", "b", "l", "S", "z", "h", "x"]);
    let keys = [(); 2].map(|()| format!("{kind}:{}", random.below(KEYS_OF_A_KIND)));
    let [key, other] = &keys;
    // The first key of each kind stays below the thresholds, for the most part.
    let reach = if key.ends_with(":0") { 12 } else { 900 };
    let (n, m) = (random.below(reach), random.below(reach));
    let text = "x".repeat(random.below(40));
    let many = |random: &mut Random, form: &dyn Fn(usize) -> String| {
        let count = if random.below(20) == 0 { reach.min(300) } else { 1 + random.below(3) };
        (0..count).map(|_| form(random.below(reach))).collect::<Vec<_>>().join(" ")
    };
    if random.below(60) == 0 {
        return match random.below(5) {
            0 => (format!("COPY {key} {other} REPLACE"), keys.to_vec()),
            1 => (format!("RENAME {key} {other}"), keys.to_vec()),
            2 => (format!("PEXPIREAT {key} 9999999999{n:03}"), keys.to_vec()),
            3 => (format!("PERSIST {key}"), keys.to_vec()),
            _ => (format!("DEL {key}"), keys.to_vec()),
        };
    }
    let line = match (kind, random.below(8)) {
        ("s", 0..=3) => format!("SET {key} {text}{n}"),
        ("s", _) => format!("APPEND {key} {n}"),
        ("b", 0) => format!("SETRANGE {key} {} {text}", 300_000 + n * 300),
        ("b", 1..=3) => format!("SETRANGE {key} {} {text}{n}", n * 400),
        ("b", 4) => format!("SETBIT {key} {} {}", n * 3000, m % 2),
        ("b", 5) => format!("BITFIELD {key} SET u32 {} {m}", n * 2999),
        ("b", _) => format!("APPEND {key} {text}{n}"),
        ("x", 0..=2) => format!("XADD {key} * {} {text}{m}", ["f", "g"][n % 2]),
        ("x", 3) => format!("XTRIM {key} MAXLEN ~ {reach}"),
        ("x", 4) => format!("XDEL {key} {}", NOW_MS as usize + n),
        ("x", 5) => format!("XGROUP CREATE {key} g{} 0 MKSTREAM", n % 5),
        ("x", 6) => format!("XREADGROUP GROUP g{} c{} COUNT 9 STREAMS {key} >", n % 5, m % 9),
        ("x", _) => format!("XACK {key} g{} {}", n % 5, NOW_MS as usize + m),
        ("l", 0) => format!("LPUSH {key} {}", many(random, &|n| format!("{text}{n}"))),
        ("l", 1 | 2) => format!("RPUSH {key} {}", many(random, &|n| format!("{text}{n}"))),
        ("l", 3) => format!("LSET {key} {n} {text}{m}"),
        ("l", 4) => format!("LINSERT {key} BEFORE {n} {text}{m}"),
        ("l", 5) => format!("LREM {key} {} {n}", m as i64 % 3 - 1),
        ("l", 6) => format!("LTRIM {key} {} -{}", n % 5, 1 + m % 5),
        ("l", _) => format!("LMOVE {key} {other} LEFT RIGHT"),
        ("S", 0..=2) => format!("SADD {key} {}", many(random, &|n| format!("{n}"))),
        ("S", 3) => format!("SADD {key} {text}{n}"),
        ("S", 4 | 5) => format!("SREM {key} {}", many(random, &|n| format!("{n}"))),
        ("S", 6) if n % 10 == 0 => format!("SUNIONSTORE {key} {key} {other}"),
        ("S", _) => format!("SMOVE {key} {other} {n}"),
        ("z", 0..=2) => format!("ZADD {key} {}", many(random, &|n| format!("{m}.5 {n}"))),
        ("z", 3) => format!("ZINCRBY {key} 7.25 {n}"),
        ("z", 4) => format!("ZREM {key} {}", many(random, &|n| format!("{n}"))),
        ("z", 5) => format!("ZREMRANGEBYRANK {key} {n} {}", n + m % 30),
        ("z", 6) if n % 10 == 0 => format!("ZUNIONSTORE {key} 2 {key} {other}"),
        ("z", _) => format!("ZPOPMIN {key} {}", m % 9),
        ("h", 0..=3) => format!("HSET {key} {}", many(random, &|n| format!("f{n} {text}{m}"))),
        ("h", 4) => format!("HINCRBY {key} n{} {m}", n % 50),
        (_, _) => format!("HDEL {key} {}", many(random, &|n| format!("f{n}"))),
    };
    (line, keys.to_vec())
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.keyspace = Keyspace::with_partition_limit(16, 4);
    let limits = bench.keyspace.limits();
    limits.set_hash_entries_max(16);
    limits.set_zset_entries_max(16);
    limits.set_set_entries_max(16);
    limits.set_set_integers_max(24);
    limits.set_list_size_max(16);
    bench
}

/// What every key holds, by its name.
type Model = std::collections::BTreeMap<Vec<u8>, std::rc::Rc<Plain>>;

/// Reads again what these keys hold.
fn note(model: &mut Model, bench: &Bench, keys: &[String]) {
    let mut locked = bench.keyspace.lock_all();
    for name in keys {
        let db = locked.db(0);
        match db.find(&bench.keyspace.key(name.as_bytes())) {
            Some(entry) => drop(model.insert(name.clone().into(), Plain::of(&entry).into())),
            None => drop(model.remove(name.as_bytes())),
        }
    }
}

fn assert_holds(mut image: Image, model: &Model) {
    let mut found = 0;
    while let Some(part) = image.next_part() {
        part.for_each(|entry| {
            let name = String::from_utf8_lossy(entry.key());
            let then = model.get(entry.key()).unwrap_or_else(|| panic!("{name} was not there"));
            assert!(Plain::of(&entry) == **then, "{name} is not what it was");
            found += 1;
        });
    }
    assert_eq!(found, model.len());
}

#[test]
fn thousands_of_images_stay_as_they_were_whatever_is_written() {
    let (mut cut, mut plain) = (bench(), bench());
    let mut random = Random(20_261_127);
    let (mut model, mut held) = (Model::new(), std::collections::VecDeque::new());
    let (mut kinds, mut large) = (std::collections::BTreeMap::new(), 0);
    for _ in 0..CUTS {
        for _ in 0..=random.below(6) {
            let (line, keys) = command(&mut random);
            let reply = cut.reply(&line);
            assert_eq!(reply, plain.reply(&line), "{line}");
            assert!(!reply.starts_with("-ERR syntax") && !reply.contains("unknown"), "{line}");
            note(&mut model, &cut, &keys);
        }
        held.push_back((cut.keyspace.lock_all().image(), model.clone()));
        if held.len() > random.below(HELD) {
            let (image, model) = held.pop_front().expect("one was just put there");
            assert_holds(image, &model);
        }
        for value in model.values() {
            *kinds.entry(value.kind as usize).or_insert(0) += 1;
            large += usize::from(value.parts.len() > 400 || value.parts[0].len() > 256 << 10);
        }
    }
    for (image, model) in held {
        assert_holds(image, &model);
    }
    assert!(kinds.len() == 6 && large > CUTS * 4, "{kinds:?}, {large} large ones");
    // No write has done anything else for the images that shared what it wrote to.
    let mut other = Model::new();
    let names: Vec<_> = model.keys().map(|name| String::from_utf8_lossy(name).into()).collect();
    note(&mut other, &plain, &names);
    let in_order = |model: Model| -> Vec<_> {
        model.into_iter().map(|(name, plain)| (name, (*plain).clone().in_order())).collect()
    };
    assert!(in_order(model) == in_order(other), "the twin without images holds something else");
}
