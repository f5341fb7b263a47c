//! Recovery from arbitrary bytes in segment files: it refuses or recovers, and twice the same.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::log_recovery::check(bytes));
