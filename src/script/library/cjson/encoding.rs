//! Values to JSON.
//!
//! Tables being written are on a stack of their own, not on the thread's, since a script may allow
//! any depth. What is too deep even so is what Lua's stack did not hold in Redis.

use std::io::Write;

use mlua::{Error, Function, Lua, Table, Value};

use super::super::super::elements::Elements;
use super::super::arguments::{Arguments, numeric, type_name};
use super::super::fault::Fault;
use super::super::{Outcome, STACK_SLOTS, numerals, one, room};
use super::settings::{Invalid, Settings};
use super::{NULL, expect_one};

/// How many slots of Lua's stack must be left for a table.
const TABLE_SLOTS: usize = 3;

/// `encode(value)`
pub fn encode(lua: &Lua, args: &Arguments, settings: Settings, next: &Function) -> Outcome {
    expect_one(args)?;
    let elements = Elements::new(lua);
    let mut encoder = Encoder { settings, next, elements, out: Vec::new() };
    encoder.value(args.values()[0].clone())?;
    Ok(one(Value::String(lua.create_string(&encoder.out)?)))
}

struct Encoder<'lua> {
    settings: Settings,
    /// Lua's own `next`.
    next: &'lua Function,
    elements: Elements,
    out: Vec<u8>,
}

/// A table that is being written.
enum Open {
    Array { table: Table, length: i32, written: i32 },
    Object { table: Table, last: Value },
}

