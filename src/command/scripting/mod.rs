//! `EVAL`, `EVALSHA`, their `_RO` forms, and `SCRIPT`.
//!
//! The scripts themselves are run by [`crate::script`]; here is what their commands do.

mod eval;
mod inner;
mod script;
mod shards;

pub use eval::{eval, eval_ro, evalsha, evalsha_ro};
pub use script::{kill, script_exists, script_flush, script_help, script_kill, script_load};
pub use shards::shards;

use crate::script::Facts;

use super::{Fault, REDIS_VERSION, table};

/// What is answered while a script runs for too long.
pub const BUSY: Fault = Fault::fixed(
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);

/// What scripts are told of the server.
const FACTS: Facts =
    Facts { version: REDIS_VERSION, is_command: |words| table::find(&words).is_some() };
