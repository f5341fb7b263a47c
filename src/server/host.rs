//! What commands may ask of the server.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::admin::crash;
use crate::admin::memory::{self, set_purging};
use crate::command::acl::Users;
use crate::command::host::{
    Followed, LatencyHistogram, Meaning, MemoryFigures, PauseScope, Ran, RoleReport, SaveStarted,
    SlowEntry,
};
use crate::command::pubsub::Hub;
use crate::command::session::flag;
use crate::command::table::{self, Command};
use crate::command::{ClientInfo, Fault, Flow, Host, Session};
use crate::config::rewrite::replace;
use crate::config::settings::Allowed;
use crate::config::{Caller, Changed, SetError, Settings, is_sensitive};
use crate::keyspace::Locked;
use crate::net::Args;
use crate::position::{Offset, Replid};
use crate::replication::replicas::Introduction;
use crate::script::Cache;
use crate::snapshot::rdb;

use super::clock::unix_ms;
use super::doubt::Confirmation;
use super::failover::Stage;
use super::link::PrimaryAddress;
use super::opening::write_address_file;
use super::{
    Server, admission, apply_sizes, busy, delivery, descriptors, eviction, monitor, purging,
    report, rights, room, saving, sync_policy, tls,
};

const SAVE_UNDER_WAY: Fault = Fault::fixed("ERR Background save already in progress");

impl Host for Server {
    fn info(&self, sections: &[String], held: &mut Locked<'_>) -> String {
        report::info(self, sections, held)
    }

