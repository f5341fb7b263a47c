//! Commands for keys of any type.

use super::flag::{
    ALL_SHARDS, DENYOOM, FAST, LOADING, MOVABLEKEYS, NOSCRIPT, OWN_SHARDS, PATTERN_KEYS, READONLY,
    STALE, WRITE,
};
use super::keys::{BeginSearch, FindKeys, KEYS, KeySpec};
use super::row::{arg, command, key, key_at, keys_from, unknown_keys, word};
use super::{Argument, Command, acl};
use crate::command::{expiry, generic, replication, scan, secrets, sort};

const SORT_COMPLEXITY: &str =
    "O(N*log(N)), N being the elements; O(N) for those of an order they have, and for the result.";

const SORT_ARGUMENTS: [Argument; 6] = [
    key("key", 0),
    arg("by-pattern", "pattern").of_spec(1).after("BY").optional(),
    arg("limit", "block")
        .after("LIMIT")
        .optional()
        .made_of(&[arg("offset", "integer"), arg("count", "integer")]),
    arg("get-pattern", "pattern").of_spec(1).after("GET").optional().multiple().again(),
    arg("order", "oneof").optional().made_of(&[word("asc", "ASC"), word("desc", "DESC")]),
    word("sorting", "ALPHA").optional(),
];

