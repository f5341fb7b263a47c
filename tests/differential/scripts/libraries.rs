//! Every function of Lua and its libraries, with arguments that fit it and with such that do not.

use super::{Made, Making};

/// The functions, each with what it takes, by the letters of [`argument`].
const FUNCTIONS: &[(&str, &str)] = &[
    ("tostring", "v"),
    ("tonumber", "v"),
    ("tonumber", "si"),
    ("tonumber", "n"),
    ("tonumber", "s"),
    ("select", "iaaa"),
    ("select", "iaaa"),
    ("unpack", "lii"),
    ("unpack", "l"),
    ("next", "ta"),
    ("next", "t"),
    ("type", "a"),
    ("rawget", "ta"),
    ("rawset", "tka"),
    ("rawequal", "aa"),
    ("assert", "aa"),
    ("error", "ae"),
    ("ipairs", "t"),
    ("pairs", "t"),
    ("getmetatable", "a"),
    ("setmetatable", "tt"),
    ("loadstring", "s"),
    ("pcall", "fa"),
    ("xpcall", "ff"),
    ("string.byte", "sii"),
    ("string.byte", "s"),
    ("string.char", "bbb"),
    ("string.dump", "f"),
    ("string.find", "spii"),
    ("string.find", "sp"),
    ("string.find", "sp1t"),
    ("string.format", "Fvvv"),
    ("string.format", "Fnsn"),
    ("string.format", "Gn"),
    ("string.format", "Gn"),
    ("string.format", "Hs"),
    ("string.gmatch", "sp"),
    ("string.gsub", "spr"),
    ("string.gsub", "spri"),
    ("string.gfind", "sp"),
    ("string.len", "s"),
    ("string.lower", "s"),
    ("string.match", "spi"),
    ("string.match", "sp"),
    ("string.rep", "sc"),
    ("string.reverse", "s"),
    ("string.sub", "sii"),
    ("string.sub", "si"),
    ("string.upper", "s"),
    ("table.concat", "lsii"),
    ("table.concat", "ls"),
    ("table.foreach", "tf"),
    ("table.foreachi", "lf"),
    ("table.getn", "l"),
    ("table.insert", "la"),
    ("table.insert", "lia"),
    ("table.maxn", "t"),
    ("table.remove", "li"),
    ("table.remove", "l"),
    ("table.setn", "li"),
    ("table.sort", "l"),
    ("table.sort", "lf"),
    ("math.abs", "n"),
    ("math.acos", "n"),
    ("math.asin", "n"),
    ("math.atan", "n"),
    ("math.atan2", "nn"),
    ("math.ceil", "n"),
    ("math.cos", "n"),
    ("math.cosh", "n"),
    ("math.deg", "n"),
    ("math.exp", "n"),
    ("math.floor", "n"),
    ("math.fmod", "nn"),
    ("math.frexp", "n"),
    ("math.ldexp", "ni"),
    ("math.log", "n"),
    ("math.log10", "n"),
    ("math.max", "nnn"),
    ("math.min", "nnn"),
    ("math.mod", "nn"),
    ("math.modf", "n"),
    ("math.pow", "nn"),
    ("math.rad", "n"),
    ("math.randomseed", "n"),
    ("math.sin", "n"),
    ("math.sinh", "n"),
    ("math.sqrt", "n"),
    ("math.tan", "n"),
    ("math.tanh", "n"),
    ("coroutine.create", "f"),
    ("coroutine.resume", "oaa"),
    ("coroutine.status", "o"),
    ("coroutine.wrap", "f"),
    ("coroutine.yield", "aa"),
    ("coroutine.running", ""),
    ("bit.tobit", "n"),
    ("bit.bnot", "n"),
    ("bit.band", "nnn"),
    ("bit.bor", "nnn"),
    ("bit.bxor", "nn"),
    ("bit.lshift", "ni"),
    ("bit.rshift", "ni"),
    ("bit.arshift", "ni"),
    ("bit.rol", "ni"),
    ("bit.ror", "nn"),
    ("bit.bswap", "n"),
    ("bit.tohex", "n"),
    ("bit.tohex", "nn"),
    ("cjson.encode", "a"),
    ("cjson.decode", "s"),
    ("cmsgpack.pack", "aaa"),
    ("cmsgpack.unpack", "s"),
    ("struct.pack", "sa"),
    ("struct.unpack", "ss"),
    ("struct.size", "s"),
    ("redis.sha1hex", "s"),
    ("redis.error_reply", "s"),
    ("redis.status_reply", "s"),
    ("redis.log", "ns"),
    ("redis.setresp", "n"),
    ("redis.breakpoint", "a"),
    ("redis.debug", "a"),
    ("redis.replicate_commands", ""),
    ("redis.acl_check_cmd", "s"),
    ("cjson.new().encode_max_depth", "i"),
    ("cjson.new().decode_max_depth", "i"),
    ("cjson.new().encode_number_precision", "i"),
    ("cjson.new().encode_keep_buffer", "a"),
    ("cjson.new().encode_invalid_numbers", "a"),
    ("cjson.new().decode_invalid_numbers", "a"),
    ("cjson.new().encode_sparse_array", "aii"),
];
const PATTERN_PARTS: &[&str] = &[
    "a",
    "b",
    ".",
    "%a",
    "%d",
    "%s",
    "%w",
    "%x",
    "%p",
    "%c",
    "%l",
    "%u",
    "%z",
    "%A",
    "[abc]",
    "[^a]",
    "[a-c]",
    "[%a_]",
    "[]]",
    "x",
    "l",
    "o",
    " ",
    "*",
    "+",
    "-",
    "?",
    "(",
    ")",
    "()",
    "%1",
    "%b()",
    "%f[%a]",
    "^",
    "$",
    "%%",
    "%",
    "[",
    "[a",
    "%b",
    "%f",
    "(a*(.)%w(%s*))",
    "(.-)",
    "(%w+)",
    "%2",
];

