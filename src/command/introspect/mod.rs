//! What the server tells of itself: its commands, its clock, and what it has none of.

mod describe;
mod docs;
mod getkeys;
mod list;

use std::time::{SystemTime, UNIX_EPOCH};

use super::table::{self, Command};
use super::{Call, Fault, Flow, help};

pub use describe::describe;
pub use docs::document;
pub use getkeys::{command_getkeys, command_getkeysandflags};
pub use list::command_list;

/// `COMMAND`: describes all commands.
pub fn command(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.array(commands().count());
    commands().for_each(|row| describe(row, &mut call.reply));
    Ok(Flow::Done)
}

/// Lists the commands that are no subcommands.
fn commands() -> impl Iterator<Item = &'static Command> {
    table::all().iter().filter(|row| !row.is_subcommand())
}

/// `COMMAND COUNT`.
pub fn command_count(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.count(commands().count());
    Ok(Flow::Done)
}

/// `COMMAND INFO [name …]`; a name that is not known has a null.
pub fn command_info(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let names = call.args.from(2);
    if names.is_empty() {
        return command(call);
    }
    call.reply.array(names.len());
    for name in names {
        match table::lookup_path(name) {
            Some(row) => describe(row, &mut call.reply),
            None => call.reply.null(),
        }
    }
    Ok(Flow::Done)
}

/// `COMMAND DOCS [name …]`; a name that is not known is left out.
pub fn command_docs(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let names = call.args.from(2);
    let rows: Vec<_> = if names.is_empty() {
        commands().collect()
    } else {
        names.iter().filter_map(table::lookup_path).collect()
    };
    call.reply.map(rows.len());
    for row in rows {
        call.reply.bulk(row.name.as_bytes());
        document(row, &mut call.reply);
    }
    Ok(Flow::Done)
}

/// `COMMAND HELP`.
pub fn command_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    help::subcommands(call)
}

/// `TIME`: Unix seconds, and microseconds within the second.
pub fn time(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    // A clock before 1970 is shown as 1970.
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let frozen = call.session.time.as_ref();
    let now = frozen.map_or_else(now, |frozen| *frozen.get_or_init(now));
    call.reply.array(2);
    call.reply.bulk_int(now.as_secs() as i64);
    call.reply.bulk_int(i64::from(now.subsec_micros()));
    Ok(Flow::Done)
}

/// `MODULE LIST`.
pub fn module_list(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.array(0);
    Ok(Flow::Done)
}

/// `MODULE HELP`.
pub fn module_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    help::subcommands(call)
}

/// `CLUSTER`, which there is none of.
pub fn cluster(_: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    Err(Fault::fixed("ERR This instance has cluster support disabled"))
}

#[cfg(test)]
mod tests;
