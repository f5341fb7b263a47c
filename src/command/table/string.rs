//! Commands for strings.

use super::flag::{BRIEF, DENYOOM, FAST, READONLY, WRITE};
use crate::command::string;

use super::row::{arg, command, key, key_at, keys_from, word};
use super::{Command, acl};

pub(super) const ROWS: &[Command] = &[
    command("append", 3, WRITE | DENYOOM | FAST)
        .acl(acl::STRING)
        .run(string::append)
        .keys(&[key_at(1, "RW insert")])
        .docs(
            "Adds to the end of a string; a key that is not there begins empty.",
            "2.0.0",
            "O(1), amortised over the growth of the value.",
        )
        .takes(&[key("key", 0), arg("value", "string")]),
    command("decr", 2, WRITE | DENYOOM | FAST)
        .acl(acl::STRING)
        .run(string::decr)
        .keys(&[key_at(1, "RW access update")])
        .docs("Subtracts one from an integer.", "1.0.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("decrby", 3, WRITE | DENYOOM | FAST)
        .acl(acl::STRING)
        .run(string::decrby)
        .keys(&[key_at(1, "RW access update")])
        .docs("Subtracts a number from an integer.", "1.0.0", "O(1)")
        .takes(&[key("key", 0), arg("decrement", "integer")]),
    command("get", 2, READONLY | FAST)
        .acl(acl::STRING)
        .run(string::get)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns a string.", "1.0.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("getdel", 2, WRITE | FAST)
        .acl(acl::STRING)
        .run(string::getdel)
        .keys(&[key_at(1, "RW access delete")])
        .docs("Returns a string and deletes its key.", "6.2.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("getex", -2, WRITE | FAST)
        .acl(acl::STRING)
        .run(string::getex)
        .keys(&[key_at(1, "RW access update").noted("RW and UPDATE, as it changes the expiry")])
        .docs("Returns a string and sets or clears its expiry.", "6.2.0", "O(1)")
        .takes(&[
            key("key", 0),
            arg("expiration", "oneof").optional().made_of(&[
                arg("seconds", "integer").after("EX"),
                arg("milliseconds", "integer").after("PX"),
                arg("unix-time-seconds", "unix-time").after("EXAT"),
                arg("unix-time-milliseconds", "unix-time").after("PXAT"),
                word("persist", "PERSIST"),
            ]),
        ]),
    command("getrange", 4, READONLY)
        .acl(acl::STRING)
        .run(string::getrange)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns a part of a string.", "2.4.0", "O(N), N being the bytes returned.")
        .takes(&[key("key", 0), arg("start", "integer"), arg("end", "integer")]),
    command("getset", 3, WRITE | DENYOOM | FAST)
        .acl(acl::STRING)
        .run(string::getset)
        .keys(&[key_at(1, "RW access update")])
        .docs("Sets a string and returns the one that was there.", "1.0.0", "O(1)")
        .deprecated("6.2.0", "`SET` with the `!GET` argument")
        .takes(&[key("key", 0), arg("value", "string")]),
    command("incr", 2, WRITE | DENYOOM | FAST)
        .acl(acl::STRING)
        .run(string::incr)
        .keys(&[key_at(1, "RW access update")])
        .docs("Adds one to an integer.", "1.0.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("incrby", 3, WRITE | DENYOOM | FAST)
        .acl(acl::STRING)
        .run(string::incrby)
        .keys(&[key_at(1, "RW access update")])
        .docs("Adds a number to an integer.", "1.0.0", "O(1)")
        .takes(&[key("key", 0), arg("increment", "integer")]),
    command("incrbyfloat", 3, WRITE | DENYOOM | FAST)
        .acl(acl::STRING)
        .run(string::incrbyfloat)
        .keys(&[key_at(1, "RW access update")])
        .docs("Adds a number to a floating point number.", "2.6.0", "O(1)")
        .takes(&[key("key", 0), arg("increment", "double")]),
    command("lcs", -3, READONLY)
        .acl(acl::STRING)
        .run(string::lcs)
        .keys(&[keys_from(1, 1, 1, "RO access")])
        .docs(
            "Finds the longest common subsequence of two strings.",
            "7.0.0",
            "O(N*M), N and M being the lengths of the strings.",
        )
        .takes(&[
            key("key1", 0),
            key("key2", 0),
            word("len", "LEN").optional(),
            word("idx", "IDX").optional(),
            arg("len", "integer").after("MINMATCHLEN").optional(),
            word("withmatchlen", "WITHMATCHLEN").optional(),
        ]),
    command("mget", -2, READONLY | FAST)
        .acl(acl::STRING)
        .run(string::mget)
        .keys(&[keys_from(1, -1, 1, "RO access")])
        .docs("Returns the strings of several keys.", "1.0.0", "O(N), N being the keys.")
        .tips(&["request_policy:multi_shard"])
        .takes(&[key("key", 0).multiple()]),
    command("mset", -3, WRITE | DENYOOM)
        .acl(acl::STRING)
        .run(string::mset)
        .keys(&[keys_from(1, -1, 2, "OW update")])
        .docs("Sets the strings of several keys.", "1.0.1", "O(N), N being the keys.")
        .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
        .takes(&[arg("key_value", "block")
            .multiple()
            .made_of(&[key("key", 0), arg("value", "string")])]),
    command("msetnx", -3, WRITE | DENYOOM)
        .acl(acl::STRING)
        .run(string::msetnx)
        .keys(&[keys_from(1, -1, 2, "OW insert")])
        .docs(
            "Sets the strings of several keys, provided that none of them exists.",
            "1.0.1",
            "O(N), N being the keys.",
        )
        .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
        .takes(&[arg("key_value", "block")
            .multiple()
            .made_of(&[key("key", 0), arg("value", "string")])]),
    command("psetex", 4, WRITE | DENYOOM)
        .acl(acl::STRING)
        .run(string::psetex)
        .keys(&[key_at(1, "OW update")])
        .docs("Sets a string that expires after so many milliseconds.", "2.6.0", "O(1)")
        .takes(&[key("key", 0), arg("milliseconds", "integer"), arg("value", "string")]),
    command("set", -3, WRITE | DENYOOM | BRIEF)
        .acl(acl::STRING)
        .run(string::set)
        .keys(&[key_at(1, "RW access update variable_flags")
            .noted("RW and ACCESS, as GET returns what was there")])
        .docs("Sets a string, whatever the key held before.", "1.0.0", "O(1)")
        .history(&[
            ("2.6.12", "Takes `EX`, `PX`, `NX` and `XX`."),
            ("6.0.0", "Takes `KEEPTTL`."),
            ("6.2.0", "Takes `GET`, `EXAT` and `PXAT`."),
            ("7.0.0", "Takes `NX` and `GET` together."),
        ])
        .takes(&[
            key("key", 0),
            arg("value", "string"),
            arg("condition", "oneof")
                .since("2.6.12")
                .optional()
                .made_of(&[word("nx", "NX"), word("xx", "XX")]),
            word("get", "GET").since("6.2.0").optional(),
            arg("expiration", "oneof").optional().made_of(&[
                arg("seconds", "integer").after("EX").since("2.6.12"),
                arg("milliseconds", "integer").after("PX").since("2.6.12"),
                arg("unix-time-seconds", "unix-time").after("EXAT").since("6.2.0"),
                arg("unix-time-milliseconds", "unix-time").after("PXAT").since("6.2.0"),
                word("keepttl", "KEEPTTL").since("6.0.0"),
            ]),
        ]),
    command("setex", 4, WRITE | DENYOOM)
        .acl(acl::STRING)
        .run(string::setex)
        .keys(&[key_at(1, "OW update")])
        .docs("Sets a string that expires after so many seconds.", "2.0.0", "O(1)")
        .takes(&[key("key", 0), arg("seconds", "integer"), arg("value", "string")]),
    command("setnx", 3, WRITE | DENYOOM | FAST)
        .acl(acl::STRING)
        .run(string::setnx)
        .keys(&[key_at(1, "OW insert")])
        .docs("Sets a string, provided that the key does not exist.", "1.0.0", "O(1)")
        .takes(&[key("key", 0), arg("value", "string")]),
    command("setrange", 4, WRITE | DENYOOM)
        .acl(acl::STRING)
        .run(string::setrange)
        .keys(&[key_at(1, "RW update")])
        .docs(
            "Writes over a part of a string, which is padded with zeroes if it is too short.",
            "2.2.0",
            "O(M), M being the bytes written, plus the growth of the value.",
        )
        .takes(&[key("key", 0), arg("offset", "integer"), arg("value", "string")]),
    command("strlen", 2, READONLY | FAST)
        .acl(acl::STRING)
        .run(string::strlen)
        .keys(&[key_at(1, "RO")])
        .docs("Returns the length of a string.", "2.2.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("substr", 4, READONLY)
        .acl(acl::STRING)
        .run(string::substr)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns a part of a string.", "1.0.0", "O(N), N being the bytes returned.")
        .deprecated("2.0.0", "`GETRANGE`")
        .takes(&[key("key", 0), arg("start", "integer"), arg("end", "integer")]),
];
