//! Commands for sorted sets.

use super::flag::{DENYOOM, FAST, MOVABLEKEYS, READONLY, WRITE};
use super::row::{arg, command, key, key_at, word};
use super::{BeginSearch, Command, FindKeys, KeySpec, acl};
use crate::command::sorted_set;

/// Keys as many as the word at `index` says, behind it.
const fn counted_from(index: i32, flags: &'static str) -> KeySpec {
    KeySpec {
        flags,
        begin: BeginSearch::Index(index),
        find: FindKeys::Keynum { keynum: 0, first: 1, step: 1 },
        notes: "",
    }
}

pub(super) const ROWS: &[Command] = &[
    command("zadd", -4, WRITE | DENYOOM | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zadd)
        .keys(&[key_at(1, "RW update")])
        .docs(
            "Adds members with their scores, or gives them new ones.",
            "1.2.0",
            "O(log N) for each member.",
        )
        .history(&[
            ("2.4.0", "Takes several members."),
            ("3.0.2", "Takes `XX`, `NX`, `CH` and `INCR`."),
            ("6.2.0", "Takes `GT` and `LT`."),
        ])
        .takes(&[
            key("key", 0),
            arg("condition", "oneof")
                .since("3.0.2")
                .optional()
                .made_of(&[word("nx", "NX"), word("xx", "XX")]),
            arg("comparison", "oneof")
                .since("6.2.0")
                .optional()
                .made_of(&[word("gt", "GT"), word("lt", "LT")]),
            word("change", "CH").since("3.0.2").optional(),
            word("increment", "INCR").since("3.0.2").optional(),
            arg("score_member", "block")
                .multiple()
                .made_of(&[arg("score", "double"), arg("member", "string")]),
        ]),
    command("zcard", 2, READONLY | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zcard)
        .keys(&[key_at(1, "RO")])
        .docs("Counts the members.", "1.2.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("zcount", 4, READONLY | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zcount)
        .keys(&[key_at(1, "RO access")])
        .docs("Counts the members with a score in a range.", "2.0.0", "O(log N)")
        .takes(&[key("key", 0), arg("min", "double"), arg("max", "double")]),
    command("zdiff", -3, READONLY | MOVABLEKEYS)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zdiff)
        .keys(&[counted_from(1, "RO access")])
        .docs(
            "Returns the members of one sorted set that are in none of the others.",
            "6.2.0",
            "O(L + N * K * log N), N being the size of the first of K sets, L that of the result.",
        )
        .takes(&[
            arg("numkeys", "integer"),
            key("key", 0).multiple(),
            word("withscores", "WITHSCORES").optional(),
        ]),
    command("zdiffstore", -4, WRITE | DENYOOM | MOVABLEKEYS)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zdiffstore)
        .keys(&[key_at(1, "OW update"), counted_from(2, "RO access")])
        .docs(
            "Stores the members of one sorted set that are in none of the others.",
            "6.2.0",
            "O(N * K * log N), N being the size of the first of K sets.",
        )
        .takes(&[key("destination", 0), arg("numkeys", "integer"), key("key", 1).multiple()]),
    command("zincrby", 4, WRITE | DENYOOM | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zincrby)
        .keys(&[key_at(1, "RW access update")])
        .docs("Adds a number to the score of a member.", "1.2.0", "O(log N)")
        .takes(&[key("key", 0), arg("increment", "integer"), arg("member", "string")]),
    command("zinter", -3, READONLY | MOVABLEKEYS)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zinter)
        .keys(&[counted_from(1, "RO access")])
        .docs(
            "Returns the members that are in all of several sorted sets.",
            "6.2.0",
            "O(N * K * log N), N being the size of the smallest of K sets.",
        )
        .takes(&[
            arg("numkeys", "integer"),
            key("key", 0).multiple(),
            arg("weight", "integer").after("WEIGHTS").optional().multiple(),
            arg("aggregate", "oneof").after("AGGREGATE").optional().made_of(&[
                word("sum", "SUM"),
                word("min", "MIN"),
                word("max", "MAX"),
            ]),
            word("withscores", "WITHSCORES").optional(),
        ]),
    command("zintercard", -3, READONLY | MOVABLEKEYS)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zintercard)
        .keys(&[counted_from(1, "RO access")])
        .docs(
            "Counts the members that are in all of several sorted sets.",
            "7.0.0",
            "O(N * K * log N), N being the size of the smallest of K sets.",
        )
        .takes(&[
            arg("numkeys", "integer"),
            key("key", 0).multiple(),
            arg("limit", "integer").after("LIMIT").optional(),
        ]),
    command("zinterstore", -4, WRITE | DENYOOM | MOVABLEKEYS)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zinterstore)
        .keys(&[key_at(1, "OW update"), counted_from(2, "RO access")])
        .docs(
            "Stores the members that are in all of several sorted sets.",
            "2.0.0",
            "O(N * K * log N), N being the size of the smallest of K sets.",
        )
        .takes(&[
            key("destination", 0),
            arg("numkeys", "integer"),
            key("key", 1).multiple(),
            arg("weight", "integer").after("WEIGHTS").optional().multiple(),
            arg("aggregate", "oneof").after("AGGREGATE").optional().made_of(&[
                word("sum", "SUM"),
                word("min", "MIN"),
                word("max", "MAX"),
            ]),
        ]),
    command("zlexcount", 4, READONLY | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zlexcount)
        .keys(&[key_at(1, "RO access")])
        .docs("Counts the members in a range of the order of their bytes.", "2.8.9", "O(log N)")
        .takes(&[key("key", 0), arg("min", "string"), arg("max", "string")]),
    command("zmpop", -4, WRITE | MOVABLEKEYS)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zmpop)
        .keys(&[counted_from(1, "RW access delete")])
        .docs(
            "Removes and returns members of the first sorted set that has some.",
            "7.0.0",
            "O(K + M * log N), K being the keys and M the members removed.",
        )
        .takes(&[
            arg("numkeys", "integer"),
            key("key", 0).multiple(),
            arg("where", "oneof").made_of(&[word("min", "MIN"), word("max", "MAX")]),
            arg("count", "integer").after("COUNT").optional(),
        ]),
    command("zmscore", -3, READONLY | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zmscore)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the scores of several members.",
            "6.2.0",
            "O(M * log N), M being the members named.",
        )
        .takes(&[key("key", 0), arg("member", "string").multiple()]),
    command("zpopmax", -2, WRITE | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zpopmax)
        .keys(&[key_at(1, "RW access delete")])
        .docs(
            "Removes and returns the members with the highest scores.",
            "5.0.0",
            "O(M * log N), M being the members removed.",
        )
        .takes(&[key("key", 0), arg("count", "integer").optional()]),
    command("zpopmin", -2, WRITE | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zpopmin)
        .keys(&[key_at(1, "RW access delete")])
        .docs(
            "Removes and returns the members with the lowest scores.",
            "5.0.0",
            "O(M * log N), M being the members removed.",
        )
        .takes(&[key("key", 0), arg("count", "integer").optional()]),
    command("zrandmember", -2, READONLY)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrandmember)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns members picked at random.",
            "6.2.0",
            "O(M * log N), M being the members returned.",
        )
        .tips(&["nondeterministic_output"])
        .takes(&[
            key("key", 0),
            arg("options", "block")
                .optional()
                .made_of(&[arg("count", "integer"), word("withscores", "WITHSCORES").optional()]),
        ]),
    command("zrange", -4, READONLY)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrange)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the members of a range of ranks, scores or bytes.",
            "1.2.0",
            "O(log N + M), M being the members returned.",
        )
        .history(&[("6.2.0", "Takes `REV`, `BYSCORE`, `BYLEX` and `LIMIT`.")])
        .takes(&[
            key("key", 0),
            arg("start", "string"),
            arg("stop", "string"),
            arg("sortby", "oneof")
                .since("6.2.0")
                .optional()
                .made_of(&[word("byscore", "BYSCORE"), word("bylex", "BYLEX")]),
            word("rev", "REV").since("6.2.0").optional(),
            arg("offset_count", "block")
                .after("LIMIT")
                .since("6.2.0")
                .optional()
                .made_of(&[arg("offset", "integer"), arg("count", "integer")]),
            word("withscores", "WITHSCORES").optional(),
        ]),
    command("zrangebylex", -4, READONLY)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrangebylex)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the members in a range of the order of their bytes.",
            "2.8.9",
            "O(log N + M), M being the members returned.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument")
        .takes(&[
            key("key", 0),
            arg("min", "string"),
            arg("max", "string"),
            arg("offset_count", "block")
                .after("LIMIT")
                .optional()
                .made_of(&[arg("offset", "integer"), arg("count", "integer")]),
        ]),
    command("zrangebyscore", -4, READONLY)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrangebyscore)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the members with a score in a range.",
            "1.0.5",
            "O(log N + M), M being the members returned.",
        )
        .history(&[("2.0.0", "Takes `WITHSCORES`.")])
        .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument")
        .takes(&[
            key("key", 0),
            arg("min", "double"),
            arg("max", "double"),
            word("withscores", "WITHSCORES").since("2.0.0").optional(),
            arg("offset_count", "block")
                .after("LIMIT")
                .optional()
                .made_of(&[arg("offset", "integer"), arg("count", "integer")]),
        ]),
    command("zrangestore", -5, WRITE | DENYOOM)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrangestore)
        .keys(&[key_at(1, "OW update"), key_at(2, "RO access")])
        .docs(
            "Stores a range of members at another key.",
            "6.2.0",
            "O(log N + M), M being the members stored.",
        )
        .takes(&[
            key("dst", 0),
            key("src", 1),
            arg("min", "string"),
            arg("max", "string"),
            arg("sortby", "oneof")
                .optional()
                .made_of(&[word("byscore", "BYSCORE"), word("bylex", "BYLEX")]),
            word("rev", "REV").optional(),
            arg("offset_count", "block")
                .after("LIMIT")
                .optional()
                .made_of(&[arg("offset", "integer"), arg("count", "integer")]),
        ]),
    command("zrank", -3, READONLY | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrank)
        .keys(&[key_at(1, "RO access")])
        .docs("Tells how many members are below one.", "2.0.0", "O(log N)")
        .history(&[("7.2.0", "Takes `WITHSCORE`.")])
        .takes(&[
            key("key", 0),
            arg("member", "string"),
            word("withscore", "WITHSCORE").optional(),
        ]),
    command("zrem", -3, WRITE | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrem)
        .keys(&[key_at(1, "RW delete")])
        .docs(
            "Removes members, and the sorted set with its last member.",
            "1.2.0",
            "O(M * log N), M being the members named.",
        )
        .history(&[("2.4.0", "Takes several members.")])
        .takes(&[key("key", 0), arg("member", "string").multiple()]),
    command("zremrangebylex", 4, WRITE)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zremrangebylex)
        .keys(&[key_at(1, "RW delete")])
        .docs(
            "Removes the members in a range of the order of their bytes.",
            "2.8.9",
            "O(log N + M), M being the members removed.",
        )
        .takes(&[key("key", 0), arg("min", "string"), arg("max", "string")]),
    command("zremrangebyrank", 4, WRITE)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zremrangebyrank)
        .keys(&[key_at(1, "RW delete")])
        .docs(
            "Removes the members of a range of ranks.",
            "2.0.0",
            "O(log N + M), M being the members removed.",
        )
        .takes(&[key("key", 0), arg("start", "integer"), arg("stop", "integer")]),
    command("zremrangebyscore", 4, WRITE)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zremrangebyscore)
        .keys(&[key_at(1, "RW delete")])
        .docs(
            "Removes the members with a score in a range.",
            "1.2.0",
            "O(log N + M), M being the members removed.",
        )
        .takes(&[key("key", 0), arg("min", "double"), arg("max", "double")]),
    command("zrevrange", -4, READONLY)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrevrange)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the members of a range of ranks, the highest first.",
            "1.2.0",
            "O(log N + M), M being the members returned.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` argument")
        .takes(&[
            key("key", 0),
            arg("start", "integer"),
            arg("stop", "integer"),
            word("withscores", "WITHSCORES").optional(),
        ]),
    command("zrevrangebylex", -4, READONLY)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrevrangebylex)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the members in a range of the order of their bytes, the last first.",
            "2.8.9",
            "O(log N + M), M being the members returned.",
        )
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")
        .takes(&[
            key("key", 0),
            arg("max", "string"),
            arg("min", "string"),
            arg("offset_count", "block")
                .after("LIMIT")
                .optional()
                .made_of(&[arg("offset", "integer"), arg("count", "integer")]),
        ]),
    command("zrevrangebyscore", -4, READONLY)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrevrangebyscore)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the members with a score in a range, the highest first.",
            "2.2.0",
            "O(log N + M), M being the members returned.",
        )
        .history(&[("2.1.6", "The ends may be exclusive.")])
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")
        .takes(&[
            key("key", 0),
            arg("max", "double"),
            arg("min", "double"),
            word("withscores", "WITHSCORES").optional(),
            arg("offset_count", "block")
                .after("LIMIT")
                .optional()
                .made_of(&[arg("offset", "integer"), arg("count", "integer")]),
        ]),
    command("zrevrank", -3, READONLY | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zrevrank)
        .keys(&[key_at(1, "RO access")])
        .docs("Tells how many members are above one.", "2.0.0", "O(log N)")
        .history(&[("7.2.0", "Takes `WITHSCORE`.")])
        .takes(&[
            key("key", 0),
            arg("member", "string"),
            word("withscore", "WITHSCORE").optional(),
        ]),
    command("zscan", -3, READONLY)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zscan)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Walks over the members of a sorted set, a few in each call.",
            "2.8.0",
            "O(1) for a call, O(N) for the walk, N being the size of the sorted set.",
        )
        .tips(&["nondeterministic_output"])
        .takes(&[
            key("key", 0),
            arg("cursor", "integer"),
            arg("pattern", "pattern").after("MATCH").optional(),
            arg("count", "integer").after("COUNT").optional(),
        ]),
    command("zscore", 3, READONLY | FAST)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zscore)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns the score of a member.", "1.2.0", "O(log N)")
        .takes(&[key("key", 0), arg("member", "string")]),
    command("zunion", -3, READONLY | MOVABLEKEYS)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zunion)
        .keys(&[counted_from(1, "RO access")])
        .docs(
            "Returns the members that are in any of several sorted sets.",
            "6.2.0",
            "O(N + M * log M), N being all their sizes, M the size of the result.",
        )
        .takes(&[
            arg("numkeys", "integer"),
            key("key", 0).multiple(),
            arg("weight", "integer").after("WEIGHTS").optional().multiple(),
            arg("aggregate", "oneof").after("AGGREGATE").optional().made_of(&[
                word("sum", "SUM"),
                word("min", "MIN"),
                word("max", "MAX"),
            ]),
            word("withscores", "WITHSCORES").optional(),
        ]),
    command("zunionstore", -4, WRITE | DENYOOM | MOVABLEKEYS)
        .acl(acl::SORTEDSET)
        .run(sorted_set::zunionstore)
        .keys(&[key_at(1, "OW update"), counted_from(2, "RO access")])
        .docs(
            "Stores the members that are in any of several sorted sets.",
            "2.0.0",
            "O(N + M * log M), N being all their sizes, M the size of the result.",
        )
        .takes(&[
            key("destination", 0),
            arg("numkeys", "integer"),
            key("key", 1).multiple(),
            arg("weight", "integer").after("WEIGHTS").optional().multiple(),
            arg("aggregate", "oneof").after("AGGREGATE").optional().made_of(&[
                word("sum", "SUM"),
                word("min", "MIN"),
                word("max", "MAX"),
            ]),
        ]),
];
