//! Expressions of Lua for values of every type, those at the ends of their ranges above all.

use super::Making;

pub const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "-1",
    "10",
    "5",
    "255",
    "256",
    "-0",
    "0.5",
    "-0.5",
    "1.5",
    "2.5",
    "3.99",
    "-3.99",
    "1/0",
    "-1/0",
    "0/0",
    "-(0/0)",
    "2^31",
    "2^31-1",
    "-2^31",
    "-2^31-1",
    "2^32",
    "2^32-1",
    "2^32+2",
    "2^52",
    "2^53",
    "2^53+1",
    "-2^53",
    "2^62",
    "2^63",
    "-2^63",
    "2^64",
    "-2^64",
    "1e15",
    "1e16",
    "123456789012",
    "1e100",
    "-1e100",
    "1e308",
    "5e-324",
    "2.2250738585072014e-308",
    "0.1",
    "1e-7",
    "1/3",
    "16777217.5",
    "65535",
    "65536",
    "-32769",
    "127",
    "128",
    "-33",
    "-129",
];
pub const STRINGS: &[&str] = &[
    "''",
    "'a'",
    "'b'",
    "'abc'",
    "'hello world'",
    "'10'",
    "'0x10'",
    "' 5 '",
    "'1e2'",
    "'-3'",
    "'nan'",
    "'inf'",
    "'\\0'",
    "'a\\0b'",
    "'\\r\\n'",
    "'x\\ny'",
    "'\\255\\254'",
    "'%d'",
    "'%s%q'",
    "'-abc'",
    "'a,b;c'",
    "'\\195\\169'",
    "'f(a(b)c)d'",
    "'key = value'",
    "('x'):rep(31)",
    "('x'):rep(100)",
    "('ab\\0'):rep(90)",
    "'1e400'",
    "'0x'",
    "'1 2'",
    "'.5'",
    "'5.'",
];
/// Of no string or number.
const OTHERS: &[&str] = &[
    "nil",
    "true",
    "false",
    "cjson.null",
    "type",
    "redis.call",
    "function() end",
    "function(...) return ... end",
    "function() error('within') end",
    "coroutine.create(function() end)",
];
const KEYS: &[&str] = &[
    "a",
    "b",
    "ok",
    "err",
    "map",
    "set",
    "big_number",
    "verbatim_string",
    "format",
    "string",
    "x",
    "n",
];

impl Making<'_> {
    /// A number.
    pub fn number(&mut self) -> String {
        match self.random.below(10) {
            0..=3 => self.pick(&NUMBERS[..9]).to_owned(),
            4..=8 => self.pick(NUMBERS).to_owned(),
            _ => {
                let bits = self.random.bits() as i64;
                (bits >> self.random.below(64)).to_string()
            }
        }
    }

    /// A small integer.
    pub fn place(&mut self) -> String {
        (self.random.below(14) as i64 - 4).to_string()
    }

    /// A string.
    pub fn string(&mut self) -> String {
        self.pick(STRINGS).to_owned()
    }

    /// Anything but a table.
    pub fn scalar(&mut self) -> String {
        match self.random.below(12) {
            0..=4 => self.number(),
            5..=8 => self.string(),
            9..=10 => self.pick(&OTHERS[..3]).to_owned(),
            _ => self.pick(OTHERS).to_owned(),
        }
    }

    /// Anything that is data.
    pub fn data(&mut self, depth: usize) -> String {
        match self.random.below(10) {
            0..=2 => self.number(),
            3..=5 => self.string(),
            6 => self.pick(&["true", "false", "nil", "cjson.null"]).to_owned(),
            _ if depth == 0 => self.number(),
            _ => self.table(depth - 1),
        }
    }

    /// Anything.
    pub fn value(&mut self, depth: usize) -> String {
        match self.random.below(10) {
            0..=6 => self.scalar(),
            7 => self.metatabled(),
            _ if depth == 0 => self.scalar(),
            _ => self.table(depth - 1),
        }
    }

    /// A table of data: a list, perhaps with gaps, a map, or both.
    pub fn table(&mut self, depth: usize) -> String {
        let kind = self.random.below(6);
        let count_max = if self.random.chance(10) { 20 } else { 5 };
        let count = self.random.below(count_max);
        let fields: Vec<_> = (0..count)
            .map(|_| {
                let value = self.data(depth);
                match (kind, self.random.below(3)) {
                    (3, _) | (4, 0) => format!("{}={value}", self.pick(KEYS)),
                    (5, 0) => format!(
                        "[{}]={value}",
                        self.pick(&["1", "2", "3", "7", "-1", "1.5", "true", "2^53"])
                    ),
                    _ => value,
                }
            })
            .collect();
        format!("{{{}}}", fields.join(","))
    }

    /// A table with a metatable.
    pub fn metatabled(&mut self) -> String {
        let event = self.pick(&[
            "__index",
            "__newindex",
            "__call",
            "__tostring",
            "__add",
            "__sub",
            "__mul",
            "__div",
            "__mod",
            "__pow",
            "__unm",
            "__concat",
            "__eq",
            "__lt",
            "__le",
            "__len",
            "__metatable",
            "__mode",
        ]);
        let handler = match self.random.below(5) {
            0 => self.number(),
            1 => "{x=1}".to_owned(),
            2 => "function() error('in event') end".to_owned(),
            3 => "function(...) return select('#',...) end".to_owned(),
            _ => "function(a) return 'seen' end".to_owned(),
        };
        format!("setmetatable({{{}}},{{{event}={handler}}})", self.number())
    }

    /// So many of them, with commas between.
    pub fn listed(&mut self, count: usize, mut make: impl FnMut(&mut Self) -> String) -> String {
        let parts: Vec<_> = (0..count).map(|_| make(self)).collect();
        parts.join(",")
    }
}
