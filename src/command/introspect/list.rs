//! `COMMAND LIST`: the names of commands.

use crate::command::glob::{self, Case};
use crate::command::table::{self, Command, acl};
use crate::command::{Call, Fault, Flow};

/// `COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob]`.
pub fn command_list(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let args = call.args;
    if args.len() == 2 {
        write_names(call, table::all().iter());
        return Ok(Flow::Done);
    }
    let is_filter = args.len() == 5 && args[2].eq_ignore_ascii_case(b"filterby");
    if !is_filter {
        return Err(Fault::SYNTAX);
    }
    let wanted = args.word(4);
    let all = table::all().iter();
    match args[3].to_ascii_lowercase().as_slice() {
        b"module" => write_names(call, std::iter::empty()),
        b"aclcat" => {
            let category = acl::category(wanted).unwrap_or_default();
            write_names(call, all.filter(|row| acl::of(row) & category != 0));
        }
        b"pattern" => {
            let fits = |row: &&Command| glob::matches(wanted, row.name.as_bytes(), Case::Ignored);
            write_names(call, all.filter(fits));
        }
        _ => return Err(Fault::SYNTAX),
    }
    Ok(Flow::Done)
}

fn write_names(call: &mut Call<'_, '_>, rows: impl Iterator<Item = &'static Command>) {
    let begun = call.reply.defer();
    let count = rows.map(|row| call.reply.bulk(row.name.as_bytes())).count();
    call.reply.array_since(begun, count);
}
