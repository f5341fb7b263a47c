//! Which field of `INFO` is which metric; a row for each.

use super::families::Kind;

/// A field that is one figure.
#[derive(Debug)]
pub(super) struct Row {
    field: &'static str,
    /// The metric's name.
    pub(super) metric: &'static str,
    /// What it does over time.
    pub(super) kind: Kind,
    /// What the field's value is multiplied by.
    pub(super) scale: f64,
    /// What it tells.
    pub(super) help: &'static str,
}

/// Finds the row of a field.
pub(super) fn find(field: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.field == field)
}

const fn gauge(field: &'static str, metric: &'static str, help: &'static str) -> Row {
    Row { field, metric, kind: Kind::Gauge, scale: 1.0, help }
}

const fn counter(field: &'static str, metric: &'static str, help: &'static str) -> Row {
    Row { field, metric, kind: Kind::Counter, scale: 1.0, help }
}

impl Row {
    const fn milliseconds(mut self) -> Self {
        self.scale = 1e-3;
        self
    }

    const fn microseconds(mut self) -> Self {
        self.scale = 1e-6;
        self
    }
}

const ROWS: &[Row] = &[
    gauge("uptime_in_seconds", "redis_uptime_in_seconds", "Seconds since the start."),
    gauge("process_id", "redis_process_id", "The process."),
    gauge("io_threads_active", "redis_io_threads_active", "Whether more than one worker serves."),
    gauge("backlogd_workers", "backlogd_workers", "Workers that serve clients."),
    gauge("connected_clients", "redis_connected_clients", "Clients, replicas not counted."),
    gauge("blocked_clients", "redis_blocked_clients", "Clients that wait for keys."),
    gauge("tracking_clients", "redis_tracking_clients", "Clients that are told of changed keys."),
    gauge(
        "clients_in_timeout_table",
        "redis_clients_in_timeout_table",
        "Clients that wait with a time limit.",
    ),
    gauge("cluster_connections", "redis_cluster_connections", "Connections of a cluster."),
    gauge("maxclients", "redis_config_maxclients", "How many clients there may be."),
    gauge(
        "client_recent_max_input_buffer",
        "redis_client_recent_max_input_buffer_bytes",
        "The largest buffer of requests.",
    ),
    gauge(
        "client_recent_max_output_buffer",
        "redis_client_recent_max_output_buffer_bytes",
        "The largest buffer of replies.",
    ),
    gauge(
        "allocator_active",
        "redis_allocator_active_bytes",
        "Bytes of the allocator's pages in use.",
    ),
    gauge("allocator_allocated", "redis_allocator_allocated_bytes", "Bytes that are allocated."),
    gauge(
        "allocator_resident",
        "redis_allocator_resident_bytes",
        "Bytes that the allocator has resident.",
    ),
    gauge(
        "allocator_frag_bytes",
        "redis_allocator_frag_bytes",
        "Bytes of pages in use that are not allocated.",
    ),
    gauge(
        "allocator_frag_ratio",
        "redis_allocator_frag_ratio",
        "Pages in use over what is allocated.",
    ),
    gauge(
        "allocator_rss_bytes",
        "redis_allocator_rss_bytes",
        "Resident bytes of pages not in use.",
    ),
    gauge("allocator_rss_ratio", "redis_allocator_rss_ratio", "Resident over active pages."),
    gauge(
        "active_defrag_running",
        "redis_active_defrag_running",
        "Whether memory is being defragmented.",
    ),
    gauge(
        "lazyfree_pending_objects",
        "redis_lazyfree_pending_objects",
        "Values that wait to be freed.",
    ),
    gauge("maxmemory", "redis_memory_max_bytes", "The limit on memory, or 0."),
    gauge("mem_clients_normal", "redis_mem_clients_normal", "Bytes that clients take."),
    gauge("mem_clients_slaves", "redis_mem_clients_slaves", "Bytes that replicas take."),
    gauge(
        "mem_fragmentation_bytes",
        "redis_mem_fragmentation_bytes",
        "Resident bytes beyond what is allocated.",
    ),
    gauge(
        "mem_fragmentation_ratio",
        "redis_mem_fragmentation_ratio",
        "Resident over allocated bytes.",
    ),
    gauge(
        "mem_not_counted_for_evict",
        "redis_mem_not_counted_for_eviction_bytes",
        "Bytes that do not count for maxmemory.",
    ),
    gauge("used_memory", "redis_memory_used_bytes", "Bytes that are allocated."),
    gauge("used_memory_rss", "redis_memory_used_rss_bytes", "Resident bytes of the process."),
    gauge(
        "used_memory_rss_files",
        "backlogd_memory_rss_files_bytes",
        "Resident bytes of files, the log above all.",
    ),
    gauge("used_memory_peak", "redis_memory_used_peak_bytes", "The most bytes ever allocated."),
    gauge("used_memory_overhead", "redis_memory_used_overhead_bytes", "Bytes that are not data."),
    gauge(
        "used_memory_startup",
        "redis_memory_used_startup_bytes",
        "Bytes allocated at the start.",
    ),
    gauge("used_memory_dataset", "redis_memory_used_dataset_bytes", "Bytes of the data."),
    gauge(
        "used_memory_lua",
        "redis_memory_used_lua_bytes",
        "Bytes of the interpreters of scripts.",
    ),
    gauge(
        "used_memory_scripts",
        "redis_memory_used_scripts_bytes",
        "Bytes of scripts and functions.",
    ),
    gauge(
        "number_of_cached_scripts",
        "redis_number_of_cached_scripts",
        "Scripts that are remembered.",
    ),
    gauge("loading", "redis_loading_dump_file", "Whether the data is being restored."),
    gauge(
        "loading_start_time",
        "redis_loading_start_time",
        "When the restoring began, in seconds since 1970.",
    ),
    gauge("loading_total_bytes", "backlogd_loading_total_bytes", "Bytes there are to restore."),
    gauge("loading_loaded_bytes", "backlogd_loading_loaded_bytes", "Bytes that are restored."),
    gauge(
        "loading_eta_seconds",
        "backlogd_loading_eta_seconds",
        "Seconds that the rest takes at the pace so far.",
    ),
    gauge(
        "rdb_changes_since_last_save",
        "redis_rdb_changes_since_last_save",
        "Changes since the newest snapshot.",
    ),
    gauge(
        "rdb_bgsave_in_progress",
        "redis_rdb_bgsave_in_progress",
        "Whether a snapshot is being made.",
    ),
    gauge(
        "rdb_last_save_time",
        "redis_rdb_last_save_timestamp_seconds",
        "When the newest snapshot was made, in seconds since 1970.",
    ),
    gauge(
        "rdb_last_bgsave_status",
        "redis_rdb_last_bgsave_status",
        "Whether the last snapshot succeeded.",
    ),
    gauge(
        "rdb_last_bgsave_time_sec",
        "redis_rdb_last_bgsave_duration_sec",
        "Seconds that the last snapshot took, or -1.",
    ),
    gauge(
        "rdb_current_bgsave_time_sec",
        "redis_rdb_current_bgsave_duration_sec",
        "Seconds since the snapshot under way began, or -1.",
    ),
    gauge(
        "rdb_last_cow_size",
        "redis_rdb_last_cow_size_bytes",
        "Bytes copied for the last snapshot.",
    ),
    gauge("aof_enabled", "redis_aof_enabled", "Whether there is a log: always."),
    gauge(
        "aof_rewrite_in_progress",
        "redis_aof_rewrite_in_progress",
        "Whether the log is rewritten: never.",
    ),
    gauge(
        "aof_rewrite_scheduled",
        "redis_aof_rewrite_scheduled",
        "Whether the log is to be rewritten: never.",
    ),
    gauge(
        "aof_last_rewrite_time_sec",
        "redis_aof_last_rewrite_duration_sec",
        "Seconds that the last rewrite took, or -1.",
    ),
    gauge(
        "aof_current_rewrite_time_sec",
        "redis_aof_current_rewrite_duration_sec",
        "Seconds since the rewrite under way began, or -1.",
    ),
    gauge(
        "aof_last_bgrewrite_status",
        "redis_aof_last_bgrewrite_status",
        "Whether the last rewrite succeeded.",
    ),
    gauge("aof_last_write_status", "redis_aof_last_write_status", "Whether the log admits writes."),
    gauge(
        "aof_last_cow_size",
        "redis_aof_last_cow_size_bytes",
        "Bytes copied for the last rewrite.",
    ),
    gauge("aof_current_size", "redis_aof_current_size_bytes", "Bytes of stream in the log."),
    gauge("aof_base_size", "redis_aof_base_size_bytes", "Bytes of the log after the last rewrite."),
    gauge("aof_pending_rewrite", "redis_aof_pending_rewrite", "Whether a rewrite waits."),
    gauge("aof_buffer_length", "redis_aof_buffer_length", "Bytes written and not sealed."),
    gauge(
        "aof_pending_bio_fsync",
        "redis_aof_pending_bio_fsync",
        "Whether sealed bytes are not durable yet.",
    ),
    gauge("aof_delayed_fsync", "redis_aof_delayed_fsync", "Syncs that writes had to wait for."),
    gauge(
        "module_fork_in_progress",
        "redis_module_fork_in_progress",
        "Whether a module has forked.",
    ),
    gauge(
        "module_fork_last_cow_size",
        "redis_module_fork_last_cow_size",
        "Bytes copied for a module's last fork.",
    ),
    counter(
        "total_connections_received",
        "redis_connections_received_total",
        "Clients that have connected.",
    ),
    counter("total_commands_processed", "redis_commands_processed_total", "Commands that ran."),
    gauge(
        "instantaneous_ops_per_sec",
        "redis_instantaneous_ops_per_sec",
        "Commands per second of late.",
    ),
    counter("total_net_input_bytes", "redis_net_input_bytes_total", "Bytes read from clients."),
    counter(
        "total_net_output_bytes",
        "redis_net_output_bytes_total",
        "Bytes sent to clients and replicas.",
    ),
    counter(
        "total_net_repl_output_bytes",
        "backlogd_net_replicas_output_bytes_total",
        "Bytes sent to replicas.",
    ),
    counter(
        "rejected_connections",
        "redis_rejected_connections_total",
        "Clients turned away as there were too many.",
    ),
    gauge("sync_full", "redis_replica_resyncs_full", "Full resyncs of replicas."),
    gauge(
        "sync_partial_ok",
        "redis_replica_partial_resync_accepted",
        "Partial resyncs that were granted.",
    ),
    gauge(
        "sync_partial_err",
        "redis_replica_partial_resync_denied",
        "Partial resyncs that were refused.",
    ),
    counter("expired_keys", "redis_expired_keys_total", "Keys whose time had come."),
    gauge(
        "expired_stale_perc",
        "redis_expired_stale_percentage",
        "Share of keys that are due and still there.",
    ),
    gauge(
        "expired_time_cap_reached_count",
        "redis_expired_time_cap_reached_total",
        "Searches for expired keys that ran out of time.",
    ),
    counter(
        "expire_cycle_cpu_milliseconds",
        "backlogd_expire_cycle_seconds_total",
        "Seconds that the search for expired keys took.",
    )
    .milliseconds(),
    counter("evicted_keys", "redis_evicted_keys_total", "Keys removed to make room in memory."),
    counter(
        "evicted_clients",
        "backlogd_evicted_clients_total",
        "Clients closed to make room in memory.",
    ),
    counter("keyspace_hits", "redis_keyspace_hits_total", "Lookups that found a key."),
    counter("keyspace_misses", "redis_keyspace_misses_total", "Lookups that found none."),
    gauge("pubsub_channels", "redis_pubsub_channels", "Channels that are subscribed to."),
    gauge("pubsub_patterns", "redis_pubsub_patterns", "Patterns that are subscribed to."),
    gauge(
        "latest_fork_usec",
        "redis_latest_fork_seconds",
        "Seconds that the last fork took: none.",
    )
    .microseconds(),
    gauge(
        "migrate_cached_sockets",
        "redis_migrate_cached_sockets_total",
        "Connections kept for MIGRATE.",
    ),
    gauge(
        "slave_expires_tracked_keys",
        "redis_slave_expires_tracked_keys",
        "Keys that a writable replica expires.",
    ),
    gauge("active_defrag_hits", "redis_defrag_hits", "Values moved to defragment memory."),
    gauge("active_defrag_misses", "redis_defrag_misses", "Values that need not have been moved."),
    gauge("active_defrag_key_hits", "redis_defrag_key_hits", "Keys moved to defragment memory."),
    gauge(
        "active_defrag_key_misses",
        "redis_defrag_key_misses",
        "Keys that need not have been moved.",
    ),
    gauge(
        "tracking_total_keys",
        "redis_tracking_total_keys",
        "Keys whose changes clients are told of.",
    ),
    gauge(
        "tracking_total_items",
        "redis_tracking_total_items",
        "Clients and keys that are tracked together.",
    ),
    gauge(
        "tracking_total_prefixes",
        "redis_tracking_total_prefixes",
        "Prefixes whose changes clients are told of.",
    ),
    counter(
        "unexpected_error_replies",
        "redis_unexpected_error_replies",
        "Error replies that should not be.",
    ),
    counter("total_error_replies", "redis_total_error_replies", "Error replies."),
    counter(
        "dump_payload_sanitizations",
        "redis_dump_payload_sanitizations",
        "Payloads that were looked through.",
    ),
    counter("total_reads_processed", "redis_total_reads_processed", "Reads from clients."),
    counter("total_writes_processed", "redis_total_writes_processed", "Writes to clients."),
    counter(
        "io_threaded_reads_processed",
        "redis_io_threaded_reads_processed",
        "Reads by threads that only read.",
    ),
    counter(
        "io_threaded_writes_processed",
        "redis_io_threaded_writes_processed",
        "Writes by threads that only write.",
    ),
    counter(
        "backlogd_clients_moved",
        "backlogd_clients_moved_total",
        "Clients moved from one worker to another.",
    ),
    gauge("connected_slaves", "redis_connected_slaves", "Replicas that are attached."),
    gauge(
        "min_slaves_good_slaves",
        "redis_min_slaves_good_slaves",
        "Replicas that count for min-replicas-to-write.",
    ),
    gauge("master_repl_offset", "redis_master_repl_offset", "Where the stream ends."),
    gauge(
        "second_repl_offset",
        "redis_second_repl_offset",
        "Up to where the last history is also ours, or -1.",
    ),
    gauge("repl_backlog_active", "redis_repl_backlog_is_active", "Whether there is a backlog."),
    gauge(
        "repl_backlog_size",
        "redis_replication_backlog_bytes",
        "Bytes of log kept for replicas that are away.",
    ),
    gauge(
        "repl_backlog_first_byte_offset",
        "redis_repl_backlog_first_byte_offset",
        "The first byte that can be continued from.",
    ),
    gauge(
        "repl_backlog_histlen",
        "redis_repl_backlog_history_bytes",
        "Bytes that can be continued from.",
    ),
    gauge("slave_priority", "redis_slave_priority", "The priority for Sentinel."),
    counter(
        "used_cpu_sys",
        "redis_cpu_sys_seconds_total",
        "Seconds of processor time in the kernel.",
    ),
    counter(
        "used_cpu_user",
        "redis_cpu_user_seconds_total",
        "Seconds of processor time in the program.",
    ),
    counter(
        "used_cpu_sys_children",
        "redis_cpu_sys_children_seconds_total",
        "The same in the kernel, of processes that were forked.",
    ),
    counter(
        "used_cpu_user_children",
        "redis_cpu_user_children_seconds_total",
        "The same in the program, of processes that were forked.",
    ),
    counter(
        "used_cpu_sys_main_thread",
        "redis_cpu_sys_main_thread_seconds_total",
        "The same in the kernel, of the main thread.",
    ),
    counter(
        "used_cpu_user_main_thread",
        "redis_cpu_user_main_thread_seconds_total",
        "The same in the program, of the main thread.",
    ),
    gauge("cluster_enabled", "redis_cluster_enabled", "Whether it is part of a cluster: never."),
    gauge("backlog_start_offset", "backlogd_log_start_offset", "Where the log begins."),
    gauge(
        "backlog_snapshot_offset",
        "backlogd_snapshot_offset",
        "Where the newest snapshot was cut, or -1.",
    ),
    gauge(
        "backlog_durable_offset",
        "backlogd_log_durable_offset",
        "Up to where the log is on disk.",
    ),
    gauge(
        "backlog_sealed_offset",
        "backlogd_log_sealed_offset",
        "Up to where the log has checksums.",
    ),
    gauge("backlog_written_offset", "backlogd_log_written_offset", "Where the log ends."),
    gauge("backlog_segments", "backlogd_log_segments", "Segments of the log."),
    gauge("backlog_segment_bytes", "backlogd_log_segment_bytes", "The size of a segment."),
    gauge("backlog_file_bytes", "backlogd_log_file_bytes", "Bytes that the log's files take."),
    gauge("backlog_mapped_bytes", "backlogd_log_mapped_bytes", "Bytes of them that are mapped."),
    gauge(
        "backlog_covered_bytes",
        "backlogd_log_covered_bytes",
        "Bytes that a replica may be behind and continue.",
    ),
    gauge(
        "backlog_covered_seconds",
        "backlogd_log_covered_seconds",
        "Seconds for which a replica may be away and continue, at the present rate.",
    ),
    gauge(
        "backlog_admits_writes",
        "backlogd_log_admits_writes",
        "Whether there is room for writes.",
    ),
    counter("backlog_syncs", "backlogd_syncs_total", "Syncs of the log."),
    gauge(
        "backlog_sync_last_usec",
        "backlogd_sync_last_seconds",
        "Seconds that the last sync took.",
    )
    .microseconds(),
    gauge(
        "backlog_sync_p50_usec",
        "backlogd_sync_p50_seconds",
        "Seconds that half of the syncs do not exceed.",
    )
    .microseconds(),
    gauge(
        "backlog_sync_p99_usec",
        "backlogd_sync_p99_seconds",
        "Seconds that 99 of 100 syncs do not exceed.",
    )
    .microseconds(),
    gauge(
        "backlog_sync_max_usec",
        "backlogd_sync_max_seconds",
        "Seconds that the longest sync took.",
    )
    .microseconds(),
    gauge(
        "backlog_commit_replicas",
        "backlogd_commit_replicas",
        "Replicas that must have a write on disk before it is replied to.",
    ),
    gauge("backlog_commit_offset", "backlogd_commit_offset", "Up to where they have."),
    gauge("backlog_commit_waiting", "backlogd_commit_waiting", "Replies that wait for that."),
    counter(
        "backlog_commit_timeouts",
        "backlogd_commit_timeouts_total",
        "Replies that waited too long.",
    ),
    gauge(
        "backlog_discarded_bytes",
        "backlogd_discarded_bytes",
        "Bytes that the last full resync gave up.",
    ),
    gauge(
        "backlog_last_resync_seconds_ago",
        "backlogd_last_resync_seconds",
        "Seconds since the last resync with the primary.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_field_and_no_metric_has_two_rows() {
        let fields: BTreeSet<_> = ROWS.iter().map(|row| row.field).collect();
        let metrics: BTreeSet<_> = ROWS.iter().map(|row| row.metric).collect();
        assert_eq!((fields.len(), metrics.len()), (ROWS.len(), ROWS.len()));
    }
}
