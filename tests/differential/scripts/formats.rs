//! The libraries for data: `cjson`, `cmsgpack` and `struct`, on what they made and on what nobody made.

use super::values::NUMBERS;
use super::{Made, Making};

/// Settings are kept until the end of the interpreter in stock, so they are those of an own instance.
const SETTINGS: &[&str] = &[
    "",
    "",
    "c.encode_sparse_array(true)",
    "c.encode_sparse_array(false,2,3)",
    "c.encode_sparse_array(true,1,0)",
    "c.encode_max_depth(2)",
    "c.decode_max_depth(2)",
    "c.encode_number_precision(3)",
    "c.encode_number_precision(14)",
    "c.encode_invalid_numbers(true)",
    "c.encode_invalid_numbers('null')",
    "c.decode_invalid_numbers(false)",
    "c.encode_keep_buffer(false)",
];
/// Pieces of JSON, whole and broken.
const JSON: &[&str] = &[
    "1",
    "-2.5",
    "\"a\"",
    "true",
    "null",
    "[]",
    "{}",
    "1e3",
    "1",
    "-1",
    "0",
    "1.5",
    "-0.0",
    "1e3",
    "1E-2",
    "1e400",
    "01",
    "+1",
    ".5",
    "5.",
    "0x1F",
    "-",
    "1e",
    "nan",
    "NaN",
    "inf",
    "Infinity",
    "-Infinity",
    "true",
    "false",
    "null",
    "nul",
    "True",
    "\"\"",
    "\"a\"",
    "\"\\n\\t\\\"\\\\\\/\\b\\f\\r\"",
    "\"\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\u00\"",
    "\"\\x\"",
    "\"a\nb\"",
    "\"open",
    "[]",
    "{}",
    "[1,2]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\":1}",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\"}",
    "{\"a\":}",
    "{1:2}",
    "[",
    "{",
    "]",
    "}",
    "[[[]]]",
    "[[[[[]]]]]",
    "\u{e9}",
    "'a'",
    "//",
    " ",
    "\t",
    "\0",
    "\"a\0b\"",
    ",",
    ":",
    "9007199254740993",
    "123456789012345678901234567890",
    "12345678901234567890123456789012345.5e-10",
    "{\"a\":{\"b\":[{}]}}",
];
const PACKED: &[u8] = &[
    0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x90, 0x91, 0x92, 0x9f, 0xa0, 0xa1, 0xa3, 0xbf, 0xc0, 0xc1,
    0xc2, 0xc3, 0xc4, 0xc7, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd9,
    0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff, 0x02, 0x03, b'a',
];
const FIELDS: &[&str] = &[
    "b",
    "B",
    "h",
    "H",
    "l",
    "L",
    "i",
    "I",
    "i1",
    "i3",
    "I3",
    "i8",
    "i16",
    "i32",
    "i33",
    "I0",
    "T",
    "f",
    "d",
    "s",
    "c0",
    "c1",
    "c3",
    "c9",
    "x",
    "<",
    ">",
    "!",
    "!2",
    "!4",
    "!8",
    "!16",
    "!3",
    "=",
    " ",
    "q",
    "n",
    "c",
    "i99999999999",
    "c2147483647",
    "bc0",
    "I2c0",
];

pub fn make(making: &mut Making<'_>) -> Made {
    match making.random.below(8) {
        0..=1 => encoded(making),
        2..=3 => decoded(making),
        4 => packed(making),
        5 => unpacked(making),
        _ => structs(making),
    }
}

fn encoded(making: &mut Making<'_>) -> Made {
    let setting = making.pick(SETTINGS);
    let value = if making.chance(80) { making.data(4) } else { making.value(2) };
    let script = match making.random.below(4) {
        0 => format!("local c=cjson.new() {setting} return c.encode({value})"),
        1 => format!("local c=cjson.new() {setting} return S(pcall(c.encode,{value}))"),
        2 => format!("return S(pcall(function() return cjson.decode(cjson.encode({value})) end))"),
        _ => format!("return cjson.encode({value})"),
    };
    making.eval_shown(&script, &[])
}

fn decoded(making: &mut Making<'_>) -> Made {
    let text = json(making);
    let setting = making.pick(SETTINGS);
    let script = match making.random.below(5) {
        0 => format!("local c=cjson.new() {setting} return S(pcall(c.decode,ARGV[1]))"),
        1 => "return S(cjson.decode(ARGV[1]))".to_owned(),
        2 => "return cjson.encode(cjson.decode(ARGV[1]))".to_owned(),
        3 => "return cjson.decode(ARGV[1])".to_owned(),
        _ => "return S(pcall(cjson.decode,ARGV[1]))".to_owned(),
    };
    making.eval_shown(&script, &[text])
}

