//! `DEBUG`: what tests need of a server and users do not.

mod inspect;
mod populate;
mod sample;
mod tables;

use std::time::Duration;

use super::flow::Request;
use super::glob::{Case, matches};
use super::{Call, Fault, Flow};
use crate::number::{parse_f64_strict, parse_i64_strict};

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
    "DICT-RESIZING <0|1>",
    "    Do nothing: tables grow and shrink in small steps.",
    "ERROR <string>",
    "    Return an error with <string> as message.",
    "HTSTATS <dbid> [full]",
    "    Tell how many keys a database has, and how many of them expire.",
    "HTSTATS-KEY <key> [full]",
    "    Tell how many elements the value of <key> has, if it is kept in a table.",
    "JMAP",
    "    Do nothing.",
    "LISTPACK <key>",
    "    Tell the strings of the packed value of <key> in the server's log.",
    "LOADAOF",
    "    Load the newest snapshot and replay the log after it.",
    "OBJECT <key>",
    "    Show low level info about `key` and associated value.",
    "PANIC",
    "    Crash the server simulating a panic.",
    "PAUSE-CRON <0|1>",
    "    Stop what is done by the clock, or go on with it.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Create <count> string keys named key:<num>. If <prefix> is specified then",
    "    it is used instead of the 'key' prefix.",
    "PROTOCOL <type>",
    "    Reply with a test value of the specified type. <type> can be: string,",
    "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
    "    true, false.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Do nothing: a long element has a node of its own.",
    "RELOAD [option ...]",
    "    Save a snapshot and load it back. The option NOSAVE leaves out the first",
    "    part; MERGE and NOFLUSH are taken and change nothing, as the data is",
    "    always that of the newest snapshot and of the log after it.",
    "REPLICATE <string> [<string> ...]",
    "    Put what follows the first string into the log as a command, without",
    "    executing it: replicas and restarts differ from this server then.",
    "REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|time>",
    "REPLYBUFFER RESIZING <0|1>",
    "    Do nothing: buffers of replies are not resized by the clock.",
    "SEGFAULT",
    "    Crash the server with sigsegv.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Setting it to 0 disables expiring keys in background when they are not",
    "    accessed. Setting it to 1 reenables back the default.",
    "SET-DISABLE-DENY-SCRIPTS <0|1>",
    "    Do nothing: there are no scripts.",
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
        (b"SEGFAULT", 2) => return Ok(call.host.fault()),
        (b"PANIC", 2) => panic!("DEBUG PANIC was called"),
        (b"SLEEP", 3) => return Ok(Flow::ask(Request::Sleep(sleep_time(call.args.word(2))?))),
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
        (b"ERROR", 3) => sample::error(call),
        (b"PROTOCOL", 3) => return sample::protocol(call),
        (b"POPULATE", 3..=5) => return populate::populate(call),
        (b"HTSTATS", 3..) => return tables::of_database(call),
        (b"HTSTATS-KEY", 3..) => return tables::of_key(call),
        (b"LISTPACK", 3) => return tables::listpack(call),
        (b"REPLICATE", 3..) => {
            let words: Vec<_> = call.args.from(3).iter().collect();
            if !words.is_empty() {
                call.data.effect.changed(1);
                call.data.effect.rewrite(&words);
            }
            call.reply.ok();
        }
        (b"PAUSE-CRON", 3) => {
            call.host.pause_cron(leading_integer(call.args.word(2)) != 0);
            call.reply.ok();
        }
        (b"QUICKLIST-PACKED-THRESHOLD", 3) => packed_threshold(call)?,
        (b"REPLYBUFFER", 4) => reply_buffer(call)?,
        (b"JMAP", 2) | (b"DICT-RESIZING" | b"SET-DISABLE-DENY-SCRIPTS", 3) => call.reply.ok(),
        (b"RELOAD", _) => return reload(call).map(Flow::ask),
        (b"LOADAOF", 2) => return Ok(Flow::ask(Request::Replay)),
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

/// Reads the options of `DEBUG RELOAD`.
///
/// Data is always what the newest snapshot and the log behind it say, so there is nothing to merge.
fn reload(call: &Call<'_, '_>) -> Result<Request, Fault> {
    const OPTIONS: Fault =
        Fault::fixed("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    let mut request = Request::Reload;
    for option in call.args.from(2) {
        match option.to_ascii_uppercase().as_slice() {
            b"NOSAVE" => request = Request::Replay,
            b"MERGE" | b"NOFLUSH" => {}
            _ => return Err(OPTIONS),
        }
    }
    Ok(request)
}

/// Takes a size as stock does; long elements have nodes of their own here, whatever it says.
fn packed_threshold(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    const NO_SIZE: Fault =
        Fault::fixed("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    let word = call.args.word(2).to_ascii_lowercase();
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unit: u64 = match &word[digits..] {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return Err(NO_SIZE),
    };
    let number = parse_i64_strict(&word[..digits]).and_then(|number| u64::try_from(number).ok());
    number
        .and_then(|number| number.checked_mul(unit))
        .filter(|bytes| *bytes < 4 << 30)
        .ok_or(NO_SIZE)?;
    call.reply.ok();
    Ok(())
}

/// Takes what stock takes of the clock's work on reply buffers, which there is none of here.
fn reply_buffer(call: &mut Call<'_, '_>) -> Result<(), Fault> {
    let value = call.args.word(3).to_ascii_lowercase();
    match call.args.word(2).to_ascii_lowercase().as_slice() {
        b"peak-reset-time" => {
            let is_word = matches!(value.as_slice(), b"never" | b"reset");
            if !is_word && parse_i64_strict(&value).is_none() {
                return Err(Fault::NOT_AN_INTEGER);
            }
        }
        b"resizing" => {}
        _ => return Err(unknown(call.args.word(1))),
    }
    call.reply.ok();
    Ok(())
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
