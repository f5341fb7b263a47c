//! `ACL DRYRUN`.

use crate::command::host::Meaning;
use crate::command::table;
use crate::command::{Call, Fault, Flow};
use crate::net::Args;

/// `ACL DRYRUN name command [argument …]`: tells whether a user may run it.
pub fn dryrun(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let words = call.args.from(3);
    match call.host.meaning(&words) {
        Meaning::Itself => run(call, &words),
        Meaning::Other(words) => run(call, &words.as_args()),
        Meaning::Nothing => {
            check_user(call)?;
            Err(no_command(&words))
        }
    }
}

fn run(call: &mut Call<'_, '_>, words: &Args<'_>) -> Result<Flow, Fault> {
    let user = check_user(call)?;
    let command = table::find(words).ok_or_else(|| no_command(&call.args.from(3)))?;
    if !command.accepts(words.len()) {
        let name = command.name;
        return Err(Fault::of(format!("ERR wrong number of arguments for '{name}' command")));
    }
    match user.check(command, words) {
        Ok(()) => call.reply.ok(),
        Err(denied) => call.reply.bulk(&denied.told_in_full(&user, command, words)),
    }
    Ok(Flow::Done)
}

fn check_user(call: &Call<'_, '_>) -> Result<std::sync::Arc<crate::command::acl::User>, Fault> {
    let name = call.args.word(2);
    let found = call.host.users().current().find(name).cloned();
    found.ok_or_else(|| Fault::quoting("ERR User '", name, "' not found"))
}

fn no_command(words: &Args<'_>) -> Fault {
    Fault::quoting("ERR Command '", words.word(0), "' not found")
}
