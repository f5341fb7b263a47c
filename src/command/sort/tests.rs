use crate::command::expecting::expect;
use crate::command::testing::Bench;
use crate::keyspace::ScoreSet;

const NOT_A_WEIGHT: &str = "-ERR One or more scores can't be converted into double";

fn array(elements: &[&str]) -> String {
    let bulks = elements.iter().map(|element| format!(" ${} {element}", element.len()));
    format!("*{}{}", elements.len(), bulks.collect::<String>())
}

/// A bench with the list `l`, and keys that weigh its elements.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.run("RPUSH l 3 10 2 1");
    bench.run("MSET w_1 40 w_2 30 w_3 20 w_10 10 text x");
    bench.run("HSET h_1 f one g 5");
    bench.run("HSET h_10 f ten");
    bench
}

#[test]
fn elements_are_sorted_by_number_or_by_their_bytes() {
    let mut bench = bench();
    for (words, elements) in [
        ("SORT l", &["1", "2", "3", "10"][..]),
        ("SORT l DESC", &["10", "3", "2", "1"]),
        ("SORT_RO l ALPHA", &["1", "10", "2", "3"]),
        ("SORT l alpha desc limit 1 2", &["2", "10"]),
        ("SORT l LIMIT 3 9", &["10"]),
        ("SORT l LIMIT 9 1", &[]),
        ("SORT l LIMIT -5 2", &["1", "2"]),
        ("SORT l LIMIT 2 0", &[]),
        ("SORT l DESC ASC LIMIT 1 -1", &["2", "3", "10"]),
        ("SORT none", &[]),
    ] {
        expect(&mut bench, words, &array(elements), &[]);
    }
    bench.run("RPUSH l x");
    expect(&mut bench, "SORT l", NOT_A_WEIGHT, &[]);
}

#[test]
fn other_keys_weigh_elements_or_stand_for_them() {
    let mut bench = bench();
    for (words, elements) in [
        ("SORT l BY w_*", &["10", "3", "2", "1"][..]),
        ("SORT l BY w_* DESC LIMIT 0 1", &["1"]),
        ("SORT l BY h_*->g", &["10", "2", "3", "1"]),
        ("SORT l BY h_*->f ALPHA", &["3", "2", "1", "10"]),
        ("SORT l GET w_* GET #", &["40", "1", "30", "2", "20", "3", "10", "10"]),
        ("SORT l BY nosort", &["3", "10", "2", "1"]),
        ("SORT l BY nosort DESC LIMIT 1 2", &["2", "10"]),
        ("SORT l BY nosort BY w_*", &["3", "10", "2", "1"]),
    ] {
        expect(&mut bench, words, &array(elements), &[]);
    }
    let words = "SORT l GET h_*->f GET w_*->f GET h_* GET text LIMIT 0 1";
    expect(&mut bench, words, "*4 $3 one $-1 $-1 $-1", &[]);
    bench.run("SET w_2 x");
    expect(&mut bench, "SORT l BY w_*", NOT_A_WEIGHT, &[]);
}

#[test]
fn a_result_is_stored_by_the_request_itself() {
    let mut bench = bench();
    bench.run("SET d x EX 100");
    let words = "SORT l BY w_* GET w_* GET h_*->f STORE d";
    expect(&mut bench, words, ":8", &[words]);
    let stored = array(&["10", "ten", "20", "", "30", "", "40", "one"]);
    assert_eq!(bench.reply("LRANGE d 0 -1"), stored);
    assert_eq!(bench.reply("TTL d"), ":-1");
    expect(&mut bench, "SORT none STORE d", ":0", &["SORT none STORE d"]);
    assert_eq!(bench.reply("EXISTS d"), ":0");
    expect(&mut bench, "SORT none STORE d", ":0", &[]);
    expect(&mut bench, "SORT l STORE l", ":4", &["SORT l STORE l"]);
    assert_eq!(bench.reply("LRANGE l 0 -1"), array(&["1", "2", "3", "10"]));
}

