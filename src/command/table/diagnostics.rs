//! Commands for looking into the server.

use crate::command::{introspect, latency, memory, slowlog};

use super::flag::{ADMIN, LOADING, NOSCRIPT, OWN_SHARDS, READONLY, STALE};
use super::row::{arg, command, key, key_at};
use super::{Command, acl};

pub(super) const ROWS: &[Command] = &[
    command("command", -1, LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(introspect::command)
        .docs("Describes commands.", "2.8.13", "O(N), N being the commands there are.")
        .tips(&["nondeterministic_output_order"]),
    command("command|count", 2, LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(introspect::command_count)
        .docs("Counts the commands.", "2.8.13", "O(1)"),
    command("command|docs", -2, LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(introspect::command_docs)
        .docs("Documents commands.", "7.0.0", "O(N), N being the commands asked for.")
        .tips(&["nondeterministic_output_order"])
        .takes(&[arg("command-name", "string").optional().multiple()]),
    command("command|getkeys", -3, LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(introspect::command_getkeys)
        .docs(
            "Finds the keys in a whole command.",
            "2.8.13",
            "O(N), N being the words of the command.",
        ),
    command("command|getkeysandflags", -3, LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(introspect::command_getkeysandflags)
        .docs(
            "Finds the keys in a whole command, and what is done with them.",
            "7.0.0",
            "O(N), N being the words of the command.",
        ),
    command("command|help", 2, LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(introspect::command_help)
        .docs("Lists the subcommands.", "5.0.0", "O(1)"),
    command("command|info", -2, LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(introspect::command_info)
        .docs(
            "Describes commands, all of them if none is named.",
            "2.8.13",
            "O(N), N being the commands asked for.",
        )
        .history(&[("7.0.0", "Takes no name at all, and describes all.")])
        .tips(&["nondeterministic_output_order"])
        .takes(&[arg("command-name", "string").optional().multiple()]),
    command("command|list", -2, LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(introspect::command_list)
        .docs("Names the commands.", "7.0.0", "O(N), N being the commands there are.")
        .tips(&["nondeterministic_output_order"])
        .takes(&[arg("filterby", "oneof").after("FILTERBY").optional().made_of(&[
            arg("module-name", "string").after("MODULE"),
            arg("category", "string").after("ACLCAT"),
            arg("pattern", "pattern").after("PATTERN"),
        ])]),
    command("latency", -2, 0).docs("Shows what was slow.", "2.8.13", "Depends on the subcommand."),
    command("latency|doctor", 2, ADMIN | NOSCRIPT | LOADING | STALE)
        .run(latency::latency_doctor)
        .docs("Explains the latency events in words.", "2.8.13", "O(1)")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    command("latency|graph", 3, ADMIN | NOSCRIPT | LOADING | STALE)
        .run(latency::latency_graph)
        .docs("Draws the samples of an event.", "2.8.13", "O(1)")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .takes(&[arg("event", "string")]),
    command("latency|help", 2, LOADING | STALE).run(latency::latency_help).docs(
        "Lists the subcommands.",
        "2.8.13",
        "O(1)",
    ),
    command("latency|histogram", -2, ADMIN | NOSCRIPT | LOADING | STALE)
        .run(latency::latency_histogram)
        .docs(
            "Returns how the latencies of commands are distributed.",
            "7.0.0",
            "O(N), N being the commands with figures.",
        )
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .takes(&[arg("command", "string").optional().multiple()]),
    command("latency|history", 3, ADMIN | NOSCRIPT | LOADING | STALE)
        .run(latency::latency_history)
        .docs("Returns the samples of an event.", "2.8.13", "O(1)")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"])
        .takes(&[arg("event", "string")]),
    command("latency|latest", 2, ADMIN | NOSCRIPT | LOADING | STALE)
        .run(latency::latency_latest)
        .docs("Returns the latest sample of each event.", "2.8.13", "O(1)")
        .tips(&["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"]),
    command("latency|reset", -2, ADMIN | NOSCRIPT | LOADING | STALE)
        .run(latency::latency_reset)
        .docs("Forgets the samples of events.", "2.8.13", "O(1)")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .takes(&[arg("event", "string").optional().multiple()]),
    command("memory", -2, 0).docs(
        "Shows what memory is used for.",
        "4.0.0",
        "Depends on the subcommand.",
    ),
    command("memory|doctor", 2, OWN_SHARDS)
        .run(memory::memory_doctor)
        .docs("Explains the use of memory in words.", "4.0.0", "O(1)")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    command("memory|help", 2, LOADING | STALE).run(memory::memory_help).docs(
        "Lists the subcommands.",
        "4.0.0",
        "O(1)",
    ),
    command("memory|malloc-stats", 2, OWN_SHARDS)
        .run(memory::memory_malloc_stats)
        .docs(
            "Returns the figures of the allocator.",
            "4.0.0",
            "Depends on how much memory is allocated.",
        )
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    command("memory|purge", 2, 0)
        .run(memory::memory_purge)
        .docs(
            "Has the allocator return memory to the system.",
            "4.0.0",
            "Depends on how much memory is allocated.",
        )
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"]),
    command("memory|stats", 2, OWN_SHARDS)
        .run(memory::memory_stats)
        .docs("Returns what memory is used for.", "4.0.0", "O(1)")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
    command("memory|usage", -3, READONLY)
        .run(memory::memory_usage)
        .keys(&[key_at(2, "RO")])
        .docs("Estimates the memory that a key takes.", "4.0.0", "O(N), N being the samples.")
        .takes(&[key("key", 0), arg("count", "integer").after("SAMPLES").optional()]),
    command("slowlog", -2, 0).docs(
        "Shows the commands that took long.",
        "2.2.12",
        "Depends on the subcommand.",
    ),
    command("slowlog|get", -2, ADMIN | LOADING | STALE)
        .run(slowlog::slowlog_get)
        .docs(
            "Returns the newest entries of the slow log.",
            "2.2.12",
            "O(N), N being the entries returned.",
        )
        .history(&[("4.0.0", "Shows the address and the name of the client.")])
        .tips(&["request_policy:all_nodes", "nondeterministic_output"])
        .takes(&[arg("count", "integer").optional()]),
    command("slowlog|help", 2, LOADING | STALE).run(slowlog::slowlog_help).docs(
        "Lists the subcommands.",
        "6.2.0",
        "O(1)",
    ),
    command("slowlog|len", 2, ADMIN | LOADING | STALE)
        .run(slowlog::slowlog_len)
        .docs("Counts the entries of the slow log.", "2.2.12", "O(1)")
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"]),
    command("slowlog|reset", 2, ADMIN | LOADING | STALE)
        .run(slowlog::slowlog_reset)
        .docs("Empties the slow log.", "2.2.12", "O(N), N being the entries.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]),
];
