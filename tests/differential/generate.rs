//! What may be sent: one row per form of a command, in a small grammar, and what is done to it.
//!
//! In a row, words in capitals stand for themselves, `[ … ]` is left out half of the time, `( … | … )` is a choice,
//! `{ … }` comes one to three times, and words in small letters are filled in by [`fill`].

use crate::forms::{FORMS, FORMS_BEFORE_7_2, FORMS_OF_7_2, FORMS_OF_CHANCE};
use crate::grammar;
use crate::support::Stock;
use crate::support::random::Random;

/// One command's words.
pub type Command = Vec<Vec<u8>>;

const KEYS: &[&[u8]] = &[
    b"k0",
    b"k1",
    b"k2",
    b"k3",
    b"h0",
    b"h1",
    b"h2",
    b"s0",
    b"s1",
    b"z0",
    b"\0\r\n\xff",
    b"{tag}key",
    b"",
];
/// Mostly sorted sets.
const ZKEYS: &[&[u8]] = &[b"z0", b"z1", b"z2", b"z0", b"z1", b"z2", b"k0", b"\0\r\n\xff"];
/// Sorted sets of members with one score, as others have no order by bytes.
const LEXKEYS: &[&[u8]] = &[b"l0", b"l1"];
const LEAST: &[u8] = b"-9223372036854775808";
/// Keys that hold lists and nothing else.
const QUEUES: &[&[u8]] = &[b"q0", b"q1", b"q2"];
/// Some are the ends of names of keys.
const ELEMENTS: &[&[u8]] =
    &[b"0", b"1", b"2", b"-7", b"10", b"1.5", b"a", b"b", b"", b"\0\r\n\xff"];
const SORT_BY: &[&str] = &["k*", "h*->f0", "nosort", "*", "h*->", "h*->f1", "#", "q*"];
const SORT_GET: &[&str] = &["#", "k*", "h*->f0", "h*->f1", "nothing", "q*", "k0", "k*->f0", "*"];
const HASHES: &[&[u8]] = &[b"h0", b"h1", b"h2"];
const SKETCHES: &[&[u8]] = &[b"p0", b"p1", b"p2"];
const GEO_KEYS: &[&[u8]] = &[b"g0", b"g1", b"g2"];
const SETS: &[&[u8]] = &[b"s0", b"s1", b"s2"];
const STREAMS: &[&[u8]] = &[b"x0", b"x1", b"x0", b"x0", b"x2", b"k0", b"\0\r\n\xff"];
const IDS: &[&str] = &[
    "0",
    "5-1",
    "7-0",
    "20-3",
    "0-0",
    "$",
    ">",
    "-",
    "+",
    "5-*",
    "1-",
    "-1",
    "x",
    "",
    "18446744073709551615",
    "18446744073709551616",
    " 3",
    "1--02",
];
const LOW_IDS: &[&str] =
    &["-", "-", "0", "(3", "(", "(-", "+", "(18446744073709551615-18446744073709551615"];
