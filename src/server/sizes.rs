//! From directives to the sizes and policies of the keyspace.

use crate::config::Settings;
use crate::config::settings::MemoryLimit;
use crate::keyspace::{Keyspace, Leftovers, UsagePolicy};

/// Applies the sizes up to which values are packed, and what the limit of memory asks for.
pub fn apply_sizes(keyspace: &Keyspace, settings: &Settings) {
    let limits = keyspace.limits();
    limits.set_hash_entries_max(settings.hash_max_listpack_entries);
    limits.set_hash_value_bytes_max(settings.hash_max_listpack_value);
    limits.set_sparse_sketch_bytes_max(settings.hll_sparse_max_bytes);
    limits.set_zset_entries_max(settings.zset_max_listpack_entries);
    limits.set_zset_value_bytes_max(settings.zset_max_listpack_value);
    limits.set_stream_node_bytes_max(settings.stream_node_max_bytes);
    limits.set_stream_node_entries_max(settings.stream_node_max_entries);
    limits.set_list_size_max(settings.list_max_listpack_size);
    limits.set_set_integers_max(settings.small_sets.intset_entries_max);
    limits.set_set_entries_max(settings.small_sets.listpack_entries_max);
    limits.set_set_value_bytes_max(settings.small_sets.listpack_value_bytes_max);
    keyspace.usage().set_policy(usage_policy(&settings.memory_limit));
    let is_limited = settings.memory_limit.bytes > 0;
    keyspace.set_leftovers(if is_limited { Leftovers::GivenBack } else { Leftovers::Kept });
}

/// What is noted of the use of keys, for the policy of eviction to go by.
fn usage_policy(limit: &MemoryLimit) -> UsagePolicy {
    match limit.policy {
        "allkeys-lfu" | "volatile-lfu" => UsagePolicy::Frequency {
            log_factor: limit.lfu_log_factor,
            decay_minutes: limit.lfu_decay_minutes,
        },
        _ => UsagePolicy::Recency,
    }
}
