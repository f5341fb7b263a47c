//! `SCRIPT`: the scripts that the server knows.

use crate::command::{Call, Fault, Flow, help};
use crate::script::Sha;

use super::eval::keep;

/// `SCRIPT LOAD script`.
pub fn script_load(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let text = call.args.word(2);
    let sha = Sha::of(text);
    if call.host.scripts().find(&sha).is_none() {
        keep(call, text)?;
    }
    call.reply.bulk(sha.digits().as_bytes());
    Ok(Flow::Done)
}

/// `SCRIPT EXISTS sha1 …`.
pub fn script_exists(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let named = call.args.from(2);
    call.reply.array(named.len());
    for name in named {
        let found = Sha::parse(name).and_then(|sha| call.host.scripts().find(&sha));
        call.reply.integer(found.is_some().into());
    }
    Ok(Flow::Done)
}

/// `SCRIPT FLUSH [ASYNC|SYNC]`.
pub fn script_flush(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let is_mode =
        |word: &[u8]| [&b"async"[..], b"sync"].iter().any(|m| word.eq_ignore_ascii_case(m));
    let is_understood = match call.args.len() {
        2 => true,
        3 => is_mode(call.args.word(2)),
        _ => false,
    };
    if !is_understood {
        return Err(Fault::fixed("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    call.host.scripts().flush();
    call.reply.ok();
    Ok(Flow::Done)
}

/// `SCRIPT HELP`.
pub fn script_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    help::subcommands(call)
}
