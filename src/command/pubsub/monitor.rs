//! `MONITOR`: a client that is shown what all others do.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::command::session::flag;
use crate::command::{Call, Fault, Flow};

/// Runs `MONITOR`.
///
/// A client that monitors already gets no reply, as in stock servers.
pub fn monitor(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NOT_IN_EXEC: Fault = Fault::fixed("ERR MONITOR isn't allowed for DENY BLOCKING client");
    if call.session.executing {
        return Err(NOT_IN_EXEC);
    }
    if call.session.is_monitor() {
        return Ok(Flow::Done);
    }
    let hub = Arc::clone(call.host.hub());
    call.session.subscriber(&hub).monitor();
    call.session.info.flags.fetch_or(flag::MONITOR, Ordering::Relaxed);
    call.reply.ok();
    Ok(Flow::Done)
}
