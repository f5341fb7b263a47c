//! Scripts that would have the interpreter or a library write beyond its memory, or read what is freed.

use super::Attacked;

/// CVE-2025-46817: the number of results of `unpack` overflowed, and the stack with it.
#[test]
fn the_range_of_unpack_does_not_overflow() {
    let mut attacked = Attacked::begin();
    for range in [
        "-2^31, 2^31-1",
        "0, 2^31-1",
        "1, 2^31-1",
        "1, 2^31",
        "-2^31, 0",
        "-2^31, -1",
        "-1, 2^31-2",
        "-2^31+1, 2^31-1",
        "-2^30, 2^30",
        "-2^30-1, 2^30+1",
        "1, 8000",
        "1, 1e9",
        "2^53, 2^53+2",
        "-1/0, 1/0",
        "0/0, 1",
        "'-2147483648', '2147483647'",
        "1, 2^32-1",
        "2^31-2, 2^31-1",
        "2^31-1, 2^31-1",
        "-2^63, 2^63",
    ] {
        attacked.withstands(&format!("return select('#', unpack({{1, 2, 3}}, {range}))"));
        attacked.withstands(&format!("return {{pcall(unpack, {{}}, {range})}}"));
        attacked.withstands(&format!("return redis.call('DEL', unpack({{}}, {range}))"));
    }
    assert_eq!(attacked.withstands("return select('#', unpack({}, 1, 7997))").integer(), 7997);
}

/// CVE-2021-32626, CVE-2014-5461: more was pushed on the stack of Lua than it has room for.
#[test]
fn no_depth_and_no_number_of_values_overflows_the_stack() {
    // Replies as deep as these are read by recursion.
    let reader = std::thread::Builder::new().stack_size(256 << 20).spawn(go_deep);
    reader.expect("a thread can be started").join().expect("the server withstands it");
}

fn go_deep() {
    let mut attacked = Attacked::begin();
    let parameters = (1..=100).map(|n| format!("p{n}")).collect::<Vec<_>>().join(",");
    for script in [
        "local t = {} for i = 1, 1e5 do t = {t} end return t",
        "local t = {} t[1] = t return t",
        "local t = {} t.map = t return t",
        "local t = {map = {}} t.map[t] = t return t",
        "local t = {set = {}} t.set[t] = true return t",
        "local t = {} for i = 1, 1e5 do t = {set = {[t] = 1}} end return t",
        "local c = cjson.new() c.decode_max_depth(1e9) return c.decode(('['):rep(1e6))",
        "local c = cjson.new() c.encode_max_depth(1e9) local t = {} t[1] = t return c.encode(t)",
        "return cmsgpack.unpack(('\\145'):rep(1e6))",
        "return cmsgpack.unpack(('\\1'):rep(1e6))",
        "local t = {} t[1] = t return cmsgpack.pack(t)",
        "return struct.unpack(('b'):rep(1e5), ('x'):rep(1e5))",
        "return redis.call('MSET', unpack({}, 1, 7900))",
        "return string.char(('x'):rep(7000):byte(1, -1))",
        "return ('x'):rep(1e6):byte(1, -1)",
        "return ('a'):rep(100):find(('(a)'):rep(100))",
        "return select(-1, unpack({}, 1, 7900))",
        "return math.max(unpack({}, 1, 7900))",
        "return string.format(('%s'):rep(7000), unpack({}, 1, 7000))",
        "return coroutine.wrap(function() return unpack({}, 1, 7900) end)()",
        "return coroutine.wrap(function(...) return coroutine.yield(...) end)(unpack({}, 1, 7900))",
        "redis.call('RPUSH', 'long', unpack({}, 1, 10)) for i = 1, 12 do redis.call('EVAL', '', 0) end",
    ] {
        attacked.withstands(script);
    }
    for depth in [1, 10, 100, 1000, 7000, 16000, 19990] {
        let nested = format!(
            "local function f({parameters}, ...) return p100, ... end
             local function g(n) if n > 0 then return (g(n - 1)) end return (f()) end
             return g({depth}) == nil and 1"
        );
        attacked.withstands(&nested);
    }
}

/// Recursion through functions that are not Lua, each with a part of the thread's own stack.
#[test]
fn recursion_through_the_servers_own_functions_ends_in_an_error() {
    let mut attacked = Attacked::begin();
    for step in [
        "return 1 + f()",
        "string.gsub('a', 'a', f)",
        "table.sort({1, 2, 3}, f)",
        "table.foreach({1}, f)",
        "tostring(setmetatable({}, {__tostring = f}))",
        "return setmetatable({}, {__index = f}).x",
        "setmetatable({}, {__newindex = f}).x = 1",
        "return setmetatable({}, {__add = f}) + 1",
        "return setmetatable({}, {__concat = f}) .. 'x'",
        "return 1 + setmetatable({}, {__call = f})()",
        "assert(load(f))",
        "coroutine.wrap(f)()",
        "assert(coroutine.resume(coroutine.create(f)))",
        "assert(pcall(f))",
        "for x in f do end",
        "next({}, setmetatable({}, {__index = f})[1])",
        "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]",
        "loadstring('local f = ... return 1 + f()')(f)",
    ] {
        let script = format!("local f f = function() {step} end return 1 + f()");
        assert!(attacked.withstands(&script).is_error(), "{step}");
    }
}

