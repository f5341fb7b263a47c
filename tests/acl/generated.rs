//! Random users, rules and commands: what is told of them is what stock tells.

use super::support::random::Random;
use super::support::{Client, Endpoint, Server, Stock, Value};

/// Rounds of an ordinary run, each of which changes a user, shows all and tries some commands.
const ROUNDS: u64 = 500;
/// How many commands are tried in a round.
const TRIED: usize = 6;

const USERS: [&str; 3] = ["u", "v", "w"];
/// Rules that stand alone; some of them make no sense.
///
/// What begins with `%~` does not either, but stock takes it, and ends when it is to show it.
const RULES: [&str; 53] = [
    "on",
    "off",
    "ON",
    "nopass",
    "resetpass",
    ">pw",
    ">",
    "<pw",
    "<x",
    ">p q",
    "reset",
    "allkeys",
    "#abababababababababababababababababababababababababababababababab",
    "#AB",
    "#",
    "clearselectors",
    "!abababababababababababababababababababababababababababababababab",
    "sanitize-payload",
    "skip-sanitize-payload",
    "resetkeys",
    "allchannels",
    "resetchannels",
    "allcommands",
    "nocommands",
    "ALLKEYS",
    "~*",
    "&*",
    "+@all",
    "-@all",
    "",
    "foo",
    "%X~a",
    "%RR~a",
    "~a b",
    "&a\tb",
    "+",
    "-",
    "+@",
    "+@nope",
    "(",
    ")",
    "()",
    "-get|x",
    "+config|get|x",
    "-config|get|x",
    "+acl|",
    "+|x",
    "+config|nope",
    "+cluster|info",
    "-lolwut",
    "+asking",
    "-module|load",
    "reset-keys",
];
const SIGNS: [&str; 7] = ["~", "%R~", "%W~", "%RW~", "%r~", "%wr~", "%rw"];
const PATTERNS: [&str; 8] = ["a*", "b", "*", "key:*", "", "ab", "?", "[ab]c"];
const CHANNELS: [&str; 6] = ["a*", "b", "ch:*", "", "a", "x"];
const PARTS: [&str; 10] = [
    "+select|0",
    "+get|x",
    "+config|get",
    "+CONFIG|SET",
    "+debug|object",
    "+client|id",
    "+set|NX",
    "+script|load",
    "+object|freq",
    "+acl|whoami",
];
const KEYS: [&str; 9] = ["a", "ab", "b", "key:1", "", "abc", "c", "ac", "z"];
/// Requests in which `K` stands for a key and `C` for a channel.
const REQUESTS: [&str; 66] = [
    "get K",
    "set K 1",
    "set K 1 get",
    "mset K 1 K 2",
    "del K K",
    "exists K",
    "copy K K",
    "rename K K",
    "bitfield K get u8 0",
    "bitfield K set u8 0 1",
    "bitfield K",
    "bitfield K overflow sat get u8 0",
    "sort K",
    "sort K store K",
    "sort_ro K by x*",
    "sort K get #",
    "sort K limit 0 1 store K",
    "zunionstore K 2 K K",
    "zunion 1 K",
    "lmpop 1 K left",
    "eval x 1 K",
    "eval_ro x 1 K",
    "eval x 0",
    "fcall f 1 K",
    "xread streams K K 0 0",
    "xreadgroup group g c streams K >",
    "xadd K * a b",
    "geosearchstore K K fromlonlat 1 1 byradius 1 m",
    "georadius K 1 1 1 m store K",
    "georadius K 1 1 1 m",
    "georadiusbymember K m 1 m storedist K",
    "object freq K",
    "config get x",
    "config set timeout 0",
    "acl whoami",
    "acl list",
    "ping",
    "auth x",
    "hello 3",
    "select 0",
    "select 1",
    "debug object K",
    "publish C 1",
    "spublish C 1",
    "subscribe C C",
    "psubscribe C C",
    "ssubscribe C",
    "unsubscribe C",
    "dbsize",
    "keys *",
    "migrate h 1  0 1 keys K K",
    "migrate h 1 K 0 1",
    "pfcount K",
    "pfmerge K K",
    "lpush K 1",
    "lpop K",
    "getex K",
    "strlen K",
    "type K",
    "touch K",
    "restore K 0 x",
    "blpop K K 1",
    "smove K K x",
    "sintercard 1 K",
    "lcs K K",
    "memory usage K",
];

/// What the two servers are asked, and how the answers are compared.
struct Pair {
    ours: Client,
    stock: Client,
    /// Whether stock is of before 7.2.
    ///
    /// It does not keep the rules of commands as they were said, shows `sanitize-payload` only where it
    /// was said, and does not name the user.
    is_old: bool,
    commands: Vec<String>,
}

