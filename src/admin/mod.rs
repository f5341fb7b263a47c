//! Reports on the other parts and changes none of them.

pub mod crash;
pub mod doctor;
pub mod latency;
pub mod manual;
pub mod memory;
pub mod metrics;
pub mod slowlog;
pub mod status;
pub mod tool;
pub mod tracing;
