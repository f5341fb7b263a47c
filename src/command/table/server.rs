//! Commands for the server as a whole.

use crate::command::{config, generic, info, introspect, secrets};

use super::flag::{
    ADMIN, ALL_SHARDS, ALLOW_BUSY, FAST, LOADING, NO_ASYNC_LOADING, NO_MULTI, NOSCRIPT, OWN_SHARDS,
    READONLY, STALE, WRITE,
};
use super::row::{arg, command, word};
use super::{Command, acl};
use crate::command::{debug, persistence, pubsub, replication};

pub(super) const ROWS: &[Command] = &[
    command("bgrewriteaof", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING)
        .run(persistence::bgrewriteaof)
        .docs(
            "Writes a snapshot in the background, so that a restart replays less of the log.",
            "1.0.0",
            "O(1)",
        ),
    command("bgsave", -1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING)
        .run(persistence::bgsave)
        .docs("Writes a snapshot in the background.", "1.0.0", "O(1)")
        .history(&[("3.2.2", "Takes `SCHEDULE`.")])
        .takes(&[word("schedule", "SCHEDULE").since("3.2.2").optional()]),
    command("config", -2, 0).docs(
        "Shows and changes the configuration.",
        "2.0.0",
        "Depends on the subcommand.",
    ),
    command("config|get", -3, ADMIN | NOSCRIPT | LOADING | STALE)
        .run(config::config_get)
        .docs("Returns the parameters that match patterns.", "2.0.0", "O(N), N being the patterns.")
        .history(&[("7.0.0", "Takes several patterns.")])
        .takes(&[arg("parameter", "block").multiple().made_of(&[arg("parameter", "string")])]),
    command("config|help", 2, LOADING | STALE).run(config::config_help).docs(
        "Lists the subcommands.",
        "5.0.0",
        "O(1)",
    ),
    command("config|resetstat", 2, ADMIN | NOSCRIPT | LOADING | STALE)
        .run(config::config_resetstat)
        .docs("Zeroes the counters that INFO shows.", "2.0.0", "O(1)"),
    command("config|rewrite", 2, ADMIN | NOSCRIPT | LOADING | STALE)
        .run(config::config_rewrite)
        .docs("Writes the configuration in force back to its file.", "2.8.0", "O(1)"),
    command("config|set", -4, ADMIN | NOSCRIPT | LOADING | STALE)
        .run(config::config_set)
        .secret(secrets::of_config_set)
        .docs(
            "Changes parameters, all of them or none.",
            "2.0.0",
            "O(N), N being the parameters named.",
        )
        .history(&[("7.0.0", "Takes several parameters.")])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .takes(&[arg("parameter_value", "block")
            .multiple()
            .made_of(&[arg("parameter", "string"), arg("value", "string")])]),
    command("dbsize", 1, READONLY | FAST)
        .acl(acl::KEYSPACE)
        .run(generic::dbsize)
        .docs("Counts the keys of the database.", "1.0.0", "O(1)")
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"]),
    command("debug", -2, ADMIN | NOSCRIPT | LOADING | STALE | ALL_SHARDS)
        .run(debug::debug)
        .docs("Helps tests and those who debug the server.", "1.0.0", "Depends on the subcommand.")
        .internal(),
    command("failover", -1, ADMIN | NOSCRIPT | STALE)
        .run(replication::failover)
        .docs("Hands over to a replica.", "6.2.0", "O(1)")
        .takes(&[
            arg("target", "block").after("TO").optional().made_of(&[
                arg("host", "string"),
                arg("port", "integer"),
                word("force", "FORCE").optional(),
            ]),
            word("abort", "ABORT").optional(),
            arg("milliseconds", "integer").after("TIMEOUT").optional(),
        ]),
    command("flushall", -1, WRITE | ALL_SHARDS)
        .acl(acl::KEYSPACE | acl::DANGEROUS)
        .run(generic::flushall)
        .docs("Deletes all keys of all databases.", "1.0.0", "O(N), N being the keys.")
        .history(&[("4.0.0", "Takes `ASYNC`."), ("6.2.0", "Takes `SYNC`.")])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .takes(&[arg("async", "oneof").optional().made_of(&[
            word("async", "ASYNC").since("4.0.0"),
            word("sync", "SYNC").since("6.2.0"),
        ])]),
    command("flushdb", -1, WRITE | ALL_SHARDS)
        .acl(acl::KEYSPACE | acl::DANGEROUS)
        .run(generic::flushdb)
        .docs(
            "Deletes all keys of the database.",
            "1.0.0",
            "O(N), N being the keys of the database.",
        )
        .history(&[("4.0.0", "Takes `ASYNC`."), ("6.2.0", "Takes `SYNC`.")])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .takes(&[arg("async", "oneof").optional().made_of(&[
            word("async", "ASYNC").since("4.0.0"),
            word("sync", "SYNC").since("6.2.0"),
        ])]),
    command("info", -1, LOADING | STALE | OWN_SHARDS)
        .acl(acl::DANGEROUS)
        .run(info::info)
        .docs("Tells the state of the server.", "1.0.0", "O(1)")
        .history(&[("7.0.0", "Takes several sections.")])
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .takes(&[arg("section", "string").optional().multiple()]),
    command("lastsave", 1, LOADING | STALE | FAST)
        .acl(acl::ADMIN | acl::DANGEROUS)
        .run(persistence::lastsave)
        .docs("Tells the Unix time of the last snapshot.", "1.0.0", "O(1)")
        .tips(&["nondeterministic_output"]),
    command("monitor", 1, ADMIN | NOSCRIPT | LOADING | STALE).run(pubsub::monitor).docs(
        "Shows every command that the server runs, as it runs.",
        "1.0.0",
        "O(1)",
    ),
    command("module", -2, 0).docs(
        "Tells of modules, of which there are none.",
        "4.0.0",
        "Depends on the subcommand.",
    ),
    command("module|list", 2, ADMIN | NOSCRIPT)
        .run(introspect::module_list)
        .docs("Lists the modules.", "4.0.0", "O(1)")
        .tips(&["nondeterministic_output_order"]),
    command("module|help", 2, LOADING | STALE).run(introspect::module_help).docs(
        "Lists the subcommands.",
        "5.0.0",
        "O(1)",
    ),
    command("psync", -3, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI)
        .run(replication::psync)
        .docs("Asks for the replication stream from an offset on.", "2.8.0", "None")
        .takes(&[arg("replicationid", "string"), arg("offset", "integer")]),
    command("replconf", -1, ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY)
        .run(replication::replconf)
        .docs("Tells the other side of a replication link something.", "3.0.0", "O(1)")
        .internal(),
    command("replicaof", 3, ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING)
        .run(replication::replicaof)
        .docs("Follows another server, or none any more.", "5.0.0", "O(1)")
        .takes(&[arg("args", "oneof").made_of(&[
            arg("host-port", "block").made_of(&[arg("host", "string"), arg("port", "integer")]),
            arg("no-one", "block").made_of(&[word("no", "NO"), word("one", "ONE")]),
        ])]),
    command("role", 1, NOSCRIPT | LOADING | STALE | FAST)
        .acl(acl::ADMIN | acl::DANGEROUS)
        .run(replication::role)
        .docs("Tells whether this is a primary or a replica, and how far it is.", "2.8.12", "O(1)"),
    command("save", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI).run(persistence::save).docs(
        "Writes a snapshot and waits for it.",
        "1.0.0",
        "O(N), N being the keys.",
    ),
    command("shutdown", -1, ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY)
        .run(persistence::shutdown)
        .docs(
            "Stops the server, with a snapshot if it is to be saved.",
            "1.0.0",
            "O(N) with a snapshot, N being the keys; O(1) without.",
        )
        .history(&[("7.0.0", "Takes `NOW`, `FORCE` and `ABORT`.")])
        .takes(&[
            arg("nosave_save", "oneof")
                .optional()
                .made_of(&[word("nosave", "NOSAVE"), word("save", "SAVE")]),
            word("now", "NOW").since("7.0.0").optional(),
            word("force", "FORCE").since("7.0.0").optional(),
            word("abort", "ABORT").since("7.0.0").optional(),
        ]),
    command("slaveof", 3, ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING)
        .run(replication::replicaof)
        .docs("Follows another server, or none any more.", "1.0.0", "O(1)")
        .deprecated("5.0.0", "`REPLICAOF`")
        .takes(&[arg("args", "oneof").made_of(&[
            arg("host-port", "block").made_of(&[arg("host", "string"), arg("port", "integer")]),
            arg("no-one", "block").made_of(&[word("no", "NO"), word("one", "ONE")]),
        ])]),
    command("swapdb", 3, WRITE | FAST | ALL_SHARDS)
        .acl(acl::KEYSPACE | acl::DANGEROUS)
        .run(generic::swapdb)
        .docs(
            "Has two databases change places.",
            "4.0.0",
            "O(N), N being the keys watched in them.",
        )
        .takes(&[arg("index1", "integer"), arg("index2", "integer")]),
    command("sync", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI).run(replication::sync).docs(
        "Asks for a snapshot and the replication stream.",
        "1.0.0",
        "None",
    ),
    command("time", 1, LOADING | STALE | FAST)
        .run(introspect::time)
        .docs("Returns the server's clock.", "2.6.0", "O(1)")
        .tips(&["nondeterministic_output"]),
];

/// A group of its own in the docs.
pub(super) const CLUSTER_ROWS: &[Command] = &[command("cluster", -2, 0)
    .run(introspect::cluster)
    .docs("Refuses: there is no cluster.", "3.0.0", "Depends on the subcommand.")];