    fn config_get(&self, patterns: &[&[u8]]) -> Vec<(String, String)> {
        let config = self.config.lock();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let found = config.get_all(patterns);
        found.into_iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn config_set(&self, pairs: &[(&[u8], &[u8])]) -> Result<(), Fault> {
        let mut config = self.config.lock();
        let changed =
            config.set(pairs, Caller::Local).map_err(|error| Fault::of(error.to_string()))?;
        let settings = Arc::new(config.settings());
        if let Err(error) = self.put_into_force(&changed, &settings) {
            config.undo(changed);
            return Err(Fault::of(error.to_string()));
        }
        self.live.apply(&settings);
        self.commit.apply(&settings);
        rights::apply(&self.users, &settings);
        if changed.contains("requirepass") {
            self.users.require(settings.requirepass.as_deref());
        }
        self.counters.iter().for_each(|own| own.set_timed(settings.latency_tracking));
        self.scripts.runs().set_threshold(settings.busy_reply_threshold);
        self.replicas.nudge();
        self.identity.lock().keep(settings.backlog_lineage_size);
        delivery::apply_limits(&self.hub, &settings);
        self.slow.set_len_max(settings.slowlog_max_len);
        apply_sizes(&self.keyspace, &settings);
        if let Some(stream) = self.stream() {
            stream.log().set_sync_policy(sync_policy(settings.appendfsync));
        }
        self.tracing.set_level(settings.loglevel);
        set_purging(purging(&settings));
        if settings.crash_log_enabled {
            crash::enable();
        } else {
            crash::disable();
        }
        for (name, reason) in config.ignored().into_iter().filter(|(n, _)| changed.contains(n)) {
            tracing::warn!(directive = name, "has no effect: {reason}");
        }
        eviction::limit_clients(self, settings.memory_limit.clients_bytes);
        *self.settings.write() = settings;
        if changed.contains("maxmemory") {
            eviction::limit_changed(self);
        }
        Ok(())
    }

    fn keeps_secret(&self, directive: &[u8]) -> bool {
        is_sensitive(directive)
    }

    fn rdb_options(&self) -> rdb::Options {
        Self::rdb_options(self)
    }

    fn config_rewrite(&self) -> Result<(), Fault> {
        let lines = self.user_lines();
        self.config.lock().rewrite(&lines).map_err(|error| {
            tracing::warn!(%error, "CONFIG REWRITE failed");
            Fault::of(format!("ERR {error}"))
        })
    }

    fn account_queued(&self, ran: &Ran<'_>, client: &ClientInfo, failed: Option<&Fault>) {
        if let Some(shared) = self.counters.last() {
            let took = Duration::from_micros(ran.took_us);
            shared.called(table::index_of(ran.command), took, failed);
        }
        self.note_if_slow(ran, client);
    }

    fn show(
        &self,
        command: &'static Command,
        args: &Args<'_>,
        database: usize,
        client: &ClientInfo,
    ) {
        monitor::show(self, command, args, (database, client));
    }

    fn meaning(&self, args: &Args<'_>) -> Meaning {
        self.renames.meaning(args)
    }

    fn scripts(&self) -> &Cache {
        &self.scripts
    }

    fn admits_write(&self) -> Result<(), Fault> {
        admission::of_write(self)
    }

    fn withholds_stale(&self) -> bool {
        self.live.withholds_stale()
    }

    fn end_at_once(&self) {
        busy::end_at_once(self);
    }

    fn show_script(&self, args: &Args<'_>, database: usize, client: Option<&ClientInfo>) {
        monitor::show_script(self, args, (database, client));
    }

    fn reset_statistics(&self) {
        self.counters.iter().for_each(|counters| counters.reset());
        self.stats.reset();
        self.clients.forget();
        self.memory.forget_excess();
    }

    fn allows_debug(&self, session: &Session) -> bool {
        match self.settings().enable_debug_command {
            Allowed::Yes => true,
            Allowed::No => false,
            Allowed::Local => {
                let address = &session.info.address;
                session.info.flags.load(Ordering::Relaxed) & flag::UNIX != 0
                    || address.starts_with("127.")
                    || address.starts_with("[::1]")
            }
        }
    }

    fn users(&self) -> &Users {
        &self.users
    }

    fn read_acl_file(&self) -> Result<(String, Vec<u8>), Fault> {
        let path = self.acl_file()?;
        let name = path.display().to_string();
        match rights::read_text(&path) {
            Ok(text) => Ok((name, text)),
            Err(error) => {
                let text = format!("ERR Error loading ACLs, opening file '{name}': {error}");
                Err(Fault::of(text))
            }
        }
    }

    fn write_acl_file(&self, text: &[u8]) -> Result<(), Fault> {
        const FAILED: Fault = Fault::fixed(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more \
             information",
        );
        let path = self.acl_file()?;
        // One at a time: both would write to the same file first.
        let _turn = self.config.lock();
        replace(&path, text).map_err(|error| {
            tracing::warn!(%error, "ACL SAVE failed");
            FAILED
        })
    }

    fn count_error(&self, fault: &Fault) {
        if let Some(shared) = self.counters.last() {
            shared.refused(None, fault);
        }
    }

    fn clients(&self) -> Vec<Arc<ClientInfo>> {
        self.clients.list()
    }

    fn pause(&self, until_ms: i64, scope: PauseScope) {
        self.pause.begin(until_ms, scope);
    }

    fn unpause(&self) {
        self.pause.end();
    }

    fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    fn role(&self) -> RoleReport {
        let offset = self.stream().map_or(Offset::ZERO, |stream| stream.log().written());
        if let Some(link) = self.roles.link() {
            let PrimaryAddress { host, port } = link.primary.clone();
            let stage = link.status.stage();
            let offset = link.status.is_up().then_some(offset);
            return RoleReport::Replica { host, port, link: stage.word(), offset };
        }
        let replicas = self.replicas.list();
        let replicas = replicas
            .iter()
            .filter(|replica| replica.is_online())
            .map(|replica| {
                let Introduction { address, port, .. } = &replica.introduction;
                (address.clone(), *port, replica.acknowledged())
            })
            .collect();
        RoleReport::Primary { offset, replicas }
    }

    fn set_primary(&self, primary: Option<(&str, u16)>) -> Result<Followed, Fault> {
        const IN_FAILOVER: Fault = Fault::fixed("ERR REPLICAOF not allowed while failing over.");
        if self.failover.stage() != Stage::None {
            return Err(IN_FAILOVER);
        }
        let before = self.settings().following.primary.clone();
        let is_same = match (&before, primary) {
            (Some((host, port)), Some((new_host, new_port))) => {
                host.eq_ignore_ascii_case(new_host) && *port == new_port
            }
            (None, None) => true,
            _ => false,
        };
        if primary.is_none() {
            self.confirm(Confirmation::Operator);
        }
        if is_same {
            return Ok(Followed::Already);
        }
        let address = |(host, port): (&str, u16)| PrimaryAddress { host: host.to_owned(), port };
        self.name_primary(primary.map(address).as_ref());
        Ok(Followed::Changed)
    }

    fn replid(&self) -> Replid {
        self.identity.lock().current()
    }

    fn acknowledged(&self, session: &Session, offset: Offset, durable: Option<Offset>) {
        self.replicas.acknowledge(session.info.id, offset, durable, unix_ms());
    }

    fn replicas_at(&self, offset: Offset) -> i64 {
        self.replicas.count_at(offset)
    }

    fn durable_at(&self, offset: Offset) -> (bool, i64) {
        let here = self.stream().is_some_and(|stream| stream.log().durable() >= offset);
        (here, self.replicas.count_durable_at(offset))
    }

    fn fault(&self) -> Flow {
        crash::fault()
    }

    fn change_replid(&self) -> Result<Replid, Fault> {
        if self.live.is_replica() {
            return Err(Fault::fixed("ERR the replid is that of the primary"));
        }
        self.rotate_replid().map_err(|error| Fault::of(format!("ERR {error}")))
    }

    fn background_save(&self, schedule: bool) -> Result<SaveStarted, Fault> {
        if self.saving.is_busy() {
            if !schedule {
                return Err(SAVE_UNDER_WAY);
            }
            saving::start_again(self);
            return Ok(SaveStarted::Scheduled);
        }
        let server = self.shared().ok_or(SAVE_UNDER_WAY)?;
        saving::start(&server).map_err(|error| Fault::of(format!("ERR {error}")))?;
        Ok(SaveStarted::Now)
    }

    fn last_save_s(&self) -> i64 {
        self.saving.state().last_save_s
    }

    fn set_active_expiry(&self, on: bool) {
        self.live.set_active_expiry(on);
    }

    fn pause_cron(&self, paused: bool) {
        self.live.pause_cron(paused);
    }

    fn make_room(&self, bytes: u64) -> Result<Box<dyn Any + Send>, Fault> {
        match self.stream() {
            Some(stream) => Ok(Box::new(room::make(stream.log(), bytes)?)),
            None => Ok(Box::new(())),
        }
    }

    fn drop_later(&self, value: Box<dyn Send>) {
        self.bin.put(value);
    }

    fn slow_entries(&self, count: usize) -> Vec<SlowEntry> {
        self.slow.newest(count)
    }

    fn slow_count(&self) -> usize {
        self.slow.count()
    }

    fn slow_reset(&self) {
        self.slow.reset();
    }

    fn latency_histograms(&self, commands: &[&[u8]]) -> Vec<LatencyHistogram> {
        let totals = report::totals(self);
        let wanted = |name: &str| {
            commands.is_empty()
                || commands.iter().any(|wanted| {
                    let container = name.split('|').next().unwrap_or(name);
                    wanted.eq_ignore_ascii_case(name.as_bytes())
                        || wanted.eq_ignore_ascii_case(container.as_bytes())
                })
        };
        let rows = table::all().iter().zip(&totals.rows);
        rows.filter(|(command, row)| row.calls > 0 && wanted(command.name))
            .filter_map(|(command, row)| {
                let cumulative_us = report::times(self, command).cumulative_us();
                let command = command.name.to_owned();
                let calls = row.calls;
                // Of what ran while times were not kept nothing can be told.
                (!cumulative_us.is_empty()).then_some(LatencyHistogram {
                    command,
                    calls,
                    cumulative_us,
                })
            })
            .collect()
    }

    fn latency_latest(&self) -> Vec<(String, i64, i64, i64)> {
        self.latency.latest()
    }

    fn latency_history(&self, event: &[u8]) -> Vec<(i64, i64)> {
        self.latency.history(event)
    }

    fn latency_reset(&self, events: &[&[u8]]) -> usize {
        self.latency.reset(events)
    }

    fn allocator(&self) -> String {
        memory::allocator()
    }

    fn allocator_stats(&self) -> String {
        memory::allocator_stats()
    }

    fn memory_stats(&self, held: &mut Locked<'_>) -> MemoryFigures {
        report::Usage::look(self, held).figures()
    }

    fn memory_purge(&self) {
        // The allocator gives pages back by itself after a few seconds; asking for the figures makes
        // it look. To purge at once would take a call that cannot be checked to be sound.
        let _ = crate::admin::memory::memory();
    }
}

impl Server {
    /// Returns the path of the ACL file.
    fn acl_file(&self) -> Result<PathBuf, Fault> {
        const NONE: Fault = Fault::fixed(
            "ERR This Redis instance is not configured to use an ACL file. You may want to specify \
             users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a \
             Redis configuration file set) in order to store users in the Redis configuration.",
        );
        self.settings().users.file.clone().ok_or(NONE)
    }

