//! The request parser on arbitrary bytes; the first byte says where they are cut.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::resp_parser::check(bytes));
