//! The ACL categories: the bits of [`acl`](field@super::Command::acl) and their names.

use super::{Command, flag};

/// `@keyspace`.
pub const KEYSPACE: u32 = 1;
/// `@read`.
pub const READ: u32 = 1 << 1;
/// `@write`.
pub const WRITE: u32 = 1 << 2;
/// `@set`.
pub const SET: u32 = 1 << 3;
/// `@sortedset`.
pub const SORTEDSET: u32 = 1 << 4;
/// `@list`.
pub const LIST: u32 = 1 << 5;
/// `@hash`.
pub const HASH: u32 = 1 << 6;
/// `@string`.
pub const STRING: u32 = 1 << 7;
/// `@bitmap`.
pub const BITMAP: u32 = 1 << 8;
/// `@hyperloglog`.
pub const HYPERLOGLOG: u32 = 1 << 9;
/// `@geo`.
pub const GEO: u32 = 1 << 10;
/// `@stream`.
pub const STREAM: u32 = 1 << 11;
/// `@pubsub`.
pub const PUBSUB: u32 = 1 << 12;
/// `@admin`.
pub const ADMIN: u32 = 1 << 13;
/// `@fast`.
pub const FAST: u32 = 1 << 14;
/// `@slow`.
pub const SLOW: u32 = 1 << 15;
/// `@blocking`.
pub const BLOCKING: u32 = 1 << 16;
/// `@dangerous`.
pub const DANGEROUS: u32 = 1 << 17;
/// `@connection`.
pub const CONNECTION: u32 = 1 << 18;
/// `@transaction`.
pub const TRANSACTION: u32 = 1 << 19;
/// `@scripting`.
pub const SCRIPTING: u32 = 1 << 20;

/// The names of the categories, each at the place of its bit.
const NAMES: [&str; 21] = [
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// Returns the bit of the category of that name.
pub fn category(name: &[u8]) -> Option<u32> {
    let place = NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
    Some(1 << place)
}

/// Lists the names of the categories in a set.
pub fn names(categories: u32) -> impl Iterator<Item = &'static str> {
    (0..).zip(NAMES).filter(move |(place, _)| categories & (1 << place) != 0).map(|(_, name)| name)
}

/// Returns all categories of a command: those of its row, and those that follow from its flags.
pub fn of(command: &Command) -> u32 {
    const FROM_FLAGS: [(u32, u32); 6] = [
        (flag::WRITE, WRITE),
        (flag::READONLY, READ),
        (flag::ADMIN, ADMIN | DANGEROUS),
        (flag::PUBSUB, PUBSUB),
        (flag::FAST, FAST),
        (flag::BLOCKING, BLOCKING),
    ];
    // What a script reads is told by its commands.
    let told =
        if command.acl & SCRIPTING == 0 { command.flags } else { command.flags & !flag::READONLY };
    let implied = FROM_FLAGS.iter().filter(|(bit, _)| told & bit != 0);
    let all = implied.fold(command.acl, |all, (_, categories)| all | categories);
    if all & FAST == 0 { all | SLOW } else { all }
}