const HIGH_IDS: &[&str] = &["+", "+", "99", "(30-1", "(0-0", "(0-1", "-", "(", "x"];
const FIELDS: &[&[u8]] = &[b"f0", b"f1", b"f2", b"f3", b"f4", b"10", b"\0\r\n\xfe", b""];
const TEXTS: &[&[u8]] = &[
    b"",
    b"a",
    b"hello world",
    b"\0\x01\x02\r\n\xff",
    b"ohmytext",
    b"mynewtext",
    b"forty-four bytes are the most an embstr holds",
    b"forty-three bytes and then one for the NUL.",
    b" 1",
    b"1 ",
    b"0x10",
];
const INTS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "10",
    "-0",
    "+1",
    "01",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "-9223372036854775809",
    "4294967296",
    "10000",
    "9999",
    "abc",
    "",
    "1.5",
];
const FLOATS: &[&str] = &[
    "0",
    "0.1",
    "0.2",
    "10.5",
    "-1.25",
    "5.0e3",
    "3.0e3",
    "1e-17",
    "1e-18",
    "1e20",
    "1e400",
    "1e5000",
    "-1e4931",
    "inf",
    "-inf",
    "nan",
    "abc",
    "",
    " 1",
    "1 ",
    "0x1p3",
    "1.",
    ".5",
    "1e",
    "infinity",
    "3.14159265358979323846",
    "123456789012345678901234567890",
    "17179869184",
    "-0",
    "+5",
];
/// Scores that 7.0 prints as 7.2 does, and what is none.
const SCORES: &[&str] = &[
    "1", "2", "0.5", "-1.25", "0", "10", "3.0e3", "inf", "-inf", "-0", "+5", "0x1p3", "nan", "abc",
    "", " 1", "1 ",
];
const WEIGHTS: &[&str] = &["1", "2", "0.5", "-1", "0", "inf", "-inf", "nan", "abc", ""];
const BOUNDS: &[&str] = &[
    "0", "(1", "-inf", "+inf", "2", "(2", "5", "(-1.25", "(inf", "1e1000", "-1e1000", "1e-1000",
    "0x2", "", "(", " 1", "1 ", "nan", "abc", "(abc", "[1",
];
const LEXBOUNDS: &[&str] =
    &["-", "+", "[f1", "(f3", "[f0", "(f4", "[", "(", "[hello world", "(\0", "-x", "++", "f1", ""];
const COUNTS: &[&str] = &["1", "2", "3", "0", "10", "9223372036854775807", "-1", "abc", "1.5", ""];
const INDICES: &[&str] = &[
    "0",
    "1",
    "2",
    "5",
    "-1",
    "-2",
    "-3",
    "100",
    "-100",
    "9223372036854775807",
    "-9223372036854775808",
];
const OFFSETS: &[&str] = &[
    "0",
    "1",
    "5",
    "100",
    "-1",
    "536870912",
    "9223372036854775807",
    "abc",
    "-9223372036854775808",
];
/// None so large that either server would take long over it.
const BITS: &[&str] =
    &["0", "7", "9", "100", "4000", "-1", "4294967296", "9223372036854775807", "01", "x"];
const FIELD_PLACES: &[&str] =
    &["0", "5", "#0", "#3", "61", "#100", "#-1", "4294967296", "#9223372036854775807", "#", "x"];
const WIDTHS: &[&str] =
    &["u8", "i8", "i64", "u63", "i1", "u1", "i5", "u17", "i63", "u64", "i65", "u0", "U8", "8"];
const LONGITUDES: &[&str] = &[
    "13.361389",
    "15.087269",
    "-179.99",
    "179.9995",
    "180",
    "-180",
    "0",
    "15.0873",
    "180.1",
    "1e300",
    "abc",
    "nan",
    "-inf",
    "",
];
const LATITUDES: &[&str] = &[
    "38.115556",
    "37.502669",
    "84.9",
    "-70.5",
    "85.05112878",
    "-85.05112878",
    "0",
    "37.5027",
    "85.06",
    "-1e300",
    "abc",
    "nan",
    "inf",
    "",
];
const LENGTHS: &[&str] =
    &["200", "1000.5", "30000000", "0", "1e-300", "inf", "5", "-0.5", "abc", "nan", "1e300", ""];
const UNITS: &[&str] = &["km", "m", "FT", "mi", "parsec", ""];
const NUMBERS: &[&str] = &["1", "2", "3", "1000", "0", "-1", "9223372036854775808", "abc", ""];
/// What is special; see [`duration`] for the others.
const SECONDS: &[&str] =
    &["0", "-1", "9223372036854775807", "9223372036854775", "-9223372036854775808", "abc"];
const MILLIS: &[&str] = &["0", "-1", "9223372036854775807", "-9223372036854775808", "x"];
const TIMES: &[&str] =
    &["4102444800", "4102444900", "1", "0", "-1", "9223372036854775807", "9223372036854775", "x"];
const TIMES_MS: &[&str] =
    &["4102444800000", "4102444900123", "1", "0", "-1", "9223372036854775807"];
const PATTERNS: &[&str] =
    &["*", "k*", "h?", "[kh]0", "f[0-2]", "[^k]*", "\\k0", "nothing", "", "[a-", "**0", "k[3-1]"];
