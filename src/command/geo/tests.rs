use proptest::prelude::*;

use super::area::{Area, Extent, Form};
use super::earth;
use super::hash::{Cell, Point, STEPS_MAX, signed, unsigned};
use crate::command::expecting::{SYNTAX, WRONG_TYPE, expect};
use crate::command::testing::Bench;
use crate::keyspace::SetExpiry;

const PALERMO: &str = "13.361389 38.115556 Palermo";
const CATANIA: &str = "15.087269 37.502669 Catania";

/// A bench with two towns in `g`, the string `s`, and in `odd` scores that are no geohashes.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.run(&format!("GEOADD g {PALERMO} {CATANIA}"));
    let (odd, s) = (bench.keyspace.key(b"odd"), bench.keyspace.key(b"s"));
    let mut locked = bench.keyspace.lock_all();
    locked.db(0).set_string(&s, b"text", SetExpiry::Clear, 0);
    let mut db = locked.db(0);
    let mut set = db.sorted_set_or_create(&odd, 0);
    for (member, score) in
        [("a", -5.0), ("b", 1e18), ("c", 1e300), ("d", f64::INFINITY), ("e", f64::NEG_INFINITY)]
    {
        set.set(member.as_bytes(), score);
    }
    drop(locked);
    bench
}

#[test]
fn places_go_into_the_stream_as_their_scores() {
    let mut bench = Bench::new();
    let zadd = "ZADD g 3479099956230698 Palermo 3479447370796909 Catania";
    let outcome = expect(&mut bench, &format!("GEOADD g {PALERMO} {CATANIA}"), ":2", &[zadd]);
    assert_eq!(outcome.changes, 2);
    expect(&mut bench, &format!("GEOADD g {PALERMO}"), ":0", &[]);
    let zadd = "ZADD g ch 3377701360804690 Palermo";
    expect(&mut bench, "GEOADD g ch 0.1 0.1 Palermo", ":1", &[zadd]);
    expect(&mut bench, "GEOADD g 13 38 Palermo", ":0", &["ZADD g 3479065152021743 Palermo"]);
}

#[test]
fn options_tell_which_members_get_a_place() {
    let mut bench = bench();
    expect(&mut bench, "GEOADD g NX 1 1 Palermo", ":0", &[]);
    expect(&mut bench, "GEOADD g XX 1 1 Rome", ":0", &[]);
    expect(&mut bench, "GEOADD none XX 1 1 Rome", ":0", &[]);
    assert_eq!(bench.reply("GEOPOS none Rome"), "*1 *-1");
    let zadd = "ZADD g XX CH 3377822707026402 Palermo 3377822707026402 Rome";
    expect(&mut bench, "GEOADD g XX CH 1 1 Palermo 1 1 Rome", ":1", &[zadd]);
    for words in [
        "GEOADD g NX XX 1 1 m",
        "GEOADD g 1 1 m 2",
        "GEOADD g NX CH XX",
        "GEOADD g NX CH CH",
        "GEOADD g GT 1 1 m",
    ] {
        expect(&mut bench, words, SYNTAX, &[]);
    }
}

#[test]
fn no_member_gets_a_place_if_one_is_not_on_the_map() {
    let mut bench = bench();
    for (words, error) in [
        ("1 1 a 1 x b", "-ERR value is not a valid float"),
        ("1 1 a 1 nan b", "-ERR value is not a valid float"),
        ("1 1 a 180.5 -86 b", "-ERR invalid longitude,latitude pair 180.500000,-86.000000"),
        ("-inf 1 a", "-ERR invalid longitude,latitude pair -inf,1.000000"),
    ] {
        expect(&mut bench, &format!("GEOADD none {words}"), error, &[]);
    }
    assert_eq!(bench.reply("TYPE none"), "+none");
    expect(&mut bench, "GEOADD s 1 1 m", WRONG_TYPE, &[]);
}

#[test]
fn members_tell_where_they_are() {
    let mut bench = bench();
    let palermo = "*2 $20 13.36138933897018433 $20 38.11555639549629859";
    expect(&mut bench, "GEOPOS g Palermo Rome", &format!("*2 {palermo} *-1"), &[]);
    expect(&mut bench, "GEOHASH g Palermo Rome", "*2 $11 sqc8b49rny0 $-1", &[]);
    expect(&mut bench, "GEODIST g Palermo Catania", "$11 166274.1516", &[]);
    expect(&mut bench, "GEODIST g Palermo Catania Km", "$8 166.2742", &[]);
    expect(&mut bench, "GEODIST g Palermo Palermo", "$6 0.0000", &[]);
    expect(&mut bench, "GEODIST g Palermo Rome", "$-1", &[]);
    expect(&mut bench, "GEOPOS none a b", "*2 *-1 *-1", &[]);
    expect(&mut bench, "GEOHASH none a", "*1 $-1", &[]);
    expect(&mut bench, "GEODIST none a b", "$-1", &[]);
    let unknown = "-ERR unsupported unit provided. please use M, KM, FT, MI";
    expect(&mut bench, "GEODIST none a b parsec", unknown, &[]);
    expect(&mut bench, "GEODIST s a b m m", SYNTAX, &[]);
    for words in ["GEOPOS s a", "GEOHASH s a", "GEODIST s a b"] {
        expect(&mut bench, words, WRONG_TYPE, &[]);
    }
    assert_eq!(bench.run("GEOPOS g Palermo").lookups, (1, 0));
}

