//! What is told of sorted elements, or stored.

use crate::command::generic::remove_key;
use crate::command::room::words_bytes;
use crate::command::{Call, Classes, Fault};
use crate::keyspace::ListEnd;

use super::options::{By, Options};

/// Strings copied one behind the other; none is a value that is missing.
#[derive(Default)]
pub(super) struct Copied {
    bytes: Vec<u8>,
    /// Where each ends, and whether it is there.
    ends: Vec<(usize, bool)>,
}

impl Copied {
    pub(super) fn push(&mut self, string: Option<&[u8]>) {
        self.bytes.extend_from_slice(string.unwrap_or_default());
        self.ends.push((self.bytes.len(), string.is_some()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let mut start = 0;
        self.ends.iter().map(move |&(end, is_there)| {
            let string = &self.bytes[start..end];
            start = end;
            is_there.then_some(string)
        })
    }
}

impl<'s> FromIterator<Option<&'s [u8]>> for Copied {
    fn from_iter<I: IntoIterator<Item = Option<&'s [u8]>>>(strings: I) -> Self {
        let mut copied = Self::default();
        strings.into_iter().for_each(|string| copied.push(string));
        copied
    }
}

/// Answers with the elements, or with what is asked for in their place.
pub(super) fn answer(call: &mut Call<'_, '_>, sorted: &[&[u8]], options: &Options<'_>) {
    let Call { data, reply, .. } = call;
    reply.array(sorted.len() * options.gets.len().max(1));
    let mut name = Vec::new();
    for element in sorted {
        if options.gets.is_empty() {
            reply.bulk(element);
        }
        for get in &options.gets {
            get.look_up(data, element, &mut name, |found| reply.bulk_or_null(found));
        }
    }
}

/// Makes a list of the elements, or of what is asked for in their place, and answers with its length.
pub(super) fn store(
    call: &mut Call<'_, '_>,
    sorted: &[&[u8]],
    destination: &[u8],
    options: &Options<'_>,
) -> Result<(), Fault> {
    let mut results = Copied::default();
    let mut name = Vec::new();
    for element in sorted {
        if options.gets.is_empty() {
            results.push(Some(element));
        }
        for get in &options.gets {
            get.look_up(&mut call.data, element, &mut name, |found| results.push(found));
        }
    }
    // Stock sorts what has equal texts for weights in an order that depends on the server.
    let is_named = options.alpha && matches!(options.by, By::Pattern(_));
    if is_named {
        call.make_room(words_bytes(results.iter().map(|result| result.map_or(0, <[u8]>::len))))?;
    }
    let destination = call.data.keyspace.key(destination);
    let was_there = call.data.is_live(&destination);
    if was_there {
        remove_key(call, &destination);
    }
    let count = results.ends.len();
    call.reply.count(count);
    if count == 0 && !was_there {
        return Ok(());
    }
    call.data.changed(&destination);
    if count > 0 {
        let clock = call.data.clock();
        let mut db = call.data.db();
        let mut list = db.list_or_create(&destination, clock);
        results.iter().for_each(|result| list.push(ListEnd::Right, result.unwrap_or_default()));
        call.data.effect.changed(count as u64 - 1);
        if was_there {
            // It got another value, and is none that was created.
            call.data.locked.take_created();
        }
        call.data.notify(Classes::LIST, "sortstore", &destination);
    } else {
        call.data.notify(Classes::GENERIC, "del", &destination);
    }
    if is_named {
        let mut words: Vec<&[u8]> = vec![b"RPUSH", destination.bytes()];
        words.extend(results.iter().map(Option::unwrap_or_default));
        if was_there {
            call.data.effect.rewrite(&[b"DEL", destination.bytes()]);
        }
        if count > 0 {
            call.data.effect.rewrite(&words);
        }
    }
    Ok(())
}