const NAMES: &[&str] = &["name", "a-b", "with space", "", "tab\tname", "Ünï"];
const STRANGE: &[&[u8]] = &[
    b"",
    b"\0",
    b"9223372036854775807",
    b"-1",
    b"nan",
    b"NX",
    b"COUNT",
    b"0",
    b"k0",
    b"h0",
    b"\xff\r\n",
];

/// The forms to which Valkey replies otherwise, on purpose or not.
///
/// OBJECT IDLETIME: of numbers that all keys share, the time of use is not kept.
/// And see [`Grammar::batch`] on what it refuses within MULTI.
const OTHER_IN_VALKEY: &[&str] = &["OBJECT IDLETIME key"];

/// The commands that a stock server knows, and replies to as this server does.
#[derive(Clone)]
pub struct Grammar {
    forms: Vec<&'static str>,
    is_older_than_7_2: bool,
    is_valkey: bool,
    allows_chance: bool,
}

impl Grammar {
    /// The commands of a server, by its version.
    pub fn known_to(server: &Stock) -> Self {
        let is_older_than_7_2 = server.version() < (7, 2);
        let others = if is_older_than_7_2 { FORMS_BEFORE_7_2 } else { FORMS_OF_7_2 };
        let mut forms = [FORMS, others].concat();
        let is_valkey = server.is_valkey();
        if is_valkey {
            forms.retain(|form| !OTHER_IN_VALKEY.contains(form));
        }
        Self { forms, is_older_than_7_2, is_valkey, allows_chance: false }
    }

    /// Takes in what is left to chance as well.
    pub fn with_chance(mut self) -> Self {
        self.forms.extend(FORMS_OF_CHANCE);
        self.allows_chance = true;
        self
    }

    /// Leaves out all but streams.
    ///
    /// 7.0 serves whoever waits for an entry that the same XADD trims, with none.
    pub fn of_streams(mut self) -> Self {
        let trims = |form: &str| form.starts_with("XADD") && form.contains("MAXLEN");
        let is_older_than_7_2 = self.is_older_than_7_2;
        self.forms.retain(|form| form.starts_with('X') && !(is_older_than_7_2 && trims(form)));
        self
    }

    /// Makes so many commands.
    ///
    /// Within MULTI Valkey refuses MULTI and WATCH in other words, and the transaction with them: where
    /// it replies, they come outside only.
    pub fn batch(&self, random: &mut Random, count: usize) -> Vec<Command> {
        let (mut batch, mut is_queueing) = (Vec::new(), false);
        while batch.len() < count {
            let command = self.command(random);
            let name = String::from_utf8_lossy(&command[0]).to_uppercase();
            if self.is_valkey && is_queueing && ["MULTI", "WATCH"].contains(&name.as_str()) {
                continue;
            }
            match (name.as_str(), command.len()) {
                ("MULTI", 1) => is_queueing = true,
                ("EXEC" | "DISCARD" | "RESET", 1) => is_queueing = false,
                _ => {}
            }
            batch.push(command);
        }
        batch
    }

    /// Makes a random command: mostly well-formed, now and then mutilated.
    fn command(&self, random: &mut Random) -> Command {
        loop {
            let words = self.any_command(random);
            if !self.differs(&words) {
                return words;
            }
        }
    }

