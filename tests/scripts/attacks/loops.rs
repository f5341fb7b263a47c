//! Scripts that would run for ever: whoever comes meanwhile is told so, and ends them.

use super::Attacked;
use crate::support::Endpoint;

/// As in `busy.rs`, through everything that calls a function of the script, or catches its errors.
#[test]
fn every_endless_loop_is_ended_and_leaves_nothing() {
    let mut attacked = Attacked::begin();
    for script in [
        "repeat until false",
        "for i = 1, 1/0 do end",
        "for i = 2, 1, 0 do end",
        "local function f() return f() end f()",
        "for x in function() return 1 end do end",
        "local function f() while true do end end while true do pcall(f) xpcall(f, f) end",
        "while true do xpcall(error, function() while true do end end) end",
        "while true do pcall(pcall, pcall, pcall, error) end",
        "while true do pcall(coroutine.wrap(function() pcall(coroutine.wrap(function() while true do end end)) end)) end",
        "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
        "local function f() return pcall(f) end while true do f() end",
        "while true do pcall(setmetatable({}, {__call = function() while true do end end})) end",
        "local t = setmetatable({}, {__index = function() while true do end end}) while true do pcall(function() return t.x end) end",
        "local t = setmetatable({}, {__eq = function() while true do end end}) while true do pcall(function() return t == setmetatable({}, getmetatable(t)) end) end",
        "local t = setmetatable({}, {__lt = function() while true do end end}) while true do pcall(table.sort, {t, t, t}) end",
        "while true do pcall(tostring, setmetatable({}, {__tostring = function() while true do end end})) end",
        "while true do pcall(table.sort, {3, 2, 1}, function() while true do end end) end",
        "while true do pcall(table.foreach, {1}, function() while true do end end) end",
        "while true do pcall(string.gsub, 'xx', 'x', function() while true do end end) end",
        "while true do pcall(load, function() while true do end end) end",
        "while true do load(function() return ' ' end) end",
        "while true do local f = loadstring('while true do end') pcall(f) end",
        "while true do pcall(cjson.decode, '[') pcall(redis.call, 'NOSUCH') end",
        "while true do redis.pcall('GET', 'k') end",
    ] {
        let mut client = attacked.server.connect();
        client.send_command(&["EVAL", script, "0"]);
        attacked.server.await_line("Slow script detected");
        let mut other = attacked.server.connect();
        assert!(other.run("GET k").text().starts_with("BUSY "), "{script}");
        assert_eq!(other.run("SCRIPT KILL").text(), "OK", "{script}");
        let text = client.read().0.text();
        assert!(text.contains("Script killed by user with SCRIPT KILL"), "{script}: {text}");
        attacked.assert_unharmed(script);
    }
}

/// CVE-2022-36021, CVE-2024-31228: patterns of keys that take exponential time, or all of the stack.
#[test]
fn patterns_of_keys_take_no_time_that_grows_with_their_stars() {
    let mut attacked = Attacked::begin();
    let key = "a".repeat(200);
    attacked.client.call(&["SET", &key, "1"]);
    for script in [
        "return redis.call('KEYS', ('a*'):rep(100) .. 'b')",
        "return redis.call('KEYS', ('*a'):rep(100) .. 'b')",
        "return redis.call('SCAN', '0', 'MATCH', ('a*?'):rep(60) .. 'b', 'COUNT', 100)[2]",
        "return redis.call('KEYS', ('*?'):rep(1e6) .. 'b')",
        "return redis.call('KEYS', ('['):rep(1e6))",
    ] {
        assert!(attacked.withstands(script).elements().is_empty(), "{script}");
    }
}

/// Patterns of Lua are matched by recursion that has a bound, and end in an error beyond it.
#[test]
fn patterns_of_lua_that_recurse_end_in_an_error() {
    let mut attacked = Attacked::begin();
    for script in [
        "return ('x'):rep(1e4):find('.-b')",
        "return ('('):rep(1e4):find('%b()')",
        "return ('x'):rep(1e5):find(('('):rep(33))",
        "return ('x'):rep(1e3):gsub('', '%0%0')",
        "return ('x'):find(('['):rep(1e5))",
        "return ('x'):find(('%'):rep(1e5 + 1))",
        "return ('x'):rep(250000):find(('.'):rep(250000))",
    ] {
        attacked.withstands(script);
    }
}