    /// Lists the users as lines of the configuration, unless they are in a file of their own.
    fn user_lines(&self) -> Vec<Vec<u8>> {
        if self.settings().users.file.is_some() {
            return Vec::new();
        }
        self.users.current().all().map(|user| user.kept_line()).collect()
    }

    /// Does what a change of directives asks of files and sockets; after an error nothing is changed.
    fn put_into_force(&self, changed: &Changed, settings: &Arc<Settings>) -> Result<(), SetError> {
        if changed.contains("maxclients") {
            let fits = descriptors::provide(settings.maxclients, self.pool.workers());
            if fits < settings.maxclients {
                let reason = format!(
                    "The operating system is not able to handle the specified number of clients, \
                     try with {fits}"
                );
                return Err(SetError::not_applied("maxclients", reason));
            }
        }
        let Some(name) = changed.names().find(|name| name.starts_with("tls-")) else {
            return self.put_sockets_into_force(changed, settings);
        };
        let credentials = tls::load(settings).map_err(|error| {
            tracing::warn!(%error, "TLS stays as it is");
            SetError::not_applied(name, "Unable to update TLS configuration. Check server logs.")
        })?;
        let before = self.tls.replace(credentials);
        self.put_sockets_into_force(changed, settings).inspect_err(|_| {
            self.tls.replace(before);
        })
    }

