//! Functions: libraries of them that are data of the server, and the interpreter that runs them.
//!
//! A library is a program that registers functions while it is loaded. What is kept of it is its text;
//! each thread loads it anew when it first calls one of its functions, in an interpreter of its own, so
//! that scripts and functions see nothing of each other.

mod engine;
mod library;
mod metadata;
mod registering;
mod set;

pub use engine::{Called, LoadTime, call, load};
pub use library::{Function, Library};
pub use set::{Existing, Found, Libraries, Set};

/// Tells the name that the first line of a library gives it; the error is what the client is told.
pub fn name_of(source: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    metadata::read(source).map(|first| first.name)
}
