//! `SUBSCRIBE` and its kin.

use crate::command::{Call, Fault, Flow};

use super::Kind;

/// `SUBSCRIBE channel …`.
pub fn subscribe(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    subscribe_to(call, Kind::Channel, "subscribe");
    Ok(Flow::Done)
}

/// `PSUBSCRIBE pattern …`.
pub fn psubscribe(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    subscribe_to(call, Kind::Pattern, "psubscribe");
    Ok(Flow::Done)
}

/// `SSUBSCRIBE shardchannel …`.
///
/// Unlike its kin it is refused within a transaction, as in stock servers.
pub fn ssubscribe(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NOT_IN_EXEC: Fault =
        Fault::fixed("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
    if call.session.executing {
        return Err(NOT_IN_EXEC);
    }
    subscribe_to(call, Kind::ShardChannel, "ssubscribe");
    Ok(Flow::Done)
}

/// `UNSUBSCRIBE [channel …]`.
pub fn unsubscribe(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    unsubscribe_from(call, Kind::Channel, "unsubscribe");
    Ok(Flow::Done)
}

/// `PUNSUBSCRIBE [pattern …]`.
pub fn punsubscribe(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    unsubscribe_from(call, Kind::Pattern, "punsubscribe");
    Ok(Flow::Done)
}

/// `SUNSUBSCRIBE [shardchannel …]`.
pub fn sunsubscribe(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    unsubscribe_from(call, Kind::ShardChannel, "sunsubscribe");
    Ok(Flow::Done)
}

fn subscribe_to(call: &mut Call<'_, '_>, kind: Kind, label: &str) {
    for name in call.args.from(1) {
        let subscriber = call.session.subscriber(call.host.hub());
        subscriber.subscribe(kind, name);
        let count = subscriber.confirmed(kind);
        confirm(call, label, Some(name), count);
    }
    call.session.show_subscriptions();
}

fn unsubscribe_from(call: &mut Call<'_, '_>, kind: Kind, label: &str) {
    if call.args.len() > 1 {
        for name in call.args.from(1) {
            let count = leave(call, kind, name);
            confirm(call, label, Some(name), count);
        }
    } else {
        let subscriber = call.session.subscriber.as_ref();
        let names = subscriber.map_or_else(Vec::new, |own| own.subscriptions(kind));
        for name in &names {
            let count = leave(call, kind, name);
            confirm(call, label, Some(name), count);
        }
        if names.is_empty() {
            let subscriber = call.session.subscriber.as_ref();
            let count = subscriber.map_or(0, |own| own.confirmed(kind));
            confirm(call, label, None, count);
        }
    }
    call.session.show_subscriptions();
    call.session.let_messages_ahead();
}

/// Ends one subscription; counts as the confirmation does.
fn leave(call: &mut Call<'_, '_>, kind: Kind, name: &[u8]) -> usize {
    let Some(subscriber) = &mut call.session.subscriber else { return 0 };
    subscriber.unsubscribe(kind, name);
    subscriber.confirmed(kind)
}

fn confirm(call: &mut Call<'_, '_>, label: &str, name: Option<&[u8]>, count: usize) {
    call.reply.push(3);
    call.reply.bulk(label.as_bytes());
    call.reply.bulk_or_null(name);
    call.reply.count(count);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use crate::command::session::flag;
    use crate::command::testing::Bench;

    #[test]
    fn each_name_is_confirmed_with_the_count_so_far() {
        let mut bench = Bench::new();
        let one = |label: &str, name: &str, count: usize| {
            format!("*3 ${} {label} ${} {name} :{count}", label.len(), name.len())
        };
        let two = [one("subscribe", "a", 1), one("subscribe", "b", 2)].join(" ");
        assert_eq!(bench.reply("SUBSCRIBE a b"), two);
        assert_eq!(bench.reply("PSUBSCRIBE p*"), one("psubscribe", "p*", 3));
        assert_eq!(bench.reply("SSUBSCRIBE a"), one("ssubscribe", "a", 1));
        let counts = bench.session.info.subscriptions.each_ref().map(|n| n.load(Ordering::Relaxed));
        assert_eq!(counts, [2, 1, 1]);
        let two = [one("unsubscribe", "a", 2), one("unsubscribe", "b", 1)].join(" ");
        assert_eq!(bench.reply("UNSUBSCRIBE"), two);
        assert_eq!(bench.reply("UNSUBSCRIBE"), "*3 $11 unsubscribe $-1 :1");
        bench.reply("PUNSUBSCRIBE");
        assert!(bench.session.only_listens());
        bench.reply("SUNSUBSCRIBE");
        assert_eq!(bench.session.info.flags.load(Ordering::Relaxed) & flag::SUBSCRIBER, 0);
    }

    #[test]
    fn what_came_before_the_end_of_a_subscription_goes_ahead_of_its_reply() {
        let mut bench = Bench::new();
        bench.reply("SUBSCRIBE a");
        let outcome = bench.run("PUBLISH a x");
        assert_eq!((outcome.text().as_str(), outcome.changes), (":1", 0));
        assert_eq!(outcome.stream(), ["PUBLISH a x"]);
        bench.host.hub.deliver(super::Kind::Channel, b"a", b"x", bench.now_ms);
        bench.reply("UNSUBSCRIBE");
        assert_eq!(bench.session.ahead, b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
    }
}
