use super::*;

const INFO: &str = "# Server\r\nredis_version:7.2.6\r\nos:a\\b\"c\r\nbacklogd_version:0.1.0\r\n\
    \r\n# Memory\r\nused_memory:1000\r\nused_memory_human:1000B\r\n# Stats\r\n\
    expired_stale_perc:0.50\r\n# Persistence\r\nrdb_last_bgsave_status:err\r\n\
    rdb_last_save_time:90\r\n# Replication\r\nrole:slave\r\nmaster_host:h\r\nmaster_port:1\r\n\
    master_link_status:up\r\nslave0:ip=1.2.3.4,port=5,state=online,offset=7,lag=0\r\n\
    # Commandstats\r\ncmdstat_get:calls=3,usec=9,usec_per_call=3.00,rejected_calls=0,failed_calls=1\
    \r\n# Errorstats\r\nerrorstat_ERR:count=2\r\n# Latencystats\r\n\
    latency_percentiles_usec_get:p50=2.000,p99.9=4.015\r\n# Keyspace\r\n\
    db0:keys=5,expires=1,avg_ttl=1500\r\n# Backlog\r\nbacklog_sync_p99_usec:2500\r\n\
    backlog_replica0:ip=1.2.3.4,port=5,kind=redis,version=7,state=online,offset=7,durable_offset=0,\
    lag_bytes=-1,lag_seconds=-1\r\n";

fn beside() -> Beside {
    Beside {
        now_s: 100,
        started_s: 50,
        databases: 2,
        slow_newest: Some((4, 2_000)),
        latency: vec![("command".to_owned(), 99, 20, 30)],
        horizon: Some((8, vec![("replica".to_owned(), true), ("restart".to_owned(), false)])),
        ..Beside::default()
    }
}

#[test]
fn lines_of_every_kind_become_samples() {
    let text = exposition(INFO, &beside());
    for line in [
        "redis_up 1",
        "redis_memory_used_bytes 1000",
        "redis_expired_stale_percentage 0.5",
        "redis_rdb_last_bgsave_status 0",
        "redis_master_link_up{master_host=\"h\",master_port=\"1\"} 1",
        "redis_connected_slave_offset_bytes{slave_ip=\"1.2.3.4\",slave_port=\"5\",\
         slave_state=\"online\"} 7",
        "redis_commands_total{cmd=\"get\"} 3",
        "redis_commands_failed_calls_total{cmd=\"get\"} 1",
        "redis_errors_total{err=\"ERR\"} 2",
        "redis_latency_percentiles_usec{cmd=\"get\",quantile=\"99.9\"} 4.015",
        "redis_latency_percentiles_usec_count{cmd=\"get\"} 3",
        "redis_db_keys{db=\"db0\"} 5",
        "redis_db_keys{db=\"db1\"} 0",
        "redis_db_avg_ttl_seconds{db=\"db0\"} 1.5",
        "backlogd_sync_p99_seconds 0.0025",
        "backlogd_replica_lag_bytes{ip=\"1.2.3.4\",port=\"5\",kind=\"redis\",state=\"online\"} -1",
        "backlogd_snapshot_age_seconds 10",
        "redis_last_slow_execution_duration_seconds 0.002",
        "redis_latency_spike_duration_seconds{event_name=\"command\"} 0.02",
        "backlogd_retention_held_by{holder=\"replica\"} 1",
        "backlogd_retention_held_by{holder=\"restart\"} 0",
    ] {
        assert_eq!(text.lines().filter(|own| *own == line).count(), 1, "{line} in:\n{text}");
    }
    assert!(!text.contains("human"), "{text}");
}

#[test]
fn a_family_is_told_in_one_piece_and_a_series_once() {
    let twice = format!("{INFO}db0:keys=9,expires=9,avg_ttl=9\r\n");
    let text = exposition(&twice, &beside());
    assert_eq!(text.matches("# TYPE redis_db_keys gauge\n").count(), 1);
    assert_eq!(text.matches("redis_db_keys{db=\"db0\"}").count(), 1);
}

#[test]
fn labels_cannot_break_out_of_their_quotes() {
    let text = exposition(INFO, &Beside::default());
    assert!(text.contains(r#"os="a\\b\"c""#), "{text}");
}
