//! Geographical sets of random places, searched here and by stock.

use crate::Subject;
use crate::generate::{Command, shown};
use crate::support::random::Random;
use crate::support::{Client, Endpoint, Stock};

/// Sets compared in an ordinary run.
const SETS: u64 = 60;
/// Requests about each set, sent before their replies are read.
const REQUESTS: usize = 100;
const LATITUDE_MAX: f64 = 85.051_128_78;
/// The units, and how many meters each is.
const UNITS: [(&str, f64); 4] = [("m", 1.0), ("km", 1000.0), ("FT", 0.3048), ("mi", 1609.34)];

#[test]
fn places_are_hashed_found_and_sorted_as_stock_does() {
    let (subject, stock) = (Subject::start(), Stock::oracle(&[]));
    let (mut ours, mut theirs) = (subject.connect(), stock.connect());
    for seed in 0..SETS {
        let mut random = Random::new(seed);
        let members = 1 + random.below(200);
        let mut requests: Vec<Command> = vec![words("FLUSHALL")];
        let mut places: Vec<(f64, f64)> = Vec::new();
        for member in 0..members {
            let (longitude, latitude) = place(&mut random, &places);
            places.push((longitude, latitude));
            requests.push(words(&format!("GEOADD g {longitude} {latitude} m{member}")));
        }
        same_replies(&mut ours, &mut theirs, &requests);
        let requests: Vec<_> =
            (0..REQUESTS).map(|_| words(&request(&mut random, &places))).collect();
        same_replies(&mut ours, &mut theirs, &requests);
    }
}

fn same_replies(ours: &mut Client, theirs: &mut Client, requests: &[Command]) {
    for request in requests {
        ours.send_command(request);
        theirs.send_command(request);
    }
    for request in requests {
        let (ours, theirs) = (ours.read().1, theirs.read().1);
        assert_eq!(
            ours.escape_ascii().to_string(),
            theirs.escape_ascii().to_string(),
            "{}",
            shown(request)
        );
    }
}

fn words(line: &str) -> Command {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// A number from `-1` to `1`.
fn signed(random: &mut Random) -> f64 {
    random.below(2_000_000_001) as f64 / 1e9 - 1.0
}

/// A place anywhere, at the date line, at the edge towards a pole, near another one, or the same as one.
fn place(random: &mut Random, others: &[(f64, f64)]) -> (f64, f64) {
    let close = 0.1f64.powi(random.below(9) as i32);
    let (longitude, latitude) = (signed(random), signed(random));
    let near_edge = |number: f64| (1.0 - close * number.abs()).copysign(number);
    match random.below(6) {
        0 if !others.is_empty() => *random.pick(others),
        1 | 2 if !others.is_empty() => {
            let other = *random.pick(others);
            let longitude = (other.0 + 10.0 * close * longitude).clamp(-180.0, 180.0);
            let latitude = other.1 + 10.0 * close * latitude;
            (longitude, latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX))
        }
        3 => (180.0 * near_edge(longitude), LATITUDE_MAX * latitude),
        4 => (180.0 * longitude, LATITUDE_MAX * near_edge(latitude)),
        _ => (180.0 * longitude, LATITUDE_MAX * latitude),
    }
}

fn request(random: &mut Random, places: &[(f64, f64)]) -> String {
    let members = places.len();
    let member = |random: &mut Random| format!("m{}", random.below(members));
    let (unit, meters) = *random.pick(&UNITS);
    let length = |random: &mut Random| {
        let meters_wanted = 10f64.powf(2.8 + 4.8 * signed(random));
        meters_wanted / meters
    };
    let (one, other) = (member(random), member(random));
    match random.below(10) {
        0 => return format!("GEOPOS g {one} {other}"),
        1 => return format!("GEOHASH g {one} {other}"),
        2 => return format!("GEODIST g {one} {other} {unit}"),
        _ => {}
    }
    let center = if random.chance(50) {
        format!("FROMMEMBER {one}")
    } else {
        let (longitude, latitude) = place(random, places);
        format!("FROMLONLAT {longitude} {latitude}")
    };
    let extent = if random.chance(50) {
        format!("BYRADIUS {} {unit}", length(random))
    } else {
        format!("BYBOX {} {} {unit}", length(random), length(random))
    };
    let order = *random.pick(&["", "", " ASC", " DESC"]);
    let count = match random.below(3) {
        0 => format!(" COUNT {}", 1 + random.below(30)),
        1 if random.chance(40) => format!(" COUNT {} ANY", 1 + random.below(30)),
        _ => String::new(),
    };
    let mut request = format!("GEOSEARCH g {center} {extent}{order}{count}");
    for told in [" WITHCOORD", " WITHDIST", " WITHHASH"] {
        if random.chance(50) {
            request += told;
        }
    }
    request
}
