//! What a script can set of `cjson`, one function each that sets and tells.

use std::cell::Cell;

use mlua::{Lua, MultiValue, Value};

use super::super::arguments::Arguments;
use super::super::fault::Fault;
use super::super::{Outcome, one};

/// The settings of one `cjson` table.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What becomes of too sparse an array.
    pub sparse: Sparse,
    /// How deep a table to encode may be.
    pub encode_depth_max: i32,
    /// How deep a text to decode may be.
    pub decode_depth_max: i32,
    /// What becomes of NaN and infinity when encoded.
    pub encode_invalid: Invalid,
    /// Whether NaN, infinity and hexadecimal are decoded.
    pub decode_invalid: bool,
    /// With how many digits a number is printed.
    pub precision: i32,
    /// Kept for scripts that set it: a buffer is made for each call.
    pub keep_buffer: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sparse: Sparse { converts: false, ratio: 2, safe: 10 },
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            encode_invalid: Invalid::Refused,
            decode_invalid: true,
            precision: 14,
            keep_buffer: true,
        }
    }
}

/// When an array is too sparse: longer than `safe` and than `ratio` times its elements.
#[derive(Clone, Copy, Debug)]
pub struct Sparse {
    /// Whether it becomes an object then; else it is refused.
    pub converts: bool,
    /// 0 for never too sparse.
    pub ratio: i32,
    /// Up to this length never too sparse.
    pub safe: i32,
}

/// What becomes of a number that JSON has no form for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// It is an error.
    Refused,
    /// It is printed as C does.
    Printed,
    /// It becomes null.
    Null,
}

/// A function that sets and tells.
type Setting = fn(&Lua, &Arguments, &Cell<Settings>) -> Outcome;

/// The functions that set and tell.
pub const FUNCTIONS: [(&str, Setting); 7] = [
    ("encode_sparse_array", sparse_array),
    ("encode_max_depth", encode_max_depth),
    ("decode_max_depth", decode_max_depth),
    ("encode_number_precision", number_precision),
    ("encode_keep_buffer", keep_buffer),
    ("encode_invalid_numbers", encode_invalid_numbers),
    ("decode_invalid_numbers", decode_invalid_numbers),
];

fn sparse_array(_: &Lua, args: &Arguments, settings: &Cell<Settings>) -> Outcome {
    expect_at_most(args, 3)?;
    // What comes first is set even if what follows is refused.
    change(settings, |now| switch(args, 1, &mut now.sparse.converts))?;
    change(settings, |now| integer(args, 2, 0, i32::MAX, &mut now.sparse.ratio))?;
    change(settings, |now| integer(args, 3, 0, i32::MAX, &mut now.sparse.safe))?;
    let sparse = settings.get().sparse;
    Ok(MultiValue::from_vec(vec![
        Value::Boolean(sparse.converts),
        Value::Integer(sparse.ratio.into()),
        Value::Integer(sparse.safe.into()),
    ]))
}

fn encode_max_depth(_: &Lua, args: &Arguments, settings: &Cell<Settings>) -> Outcome {
    expect_at_most(args, 1)?;
    change(settings, |now| integer(args, 1, 1, i32::MAX, &mut now.encode_depth_max))?;
    Ok(one(Value::Integer(settings.get().encode_depth_max.into())))
}

fn decode_max_depth(_: &Lua, args: &Arguments, settings: &Cell<Settings>) -> Outcome {
    expect_at_most(args, 1)?;
    change(settings, |now| integer(args, 1, 1, i32::MAX, &mut now.decode_depth_max))?;
    Ok(one(Value::Integer(settings.get().decode_depth_max.into())))
}

fn number_precision(_: &Lua, args: &Arguments, settings: &Cell<Settings>) -> Outcome {
    expect_at_most(args, 1)?;
    change(settings, |now| integer(args, 1, 1, 14, &mut now.precision))?;
    Ok(one(Value::Integer(settings.get().precision.into())))
}

fn keep_buffer(_: &Lua, args: &Arguments, settings: &Cell<Settings>) -> Outcome {
    expect_at_most(args, 1)?;
    change(settings, |now| switch(args, 1, &mut now.keep_buffer))?;
    Ok(one(Value::Boolean(settings.get().keep_buffer)))
}

fn encode_invalid_numbers(lua: &Lua, args: &Arguments, settings: &Cell<Settings>) -> Outcome {
    expect_at_most(args, 1)?;
    change(settings, |now| {
        let forms = [Invalid::Refused, Invalid::Printed, Invalid::Null];
        if let Some(form) = option(args, 1, &["off", "on", "null"])? {
            now.encode_invalid = forms[form];
        }
        Ok(())
    })?;
    Ok(one(match settings.get().encode_invalid {
        Invalid::Refused => Value::Boolean(false),
        Invalid::Printed => Value::Boolean(true),
        Invalid::Null => Value::String(lua.create_string("null")?),
    }))
}

