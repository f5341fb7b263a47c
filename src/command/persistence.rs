//! `SAVE`, `BGSAVE`, `LASTSAVE`, `SHUTDOWN`.

use super::flow::{Request, ShutdownMode};
use super::host::SaveStarted;
use super::scripting::busy;
use super::{Call, Fault, Flow};

/// `SAVE`: answered once the snapshot is on disk.
pub fn save(_call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    Ok(Flow::ask(Request::Save))
}

/// `BGSAVE [SCHEDULE]`: answered at once.
pub fn bgsave(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let schedule = match call.args.len() {
        1 => false,
        2 if call.args[1].eq_ignore_ascii_case(b"schedule") => true,
        _ => return Err(Fault::SYNTAX),
    };
    match call.host.background_save(schedule)? {
        SaveStarted::Now => call.reply.simple("Background saving started"),
        SaveStarted::Scheduled => call.reply.simple("Background saving scheduled"),
    }
    Ok(Flow::Done)
}

/// `BGREWRITEAOF`: the log needs no rewriting; a fresh snapshot is what shortens a restart.
pub fn bgrewriteaof(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.host.background_save(true)?;
    call.reply.simple("Background append only file rewriting started");
    Ok(Flow::Done)
}

/// `LASTSAVE`: when the last snapshot was completed.
pub fn lastsave(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.integer(call.host.last_save_s());
    Ok(Flow::Done)
}

/// `SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]`.
pub fn shutdown(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let mut mode = ShutdownMode::default();
    for index in 1..call.args.len() {
        let word = &call.args[index];
        if word.eq_ignore_ascii_case(b"nosave") && mode.save.is_none() {
            mode.save = Some(false);
        } else if word.eq_ignore_ascii_case(b"save") && mode.save.is_none() {
            mode.save = Some(true);
        } else if word.eq_ignore_ascii_case(b"now") {
            mode.now = true;
        } else if word.eq_ignore_ascii_case(b"force") {
            mode.force = true;
        } else if word.eq_ignore_ascii_case(b"abort") {
            mode.abort = true;
        } else {
            return Err(Fault::SYNTAX);
        }
    }
    if mode.abort && (mode.save.is_some() || mode.now || mode.force) {
        return Err(Fault::SYNTAX);
    }
    if call.host.scripts().runs().is_any_slow() && !mode.abort {
        if mode.save != Some(false) {
            return Err(busy(call.host.scripts().runs()));
        }
        call.host.end_at_once();
    }
    Ok(Flow::ask(Request::Shutdown(mode)))
}
