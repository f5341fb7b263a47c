//! The libraries of scripts: cjson, cmsgpack, struct and bit, as Redis 7.2 has them.
//!
//! Each `table` makes the table of one library. A script calls the functions in it directly, as in
//! Redis it calls those of C: so the name and the line in an error are those of the call itself, in
//! a tail call (`return cjson.decode(x)`) too, where a wrapper written in Lua would have lost them.
//! What they raise is a `Thrown`, as what all of our functions raise.
//!
//! The tables are to be made before `next` of the globals is replaced: `cjson` keeps Lua's own.
//!
//! No function recurses deeper than a few levels, and no length that data claims is believed before
//! the data is there.

pub mod bits;
pub mod cjson;
pub mod cmsgpack;
pub mod hostile;
pub mod structs;

mod arguments;
mod fault;
mod numerals;
#[cfg(test)]
mod testing;

use mlua::{Function, Lua, MultiValue, Result, Value};

use super::elements::no_memory;

use arguments::Arguments;
use fault::Fault;

/// How many slots of Lua's stack a C function has, arguments and results included.
const STACK_SLOTS: usize = 8000;
/// How many of those results may take: mlua needs a few to hand them over.
const RESULT_SLOTS: usize = STACK_SLOTS - 32;

/// The longest text that is made of values: as long as any string that the server keeps.
///
/// A table can hold one long string, or one table, many times over.
const TEXT_BYTES_MAX: usize = if cfg!(test) { 1 << 20 } else { 512 << 20 };

/// What a function of a library gives: its results, or why there are none.
type Outcome = std::result::Result<MultiValue, Fault>;

/// One value as results.
fn one(value: Value) -> MultiValue {
    MultiValue::from_vec(vec![value])
}

/// Whether a text of `bytes` can take `more`; that it cannot is a want of memory.
fn room(bytes: usize, more: usize) -> Result<()> {
    if bytes.saturating_add(more) > TEXT_BYTES_MAX {
        return Err(no_memory());
    }
    Ok(())
}

/// Makes a Lua function of `body`.
fn function<F>(lua: &Lua, body: F) -> Result<Function>
where
    F: Fn(&Lua, &Arguments) -> Outcome + 'static,
{
    lua.create_function(move |lua, values: MultiValue| {
        body(lua, &Arguments::new(lua, values)).map_err(|fault| fault.into_error(lua))
    })
}

#[cfg(test)]
mod tests {
    use super::testing::{lua, said_by};

    const MEMORY_ERROR: &str = "not enough memory";

    #[test]
    fn one_string_held_many_times_does_not_take_all_memory() {
        let lua = lua();
        for call in [
            "cjson.encode(t)",
            "cmsgpack.pack(t)",
            "cmsgpack.pack(unpack(t))",
            "struct.pack(('s'):rep(#t),unpack(t))",
        ] {
            let script = format!("local s,t=('a'):rep(2^16),{{}} for i=1,17 do t[i]=s end {call}");
            let said = said_by(&lua, &script);
            assert!(said.contains(MEMORY_ERROR), "{call}: {said:.200}");
        }
        for call in [
            "local c=cjson.new() c.encode_sparse_array(false,0) c.encode({[2^31-1]=1})",
            "local s,t=('a'):rep(2^18),{} for i=1,5 do t[i]={[s]=1} end cjson.encode(t)",
        ] {
            let said = said_by(&lua, call);
            assert!(said.contains(MEMORY_ERROR), "{call}: {said:.200}");
        }
        for call in ["cjson.encode(t)", "cmsgpack.pack({t,t,t,t})"] {
            let script = format!(
                "local t={{{{}},{{}}}} for i=1,40 do t={{t,t}} end \
                 for i=1,13 do t={{t,t,t,t}} end {call}"
            );
            let said = said_by(&lua, &script);
            assert!(said.contains(MEMORY_ERROR), "{call}: {said:.200}");
        }
    }

    #[test]
    fn memory_that_lua_may_not_have_is_an_error() {
        let lua = lua();
        lua.set_memory_limit(lua.used_memory() + (2 << 20)).unwrap();
        for script in [
            "local s=('[[],'):rep(200000) return cjson.decode(s)",
            "local s=('1,'):rep(300000) return cjson.decode('['..s..'1]')",
            "local s='\\221\\0\\15\\0\\0'..('\\144'):rep(800000) return cmsgpack.unpack(s)",
            "local s=('a'):rep(2^18) return cjson.encode({s,s,s,s,s,s})",
        ] {
            let said = said_by(&lua, script);
            assert!(said.contains(MEMORY_ERROR), "{script}: {said:.200}");
        }
        assert_eq!(said_by(&lua, "return cjson.encode({1})"), "[1]");
    }
}
