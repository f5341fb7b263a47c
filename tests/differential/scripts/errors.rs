//! What goes wrong in scripts, on which line, and what those see who catch it.

use super::{Made, Making};

/// What raises. A table without a text of an error in it must be caught, or it ends stock.
const RAISES: &[&str] = &[
    "error('x')",
    "error('x',0)",
    "error('x',1)",
    "error('x',2)",
    "error({err='E x'})",
    "error({err='E x',code=1},2)",
    "error('')",
    "error(5)",
    "error(5.5,2)",
    "error(true)",
    "error()",
    "error(nil,2)",
    "error('E a\\nb')",
    "error('-E a')",
    "error(redis.error_reply('E reply'))",
    "error(redis.error_reply('word'))",
    "local x x.y=1",
    "local x=1 x.y.z=1",
    "local t={} t.x.y=1",
    "local t={} return t.x.y.z",
    "local t={} t.f()",
    "local t={} t:m()",
    "local x x()",
    "local s='a' s:nosuch()",
    "(1)()",
    "return 1+nil",
    "return {}+1",
    "local a a=a+1",
    "local t={} t.n=t.n+1",
    "return 'a'+1",
    "return 'a'..{}",
    "local a return 'x'..a",
    "return #5",
    "local n return #n",
    "return -{}",
    "return 1<'1'",
    "return {}<{}",
    "return nil>1",
    "for i='a',2 do end",
    "for i=1,{} do end",
    "for i=1,2,nil do end",
    "for k in 5 do end",
    "for k in nil do end",
    "local t={} t[nil]=1",
    "local t={} t[0/0]=1",
    "return nosuch",
    "nosuch=1",
    "nosuch()",
    "return nosuch.x",
    "_G.nosuch=1",
    "redis.x=1",
    "string.x=1",
    "rawset(_G,'a',1)",
    "setmetatable(_G,{})",
    "setmetatable(redis,nil)",
    "redis.call('nosuch')",
    "redis.call()",
    "redis.call({})",
    "redis.call('GET')",
    "redis.call('GET',nil)",
    "redis.call('GET','a','b')",
    "redis.call('LPUSH','str','x')",
    "redis.call('INCR','str')",
    "redis.call('SUBSCRIBE','c')",
    "redis.call('SELECT',99)",
    "redis.call('SET','a','b','zz')",
    "redis.call('EVAL','return 1',0)",
    "return redis.pcall('nosuch')",
    "return redis.pcall('LPUSH','str','x')",
    "return redis.pcall()",
    "redis.pcall(nil)",
    "return redis.error_reply('E returned')",
    "return {err='E table'}",
    "return redis.status_reply('S')",
    "return {ok='S table'}",
    "redis.call('XADD','str','*','a','b')",
    "redis.call('SET','w',1)",
    "redis.call('RPUSH','wl','x') error('after a write')",
    "assert(false)",
    "assert(nil,'said')",
    "assert(false,{err='E asserted'})",
    "assert(1==2,5)",
    "assert()",
    "cjson.decode('[1,')",
    "cjson.decode()",
    "cjson.encode(tostring)",
    "cmsgpack.unpack('\\193')",
    "cmsgpack.pack()",
    "struct.unpack('i','a')",
    "struct.pack('q')",
    "bit.band('x')",
    "bit.tobit()",
    "unpack()",
    "unpack(nil)",
    "unpack({},1,1e8)",
    "tostring()",
    "tonumber('1',99)",
    "setmetatable(1,{})",
    "select(0)",
    "next({},'x')",
    "ipairs()",
    "pairs(nil)",
    "rawget(1)",
    "rawset({},nil,1)",
    "string.rep()",
    "('x'):rep({})",
    "string.char(256)",
    "string.format('%d','x')",
    "string.format('%y',1)",
    "string.format()",
    "('x'):find('[')",
    "('x'):gsub('(',1)",
    "('x'):find('%')",
    "table.concat({{}})",
    "table.concat({1},',',1,2)",
    "table.insert({},1,2,3)",
    "table.insert({})",
    "table.sort({1,'a'})",
    "table.setn({},1)",
    "math.floor('x')",
    "math.random(0)",
    "math.fmod()",
    "coroutine.yield(1)",
    "coroutine.resume(5)",
    "coroutine.wrap(5)",
    "local c=coroutine.wrap(function() end) c() c()",
    "redis.setresp(9)",
    "redis.setresp()",
    "redis.log()",
    "redis.log(9,'x')",
    "redis.sha1hex()",
    "redis.set_repl(9)",
    "local function r() return 1+r() end r()",
    "redis.sha1hex('a','b')",
    "loadstring('x(')()",
    "loadstring('error(\"in chunk\")','=chunk')()",
    "loadstring('\\n\\nlocal x x.y=1','@file')()",
    "getmetatable('').x=1",
    "local t=setmetatable({},{__index=function(t,k) error('no '..k) end}) return t.x",
    "return setmetatable({},{__metatable=1})",
    "setmetatable(setmetatable({},{__metatable=1}),nil)",
    "return 1",
    "return nil",
    "local x = 1",
    "string.gsub('x','x',function() error('in gsub') end)",
    "table.sort({3,2,1},function() error('in sort') end)",
    "return 5",
    "collectgarbage('x')",
    "redis.acl_check_cmd('nosuch')",
    "redis.breakpoint() error('z')",
    "return redis.call('GET','str')",
    "error(tostring(nil)..'!')",
    "error(('long '):rep(60))",
    "local a,b,c=1 return a+c",
    "local up=nil local function f() return up.x end f()",
    "string.rep('x',-1)()",
    "error('a\\0b')",
    "error('\\r\\n')",
];
/// In what raises by functions that are ours, to whose errors `coroutine.wrap` adds no place.
const OURS: &[&str] = &[
    "cjson.",
    "cmsgpack.",
    "struct.",
    "bit.",
    "nosuch",
    "_G",
    "redis.x",
    "string.x",
    "redis,nil",
    "setmetatable(1",
    "{__metatable=1}",
    "rawset",
    "rawget",
    "next(",
    "pairs(",
    "math.random",
    "collectgarbage",
    "getmetatable('').x",
    "resume(5)",
    "unpack()",
    "unpack(nil)",
    "unpack({},1,1e8)",
];
/// Raised only where it is caught.
const CAUGHT: &[&str] = &[
    "error({})",
    "error({1,2})",
    "error(setmetatable({},{__tostring=function() return 'shown' end}))",
    "error({err=5})",
    "error(false)",
    "error({err={}})",
];
/// What hands an error on, with a space where lines may be broken.
const PASSES: &[&str] = &[
    "local function f() BODY end f()",
    "local function f() BODY end return f()",
    "(function() BODY end)()",
    "return (function(...) BODY end)(1,2)",
    "do BODY end",
    "if true then BODY end",
    "for i=1,2 do BODY end",
    "for k,v in pairs({1,2}) do BODY end",
    "while true do do BODY end break end",
    "repeat do BODY end until true",
    "local t={f=function() BODY end} t.f()",
    "local t={f=function(self) BODY end} t:f()",
    "local t=setmetatable({},{__index=function() BODY end}) local x=t.x",
    "local t=setmetatable({},{__newindex=function() BODY end}) t.x=1",
    "local t=setmetatable({},{__call=function() BODY end}) t()",
    "local t=setmetatable({},{__add=function() BODY end}) local x=t+1",
    "local t=setmetatable({},{__concat=function() BODY end}) local x=t..'a'",
    "local t=setmetatable({},{__lt=function() BODY end}) local x=t<t",
    "local t=setmetatable({},{__eq=function() BODY end}) local x=t==setmetatable({},getmetatable(t))",
    "local t=setmetatable({},{__unm=function() BODY end}) local x=-t",
    "local t=setmetatable({},{__tostring=function() BODY end}) tostring(t)",
    "string.gsub('abc','b',function() BODY end)",
    "table.sort({3,1,2},function(a,b) BODY end)",
    "table.foreach({1},function() BODY end)",
    "table.foreachi({1},function() BODY end)",
    "coroutine.wrap(function() BODY end)()",
    "return coroutine.wrap(function() BODY end)()",
    "local co=coroutine.create(function() BODY end) local ok,e=coroutine.resume(co) error(T(e))",
    "local ok,e=pcall(function() BODY end) error(T(e),0)",
    "local ok,e=pcall(function() BODY end) error(T(e))",
    "assert(pcall(function() BODY end))",
    "for x in function() BODY end do break end",
    "local f=loadstring('local f=... return f()','=inner') f(function() BODY end)",
    "select(1,(function() BODY end)())",
    "pcall(function() BODY end)",
    "return unpack({pcall(function() BODY end)})",
    "local function r(n) if n>0 then return 1+r(n-1) end BODY end r(3)",
    "local function r(n) if n>0 then return r(n-1) end BODY end r(3)",
];
/// What catches an error and shows it.
const CATCHES: &[&str] = &[
    "return S(pcall(function() BODY end))",
    "return S(xpcall(function() BODY end, function(e) return e end))",
    "return S(xpcall(function() BODY end, function(e) return S(e)..'!' end))",
    "return S(xpcall(function() BODY end, function(e) error('again') end))",
    "return S(xpcall(function() BODY end, function(e) return e,2 end))",
    "return S(xpcall(function() BODY end, 5))",
    "return S(coroutine.resume(coroutine.create(function() BODY end)))",
    "local co=coroutine.create(function() BODY end) return S(coroutine.resume(co))..coroutine.status(co)..S(coroutine.resume(co))",
    "local r={pcall(function() BODY end)} return r",
    "local ok,e=pcall(function() BODY end) return e",
    "local ok,e=pcall(function() BODY end) if not ok then return redis.error_reply(type(e)=='string' and e or 'T table') end return 7",
    "return S(pcall(pcall,function() BODY end))",
    "return S(pcall(coroutine.wrap(function() BODY end)))",
    "return S(pcall(function() return pcall(function() BODY end) end))",
    "return S(pcall(xpcall,function() BODY end, type))",
    "local s='' for i=1,2 do s=s..S(pcall(function() BODY end)) end return s",
];

