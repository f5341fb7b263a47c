//! Commands for publish and subscribe.

use super::flag::{
    FAST, LOADING, NOSCRIPT, PUBLISHES, PUBSUB, REPLIES_BY_PUSH, STALE, WHILE_LISTENING,
};
use super::row::{arg, command, keys_from};
use super::{Channels, Command, acl};
use crate::command::pubsub;

/// The flags of commands that change what the client subscribes to.
const LISTENING: u32 = PUBSUB | NOSCRIPT | LOADING | STALE | REPLIES_BY_PUSH | WHILE_LISTENING;
/// The flags of commands that tell who subscribes to what.
const LOOKING: u32 = PUBSUB | LOADING | STALE;

pub(super) const ROWS: &[Command] = &[
    command("psubscribe", -2, LISTENING)
        .acl(acl::PUBSUB)
        .run(pubsub::psubscribe)
        .channels(Channels::Matched)
        .docs("Subscribes to all channels that match the patterns.", "2.0.0", PER_NAME)
        .takes(&[arg("pattern", "pattern").multiple()]),
    command("publish", 3, PUBSUB | LOADING | STALE | FAST | PUBLISHES)
        .acl(acl::PUBSUB)
        .run(pubsub::publish)
        .channels(Channels::Published)
        .docs(
            "Sends a message to all who subscribe to the channel.",
            "2.0.0",
            "O(N+M), N being the subscribers of the channel and M all patterns subscribed to.",
        )
        .takes(&[arg("channel", "string"), arg("message", "string")]),
    command("pubsub", -2, 0).docs(
        "Tells who subscribes to what.",
        "2.8.0",
        "Depends on the subcommand.",
    ),
    command("pubsub|channels", -2, LOOKING)
        .acl(acl::PUBSUB)
        .run(pubsub::pubsub_channels)
        .docs("Lists the channels that have subscribers.", "2.8.0", "O(N), N being the channels.")
        .takes(&[arg("pattern", "pattern").optional()]),
    command("pubsub|help", 2, LOADING | STALE).run(pubsub::pubsub_help).docs(
        "Lists the subcommands.",
        "6.2.0",
        "O(1)",
    ),
    command("pubsub|numpat", 2, LOOKING).acl(acl::PUBSUB).run(pubsub::pubsub_numpat).docs(
        "Counts the patterns that have subscribers.",
        "2.8.0",
        "O(1)",
    ),
    command("pubsub|numsub", -2, LOOKING)
        .acl(acl::PUBSUB)
        .run(pubsub::pubsub_numsub)
        .docs("Counts the subscribers of channels.", "2.8.0", PER_NAME)
        .takes(&[arg("channel", "string").optional().multiple()]),
    command("pubsub|shardchannels", -2, LOOKING)
        .acl(acl::PUBSUB)
        .run(pubsub::pubsub_shardchannels)
        .docs("Lists the shard channels that have subscribers.", "7.0.0", "O(N), N being those.")
        .takes(&[arg("pattern", "pattern").optional()]),
    command("pubsub|shardnumsub", -2, LOOKING)
        .acl(acl::PUBSUB)
        .run(pubsub::pubsub_shardnumsub)
        .docs("Counts the subscribers of shard channels.", "7.0.0", PER_NAME)
        .takes(&[arg("shardchannel", "string").optional().multiple()]),
    command("punsubscribe", -1, LISTENING)
        .acl(acl::PUBSUB)
        .run(pubsub::punsubscribe)
        .docs("Ends subscriptions to patterns, all if none is named.", "2.0.0", PER_NAME)
        .takes(&[arg("pattern", "pattern").optional().multiple()]),
    command("spublish", 3, PUBSUB | LOADING | STALE | FAST | PUBLISHES)
        .acl(acl::PUBSUB)
        .run(pubsub::spublish)
        .channels(Channels::Published)
        .keys(&[keys_from(1, 0, 1, NOT_KEY)])
        .docs(
            "Sends a message to all who subscribe to the shard channel.",
            "7.0.0",
            "O(N), N being the subscribers of the shard channel.",
        )
        .takes(&[arg("shardchannel", "string"), arg("message", "string")]),
    command("ssubscribe", -2, LISTENING)
        .acl(acl::PUBSUB)
        .run(pubsub::ssubscribe)
        .channels(Channels::Subscribed)
        .keys(&[keys_from(1, -1, 1, NOT_KEY)])
        .docs("Subscribes to shard channels.", "7.0.0", PER_NAME)
        .takes(&[arg("shardchannel", "string").multiple()]),
    command("subscribe", -2, LISTENING)
        .acl(acl::PUBSUB)
        .run(pubsub::subscribe)
        .channels(Channels::Subscribed)
        .docs("Subscribes to channels.", "2.0.0", PER_NAME)
        .takes(&[arg("channel", "string").multiple()]),
    command("sunsubscribe", -1, LISTENING)
        .acl(acl::PUBSUB)
        .run(pubsub::sunsubscribe)
        .keys(&[keys_from(1, -1, 1, NOT_KEY)])
        .docs("Ends subscriptions to shard channels, all if none is named.", "7.0.0", PER_NAME)
        .takes(&[arg("shardchannel", "string").optional().multiple()]),
    command("unsubscribe", -1, LISTENING)
        .acl(acl::PUBSUB)
        .run(pubsub::unsubscribe)
        .docs("Ends subscriptions to channels, all if none is named.", "2.0.0", PER_NAME)
        .takes(&[arg("channel", "string").optional().multiple()]),
];

const PER_NAME: &str = "O(N), N being the names given.";
/// What a key spec says of words that are routed like keys, but are the names of channels.
const NOT_KEY: &str = "not_key";
