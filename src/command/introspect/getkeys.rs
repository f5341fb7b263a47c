//! `COMMAND GETKEYS`: the keys in a whole command, and what is done with them.

use crate::command::table::touch::flags_here;
use crate::command::table::{self, flag};
use crate::command::{Call, Fault, Flow, sort};
use crate::net::args::Args;

use super::describe::statuses;

/// `COMMAND GETKEYS command [argument …]`.
pub fn command_getkeys(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let words = call.args.from(2);
    let found = keys_in(&words)?;
    call.reply.array(found.len());
    for (place, _) in found {
        call.reply.bulk(words.word(place));
    }
    Ok(Flow::Done)
}

/// `COMMAND GETKEYSANDFLAGS command [argument …]`.
pub fn command_getkeysandflags(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let words = call.args.from(2);
    let found = keys_in(&words)?;
    call.reply.array(found.len());
    for (place, flags) in found {
        call.reply.array(2);
        call.reply.bulk(words.word(place));
        statuses(flags.split(' '), &mut call.reply);
    }
    Ok(Flow::Done)
}

/// Finds the places of all keys with their flags, or tells why there are none.
fn keys_in(words: &Args<'_>) -> Result<Vec<(usize, &'static str)>, Fault> {
    let command = table::find(words).ok_or(Fault::fixed("ERR Invalid command specified"))?;
    let mut specs = command.keys.iter().filter(|spec| !spec.has_flag("not_key")).peekable();
    if specs.peek().is_none() {
        return Err(Fault::fixed("ERR The command has no key arguments"));
    }
    if !command.accepts(words.len()) {
        let text = "ERR Invalid number of arguments specified for command";
        return Err(Fault::fixed(text));
    }
    if command.has(flag::PATTERN_KEYS) {
        return Ok(sort::named_keys(words));
    }
    let mut found = Vec::new();
    for spec in specs {
        let Ok(places) = spec.places(words) else {
            found.clear();
            break;
        };
        // The spec alone does not find all of them, but they are found here.
        let flags = flags_here(command, spec, words).trim_end_matches(" incomplete");
        found.extend(places.map(|place| (place, flags)));
    }
    if found.is_empty() && !command.has(flag::NO_MANDATORY_KEYS) {
        return Err(Fault::fixed("ERR Invalid arguments specified for command"));
    }
    Ok(found)
}