    /// Tells whether the server replies otherwise than this one, which is known and stays so.
    ///
    /// - 7.0 wants two words behind COMMAND GETKEYS, and takes the name out of a HELLO that it refuses.
    /// - 7.0 knows no options of ZRANK and ZREVRANK, and prints more digits of a large score.
    /// - 7.0 says in other words that XREAD lacks an ID.
    /// - An ID that is a time differs, be it that there is a star in its place.
    /// - 7.2 reads the names of clients up to a zero byte only, and so takes what follows it.
    /// - 7.0 takes the least rank there is for LPOS. 7.2 and Valkey cut the index of LSET to 32 bits.
    /// - Valkey refuses to scan for a type that there is not, or from a cursor that is no number, and to
    ///   LREM the least number there is.
    fn differs(&self, words: &[Vec<u8>]) -> bool {
        let is = |word: &Vec<u8>, name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let is_number = |index: usize| {
            let word = words.get(index);
            word.is_some_and(|w| !w.is_empty() && w.iter().all(u8::is_ascii_digit))
        };
        match String::from_utf8_lossy(&words[0]).to_uppercase().as_str() {
            "COMMAND" => {
                let gets_keys = is(&words[1], "GETKEYS") || is(&words[1], "GETKEYSANDFLAGS");
                self.is_older_than_7_2 && words.len() == 3 && gets_keys
            }
            "ZADD" | "ZINCRBY" | "ZUNION" | "ZUNIONSTORE" | "ZINTER" | "ZINTERSTORE" => {
                self.is_older_than_7_2 && words.iter().any(|w| is(w, "9223372036854775807"))
            }
            "ZRANK" | "ZREVRANK" => self.is_older_than_7_2 && words.len() > 3,
            "XREAD" | "XREADGROUP" => {
                let behind = words.iter().rev().take_while(|word| !is(word, "STREAMS")).count();
                self.is_older_than_7_2 && behind % 2 != 0
            }
            "XADD" => words.contains(&b"*".to_vec()),
            "HELLO" if self.is_older_than_7_2 => words.len() > 4,
            "HELLO" | "CLIENT" => !self.is_older_than_7_2 && words.concat().contains(&0),
            "SCAN" => self.is_valkey && (!is_number(1) || words.iter().any(|w| is(w, "TYPE"))),
            "HSCAN" | "SSCAN" | "ZSCAN" => self.is_valkey && !is_number(2),
            "LPOS" => self.is_older_than_7_2 && words.contains(&LEAST.to_vec()),
            "LREM" => self.is_valkey && words.contains(&LEAST.to_vec()),
            "LSET" => words.get(2).is_some_and(|index| index.len() > 10),
            // Where nothing but an overflow comes of it, stock makes a key and tells no replica.
            "BITFIELD" => self.allows_chance && words.iter().any(|word| is(word, "FAIL")),
            // What has no count, perhaps since it was mutilated, picks one at random.
            "SPOP" => !self.allows_chance && words.len() == 2,
            _ => false,
        }
    }

    fn any_command(&self, random: &mut Random) -> Command {
        let form = *random.pick(&self.forms);
        let mut words = grammar::expand(form, random, &mut fill);
        // A wait that is mutilated may wait for ever.
        if random.chance(12) && words[0] != b"WAITAOF" {
            mutilate(&mut words, random);
        }
        if random.chance(10) {
            words[0].make_ascii_lowercase();
        }
        words
    }
}

