//! Commands that wait for elements: rows of the groups of lists and of sorted sets.

use super::flag::{BLOCKING, DENYOOM, FAST, MOVABLEKEYS, WRITE};
use super::row::{arg, command, key, key_at, keys_from, word};
use super::{Argument, BeginSearch, Command, FindKeys, KeySpec, acl};
use crate::command::blocking;

const ENDS: &[Argument] = &[word("left", "LEFT"), word("right", "RIGHT")];
const EXTREMES: &[Argument] = &[word("min", "MIN"), word("max", "MAX")];

/// The keys between the command and the timeout.
const KEYS: &[KeySpec] = &[keys_from(1, -2, 1, "RW access delete")];
const COUNTED_KEYS: &[KeySpec] = &[KeySpec {
    flags: "RW access delete",
    begin: BeginSearch::Index(2),
    find: FindKeys::Keynum { keynum: 0, first: 1, step: 1 },
    notes: "",
}];
const SOURCE_AND_DESTINATION: &[KeySpec] = &[key_at(1, "RW access delete"), key_at(2, "RW insert")];

const DOUBLE_TIMEOUT: &[(&str, &str)] = &[("6.0.0", "Takes a timeout with decimals.")];
const KEYS_AND_TIMEOUT: &[Argument] = &[key("key", 0).multiple(), arg("timeout", "double")];

pub(super) const LIST_ROWS: &[Command] = &[
    command("blmove", 6, WRITE | DENYOOM | BLOCKING)
        .acl(acl::LIST)
        .run(blocking::blmove)
        .keys(SOURCE_AND_DESTINATION)
        .docs("Moves an element between lists, and waits for it if need be.", "6.2.0", "O(1)")
        .takes(&[
            key("source", 0),
            key("destination", 1),
            arg("wherefrom", "oneof").made_of(ENDS),
            arg("whereto", "oneof").made_of(ENDS),
            arg("timeout", "double"),
        ]),
    command("blmpop", -5, WRITE | BLOCKING | MOVABLEKEYS)
        .acl(acl::LIST)
        .run(blocking::blmpop)
        .keys(COUNTED_KEYS)
        .docs(
            "Takes elements from the first of several lists that has some, and waits if none has.",
            "7.0.0",
            "O(N+M), N being the keys and M the elements taken.",
        )
        .takes(&[
            arg("timeout", "double"),
            arg("numkeys", "integer"),
            key("key", 0).multiple(),
            arg("where", "oneof").made_of(ENDS),
            arg("count", "integer").after("COUNT").optional(),
        ]),
    command("blpop", -3, WRITE | BLOCKING)
        .acl(acl::LIST)
        .run(blocking::blpop)
        .keys(KEYS)
        .docs(
            "Takes the first element of the first list that has some, and waits if none has.",
            "2.0.0",
            "O(N), N being the keys.",
        )
        .history(DOUBLE_TIMEOUT)
        .takes(KEYS_AND_TIMEOUT),
    command("brpop", -3, WRITE | BLOCKING)
        .acl(acl::LIST)
        .run(blocking::brpop)
        .keys(KEYS)
        .docs(
            "Takes the last element of the first list that has some, and waits if none has.",
            "2.0.0",
            "O(N), N being the keys.",
        )
        .history(DOUBLE_TIMEOUT)
        .takes(KEYS_AND_TIMEOUT),
    command("brpoplpush", 4, WRITE | DENYOOM | BLOCKING)
        .acl(acl::LIST)
        .run(blocking::brpoplpush)
        .keys(SOURCE_AND_DESTINATION)
        .docs(
            "Moves the last element of a list to the front of another, and waits if there is none.",
            "2.2.0",
            "O(1)",
        )
        .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")
        .history(DOUBLE_TIMEOUT)
        .takes(&[key("source", 0), key("destination", 1), arg("timeout", "double")]),
];

pub(super) const SORTED_SET_ROWS: &[Command] = &[
    command("bzmpop", -5, WRITE | BLOCKING | MOVABLEKEYS)
        .acl(acl::SORTEDSET)
        .run(blocking::bzmpop)
        .keys(COUNTED_KEYS)
        .docs(
            "Takes members from the first of several sorted sets that has some, and waits if none has.",
            "7.0.0",
            "O(K) + O(M*log(N)), K being the keys, N the members there and M those taken.",
        )
        .takes(&[
            arg("timeout", "double"),
            arg("numkeys", "integer"),
            key("key", 0).multiple(),
            arg("where", "oneof").made_of(EXTREMES),
            arg("count", "integer").after("COUNT").optional(),
        ]),
    command("bzpopmax", -3, WRITE | BLOCKING | FAST)
        .acl(acl::SORTEDSET)
        .run(blocking::bzpopmax)
        .keys(KEYS)
        .docs(
            "Takes the highest member of the first sorted set that has some, and waits if none has.",
            "5.0.0",
            "O(log(N)), N being the members.",
        )
        .history(DOUBLE_TIMEOUT)
        .takes(KEYS_AND_TIMEOUT),
    command("bzpopmin", -3, WRITE | BLOCKING | FAST)
        .acl(acl::SORTEDSET)
        .run(blocking::bzpopmin)
        .keys(KEYS)
        .docs(
            "Takes the lowest member of the first sorted set that has some, and waits if none has.",
            "5.0.0",
            "O(log(N)), N being the members.",
        )
        .history(DOUBLE_TIMEOUT)
        .takes(KEYS_AND_TIMEOUT),
];
