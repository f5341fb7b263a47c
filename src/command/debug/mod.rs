//! `DEBUG`: what tests need of a server and users do not.

mod inspect;

use std::time::Duration;

use super::flow::Request;
use super::glob::{Case, matches};
use super::{Call, Fault, Flow};
use crate::net::number::parse_f64_strict;

const NOT_ALLOWED: Fault = Fault::fixed(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you \
     can run it from a local connection, otherwise you need to set this option in the \
     configuration file, and then restart the server.",
);
/// The longest `DEBUG SLEEP`: a day.
const SLEEP_MAX: Duration = Duration::from_hours(24);
const TOO_SLEEPY: Fault = Fault::fixed("ERR DEBUG SLEEP takes no more than 86400 seconds");
/// How much of an unknown subcommand an error repeats.
const ECHOED_BYTES_MAX: usize = 128;

const HELP: &[&str] = &[
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CHANGE-REPL-ID",
    "    Give the history a new replication ID.",
    "DIGEST",
    "    Output a hex signature representing the current DB content.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Output a hex signature of the values of all the specified keys.",
    "JMAP",
    "    Do nothing.",
    "LOADAOF",
    "    Load the newest snapshot and replay the log after it.",
    "OBJECT <key>",
    "    Show low level info about `key` and associated value.",
    "PANIC",
    "    Crash the server simulating a panic.",
    "RELOAD",
    "    Save a snapshot and load it back.",
    "SEGFAULT",
    "    Crash the server with sigsegv.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Setting it to 0 disables expiring keys in background when they are not",
    "    accessed. Setting it to 1 reenables back the default.",
    "SLEEP <seconds>",
    "    Answer after so many seconds. Decimals allowed.",
    "STRINGMATCH-LEN <pattern> <string>",
    "    Tell whether the string matches the glob-style pattern.",
    "HELP",
    "    Print this help.",
];

/// `DEBUG subcommand …`, for those whom `enable-debug-command` lets.
///
/// # Panics
/// When `DEBUG PANIC` asks for that.
pub fn debug(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    if !call.host.allows_debug(call.session) {
        return Err(NOT_ALLOWED);
    }
    let name = call.args.word(1).to_ascii_uppercase();
    match (name.as_slice(), call.args.len()) {
        (b"HELP", 2) => help(call),
        (b"DIGEST", 2) => inspect::digest(call),
        (b"DIGEST-VALUE", _) => inspect::digest_values(call),
        (b"OBJECT", 3) => return inspect::object(call),
        (b"JMAP", 2) => call.reply.ok(),
        (b"SEGFAULT", 2) => return Ok(call.host.fault()),
        (b"PANIC", 2) => panic!("DEBUG PANIC was called"),
        (b"SLEEP", 3) => return Ok(Flow::Await(Request::Sleep(sleep_time(call.args.word(2))?))),
        (b"SET-ACTIVE-EXPIRE", 3) => {
            call.host.set_active_expiry(leading_integer(call.args.word(2)) != 0);
            call.reply.ok();
        }
        (b"STRINGMATCH-LEN", 4) => {
            let matched = matches(call.args.word(2), call.args.word(3), Case::Sensitive);
            call.reply.integer(i64::from(matched));
        }
        (b"CHANGE-REPL-ID", 2) => {
            call.host.change_replid()?;
            call.reply.ok();
        }
        (b"RELOAD", 2) => return Ok(Flow::Await(Request::Reload)),
        (b"RELOAD", _) => return Err(Fault::fixed("ERR DEBUG RELOAD takes no options here.")),
        (b"LOADAOF", 2) => return Ok(Flow::Await(Request::Replay)),
        _ => return Err(unknown(call.args.word(1))),
    }
    Ok(Flow::Done)
}

fn help(call: &mut Call<'_, '_>) {
    call.reply.array(HELP.len());
    for line in HELP {
        call.reply.simple(line);
    }
}

fn unknown(name: &[u8]) -> Fault {
    let name = &name[..name.len().min(ECHOED_BYTES_MAX)];
    let before = b"ERR unknown subcommand or wrong number of arguments for '";
    Fault::of_bytes([before, name, b"'. Try DEBUG HELP."].concat())
}

/// Reads seconds; what is no number, or below zero, is no time at all.
///
/// No client can end a sleep, so a slip of the finger shall not take the server away for good.
fn sleep_time(text: &[u8]) -> Result<Duration, Fault> {
    let seconds = parse_f64_strict(text).unwrap_or(0.0);
    let time = Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    time.filter(|time| *time <= SLEEP_MAX).ok_or(TOO_SLEEPY)
}

/// Reads the integer at the beginning of a text as C's `atoi` does; zero if there is none.
fn leading_integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..sign + digits])
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