impl Pair {
    fn new(server: &Server, oracle: &Stock) -> Self {
        let (mut ours, mut stock) = (server.connect(), oracle.connect());
        for client in [&mut ours, &mut stock] {
            assert!(!client.run("HELLO 3").is_error());
        }
        let names = |client: &mut Client| -> Vec<String> {
            let listed = client.run("COMMAND LIST FILTERBY PATTERN *");
            listed.elements().iter().map(Value::text).collect()
        };
        let known = names(&mut stock);
        let commands = names(&mut ours).into_iter().filter(|name| known.contains(name)).collect();
        Self { ours, stock, is_old: oracle.version() < (7, 2), commands }
    }

    #[track_caller]
    fn ask(&mut self, seed: u64, words: &[&str]) {
        self.ours.send_command(words);
        self.stock.send_command(words);
        let ((ours, our_bytes), (stock, stock_bytes)) = (self.ours.read(), self.stock.read());
        if self.is_old {
            let (ours, stock) = (left_of(&ours), left_of(&stock));
            assert_eq!(ours, stock, "seed {seed}: {words:?}");
        } else {
            let (ours, stock) = (our_bytes.escape_ascii(), stock_bytes.escape_ascii());
            assert_eq!(ours.to_string(), stock.to_string(), "seed {seed}: {words:?}");
        }
    }
}

/// Lists the words of an answer in which versions before 7.2 do not differ.
fn left_of(value: &Value) -> Vec<String> {
    let of_all = |values: &[Value]| values.iter().flat_map(left_of).collect();
    match value {
        Value::Array(elements) | Value::Set(elements) => of_all(elements),
        Value::Map(pairs) => pairs
            .iter()
            .flat_map(|(name, value)| [left_of(name), left_of(value)].concat())
            .collect(),
        Value::Bulk(text) => {
            let text = String::from_utf8_lossy(text);
            if let Some((_, rest)) = text.split_once(" has no permissions to ") {
                return vec![rest.to_owned()];
            }
            let is_told = |word: &&str| {
                let word = word.trim_matches(['(', ')']);
                !word.starts_with(['+', '-']) && !word.ends_with("sanitize-payload")
            };
            text.split(' ').filter(is_told).map(str::to_owned).collect()
        }
        other => vec![format!("{other:?}")],
    }
}

fn rule(random: &mut Random, commands: &[String]) -> String {
    let sign = *random.pick(&["+", "-"]);
    match random.below(20) {
        0..5 => format!("{}{}", random.pick(&SIGNS), random.pick(&PATTERNS)),
        5..7 => format!("&{}", random.pick(&CHANNELS)),
        7..10 => format!("{sign}@{}", random.pick(&CATEGORIES)),
        10..14 => format!("{sign}{}", random.pick(commands)),
        14 => (*random.pick(&PARTS)).to_owned(),
        15 | 16 => {
            let rules: Vec<_> = (0..random.below(5)).map(|_| rule(random, commands)).collect();
            format!("({})", rules.join(" "))
        }
        _ => (*random.pick(&RULES)).to_owned(),
    }
}

const CATEGORIES: [&str; 22] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
    "ALL",
];

fn request(random: &mut Random) -> Vec<&'static str> {
    let words = random.pick(&REQUESTS).split(' ');
    let word = |word| match word {
        "K" => *random.pick(&KEYS),
        "C" => *random.pick(&CHANNELS),
        other => other,
    };
    words.map(word).collect()
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")))
}

/// `BACKLOGD_SEED` repeats the rounds of one seed, and `BACKLOGD_BATCHES` makes more of them.
#[test]
fn users_are_changed_shown_and_bound_as_stock_does() {
    let (server, oracle) = (Server::start(&[]), Stock::oracle(&[]));
    let mut pair = Pair::new(&server, &oracle);
    let seed = number("BACKLOGD_SEED").unwrap_or(72);
    let mut random = Random::new(seed);
    for _ in 0..number("BACKLOGD_BATCHES").unwrap_or(ROUNDS) {
        let user = *random.pick(&USERS);
        let commands = pair.commands.clone();
        let rules: Vec<_> = (0..=random.below(6)).map(|_| rule(&mut random, &commands)).collect();
        let words = ["ACL", "SETUSER", user].into_iter().chain(rules.iter().map(String::as_str));
        pair.ask(seed, &words.collect::<Vec<_>>());
        pair.ask(seed, &["ACL", "LIST"]);
        pair.ask(seed, &["ACL", "GETUSER", user]);
        for _ in 0..TRIED {
            let request = request(&mut random);
            let words = ["ACL", "DRYRUN", *random.pick(&USERS)].into_iter().chain(request);
            pair.ask(seed, &words.collect::<Vec<_>>());
        }
        if random.chance(10) {
            let (one, other) = (*random.pick(&USERS), *random.pick(&USERS));
            pair.ask(seed, &["ACL", "DELUSER", one, other]);
        }
        if random.chance(2) {
            let choice = *random.pick(&["allchannels", "resetchannels"]);
            pair.ask(seed, &["CONFIG", "SET", "acl-pubsub-default", choice]);
        }
    }
}
