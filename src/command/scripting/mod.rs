//! `EVAL`, `EVALSHA`, `FCALL`, their `_RO` forms, `SCRIPT` and `FUNCTION`.
//!
//! Scripts and functions are run by [`crate::script`]; here is what their commands do.

mod eval;
mod fcall;
pub mod function;
mod inner;
mod script;
mod shards;
mod timing;

pub use eval::{eval, eval_ro, evalsha, evalsha_ro};
pub use fcall::{fcall, fcall_ro};
pub use script::{busy, kill, script_exists, script_flush, script_help, script_kill, script_load};
pub use shards::shards;
pub use timing::Timing;

use crate::script::Facts;

use super::REDIS_VERSION;

/// What scripts are told of the server.
const FACTS: Facts = Facts { version: REDIS_VERSION };
