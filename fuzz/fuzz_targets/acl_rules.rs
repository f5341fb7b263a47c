//! Any lines are rules or errors; what a user is shown by makes the same user again.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| backlogd_fuzz::acl_rules::check(bytes));
