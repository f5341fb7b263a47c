//! The commands of streams, but for those that wait: `command/blocking/stream.rs` has them.

pub(in crate::command) mod id;
pub(in crate::command) mod told;

mod edit;
mod read;

mod add;
mod trim;

pub(in crate::command) mod group;

mod acknowledge;
mod claim;
mod take_over;

mod info;

pub use acknowledge::{xack, xpending};
pub use add::xadd;
pub use claim::xclaim;
pub use edit::{xdel, xsetid};
pub use group::{
    xgroup_create, xgroup_createconsumer, xgroup_delconsumer, xgroup_destroy, xgroup_setid,
};
pub use info::{xinfo_consumers, xinfo_groups, xinfo_stream};
pub use read::{xlen, xrange, xrevrange};
pub use take_over::xautoclaim;
pub use trim::xtrim;

#[cfg(test)]
mod tests;