impl Encoder<'_> {
    /// Writes a value, tables to their end.
    fn value(&mut self, value: Value) -> Result<(), Fault> {
        let mut open = Vec::new();
        match self.write(value, &mut open) {
            // mlua keeps what Rust holds of Lua on a stack of its own, about as large as Lua's.
            Err(Fault::Lua(Error::StackError)) => Err(too_deep(open.len() + 1)),
            written => written,
        }
    }

    fn write(&mut self, value: Value, open: &mut Vec<Open>) -> Result<(), Fault> {
        let mut slots = 1;
        self.begin(value, open, &mut slots)?;
        while let Some(top) = open.last_mut() {
            let element = match top {
                Open::Array { table, length, written } => {
                    self.array_element(table, *length, written)?
                }
                Open::Object { table, last } => self.object_element(table, last)?,
            };
            match element {
                Some(element) => self.begin(element, open, &mut slots)?,
                None => slots -= open.pop().map_or(0, |closed| closed.slots()),
            }
        }
        Ok(())
    }

    /// Writes a value, of a table only the beginning.
    fn begin(
        &mut self,
        value: Value,
        open: &mut Vec<Open>,
        slots: &mut usize,
    ) -> Result<(), Fault> {
        self.elements.take_one()?;
        room(self.out.len(), 0)?;
        match value {
            Value::Table(table) => {
                let depth = open.len() + 1;
                let deepest = self.settings.encode_depth_max as usize;
                if depth > deepest || *slots + TABLE_SLOTS > STACK_SLOTS {
                    return Err(too_deep(depth));
                }
                let opened = match self.array_length(&table)? {
                    length @ 1.. => Open::Array { table, length, written: 0 },
                    _ => Open::Object { table, last: Value::Nil },
                };
                self.out.push(if matches!(opened, Open::Array { .. }) { b'[' } else { b'{' });
                *slots += opened.slots();
                open.push(opened);
            }
            Value::String(text) => self.string(&text.as_bytes())?,
            Value::Boolean(true) => self.out.extend_from_slice(b"true"),
            Value::Boolean(false) => self.out.extend_from_slice(b"false"),
            Value::Nil => self.out.extend_from_slice(b"null"),
            null if null == NULL => self.out.extend_from_slice(b"null"),
            other => match numeric(&other) {
                Some(number) => self.number(number)?,
                None => return Err(refused(&other, "type not supported")),
            },
        }
        Ok(())
    }

    /// Begins the next element of an array, or ends it.
    fn array_element(
        &mut self,
        table: &Table,
        length: i32,
        written: &mut i32,
    ) -> Result<Option<Value>, Fault> {
        if *written == length {
            self.out.push(b']');
            return Ok(None);
        }
        if *written > 0 {
            self.out.push(b',');
        }
        *written += 1;
        Ok(Some(table.raw_get(*written)?))
    }

    /// Begins the next element of an object with its key, or ends it.
    fn object_element(&mut self, table: &Table, last: &mut Value) -> Result<Option<Value>, Fault> {
        let first = last.is_nil();
        let (key, value): (Value, Value) = self.next.call((table, &*last))?;
        if key.is_nil() {
            self.out.push(b'}');
            return Ok(None);
        }
        if !first {
            self.out.push(b',');
        }
        match (&key, numeric(&key)) {
            (Value::String(text), _) => self.string(&text.as_bytes())?,
            (_, Some(number)) => {
                self.out.push(b'"');
                self.number(number)?;
                self.out.push(b'"');
            }
            (other, None) => return Err(refused(other, "table key must be a number or string")),
        }
        self.out.push(b':');
        *last = key;
        Ok(Some(value))
    }

    /// The length a table has as an array; not positive if it is none.
    fn array_length(&self, table: &Table) -> Result<i32, Fault> {
        let (first, _): (Value, Value) = self.next.call((table, Value::Nil))?;
        if numeric(&first).is_none() {
            return Ok(-1);
        }
        let mut longest = 0i32;
        let mut elements = 0i32;
        let mut is_array = true;
        table.for_each(|key: Value, _: Value| {
            match numeric(&key) {
                Some(key) if is_array && is_whole(key) && key >= 1.0 => {
                    if key > f64::from(longest) {
                        longest = as_int(key);
                    }
                    elements = elements.wrapping_add(1);
                }
                _ => is_array = false,
            }
            Ok(())
        })?;
        if !is_array {
            return Ok(-1);
        }
        let sparse = self.settings.sparse;
        let dense = sparse.ratio == 0
            || longest <= elements.wrapping_mul(sparse.ratio)
            || longest <= sparse.safe;
        match (dense, sparse.converts) {
            (true, _) => Ok(longest),
            (false, true) => Ok(-1),
            (false, false) => {
                Err(refused(&Value::Table(table.clone()), "excessively sparse array"))
            }
        }
    }

    fn number(&mut self, number: f64) -> Result<(), Fault> {
        if number.is_finite() {
            numerals::print(&mut self.out, number, self.settings.precision as usize);
            return Ok(());
        }
        match self.settings.encode_invalid {
            Invalid::Refused => {
                return Err(refused(&Value::Number(number), "must not be NaN or Inf"));
            }
            Invalid::Null => self.out.extend_from_slice(b"null"),
            Invalid::Printed if number.is_nan() => self.out.extend_from_slice(b"nan"),
            Invalid::Printed => numerals::print(&mut self.out, number, 1),
        }
        Ok(())
    }

    /// Writes a string; bytes beyond ASCII stay as they are.
    fn string(&mut self, text: &[u8]) -> Result<(), Fault> {
        room(self.out.len(), text.len())?;
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        for &byte in text {
            match byte {
                b'"' | b'\\' | b'/' => self.out.extend_from_slice(&[b'\\', byte]),
                0x08 => self.out.extend_from_slice(b"\\b"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                0x0c => self.out.extend_from_slice(b"\\f"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                // Writing to a vector cannot fail.
                0..0x20 | 0x7f => drop(write!(self.out, "\\u{byte:04x}")),
                _ => self.out.push(byte),
            }
        }
        self.out.push(b'"');
        Ok(())
    }
}

impl Open {
    /// How many slots of Lua's stack an element of it was above.
    fn slots(&self) -> usize {
        match self {
            Self::Array { .. } => 1,
            Self::Object { .. } => 2,
        }
    }
}

fn too_deep(depth: usize) -> Fault {
    Fault::call(format!("Cannot serialise, excessive nesting ({depth})"))
}

fn refused(value: &Value, why: &str) -> Fault {
    Fault::call(format!("Cannot serialise {}: {why}", type_name(value)))
}

fn is_whole(key: f64) -> bool {
    key.fract() == 0.0 || key.is_infinite()
}

/// A key as a C `int`; what fits none becomes the least, as on x86.
fn as_int(key: f64) -> i32 {
    if key < f64::from(i32::MAX) + 1.0 { key as i32 } else { i32::MIN }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{expect, lua, said_by};

    #[test]
    fn values_are_written_as_in_redis() {
        expect(&[
            (
                "return cjson.encode({1,2,nil,4,'a',true,cjson.null})",
                r#"[1,2,null,4,\"a\",true,null]"#,
            ),
            ("return cjson.encode({{},{{}}})", "[{},[{}]]"),
            ("return cjson.encode({a={b=1}})", r#"{\"a\":{\"b\":1}}"#),
            ("return cjson.encode({[1.5]=2})", r#"{\"1.5\":2}"#),
            ("return cjson.encode({[0]=2})", r#"{\"0\":2}"#),
            ("return cjson.encode({[1e10]=1})", r#"{\"10000000000\":1}"#),
            (
                "return cjson.encode({1e15,1e14,0.1,-0,1/3,1e-5,1e300,123456789012345})",
                "[1e+15,1e+14,0.1,-0,0.33333333333333,1e-05,1e+300,1.2345678901234e+14]",
            ),
            (
                r#"return cjson.encode('a"\\/\b\f\n\r\t\1\127\200')"#,
                r#"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f\xc8\""#,
            ),
            ("return cjson.encode(nil)", "null"),
        ]);
    }

    #[test]
    fn sparse_arrays_are_refused_or_become_objects() {
        expect(&[
            ("return cjson.encode({[10]=2})", "[null,null,null,null,null,null,null,null,null,2]"),
            (
                "return cjson.encode({[11]=2})",
                "user_script:1: Cannot serialise table: excessively sparse array",
            ),
            (
                "return cjson.encode({[2147483647]=2})",
                "user_script:1: Cannot serialise table: excessively sparse array",
            ),
            (
                "local c=cjson.new() c.encode_sparse_array(true) return c.encode({[100]=1})",
                r#"{\"100\":1}"#,
            ),
            (
                "local c=cjson.new() c.encode_sparse_array(false,0) return #c.encode({[10\
                 0]=1})",
                "498",
            ),
        ]);
    }

    #[test]
    fn what_json_has_no_form_for_is_refused() {
        expect(&[
            (
                "return cjson.encode(0/0)",
                "user_script:1: Cannot serialise number: must not be NaN or Inf",
            ),
            (
                "return cjson.encode({a={1/0}})",
                "user_script:1: Cannot serialise number: must not be NaN or Inf",
            ),
            (
                "return cjson.encode(tostring)",
                "user_script:1: Cannot serialise function: type not supported",
            ),
            (
                "return cjson.encode(coroutine.create(function() end))",
                "user_script:1: Cannot serialise thread: type not supported",
            ),
            (
                "return cjson.encode({[true]=1})",
                "user_script:1: Cannot serialise boolean: table key must be a number or s\
                 tring",
            ),
            (
                "return cjson.encode({[{}]=1})",
                "user_script:1: Cannot serialise table: table key must be a number or string",
            ),
            (
                "local c=cjson.new() c.encode_invalid_numbers(true) return c.encode({0/0,\
                 1/0,-1/0})",
                "[nan,inf,-inf]",
            ),
            (
                "local c=cjson.new() c.encode_invalid_numbers('null') return c.encode({[1\
                 /0]=1})",
                r#"{\"null\":1}"#,
            ),
        ]);
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        expect(&[
            (
                "local t={} t[1]=t return cjson.encode(t)",
                "user_script:1: Cannot serialise, excessive nesting (1001)",
            ),
            (
                "local t={} t.a=t return cjson.encode(t)",
                "user_script:1: Cannot serialise, excessive nesting (1001)",
            ),
            ("local t={} for i=1,999 do t={t} end return #cjson.encode(t)", "2000"),
        ]);
    }

    #[test]
    fn no_depth_that_a_script_allows_overflows_the_stack() {
        let lua = lua();
        for table in ["t[1]=t", "t.a=t"] {
            let script = format!(
                "local c=cjson.new() c.encode_max_depth(2^31-1) local t={{}} {table} \
                 return c.encode(t)"
            );
            let said = said_by(&lua, &script);
            let refused = said.starts_with("user_script:1: Cannot serialise, excessive nesting (");
            assert!(refused, "{said}");
        }
    }
}
