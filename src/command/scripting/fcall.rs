//! `FCALL` and `FCALL_RO`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::command::{Call, Fault, Flow, Session};
use crate::net::Reply;
use crate::number::parse_i64_strict;
use crate::script::functions::{self, Called, Found, Libraries};
use crate::script::{Failure, Stopped};

use super::FACTS;
use super::eval::{Form, NEGATIVE_KEYS, TOO_MANY_KEYS, rights, show, told};
use super::inner::Inner;

const NOT_FOUND: Fault = Fault::fixed("ERR Function not found");
const BAD_COUNT: Fault = Fault::fixed("ERR Bad number of keys provided");

/// `FCALL function numkeys key … arg …`.
pub fn fcall(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call_named(call, Form::Writing)
}

/// `FCALL_RO function numkeys key … arg …`.
pub fn fcall_ro(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call_named(call, Form::ReadOnly)
}

fn call_named(call: &mut Call<'_, '_>, form: Form) -> Result<Flow, Fault> {
    show(call);
    recall(call.session, call.args.word(1), call.host.scripts().libraries()).ok_or(NOT_FOUND)?;
    let keys = count_keys(call)?;
    // It stays at hand: a count of references would be one for all workers to fight over.
    let found = call.session.function.take().expect("it was looked for");
    let result = run(call, &found, keys, form);
    call.session.function = Some(found);
    result
}

/// Has a function at hand in the session; returns it, if there is one of this name.
pub(super) fn recall<'s>(
    session: &'s mut Session,
    name: &[u8],
    libraries: &Libraries,
) -> Option<&'s Found> {
    let is_last =
        |last: &Found| libraries.holds(last) && last.function().name.eq_ignore_ascii_case(name);
    if !session.function.as_ref().is_some_and(is_last) {
        session.function = libraries.find(name);
    }
    session.function.as_ref()
}

fn count_keys(call: &Call<'_, '_>) -> Result<usize, Fault> {
    let count = parse_i64_strict(call.args.word(2)).ok_or(BAD_COUNT)?;
    let most = call.args.len() - 3;
    match usize::try_from(count) {
        Ok(count) if count > most => Err(TOO_MANY_KEYS),
        Ok(count) => Ok(count),
        Err(_) => Err(NEGATIVE_KEYS),
    }
}

fn run(call: &mut Call<'_, '_>, found: &Found, keys: usize, form: Form) -> Result<Flow, Fault> {
    let rights = rights(call, Some(found.function().flags), form)?;
    let (args, start) = (call.args, call.reply.buffer().len());
    let (host, info) = (call.host, Arc::clone(&call.session.info));
    let called = Called {
        found,
        keys: args.from(3).first(keys).iter(),
        arguments: args.from(3 + keys).iter(),
        request: args,
    };
    let mut reply = std::mem::take(call.reply.buffer());
    let mut written = Reply::new(&mut reply, call.reply.protocol());
    let mut inner = Inner::new(call, rights, found.conduct());
    let ended = functions::call(&FACTS, host.scripts(), called, &mut inner, &mut written);
    inner.end();
    info.database.store(call.session.database, Ordering::Relaxed);
    *call.reply.buffer() = reply;
    let Err(failure) = ended else { return Ok(Flow::Done) };
    call.reply.buffer().truncate(start);
    match failure {
        Failure::Stopped(Stopped::Abandoned) => Ok(Flow::Anew),
        failure => Err(told(failure)),
    }
}