/// CVE-2020-14147, CVE-2015-8080, CVE-2018-11219: sizes in a format of `struct` overflowed.
#[test]
fn sizes_in_formats_of_struct_do_not_overflow() {
    let mut attacked = Attacked::begin();
    for format in [
        "i2147483648",
        "i4294967297",
        "I99999999999999999999",
        "c2147483647",
        "c4294967295",
        "!2147483648",
        "!4294967296i4",
        "c2147483647c2147483647c2147483647",
        "s!1i16i32",
        "i33",
        "i0",
    ] {
        for call in [
            "pack('{}', 'abc')",
            "pack('{}', 2^53)",
            "unpack('{}', 'abc')",
            "unpack('{}', ('x'):rep(1e5))",
            "size('{}')",
        ] {
            attacked.withstands(&format!("return struct.{}", call.replace("{}", format)));
        }
    }
    for start in ["-1", "0", "2^31", "2^53", "-2^63", "1/0", "0/0"] {
        attacked.withstands(&format!("return struct.unpack('b', 'abc', {start})"));
    }
    attacked
        .withstands("return struct.unpack('Lc0', '\\255\\255\\255\\255\\255\\255\\255\\127abc')");
}

/// CVE-2018-11218, CVE-2022-24834: `cmsgpack` and `cjson` wrote behind their buffers.
#[test]
fn lengths_that_data_claims_are_not_believed() {
    let mut attacked = Attacked::begin();
    for claim in [
        "\\219\\255\\255\\255\\255",
        "\\221\\255\\255\\255\\255",
        "\\223\\255\\255\\255\\255",
        "\\221\\127\\255\\255\\255\\1",
        "\\198\\255\\255\\255\\255",
        "\\201\\255\\255\\255\\255\\1",
    ] {
        let script = format!("return cmsgpack.unpack('{claim}')");
        assert!(attacked.withstands(&script).is_error(), "{claim}");
    }
    for script in [
        "return #cjson.encode(('\\1'):rep(1e7))",
        "return #cjson.encode({('\"'):rep(1e7), ('\\\\'):rep(1e7)})",
        "local t = {} for i = 1, 1e5 do t[i] = 1e308 end return #cjson.encode(t)",
        "local c = cjson.new() c.encode_number_precision(14) return c.encode({-1.7976931348623157e308, 5e-324})",
        "return pcall(cjson.new().encode_number_precision, 2^31)",
        "return #cmsgpack.pack(('x'):rep(2^24))",
        "local t = {} for i = 1, 2^17 do t[i] = i end return #cmsgpack.pack(t)",
        "return cjson.decode('\"' .. ('\\\\u0041'):rep(1e6) .. '\"'):len()",
        "return cjson.decode('\"\\\\ud83d')",
    ] {
        attacked.withstands(script);
    }
}

/// Deep or sparse data, of which `cjson` would make more than there is memory for.
#[test]
fn sparse_and_deep_tables_are_refused_or_bounded() {
    let mut attacked = Attacked::begin();
    for script in [
        "return cjson.encode({[2^31 - 1] = 1})",
        "return cjson.encode({[1e300] = 1})",
        "cjson.encode_sparse_array(false, 0, 0) return cjson.encode({[2^31 - 1] = 1})",
        "local c = cjson.new() c.encode_sparse_array(false, 0) return #c.encode({[1e6] = 1})",
        "local t = {1} for i = 1, 40 do t = {t, t} end return #cjson.encode(t)",
        "local t = {1} for i = 1, 40 do t = {t, t} end return #cmsgpack.pack(t, t)",
        "local t = {} t.t = t return cjson.encode(t)",
    ] {
        attacked.withstands(script);
    }
}

/// CVE-2024-31449: `bit.tohex` wrote as many digits as it was asked for.
#[test]
fn hexadecimal_has_no_more_digits_than_there_are() {
    let mut attacked = Attacked::begin();
    for count in ["-2147483648", "2147483647", "-2^31", "2^31", "1e15", "-1e300", "0/0", "-1/0"] {
        let script = format!("return #bit.tohex(65535, {count})");
        assert!(attacked.withstands(&script).integer() <= 8, "{count}");
    }
}