fn decode_invalid_numbers(_: &Lua, args: &Arguments, settings: &Cell<Settings>) -> Outcome {
    expect_at_most(args, 1)?;
    change(settings, |now| switch(args, 1, &mut now.decode_invalid))?;
    Ok(one(Value::Boolean(settings.get().decode_invalid)))
}

fn expect_at_most(args: &Arguments, most: usize) -> Result<(), Fault> {
    if args.count() > most {
        return Err(Fault::argument(most + 1, "found too many arguments"));
    }
    Ok(())
}

fn change(
    settings: &Cell<Settings>,
    by: impl FnOnce(&mut Settings) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut now = settings.get();
    by(&mut now)?;
    settings.set(now);
    Ok(())
}

/// Sets an integer from argument `index`, if there is one.
fn integer(
    args: &Arguments,
    index: usize,
    least: i32,
    most: i32,
    to: &mut i32,
) -> Result<(), Fault> {
    if args.is_absent(index) {
        return Ok(());
    }
    let number = args.int(index)?;
    if !(least..=most).contains(&number) {
        // Always of the first argument; so it is in Redis.
        let range = format!("expected integer between {least} and {most}");
        return Err(Fault::argument(1, range));
    }
    *to = number;
    Ok(())
}

/// Sets a switch from argument `index`, if there is one.
fn switch(args: &Arguments, index: usize, to: &mut bool) -> Result<(), Fault> {
    if let Some(chosen) = option(args, index, &["off", "on"])? {
        *to = chosen == 1;
    }
    Ok(())
}

/// Which of `names` argument `index` chooses, if there is one; false is the first, true the second.
fn option(args: &Arguments, index: usize, names: &[&str]) -> Result<Option<usize>, Fault> {
    if args.is_absent(index) {
        return Ok(None);
    }
    if let Some(Value::Boolean(truth)) = args.at(index) {
        return Ok(Some(usize::from(*truth)));
    }
    let text = args.string(index)?;
    let text = text.as_bytes();
    // As C has it: what is behind a zero is not looked at.
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let found = names.iter().position(|name| name.as_bytes() == &text[..end]);
    found.map(Some).ok_or_else(|| {
        Fault::argument(index, [b"invalid option '".as_slice(), &text[..end], b"'"].concat())
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::expect;

    #[test]
    fn settings_are_told_and_kept() {
        expect(&[
            (
                "local c=cjson.new() c.encode_number_precision(3) return c.encode(1/3)..c\
                 .encode_number_precision()",
                "0.3333",
            ),
            (
                "local c=cjson.new() return c.encode(c.encode_sparse_array('on',3,4))",
                r"user_script:1: bad argument #1 to \'encode\' (expected 1 argument)",
            ),
            ("local c=cjson.new() return tostring(c.encode_invalid_numbers('null'))", "null"),
            ("local c=cjson.new() return tostring(c.decode_invalid_numbers(false))", "false"),
            (
                "local c=cjson.new() c.decode_invalid_numbers(false) return c.decode('01')",
                "user_script:1: Expected value but found invalid number at character 1",
            ),
            ("local c=cjson.new() return c.encode_max_depth(4294967297)", "1"),
            (
                "local c=cjson.new() c.encode_number_precision(3) return cjson.encode_num\
                 ber_precision()",
                "14",
            ),
        ]);
    }

    #[test]
    fn what_cannot_be_set_is_refused() {
        expect(&[
            (
                "return cjson.encode_max_depth(0)",
                "user_script:1: bad argument #1 to \\'encode_max_depth\\' (expected integ\
                 er between 1 and 2147483647)",
            ),
            (
                "return cjson.encode_max_depth(5,6)",
                "user_script:1: bad argument #2 to \\'encode_max_depth\\' (found too many \
                 arguments)",
            ),
            (
                "return cjson.encode_number_precision(15)",
                "user_script:1: bad argument #1 to \\'encode_number_precision\\' (expecte\
                 d integer between 1 and 14)",
            ),
            (
                "return cjson.encode_sparse_array(1)",
                "user_script:1: bad argument #1 to \\'encode_sparse_array\\' (invalid opt\
                 ion \\'1\\')",
            ),
            (
                "return cjson.encode_sparse_array(true,-1)",
                "user_script:1: bad argument #1 to \\'encode_sparse_array\\' (expected in\
                 teger between 0 and 2147483647)",
            ),
            (
                "return cjson.encode_sparse_array(nil,nil,nil,nil)",
                "user_script:1: bad argument #4 to \\'encode_sparse_array\\' (found too m\
                 any arguments)",
            ),
            (
                "return cjson.encode_keep_buffer({})",
                "user_script:1: bad argument #1 to \\'encode_keep_buffer\\' (string expec\
                 ted, got table)",
            ),
            (
                "return cjson.encode_invalid_numbers('foo')",
                "user_script:1: bad argument #1 to \\'encode_invalid_numbers\\' (invalid \
                 option \\'foo\\')",
            ),
            (
                "return cjson:encode_max_depth()",
                "user_script:1: calling \\'encode_max_depth\\' on bad self (number expect\
                 ed, got table)",
            ),
        ]);
    }
}
