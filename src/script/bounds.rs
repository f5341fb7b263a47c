//! How much memory an interpreter may have.
//!
//! The bound is for what scripts do. mlua calls each function of Lua that allocates within a call that
//! can fail, as long as there is one; so what the server itself hands to a script, which is bounded by
//! what it has, goes past it.

use mlua::Lua;

/// The most that an interpreter allocates; a script that wants more fails.
const INTERPRETER_BYTES_MAX: usize = 1 << 30;

/// Does something of a script, which fails when the interpreter has too much.
pub fn bounded<R>(lua: &Lua, work: impl FnOnce() -> R) -> R {
    within(lua, INTERPRETER_BYTES_MAX, 0, work)
}

/// Does something of the server while a script runs.
pub fn unbounded<R>(lua: &Lua, work: impl FnOnce() -> R) -> R {
    within(lua, 0, INTERPRETER_BYTES_MAX, work)
}

fn within<R>(lua: &Lua, inside: usize, outside: usize, work: impl FnOnce() -> R) -> R {
    let set = |bytes| lua.set_memory_limit(bytes).expect("the interpreter's allocator is mlua's");
    set(inside);
    let result = work();
    set(outside);
    result
}