pub(super) const ROWS: &[Command] = &[
    command("copy", -3, WRITE | DENYOOM)
        .acl(acl::KEYSPACE)
        .run(generic::copy)
        .keys(&[key_at(1, "RO access"), key_at(2, "OW update")])
        .docs(
            "Copies a value to another key.",
            "6.2.0",
            "O(N), N being the elements of the value; O(1) for a string.",
        )
        .takes(&[
            key("source", 0),
            key("destination", 1),
            arg("destination-db", "integer").after("DB").optional(),
            word("replace", "REPLACE").optional(),
        ]),
    command("del", -2, WRITE)
        .acl(acl::KEYSPACE)
        .run(generic::del)
        .keys(&[keys_from(1, -1, 1, "RM delete")])
        .docs("Deletes keys.", "1.0.0", "O(N), N being the keys and the elements of their values.")
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .takes(&[key("key", 0).multiple()]),
    command("dump", 2, READONLY)
        .acl(acl::KEYSPACE)
        .run(generic::dump)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the value of a key as bytes that `RESTORE` takes.",
            "2.6.0",
            "O(N), N being the bytes of the value.",
        )
        .tips(&["nondeterministic_output"])
        .takes(&[key("key", 0)]),
    command("exists", -2, READONLY | FAST)
        .acl(acl::KEYSPACE)
        .run(generic::exists)
        .keys(&[keys_from(1, -1, 1, "RO")])
        .docs("Counts those of the keys that exist.", "1.0.0", "O(N), N being the keys.")
        .history(&[("3.0.3", "Takes several keys.")])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .takes(&[key("key", 0).multiple()]),
    command("expire", -3, WRITE | FAST)
        .acl(acl::KEYSPACE)
        .run(expiry::expire)
        .keys(&[key_at(1, "RW update")])
        .docs("Has a key expire after so many seconds.", "1.0.0", "O(1)")
        .history(&[("7.0.0", "Takes `NX`, `XX`, `GT` and `LT`.")])
        .takes(&[
            key("key", 0),
            arg("seconds", "integer"),
            arg("condition", "oneof").since("7.0.0").optional().made_of(&[
                word("nx", "NX"),
                word("xx", "XX"),
                word("gt", "GT"),
                word("lt", "LT"),
            ]),
        ]),
    command("expireat", -3, WRITE | FAST)
        .acl(acl::KEYSPACE)
        .run(expiry::expireat)
        .keys(&[key_at(1, "RW update")])
        .docs("Has a key expire at a Unix time in seconds.", "1.2.0", "O(1)")
        .history(&[("7.0.0", "Takes `NX`, `XX`, `GT` and `LT`.")])
        .takes(&[
            key("key", 0),
            arg("unix-time-seconds", "unix-time"),
            arg("condition", "oneof").since("7.0.0").optional().made_of(&[
                word("nx", "NX"),
                word("xx", "XX"),
                word("gt", "GT"),
                word("lt", "LT"),
            ]),
        ]),
    command("expiretime", 2, READONLY | FAST)
        .acl(acl::KEYSPACE)
        .run(expiry::expiretime)
        .keys(&[key_at(1, "RO access")])
        .docs("Tells the Unix time in seconds at which a key expires.", "7.0.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("keys", 2, READONLY | ALL_SHARDS)
        .acl(acl::KEYSPACE | acl::DANGEROUS)
        .run(scan::keys)
        .docs(
            "Lists the keys that match a pattern.",
            "1.0.0",
            "O(N), N being the keys of the database.",
        )
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .takes(&[arg("pattern", "pattern")]),
    command("move", 3, WRITE | FAST)
        .acl(acl::KEYSPACE)
        .run(generic::move_key)
        .keys(&[key_at(1, "RW access update")])
        .docs("Moves a key to another database.", "1.0.0", "O(1)")
        .takes(&[key("key", 0), arg("db", "integer")]),
    command("migrate", -6, WRITE | MOVABLEKEYS)
        .acl(acl::KEYSPACE | acl::DANGEROUS)
        .secret(secrets::of_migrate)
        .run(generic::migrate)
        .keys(&[
            KeySpec { begin: BeginSearch::IndexOrKeys(3), ..key_at(3, "RW access delete") },
            KeySpec {
                flags: "RW access delete incomplete",
                begin: BeginSearch::Keyword { keyword: KEYS, start_from: -2 },
                find: FindKeys::Range { last: -1, step: 1, limit: 0 },
                notes: "",
            },
        ])
        .docs(
            "Moves keys to another server.",
            "2.6.0",
            "That of `DUMP` and `DEL` here and of `RESTORE` there, and the way between.",
        )
        .history(&[
            ("3.0.0", "Takes `COPY` and `REPLACE`."),
            ("3.0.6", "Takes `KEYS`."),
            ("4.0.7", "Takes `AUTH`."),
            ("6.0.0", "Takes `AUTH2`."),
        ])
        .tips(&["nondeterministic_output"])
        .takes(&[
            arg("host", "string"),
            arg("port", "integer"),
            arg("key_or_empty_string", "oneof").made_of(&[key("key", 0), word("empty_string", "")]),
            arg("destination-db", "integer"),
            arg("timeout", "integer"),
            word("copy", "COPY").since("3.0.0").optional(),
            word("replace", "REPLACE").since("3.0.0").optional(),
            arg("authentication", "oneof").optional().made_of(&[
                arg("password", "string").after("AUTH").since("4.0.7").optional(),
                arg("username_password", "block")
                    .after("AUTH2")
                    .since("6.0.0")
                    .optional()
                    .made_of(&[arg("username", "string"), arg("password", "string")]),
            ]),
            key("key", 1).after("KEYS").since("3.0.6").optional().multiple(),
        ]),
    command("object", -2, 0).docs(
        "Tells how a value is held.",
        "2.2.3",
        "Depends on the subcommand.",
    ),
    command("object|encoding", 3, READONLY)
        .acl(acl::KEYSPACE)
        .run(generic::object_encoding)
        .keys(&[key_at(2, "RO")])
        .docs("Names the encoding of a value.", "2.2.3", "O(1)")
        .tips(&["nondeterministic_output"])
        .takes(&[key("key", 0)]),
    command("object|freq", 3, READONLY)
        .acl(acl::KEYSPACE)
        .run(generic::object_freq)
        .keys(&[key_at(2, "RO")])
        .docs("Tells how often a key is accessed, on a logarithmic scale.", "4.0.0", "O(1)")
        .tips(&["nondeterministic_output"])
        .takes(&[key("key", 0)]),
    command("object|help", 2, LOADING | STALE).acl(acl::KEYSPACE).run(generic::object_help).docs(
        "Lists the subcommands.",
        "6.2.0",
        "O(1)",
    ),
    command("object|idletime", 3, READONLY)
        .acl(acl::KEYSPACE)
        .run(generic::object_idletime)
        .keys(&[key_at(2, "RO")])
        .docs("Tells the seconds since a key was last accessed.", "2.2.3", "O(1)")
        .tips(&["nondeterministic_output"])
        .takes(&[key("key", 0)]),
    command("object|refcount", 3, READONLY)
        .acl(acl::KEYSPACE)
        .run(generic::object_refcount)
        .keys(&[key_at(2, "RO")])
        .docs("Counts the references to a value.", "2.2.3", "O(1)")
        .tips(&["nondeterministic_output"])
        .takes(&[key("key", 0)]),
    command("persist", 2, WRITE | FAST)
        .acl(acl::KEYSPACE)
        .run(expiry::persist)
        .keys(&[key_at(1, "RW update")])
        .docs("Takes the expiry off a key.", "2.2.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("pexpire", -3, WRITE | FAST)
        .acl(acl::KEYSPACE)
        .run(expiry::pexpire)
        .keys(&[key_at(1, "RW update")])
        .docs("Has a key expire after so many milliseconds.", "2.6.0", "O(1)")
        .history(&[("7.0.0", "Takes `NX`, `XX`, `GT` and `LT`.")])
        .takes(&[
            key("key", 0),
            arg("milliseconds", "integer"),
            arg("condition", "oneof").since("7.0.0").optional().made_of(&[
                word("nx", "NX"),
                word("xx", "XX"),
                word("gt", "GT"),
                word("lt", "LT"),
            ]),
        ]),
    command("pexpireat", -3, WRITE | FAST)
        .acl(acl::KEYSPACE)
        .run(expiry::pexpireat)
        .keys(&[key_at(1, "RW update")])
        .docs("Has a key expire at a Unix time in milliseconds.", "2.6.0", "O(1)")
        .history(&[("7.0.0", "Takes `NX`, `XX`, `GT` and `LT`.")])
        .takes(&[
            key("key", 0),
            arg("unix-time-milliseconds", "unix-time"),
            arg("condition", "oneof").since("7.0.0").optional().made_of(&[
                word("nx", "NX"),
                word("xx", "XX"),
                word("gt", "GT"),
                word("lt", "LT"),
            ]),
        ]),
    command("pexpiretime", 2, READONLY | FAST)
        .acl(acl::KEYSPACE)
        .run(expiry::pexpiretime)
        .keys(&[key_at(1, "RO access")])
        .docs("Tells the Unix time in milliseconds at which a key expires.", "7.0.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("pttl", 2, READONLY | FAST)
        .acl(acl::KEYSPACE)
        .run(expiry::pttl)
        .keys(&[key_at(1, "RO access")])
        .docs("Tells the milliseconds a key has left.", "2.6.0", "O(1)")
        .history(&[("2.8.0", "Replies -2 if there is no such key.")])
        .tips(&["nondeterministic_output"])
        .takes(&[key("key", 0)]),
    command("randomkey", 1, READONLY | ALL_SHARDS)
        .acl(acl::KEYSPACE)
        .run(scan::randomkey)
        .docs("Returns a key picked at random.", "1.0.0", "O(1)")
        .tips(&["request_policy:all_shards", "nondeterministic_output"]),
    command("rename", 3, WRITE)
        .acl(acl::KEYSPACE)
        .run(generic::rename)
        .keys(&[key_at(1, "RW access delete"), key_at(2, "OW update")])
        .docs("Gives a key another name, replacing what had that name.", "1.0.0", "O(1)")
        .takes(&[key("key", 0), key("newkey", 1)]),
    command("renamenx", 3, WRITE | FAST)
        .acl(acl::KEYSPACE)
        .run(generic::renamenx)
        .keys(&[key_at(1, "RW access delete"), key_at(2, "OW insert")])
        .docs("Gives a key another name, provided that nothing has it.", "1.0.0", "O(1)")
        .history(&[("3.2.0", "Takes the same name twice without an error.")])
        .takes(&[key("key", 0), key("newkey", 1)]),
    command("restore", -4, WRITE | DENYOOM)
        .acl(acl::KEYSPACE | acl::DANGEROUS)
        .run(generic::restore)
        .keys(&[key_at(1, "OW update")])
        .docs(
            "Gives a key the value that `DUMP` returned.",
            "2.6.0",
            "O(N), N being the bytes of the value; O(N log N) for sorted sets.",
        )
        .history(&[
            ("3.0.0", "Takes `REPLACE`."),
            ("5.0.0", "Takes `ABSTTL`."),
            ("5.0.0", "Takes `IDLETIME` and `FREQ`."),
        ])
        .takes(&[
            key("key", 0),
            arg("ttl", "integer"),
            arg("serialized-value", "string"),
            word("replace", "REPLACE").since("3.0.0").optional(),
            word("absttl", "ABSTTL").since("5.0.0").optional(),
            arg("seconds", "integer").after("IDLETIME").since("5.0.0").optional(),
            arg("frequency", "integer").after("FREQ").since("5.0.0").optional(),
        ]),
    command("scan", -2, READONLY | OWN_SHARDS)
        .acl(acl::KEYSPACE)
        .run(scan::scan)
        .docs(
            "Walks over the keys of the database, a few in each call.",
            "2.8.0",
            "O(1) for a call, O(N) for the walk, N being the keys of the database.",
        )
        .history(&[("6.0.0", "Takes `TYPE`.")])
        .tips(&["nondeterministic_output", "request_policy:special"])
        .takes(&[
            arg("cursor", "integer"),
            arg("pattern", "pattern").after("MATCH").optional(),
            arg("count", "integer").after("COUNT").optional(),
            arg("type", "string").after("TYPE").since("6.0.0").optional(),
        ]),
    command("sort", -2, WRITE | DENYOOM | MOVABLEKEYS | PATTERN_KEYS)
        .acl(acl::SET | acl::SORTEDSET | acl::LIST | acl::DANGEROUS)
        .run(sort::sort)
        .keys(&[
            key_at(1, "RO access"),
            unknown_keys("RO access").noted("BY and GET name keys by the elements."),
            unknown_keys("OW update").noted("STORE may stand anywhere."),
        ])
        .docs("Sorts the elements of a list, a set or a sorted set.", "1.0.0", SORT_COMPLEXITY)
        .takes(&[
            SORT_ARGUMENTS[0],
            SORT_ARGUMENTS[1],
            SORT_ARGUMENTS[2],
            SORT_ARGUMENTS[3],
            SORT_ARGUMENTS[4],
            SORT_ARGUMENTS[5],
            key("destination", 2).after("STORE").optional(),
        ]),
    command("sort_ro", -2, READONLY | MOVABLEKEYS | PATTERN_KEYS)
        .acl(acl::SET | acl::SORTEDSET | acl::LIST | acl::DANGEROUS)
        .run(sort::sort_ro)
        .keys(&[
            key_at(1, "RO access"),
            unknown_keys("RO access").noted("BY and GET name keys by the elements."),
        ])
        .docs(
            "Returns the elements of a list, a set or a sorted set in order.",
            "7.0.0",
            SORT_COMPLEXITY,
        )
        .takes(&SORT_ARGUMENTS),
    command("touch", -2, READONLY | FAST)
        .acl(acl::KEYSPACE)
        .run(generic::touch)
        .keys(&[keys_from(1, -1, 1, "RO")])
        .docs(
            "Notes an access to keys, and counts those that exist.",
            "3.2.1",
            "O(N), N being the keys.",
        )
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .takes(&[key("key", 0).multiple()]),
    command("ttl", 2, READONLY | FAST)
        .acl(acl::KEYSPACE)
        .run(expiry::ttl)
        .keys(&[key_at(1, "RO access")])
        .docs("Tells the seconds a key has left.", "1.0.0", "O(1)")
        .history(&[("2.8.0", "Replies -2 if there is no such key.")])
        .tips(&["nondeterministic_output"])
        .takes(&[key("key", 0)]),
    command("type", 2, READONLY | FAST)
        .acl(acl::KEYSPACE)
        .run(generic::type_of)
        .keys(&[key_at(1, "RO")])
        .docs("Names the type of a value.", "1.0.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("unlink", -2, WRITE | FAST)
        .acl(acl::KEYSPACE)
        .run(generic::unlink)
        .keys(&[keys_from(1, -1, 1, "RM delete")])
        .docs(
            "Deletes keys, and frees large values in the background.",
            "4.0.0",
            "O(1) for each key.",
        )
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .takes(&[key("key", 0).multiple()]),
    command("wait", 3, 0)
        .acl(acl::CONNECTION)
        .run(replication::wait)
        .docs("Waits until replicas have received what this connection wrote.", "3.0.0", "O(1)")
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .takes(&[arg("numreplicas", "integer"), arg("timeout", "integer")]),
    command("waitaof", 4, NOSCRIPT)
        .acl(acl::CONNECTION)
        .run(replication::waitaof)
        .docs(
            "Waits until what this connection wrote is on disk, here and on replicas.",
            "7.2.0",
            "O(1)",
        )
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .takes(&[
            arg("numlocal", "integer"),
            arg("numreplicas", "integer"),
            arg("timeout", "integer"),
        ]),
];