#[test]
fn resp3_shows_places_as_numbers_and_distances_as_text() {
    let mut bench = Bench::resp3();
    bench.run(&format!("GEOADD g {PALERMO} {CATANIA}"));
    let palermo = "*2 ,13.36138933897018433 ,38.11555639549629859";
    expect(&mut bench, "GEOPOS g Palermo Rome", &format!("*2 {palermo} _"), &[]);
    expect(&mut bench, "GEODIST g Palermo Catania", "$11 166274.1516", &[]);
    let found = format!("*1 *3 $7 Palermo $6 0.0000 {palermo}");
    let words = "GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 m WITHCOORD WITHDIST";
    expect(&mut bench, words, &found, &[]);
}

#[test]
fn scores_that_are_no_geohashes_are_places_all_the_same() {
    let mut bench = bench();
    let corner = "*2 $3 180 $19 85.0511287799999991";
    let other = "*2 $22 -179.99999731779098511 $21 -85.05112751263942528";
    let all = format!("*5 {corner} {corner} {other} {other} *2 $3 180 $21 -85.05112751263942528");
    expect(&mut bench, "GEOPOS odd a b c d e", &all, &[]);
    expect(&mut bench, "GEODIST odd a c", "$13 18919844.5891", &[]);
    expect(&mut bench, "GEOSEARCH odd FROMLONLAT 180 85 BYRADIUS inf m", "*0", &[]);
}

#[test]
fn a_search_tells_what_it_is_asked_to() {
    let mut bench = bench();
    let around = "FROMLONLAT 15 37";
    let search = |rest: &str| format!("GEOSEARCH g {around} {rest}");
    let mut expect_found =
        |rest: &str, reply: &str| drop(expect(&mut bench, &search(rest), reply, &[]));
    expect_found("BYRADIUS 200 km ASC", "*2 $7 Catania $7 Palermo");
    expect_found("BYRADIUS 200 km DESC", "*2 $7 Palermo $7 Catania");
    expect_found("BYRADIUS 200 km COUNT 1", "*1 $7 Catania");
    expect_found("BYRADIUS 200 km COUNT 1 DESC", "*1 $7 Palermo");
    expect_found("BYRADIUS 200 km COUNT 1 ANY", "*1 $7 Palermo");
    expect_found("BYRADIUS 100 km", "*1 $7 Catania");
    expect_found("BYRADIUS 1 m WITHDIST", "*0");
    expect_found(
        "BYBOX 400 400 km ASC WITHDIST",
        "*2 *2 $7 Catania $7 56.4413 *2 $7 Palermo $8 190.4424",
    );
    expect_found("BYBOX 400 100 km", "*0");
    expect_found("BYRADIUS 60 km WITHHASH", "*1 *2 $7 Catania :3479447370796909");
    let point = "*2 $20 15.08726745843887329 $20 37.50266842333162032";
    let all = format!("*1 *4 $7 Catania $7 35.0711 :3479447370796909 {point}");
    expect_found("BYRADIUS 60 mi WITHCOORD WITHHASH WITHDIST", &all);
}

#[test]
fn the_older_commands_find_the_same() {
    let mut bench = bench();
    for name in ["GEORADIUS", "georadius_ro"] {
        let words = format!("{name} g 15 37 200 km ASC");
        expect(&mut bench, &words, "*2 $7 Catania $7 Palermo", &[]);
    }
    for name in ["GEORADIUSBYMEMBER", "georadiusbymember_ro"] {
        let words = format!("{name} g Palermo 200 km DESC");
        expect(&mut bench, &words, "*2 $7 Catania $7 Palermo", &[]);
    }
    expect(&mut bench, "GEORADIUS_RO g 15 37 200 km STORE t", SYNTAX, &[]);
    expect(&mut bench, "GEORADIUSBYMEMBER_RO g Palermo 200 km STOREDIST t", SYNTAX, &[]);
    expect(&mut bench, "GEORADIUSBYMEMBER none Palermo x parsec", "*0", &[]);
    expect(&mut bench, "GEORADIUS none 1 1 x parsec", "-ERR need numeric radius", &[]);
}

