//! How much memory an interpreter may have.
//!
//! mlua calls each function of Lua that allocates within a call that can fail, as long as there is a bound.
//! So what is short goes past it, which is looked at beforehand, and the words of a request, which are
//! bounded themselves.

use mlua::Lua;

use super::elements::no_memory;

/// The most that an interpreter allocates; a script that wants more fails.
const INTERPRETER_BYTES_MAX: usize = 1 << 30;

/// Does something of a script, which fails when the interpreter has too much.
pub fn bounded<R>(lua: &Lua, work: impl FnOnce() -> R) -> R {
    within(lua, INTERPRETER_BYTES_MAX, 0, work)
}

/// Hands so many bytes to a script while it runs.
pub fn hand_over<R>(
    lua: &Lua,
    bytes: usize,
    work: impl FnOnce() -> mlua::Result<R>,
) -> mlua::Result<R> {
    /// What is longer is worth a call that can fail.
    const SHORT_BYTES_MAX: usize = 4096;
    if bytes > SHORT_BYTES_MAX {
        return work();
    }
    if lua.used_memory() > INTERPRETER_BYTES_MAX {
        return Err(no_memory());
    }
    within(lua, 0, INTERPRETER_BYTES_MAX, work)
}

fn within<R>(lua: &Lua, inside: usize, outside: usize, work: impl FnOnce() -> R) -> R {
    let set = |bytes| lua.set_memory_limit(bytes).expect("the interpreter's allocator is mlua's");
    set(inside);
    let result = work();
    set(outside);
    result
}
