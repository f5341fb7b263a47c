//! `INFO`: memory and processor time.

use crate::admin::memory;
use crate::keyspace::held_bytes;

use super::Text;
use super::usage::{Usage, ratio};
use crate::server::Server;

pub(super) fn memory_section(server: &Server, text: &mut Text<'_, '_>) {
    let usage = Usage::look(server, text.held);
    let (figures, peak) = (usage.system, usage.peak_bytes);
    text.head("Memory");
    text.bytes("used_memory", figures.allocated);
    text.bytes("used_memory_rss", figures.rss);
    text.bytes("used_memory_rss_anonymous", figures.rss_anonymous);
    text.bytes("used_memory_rss_files", figures.rss_files);
    text.bytes("used_memory_peak", peak);
    text.line(
        "used_memory_peak_perc",
        format_args!("{:.2}%", 100.0 * ratio(figures.allocated, peak)),
    );
    text.line("used_memory_overhead", usage.overhead_bytes());
    text.line("used_memory_startup", usage.startup_bytes);
    text.line("used_memory_dataset", usage.dataset_bytes());
    text.line("used_memory_dataset_perc", format_args!("{:.2}%", usage.dataset_percent()));
    text.line("allocator_allocated", figures.allocated);
    text.line("allocator_active", figures.active);
    text.line("allocator_resident", figures.resident);
    text.bytes("total_system_memory", memory::machine_bytes());
    text.bytes("used_memory_lua", usage.scripts_vm_bytes);
    text.line("used_memory_vm_eval", usage.scripts_vm_bytes);
    text.line("used_memory_scripts_eval", usage.scripts_bytes);
    text.line("number_of_cached_scripts", server.scripts.count());
    let libraries = server.scripts.libraries().current();
    text.line("number_of_functions", libraries.functions_count());
    text.line("number_of_libraries", libraries.iter().len());
    text.line("used_memory_vm_functions", usage.functions_vm_bytes);
    text.bytes("used_memory_vm_total", usage.scripts_vm_bytes + usage.functions_vm_bytes);
    text.line("used_memory_functions", usage.functions_bytes);
    text.bytes("used_memory_scripts", usage.scripts_bytes + usage.functions_bytes);
    let limit = server.settings().memory_limit;
    text.bytes("maxmemory", limit.bytes);
    text.line("maxmemory_policy", limit.policy);
    text.line(
        "allocator_frag_ratio",
        format_args!("{:.2}", ratio(figures.active, figures.allocated)),
    );
    text.line("allocator_frag_bytes", figures.active.saturating_sub(figures.allocated));
    text.line(
        "allocator_rss_ratio",
        format_args!("{:.2}", ratio(figures.resident, figures.active)),
    );
    text.line("allocator_rss_bytes", figures.resident.saturating_sub(figures.active));
    text.line("rss_overhead_ratio", format_args!("{:.2}", ratio(figures.rss, figures.resident)));
    text.line("rss_overhead_bytes", figures.rss as i64 - figures.resident as i64);
    text.line(
        "mem_fragmentation_ratio",
        format_args!("{:.2}", ratio(figures.rss_anonymous, figures.allocated)),
    );
    text.line("mem_fragmentation_bytes", figures.rss_anonymous as i64 - figures.allocated as i64);
    text.line("mem_not_counted_for_evict", held_bytes());
    text.line("mem_replication_backlog", 0);
    text.line("mem_total_replication_buffers", 0);
    text.line("mem_clients_slaves", usage.replicas_bytes);
    text.line("mem_clients_normal", usage.clients_bytes);
    text.line("mem_cluster_links", 0);
    text.line("mem_aof_buffer", 0);
    text.line("mem_allocator", memory::allocator());
    text.line("active_defrag_running", 0);
    let (waiting, freed) = server.bin.counts();
    text.line("lazyfree_pending_objects", waiting);
    text.line("lazyfreed_objects", freed);
}

pub(super) fn cpu(_server: &Server, text: &mut Text<'_, '_>) {
    let (time, main) = (memory::processor_time(), memory::main_thread_time());
    text.head("CPU");
    text.line("used_cpu_sys", format_args!("{:.6}", time.system));
    text.line("used_cpu_user", format_args!("{:.6}", time.user));
    text.line("used_cpu_sys_children", format_args!("{:.6}", time.system_children));
    text.line("used_cpu_user_children", format_args!("{:.6}", time.user_children));
    text.line("used_cpu_sys_main_thread", format_args!("{:.6}", main.system));
    text.line("used_cpu_user_main_thread", format_args!("{:.6}", main.user));
}
