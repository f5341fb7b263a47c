//! Arbitrary bytes are an RDB file or an error; what was read is written and read again alike.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::rdb::check(bytes));
