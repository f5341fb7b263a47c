//! Commands for functions.

use super::flag::{
    ALL_SHARDS, ALLOW_BUSY, DENYOOM, LOADING, NOSCRIPT, READONLY, RUNS_SCRIPT, STALE, WRITE,
};
use super::row::{arg, command, word};
use super::scripting::{EVAL, READ, WRITTEN, arguments};
use super::{Argument, Command, acl};
use crate::command::scripting::{self, function};

/// What changes libraries is ordered among all that is logged.
const CHANGES: u32 = WRITE | NOSCRIPT | ALL_SHARDS;
const DEPENDS: &str = "Depends on the function.";
const BY_FUNCTION: &[Argument] = &arguments("function");
const TO_ALL: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

pub(super) const ROWS: &[Command] = &[
    command("fcall", -3, EVAL | RUNS_SCRIPT)
        .acl(acl::SCRIPTING)
        .run(scripting::fcall)
        .keys(WRITTEN)
        .docs("Calls a function.", "7.0.0", DEPENDS)
        .takes(BY_FUNCTION),
    command("fcall_ro", -3, EVAL | READONLY)
        .acl(acl::SCRIPTING)
        .run(scripting::fcall_ro)
        .keys(READ)
        .docs("Calls a function that only reads.", "7.0.0", DEPENDS)
        .takes(BY_FUNCTION),
    command("function", -2, 0).docs("Deals with libraries of functions.", "7.0.0", DEPENDS),
    command("function|delete", 3, CHANGES)
        .acl(acl::SCRIPTING)
        .run(function::delete)
        .docs("Removes a library.", "7.0.0", "O(N), N being its functions.")
        .tips(TO_ALL)
        .takes(&[arg("library-name", "string")]),
    command("function|dump", 2, NOSCRIPT).acl(acl::SCRIPTING).run(function::dump).docs(
        "Returns all libraries as one payload.",
        "7.0.0",
        "O(N), N being their length.",
    ),
    command("function|flush", -2, CHANGES)
        .acl(acl::SCRIPTING)
        .run(function::flush)
        .docs("Removes all libraries.", "7.0.0", "O(N), N being their functions.")
        .tips(TO_ALL)
        .takes(&[arg("flush-type", "oneof")
            .optional()
            .made_of(&[word("async", "ASYNC"), word("sync", "SYNC")])]),
    command("function|help", 2, LOADING | STALE).acl(acl::SCRIPTING).run(function::help).docs(
        "Tells what FUNCTION can do.",
        "7.0.0",
        "O(1)",
    ),
    command("function|kill", 2, NOSCRIPT | ALLOW_BUSY)
        .acl(acl::SCRIPTING)
        .run(function::kill)
        .docs("Ends the functions that run and have written nothing.", "7.0.0", "O(1)")
        .tips(&["request_policy:all_shards", "response_policy:one_succeeded"]),
    command("function|list", -2, NOSCRIPT)
        .acl(acl::SCRIPTING)
        .run(function::list)
        .docs("Lists the libraries.", "7.0.0", "O(N), N being their functions.")
        .tips(&["nondeterministic_output_order"])
        .takes(&[
            arg("library-name-pattern", "string").after("LIBRARYNAME").optional(),
            word("withcode", "WITHCODE").optional(),
        ]),
    command("function|load", -3, CHANGES | DENYOOM)
        .acl(acl::SCRIPTING)
        .run(function::load)
        .docs("Takes in a library.", "7.0.0", "O(N), N being its length, and what it does then.")
        .tips(TO_ALL)
        .takes(&[word("replace", "REPLACE").optional(), arg("function-code", "string")]),
    command("function|restore", -3, CHANGES | DENYOOM)
        .acl(acl::SCRIPTING)
        .run(function::restore)
        .docs("Takes in the libraries of a payload.", "7.0.0", "O(N), N being their length.")
        .tips(TO_ALL)
        .takes(&[
            arg("serialized-value", "string"),
            arg("policy", "oneof").optional().made_of(&[
                word("flush", "FLUSH"),
                word("append", "APPEND"),
                word("replace", "REPLACE"),
            ]),
        ]),
    command("function|stats", 2, NOSCRIPT | ALLOW_BUSY)
        .acl(acl::SCRIPTING)
        .run(function::stats)
        .docs("Tells what function runs, and how many there are.", "7.0.0", "O(1)")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"]),
];
