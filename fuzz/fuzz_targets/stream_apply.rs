//! The stream of a primary that sends anything.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::stream_apply::check(bytes));
