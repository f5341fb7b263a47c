//! Holds every seed of the fuzz corpora against what its target checks: what was found stays found.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Replays the seeds of `target`, of which there must be at least three, in the order of their names.
fn replay(target: &str, check: fn(&[u8])) {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(&place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    let mut seeds: Vec<_> = files.map(|entry| entry.expect("it can be listed").path()).collect();
    seeds.sort();
    assert!(seeds.len() >= 3, "{} has {} seeds", place.display(), seeds.len());
    for seed in seeds {
        let bytes = fs::read(&seed).expect("a seed can be read");
        let held = catch_unwind(|| check(&bytes));
        assert!(held.is_ok(), "{} breaks what {target} checks", seed.display());
    }
}

#[test]
fn segments_are_recovered_or_refused_and_twice_the_same() {
    replay("log_recovery", targets::log_recovery::check);
}

#[test]
fn headers_and_frames_mean_the_same_when_written_again() {
    replay("log_frame", targets::log_frame::check);
}

#[test]
fn manifests_have_one_form_only() {
    replay("manifest", targets::manifest::check);
}

#[test]
fn requests_are_the_same_however_they_are_cut() {
    replay("resp_parser", targets::resp_parser::check);
}

#[test]
fn configurations_say_the_same_when_rewritten() {
    replay("config_file", targets::config_file::check);
}

#[test]
fn users_are_made_again_by_what_they_are_shown_by() {
    replay("acl_rules", targets::acl_rules::check);
}

#[test]
fn rdb_files_are_the_same_when_written_and_read_again() {
    replay("rdb", targets::rdb::check);
}

#[test]
fn payloads_are_values_that_are_the_same_when_written_in_any_version() {
    replay("restore", targets::restore::check);
}

#[test]
fn handshakes_come_to_the_same_however_the_answers_are_cut() {
    replay("handshake", targets::handshake::check);
}

#[test]
fn snapshots_are_received_the_same_however_they_are_cut() {
    replay("payload", targets::payload::check);
}

#[test]
fn streams_are_applied_the_same_however_they_are_cut() {
    replay("stream_apply", targets::stream_apply::check);
}

#[test]
fn json_of_scripts_is_decoded_or_refused() {
    replay("lua_cjson", targets::lua_cjson::check);
}

#[test]
fn message_packs_of_scripts_are_unpacked_or_refused() {
    replay("lua_cmsgpack", targets::lua_cmsgpack::check);
}

#[test]
fn structs_of_scripts_are_unpacked_or_refused() {
    replay("lua_struct", targets::lua_struct::check);
}
