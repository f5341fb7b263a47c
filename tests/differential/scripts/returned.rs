//! What scripts return: values of Lua to replies.

use super::{Made, Making};

pub fn make(making: &mut Making<'_>) -> Made {
    let chosen = making.chosen();
    let value = reply(making, 3);
    Made::eval(&format!("{chosen}return {value}"), &[])
}

/// A value of which a reply is made.
fn reply(making: &mut Making<'_>, depth: usize) -> String {
    match making.random.below(14) {
        0..=2 => making.number(),
        3 => making.string(),
        4 => making
            .pick(&["true", "false", "nil", "cjson.null", "tostring", "coroutine.create(tostring)"])
            .to_owned(),
        5 => {
            let text = if making.chance(80) { making.string() } else { making.value(0) };
            format!("{{{}={text}}}", making.pick(&["ok", "err", "big_number"]))
        }
        6 => {
            format!("redis.{}({})", making.pick(&["error_reply", "status_reply"]), making.string())
        }
        7 => verbatim(making),
        8 => double(making),
        9 if depth > 0 => {
            let count = making.random.below(5);
            let fields = making.listed(count, |making| {
                format!("[{}]={}", making.scalar_key(), reply(making, depth - 1))
            });
            format!("{{{}={{{fields}}}}}", making.pick(&["map", "map", "set"]))
        }
        10 if depth > 0 => making.table(depth),
        _ if depth == 0 => making.number(),
        _ => {
            let count = making.random.below(6);
            format!("{{{}}}", making.listed(count, |making| reply(making, depth - 1)))
        }
    }
}

fn verbatim(making: &mut Making<'_>) -> String {
    let format = making.pick(&["'txt'", "'mkd'", "'abc'", "'x'", "'long'", "''", "5", "nil"]);
    let text = making.string();
    format!("{{verbatim_string={{format={format},string={text}}}}}")
}

/// 7.0 writes doubles with seventeen digits.
fn double(making: &mut Making<'_>) -> String {
    let exact =
        ["0", "1", "-1", "0.5", "-2.25", "1/0", "-1/0", "-0", "10", "1e15", "'a'", "nil", "{}"];
    let is_any = making.stock.writes_shortest;
    let number = if is_any { making.number() } else { making.pick(&exact).to_owned() };
    format!("{{double={number}}}")
}

impl Making<'_> {
    /// A value that may be the key of a table, and that hashes alike everywhere.
    fn scalar_key(&mut self) -> String {
        match self.random.below(3) {
            0 => self
                .pick(&["1", "2", "3", "4", "-1", "1.5", "2^53", "2^31", "0", "true", "false"])
                .to_owned(),
            _ => self
                .pick(&[
                    "'a'",
                    "'b'",
                    "'c'",
                    "'ok'",
                    "'err'",
                    "'x1'",
                    "'x2'",
                    "''",
                    "'a\\0b'",
                    "'long key of a map'",
                ])
                .to_owned(),
        }
    }
}