pub fn make(making: &mut Making<'_>) -> Made {
    let is_caught = making.chance(50);
    let raises = if is_caught && making.chance(15) { CAUGHT } else { RAISES };
    let mut body = making.pick(raises).to_owned();
    for _ in 0..making.random.below(4) {
        body = passed(making, &body);
    }
    if is_caught {
        body = making.pick(CATCHES).replace("BODY", &body);
    }
    if making.chance(25) {
        body = passed(making, &body);
    }
    let script = broken(making, &body);
    let before = making.pick(&[
        "",
        "",
        "redis.call('SET','str','text') ",
        "redis.call('SET','str','text')\n",
    ]);
    // What is raised again is to have a text.
    let text = "local function T(e) return type(e)=='table' and type(e.err)~='string' and 'table' or e end";
    making.eval_shown(&format!("{text} {before}{script}"), &[])
}

/// Puts a text that raises into another.
fn passed(making: &mut Making<'_>, body: &str) -> String {
    let pass = loop {
        let pass = making.pick(PASSES);
        let is_ours = OURS.iter().any(|ours| body.contains(ours));
        if !(is_ours && pass.contains("coroutine.wrap")) {
            break pass;
        }
    };
    pass.replace("BODY", body)
}

/// Breaks lines at some of the spaces that are not in a string.
fn broken(making: &mut Making<'_>, script: &str) -> String {
    let often = *making.random.pick(&[0, 10, 40]);
    let mut is_quoted = false;
    let breaks = |letter| {
        is_quoted ^= letter == '\'';
        let is_broken = letter == ' ' && !is_quoted && making.random.chance(often);
        if is_broken { '\n' } else { letter }
    };
    script.chars().map(breaks).collect()
}
