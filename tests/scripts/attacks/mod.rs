//! Attacks on servers by their scripts that became known, and such that could have: none does harm.
//!
//! After each the server answers others, and the next script finds what the first one found.

mod escapes;
mod floods;
mod loops;
mod overflows;

use crate::support::{Client, Endpoint, Server, Value};
use crate::{eval, server};

/// Names everything that a script finds, each with its address, so that what replaces anything is seen.
///
/// Its keys and arguments are made anew for each script.
const FOUND: &str = "
    local found, seen = {}, {}
    local function look(path, value)
        local line = path .. ' ' .. tostring(value)
        if path == '_G.KEYS' or path == '_G.ARGV' then
            line = path .. ' ' .. type(value)
        elseif type(value) == 'table' and not seen[value] then
            seen[value] = true
            for name, inner in pairs(value) do look(path .. '.' .. tostring(name), inner) end
            look(path .. '#', getmetatable(value))
        end
        found[#found + 1] = line
    end
    look('_G', _G)
    look(\"''\", getmetatable(''))
    table.sort(found)
    found[#found + 1] = cjson.encode({1.5, {}}) .. tostring(cjson.encode_max_depth())
        .. tostring(cjson.decode_max_depth()) .. tostring(cjson.encode_number_precision())
        .. ('%d'):format(#KEYS + #ARGV) .. ('x'):rep(2) .. type(redis.call('GET', 'nokey'))
    return found";

/// A server with one interpreter, and what scripts find there.
struct Attacked {
    server: Server,
    client: Client,
    found: Value,
}

impl Attacked {
    fn begin() -> Self {
        let server = server(&["--io-threads", "1", "--busy-reply-threshold", "200"]);
        let mut client = server.connect();
        let found = eval(&mut client, FOUND);
        assert!(found.elements().len() > 100, "{found:?}");
        Self { server, client, found }
    }

    /// Runs a script, and looks whether all is as it was; returns its reply.
    #[track_caller]
    fn withstands(&mut self, script: &str) -> Value {
        let reply = eval(&mut self.client, script);
        self.assert_unharmed(script);
        reply
    }

    /// As [`Self::withstands`], of a script that says itself whether it has failed.
    #[track_caller]
    fn finds_nothing(&mut self, script: &str) {
        assert_eq!(self.withstands(script).text(), "nothing", "{script}");
    }

    #[track_caller]
    fn assert_unharmed(&mut self, script: &str) {
        let shown: String = script.chars().take(300).collect();
        assert_eq!(self.client.run("PING").text(), "PONG", "{shown}");
        assert_eq!(self.server.connect().run("SET other 1").text(), "OK", "{shown}");
        assert_eq!(eval(&mut self.client, FOUND), self.found, "{shown}");
    }

    fn info(&mut self, section: &str, field: &str) -> u64 {
        self.client.info(section, field).parse().expect("a number")
    }
}
