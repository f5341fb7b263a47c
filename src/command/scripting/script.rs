//! `SCRIPT`: the scripts that the server knows.

use crate::command::{Call, Fault, Flow, help};
use crate::script::{Ending, Kind, Runs, Sha};

use super::eval::keep;

const NOT_BUSY: Fault = Fault::fixed("NOTBUSY No scripts in execution right now.");
const UNKILLABLE: Fault = Fault::fixed(
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can \
     either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE \
     command.",
);

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

/// `SCRIPT KILL`.
pub fn script_kill(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    kill(call.host.scripts().runs(), Kind::Script)?;
    call.reply.ok();
    Ok(Flow::Done)
}

/// Ends the scripts, or the functions, that run.
pub fn kill(runs: &Runs, kind: Kind) -> Result<(), Fault> {
    match runs.kill(kind) {
        Ending::Killed => Ok(()),
        Ending::Unkillable => Err(UNKILLABLE),
        Ending::Other => Err(busy(runs)),
        Ending::Idle => Err(NOT_BUSY),
    }
}

/// What is answered while a script or a function runs for too long.
#[cold]
pub fn busy(runs: &Runs) -> Fault {
    // It may have ended by now.
    busy_with(runs.slow().map_or(Kind::Script, |slow| slow.kind))
}

/// What is answered while one of this kind does.
pub fn busy_with(kind: Kind) -> Fault {
    Fault::fixed(match kind {
        Kind::Script => {
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
        }
        Kind::Function => {
            "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN \
             NOSAVE."
        }
    })
}

/// `SCRIPT HELP`.
pub fn script_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    help::subcommands(call)
}
