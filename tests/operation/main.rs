//! What an operator does and sees: configuration, start and end, statistics, tools.

#[path = "../support/mod.rs"]
mod support;

mod accounting;
mod client_eviction;
mod config_others;
mod config_start;
mod daemonize;
mod doctor;
mod info;
mod latency;
mod listening;
mod memory;
mod memory_reports;
mod metrics;
mod migrate;
mod monitor;
mod ping;
mod status;
mod supervised;
