//! Commands for sets.

use super::flag::{DENYOOM, FAST, MOVABLEKEYS, READONLY, WRITE};
use super::row::{arg, command, key, key_at, keys_from};
use super::{BeginSearch, Command, FindKeys, KeySpec, acl};
use crate::command::set;

/// As many keys as word 1 says, from word 2 on.
const KEYS_AFTER_COUNT: KeySpec = KeySpec {
    flags: "RO access",
    begin: BeginSearch::Index(1),
    find: FindKeys::Keynum { keynum: 0, first: 1, step: 1 },
    notes: "",
};

pub(super) const ROWS: &[Command] = &[
    command("sadd", -3, WRITE | DENYOOM | FAST)
        .acl(acl::SET)
        .run(set::sadd)
        .keys(&[key_at(1, "RW insert")])
        .docs("Adds members to a set.", "1.0.0", "O(N), N being the members named.")
        .history(&[("2.4.0", "Takes several members.")])
        .takes(&[key("key", 0), arg("member", "string").multiple()]),
    command("scard", 2, READONLY | FAST)
        .acl(acl::SET)
        .run(set::scard)
        .keys(&[key_at(1, "RO")])
        .docs("Counts the members of a set.", "1.0.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("sdiff", -2, READONLY)
        .acl(acl::SET)
        .run(set::sdiff)
        .keys(&[keys_from(1, -1, 1, "RO access")])
        .docs(
            "Returns the members of the first set that are in no other.",
            "1.0.0",
            "O(N), N being the members of all sets.",
        )
        .tips(&["nondeterministic_output_order"])
        .takes(&[key("key", 0).multiple()]),
    command("sdiffstore", -3, WRITE | DENYOOM)
        .acl(acl::SET)
        .run(set::sdiffstore)
        .keys(&[key_at(1, "OW update"), keys_from(2, -1, 1, "RO access")])
        .docs(
            "Keeps the members of the first set that are in no other.",
            "1.0.0",
            "O(N), N being the members of all sets.",
        )
        .takes(&[key("destination", 0), key("key", 1).multiple()]),
    command("sinter", -2, READONLY)
        .acl(acl::SET)
        .run(set::sinter)
        .keys(&[keys_from(1, -1, 1, "RO access")])
        .docs(
            "Returns the members that are in all of several sets.",
            "1.0.0",
            "O(N*M), N being the size of the smallest set and M the number of sets.",
        )
        .tips(&["nondeterministic_output_order"])
        .takes(&[key("key", 0).multiple()]),
    command("sintercard", -3, READONLY | MOVABLEKEYS)
        .acl(acl::SET)
        .run(set::sintercard)
        .keys(&[KEYS_AFTER_COUNT])
        .docs(
            "Counts the members that are in all of several sets.",
            "7.0.0",
            "O(N*M), N being the size of the smallest set and M the number of sets.",
        )
        .takes(&[
            arg("numkeys", "integer"),
            key("key", 0).multiple(),
            arg("limit", "integer").after("LIMIT").optional(),
        ]),
    command("sinterstore", -3, WRITE | DENYOOM)
        .acl(acl::SET)
        .run(set::sinterstore)
        .keys(&[key_at(1, "RW update"), keys_from(2, -1, 1, "RO access")])
        .docs(
            "Keeps the members that are in all of several sets.",
            "1.0.0",
            "O(N*M), N being the size of the smallest set and M the number of sets.",
        )
        .takes(&[key("destination", 0), key("key", 1).multiple()]),
    command("sismember", 3, READONLY | FAST)
        .acl(acl::SET)
        .run(set::sismember)
        .keys(&[key_at(1, "RO")])
        .docs("Tells whether a string is a member of a set.", "1.0.0", "O(1)")
        .takes(&[key("key", 0), arg("member", "string")]),
    command("smembers", 2, READONLY)
        .acl(acl::SET)
        .run(set::smembers)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns all members of a set.", "1.0.0", "O(N), N being the size of the set.")
        .tips(&["nondeterministic_output_order"])
        .takes(&[key("key", 0)]),
    command("smismember", -3, READONLY | FAST)
        .acl(acl::SET)
        .run(set::smismember)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Tells which of several strings are members of a set.",
            "6.2.0",
            "O(N), N being the members named.",
        )
        .takes(&[key("key", 0), arg("member", "string").multiple()]),
    command("smove", 4, WRITE | FAST)
        .acl(acl::SET)
        .run(set::smove)
        .keys(&[key_at(1, "RW access delete"), key_at(2, "RW insert")])
        .docs("Moves a member from one set to another.", "1.0.0", "O(1)")
        .takes(&[key("source", 0), key("destination", 1), arg("member", "string")]),
    command("spop", -2, WRITE | FAST)
        .acl(acl::SET)
        .run(set::spop)
        .keys(&[key_at(1, "RW access delete")])
        .docs(
            "Removes members of a set picked at random, and returns them.",
            "1.0.0",
            "O(N), N being the members removed.",
        )
        .history(&[("3.2.0", "Takes `count`.")])
        .tips(&["nondeterministic_output"])
        .takes(&[key("key", 0), arg("count", "integer").since("3.2.0").optional()]),
    command("srandmember", -2, READONLY)
        .acl(acl::SET)
        .run(set::srandmember)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns members of a set picked at random.",
            "1.0.0",
            "O(N), N being the members returned.",
        )
        .history(&[("2.6.0", "Takes `count`.")])
        .tips(&["nondeterministic_output"])
        .takes(&[key("key", 0), arg("count", "integer").since("2.6.0").optional()]),
    command("srem", -3, WRITE | FAST)
        .acl(acl::SET)
        .run(set::srem)
        .keys(&[key_at(1, "RW delete")])
        .docs(
            "Removes members of a set, and the set with its last member.",
            "1.0.0",
            "O(N), N being the members named.",
        )
        .history(&[("2.4.0", "Takes several members.")])
        .takes(&[key("key", 0), arg("member", "string").multiple()]),
    command("sscan", -3, READONLY)
        .acl(acl::SET)
        .run(set::sscan)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Walks over the members of a set, a few in each call.",
            "2.8.0",
            "O(1) for a call, O(N) for the walk, N being the size of the set.",
        )
        .tips(&["nondeterministic_output"])
        .takes(&[
            key("key", 0),
            arg("cursor", "integer"),
            arg("pattern", "pattern").after("MATCH").optional(),
            arg("count", "integer").after("COUNT").optional(),
        ]),
    command("sunion", -2, READONLY)
        .acl(acl::SET)
        .run(set::sunion)
        .keys(&[keys_from(1, -1, 1, "RO access")])
        .docs(
            "Returns the members that are in any of several sets.",
            "1.0.0",
            "O(N), N being the members of all sets.",
        )
        .tips(&["nondeterministic_output_order"])
        .takes(&[key("key", 0).multiple()]),
    command("sunionstore", -3, WRITE | DENYOOM)
        .acl(acl::SET)
        .run(set::sunionstore)
        .keys(&[key_at(1, "OW update"), keys_from(2, -1, 1, "RO access")])
        .docs(
            "Keeps the members that are in any of several sets.",
            "1.0.0",
            "O(N), N being the members of all sets.",
        )
        .takes(&[key("destination", 0), key("key", 1).multiple()]),
];
