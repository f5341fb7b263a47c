//! Commands for transactions.

use super::flag::{ALLOW_BUSY, FAST, LOADING, NOSCRIPT, QUEUED_KEYS, SKIP_SLOWLOG, STALE};
use super::row::{command, key, keys_from};
use super::{Command, acl};
use crate::command::transaction;

pub(super) const ROWS: &[Command] = &[
    command("discard", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .acl(acl::TRANSACTION)
        .run(transaction::discard)
        .docs(
            "Drops the commands queued since MULTI.",
            "2.0.0",
            "O(N), N being the commands queued.",
        ),
    command("exec", 1, NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | QUEUED_KEYS)
        .acl(acl::TRANSACTION)
        .run(transaction::exec)
        .docs(
            "Runs the commands queued since MULTI, as one.",
            "1.2.0",
            "Depends on the commands queued.",
        ),
    command("multi", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .acl(acl::TRANSACTION)
        .run(transaction::multi)
        .docs("Begins a transaction: the commands that follow are queued.", "1.2.0", "O(1)"),
    command("unwatch", 1, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .acl(acl::TRANSACTION)
        .run(transaction::unwatch)
        .docs("Stops watching all keys.", "2.2.0", "O(1)"),
    command("watch", -2, NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY)
        .acl(acl::TRANSACTION)
        .run(transaction::watch)
        .keys(&[keys_from(1, -1, 1, "RO")])
        .docs(
            "Has the next transaction fail if one of the keys changes before it.",
            "2.2.0",
            "O(1) for each key.",
        )
        .takes(&[key("key", 0).multiple()]),
];
