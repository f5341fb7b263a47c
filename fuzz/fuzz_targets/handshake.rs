//! A replica's handshake with a primary that answers anything.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::handshake::check(bytes));
