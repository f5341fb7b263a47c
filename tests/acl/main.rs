//! Users and what they may do: compared with stock, kept over restarts, and between servers.

#[path = "../support/mod.rs"]
mod support;

mod attacks;
mod clients;
mod files;
mod generated;
mod replication;
mod stock;
