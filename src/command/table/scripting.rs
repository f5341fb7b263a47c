//! Commands for scripts.

use super::flag::{
    ALL_SHARDS, ALLOW_BUSY, LOADING, MOVABLEKEYS, NO_MANDATORY_KEYS, NOSCRIPT, READONLY,
    RUNS_SCRIPT, SCRIPT_SHARDS, SKIP_MONITOR, STALE,
};
use super::row::{arg, command, key, word};
use super::{Argument, BeginSearch, Command, FindKeys, KeySpec, acl};
use crate::command::scripting;

pub(super) const EVAL: u32 =
    NOSCRIPT | STALE | SKIP_MONITOR | NO_MANDATORY_KEYS | MOVABLEKEYS | ALL_SHARDS | SCRIPT_SHARDS;

const fn counted(flags: &'static str) -> KeySpec {
    KeySpec {
        flags,
        begin: BeginSearch::Index(2),
        find: FindKeys::Keynum { keynum: 0, first: 1, step: 1 },
        notes: "",
    }
}

pub(super) const WRITTEN: &[KeySpec] = &[counted("RW access update").noted("The script decides.")];
pub(super) const READ: &[KeySpec] = &[counted("RO access").noted("The script decides.")];
const DEPENDS: &str = "Depends on the script.";

pub(super) const fn arguments(first: &'static str) -> [Argument; 4] {
    [
        arg(first, "string"),
        arg("numkeys", "integer"),
        key("key", 0).optional().multiple(),
        arg("arg", "string").optional().multiple(),
    ]
}

const BY_TEXT: &[Argument] = &arguments("script");
const BY_NAME: &[Argument] = &arguments("sha1");

pub(super) const ROWS: &[Command] = &[
    command("eval", -3, EVAL | RUNS_SCRIPT)
        .acl(acl::SCRIPTING)
        .run(scripting::eval)
        .keys(WRITTEN)
        .docs("Runs a script.", "2.6.0", DEPENDS)
        .takes(BY_TEXT),
    command("eval_ro", -3, EVAL | READONLY)
        .acl(acl::SCRIPTING)
        .run(scripting::eval_ro)
        .keys(READ)
        .docs("Runs a script that only reads.", "7.0.0", DEPENDS)
        .takes(BY_TEXT),
    command("evalsha", -3, EVAL | RUNS_SCRIPT)
        .acl(acl::SCRIPTING)
        .run(scripting::evalsha)
        .keys(WRITTEN)
        .docs("Runs a script that the server knows.", "2.6.0", DEPENDS)
        .takes(BY_NAME),
    command("evalsha_ro", -3, EVAL | READONLY)
        .acl(acl::SCRIPTING)
        .run(scripting::evalsha_ro)
        .keys(READ)
        .docs("Runs a script that the server knows and that only reads.", "7.0.0", DEPENDS)
        .takes(BY_NAME),
    command("script", -2, 0).docs(
        "Deals with the scripts that the server knows.",
        "2.6.0",
        DEPENDS,
    ),
    command("script|exists", -3, NOSCRIPT)
        .acl(acl::SCRIPTING)
        .run(scripting::script_exists)
        .docs("Tells which scripts the server knows.", "2.6.0", "O(N), N being the scripts named.")
        .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
        .takes(&[arg("sha1", "string").multiple()]),
    command("script|flush", -2, NOSCRIPT)
        .acl(acl::SCRIPTING)
        .run(scripting::script_flush)
        .docs("Forgets all scripts.", "2.6.0", "O(N), N being the scripts known.")
        .history(&[("6.2.0", "The modes `ASYNC` and `SYNC`.")])
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .takes(&[arg("flush-type", "oneof")
            .since("6.2.0")
            .optional()
            .made_of(&[word("async", "ASYNC"), word("sync", "SYNC")])]),
    command("script|help", 2, LOADING | STALE)
        .acl(acl::SCRIPTING)
        .run(scripting::script_help)
        .docs("Tells what SCRIPT can do.", "5.0.0", "O(1)"),
    command("script|kill", 2, NOSCRIPT | ALLOW_BUSY)
        .acl(acl::SCRIPTING)
        .run(scripting::script_kill)
        .docs("Ends the scripts that run and have written nothing.", "2.6.0", "O(1)")
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
    command("script|load", 3, NOSCRIPT | STALE)
        .acl(acl::SCRIPTING)
        .run(scripting::script_load)
        .docs("Takes in a script without running it.", "2.6.0", "O(N), N being its length.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .takes(&[arg("script", "string")]),
];
