//! The subcommands of `ACL`.

mod change;
mod dryrun;
mod end;
mod events;
mod files;
mod show;

use crate::command::{Call, Fault, Flow, help as subcommand_help};

pub use change::{deluser, setuser};
pub use dryrun::dryrun;
pub use events::log;
pub use files::{load, save};
pub use show::{cat, genpass, getuser, list, users, whoami};

/// `ACL HELP`.
pub fn help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    subcommand_help::subcommands(call)
}

/// Says that a subcommand has too many words.
fn wrong_arity(call: &Call<'_, '_>) -> Fault {
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    Fault::quoting(before, call.args.word(1), "'. Try ACL HELP.")
}