#[test]
fn a_result_is_stored_in_the_place_of_what_was_there() {
    let mut bench = bench();
    let words = "GEOSEARCHSTORE t g FROMLONLAT 15 37 BYRADIUS 200 km";
    assert_eq!(expect(&mut bench, words, ":2", &[words]).changes, 2);
    assert_eq!(bench.reply("GEOHASH t Palermo Catania"), "*2 $11 sqc8b49rny0 $11 sqdtr74hyu0");
    let words = "GEORADIUS g 15 37 200 km COUNT 1 STOREDIST s";
    let zadd = "ZADD s 56.4412578701582 Catania";
    assert_eq!(expect(&mut bench, words, ":1", &["DEL s", zadd]).changes, 1);
    let key = bench.keyspace.key(b"s");
    let mut locked = bench.keyspace.lock_all();
    let mut db = locked.db(0);
    let set = db.sorted_set_mut(&key).expect("it is one now");
    assert_eq!(set.view().score(b"Catania"), Some(56.441_257_870_158_2));
    drop(locked);
    let words = "GEOSEARCHSTORE u g FROMMEMBER Palermo BYRADIUS 1 m STOREDIST";
    expect(&mut bench, words, ":1", &["ZADD u 0 Palermo"]);
    let words = "GEORADIUSBYMEMBER g Palermo 200 km STORE g";
    expect(&mut bench, words, ":2", &[words]);
}

#[test]
fn an_empty_result_removes_what_was_there() {
    let mut bench = bench();
    let nothing = "GEOSEARCHSTORE s g FROMLONLAT -15 37 BYRADIUS 200 km";
    assert_eq!(expect(&mut bench, nothing, ":0", &[nothing]).changes, 1);
    assert_eq!(bench.reply("TYPE s"), "+none");
    expect(&mut bench, nothing, ":0", &[]);
    let distances = "GEOSEARCHSTORE t g FROMLONLAT -15 37 BYRADIUS 200 km STOREDIST";
    expect(&mut bench, distances, ":0", &[]);
    bench.run("GEOADD t 1 1 m");
    expect(&mut bench, distances, ":0", &["DEL t"]);
    let absent = "GEORADIUS none 15 37 200 km STORE g";
    expect(&mut bench, absent, ":0", &[absent]);
    expect(&mut bench, absent, ":0", &[]);
}

#[test]
fn of_several_targets_the_last_one_counts() {
    let mut bench = bench();
    let words = "GEORADIUS g 15 37 200 km STORE a STOREDIST b STORE c";
    expect(&mut bench, words, ":2", &[words]);
    assert_eq!(bench.reply("EXISTS a b"), ":0");
    assert_eq!(bench.reply("EXISTS c"), ":1");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let mut bench = bench();
    let center = "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for";
    let extent = "-ERR exactly one of BYRADIUS and BYBOX can be specified for";
    let with = "is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
    for (words, error) in [
        ("geosearch g BYRADIUS 1 m ASC ASC", format!("{center} geosearch")),
        ("GEOSEARCHSTORE t g BYBOX 1 1 m ASC", format!("{center} GEOSEARCHSTORE")),
        ("geosearch none FROMMEMBER a ASC ASC ASC", format!("{extent} geosearch")),
        (
            "GEOSEARCH g FROMMEMBER Rome BYRADIUS x m",
            "-ERR could not decode requested zset member".into(),
        ),
        ("GEOSEARCH g FROMMEMBER Palermo FROMLONLAT 1 1 BYRADIUS 1 m", SYNTAX.into()),
        ("GEOSEARCH g FROMLONLAT 1 1 FROMMEMBER Palermo BYRADIUS 1 m", SYNTAX.into()),
        ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m BYBOX 1 1 m", SYNTAX.into()),
        ("GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 1 m BYRADIUS 1 m", SYNTAX.into()),
        ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m STORE t", SYNTAX.into()),
        ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m STOREDIST", SYNTAX.into()),
        ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m COUNT", SYNTAX.into()),
        ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m COUNT 0", "-ERR COUNT must be > 0".into()),
        (
            "GEOSEARCH g FROMLONLAT 1 1 BYRADIUS 1 m ANY",
            "-ERR the ANY argument requires COUNT argument".into(),
        ),
        ("GEOSEARCH g FROMLONLAT 1 1 BYRADIUS -1 m", "-ERR radius cannot be negative".into()),
        (
            "GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 -1 m",
            "-ERR height or width cannot be negative".into(),
        ),
        ("GEOSEARCH g FROMLONLAT 1 1 BYBOX x y m", "-ERR need numeric width".into()),
        ("GEOSEARCH g FROMLONLAT 1 1 BYBOX 1 y m", "-ERR need numeric height".into()),
        (
            "GEOSEARCHSTORE t g FROMLONLAT 1 1 BYRADIUS 1 m WITHHASH",
            format!("-ERR GEOSEARCHSTORE {with}"),
        ),
        ("GEORADIUS g 1 1 1 m STORE t WITHDIST", format!("-ERR STORE option in GEORADIUS {with}")),
        ("GEORADIUS g 1 1 1 m STORE", SYNTAX.into()),
        ("GEORADIUS g 1 1 1 m FROMMEMBER Palermo", SYNTAX.into()),
        ("GEORADIUSBYMEMBER g Rome 1 m", "-ERR could not decode requested zset member".into()),
        ("GEOSEARCH s nonsense 1 2 3 4 5", WRONG_TYPE.into()),
    ] {
        expect(&mut bench, words, &error, &[]);
    }
}

