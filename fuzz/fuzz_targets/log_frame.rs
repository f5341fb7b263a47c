//! Arbitrary bytes as a header page and as a frame: what decodes encodes to the same meaning.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::log_frame::check(bytes));
