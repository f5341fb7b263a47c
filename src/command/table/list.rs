//! Commands for lists.

use super::flag::{DENYOOM, FAST, MOVABLEKEYS, READONLY, WRITE};
use super::row::{arg, command, key, key_at, word};
use super::{Argument, BeginSearch, Command, FindKeys, KeySpec, acl};
use crate::command::list;

const ENDS: &[Argument] = &[word("left", "LEFT"), word("right", "RIGHT")];

pub(super) const ROWS: &[Command] = &[
    command("lindex", 3, READONLY)
        .acl(acl::LIST)
        .run(list::lindex)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the element at an index of a list.",
            "1.0.0",
            "O(log(N)), N being the size of the list.",
        )
        .takes(&[key("key", 0), arg("index", "integer")]),
    command("linsert", 5, WRITE | DENYOOM)
        .acl(acl::LIST)
        .run(list::linsert)
        .keys(&[key_at(1, "RW insert")])
        .docs(
            "Inserts an element before or after another one of a list.",
            "2.2.0",
            "O(N), N being the elements before the other one.",
        )
        .takes(&[
            key("key", 0),
            arg("where", "oneof").made_of(&[word("before", "BEFORE"), word("after", "AFTER")]),
            arg("pivot", "string"),
            arg("element", "string"),
        ]),
    command("llen", 2, READONLY | FAST)
        .acl(acl::LIST)
        .run(list::llen)
        .keys(&[key_at(1, "RO")])
        .docs("Counts the elements of a list.", "1.0.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("lmove", 5, WRITE | DENYOOM)
        .acl(acl::LIST)
        .run(list::lmove)
        .keys(&[key_at(1, "RW access delete"), key_at(2, "RW insert")])
        .docs("Moves an element from an end of a list to one of another.", "6.2.0", "O(1)")
        .takes(&[
            key("source", 0),
            key("destination", 1),
            arg("wherefrom", "oneof").made_of(ENDS),
            arg("whereto", "oneof").made_of(ENDS),
        ]),
    command("lmpop", -4, WRITE | MOVABLEKEYS)
        .acl(acl::LIST)
        .run(list::lmpop)
        .keys(&[KeySpec {
            flags: "RW access delete",
            begin: BeginSearch::Index(1),
            find: FindKeys::Keynum { keynum: 0, first: 1, step: 1 },
            notes: "",
        }])
        .docs(
            "Takes elements from an end of the first of several lists that has some.",
            "7.0.0",
            "O(N+M), N being the keys and M the elements taken.",
        )
        .takes(&[
            arg("numkeys", "integer"),
            key("key", 0).multiple(),
            arg("where", "oneof").made_of(ENDS),
            arg("count", "integer").after("COUNT").optional(),
        ]),
    command("lpop", -2, WRITE | FAST)
        .acl(acl::LIST)
        .run(list::lpop)
        .keys(&[key_at(1, "RW access delete")])
        .docs("Takes the first elements of a list.", "1.0.0", "O(N), N being the elements taken.")
        .history(&[("6.2.0", "Takes a count.")])
        .takes(&[key("key", 0), arg("count", "integer").since("6.2.0").optional()]),
    command("lpos", -3, READONLY)
        .acl(acl::LIST)
        .run(list::lpos)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Finds the indices of an element in a list.",
            "6.0.6",
            "O(N), N being the elements looked at.",
        )
        .takes(&[
            key("key", 0),
            arg("element", "string"),
            arg("rank", "integer").after("RANK").optional(),
            arg("num-matches", "integer").after("COUNT").optional(),
            arg("len", "integer").after("MAXLEN").optional(),
        ]),
    command("lpush", -3, WRITE | DENYOOM | FAST)
        .acl(acl::LIST)
        .run(list::lpush)
        .keys(&[key_at(1, "RW insert")])
        .docs("Puts elements before the others of a list.", "1.0.0", "O(N), N being the elements.")
        .history(&[("2.4.0", "Takes several elements.")])
        .takes(&[key("key", 0), arg("element", "string").multiple()]),
    command("lpushx", -3, WRITE | DENYOOM | FAST)
        .acl(acl::LIST)
        .run(list::lpushx)
        .keys(&[key_at(1, "RW insert")])
        .docs(
            "Puts elements before the others of a list if there is one.",
            "2.2.0",
            "O(N), N being the elements.",
        )
        .history(&[("4.0.0", "Takes several elements.")])
        .takes(&[key("key", 0), arg("element", "string").multiple()]),
    command("lrange", 4, READONLY)
        .acl(acl::LIST)
        .run(list::lrange)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the elements between two indices of a list.",
            "1.0.0",
            "O(log(N)+M), N being the size of the list and M the elements returned.",
        )
        .takes(&[key("key", 0), arg("start", "integer"), arg("stop", "integer")]),
    command("lrem", 4, WRITE)
        .acl(acl::LIST)
        .run(list::lrem)
        .keys(&[key_at(1, "RW delete")])
        .docs(
            "Removes elements that equal a given one, and the list with its last element.",
            "1.0.0",
            "O(N+M*log(N)), N being the size of the list and M the elements removed.",
        )
        .takes(&[key("key", 0), arg("count", "integer"), arg("element", "string")]),
    command("lset", 4, WRITE | DENYOOM)
        .acl(acl::LIST)
        .run(list::lset)
        .keys(&[key_at(1, "RW update")])
        .docs(
            "Replaces the element at an index of a list.",
            "1.0.0",
            "O(log(N)), N being the size of the list.",
        )
        .takes(&[key("key", 0), arg("index", "integer"), arg("element", "string")]),
    command("ltrim", 4, WRITE)
        .acl(acl::LIST)
        .run(list::ltrim)
        .keys(&[key_at(1, "RW delete")])
        .docs(
            "Removes the elements outside of two indices, and the list if none is left.",
            "1.0.0",
            "O(log(N)), N being the size of the list.",
        )
        .takes(&[key("key", 0), arg("start", "integer"), arg("stop", "integer")]),
    command("rpop", -2, WRITE | FAST)
        .acl(acl::LIST)
        .run(list::rpop)
        .keys(&[key_at(1, "RW access delete")])
        .docs("Takes the last elements of a list.", "1.0.0", "O(N), N being the elements taken.")
        .history(&[("6.2.0", "Takes a count.")])
        .takes(&[key("key", 0), arg("count", "integer").since("6.2.0").optional()]),
    command("rpoplpush", 3, WRITE | DENYOOM)
        .acl(acl::LIST)
        .run(list::rpoplpush)
        .keys(&[key_at(1, "RW access delete"), key_at(2, "RW insert")])
        .docs("Moves the last element of a list to the front of another.", "1.2.0", "O(1)")
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")
        .takes(&[key("source", 0), key("destination", 1)]),
    command("rpush", -3, WRITE | DENYOOM | FAST)
        .acl(acl::LIST)
        .run(list::rpush)
        .keys(&[key_at(1, "RW insert")])
        .docs("Puts elements behind the others of a list.", "1.0.0", "O(N), N being the elements.")
        .history(&[("2.4.0", "Takes several elements.")])
        .takes(&[key("key", 0), arg("element", "string").multiple()]),
    command("rpushx", -3, WRITE | DENYOOM | FAST)
        .acl(acl::LIST)
        .run(list::rpushx)
        .keys(&[key_at(1, "RW insert")])
        .docs(
            "Puts elements behind the others of a list if there is one.",
            "2.2.0",
            "O(N), N being the elements.",
        )
        .history(&[("4.0.0", "Takes several elements.")])
        .takes(&[key("key", 0), arg("element", "string").multiple()]),
];
