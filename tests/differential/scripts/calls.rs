//! How scripts are called: by text and by name, with keys and arguments, first lines, and `SCRIPT`.

use super::{Made, Making};
use crate::generate::Command;

const SCRIPTS: &[&str] = &[
    "return 1",
    "return {KEYS[1],ARGV[1]}",
    "return {#KEYS,#ARGV}",
    "return KEYS",
    "return ARGV",
    "return {KEYS[#KEYS],ARGV[#ARGV],KEYS[0],ARGV[-1]}",
    "return redis.call('SET',KEYS[1],ARGV[1])",
    "return redis.call('GET',KEYS[1])",
    "return redis.call('INCR',KEYS[1])",
    "return redis.pcall('APPEND',KEYS[1],ARGV[1] or '')",
    "return redis.call('PUBLISH','c','m')",
    "return redis.call('PFADD',KEYS[1],1)",
    "return nosuch",
    "return",
    "",
    " ",
    "x(",
    "return redis.call('DEL',unpack(KEYS))",
    "KEYS[1]='x' return KEYS[1]",
    "return table.concat(ARGV,',')",
    "redis.call('SET','a',1) error('halfway')",
    "redis.call('SELECT',3) return redis.call('SET','in3',1)",
    "return redis.call('SPUBLISH','c','m')",
    "#!lua\nreturn 1",
    "#!lua flags=no-writes\nreturn redis.call('GET','a')",
    "#!lua flags=no-writes\nreturn redis.call('SET','a',1)",
    "#!lua flags=allow-oom,no-writes\nreturn 2",
    "#!lua flags=allow-stale\nreturn redis.call('SET','a',2)",
    "#!lua flags=no-cluster\nreturn 3",
    "#!lua flags=allow-cross-slot-keys\nreturn 4",
    "#!lua flags=nosuch\nreturn 5",
    "#!lua flags=\nreturn 6",
    "#!lua flags=no-writes,\nreturn 6",
    "#!lua name=x\nreturn 7",
    "#!python\nreturn 8",
    "#!\nreturn 9",
    "#!lua",
    "#!lua\n",
    "#! lua\nreturn 1",
    "#!lua  flags=no-writes\nreturn 1",
    "#!lua flags=no-writes flags=allow-oom\nreturn 1",
    "#!lua x\nreturn 1",
    "#!LUA\nreturn 1",
    "#!lua flags=no-writes\r\nreturn 1",
    "#!lua\n\n\nerror('on line 4')",
    "#!lua 'flags=no-writes'\nreturn 1",
    "#!lua \"flags\nreturn 1",
    "# comment\nreturn 1",
    "\n#!lua\nreturn 1",
];
const WORDS: &[&[u8]] = &[b"a", b"b", b"k0", b"", b"1", b"-1", b"\0\r\n\xff", b"in3", b"3.5"];

pub fn make(making: &mut Making<'_>) -> Made {
    let words = match making.random.below(10) {
        0..=3 => by_text(making),
        4..=5 => by_name(making),
        _ => of_script(making),
    };
    Made { words, inner: None }
}

fn by_text(making: &mut Making<'_>) -> Command {
    let name = making.pick(&["EVAL", "EVAL", "EVAL_RO", "eval"]);
    let script = making.pick(SCRIPTS);
    called(making, name, script.as_bytes())
}

fn by_name(making: &mut Making<'_>) -> Command {
    let name = making.pick(&["EVALSHA", "EVALSHA", "EVALSHA_RO"]);
    let sha = sha(making);
    called(making, name, sha.as_bytes())
}

fn called(making: &mut Making<'_>, name: &str, text: &[u8]) -> Command {
    let (keys, arguments) = (making.random.below(4), making.random.below(3));
    let count = match making.random.below(12) {
        0 => making
            .pick(&[
                "-1",
                "x",
                "",
                "5",
                "1.5",
                "9223372036854775807",
                "9223372036854775808",
                "-9223372036854775808",
                " 1",
                "01",
                "+1",
            ])
            .to_owned(),
        _ => keys.to_string(),
    };
    let mut words = vec![name.as_bytes().to_vec(), text.to_vec(), count.into_bytes()];
    words.extend((0..keys + arguments).map(|_| making.random.pick(WORDS).to_vec()));
    if making.chance(5) {
        words.truncate(1 + making.random.below(words.len()));
    }
    words
}

fn of_script(making: &mut Making<'_>) -> Command {
    let (one, other) = (sha(making), sha(making));
    let script = making.pick(SCRIPTS);
    let words: Vec<&str> = match making.random.below(12) {
        0..=5 => vec!["SCRIPT", "LOAD", script],
        6..=8 => vec!["SCRIPT", "EXISTS", &one, &other],
        9 => vec!["SCRIPT", "FLUSH"],
        10 => {
            let mode = making.pick(&["SYNC", "async", "x", ""]);
            vec!["SCRIPT", "FLUSH", mode]
        }
        _ => making
            .random
            .pick(&[
                vec!["SCRIPT"],
                vec!["SCRIPT", "x"],
                vec!["SCRIPT", "EXISTS"],
                vec!["SCRIPT", "LOAD"],
                vec!["SCRIPT", "LOAD", "a", "b"],
                vec!["SCRIPT", "KILL"],
                vec!["SCRIPT", "KILL", "x"],
                vec!["SCRIPT", "FLUSH", "SYNC", "x"],
                vec!["SCRIPT", "HELP", "x"],
            ])
            .clone(),
    };
    words.into_iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// The name of a script of these, which may be known by then, or what is none.
fn sha(making: &mut Making<'_>) -> String {
    let sha = sha1_smol::Sha1::from(making.pick(SCRIPTS)).digest().to_string();
    match making.random.below(20) {
        0 => sha.to_uppercase(),
        1 => sha[..39].to_owned(),
        2 => format!("{}g", &sha[..39]),
        3 => format!("{sha}0"),
        4 => String::new(),
        _ => sha,
    }
}
