//! `FCALL` and `FCALL_RO`.

use crate::command::{Call, Fault, Flow, Session};
use crate::script::functions::{self, Called, Found, Libraries};

use super::FACTS;
use super::eval::{Form, count_keys, rights, run_program, show};

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
    let keys = count_keys(&call.args, BAD_COUNT)?;
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

fn run(call: &mut Call<'_, '_>, found: &Found, keys: usize, form: Form) -> Result<Flow, Fault> {
    let rights = rights(call, Some(found.function().flags), form)?;
    let (args, cache) = (call.args, call.host.scripts());
    let called = Called {
        found,
        keys: args.from(3).first(keys).iter(),
        arguments: args.from(3 + keys).iter(),
        request: args,
    };
    run_program(call, (rights, found.conduct()), |commands, reply| {
        functions::call(&FACTS, cache, called, commands, reply)
    })
}
