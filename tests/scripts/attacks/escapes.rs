//! Scripts that would leave their sandbox, or leave something in it.

use super::Attacked;

/// CVE-2022-0543: what loads libraries was left where scripts found it.
#[test]
fn nothing_leads_to_files_processes_or_the_loader_of_libraries() {
    let mut attacked = Attacked::begin();
    for name in [
        "package", "require", "module", "io", "os", "debug", "dofile", "loadfile", "print",
        "getfenv", "setfenv", "newproxy", "jit", "ffi", "arg",
    ] {
        attacked.finds_nothing(&format!(
            "local ok = pcall(function() return {name} end)
             return (ok or rawget(_G, '{name}')) and 'it is there' or 'nothing'"
        ));
    }
    attacked.finds_nothing(
        "for path, value in pairs({package = 1, loadlib = 1, loaders = 1, preload = 1}) do
             for _, inner in pairs(_G) do
                 if type(inner) == 'table' and rawget(inner, path) then return path end
             end
         end
         return 'nothing'",
    );
}

/// CVE-2022-24735: a script changes what is shared, and its code runs with the rights of others.
#[test]
fn nothing_that_scripts_share_can_be_changed() {
    let mut attacked = Attacked::begin();
    for change in [
        "NAME.x = 1",
        "NAME.pcall = nil",
        "rawset(NAME, 'x', 1)",
        "setmetatable(NAME, {__index = function() return 1 end})",
        "setmetatable(NAME, nil)",
        "getmetatable(NAME).__index = {}",
        "getmetatable(NAME).__newindex = nil",
        "rawset(getmetatable(NAME), '__newindex', nil)",
        "for key, value in pairs(NAME) do NAME[key] = 1 end",
        "for key, value in next, NAME do rawset(NAME, key, nil) end",
        "local _, inner = pairs(NAME) rawset(inner, 'x', 1)",
        "table.insert(NAME, 1)",
        "table.sort(NAME, function() end) table.insert(NAME, 1, 2) table.remove(NAME)",
        "table.foreach(NAME, function(key) NAME[key] = nil end)",
        "loadstring('NAME.x = 1')()",
        "coroutine.wrap(function() NAME.x = 1 end)()",
    ] {
        for name in [
            "_G",
            "redis",
            "string",
            "table",
            "math",
            "coroutine",
            "cjson",
            "cmsgpack",
            "struct",
            "bit",
        ] {
            attacked.withstands(&change.replace("NAME", name));
        }
    }
    let globals =
        ["x = 1", "pcall = 1", "KEYS = 1", "function redis.call() end", "redis.call = nil"];
    for change in globals {
        assert!(attacked.withstands(change).is_error(), "{change}");
    }
}

/// CVE-2025-46818: the metatables of strings and other basic types were shared and could be written to.
#[test]
fn the_metatables_of_basic_types_can_not_be_changed() {
    let mut attacked = Attacked::begin();
    for change in [
        "getmetatable('').__index = function() return 1 end",
        "getmetatable('').__add = function() return 1 end",
        "getmetatable('').__index.rep = nil",
        "rawset(getmetatable(''), '__index', nil)",
        "rawset(getmetatable('').__index, 'rep', nil)",
        "setmetatable(getmetatable(''), {})",
        "setmetatable('', {})",
        "setmetatable(1, {})",
        "setmetatable(nil, {})",
        "setmetatable(print, {})",
        "setmetatable(cjson.null, {})",
        "setmetatable(coroutine.create(function() end), {})",
        "table.insert(getmetatable(''), 1)",
    ] {
        let caught = format!("return select(2, pcall(function() {change} end)) or 'it is done'");
        attacked.withstands(&caught);
    }
    for value in
        ["1", "nil", "true", "function() end", "coroutine.create(function() end)", "cjson.null"]
    {
        let script = format!("return getmetatable({value}) == nil and 'nothing' or 'one'");
        attacked.finds_nothing(&script);
    }
}

