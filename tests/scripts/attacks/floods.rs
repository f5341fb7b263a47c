//! Scripts that would take all memory.

use super::Attacked;
use crate::support::Endpoint;

#[track_caller]
fn assert_no_memory(attacked: &mut Attacked, script: &str) {
    let text = attacked.withstands(script).text();
    assert!(text.contains("not enough memory"), "{script}: {text:.200}");
}

#[track_caller]
fn assert_little_left(attacked: &mut Attacked) {
    attacked.withstands("for i = 1, 10 do collectgarbage() end");
    let left = attacked.info("memory", "used_memory_vm_eval");
    assert!(left < 16 << 20, "{left} bytes are left of them");
}

/// Each begins an interpreter that may have a GiB, and has it back to next to nothing when it ends.
#[test]
fn what_grows_without_end_ends_in_an_error() {
    let mut attacked = Attacked::begin();
    for script in [
        "local s = 'x' while true do s = s .. s end",
        "return ('x'):rep(2^31 - 1)",
        "local t = {} while true do t = {t, function() return t end} end",
        "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
        "local t, i = {}, 1 while true do t[i] = i i = i + 1 end",
        "local s = ('x'):rep(2^26) return cjson.encode({s, s, s, s, s, s, s, s, s})",
        "local s = ('x'):rep(2^26) return cmsgpack.pack(s, s, s, s, s, s, s, s, s)",
    ] {
        assert_no_memory(&mut attacked, script);
    }
    assert_little_left(&mut attacked);
}

/// What a script reads is bounded with what it makes, be it read at once or piece by piece.
#[test]
fn what_is_read_again_and_again_ends_in_an_error() {
    let mut attacked = Attacked::begin();
    let mut client = attacked.server.connect();
    assert_eq!(client.run("SETRANGE long 67108863 x").integer(), 1 << 26);
    // Lua hashes each 126th byte of such texts, so digits of one place must not lie that far apart.
    let numbers: Vec<String> = (10_000..71_000).map(|number| number.to_string()).collect();
    assert_eq!(client.call(&["SET", "numbers", &numbers.concat()]).text(), "OK");
    // Nothing but what is read takes memory, as the table has its room; and no two texts are the same,
    // of which Lua would keep one.
    for script in [
        "local t = {} for i = 1, 64 do t[i] = 0 end
         for i = 1, 64 do t[i] = redis.call('GETRANGE', 'long', i, -1) end return #t",
        "local t = {} for i = 1, 300000 do t[i] = 0 end
         for i = 1, 300000 do t[i] = redis.call('GETRANGE', 'numbers', i, i + 4000) end return #t",
    ] {
        assert_no_memory(&mut attacked, script);
    }
    assert_little_left(&mut attacked);
}

/// A table that holds another one many times over, and that yet another, is a reply without end.
#[test]
fn a_reply_has_an_end() {
    let mut attacked = Attacked::begin();
    let before = attacked.info("memory", "used_memory");
    for script in [
        "local t = {1} for i = 1, 60 do t = {t, t} end return t",
        "local s = ('x'):rep(2^20) local t = {s, s, s, s} for i = 1, 60 do t = {t, t, t} end return t",
    ] {
        assert_no_memory(&mut attacked, script);
    }
    let after = attacked.info("memory", "used_memory");
    assert!(after < before + (32 << 20), "{before} bytes became {after}");
}
