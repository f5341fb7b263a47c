//! Arbitrary bytes are a payload or an error; what was taken is the same in every version.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::restore::check(bytes));
