//! `EVAL`, `EVALSHA`, their `_RO` forms, and `SCRIPT`.
//!
//! The scripts themselves are run by [`crate::script`]; here is what their commands do.

mod eval;
mod inner;
mod script;

pub use eval::{eval, eval_ro, evalsha, evalsha_ro};
pub use script::{script_exists, script_flush, script_help, script_load};

use crate::script::Facts;

use super::{REDIS_VERSION, table};

/// What scripts are told of the server.
const FACTS: Facts =
    Facts { version: REDIS_VERSION, is_command: |words| table::find(&words.as_args()).is_some() };
