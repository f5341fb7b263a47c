//! Commands for connections.

use crate::command::{client, connection, secrets};

use super::flag::{ADMIN, ALLOW_BUSY, FAST, LOADING, NO_AUTH, NOSCRIPT, STALE, WHILE_LISTENING};
use super::row::{arg, command, word};
use super::{Command, acl};

/// Runs in whatever state the connection is.
const OF_ANYONE: u32 = NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | WHILE_LISTENING;

pub(super) const ROWS: &[Command] = &[
    command("auth", -2, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY)
        .acl(acl::CONNECTION)
        .run(connection::auth)
        .secret(secrets::of_auth)
        .docs("Presents a password.", "1.0.0", "O(N), N being the passwords of the user.")
        .history(&[("6.0.0", "Takes the name of a user.")])
        .takes(&[arg("username", "string").since("6.0.0").optional(), arg("password", "string")]),
    command("client", -2, 0).docs(
        "Shows and steers the connections of clients.",
        "2.4.0",
        "Depends on the subcommand.",
    ),
    command("client|caching", 3, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_caching)
        .docs("Says whether what is read next is remembered.", "6.0.0", "O(1)")
        .takes(&[arg("mode", "oneof").made_of(&[word("yes", "YES"), word("no", "NO")])]),
    command("client|getname", 2, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_getname)
        .docs("Returns the name of this connection.", "2.6.9", "O(1)"),
    command("client|getredir", 2, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_getredir)
        .docs(
            "Returns who is told in this connection's place which keys were changed.",
            "6.0.0",
            "O(1)",
        ),
    command("client|help", 2, LOADING | STALE).acl(acl::CONNECTION).run(client::client_help).docs(
        "Lists the subcommands.",
        "5.0.0",
        "O(1)",
    ),
    command("client|id", 2, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_id)
        .docs("Returns the number of this connection.", "5.0.0", "O(1)"),
    command("client|info", 2, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_info)
        .docs("Describes this connection.", "6.2.0", "O(1)")
        .tips(&["nondeterministic_output"]),
    command("client|kill", -3, ADMIN | NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_kill)
        .docs("Ends connections.", "2.4.0", "O(N), N being the connections.")
        .history(&[
            ("2.8.12", "Takes filters."),
            ("2.8.12", "Takes `ID`."),
            ("3.2.0", "Takes `master` as a `TYPE`."),
            ("5.0.0", "Takes `replica` as a `TYPE`, beside `slave`."),
            ("6.2.0", "Takes `LADDR`."),
        ])
        .takes(&[arg("filter", "oneof").made_of(&[
            arg("ip:port", "string").deprecated("2.8.12"),
            arg("new-format", "oneof").multiple().made_of(&[
                arg("client-id", "integer").after("ID").since("2.8.12").optional(),
                arg("normal_master_slave_pubsub", "oneof")
                    .after("TYPE")
                    .since("2.8.12")
                    .optional()
                    .made_of(&[
                        word("normal", "NORMAL"),
                        word("master", "MASTER").since("3.2.0"),
                        word("slave", "SLAVE"),
                        word("replica", "REPLICA").since("5.0.0"),
                        word("pubsub", "PUBSUB"),
                    ]),
                arg("username", "string").after("USER").optional(),
                arg("ip:port", "string").after("ADDR").optional(),
                arg("ip:port", "string").after("LADDR").since("6.2.0").optional(),
                arg("yes/no", "string").after("SKIPME").optional(),
            ]),
        ])]),
    command("client|list", -2, ADMIN | NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_list)
        .docs("Describes the connections of clients.", "2.4.0", "O(N), N being the connections.")
        .history(&[
            ("2.8.12", "Shows `id`."),
            ("5.0.0", "Takes `TYPE`."),
            ("6.0.0", "Shows `user`."),
            ("6.2.0", "Takes `ID`; shows `argv-mem`, `tot-mem`, `laddr` and `redir`."),
            ("7.0.0", "Shows `resp`, `multi-mem`, `rbs` and `rbp`."),
            ("7.0.3", "Shows `ssub`."),
            ("7.2.0", "Shows `lib-name` and `lib-ver`."),
        ])
        .tips(&["nondeterministic_output"])
        .takes(&[
            arg("normal_master_replica_pubsub", "oneof")
                .after("TYPE")
                .since("5.0.0")
                .optional()
                .made_of(&[
                    word("normal", "NORMAL"),
                    word("master", "MASTER"),
                    word("replica", "REPLICA"),
                    word("pubsub", "PUBSUB"),
                ]),
            arg("id", "block").after("ID").since("6.2.0").optional().made_of(&[arg(
                "client-id",
                "integer",
            )
            .multiple()]),
        ]),
    command("client|no-evict", 3, ADMIN | NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_no_evict)
        .docs("Keeps this connection from being evicted for lack of memory.", "7.0.0", "O(1)")
        .takes(&[arg("enabled", "oneof").made_of(&[word("on", "ON"), word("off", "OFF")])]),
    command("client|no-touch", 3, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_no_touch)
        .docs("Keeps the reads of this connection from counting as accesses.", "7.2.0", "O(1)")
        .takes(&[arg("enabled", "oneof").made_of(&[word("on", "ON"), word("off", "OFF")])]),
    command("client|pause", -3, ADMIN | NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_pause)
        .docs("Holds commands back for some time.", "2.9.50", "O(1)")
        .history(&[("6.2.0", "Takes a mode: `WRITE` or `ALL`.")])
        .takes(&[
            arg("timeout", "integer"),
            arg("mode", "oneof")
                .since("6.2.0")
                .optional()
                .made_of(&[word("write", "WRITE"), word("all", "ALL")]),
        ]),
    command("client|reply", 3, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_reply)
        .docs("Turns the replies to this connection off and on.", "3.2.0", "O(1)")
        .takes(&[arg("on_off_skip", "oneof").made_of(&[
            word("on", "ON"),
            word("off", "OFF"),
            word("skip", "SKIP"),
        ])]),
    command("client|setinfo", 4, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_setinfo)
        .docs("Notes the library that the client uses, and its version.", "7.2.0", "O(1)")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .takes(&[arg("attr", "oneof").made_of(&[
            arg("libname", "string").after("LIB-NAME"),
            arg("libver", "string").after("LIB-VER"),
        ])]),
    command("client|setname", 3, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_setname)
        .docs("Gives this connection a name.", "2.6.9", "O(1)")
        .takes(&[arg("connection-name", "string")]),
    command("client|tracking", -3, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_tracking)
        .docs(
            "Has the connection told which of the keys it has read were changed.",
            "6.0.0",
            "O(N), N being the prefixes.",
        )
        .takes(&[
            arg("status", "oneof").made_of(&[word("on", "ON"), word("off", "OFF")]),
            arg("client-id", "integer").after("REDIRECT").optional(),
            arg("prefix", "string").after("PREFIX").optional().multiple().again(),
            word("bcast", "BCAST").optional(),
            word("optin", "OPTIN").optional(),
            word("optout", "OPTOUT").optional(),
            word("noloop", "NOLOOP").optional(),
        ]),
    command("client|trackinginfo", 2, NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_trackinginfo)
        .docs("Tells what this connection tracks.", "6.2.0", "O(1)"),
    command("client|unblock", -3, ADMIN | NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_unblock)
        .docs("Ends the waiting of another connection.", "5.0.0", "O(N), N being the connections.")
        .takes(&[
            arg("client-id", "integer"),
            arg("unblock-type", "oneof")
                .optional()
                .made_of(&[word("timeout", "TIMEOUT"), word("error", "ERROR")]),
        ]),
    command("client|unpause", 2, ADMIN | NOSCRIPT | LOADING | STALE)
        .acl(acl::CONNECTION)
        .run(client::client_unpause)
        .docs("Ends the pause.", "6.2.0", "O(N), N being the connections held back."),
    command("echo", 2, LOADING | STALE | FAST)
        .acl(acl::CONNECTION)
        .run(connection::echo)
        .docs("Returns its argument.", "1.0.0", "O(1)")
        .takes(&[arg("message", "string")]),
    command("hello", -1, NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY)
        .acl(acl::CONNECTION)
        .run(connection::hello)
        .secret(secrets::of_hello)
        .docs(
            "Chooses the protocol; may authenticate and name the connection as well.",
            "6.0.0",
            "O(1)",
        )
        .history(&[("6.2.0", "Takes no version at all, and only reports.")])
        .takes(&[arg("arguments", "block").optional().made_of(&[
            arg("protover", "integer"),
            arg("username_password", "block")
                .after("AUTH")
                .optional()
                .made_of(&[arg("username", "string"), arg("password", "string")]),
            arg("clientname", "string").after("SETNAME").optional(),
        ])]),
    command("ping", -1, FAST | WHILE_LISTENING)
        .acl(acl::CONNECTION)
        .run(connection::ping)
        .docs("Shows that the server answers.", "1.0.0", "O(1)")
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .takes(&[arg("message", "string").optional()]),
    command("quit", -1, OF_ANYONE)
        .acl(acl::CONNECTION)
        .run(connection::quit)
        .docs("Ends the connection.", "1.0.0", "O(1)")
        .deprecated("7.2.0", "just closing the connection"),
    command("reset", 1, OF_ANYONE).acl(acl::CONNECTION).run(connection::reset).docs(
        "Brings the connection back to its first state.",
        "6.2.0",
        "O(1)",
    ),
    command("select", 2, LOADING | STALE | FAST)
        .acl(acl::CONNECTION)
        .run(connection::select)
        .docs("Chooses the database that later commands use.", "1.0.0", "O(1)")
        .takes(&[arg("index", "integer")]),
];
