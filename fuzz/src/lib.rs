//! What must hold for any input, one module for each fuzz target.
//!
//! `tests/fuzz_corpus.rs` compiles these very files, and holds every seed against them.

mod checksums;
mod streams;

pub mod acl_rules;
pub mod config_file;
pub mod handshake;
pub mod log_frame;
pub mod log_recovery;
pub mod lua_cjson;
pub mod lua_cmsgpack;
pub mod lua_struct;
pub mod manifest;
pub mod payload;
pub mod rdb;
pub mod resp_parser;
pub mod restore;
pub mod stream_apply;
