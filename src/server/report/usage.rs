//! What memory is used for: the figures that `INFO` and `MEMORY STATS` have in common.

use std::sync::atomic::Ordering;

use crate::admin::memory::{self, Memory};
use crate::command::host::{MemoryFigure, MemoryFigures};
use crate::command::session::{ClientInfo, flag};
use crate::keyspace::Locked;
use crate::script::Kind;
use crate::server::Server;

/// What memory is used for; all of it is read at about one moment.
pub(in crate::server) struct Usage {
    pub(super) system: Memory,
    pub(super) peak_bytes: u64,
    pub(super) startup_bytes: u64,
    pub(super) replicas_bytes: u64,
    pub(super) clients_bytes: u64,
    pub(super) scripts_bytes: u64,
    pub(super) functions_bytes: u64,
    /// What the interpreters of scripts have allocated.
    pub(super) scripts_vm_bytes: u64,
    /// The same of functions.
    pub(super) functions_vm_bytes: u64,
    keys_count: u64,
    databases: Vec<Database>,
}

/// What a database takes beside its keys and values.
struct Database {
    number: usize,
    /// The tables by which keys are found.
    tables_bytes: u64,
    /// When the keys expire; it stands in their records.
    expiries_bytes: u64,
}

impl Usage {
    /// Asks the allocator and looks into the shards, of which all are `held` or none.
    pub(in crate::server) fn look(server: &Server, held: &mut Locked<'_>) -> Self {
        let keyspace = &server.keyspace;
        let used = (0..keyspace.databases()).filter(|database| keyspace.keys_count(*database) > 0);
        let databases = used.map(|number| Database {
            number,
            tables_bytes: held.tables_bytes(number) as u64,
            expiries_bytes: keyspace.expiries_bytes(number) as u64,
        });
        let databases: Vec<_> = databases.collect();
        let clients = server.clients.list();
        let bytes_of = |replicas: u64| {
            let class = |client: &ClientInfo| client.flags.load(Ordering::Relaxed) & flag::REPLICA;
            let counted = clients.iter().filter(|client| class(client) == replicas);
            counted.map(|client| client.memory_bytes() as u64).sum()
        };
        let system = memory::memory();
        let peak_bytes = server.stats.peak_bytes.load(Ordering::Relaxed).max(system.allocated);
        let keys = (0..keyspace.databases()).map(|database| keyspace.keys_count(database) as u64);
        Self {
            system,
            peak_bytes,
            startup_bytes: server.stats.startup_bytes,
            replicas_bytes: bytes_of(flag::REPLICA),
            clients_bytes: bytes_of(0),
            scripts_bytes: server.scripts.bytes(),
            functions_bytes: server.scripts.libraries().current().bytes(),
            scripts_vm_bytes: server.scripts.runs().interpreters_bytes(Kind::Script),
            functions_vm_bytes: server.scripts.runs().interpreters_bytes(Kind::Function),
            keys_count: keys.sum(),
            databases,
        }
    }

    /// Counts what is used beside the data: by the server itself, its clients and its tables.
    pub(super) fn overhead_bytes(&self) -> u64 {
        let tables = self.databases.iter().map(|one| one.tables_bytes + one.expiries_bytes);
        let scripts = self.scripts_bytes
            + self.functions_bytes
            + self.scripts_vm_bytes
            + self.functions_vm_bytes;
        let known = self.startup_bytes + self.replicas_bytes + self.clients_bytes + scripts;
        (known + tables.sum::<u64>()).min(self.system.allocated)
    }

    /// Counts what the data takes: all the rest.
    pub(super) fn dataset_bytes(&self) -> u64 {
        self.system.allocated - self.overhead_bytes()
    }

    /// Tells which share the data has in what was allocated since the start.
    pub(super) fn dataset_percent(&self) -> f64 {
        100.0 * ratio(self.dataset_bytes(), self.grown_bytes())
    }

    fn grown_bytes(&self) -> u64 {
        self.system.allocated.saturating_sub(self.startup_bytes)
    }

    /// Tells the figures by the names that `MEMORY STATS` gives them.
    pub(in crate::server) fn figures(&self) -> MemoryFigures {
        let count = |bytes: u64| MemoryFigure::Count(bytes as i64);
        let mut figures = vec![
            ("peak.allocated".into(), count(self.peak_bytes)),
            ("total.allocated".into(), count(self.system.allocated)),
            ("startup.allocated".into(), count(self.startup_bytes)),
            // The backlog is the log, which is on disk.
            ("replication.backlog".into(), count(0)),
            ("clients.slaves".into(), count(self.replicas_bytes)),
            ("clients.normal".into(), count(self.clients_bytes)),
            ("cluster.links".into(), count(0)),
            ("aof.buffer".into(), count(0)),
            ("lua.caches".into(), count(self.scripts_bytes)),
            ("functions.caches".into(), count(self.functions_bytes)),
        ];
        figures.extend(self.databases.iter().map(|database| {
            let tables = vec![
                ("overhead.hashtable.main", database.tables_bytes as i64),
                ("overhead.hashtable.expires", database.expiries_bytes as i64),
                ("overhead.hashtable.slot-to-keys", 0),
            ];
            (format!("db.{}", database.number).into(), MemoryFigure::Nested(tables))
        }));
        let peak_percent = 100.0 * ratio(self.system.allocated, self.peak_bytes);
        let bytes_per_key = self.grown_bytes() / self.keys_count.max(1);
        figures.extend([
            ("overhead.total".into(), count(self.overhead_bytes())),
            ("keys.count".into(), count(self.keys_count)),
            (
                "keys.bytes-per-key".into(),
                count(if self.keys_count == 0 { 0 } else { bytes_per_key }),
            ),
            ("dataset.bytes".into(), count(self.dataset_bytes())),
            ("dataset.percentage".into(), MemoryFigure::Ratio(self.dataset_percent())),
            ("peak.percentage".into(), MemoryFigure::Ratio(peak_percent)),
        ]);
        figures.extend(system_figures(&self.system));
        figures
    }
}

fn system_figures(system: &Memory) -> MemoryFigures {
    let part = |a: u64, b: u64| MemoryFigure::Ratio(ratio(a, b));
    let beyond = |a: u64, b: u64| MemoryFigure::Count(a as i64 - b as i64);
    let Memory { allocated, active, resident, rss, rss_anonymous, .. } = *system;
    vec![
        ("allocator.allocated".into(), MemoryFigure::Count(allocated as i64)),
        ("allocator.active".into(), MemoryFigure::Count(active as i64)),
        ("allocator.resident".into(), MemoryFigure::Count(resident as i64)),
        ("allocator-fragmentation.ratio".into(), part(active, allocated)),
        ("allocator-fragmentation.bytes".into(), beyond(active, allocated)),
        ("allocator-rss.ratio".into(), part(resident, active)),
        ("allocator-rss.bytes".into(), beyond(resident, active)),
        ("rss-overhead.ratio".into(), part(rss, resident)),
        ("rss-overhead.bytes".into(), beyond(rss, resident)),
        ("fragmentation".into(), part(rss_anonymous, allocated)),
        ("fragmentation.bytes".into(), beyond(rss_anonymous, allocated)),
    ]
}

/// Divides; by one at least, as there is nothing to tell where nothing is used.
pub(super) fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b.max(1) as f64
}
