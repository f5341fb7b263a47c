//! Carries the stream to replicas and decides which history a server continues.
//!
//! - R1  The replid stays iff no byte that left the machine can be missing from the recovered log.
//! - R2  Otherwise a new one is minted before the first write, and the old one is valid up to the
//!   recovered end.
//! - R3  The default feed sends only durable bytes; so does every snapshot.
//! - R9  A ceiling is announced only once everything below it is durable.

pub mod identity;
pub mod lineage;

pub mod stream;
pub mod transfer;
pub mod units;

pub mod feed;
pub mod replicas;

pub mod answer;
pub mod handshake;
pub mod payload;
pub mod resyncs;
