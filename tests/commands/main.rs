//! Commands beyond what the comparison with stock servers reaches, and clients who mean no good.

#[path = "../support/mod.rs"]
mod support;

mod command_table;
mod eviction;
mod expiry;
mod hostile_input;
mod hostile_payloads;
mod hostile_sizes;
mod hostile_values;
mod streams;
mod tracking;
mod transactions;
mod values_fire;
