//! The bits of [`super::Command::flags`], and their names on the wire.

/// May change data.
pub const WRITE: u32 = 1;
/// Only reads data.
pub const READONLY: u32 = 1 << 1;
/// May take more memory; refused when there is none.
pub const DENYOOM: u32 = 1 << 2;
/// For administrators.
pub const ADMIN: u32 = 1 << 3;
/// Part of publish and subscribe.
pub const PUBSUB: u32 = 1 << 4;
/// Not from scripts.
pub const NOSCRIPT: u32 = 1 << 5;
/// May block the client.
pub const BLOCKING: u32 = 1 << 6;
/// Runs while the data is being loaded.
pub const LOADING: u32 = 1 << 7;
/// Runs on a replica whose data is stale.
pub const STALE: u32 = 1 << 8;
/// Not shown by `MONITOR`.
pub const SKIP_MONITOR: u32 = 1 << 9;
/// Not entered in the slow log.
pub const SKIP_SLOWLOG: u32 = 1 << 10;
/// Takes constant or logarithmic time.
pub const FAST: u32 = 1 << 11;
/// Runs without a password.
pub const NO_AUTH: u32 = 1 << 12;
/// Publishes in the channel in word 1; goes into the stream though it is no write.
pub const PUBLISHES: u32 = 1 << 13;
/// Not within `MULTI`.
pub const NO_MULTI: u32 = 1 << 14;
/// Its keys are not where the key specs alone tell.
pub const MOVABLEKEYS: u32 = 1 << 15;
/// Runs while a script or transaction has been blocked for long.
pub const ALLOW_BUSY: u32 = 1 << 16;
/// Keys are optional.
pub const NO_MANDATORY_KEYS: u32 = 1 << 17;
/// Runs with the whole keyspace held, as its keys are unknown beforehand.
pub const ALL_SHARDS: u32 = 1 << 18;
/// Names keys by patterns, which may be any; [`crate::command::sort`] knows the others.
pub const PATTERN_KEYS: u32 = 1 << 26;
/// Runs asynchronously while loading.
pub const NO_ASYNC_LOADING: u32 = 1 << 19;
/// Needs the keys of the commands queued since `MULTI`, and those under `WATCH`.
pub const QUEUED_KEYS: u32 = 1 << 20;
/// Takes the shards it needs one by one; within a transaction all of them are held for it.
pub const OWN_SHARDS: u32 = 1 << 21;
/// As brief as a fast one if request and reply are short, though stock does not call it so.
pub const BRIEF: u32 = 1 << 22;
/// Keeps what it found with the data, which goes into the stream though it is no write.
pub const KEEPS_RESULT: u32 = 1 << 25;

/// Runs a script, which may write.
pub const RUNS_SCRIPT: u32 = 1 << 27;
/// Runs a script that may keep to the shards of its keys: [`crate::command::scripting`] knows it.
pub const SCRIPT_SHARDS: u32 = 1 << 28;

/// Its reply is a message, which a client in RESP3 gets whatever it said by `CLIENT REPLY`.
pub const REPLIES_BY_PUSH: u32 = 1 << 23;
/// Runs though the client subscribes to something in RESP2.
pub const WHILE_LISTENING: u32 = 1 << 24;

/// The flags that nobody is shown.
const UNSHOWN: [u32; 11] = [
    PUBLISHES,
    ALL_SHARDS,
    PATTERN_KEYS,
    QUEUED_KEYS,
    OWN_SHARDS,
    BRIEF,
    KEEPS_RESULT,
    RUNS_SCRIPT,
    SCRIPT_SHARDS,
    REPLIES_BY_PUSH,
    WHILE_LISTENING,
];

/// Each flag is a bit of its own.
const _: () = {
    let (mut seen, mut place) = (0, 0);
    while place < NAMES.len() + UNSHOWN.len() {
        let is_shown = place < NAMES.len();
        let flag = if is_shown { NAMES[place].0 } else { UNSHOWN[place - NAMES.len()] };
        assert!(seen & flag == 0, "two flags have the same bit");
        seen |= flag;
        place += 1;
    }
};

/// The flags that `COMMAND INFO` shows, in its order.
const NAMES: [(u32, &str); 18] = [
    (WRITE, "write"),
    (READONLY, "readonly"),
    (DENYOOM, "denyoom"),
    (ADMIN, "admin"),
    (PUBSUB, "pubsub"),
    (NOSCRIPT, "noscript"),
    (BLOCKING, "blocking"),
    (LOADING, "loading"),
    (STALE, "stale"),
    (SKIP_MONITOR, "skip_monitor"),
    (SKIP_SLOWLOG, "skip_slowlog"),
    (FAST, "fast"),
    (NO_AUTH, "no_auth"),
    (NO_MANDATORY_KEYS, "no_mandatory_keys"),
    (NO_ASYNC_LOADING, "no_async_loading"),
    (NO_MULTI, "no_multi"),
    (MOVABLEKEYS, "movablekeys"),
    (ALLOW_BUSY, "allow_busy"),
];

/// Lists the names of the flags in a set, in the order of `COMMAND INFO`.
pub fn names(flags: u32) -> impl Iterator<Item = &'static str> {
    NAMES.iter().filter(move |(bit, _)| flags & bit != 0).map(|(_, name)| *name)
}
