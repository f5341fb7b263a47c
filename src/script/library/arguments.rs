//! The arguments of a call, read as Lua's C functions read theirs.

use mlua::{Lua, LuaString, MultiValue, Value};

use super::fault::Fault;

/// The arguments of one call, counted from 1.
pub struct Arguments<'lua> {
    lua: &'lua Lua,
    values: Vec<Value>,
}

impl<'lua> Arguments<'lua> {
    /// The arguments of a call.
    pub fn new(lua: &'lua Lua, values: MultiValue) -> Self {
        Self { lua, values: values.into_vec() }
    }

    /// How many there are, a trailing nil counted.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// All of them, in order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Argument `index`, if it was given.
    pub fn at(&self, index: usize) -> Option<&Value> {
        self.values.get(index - 1)
    }

    /// Whether argument `index` is nil or was not given.
    pub fn is_absent(&self, index: usize) -> bool {
        matches!(self.at(index), None | Some(Value::Nil))
    }

    /// Argument `index` as a number; a string that reads as one will do.
    pub fn number(&self, index: usize) -> Result<f64, Fault> {
        let found = match self.at(index) {
            Some(Value::Integer(number)) => Some(*number as f64),
            Some(Value::Number(number)) => Some(*number),
            Some(Value::String(text)) => self.lua.coerce_number(Value::String(text.clone()))?,
            _ => None,
        };
        found.ok_or_else(|| self.mismatch(index, "number"))
    }

    /// Argument `index` as an integer, its fraction cut off.
    pub fn integer(&self, index: usize) -> Result<i64, Fault> {
        self.number(index).map(truncated)
    }

    /// Argument `index` as a C `int`, as which too large an integer loses its upper half.
    pub fn int(&self, index: usize) -> Result<i32, Fault> {
        self.integer(index).map(|number| number as i32)
    }

    /// Argument `index` as an integer, or `default` where it is absent.
    pub fn integer_or(&self, index: usize, default: i64) -> Result<i64, Fault> {
        if self.is_absent(index) { Ok(default) } else { self.integer(index) }
    }

    /// Argument `index` as a string; a number is printed.
    pub fn string(&self, index: usize) -> Result<LuaString, Fault> {
        match self.at(index) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Integer(number)) => self.printed(index, Value::Integer(*number)),
            Some(Value::Number(number)) => self.printed(index, Value::Number(*number)),
            _ => Err(self.mismatch(index, "string")),
        }
    }

    /// That argument `index` is not of the type `expected`.
    pub fn mismatch(&self, index: usize, expected: &str) -> Fault {
        let found = self.at(index).map_or("no value", type_name);
        Fault::argument(index, format!("{expected} expected, got {found}"))
    }

    fn printed(&self, index: usize, number: Value) -> Result<LuaString, Fault> {
        self.lua.coerce_string(number)?.ok_or_else(|| self.mismatch(index, "string"))
    }
}

/// The name Lua has for the type of `value`.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::LightUserData(_) | Value::Error(_) => "userdata",
        Value::Integer(_) => "number",
        other => other.type_name(),
    }
}

/// The value as a number, if it is one; no string is read.
pub fn numeric(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

/// A number without its fraction; what fits no integer becomes the least, as on x86.
pub fn truncated(number: f64) -> i64 {
    // 2^63, the first that does not fit.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&number) { number as i64 } else { i64::MIN }
}
