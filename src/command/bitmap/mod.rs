//! The commands that take a string for an array of bits, the first one of a byte being its highest.

mod combine;
mod count;
mod find;
mod single;

mod field;

mod offset;
mod range;
mod scan;

pub use combine::bitop;
pub use count::bitcount;
pub use field::{bitfield, bitfield_ro};
pub use find::bitpos;
pub use single::{getbit, setbit};

#[cfg(test)]
mod tests;
