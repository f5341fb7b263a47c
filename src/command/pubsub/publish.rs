//! `PUBLISH` and `SPUBLISH`.

use crate::command::{Call, Fault, Flow};

use super::Kind;

/// A message that is delivered once it is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication<'p> {
    /// What it is published in.
    pub kind: Kind,
    /// The channel.
    pub channel: &'p [u8],
    /// The message.
    pub text: &'p [u8],
}

/// `PUBLISH channel message`: tells how many subscriptions it reaches.
pub fn publish(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    publish_in(call, Kind::Channel);
    Ok(Flow::Done)
}

/// `SPUBLISH shardchannel message`: tells how many subscriptions it reaches.
pub fn spublish(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    publish_in(call, Kind::ShardChannel);
    Ok(Flow::Done)
}

fn publish_in(call: &mut Call<'_, '_>, kind: Kind) {
    let (channel, text) = (call.args.word(1), call.args.word(2));
    let receivers = call.host.hub().receivers(kind, channel);
    call.data.effect.publish((receivers > 0).then_some(Publication { kind, channel, text }));
    call.reply.count(receivers);
}