/// CVE-2024-46981: objects were used after the collector had run their finalizers.
#[test]
fn no_finalizer_runs_and_no_collector_frees_what_is_used() {
    let mut attacked = Attacked::begin();
    for script in [
        "local t = setmetatable({}, {__gc = function() error('ran') end}) t = nil collectgarbage() return 1",
        "local t = setmetatable({}, {__mode = 'kv'}) for i = 1, 1e5 do t[i] = {} t[{}] = i end collectgarbage() return #t",
        "for i = 1, 200 do local co = coroutine.create(function() local s = ('x'):rep(i) coroutine.yield(s) end) coroutine.resume(co) collectgarbage('step') end return 1",
        "for i = 1, 1000 do collectgarbage('step', i) loadstring('return ' .. i)() end return 1",
        "local t = {} for i = 1, 100 do t[i] = setmetatable({}, {__index = t, __gc = t, __mode = 'k'}) end t = nil collectgarbage() collectgarbage() return 1",
    ] {
        attacked.withstands(script);
        assert_eq!(attacked.client.run("SCRIPT FLUSH").text(), "OK");
        attacked.assert_unharmed(script);
    }
}

/// CVE-2025-49844: the parser did not hold the name of what it parsed, which the collector freed.
#[test]
fn names_of_chunks_outlive_their_compiling() {
    let mut attacked = Attacked::begin();
    let script = "
        for round = 1, 300 do
            collectgarbage('step')
            local source = ('local x' .. round .. ' = {\"' .. ('k'):rep(round) .. '\"} '):rep(100)
            for _, name in pairs({'=' .. round, '@n\\0' .. round, round .. '\\0' .. ('n'):rep(100), source}) do
                local f, text = loadstring('error(\"e\") ' .. source:sub(1, 9000), name)
                local ok, said = pcall(f or error, text)
                if ok or #said == 0 then return {err = 'ERR ' .. name} end
            end
        end
        return 1";
    assert_eq!(attacked.withstands(script).integer(), 1);
}

/// CVE-2025-46819: the level of a long bracket overflowed.
#[test]
fn the_level_of_a_long_bracket_does_not_overflow() {
    let mut attacked = Attacked::begin();
    for script in [
        "return loadstring('return [' .. ('='):rep(2^24))",
        "return loadstring('return [' .. ('='):rep(2^24) .. '[ x ]' .. ('='):rep(2^24) .. ']')",
        "return loadstring('--[' .. ('='):rep(2^24) .. '[ x')",
        "return loadstring('return [==[ x ]=' .. ('='):rep(2^24))",
        "return loadstring('return [[' .. ('['):rep(1e6))",
    ] {
        attacked.withstands(script);
    }
}

/// CVE-2022-24736 and the like: texts that no compiler expects.
#[test]
fn no_text_makes_the_compiler_fail() {
    let mut attacked = Attacked::begin();
    for text in [
        "('('):rep(1e5)",
        "('{'):rep(1e5)",
        "('do '):rep(1e5)",
        "('x='):rep(1e5)",
        "('not '):rep(1e5) .. '1'",
        "('- '):rep(1e5) .. '1'",
        "'return ' .. ('a.'):rep(1e5) .. 'b'",
        "('local x '):rep(300)",
        "'return ' .. ('1+'):rep(1e5) .. '1'",
        "'return ' .. ('1^'):rep(1e5) .. '1'",
        "'return ' .. ('a..'):rep(1e5) .. 'b'",
        "'return function() ' .. ('return function() '):rep(1e4)",
        "('goto x '):rep(100)",
        "'break'",
        "'return ...'",
        "'local function f() return ... end'",
        "'\\0'",
        "('x\\0'):rep(100)",
        "('\\255'):rep(100)",
        "('\"'):rep(101)",
        "('\\\\'):rep(101)",
        "'0x' .. ('f'):rep(1e5)",
        "('9'):rep(1e5)",
        "'return ' .. ('9'):rep(1e5)",
        "('if x then '):rep(1e4)",
        "('for i=1,2 do '):rep(1e4)",
        "('repeat '):rep(1e4)",
        "'return {' .. ('1,'):rep(3e5) .. '}'",
        "'return {' .. ('a=1,'):rep(1e5) .. '}'",
        "'f(' .. ('x,'):rep(1e5) .. 'x)'",
        "('::a::'):rep(10)",
        "'local ' .. ('a,'):rep(300) .. 'b'",
        "'return function(' .. ('a,'):rep(300) .. 'b) end'",
    ] {
        attacked.withstands(&format!("return {{pcall(loadstring, {text})}}"));
        attacked.withstands(&format!("return {{pcall(loadstring({text}) or error)}}"));
    }
}
