//! `BITFIELD` and `BITFIELD_RO`: integers of any width at any bit.

mod integer;
mod operation;

use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::{Str, StrMut};
use crate::net::reply::Reply;

use integer::Window;
use operation::{Action, Operation};

/// Runs `BITFIELD`.
pub fn bitfield(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let operations = operation::parse(call)?;
    if operations.iter().all(Operation::only_reads) {
        read(call, &operations)
    } else {
        write(call, &operations)
    }
}

/// Runs `BITFIELD_RO`.
pub fn bitfield_ro(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const ONLY_GET: Fault = Fault::fixed("ERR BITFIELD_RO only supports the GET subcommand");
    let operations = operation::parse(call)?;
    if operations.iter().all(Operation::only_reads) {
        read(call, &operations)
    } else {
        Err(ONLY_GET)
    }
}

fn read(call: &mut Call<'_, '_>, operations: &[Operation]) -> Result<Flow, Fault> {
    let key = call.key(1);
    let value = call.data.read_string(&key)?.unwrap_or(Str::Bytes(b""));
    call.reply.array(operations.len());
    for operation in operations {
        let (place, mut window) = (operation.place(), Window::default());
        value.read(place.first_byte(), &mut window);
        let number = operation.kind.decode(integer::extract(window, place));
        call.reply.integer(number as i64);
    }
    Ok(Flow::Done)
}

fn write(call: &mut Call<'_, '_>, operations: &[Operation]) -> Result<Flow, Fault> {
    let key = call.key(1);
    let len = call.data.peek_string(&key)?.map_or(0, |value| value.len());
    let ends = operations.iter().filter(|operation| !operation.only_reads());
    let end = ends.map(|operation| operation.place().end().div_ceil(8)).max().unwrap_or(0);
    let clock = call.data.clock();
    let (mut changes, mut is_written) = (0, false);
    let reply = &mut call.reply;
    reply.array(operations.len());
    call.data.db().edit_string(&key, clock, end, |mut string| {
        for operation in operations {
            let done = apply(operation, &mut string, reply);
            changes += u64::from(done == Done::Changed);
            is_written |= done != Done::Nothing;
        }
    });
    // Zeroes that were added are a change as well, even if each operation failed.
    if changes > 0 || len < end {
        call.data.changed(&key);
        call.data.effect.changed(changes.saturating_sub(1));
        // Those who subscribe hear of the zeroes only if an operation did not fail.
        if is_written {
            call.data.notify(Classes::STRING, "setbit", &key);
        } else {
            call.data.notify_new_in(call.data.database, &key);
        }
    }
    Ok(Flow::Done)
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// It only read, or failed.
    Nothing,
    /// It wrote what was there.
    Same,
    /// It changed the field.
    Changed,
}

/// Runs one operation.
fn apply(operation: &Operation, string: &mut StrMut<'_>, reply: &mut Reply<'_>) -> Done {
    let (kind, place) = (operation.kind, operation.place());
    let mut window = Window::default();
    string.read(place.first_byte(), &mut window);
    let old = kind.decode(integer::extract(window, place));
    let new = match operation.action {
        Action::Get => {
            reply.integer(old as i64);
            return Done::Nothing;
        }
        Action::Set(value) => kind.fit(kind.given(value), operation.overflow),
        Action::Add(value) => kind.fit(old + i128::from(value), operation.overflow),
    };
    let Some(new) = new else {
        reply.null();
        return Done::Nothing;
    };
    let told = if matches!(operation.action, Action::Set(_)) { old } else { new };
    reply.integer(told as i64);
    if new == old {
        return Done::Same;
    }
    integer::insert(&mut window, place, new as u64);
    string.write(place.first_byte(), &window[..place.bytes()]);
    Done::Changed
}
