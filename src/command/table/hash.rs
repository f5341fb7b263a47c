//! Commands for hashes.

use super::flag::{DENYOOM, FAST, READONLY, WRITE};
use super::row::{arg, command, key, key_at, word};
use super::{Command, acl};
use crate::command::hash;

pub(super) const ROWS: &[Command] = &[
    command("hdel", -3, WRITE | FAST)
        .acl(acl::HASH)
        .run(hash::hdel)
        .keys(&[key_at(1, "RW delete")])
        .docs(
            "Deletes fields of a hash, and the hash with its last field.",
            "2.0.0",
            "O(N), N being the fields named.",
        )
        .history(&[("2.4.0", "Takes several fields.")])
        .takes(&[key("key", 0), arg("field", "string").multiple()]),
    command("hexists", 3, READONLY | FAST)
        .acl(acl::HASH)
        .run(hash::hexists)
        .keys(&[key_at(1, "RO")])
        .docs("Tells whether a field is in a hash.", "2.0.0", "O(1)")
        .takes(&[key("key", 0), arg("field", "string")]),
    command("hget", 3, READONLY | FAST)
        .acl(acl::HASH)
        .run(hash::hget)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns the value of a field.", "2.0.0", "O(1)")
        .takes(&[key("key", 0), arg("field", "string")]),
    command("hgetall", 2, READONLY)
        .acl(acl::HASH)
        .run(hash::hgetall)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns all fields of a hash with their values.",
            "2.0.0",
            "O(N), N being the size of the hash.",
        )
        .tips(&["nondeterministic_output_order"])
        .takes(&[key("key", 0)]),
    command("hincrby", 4, WRITE | DENYOOM | FAST)
        .acl(acl::HASH)
        .run(hash::hincrby)
        .keys(&[key_at(1, "RW access update")])
        .docs("Adds a number to the integer in a field.", "2.0.0", "O(1)")
        .takes(&[key("key", 0), arg("field", "string"), arg("increment", "integer")]),
    command("hincrbyfloat", 4, WRITE | DENYOOM | FAST)
        .acl(acl::HASH)
        .run(hash::hincrbyfloat)
        .keys(&[key_at(1, "RW access update")])
        .docs("Adds a number to the floating point number in a field.", "2.6.0", "O(1)")
        .takes(&[key("key", 0), arg("field", "string"), arg("increment", "double")]),
    command("hkeys", 2, READONLY)
        .acl(acl::HASH)
        .run(hash::hkeys)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns all fields of a hash.", "2.0.0", "O(N), N being the size of the hash.")
        .tips(&["nondeterministic_output_order"])
        .takes(&[key("key", 0)]),
    command("hlen", 2, READONLY | FAST)
        .acl(acl::HASH)
        .run(hash::hlen)
        .keys(&[key_at(1, "RO")])
        .docs("Counts the fields of a hash.", "2.0.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("hmget", -3, READONLY | FAST)
        .acl(acl::HASH)
        .run(hash::hmget)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns the values of several fields.", "2.0.0", "O(N), N being the fields named.")
        .takes(&[key("key", 0), arg("field", "string").multiple()]),
    command("hmset", -4, WRITE | DENYOOM | FAST)
        .acl(acl::HASH)
        .run(hash::hmset)
        .keys(&[key_at(1, "RW update")])
        .docs("Sets the values of several fields.", "2.0.0", "O(N), N being the fields named.")
        .deprecated("4.0.0", "`HSET` with multiple field-value pairs")
        .takes(&[
            key("key", 0),
            arg("field_value", "block")
                .multiple()
                .made_of(&[arg("field", "string"), arg("value", "string")]),
        ]),
    command("hrandfield", -2, READONLY)
        .acl(acl::HASH)
        .run(hash::hrandfield)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns fields of a hash picked at random.",
            "6.2.0",
            "O(N), N being the fields returned.",
        )
        .tips(&["nondeterministic_output"])
        .takes(&[
            key("key", 0),
            arg("options", "block")
                .optional()
                .made_of(&[arg("count", "integer"), word("withvalues", "WITHVALUES").optional()]),
        ]),
    command("hscan", -3, READONLY)
        .acl(acl::HASH)
        .run(hash::hscan)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Walks over the fields of a hash, a few in each call.",
            "2.8.0",
            "O(1) for a call, O(N) for the walk, N being the size of the hash.",
        )
        .tips(&["nondeterministic_output"])
        .takes(&[
            key("key", 0),
            arg("cursor", "integer"),
            arg("pattern", "pattern").after("MATCH").optional(),
            arg("count", "integer").after("COUNT").optional(),
        ]),
    command("hset", -4, WRITE | DENYOOM | FAST)
        .acl(acl::HASH)
        .run(hash::hset)
        .keys(&[key_at(1, "RW update")])
        .docs("Sets the values of one or more fields.", "2.0.0", "O(N), N being the fields named.")
        .history(&[("4.0.0", "Takes several fields with their values.")])
        .takes(&[
            key("key", 0),
            arg("field_value", "block")
                .multiple()
                .made_of(&[arg("field", "string"), arg("value", "string")]),
        ]),
    command("hsetnx", 4, WRITE | DENYOOM | FAST)
        .acl(acl::HASH)
        .run(hash::hsetnx)
        .keys(&[key_at(1, "RW insert")])
        .docs("Sets the value of a field, provided that the field does not exist.", "2.0.0", "O(1)")
        .takes(&[key("key", 0), arg("field", "string"), arg("value", "string")]),
    command("hstrlen", 3, READONLY | FAST)
        .acl(acl::HASH)
        .run(hash::hstrlen)
        .keys(&[key_at(1, "RO")])
        .docs("Returns the length of the value of a field.", "3.2.0", "O(1)")
        .takes(&[key("key", 0), arg("field", "string")]),
    command("hvals", 2, READONLY)
        .acl(acl::HASH)
        .run(hash::hvals)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns all values of a hash.", "2.0.0", "O(N), N being the size of the hash.")
        .tips(&["nondeterministic_output_order"])
        .takes(&[key("key", 0)]),
];
