//! Publish and subscribe: who listens to what, and what waits to be sent to whom.
//!
//! The [`Hub`] knows all subscriptions of the server, apart from the keyspace, as messages touch no
//! data. Each client that subscribes has a [`Mailbox`]. Whoever publishes copies the message, encoded
//! once for each protocol, into the mailboxes of those who listen, and never waits for any of them.
//! The worker that serves a subscriber empties its mailbox at the end of a turn: many messages then
//! leave with one write. Who does not take its messages fast enough is cut off (`limits`).

mod channels;
mod frames;
mod hub;
mod introspect;
mod limits;
mod mailbox;
mod monitor;
mod monitors;
mod patterns;
mod post;
mod publish;
mod subscribe;
mod subscriber;

pub use hub::{Hub, Kind, PublishingTurn};
pub use introspect::{
    pubsub_channels, pubsub_help, pubsub_numpat, pubsub_numsub, pubsub_shardchannels,
    pubsub_shardnumsub,
};
pub use limits::{Excess, Limit, Limits};
pub use mailbox::Mailbox;
pub use monitor::monitor;
pub use post::Post;
pub use publish::{Publication, publish, spublish};
pub use subscribe::{psubscribe, punsubscribe, ssubscribe, subscribe, sunsubscribe, unsubscribe};
pub use subscriber::Subscriber;