const CALLED: &[&str] = &[
    "function() end",
    "function(...) return ... end",
    "function(a,b) return a<b end",
    "function(a,b) return a>b end",
    "function() return true end",
    "function() error('in f') end",
    "function() return nil end",
    "type",
    "type",
    "function(a) return a end",
    "function() return coroutine.yield(1,2) end",
    "select",
];

const COROUTINES: &[&str] = &[
    "coroutine.create(function() end)",
    "coroutine.create(function(...) return ... end)",
    "coroutine.create(function(...) return coroutine.yield(...) end)",
    "coroutine.create(function() error('in co') end)",
    "coroutine.create(function() error({err='E t'}) end)",
    "coroutine.create(function() redis.call('nosuch') end)",
];

const REPLACEMENTS: &[&str] = &[
    "''",
    "'x'",
    "'%0'",
    "'%1'",
    "'%2%1'",
    "'%%'",
    "'%9'",
    "'%a'",
    "{a='b',b=1,c=false}",
    "function(a) return a..'!' end",
    "function() end",
    "function() return {} end",
    "function() error('in r') end",
    "5",
    "{}",
];

pub fn make(making: &mut Making<'_>) -> Made {
    let (name, takes) = *making.random.pick(FUNCTIONS);
    let mut arguments: Vec<_> =
        takes.chars().map(|letter| argument(making, name, letter)).collect();
    if making.chance(12) {
        arguments.pop();
    }
    if making.chance(6) && takes != "la" {
        arguments.push(making.scalar());
    }
    let listed = arguments.join(",");
    let comma = if listed.is_empty() { "" } else { "," };
    let script = match (name, making.random.below(7)) {
        ("coroutine.wrap" | "string.gmatch" | "string.gfind", 0..=2) => {
            format!("local f={name}({listed}) return S(pcall(f)) .. S(pcall(f)) .. S(pcall(f))")
        }
        ("table.sort" | "table.insert" | "table.remove" | "rawset" | "setmetatable", 0..=4) => {
            format!(
                "local t={} return S(t,pcall({name},t,select(2,{listed},nil))) .. S(t)",
                arguments.first().map_or("nil", String::as_str)
            )
        }
        ("tostring" | "error" | "assert", _) | (_, 0..=3) => {
            format!("return S(pcall({name}{comma}{listed}))")
        }
        (_, 4) => format!("return S(pcall(function() return ({name}({listed})) end))"),
        (_, 5) => format!("local f={name} return S(f({listed}))"),
        _ => format!("return S({name}({listed}))"),
    };
    making.eval_shown(&script, &[])
}

