//! The commands that count distinct elements in a string of a few kilobytes at most.
//!
//! The string has the form that Redis gives it, byte for byte: see `sketch.rs`.

mod add;
mod count;
mod debug;
mod merge;

mod dense;
mod edit;
mod estimate;
mod murmur;
mod sketch;
mod sparse;

pub use add::pfadd;
pub use count::pfcount;
pub use debug::{pfdebug, pfselftest};
pub use merge::pfmerge;

#[cfg(test)]
mod tests;
