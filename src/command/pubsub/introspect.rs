//! `PUBSUB`: who listens to what.

use crate::command::glob::{Case, matches};
use crate::command::{Call, Fault, Flow, help};

use super::Kind;

/// `PUBSUB HELP`.
pub fn pubsub_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    help::subcommands(call)
}

/// `PUBSUB CHANNELS [pattern]`.
pub fn pubsub_channels(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    list(call, Kind::Channel)
}

/// `PUBSUB SHARDCHANNELS [pattern]`.
pub fn pubsub_shardchannels(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    list(call, Kind::ShardChannel)
}

/// `PUBSUB NUMSUB [channel …]`.
pub fn pubsub_numsub(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    count(call, Kind::Channel);
    Ok(Flow::Done)
}

/// `PUBSUB SHARDNUMSUB [shardchannel …]`.
pub fn pubsub_shardnumsub(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    count(call, Kind::ShardChannel);
    Ok(Flow::Done)
}

/// `PUBSUB NUMPAT`.
pub fn pubsub_numpat(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.count(call.host.hub().count(Kind::Pattern));
    Ok(Flow::Done)
}

fn list(call: &mut Call<'_, '_>, kind: Kind) -> Result<Flow, Fault> {
    if call.args.len() > 3 {
        return Err(Fault::quoting(
            "ERR unknown subcommand or wrong number of arguments for '",
            call.args.word(1),
            "'. Try PUBSUB HELP.",
        ));
    }
    let pattern = call.args.get(2);
    let wanted = |name: &[u8]| pattern.is_none_or(|p| matches(p, name, Case::Sensitive));
    let names = call.host.hub().names(kind, wanted);
    call.reply.array(names.len());
    for name in &names {
        call.reply.bulk(name);
    }
    Ok(Flow::Done)
}

fn count(call: &mut Call<'_, '_>, kind: Kind) {
    let names = call.args.from(2);
    call.reply.array(2 * names.len());
    for name in names {
        call.reply.bulk(name);
        call.reply.count(call.host.hub().subscribers(kind, name));
    }
}
