//! `cmsgpack.unpack` on any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::lua_cmsgpack::check(bytes));