/// A text of JSON, in half of all cases with some bytes changed.
fn json(making: &mut Making<'_>) -> Vec<u8> {
    let depth = making.random.below(5);
    let mut text = json_value(making, depth).into_bytes();
    for _ in 0..[0, 0, 1, 2][making.random.below(4)] {
        if text.is_empty() {
            break;
        }
        let at = making.random.below(text.len());
        match making.random.below(4) {
            0 => drop(text.remove(at)),
            1 => text[at] = *making.random.pick(b"[]{},:\"\\u0aeE-.x\0 \xff"),
            2 => text.insert(at, *making.random.pick(b"[]{},:\"\\u0aeE-.x\0 \xff")),
            _ => text.truncate(at),
        }
    }
    text
}

fn json_value(making: &mut Making<'_>, depth: usize) -> String {
    if depth == 0 || making.chance(20) {
        let some = if making.chance(70) { &JSON[..8] } else { JSON };
        return making.pick(some).to_owned();
    }
    let count = making.random.below(4);
    let space = making.pick(&["", "", " ", "\n"]);
    let comma = format!(",{space}");
    if making.chance(50) {
        let values: Vec<_> = (0..count).map(|_| json_value(making, depth - 1)).collect();
        return format!("[{space}{}]", values.join(&comma));
    }
    let pairs: Vec<_> = (0..count)
        .map(|_| {
            let key = making.pick(&["\"a\"", "\"b\"", "\"\"", "\"\\u0061\"", "\"1\"", "\"key\""]);
            format!("{key}{space}:{}", json_value(making, depth - 1))
        })
        .collect();
    format!("{{{}{space}}}", pairs.join(&comma))
}

fn packed(making: &mut Making<'_>) -> Made {
    let count = making.random.below(4);
    let values = making
        .listed(count, |making| if making.chance(85) { making.data(3) } else { making.value(1) });
    let script = match making.random.below(4) {
        0 => format!("return cmsgpack.pack({values})"),
        1 => format!("return S(cmsgpack.unpack(cmsgpack.pack({values})))"),
        2 => format!(
            "local t={{{values}}} for i=1,{} do t={{t}} end return cmsgpack.pack(t)",
            making.random.below(20)
        ),
        _ => format!("return S(pcall(function() return cmsgpack.pack({values}) end))"),
    };
    making.eval_shown(&script, &[])
}

fn unpacked(making: &mut Making<'_>) -> Made {
    let count = making.random.below(14);
    let bytes: Vec<_> = (0..count).map(|_| *making.random.pick(PACKED)).collect();
    let (limit, offset) = (making.place(), making.place());
    let script = match making.random.below(6) {
        0 => format!("return S(pcall(cmsgpack.unpack_one,ARGV[1],{offset}))"),
        1 => format!("return S(pcall(cmsgpack.unpack_limit,ARGV[1],{limit},{offset}))"),
        2 => format!("return S(pcall(cmsgpack.unpack_limit,ARGV[1],{}))", making.number()),
        3 => "return S(cmsgpack.unpack(ARGV[1]))".to_owned(),
        _ => "return S(pcall(cmsgpack.unpack,ARGV[1]))".to_owned(),
    };
    making.eval_shown(&script, &[bytes])
}

fn structs(making: &mut Making<'_>) -> Made {
    let count = 1 + making.random.below(5);
    let fields: Vec<_> = (0..count).map(|_| making.pick(FIELDS)).collect();
    let format = fields.concat();
    match making.random.below(5) {
        0..=1 => {
            let values: Vec<_> = fields
                .iter()
                .map(|field| match (field.chars().next(), making.random.below(12)) {
                    (_, 0) => making.scalar(),
                    (Some('s' | 'c'), _) => making.string(),
                    _ => making.pick(NUMBERS).to_owned(),
                })
                .collect();
            let script = format!("return S(pcall(struct.pack,'{format}',{}))", values.join(","));
            making.eval_shown(&script, &[])
        }
        2..=3 => {
            let length = making.random.below(40);
            let bytes: Vec<_> = (0..length)
                .map(|_| *making.random.pick(b"\0\0\x01\x02\x03\x7f\x80\xffab"))
                .collect();
            let at = if making.chance(70) { String::new() } else { format!(",{}", making.place()) };
            making.eval_shown(
                &format!("return S(pcall(struct.unpack,'{format}',ARGV[1]{at}))"),
                &[bytes],
            )
        }
        _ => making.eval_shown(&format!("return S(pcall(struct.size,'{format}'))"), &[]),
    }
}
