use super::*;

#[test]
fn the_defaults_are_those_of_the_table() {
    let settings = Config::default().settings();
    assert_eq!(settings.bind, ["127.0.0.1", "-::1"]);
    assert_eq!(settings.port, 6379);
    assert_eq!(settings.appendfsync, AppendFsync::EverySecond);
    assert_eq!(settings.backlog_feed, BacklogFeed::Durable);
    assert_eq!(settings.repl_backlog_size, 1 << 30);
    assert_eq!(settings.save.len(), 3);
    assert_eq!(settings.slowlog_log_slower_than_us, Some(10_000));
    assert_eq!(settings.latency_percentiles, [50.0, 99.0, 99.9]);
    assert_eq!(settings.io_threads, None);
    assert!(settings.dir_is_default && settings.dir.is_absolute());
    assert!(settings.dir.ends_with("backlogd-data"));
    assert_eq!(settings.backlog_dir, settings.dir);
}

#[test]
fn port_zero_is_any_port_where_a_file_tells_which() {
    let port = |text: &[u8]| Config::from_text(text).unwrap().settings().tcp_port();
    assert_eq!(port(b""), Some(6379));
    assert_eq!(port(b"port 0"), None);
    assert_eq!(port(b"port 0\nbacklog-address-file /tmp/x"), Some(0));
    assert_eq!(port(b"port 0\nbacklog-address-file /tmp/x\ntls-port 7"), None);
}

#[test]
fn every_field_takes_the_ends_of_its_range() {
    use crate::config::table::TABLE;
    use crate::config::value::Kind;
    for row in TABLE {
        let (min, max) = match row.kind {
            Kind::Integer(min, max) | Kind::Percent(min, max) | Kind::Clamped(min, max) => {
                (min.to_string(), max.to_string())
            }
            Kind::Memory(min, max) => (min.to_string(), max.to_string()),
            _ => continue,
        };
        for value in [min, max] {
            // Refused directives take their default only.
            if let Ok(config) = Config::from_text(format!("{} {value}", row.name).as_bytes()) {
                let _ = config.settings();
            }
        }
    }
}
