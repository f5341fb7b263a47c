//! What outlives an end of any kind, and what a disk that fails, fills up or lies does.

#[path = "../support/mod.rs"]
mod support;

mod bad_directory;
mod crash_loop;
mod damaged_files;
mod disk_full;
mod disk_full_effects;
mod importing;
mod log_tail;
mod log_tool;
mod power_loss;
mod restart;
mod retention;
mod snapshot_pace;
mod start_readonly;
mod sync_failure;
