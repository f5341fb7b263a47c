//! JSON to values.
//!
//! Tables being filled are on a stack of their own, not on the thread's.

use mlua::{Error, Lua, Table, Value};

use super::super::arguments::Arguments;
use super::super::fault::Fault;
use super::super::{Outcome, STACK_SLOTS, one};
use super::settings::Settings;
use super::tokens::{Numbers, Token, Tokens};
use super::{NULL, expect_one};

/// How many slots of Lua's stack must be left for an array, and for an object.
const ARRAY_SLOTS: usize = 2;
const OBJECT_SLOTS: usize = 3;

/// `decode(text)`
pub fn decode(lua: &Lua, args: &Arguments, settings: Settings) -> Outcome {
    expect_one(args)?;
    let text = args.string(1)?;
    let text = text.as_bytes();
    // A zero among the first two bytes is how the wider encodings are told.
    if matches!(text.get(..2), Some([0, _] | [_, 0])) {
        return Err(Fault::call("JSON parser does not support UTF-16 or UTF-32"));
    }
    let numbers = if settings.decode_invalid { Numbers::Any } else { Numbers::Json };
    let mut decoder = Decoder {
        lua,
        tokens: Tokens::new(&text, numbers),
        depth_max: settings.decode_depth_max as usize,
        open: Vec::new(),
        slots: 1,
    };
    let value = decoder.value()?;
    match decoder.tokens.next() {
        (Token::End, _) => Ok(one(value)),
        other => Err(unexpected("the end", &other)),
    }
}

/// A table that is being filled.
enum Open {
    Array { table: Table, length: usize },
    Object { table: Table, key: Vec<u8> },
}

struct Decoder<'text> {
    lua: &'text Lua,
    tokens: Tokens<'text>,
    depth_max: usize,
    open: Vec<Open>,
    /// How many slots of Lua's stack would be in use.
    slots: usize,
}

impl Decoder<'_> {
    /// Takes one value, tables to their end.
    fn value(&mut self) -> Result<Value, Fault> {
        let mut ahead = self.tokens.next();
        loop {
            let mut value = match self.begin(ahead)? {
                Ok(value) => value,
                Err(first) => {
                    ahead = first;
                    continue;
                }
            };
            loop {
                let Some(container) = self.open.last_mut() else { return Ok(value) };
                place(container, value)?;
                match self.after_element()? {
                    Ok(table) => value = table,
                    Err(next) => {
                        ahead = next;
                        break;
                    }
                }
            }
        }
    }

    /// What a token stands for, or the token with which the first element of its table begins.
    fn begin(&mut self, ahead: (Token, usize)) -> Result<Result<Value, (Token, usize)>, Fault> {
        Ok(Ok(match ahead.0 {
            Token::String(text) => {
                Value::String(self.lua.create_string(&text).map_err(|error| self.deep(error))?)
            }
            Token::Number(number) => Value::Number(number),
            Token::Boolean(truth) => Value::Boolean(truth),
            Token::Null => NULL,
            Token::ArrayBegin => {
                let table = self.descend(ARRAY_SLOTS)?;
                let first = self.tokens.next();
                if first.0 == Token::ArrayEnd {
                    return Ok(Ok(Value::Table(table)));
                }
                self.slots += 1;
                self.open.push(Open::Array { table, length: 0 });
                return Ok(Err(first));
            }
            Token::ObjectBegin => {
                let table = self.descend(OBJECT_SLOTS)?;
                let first = self.tokens.next();
                if first.0 == Token::ObjectEnd {
                    return Ok(Ok(Value::Table(table)));
                }
                let key = self.key(first)?;
                self.slots += 2;
                self.open.push(Open::Object { table, key });
                return Ok(Err(self.tokens.next()));
            }
            _ => return Err(unexpected("value", &ahead)),
        }))
    }

    /// What follows an element: the end of its table, or the token of the next element.
    fn after_element(&mut self) -> Result<Result<Value, (Token, usize)>, Fault> {
        let ahead = self.tokens.next();
        let in_object = matches!(self.open.last(), Some(Open::Object { .. }));
        match (&ahead.0, in_object) {
            (Token::ObjectEnd, true) | (Token::ArrayEnd, false) => {
                self.slots -= if in_object { 2 } else { 1 };
                match self.open.pop() {
                    Some(Open::Array { table, .. } | Open::Object { table, .. }) => {
                        Ok(Ok(Value::Table(table)))
                    }
                    None => Err(unexpected("the end", &ahead)),
                }
            }
            (Token::Comma, true) => {
                let first = self.tokens.next();
                let next = self.key(first)?;
                if let Some(Open::Object { key, .. }) = self.open.last_mut() {
                    *key = next;
                }
                Ok(Err(self.tokens.next()))
            }
            (Token::Comma, false) => Ok(Err(self.tokens.next())),
            (_, true) => Err(unexpected("comma or object end", &ahead)),
            (_, false) => Err(unexpected("comma or array end", &ahead)),
        }
    }

    /// Takes a key, whose token was taken already, and the colon behind it.
    fn key(&mut self, token: (Token, usize)) -> Result<Vec<u8>, Fault> {
        let key = match token {
            (Token::String(key), _) => key,
            other => return Err(unexpected("object key string", &other)),
        };
        match self.tokens.next() {
            (Token::Colon, _) => Ok(key),
            other => Err(unexpected("colon", &other)),
        }
    }

    /// A table for an array or object, if it is not too deep for one that needs `slots`.
    fn descend(&self, slots: usize) -> Result<Table, Fault> {
        if self.open.len() + 1 > self.depth_max || self.slots + slots > STACK_SLOTS {
            return Err(self.too_deep());
        }
        self.lua.create_table().map_err(|error| self.deep(error))
    }

    fn too_deep(&self) -> Fault {
        Fault::call(format!(
            "Found too many nested data structures ({}) at character {}",
            self.open.len() + 1,
            self.tokens.taken()
        ))
    }

    /// mlua keeps what Rust holds of Lua on a stack of its own, about as large as Lua's.
    fn deep(&self, error: Error) -> Fault {
        match error {
            Error::StackError => self.too_deep(),
            other => Fault::Lua(other),
        }
    }
}

