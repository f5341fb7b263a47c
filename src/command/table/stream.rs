//! Commands for streams.

use super::flag::{BLOCKING, DENYOOM, FAST, LOADING, MOVABLEKEYS, READONLY, STALE, WRITE};
use super::keys::STREAMS;
use super::row::{arg, command, key, key_at, word};
use super::{BeginSearch, Command, FindKeys, KeySpec, acl};
use crate::command::{blocking, help, stream};

/// The keys behind `STREAMS`, which are as many as the IDs behind them.
const fn after_streams(start_from: i32) -> KeySpec {
    KeySpec {
        flags: "RO access",
        begin: BeginSearch::Keyword { keyword: STREAMS, start_from },
        find: FindKeys::Range { last: -1, step: 1, limit: 2 },
        notes: "",
    }
}

pub(super) const ROWS: &[Command] = &[
    command("xack", -4, WRITE | FAST)
        .acl(acl::STREAM)
        .run(stream::xack)
        .keys(&[key_at(1, "RW update")])
        .docs("Takes entries off what is pending in a group.", "5.0.0", "O(1) for each ID.")
        .takes(&[key("key", 0), arg("group", "string"), arg("id", "string").multiple()]),
    command("xadd", -5, WRITE | DENYOOM | FAST)
        .acl(acl::STREAM)
        .run(stream::xadd)
        .keys(&[key_at(1, "RW update").noted("It changes rather than adds, as it may trim.")])
        .docs(
            "Adds an entry, and a stream for it if need be.",
            "5.0.0",
            "O(1) to add, O(N) to trim, N being the entries that go.",
        )
        .history(&[
            ("6.2.0", "Takes `NOMKSTREAM`, `MINID` and `LIMIT`."),
            ("7.0.0", "Added support for the `<ms>-*` explicit ID form."),
        ])
        .tips(&["nondeterministic_output"])
        .takes(&[
            key("key", 0),
            word("nomkstream", "NOMKSTREAM").since("6.2.0").optional(),
            arg("trim", "block").optional().made_of(&[
                arg("strategy", "oneof")
                    .made_of(&[word("maxlen", "MAXLEN"), word("minid", "MINID").since("6.2.0")]),
                arg("operator", "oneof")
                    .optional()
                    .made_of(&[word("equal", "="), word("approximately", "~")]),
                arg("threshold", "string"),
                arg("count", "integer").after("LIMIT").since("6.2.0").optional(),
            ]),
            arg("id_or_auto", "oneof").made_of(&[word("auto_id", "*"), arg("id", "string")]),
            arg("field_value", "block")
                .multiple()
                .made_of(&[arg("field", "string"), arg("value", "string")]),
        ]),
    command("xautoclaim", -6, WRITE | FAST)
        .acl(acl::STREAM)
        .run(stream::xautoclaim)
        .keys(&[key_at(1, "RW delete")])
        .docs(
            "Takes over what has been pending for long in a group.",
            "6.2.0",
            "O(1) if the count is small.",
        )
        .history(&[("7.0.0", "Tells which pending entries are gone.")])
        .tips(&["nondeterministic_output"])
        .takes(&[
            key("key", 0),
            arg("group", "string"),
            arg("consumer", "string"),
            arg("min-idle-time", "string"),
            arg("start", "string"),
            arg("count", "integer").after("COUNT").optional(),
            word("justid", "JUSTID").optional(),
        ]),
    command("xclaim", -6, WRITE | FAST)
        .acl(acl::STREAM)
        .run(stream::xclaim)
        .keys(&[key_at(1, "RW update")])
        .docs(
            "Takes over pending entries of a group, named by their IDs.",
            "5.0.0",
            "O(log N), N being what is pending in the group.",
        )
        .tips(&["nondeterministic_output"])
        .takes(&[
            key("key", 0),
            arg("group", "string"),
            arg("consumer", "string"),
            arg("min-idle-time", "string"),
            arg("id", "string").multiple(),
            arg("ms", "integer").after("IDLE").optional(),
            arg("unix-time-milliseconds", "unix-time").after("TIME").optional(),
            arg("count", "integer").after("RETRYCOUNT").optional(),
            word("force", "FORCE").optional(),
            word("justid", "JUSTID").optional(),
            arg("id", "string").after("LASTID").optional(),
        ]),
    command("xdel", -3, WRITE | FAST)
        .acl(acl::STREAM)
        .run(stream::xdel)
        .keys(&[key_at(1, "RW delete")])
        .docs("Removes entries by their IDs.", "5.0.0", "O(1) for each entry.")
        .takes(&[key("key", 0), arg("id", "string").multiple()]),
    command("xgroup", -2, 0).docs(
        "Has the commands about groups of consumers.",
        "5.0.0",
        "Depends on subcommand.",
    ),
    command("xgroup|create", -5, WRITE | DENYOOM)
        .acl(acl::STREAM)
        .run(stream::xgroup_create)
        .keys(&[key_at(2, "RW insert")])
        .docs("Makes a group.", "5.0.0", "O(1)")
        .history(&[("7.0.0", "Added the `entries_read` named argument.")])
        .takes(&[
            key("key", 0),
            arg("groupname", "string"),
            arg("id", "oneof").made_of(&[arg("id", "string"), word("new_id", "$")]),
            word("mkstream", "MKSTREAM").optional(),
            arg("entries_read", "integer").after("ENTRIESREAD").optional(),
        ]),
    command("xgroup|createconsumer", 5, WRITE | DENYOOM)
        .acl(acl::STREAM)
        .run(stream::xgroup_createconsumer)
        .keys(&[key_at(2, "RW insert")])
        .docs("Makes a consumer of a group.", "6.2.0", "O(1)")
        .takes(&[key("key", 0), arg("groupname", "string"), arg("consumername", "string")]),
    command("xgroup|delconsumer", 5, WRITE)
        .acl(acl::STREAM)
        .run(stream::xgroup_delconsumer)
        .keys(&[key_at(2, "RW delete")])
        .docs("Removes a consumer, and what is pending for it.", "5.0.0", "O(1)")
        .takes(&[key("key", 0), arg("groupname", "string"), arg("consumername", "string")]),
    command("xgroup|destroy", 4, WRITE)
        .acl(acl::STREAM)
        .run(stream::xgroup_destroy)
        .keys(&[key_at(2, "RW delete")])
        .docs("Removes a group.", "5.0.0", "O(N), N being what is pending in the group.")
        .takes(&[key("key", 0), arg("groupname", "string")]),
    command("xgroup|help", 2, LOADING | STALE).acl(acl::STREAM).run(help::subcommands).docs(
        "Lists the subcommands.",
        "5.0.0",
        "O(1)",
    ),
    command("xgroup|setid", -5, WRITE)
        .acl(acl::STREAM)
        .run(stream::xgroup_setid)
        .keys(&[key_at(2, "RW update")])
        .docs("Says up to where a group has read.", "5.0.0", "O(1)")
        .history(&[("7.0.0", "Added the optional `entries_read` argument.")])
        .takes(&[
            key("key", 0),
            arg("groupname", "string"),
            arg("id", "oneof").made_of(&[arg("id", "string"), word("new_id", "$")]),
            arg("entries_read", "integer").after("ENTRIESREAD").optional(),
        ]),
    command("xinfo", -2, 0).docs(
        "Has the commands that tell of streams.",
        "5.0.0",
        "Depends on subcommand.",
    ),
    command("xinfo|consumers", 4, READONLY)
        .acl(acl::STREAM)
        .run(stream::xinfo_consumers)
        .keys(&[key_at(2, "RO access")])
        .docs("Lists the consumers of a group.", "5.0.0", "O(1)")
        .tips(&["nondeterministic_output"])
        .takes(&[key("key", 0), arg("groupname", "string")]),
    command("xinfo|groups", 3, READONLY)
        .acl(acl::STREAM)
        .run(stream::xinfo_groups)
        .keys(&[key_at(2, "RO access")])
        .docs("Lists the groups of a stream.", "5.0.0", "O(1)")
        .history(&[("7.0.0", "Added the `entries-read` and `lag` fields")])
        .takes(&[key("key", 0)]),
    command("xinfo|help", 2, LOADING | STALE).acl(acl::STREAM).run(help::subcommands).docs(
        "Lists the subcommands.",
        "5.0.0",
        "O(1)",
    ),
    command("xinfo|stream", -3, READONLY)
        .acl(acl::STREAM)
        .run(stream::xinfo_stream)
        .keys(&[key_at(2, "RO access")])
        .docs("Tells what is known of a stream.", "5.0.0", "O(1)")
        .history(&[
            ("6.0.0", "Added the `FULL` modifier."),
            ("7.0.0", "Tells what is counted of entries, and the lag of groups."),
        ])
        .takes(&[
            key("key", 0),
            arg("full", "block")
                .after("FULL")
                .optional()
                .made_of(&[arg("count", "integer").after("COUNT").optional()]),
        ]),
    command("xlen", 2, READONLY | FAST)
        .acl(acl::STREAM)
        .run(stream::xlen)
        .keys(&[key_at(1, "RO")])
        .docs("Counts the entries.", "5.0.0", "O(1)")
        .takes(&[key("key", 0)]),
    command("xpending", -3, READONLY)
        .acl(acl::STREAM)
        .run(stream::xpending)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Tells what is pending in a group.",
            "5.0.0",
            "O(N), N being the entries that are told or passed over.",
        )
        .history(&[("6.2.0", "Added the `IDLE` option and exclusive range intervals.")])
        .tips(&["nondeterministic_output"])
        .takes(&[
            key("key", 0),
            arg("group", "string"),
            arg("filters", "block").optional().made_of(&[
                arg("min-idle-time", "integer").after("IDLE").since("6.2.0").optional(),
                arg("start", "string"),
                arg("end", "string"),
                arg("count", "integer"),
                arg("consumer", "string").optional(),
            ]),
        ]),
    command("xrange", -4, READONLY)
        .acl(acl::STREAM)
        .run(stream::xrange)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the entries in a range of IDs.",
            "5.0.0",
            "O(N), N being the entries returned.",
        )
        .history(&[("6.2.0", "Added exclusive ranges.")])
        .takes(&[
            key("key", 0),
            arg("start", "string"),
            arg("end", "string"),
            arg("count", "integer").after("COUNT").optional(),
        ]),
    command("xread", -4, READONLY | BLOCKING | MOVABLEKEYS)
        .acl(acl::STREAM)
        .run(blocking::xread)
        .keys(&[after_streams(1)])
        .docs(
            "Returns entries of several streams behind an ID of each, or waits for some.",
            "5.0.0",
            "O(N), N being the entries returned.",
        )
        .takes(&[
            arg("count", "integer").after("COUNT").optional(),
            arg("milliseconds", "integer").after("BLOCK").optional(),
            arg("streams", "block")
                .after("STREAMS")
                .made_of(&[key("key", 0).multiple(), arg("id", "string").multiple()]),
        ]),
    command("xreadgroup", -7, WRITE | BLOCKING | MOVABLEKEYS)
        .acl(acl::STREAM)
        .run(blocking::xreadgroup)
        .keys(&[after_streams(4)])
        .docs(
            "Returns entries to a consumer of a group, and waits for some if asked to.",
            "5.0.0",
            "O(N) for each stream, N being the entries returned.",
        )
        .takes(&[
            arg("group_consumer", "block")
                .after("GROUP")
                .made_of(&[arg("group", "string"), arg("consumer", "string")]),
            arg("count", "integer").after("COUNT").optional(),
            arg("milliseconds", "integer").after("BLOCK").optional(),
            word("noack", "NOACK").optional(),
            arg("streams", "block")
                .after("STREAMS")
                .made_of(&[key("key", 0).multiple(), arg("id", "string").multiple()]),
        ]),
    command("xrevrange", -4, READONLY)
        .acl(acl::STREAM)
        .run(stream::xrevrange)
        .keys(&[key_at(1, "RO access")])
        .docs(
            "Returns the entries in a range of IDs, the last one first.",
            "5.0.0",
            "O(N), N being the entries returned.",
        )
        .history(&[("6.2.0", "Added exclusive ranges.")])
        .takes(&[
            key("key", 0),
            arg("end", "string"),
            arg("start", "string"),
            arg("count", "integer").after("COUNT").optional(),
        ]),
    command("xsetid", -3, WRITE | DENYOOM | FAST)
        .acl(acl::STREAM)
        .run(stream::xsetid)
        .keys(&[key_at(1, "RW update")])
        .docs("Says which ID was given last.", "5.0.0", "O(1)")
        .history(&[("7.0.0", "Added the `entries_added` and `max_deleted_entry_id` arguments.")])
        .takes(&[
            key("key", 0),
            arg("last-id", "string"),
            arg("entries_added", "integer").after("ENTRIESADDED").since("7.0.0").optional(),
            arg("max_deleted_entry_id", "string").after("MAXDELETEDID").since("7.0.0").optional(),
        ]),
    command("xtrim", -4, WRITE)
        .acl(acl::STREAM)
        .run(stream::xtrim)
        .keys(&[key_at(1, "RW delete")])
        .docs("Removes entries from the beginning.", "5.0.0", "O(N), N being the entries that go.")
        .history(&[("6.2.0", "Added the `MINID` trimming strategy and the `LIMIT` option.")])
        .tips(&["nondeterministic_output"])
        .takes(&[
            key("key", 0),
            arg("trim", "block").made_of(&[
                arg("strategy", "oneof")
                    .made_of(&[word("maxlen", "MAXLEN"), word("minid", "MINID").since("6.2.0")]),
                arg("operator", "oneof")
                    .optional()
                    .made_of(&[word("equal", "="), word("approximately", "~")]),
                arg("threshold", "string"),
                arg("count", "integer").after("LIMIT").since("6.2.0").optional(),
            ]),
        ]),
];
