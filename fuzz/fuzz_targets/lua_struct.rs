//! `struct.unpack` on any bytes, whose first line is the format.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::lua_struct::check(bytes));
