//! Any text is a configuration or an error; what it says, the rewritten text says too.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::config_file::check(bytes));
