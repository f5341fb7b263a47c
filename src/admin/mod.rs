//! Reports on the other parts and changes none of them.

pub mod tracing;