fn argument(making: &mut Making<'_>, name: &str, letter: char) -> String {
    // What is given to these is not to be their largest count, nor shown with its address.
    let is_free = !matches!(
        name,
        "string.rep"
            | "tostring"
            | "unpack"
            | "table.insert"
            | "error"
            | "assert"
            | "string.format"
    );
    if is_free && letter != 'e' && making.chance(8) {
        return making.value(1);
    }
    match letter {
        'n' if making.chance(8) => making.string(),
        'n' => making.number(),
        'i' => making.place(),
        // With another behind it a number becomes a place, to which the elements are moved one by one.
        'a' if name == "table.insert" => making.string(),
        'b' => making.pick(&["0", "65", "255", "256", "-1", "'66'", "97.5"]).to_owned(),
        'c' => making
            .pick(&["0", "1", "3", "-1", "-2^31", "2^31", "2^32+2", "'2'", "2.9", "0/0", "300"])
            .to_owned(),
        's' if making.chance(8) => making.number(),
        's' => making.string(),
        'l' => {
            let (kind, count) = (making.random.below(3), making.random.below(9));
            let list = match kind {
                0 => making.listed(count, Making::number),
                1 => making.listed(count, Making::string),
                _ => making.listed(count, |making| making.data(1)),
            };
            format!("{{{list}}}")
        }
        't' => making.table(1),
        'f' => making.pick(CALLED).to_owned(),
        'o' => making.pick(COROUTINES).to_owned(),
        'p' => pattern(making),
        'r' => making.pick(REPLACEMENTS).to_owned(),
        'F' | 'G' | 'H' => format_of(making, letter),
        'v' if name == "tostring" => match making.random.below(4) {
            0 => "setmetatable({},{__tostring=function(...) return 'shown' end})".to_owned(),
            1 => "setmetatable({},{__tostring=function(...) return 5 end})".to_owned(),
            2 => making.string(),
            _ => making.number(),
        },
        'k' => making.pick(&["1", "'a'", "nil", "0/0", "2^53", "true", "-0"]).to_owned(),
        '1' => "1".to_owned(),
        // Stock asks a metatable for the text of what it catches, and is not guarded as it does.
        'a' if matches!(name, "error" | "assert") => making.data(1),
        'e' => making.pick(&["0", "1"]).to_owned(),
        _ => making.value(1),
    }
}

fn pattern(making: &mut Making<'_>) -> String {
    let count = 1 + making.random.below(5);
    let parts: Vec<_> = (0..count).map(|_| making.pick(PATTERN_PARTS)).collect();
    format!("'{}'", parts.concat())
}

/// A format of `string.format`: of any kinds, of one for a number, or of one for a string.
fn format_of(making: &mut Making<'_>, letter: char) -> String {
    let kinds: &[&str] = match letter {
        'G' => &["d", "i", "u", "c", "x", "X", "o", "e", "E", "f", "g", "G"],
        'H' => &["s", "q"],
        _ => &["d", "s", "q", "g", "%", "c", "x", "a", "y", "i", "5", ""],
    };
    let count = if letter == 'F' { making.random.below(4) } else { 1 };
    let parts: Vec<_> = (0..count)
        .map(|_| {
            let flags = making.pick(&["", "", "", "-", "+", " ", "#", "0", "-+ #0", "-+ #0-"]);
            let width = making.pick(&["", "", "5", "20", "99", "100"]);
            let digits = making.pick(&["", "", ".0", ".3", ".14", ".99", ".", ".100"]);
            format!("<%{flags}{width}{digits}{}>", making.pick(kinds))
        })
        .collect();
    format!("'{}'", parts.concat())
}
