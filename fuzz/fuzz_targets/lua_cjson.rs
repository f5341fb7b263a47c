//! `cjson.decode` on any text.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::lua_cjson::check(bytes));
