//! `SORT` and `SORT_RO`: the elements of a list, a set or a sorted set in the order of some weights.

mod keys;
mod options;
mod order;
mod pattern;
mod result;

#[cfg(test)]
mod tests;

pub use keys::{destination, named_keys, shards};

use std::borrow::Cow;

use crate::command::room::words_bytes;
use crate::command::{Call, Fault, Flow, Mode};
use crate::keyspace::{Str, Value};

use options::{By, Options, Reach, Store};
use order::Origin;
use pattern::Pattern;
use result::{Copied, answer, store};

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC|DESC] [ALPHA] [STORE destination]`.
pub fn sort(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let options = Options::read(&call.args.from(2), Store::Allowed, reach(call))?;
    run(call, options)
}

/// `SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC|DESC] [ALPHA]`.
pub fn sort_ro(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let options = Options::read(&call.args.from(2), Store::Refused, reach(call))?;
    run(call, options)
}

fn reach(call: &Call<'_, '_>) -> Reach {
    if call.session.reads_any_key() { Reach::Every } else { Reach::OwnKeys }
}

fn run(call: &mut Call<'_, '_>, mut options: Options<'_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let value = match call.data.read(&key).map(|entry| entry.value()) {
        Some(Value::String(_) | Value::Hash(_) | Value::Stream(_)) => {
            return Err(Fault::WRONG_TYPE);
        }
        value => value,
    };
    let origin = if matches!(value, Some(Value::Set(_))) { Origin::Set } else { Origin::Sequence };
    if origin == Origin::Set {
        options.settle_for_set();
    }
    let held = elements_of(value, &options);
    let elements: Vec<&[u8]> = held.iter().map(AsRef::as_ref).collect();
    if options.needs_only_its_key() {
        let sorted = order::by_themselves(elements, &options)?;
        let window = options.window(sorted.len());
        call.reply.array(window.len());
        sorted[window].iter().for_each(|element| call.reply.bulk(element));
        return Ok(Flow::Done);
    }
    // Other keys are looked at from here on, or written to.
    let copied: Copied = elements.into_iter().map(Some).collect();
    let elements: Vec<&[u8]> = copied.iter().flatten().collect();
    let mode = call.data.mode;
    prepare_lookups(call, &elements, &options)?;
    let sorted = match options.by {
        By::Pattern(pattern) => {
            order::by_others(&mut call.data, elements, pattern, origin, &options)
        }
        By::Themselves | By::Nothing => order::by_themselves(elements, &options),
    };
    let told = sorted.and_then(|sorted| {
        let sorted = &sorted[options.window(sorted.len())];
        if let Some(destination) = options.destination {
            return store(call, sorted, destination, &options);
        }
        answer(call, sorted, &options);
        Ok(())
    });
    call.data.mode = mode;
    told.map(|()| Flow::Done)
}

/// Makes ready for looking at many keys, each of which may be found to have expired.
///
/// Where nothing is stored they stay, as this is no more than reading. What is stored is stored by others
/// too, who go by what is removed before.
fn prepare_lookups(
    call: &mut Call<'_, '_>,
    elements: &[&[u8]],
    options: &Options<'_>,
) -> Result<(), Fault> {
    if options.destination.is_none() {
        if call.data.mode == Mode::Client {
            call.data.mode = Mode::Paused;
        }
        return Ok(());
    }
    let patterns = options.gets.iter().copied().chain(match options.by {
        By::Pattern(pattern) => Some(pattern),
        By::Themselves | By::Nothing => None,
    });
    let removals = patterns.filter_map(Pattern::fixed_bytes).map(|fixed| {
        let removal = |element: &&[u8]| words_bytes([3, fixed + element.len()]);
        elements.iter().map(removal).sum::<usize>()
    });
    let bytes = removals.sum();
    call.make_room(bytes)
}

/// Lists the elements; those that are not sorted in the order asked for, and only those asked for.
fn elements_of<'e>(value: Option<Value<'e>>, options: &Options<'_>) -> Vec<Cow<'e, [u8]>> {
    let sorted = options.by != By::Nothing;
    match value {
        Some(Value::List(list)) if sorted => list.iter().map(Cow::Borrowed).collect(),
        Some(Value::List(list)) => {
            let (len, window) = (list.len(), options.limits(list.len()));
            if window.is_empty() {
                Vec::new()
            } else if options.descends {
                list.iter_back_from(len - 1 - window.start)
                    .take(window.len())
                    .map(Cow::Borrowed)
                    .collect()
            } else {
                list.iter_from(window.start).take(window.len()).map(Cow::Borrowed).collect()
            }
        }
        Some(Value::Set(set)) if sorted => set.iter().map(Str::to_bytes).collect(),
        Some(Value::Set(set)) => {
            let window = options.limits(set.len());
            set.iter().skip(window.start).take(window.len()).map(Str::to_bytes).collect()
        }
        Some(Value::SortedSet(set)) => {
            let mut members: Vec<_> =
                set.iter().map(|member| Cow::Borrowed(member.bytes)).collect();
            if sorted {
                return members;
            }
            if options.descends {
                members.reverse();
            }
            let window = options.limits(members.len());
            members.truncate(window.end);
            members.split_off(window.start)
        }
        Some(Value::String(_) | Value::Hash(_) | Value::Stream(_)) | None => Vec::new(),
    }
}
