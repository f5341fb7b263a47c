//! Primaries and their replicas, of this server and of stock ones, on the wire and in what they tell.

#[path = "../support/mod.rs"]
mod support;

mod commit_replicas;
mod feeding_report;
mod handshake_stock;
mod raw_stream;
mod rdb_stock;
mod rdb_types;
mod replication;
mod silent_replicas;
mod turn;
mod watching;
