//! `CLIENT TRACKING`, `CACHING`, `GETREDIR` and `TRACKINGINFO`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::command::session::flag;
use crate::command::weight::name_bytes;
use crate::command::{Call, Classes, Fault, Flow, Session};

use super::options;
use super::state::{Choice, Tracking};
use super::tracker::Tracked;

/// The flags that tell what a client tracks.
const FLAGS: u64 = flag::TRACKING | flag::BROKEN_REDIRECT | flag::BROADCAST;

/// `CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix …] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`.
pub fn client_tracking(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    match options::read(call)? {
        Some(tracking) => {
            begin(call, tracking);
            // What follows in the same transaction is noted as well.
            call.data.effect.events.want_more(Classes::TRACKED);
        }
        None => call.session.end_tracking(),
    }
    call.reply.ok();
    Ok(Flow::Done)
}

fn begin(call: &mut Call<'_, '_>, tracking: Tracking) {
    let hub = Arc::clone(call.host.hub());
    let is_broadcast = tracking.choice == Choice::Broadcast;
    let redirect = tracking.redirect.clone();
    let info = &call.session.info;
    info.flags.fetch_and(!FLAGS, Ordering::Relaxed);
    let shown = if is_broadcast { flag::TRACKING | flag::BROADCAST } else { flag::TRACKING };
    info.flags.fetch_or(shown, Ordering::Relaxed);
    let id = redirect.as_ref().map_or(0, |to| to.id as i64);
    info.redirect.store(id, Ordering::Relaxed);
    let info = Arc::clone(info);
    let subscriber = call.session.subscriber(&hub);
    let mailbox = Arc::clone(subscriber.mailbox());
    let prefixes = is_broadcast.then(|| tracking.prefixes.clone());
    let skips_own = tracking.skips_own;
    let bytes = tracking.prefixes.iter().map(|prefix| name_bytes(prefix)).sum();
    info.holdings.prefixes.store(bytes, Ordering::Relaxed);
    subscriber.tracking = Some(tracking);
    hub.tracker().begin(Tracked { info, mailbox, skips_own, prefixes, redirect });
}

/// `CLIENT CACHING YES|NO`: of what the next command reads.
pub fn client_caching(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NOT_TRACKING: Fault = Fault::fixed(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
         OPTOUT mode enabled",
    );
    const NOT_OPT_IN: Fault = Fault::fixed(
        "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
    );
    const NOT_OPT_OUT: Fault = Fault::fixed(
        "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
    );
    let tracking = call.session.subscriber.as_mut().and_then(|s| s.tracking.as_mut());
    let tracking = tracking.ok_or(NOT_TRACKING)?;
    let (wanted, otherwise) = match call.args.word(2) {
        word if word.eq_ignore_ascii_case(b"YES") => (Choice::OptIn, NOT_OPT_IN),
        word if word.eq_ignore_ascii_case(b"NO") => (Choice::OptOut, NOT_OPT_OUT),
        _ => return Err(Fault::SYNTAX),
    };
    if tracking.choice != wanted {
        return Err(otherwise);
    }
    tracking.is_caching_said = true;
    call.reply.ok();
    Ok(Flow::Done)
}

/// `CLIENT GETREDIR`: who is told in this client's place; 0 for nobody, -1 if it does not track.
pub fn client_getredir(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.integer(call.session.info.redirect.load(Ordering::Relaxed));
    Ok(Flow::Done)
}

/// `CLIENT TRACKINGINFO`: what this client tracks.
pub fn client_trackinginfo(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let info = &call.session.info;
    let tracking = call.session.tracking();
    let mut flags = vec![if tracking.is_some() { "on" } else { "off" }];
    if let Some(tracking) = tracking {
        let said = |text| tracking.is_caching_said.then_some(text);
        match tracking.choice {
            Choice::Read => {}
            Choice::Broadcast => flags.push("bcast"),
            Choice::OptIn => flags.extend(["optin"].into_iter().chain(said("caching-yes"))),
            Choice::OptOut => flags.extend(["optout"].into_iter().chain(said("caching-no"))),
        }
        if tracking.skips_own {
            flags.push("noloop");
        }
        if info.flags.load(Ordering::Relaxed) & flag::BROKEN_REDIRECT != 0 {
            flags.push("broken_redirect");
        }
    }
    let reply = &mut call.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    for flag in flags {
        reply.bulk(flag.as_bytes());
    }
    reply.bulk(b"redirect");
    reply.integer(info.redirect.load(Ordering::Relaxed));
    reply.bulk(b"prefixes");
    let prefixes = tracking.map_or(&[][..], |tracking| &tracking.prefixes);
    reply.array(prefixes.len());
    for prefix in prefixes {
        reply.bulk(prefix);
    }
    Ok(Flow::Done)
}

impl Session {
    /// Has the client told of no key any more.
    pub fn end_tracking(&mut self) {
        if let Some(subscriber) = &mut self.subscriber {
            subscriber.end_tracking();
            self.info.flags.fetch_and(!FLAGS, Ordering::Relaxed);
            self.info.redirect.store(-1, Ordering::Relaxed);
            self.info.holdings.prefixes.store(0, Ordering::Relaxed);
        }
    }
}