#[test]
fn what_other_servers_may_sort_otherwise_is_told_by_its_result() {
    let mut bench = bench();
    let words = "SORT l BY none_* ALPHA LIMIT 1 2 STORE d";
    expect(&mut bench, words, ":2", &["RPUSH d 10 2"]);
    expect(&mut bench, words, ":2", &["DEL d", "RPUSH d 10 2"]);
    let words = "SORT none BY none_* ALPHA STORE d";
    expect(&mut bench, words, ":0", &["DEL d"]);
    expect(&mut bench, words, ":0", &[]);
}

#[test]
fn sets_and_sorted_sets_are_sorted_too() {
    let mut bench = Bench::new();
    {
        let mut locked = bench.keyspace.lock_all();
        let mut db = locked.db(0);
        let (set, sorted) = (bench.keyspace.key(b"s"), bench.keyspace.key(b"z"));
        for (member, score) in [(&b"9"[..], 1.0), (b"8", 2.0), (b"10", 3.0)] {
            assert!(db.set_or_create(&set, 0).insert(member));
            assert_eq!(db.sorted_set_or_create(&sorted, 0).set(member, score), ScoreSet::Added);
        }
    }
    for (words, elements) in [
        ("SORT s", &["8", "9", "10"][..]),
        ("SORT z DESC", &["10", "9", "8"]),
        ("SORT z BY nosort", &["9", "8", "10"]),
        ("SORT z BY nosort DESC LIMIT 0 2", &["10", "8"]),
        ("SORT z BY nosort LIMIT 1 5", &["8", "10"]),
        ("SORT s BY none_* ALPHA", &["10", "8", "9"]),
    ] {
        expect(&mut bench, words, &array(elements), &[]);
    }
    assert_eq!(bench.run("SORT s BY nosort LIMIT 0 2").text().split(' ').next(), Some("*2"));
    // What is stored of a set is sorted all the same, as a set has no order that others know.
    bench.run("SORT s BY nosort STORE d");
    assert_eq!(bench.reply("LRANGE d 0 -1"), array(&["10", "8", "9"]));
}

#[test]
fn texts_end_at_a_zero_byte_unless_they_are_stored() {
    let mut bench = Bench::new();
    bench.run_words(&[b"RPUSH", b"l", b"b", b"a\0z", b"a\0b", b"a"]);
    let told = "*4 $3 a\0z $3 a\0b $1 a $1 b";
    assert_eq!(bench.reply("SORT l ALPHA"), told);
    bench.run("SORT l ALPHA STORE d");
    assert_eq!(bench.reply("LRANGE d 0 -1"), "*4 $1 a $3 a\0b $3 a\0z $1 b");
}

#[test]
fn options_are_checked_before_the_key() {
    let mut bench = bench();
    bench.run("XADD stream 1-1 f v");
    let (syntax, number) = ("-ERR syntax error", "-ERR value is not an integer or out of range");
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    for (words, fault) in [
        ("SORT text", wrong_type),
        ("SORT stream", wrong_type),
        ("SORT h_1 BY nosort", wrong_type),
        ("SORT text LIMIT x 1", number),
        ("SORT text LIMIT 1 x", number),
        ("SORT text LIMIT 1", syntax),
        ("SORT text STORE", syntax),
        ("SORT text BY", syntax),
        ("SORT text GET", syntax),
        ("SORT text UP", syntax),
        ("SORT text UP DOWN", syntax),
        ("SORT_RO text STORE d", syntax),
    ] {
        expect(&mut bench, words, fault, &[]);
    }
}

#[test]
fn only_patterns_need_the_shards_of_other_keys() {
    use crate::keyspace::ShardSet;
    let bench = Bench::new();
    let shards = |words: &str| {
        let owned = crate::net::args::OwnedArgs::from_words(words.split(' ').collect::<Vec<_>>());
        super::shards(&owned.as_args(), &bench.keyspace)
    };
    let of = |name: &'static [u8]| ShardSet::of(&bench.keyspace.key(name));
    assert_eq!(shards("SORT l ALPHA LIMIT 0 1"), of(b"l"));
    assert_eq!(shards("SORT l STORE a STORE b"), of(b"l").union(of(b"a")).union(of(b"b")));
    assert_eq!(shards("SORT l STORE"), of(b"l"));
    assert_eq!(shards("SORT l by nosort"), ShardSet::ALL);
    assert_eq!(shards("SORT_RO l GET #"), ShardSet::ALL);
}
