//! A server that is asked nothing: a stream reaches data, and nothing else.

use std::any::Any;
use std::sync::Arc;

use backlogd::command::acl::Users;
use backlogd::command::host::*;
use backlogd::command::pubsub::Hub;
use backlogd::command::table::Command;
use backlogd::command::{ClientInfo, Fault, Flow, Host, Session};
use backlogd::keyspace::Locked;
use backlogd::net::Args;
use backlogd::position::{Offset, Replid};
use backlogd::script::Cache;

/// There is nobody to ask.
#[derive(Debug)]
pub struct Nobody;

fn nothing() -> ! {
    unreachable!("a command of a stream asks the server for something")
}

impl Host for Nobody {
    fn hub(&self) -> &Arc<Hub> {
        nothing()
    }

    fn info(&self, _: &[String], _: &mut Locked<'_>) -> String {
        nothing()
    }

    fn config_get(&self, _: &[&[u8]]) -> Vec<(String, String)> {
        nothing()
    }

    fn config_set(&self, _: &[(&[u8], &[u8])]) -> Result<(), Fault> {
        nothing()
    }

    fn keeps_secret(&self, _: &[u8]) -> bool {
        nothing()
    }

    fn rdb_options(&self) -> backlogd::snapshot::rdb::Options {
        backlogd::snapshot::rdb::Options::default()
    }

    fn config_rewrite(&self) -> Result<(), Fault> {
        nothing()
    }

    fn account_queued(&self, _: &Ran<'_>, _: &ClientInfo, _: Option<&Fault>) {
        nothing()
    }

    fn show(&self, _: &'static Command, _: &Args<'_>, _: usize, _: &ClientInfo) {
        nothing()
    }

    fn meaning(&self, _: &Args<'_>) -> Meaning {
        nothing()
    }

    fn scripts(&self) -> &Cache {
        nothing()
    }

    fn admits_write(&self) -> Result<(), Fault> {
        nothing()
    }

    fn withholds_stale(&self) -> bool {
        nothing()
    }

    fn end_at_once(&self) {
        nothing()
    }

    fn show_script(&self, _: &Args<'_>, _: usize, _: Option<&ClientInfo>) {
        nothing()
    }

    fn reset_statistics(&self) {
        nothing()
    }

    fn allows_debug(&self, _: &Session) -> bool {
        nothing()
    }

    fn users(&self) -> &Users {
        nothing()
    }

    fn read_acl_file(&self) -> Result<(String, Vec<u8>), Fault> {
        nothing()
    }

    fn write_acl_file(&self, _: &[u8]) -> Result<(), Fault> {
        nothing()
    }

    fn count_error(&self, _: &Fault) {
        nothing()
    }

    fn clients(&self) -> Vec<Arc<ClientInfo>> {
        nothing()
    }

    fn pause(&self, _: i64, _: PauseScope) {
        nothing()
    }

    fn unpause(&self) {
        nothing()
    }

    fn role(&self) -> RoleReport {
        nothing()
    }

    fn set_primary(&self, _: Option<(&str, u16)>) -> Result<Followed, Fault> {
        nothing()
    }

    fn replid(&self) -> Replid {
        nothing()
    }

    fn acknowledged(&self, _: &Session, _: Offset, _: Option<Offset>) {
        nothing()
    }

    fn replicas_at(&self, _: Offset) -> i64 {
        nothing()
    }

    fn durable_at(&self, _: Offset) -> (bool, i64) {
        nothing()
    }

    fn fault(&self) -> Flow {
        nothing()
    }

    fn change_replid(&self) -> Result<Replid, Fault> {
        nothing()
    }

    fn background_save(&self, _: bool) -> Result<SaveStarted, Fault> {
        nothing()
    }

    fn last_save_s(&self) -> i64 {
        nothing()
    }

    fn set_active_expiry(&self, _: bool) {
        nothing()
    }

    fn pause_cron(&self, _: bool) {
        nothing()
    }

    fn make_room(&self, _: u64) -> Result<Box<dyn Any + Send>, Fault> {
        nothing()
    }

    fn drop_later(&self, _: Box<dyn Send>) {}

    fn slow_entries(&self, _: usize) -> Vec<SlowEntry> {
        nothing()
    }

    fn slow_count(&self) -> usize {
        nothing()
    }

    fn slow_reset(&self) {
        nothing()
    }

    fn latency_histograms(&self, _: &[&[u8]]) -> Vec<LatencyHistogram> {
        nothing()
    }

    fn latency_latest(&self) -> Vec<(String, i64, i64, i64)> {
        nothing()
    }

    fn latency_history(&self, _: &[u8]) -> Vec<(i64, i64)> {
        nothing()
    }

    fn latency_reset(&self, _: &[&[u8]]) -> usize {
        nothing()
    }

    fn allocator(&self) -> String {
        unreachable!("no command asks")
    }

    fn allocator_stats(&self) -> String {
        unreachable!("no command asks")
    }

    fn memory_stats(&self, _: &mut Locked<'_>) -> MemoryFigures {
        nothing()
    }

    fn memory_purge(&self) {
        nothing()
    }
}
