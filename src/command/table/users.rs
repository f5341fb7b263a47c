//! Commands for users and what they may do.

use super::flag::{ADMIN, LOADING, NOSCRIPT, STALE};
use super::row::{arg, command, word};
use super::{Argument, Command};
use crate::command::{acl, secrets};

/// The flags of what anybody may ask.
const ASKING: u32 = NOSCRIPT | LOADING | STALE;
/// The flags of what is for administrators.
const RULING: u32 = ADMIN | ASKING;

pub(super) const ROWS: &[Command] = &[
    command("acl", -2, 0).docs(
        "Tells of users and what they may do.",
        "6.0.0",
        "Depends on the subcommand.",
    ),
    command("acl|cat", -2, ASKING)
        .run(acl::cat)
        .docs("Lists the categories, or the commands of one.", "6.0.0", "O(1)")
        .takes(&[arg("category", "string").optional()]),
    command("acl|deluser", -3, RULING)
        .run(acl::deluser)
        .secret(secrets::of_users)
        .docs("Deletes users and closes their connections.", "6.0.0", "O(N), N being the clients.")
        .tips(EVERYWHERE)
        .takes(&[NAME.multiple()]),
    command("acl|dryrun", -4, RULING)
        .run(acl::dryrun)
        .docs("Tells whether a user may run a command, which does not run.", "7.0.0", "O(1).")
        .takes(&[NAME, arg("command", "string"), arg("arg", "string").optional().multiple()]),
    command("acl|genpass", -2, ASKING)
        .run(acl::genpass)
        .docs("Makes a password that nobody guesses.", "6.0.0", "O(1)")
        .takes(&[arg("bits", "integer").optional()]),
    command("acl|getuser", 3, RULING)
        .run(acl::getuser)
        .secret(secrets::of_users)
        .docs("Tells what a user may do.", "6.0.0", PER_RULE)
        .history(&[
            ("6.2.0", "Tells the patterns of channels."),
            ("7.0.0", "Tells selectors, and patterns as rules."),
        ])
        .takes(&[NAME]),
    command("acl|help", 2, LOADING | STALE).run(acl::help).docs(
        "Lists the subcommands.",
        "6.0.0",
        "O(1)",
    ),
    command("acl|list", 2, RULING).run(acl::list).docs(
        "Lists the users as lines of a configuration.",
        "6.0.0",
        PER_USER,
    ),
    command("acl|load", 2, RULING).run(acl::load).docs(
        "Has the users that the ACL file says.",
        "6.0.0",
        PER_USER,
    ),
    command("acl|log", -2, RULING)
        .run(acl::show_log)
        .docs("Lists what was denied of late, or forgets it.", "6.0.0", "O(N), N being those.")
        .history(&[("7.2.0", "Tells the number of an entry, and when it came and was changed.")])
        .takes(&[arg("operation", "oneof")
            .optional()
            .made_of(&[arg("count", "integer"), word("reset", "RESET")])]),
    command("acl|save", 2, RULING)
        .run(acl::save)
        .docs("Writes the users to the ACL file.", "6.0.0", PER_USER)
        .tips(EVERYWHERE),
    command("acl|setuser", -3, RULING)
        .run(acl::setuser)
        .secret(secrets::of_users)
        .docs("Makes a user, or changes what it may do.", "6.0.0", PER_RULE)
        .history(&[
            ("6.2.0", "Takes patterns of channels."),
            ("7.0.0", "Takes selectors, and patterns of keys that are only read or written."),
        ])
        .tips(EVERYWHERE)
        .takes(&[NAME, arg("rule", "string").optional().multiple()]),
    command("acl|users", 2, RULING).run(acl::names).docs(
        "Lists the names of the users.",
        "6.0.0",
        PER_USER,
    ),
    command("acl|whoami", 2, ASKING).run(acl::whoami).docs(
        "Returns the name of the user of this connection.",
        "6.0.0",
        "O(1)",
    ),
];

const NAME: Argument = arg("username", "string");
const PER_USER: &str = "O(N), N being the users.";
const PER_RULE: &str = "O(N), N being the rules.";
const EVERYWHERE: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];
