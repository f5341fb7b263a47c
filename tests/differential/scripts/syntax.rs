//! Texts that are no programs, and what is said of them.

use super::{Made, Making};

const TOKENS: &[&str] = &[
    "and",
    "break",
    "do",
    "else",
    "elseif",
    "end",
    "false",
    "for",
    "function",
    "if",
    "in",
    "local",
    "nil",
    "not",
    "or",
    "repeat",
    "return",
    "then",
    "true",
    "until",
    "while",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "#",
    "==",
    "~=",
    "<=",
    ">=",
    "<",
    ">",
    "=",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ";",
    ":",
    ",",
    ".",
    "..",
    "...",
    "x",
    "y",
    "redis",
    "1",
    "2.5",
    "0x1F",
    "1e5",
    "3x",
    "0xg",
    "1..2",
    "1e",
    "'s'",
    "\"t\"",
    "'",
    "\"",
    "[[u]]",
    "[=[",
    "]]",
    "]=]",
    "[==[v]==]",
    "--",
    "--[==[ w ]==]",
    "\n",
    "\n",
    "\r\n",
    "\\",
    "'\\0'",
    "'\\300'",
    "'\\x'",
    "'\\\n'",
    "~",
    "!",
    "@",
    "$",
    "&",
    "|",
    "`",
    "?",
    "\t",
    "goto",
    "::",
    "//",
    "\u{1}",
    "\u{7f}",
    "\u{e9}",
    "'a\nb'",
    "x.y",
    "x:y()",
    "f()",
    "f{}",
    "f''",
];
const PROGRAMS: &[&str] = &[
    "local x = 1 return x",
    "if x then return 1 else return 2 end",
    "for i = 1, 3 do x = i end",
    "while x do break end",
    "local function f(a, ...) return ... end",
    "repeat local x = 1 until x",
    "local t = {1, 2; x = 3, ['y'] = 4}",
    "return function() return 1 end",
    "local a, b = f(), 2",
    "t.x.y = 1",
    "for k, v in pairs(t) do end",
    "do local y = x end",
];

pub fn make(making: &mut Making<'_>) -> Made {
    let text = match making.random.below(3) {
        0 => soup(making),
        1 => broken(making),
        _ => limits(making),
    };
    if making.chance(40) {
        return Made::eval(&format!("do return 1 end\n{text}"), &[]);
    }
    let name = making.pick(&[
        "",
        ",'name'",
        ",'@file.lua'",
        ",'=given'",
        ",'a\\nb'",
        ",('n'):rep(100)",
        ",'@'..('n'):rep(100)",
        ",''",
        ",nil",
        ",5",
    ]);
    making.eval_shown(&format!("return S(loadstring(ARGV[1]{name}))"), &[text.into_bytes()])
}

fn soup(making: &mut Making<'_>) -> String {
    let count = 1 + making.random.below(8);
    let tokens: Vec<_> = (0..count).map(|_| making.pick(TOKENS)).collect();
    tokens.join(making.pick(&[" ", "", "\n"]))
}

/// A program in which a token is put in, left out or replaced.
fn broken(making: &mut Making<'_>) -> String {
    let mut words: Vec<_> = making.pick(PROGRAMS).split(' ').collect();
    let at = making.random.below(words.len());
    match making.random.below(3) {
        0 => drop(words.remove(at)),
        1 => words[at] = making.pick(TOKENS),
        _ => words.insert(at, making.pick(TOKENS)),
    }
    words.join(making.pick(&[" ", "\n"]))
}

/// What the compiler has bounds for.
fn limits(making: &mut Making<'_>) -> String {
    let count = *making.random.pick(&[1, 59, 60, 61, 100, 189, 199, 200, 201, 255, 256, 260]);
    match making.random.below(8) {
        0 => format!("return {}1{}", "(".repeat(count), ")".repeat(count)),
        1 => format!("return {}1{}", "{".repeat(count), "}".repeat(count)),
        2 => format!("{} return 1 {}", "do ".repeat(count), " end".repeat(count)),
        3 => numbered(count, |i| format!("local v{i} = {i}\n")),
        4 => format!(
            "local function f({}) end",
            (0..count).map(|i| format!("p{i}")).collect::<Vec<_>>().join(",")
        ),
        5 => {
            let declared = numbered(count, |i| format!("local u{i}\n"));
            let used = numbered(count, |i| format!("u{i}=1 "));
            format!("do {declared} end return function() {used} end")
        }
        6 => format!("return {}1", "-".repeat(2).replace("--", "- ").repeat(count)),
        _ => format!("return f({})", vec!["1"; count].join(",")),
    }
}

fn numbered(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect::<Vec<_>>().concat()
}