    fn put_sockets_into_force(
        &self,
        changed: &Changed,
        settings: &Arc<Settings>,
    ) -> Result<(), SetError> {
        const NO_PORT: &str = "Unable to listen on this port. Check server logs.";
        let moves = ["port", "bind", "tls-port"].into_iter().find(|name| changed.contains(name));
        if let Some(name) = moves {
            self.listening.listen(settings).map_err(|error| match name {
                "bind" => SetError::not_applied(name, "Failed to bind to specified addresses."),
                _ if error.is_tls => SetError::not_applied("tls-port", NO_PORT),
                _ => SetError::not_applied(name, NO_PORT),
            })?;
        }
        if changed.contains("backlog-feed") && self.set_feed(settings.backlog_feed).is_err() {
            if moves.is_some()
                && let Err(error) = self.listening.listen(&self.settings())
            {
                tracing::error!(%error, "the addresses of before cannot be listened on again");
            }
            let reason = "the manifest cannot be written";
            return Err(SetError::not_applied("backlog-feed", reason));
        }
        if moves.is_some()
            && !self.live.is_loading()
            && let Err(error) = write_address_file(settings, &self.listening.addresses())
        {
            tracing::warn!(%error, "the addresses have changed, the file has not");
        }
        Ok(())
    }
}
