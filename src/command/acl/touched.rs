//! Which keys and channels a command names, and what it does to them.

use crate::command::sort;
use crate::command::table::{Channels, Command, flag, keys, touch};
use crate::net::Args;

use super::Access;

/// Shows each key that a command names, by its place, and what is done with it.
///
/// These are the keys whose shards are locked for the command, so it can touch no others; but for those
/// that `SORT` finds by patterns.
pub fn each_key<E>(
    command: &'static Command,
    args: &Args<'_>,
    mut show: impl FnMut(usize, Access) -> Result<(), E>,
) -> Result<(), E> {
    if command.has(flag::PATTERN_KEYS) {
        return each_key_of_sort(args, show);
    }
    for (place, spec) in command.keys.iter().enumerate() {
        let mut does = touch::of(command, place);
        if does.is_no_key() {
            continue;
        }
        if does.depends_on_words() {
            does = touch::Touch::of(touch::flags_here(command, spec, args));
        }
        let access = access(does);
        for place in keys::keys_of_spec(spec, args) {
            if !is_placeholder(command, args, place) {
                show(place, access)?;
            }
        }
    }
    Ok(())
}

/// Shows the keys of `SORT` as stock finds them, and then where the result really goes.
///
/// The two differ where a word such as `GET` is the name of a key.
#[cold]
fn each_key_of_sort<E>(
    args: &Args<'_>,
    mut show: impl FnMut(usize, Access) -> Result<(), E>,
) -> Result<(), E> {
    // Scripts ask about any words, and may name no key at all.
    let mut named = sort::named_keys(args);
    named.retain(|(place, _)| *place < args.len());
    for (place, flags) in &named {
        show(*place, access(touch::Touch::of(flags)))?;
    }
    match sort::destination(args).filter(|place| named.iter().all(|(known, _)| known != place)) {
        Some(place) => show(place, Access::WRITE),
        None => Ok(()),
    }
}

/// Tells whether the word stands where `MIGRATE` has its key, and says that the keys come later.
fn is_placeholder(command: &Command, args: &Args<'_>, place: usize) -> bool {
    place == 3
        && command.name == "migrate"
        && args[3].is_empty()
        && args.from(6).iter().any(|word| word.eq_ignore_ascii_case(b"KEYS"))
}

fn access(does: touch::Touch) -> Access {
    let read = if does.reads() { Access::READ } else { Access::NONE };
    if does.writes() { read.and(Access::WRITE) } else { read }
}

/// Returns the places of the channels that a command names and may not use freely.
pub fn channels(command: &Command, args: &Args<'_>) -> Option<(std::ops::Range<usize>, Channels)> {
    let channels = command.channels?;
    let end = if channels == Channels::Published { args.len().min(2) } else { args.len() };
    Some((1..end, channels))
}