fn anywhere() -> impl Strategy<Value = Point> {
    let edges = |max: f64| prop_oneof![8 => -max..=max, 1 => Just(max), 1 => Just(-max), 1 => max - 0.001..=max];
    (edges(180.0), edges(85.051_128_78))
        .prop_map(|(longitude, latitude)| Point { longitude, latitude })
}

proptest! {
    #[test]
    fn a_place_lies_in_its_cell_and_its_score_in_the_range_of_the_cell(
        point in anywhere(),
        steps in 1..=STEPS_MAX,
    ) {
        // East of all columns scores are so large that doubles leave some out.
        prop_assume!(point.longitude < 180.0);
        let cell = Cell::around(point, steps);
        let (edges, (lowest, above)) = (cell.edges(), cell.scores());
        prop_assert!(edges.west <= point.longitude && point.longitude <= edges.east);
        prop_assert!(edges.south <= point.latitude && point.latitude <= edges.north);
        prop_assert!((lowest..above).contains(&(point.score() as f64)));
    }

    #[test]
    fn a_score_gives_back_its_place_within_a_meter(point in anywhere()) {
        let back = Point::of_score(point.score() as f64);
        prop_assert!(earth::distance(point, back) < 1.0, "{point:?} {back:?}");
        prop_assert!(back.is_on_the_map());
    }

    #[test]
    fn a_step_to_a_side_and_back_leads_to_the_same_cell(
        longitude in -180.0..180.0,
        latitude in -85.0..85.0,
        steps in 1..=STEPS_MAX,
        (east, north) in (-1..=1, -1..=1),
    ) {
        let cell = Cell::around(Point { longitude, latitude }, steps);
        prop_assert_eq!(cell.beside((east, north)).beside((-east, -north)), cell);
    }

    #[test]
    fn what_lies_in_a_circle_away_from_the_poles_lies_in_one_of_its_cells(
        longitude in -150.0..150.0,
        latitude in -60.0..60.0,
        radius in 1.0..200_000.0,
        (east, north) in (-1.0..1.0, -1.0..1.0),
    ) {
        let center = Point { longitude, latitude };
        let area = Area { center, extent: Extent { form: Form::Circle { radius }, unit: 1.0 } };
        let across = earth::degrees_along_parallel(radius, latitude);
        let point = Point {
            longitude: longitude + east * across,
            latitude: latitude + north * earth::degrees_along_meridian(radius),
        };
        let score = point.score() as f64;
        let is_covered = area.cells().iter().any(|cell| {
            let (lowest, above) = cell.scores();
            (lowest..above).contains(&score)
        });
        prop_assert!(is_covered || area.distance_within(point).is_none());
    }

    #[test]
    fn numbers_become_integers_as_in_c(number: i32, fraction in 0.0..1.0f64) {
        let shown = f64::from(number) + fraction.copysign(f64::from(number));
        prop_assert_eq!(signed(shown), i64::from(number));
        prop_assert_eq!(unsigned(f64::from(number)), i64::from(number) as u64);
    }
}

#[test]
fn numbers_out_of_reach_become_the_integers_that_processors_make_of_them() {
    for number in [1e300, -1e300, f64::INFINITY, f64::NAN, 9_223_372_036_854_775_808.0] {
        assert_eq!(signed(number), i64::MIN);
    }
    assert_eq!(unsigned(9_223_372_036_854_775_808.0), 1 << 63);
    assert_eq!(unsigned(1.8e19), 18_000_000_000_000_000_000);
    assert_eq!(unsigned(1e300), 0);
    assert_eq!(unsigned(f64::NEG_INFINITY), 1 << 63);
}

#[test]
fn the_largest_areas_have_four_cells_and_the_smallest_one() {
    let center = Point { longitude: 0.1, latitude: 0.1 };
    let area =
        |radius| Area { center, extent: Extent { form: Form::Circle { radius }, unit: 1.0 } };
    assert_eq!(area(f64::INFINITY).cells().len(), 4);
    assert_eq!(area(0.0).cells().len(), 1);
}