fn place(container: &mut Open, value: Value) -> Result<(), Fault> {
    match container {
        Open::Array { table, length } => {
            *length += 1;
            table.raw_set(*length, value)?;
        }
        Open::Object { table, key } => {
            table.raw_set(mlua::BString::from(std::mem::take(key)), value)?;
        }
    }
    Ok(())
}

fn unexpected(expected: &str, found: &(Token, usize)) -> Fault {
    let (token, start) = found;
    Fault::call(format!(
        "Expected {expected} but found {} at character {}",
        token.name(),
        start + 1
    ))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{expect, lua, said_by};

    #[test]
    fn values_are_read_as_in_redis() {
        expect(&[
            (
                "return cjson.encode(cjson.decode(' [1, {\"a\" : null , \"b\":[ ]},true,\
                 \\t\"x\\\\u00e9\\\\ud83d\\\\ude00\",-1.5e3] '))",
                r#"[1,{\"a\":null,\"b\":{}},true,\"x\xc3\xa9\xf0\x9f\x98\x80\",-1500]"#,
            ),
            ("return cjson.encode(cjson.decode('[0x10,01,+1,1.,-0x1.8p1]'))", "[16,1,1,1,-3]"),
            ("return tostring(cjson.decode('-inf'))", "-inf"),
            ("return tostring(cjson.decode('null'))", "userdata: (nil)"),
            (r#"return cjson.decode('"a\\u0000b\200"')"#, r"a\x00b\xc8"),
            (r#"return cjson.decode('{"a":1,"a":2}').a"#, "2"),
            ("return cjson.decode(5)", "5"),
        ]);
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        expect(&[
            (
                "return cjson.decode('')",
                "user_script:1: Expected value but found T_END at character 1",
            ),
            (
                "return cjson.decode('[')",
                "user_script:1: Expected value but found T_END at character 2",
            ),
            (
                "return cjson.decode('[1')",
                "user_script:1: Expected comma or array end but found T_END at character 3",
            ),
            (
                "return cjson.decode('[1,]')",
                "user_script:1: Expected value but found T_ARR_END at character 4",
            ),
            (
                "return cjson.decode('{')",
                "user_script:1: Expected object key string but found T_END at character 2",
            ),
            (
                "return cjson.decode('{1')",
                "user_script:1: Expected object key string but found T_NUMBER at character 2",
            ),
            (
                r#"return cjson.decode('{"a"')"#,
                "user_script:1: Expected colon but found T_END at character 5",
            ),
            (
                r#"return cjson.decode('{"a":1')"#,
                "user_script:1: Expected comma or object end but found T_END at character 7",
            ),
            (
                r#"return cjson.decode('{"a":1,}')"#,
                "user_script:1: Expected object key string but found T_OBJ_END at character 8",
            ),
        ]);
    }

    #[test]
    fn texts_that_end_early_or_go_on_are_refused_with_their_place() {
        expect(&[
            (
                "return cjson.decode('1 2')",
                "user_script:1: Expected the end but found T_NUMBER at character 3",
            ),
            (
                r#"return cjson.decode('"abc')"#,
                "user_script:1: Expected value but found unexpected end of string at char\
                 acter 5",
            ),
            (
                r#"return cjson.decode('"a\\x"')"#,
                "user_script:1: Expected value but found invalid escape code at character 3",
            ),
            (
                r#"return cjson.decode('"\\ud800"')"#,
                "user_script:1: Expected value but found invalid unicode escape code at c\
                 haracter 2",
            ),
            (
                "return cjson.decode('-x')",
                "user_script:1: Expected value but found invalid number at character 1",
            ),
            (
                "return cjson.decode('nul')",
                "user_script:1: Expected value but found invalid token at character 1",
            ),
            (
                r"return cjson.decode('[1,\0]')",
                "user_script:1: Expected value but found T_END at character 4",
            ),
            (
                r"return cjson.decode('a\0')",
                "user_script:1: JSON parser does not support UTF-16 or UTF-32",
            ),
            (
                "return cjson.decode({})",
                r"user_script:1: bad argument #1 to \'decode\' (string expected, got table)",
            ),
            (
                "return cjson.decode()",
                r"user_script:1: bad argument #1 to \'decode\' (expected 1 argument)",
            ),
        ]);
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        expect(&[
            (
                "return cjson.decode(('['):rep(1001))",
                "user_script:1: Found too many nested data structures (1001) at character \
                 1001",
            ),
            (
                r#"return cjson.decode(('{"a":'):rep(1001))"#,
                "user_script:1: Found too many nested data structures (1001) at character \
                 5001",
            ),
            ("return type(cjson.decode(('['):rep(1000)..(']'):rep(1000)))", "table"),
        ]);
    }

    #[test]
    fn no_depth_that_a_script_allows_overflows_the_stack() {
        let lua = lua();
        for begun in ["[", "{\"a\":"] {
            let script = format!(
                "local c=cjson.new() c.decode_max_depth(2^31-1) \
                 return c.decode(('{begun}'):rep(100000))"
            );
            let said = said_by(&lua, &script);
            let refused =
                said.starts_with("user_script:1: Found too many nested data structures (");
            assert!(refused, "{said}");
        }
    }
}
