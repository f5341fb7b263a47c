//! Arbitrary bytes are a manifest or an error; a manifest has one form only.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::manifest::check(bytes));