/// CVE-2015-4335, CVE-2022-24736 and what else compiled code can do that no compiler writes.
#[test]
fn compiled_code_is_not_run_however_it_comes() {
    let mut attacked = Attacked::begin();
    for load in [
        "loadstring(code)",
        "loadstring(code, '=x')",
        "load(coroutine.wrap(function() coroutine.yield(code) end))",
        "load(coroutine.wrap(function() coroutine.yield('') end)) and nil or loadstring(code)",
        "load(coroutine.wrap(function() for i = 1, #code do coroutine.yield(code:sub(i, i)) end end))",
        "loadstring(code:sub(1, 20))",
        "loadstring((code:gsub('a', 'b')))",
    ] {
        let script = format!(
            "local code = string.dump(function() return 'it ran' end)
             local f = {load}
             return f and f() or 'nothing'"
        );
        attacked.finds_nothing(&script);
    }
    let code = b"\x1bLuaQ\0\x01\x04\x08\x04\x08\0".as_slice();
    let reply = attacked.client.call(&[b"EVAL".as_slice(), code, b"0"]);
    assert!(reply.text().starts_with("ERR Error compiling script"), "{reply:?}");
    attacked.assert_unharmed("compiled code by EVAL");
}

/// CVE-2021-32672: the debugger read beyond what it was sent.
#[test]
fn there_is_no_debugger() {
    let mut attacked = Attacked::begin();
    for line in ["SCRIPT DEBUG YES", "SCRIPT DEBUG SYNC", "SCRIPT DEBUG NO"] {
        assert!(attacked.client.run(line).is_error(), "{line}");
    }
    assert_eq!(attacked.withstands("return redis.breakpoint() == false and 1").integer(), 1);
    attacked.withstands("redis.debug(('x'):rep(1e6), {}, redis)");
}

/// What a script sets for itself in Lua or in a library ends with it.
#[test]
fn settings_of_a_script_end_with_it() {
    let mut attacked = Attacked::begin();
    for change in [
        "cjson.encode_max_depth(1) cjson.decode_max_depth(1)",
        "cjson.encode_number_precision(1) cjson.encode_sparse_array(true)",
        "cjson.encode_invalid_numbers('null') cjson.encode_keep_buffer(false)",
        "cjson.encode_max_depth(1) error('and fails')",
        "redis.setresp(3)",
        "redis.setresp(3) error('and fails')",
        "collectgarbage('stop') collectgarbage('setpause', 1e6) collectgarbage('setstepmul', 0)",
        "redis.set_repl(redis.REPL_NONE)",
        "redis.call('SELECT', 9)",
    ] {
        attacked.withstands(change);
    }
    assert!(attacked.client.run("CLIENT INFO").text().contains(" db=0 "));
}

/// Text with line ends in it, with which a script would speak for the server.
#[test]
fn no_text_of_a_script_is_taken_for_a_reply() {
    let mut attacked = Attacked::begin();
    for hello in ["HELLO 2", "HELLO 3"] {
        attacked.client.run(hello);
        for script in [
            "return {ok = 'a\\r\\n+FORGED\\r\\n'}",
            "return {err = 'a\\r\\n+FORGED\\r\\n'}",
            "return redis.error_reply('a\\r\\n+FORGED\\r\\n')",
            "return redis.status_reply('a\\n+FORGED\\n')",
            "return {big_number = '1\\r\\n+FORGED\\r\\n'}",
            "return {verbatim_string = {format = '\\r\\n+', string = 'FORGED\\r\\n'}}",
            "error('a\\r\\n+FORGED\\r\\n')",
            "error({err = 'a\\r\\n+FORGED\\r\\n'})",
            "redis.call('a\\r\\n+FORGED\\r\\n')",
            "return redis.pcall('GET\\r\\n+FORGED\\r\\n')",
            "return redis.call('CONFIG\\r\\n+FORGED')",
            "local t = {} t['\\r\\n+FORGED\\r\\n']() ",
            "return _G['a\\r\\n+FORGED\\r\\n']",
            "loadstring('x(', '=a\\r\\n+FORGED\\r\\n')() ",
            "a\r\n+FORGED\r\n",
            "#!lua flags=a\r+FORGED\r\nreturn 1",
        ] {
            let reply = attacked.withstands(script);
            let text = format!("{reply:?}");
            assert!(!text.contains("\\n+FORGED"), "{script}: {text}");
        }
    }
}
