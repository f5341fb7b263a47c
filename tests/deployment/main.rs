//! What comes for operators: the image, the servers and Sentinels of compose.yaml, the unit for systemd.
//!
//! Neither Docker nor systemd runs here: their files are read, and what they would run is run.

#[path = "../support/mod.rs"]
mod support;

mod compose;
mod dockerfile;
mod image;
mod unit;
mod yaml;

use std::path::{Path, PathBuf};

/// A path below the top of the sources.
fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(source(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
