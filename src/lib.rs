//! A Redis-compatible primary/replica server whose replication backlog is a durable log on disk.
//!
//! The path of one write:
//!
//! ```text
//! socket ─► net::parser ─► command::table ─► keyspace (locks of the shards its keys live in)
//!                                               │ effect, as RESP bytes
//!                                               ▼
//!                                            log append (still under the shard locks)
//!                                               │ … rest of the pipeline of this socket read …
//!                                               ▼
//!                                            log seal (one checksum frame)
//!                                               ▼
//!          appendfsync always: wait until all this reply could have seen is durable
//!                                               ▼
//!                                            replies to the socket
//!
//! log ─► feed (one cursor per replica) ─► replicas      log ─► sync thread ─► durable watermark
//! log ─► retention ─► unlink old segments               keyspace ─► snapshot at offset S ─► RDB file
//! ```

pub mod listpack;
pub mod number;
pub mod position;

pub mod config;
pub mod net;

pub mod command;
pub mod keyspace;
pub mod script;

pub mod log;
pub mod snapshot;

pub mod replication;

pub mod admin;
pub mod server;
