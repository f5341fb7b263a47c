//! Reads, holds and rewrites the configuration: redis.conf syntax and its directives.
//!
//! ```text
//! argv ─► flags ─► source (files, includes, stdin) ─► syntax (lines, quotes)
//!                                                        │ statements
//!                                                        ▼
//!                              table (one row per directive) ─► store: Config ─► Settings
//!                                                                 │
//!                                    CONFIG GET / SET ◄───────────┴──► rewrite (the file, edited)
//! ```
//!
//! Invariants
//! - C1  A directive is one row of [`table::TABLE`]: name, alias, kind, default and what becomes of it.
//! - C2  A value that was taken is valid; [`Settings`] is therefore made without a way to fail.
//! - C3  `set` changes every value it was given or none.

pub mod glob;
pub mod size;
pub mod syntax;

pub mod directive;
pub mod table;
pub mod value;
pub mod words;
mod writing;

pub mod source;
pub mod store;

mod following;
mod guarding;
mod processing;
pub mod rewrite;
pub mod set;
pub mod settings;
mod tls;
mod tools;
mod users;

pub mod flags;

pub use directive::{Access, Class, Directive, is_sensitive};
pub use flags::Invocation;
pub use following::{DisklessLoad, Following};
pub use guarding::Guarding;
pub use processing::{Processing, Supervised};
pub use rewrite::RewriteError;
pub use set::{Caller, Changed, SetError};
pub use settings::Settings;
pub use source::{ConfigError, Origin};
pub use store::Config;
pub use tools::{AccessArgs, DumpArgs, Examination, LogCommand, PingArgs, StatusArgs, TailArgs};
pub use users::UserSettings;
pub use writing::{Packed, Writing};