/// The names that have a form and are meant to exist.
pub fn names() -> Vec<String> {
    let mut names: Vec<_> =
        FORMS.iter().filter_map(|form| form.split(' ').next()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names.retain(|name| name != "NOSUCH");
    names
}

/// Makes a well-formed command of a given name.
pub fn named(random: &mut Random, name: &str) -> Command {
    let is_named = |form: &&str| form.split(' ').next() == Some(name);
    let forms: Vec<&str> = FORMS.iter().copied().filter(is_named).collect();
    grammar::expand(random.pick::<&str>(&forms), random, &mut fill)
}

/// Shows a command so that it can be typed into redis-cli.
pub fn shown(command: &[Vec<u8>]) -> String {
    let words: Vec<_> = command.iter().map(|word| format!("\"{}\"", word.escape_ascii())).collect();
    words.join(" ")
}

/// Gives what a word in small letters stands for; others stand for themselves.
fn fill(word: &str, random: &mut Random) -> Vec<u8> {
    let texts = match word {
        "key" => return random.pick(KEYS).to_vec(),
        "hash" => return random.pick(HASHES).to_vec(),
        "sketch" => return random.pick(SKETCHES).to_vec(),
        "queue" => return random.pick(QUEUES).to_vec(),
        "element" if random.chance(75) => return random.pick(&ELEMENTS[..6]).to_vec(),
        "element" => return random.pick(ELEMENTS).to_vec(),
        "sortby" => SORT_BY,
        "sortget" => SORT_GET,
        "field" => return random.pick(FIELDS).to_vec(),
        "zkey" => return random.pick(ZKEYS).to_vec(),
        "lexkey" => return random.pick(LEXKEYS).to_vec(),
        "member" if random.chance(85) => return random.pick(FIELDS).to_vec(),
        "member" | "value" => return value(random),
        "geo" => return random.pick(GEO_KEYS).to_vec(),
        "longitude" => LONGITUDES,
        "latitude" => LATITUDES,
        "length" => LENGTHS,
        "unit" => UNITS,
        "number" => NUMBERS,
        "set" => return random.pick(SETS).to_vec(),
        "stream" => return random.pick(STREAMS).to_vec(),
        "id" | "id_low" | "id_high" | "id_given" | "trimmed" if random.chance(70) => {
            return id(random);
        }
        "id_next" => return format!("{}-*", random.below(40)).into_bytes(),
        "id" | "id_given" => IDS,
        "id_low" => LOW_IDS,
        "id_high" => HIGH_IDS,
        "trimmed" => ["3", "10", "1", "0", "-1", "x", "5-1", ""].as_slice(),
        "group" => ["g0", "g0", "g1", "g0", "g2", ""].as_slice(),
        "consumer" => ["c0", "c1", "c2", "c0", "12", ""].as_slice(),
        "pick" => ["0", "1", "2", "-3", "100", "-100", "abc", "-9223372036854775808"].as_slice(),
        "db" => ["0", "1", "2", "15", "16", "-1", "x"].as_slice(),
        "int" => INTS,
        "float" => FLOATS,
        "index" => INDICES,
        "score" => SCORES,
        "weight" => WEIGHTS,
        "bound" => BOUNDS,
        "lexbound" => LEXBOUNDS,
        "count" => COUNTS,
        "offset" => OFFSETS,
        "bit_at" => BITS,
        "field_at" => FIELD_PLACES,
        "width" => WIDTHS,
        "seconds" if random.chance(60) => return duration(random, 1),
        "millis" if random.chance(60) => return duration(random, 1000),
        "seconds" => SECONDS,
        "millis" => MILLIS,
        "at" => TIMES,
        "atms" => TIMES_MS,
        "pattern" => PATTERNS,
        "name" => NAMES,
        itself => return itself.as_bytes().to_vec(),
    };
    // The harmless ones stand first and come up more often, or little would ever succeed.
    let some = if random.chance(60) { texts.len().min(4) } else { texts.len() };
    random.pick(&texts[..some]).as_bytes().to_vec()
}

/// A time to live, in so many units a second.
///
/// No two are alike: of two ends in the same millisecond, `GT` and `LT` would tell by the moments at
/// which the commands came, and these are not the same for both servers.
fn duration(random: &mut Random, per_second: usize) -> Vec<u8> {
    let seconds = 1000 + random.below(100_000_000);
    (seconds * per_second).to_string().into_bytes()
}

/// An ID among those that entries are likely to have.
fn id(random: &mut Random) -> Vec<u8> {
    let ms = random.below(40);
    let id = if random.chance(70) { ms.to_string() } else { format!("{ms}-{}", random.below(3)) };
    id.into_bytes()
}

fn value(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => random.pick(INTS).as_bytes().to_vec(),
        1 => random.pick(FLOATS).as_bytes().to_vec(),
        // Around the limits of the compact encodings: 44 bytes for a string, 64 for a hash's element.
        2 => vec![b'x'; *random.pick(&[43, 44, 45, 63, 64, 65, 300])],
        _ => random.pick(TEXTS).to_vec(),
    }
}

fn mutilate(words: &mut Command, random: &mut Random) {
    let at = random.below(words.len());
    let strange = random.pick(STRANGE).to_vec();
    match random.below(4) {
        0 if words.len() > 1 => drop(words.pop()),
        1 if at > 0 => words[at] = strange,
        2 if at > 0 => words.insert(at, strange),
        _ => words.push(strange),
    }
}
