//! `GET /metrics`: the text format is kept to the letter, its figures are those of `INFO`, and no
//! scraper, however rude, matters to anybody else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::support::data::fill;
use crate::support::history::await_online;
use crate::support::stock::free_port;
use crate::support::wait::PATIENCE;
use crate::support::{Endpoint, Server, Stock, await_until};

/// A server whose metrics are served.
struct Watched {
    server: Server,
    metrics: SocketAddr,
}

impl Watched {
    fn start(arguments: &[&str]) -> Self {
        let port = free_port();
        let text = port.to_string();
        let own = ["--save", "", "--backlog-metrics-port", &text];
        let server = Server::start(&[&own[..], arguments].concat());
        Self { server, metrics: (Ipv4Addr::LOCALHOST, port).into() }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect_timeout(&self.metrics, PATIENCE).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can be told so");
        stream
    }

    /// Sends bytes and reads until the server closes: the status line, the head and the body.
    #[track_caller]
    fn said(&self, request: &[u8]) -> (String, String, String) {
        let mut stream = self.connect();
        stream.write_all(request).expect("it is taken");
        split(stream)
    }

    #[track_caller]
    fn scrape(&self) -> Scrape {
        let (status, head, body) = self.said(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(status, "HTTP/1.1 200 OK");
        let kind = "Content-Type: text/plain; version=0.0.4; charset=utf-8";
        assert!(head.lines().any(|line| line == kind), "{head}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        Scrape::parse(&body)
    }
}

#[track_caller]
fn split(mut stream: TcpStream) -> (String, String, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a whole reply");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no reply: {text:?}"));
    let (status, head) = head.split_once("\r\n").unwrap_or((head, ""));
    (status.to_owned(), format!("{head}\r\n"), body.to_owned())
}

/// All series by name and labels, as strictly as the format is defined.
struct Scrape {
    kinds: BTreeMap<String, String>,
    series: BTreeMap<String, f64>,
}

impl Scrape {
    #[track_caller]
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends too");
        let (mut kinds, mut helps) = (BTreeMap::new(), BTreeSet::new());
        let mut series = BTreeMap::new();
        let mut family = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(helps.insert(name.to_owned()), "a second HELP: {line}");
                assert!(!help.trim().is_empty(), "{line}");
                assert!(!kinds.contains_key(name), "HELP after TYPE: {line}");
                name.clone_into(&mut family);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert_eq!(name, family, "TYPE of another family than HELP");
                assert!(["counter", "gauge", "summary"].contains(&kind), "{line}");
                let old = kinds.insert(name.to_owned(), kind.to_owned());
                assert_eq!(old, None, "a second TYPE: {line}");
            } else {
                let (name, labels, value) = sample(line);
                let is_summary = kinds.get(&family).is_some_and(|kind| kind == "summary");
                let stem = name.trim_end_matches("_sum").trim_end_matches("_count");
                let own = if is_summary { stem } else { name };
                assert_eq!(own, family, "not within its family: {line}");
                assert!(kinds.contains_key(own), "before its TYPE: {line}");
                let key = format!("{name}{{{}}}", labels.join(","));
                assert_eq!(series.insert(key, value), None, "a second time: {line}");
            }
        }
        Self { kinds, series }
    }

    #[track_caller]
    fn value(&self, name: &str) -> f64 {
        let key = if name.ends_with('}') { name.to_owned() } else { format!("{name}{{}}") };
        *self.series.get(&key).unwrap_or_else(|| panic!("no {key} in {:?}", self.series.keys()))
    }

    /// The names of all series, suffixes included.
    fn names(&self) -> BTreeSet<&str> {
        self.series.keys().filter_map(|key| key.split('{').next()).collect()
    }
}

/// Reads a sample: its name, its labels as they are written, its value.
#[track_caller]
fn sample(line: &str) -> (&str, Vec<String>, f64) {
    let name_end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let (name, mut rest) = line.split_at(name_end.unwrap_or_else(|| panic!("a bare name: {line}")));
    assert!(!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()), "{line}");
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(!label.is_empty() && label.chars().all(is_name), "{label:?} in {line}");
            let end = closing_quote(after).unwrap_or_else(|| panic!("no closing quote: {line}"));
            labels.push(format!("{label}=\"{}\"", &after[..end]));
            let after = &after[end + 1..];
            match after.split_at(1) {
                (",", more) => rest = more,
                ("}", more) => {
                    rest = more;
                    break;
                }
                other => panic!("{other:?} after a label: {line}"),
            }
        }
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no blank: {line}"));
    assert!(!value.contains(' '), "no time stamps are written: {line}");
    (name, labels, value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
}

/// Where a label's value ends; a backslash may stand before a quote, an `n` or another one only.
#[track_caller]
fn closing_quote(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some(at),
            '\\' => {
                let next = chars.next().map(|(_, next)| next);
                assert!(matches!(next, Some('"' | 'n' | '\\')), "a bad escape: {text}");
            }
            _ => {}
        }
    }
    None
}

#[test]
fn every_line_is_in_the_format_and_the_figures_are_those_of_info() {
    let watched = Watched::start(&["--slowlog-log-slower-than", "0"]);
    let mut client = watched.server.connect();
    fill(&mut client, 0, 50);
    client.run("SELECT 0");
    for line in ["SET k v EX 100", "GET k", "GET none", "HGET k f", "NOSUCH", "SELECT 3", "SET a b"]
    {
        client.run(line);
    }
    let scrape = watched.scrape();
    let field = |section: &str, field: &str| -> f64 {
        let text = watched.server.connect().info(section, field);
        text.parse().unwrap_or_else(|_| panic!("{field}: {text}"))
    };
    assert!((scrape.value("redis_up") - 1.0).abs() < f64::EPSILON);
    for (metric, section, name) in [
        ("redis_keyspace_hits_total", "stats", "keyspace_hits"),
        ("redis_keyspace_misses_total", "stats", "keyspace_misses"),
        ("redis_master_repl_offset", "replication", "master_repl_offset"),
        ("redis_config_maxclients", "clients", "maxclients"),
        ("redis_total_error_replies", "stats", "total_error_replies"),
        ("backlogd_log_written_offset", "backlog", "backlog_written_offset"),
        ("backlogd_log_segments", "backlog", "backlog_segments"),
    ] {
        let (ours, theirs) = (scrape.value(metric), field(section, name));
        assert!((ours - theirs).abs() < f64::EPSILON, "{metric}: {ours}, and {theirs} in INFO");
    }
    for (series, value) in [
        ("redis_commands_total{cmd=\"hget\"}", 1.0),
        ("redis_commands_failed_calls_total{cmd=\"hget\"}", 1.0),
        ("redis_errors_total{err=\"WRONGTYPE\"}", 1.0),
        ("redis_db_keys{db=\"db15\"}", 0.0),
        ("redis_latency_percentiles_usec_count{cmd=\"hget\"}", 1.0),
        ("backlogd_retention_held_by{holder=\"damage\"}", 0.0),
    ] {
        assert!((scrape.value(series) - value).abs() < f64::EPSILON, "{series}");
    }
    let keys = client.run("DBSIZE").integer() as f64;
    assert!((scrape.value("redis_db_keys{db=\"db3\"}") - keys).abs() < f64::EPSILON, "{keys}");
    assert!(scrape.value("redis_db_keys_expiring{db=\"db0\"}") >= 1.0);
    assert!(scrape.value("redis_slowlog_length") > 50.0);
    assert!(scrape.value("backlogd_syncs_total") >= 0.0);
    let counters = scrape.kinds.iter().filter(|(_, kind)| *kind == "counter").count();
    assert!(counters > 20, "{counters}");
}

#[test]
fn a_primary_tells_of_its_replicas_and_a_replica_of_its_primary() {
    let primary = Watched::start(&[]);
    let address = primary.server.address();
    let replicaof = format!("{} {}", address.ip(), address.port());
    let replica = Watched::start(&["--replicaof", &replicaof]);
    let stock = Stock::start(&["--replicaof", &replicaof]);
    let mut client = primary.server.connect();
    await_online(&primary.server, 2);
    client.run("SET k v");
    client.run("WAIT 2 10000");
    let scrape = primary.scrape();
    let port = stock.address().port();
    let labels = format!("{{slave_ip=\"127.0.0.1\",slave_port=\"{port}\",slave_state=\"online\"}}");
    assert!(scrape.value(&format!("redis_connected_slave_offset_bytes{labels}")) > 0.0);
    assert!(scrape.value(&format!("redis_connected_slave_lag_seconds{labels}")) >= 0.0);
    let own = replica.server.address().port();
    let labels = format!("{{ip=\"127.0.0.1\",port=\"{own}\",kind=\"backlogd\",state=\"online\"}}");
    assert!(scrape.value(&format!("backlogd_replica_lag_bytes{labels}")) >= 0.0);
    let scrape = replica.scrape();
    let labels = format!("{{master_host=\"127.0.0.1\",master_port=\"{}\"}}", address.port());
    assert!((scrape.value(&format!("redis_master_link_up{labels}")) - 1.0).abs() < f64::EPSILON);
    assert!(scrape.value(&format!("redis_slave_repl_offset{labels}")) > 0.0);
    assert!(scrape.value("redis_slave_priority") > 0.0);
}

#[test]
fn other_requests_are_refused_by_their_status() {
    let watched = Watched::start(&[]);
    for (request, status) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "404 Not Found"),
        (b"GET /metricsx HTTP/1.1\r\n\r\n", "404 Not Found"),
        (b"GET /metrics?name=x HTTP/1.0\r\n\r\n", "200 OK"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405 Method Not Allowed"),
        (b"GET /metrics\r\n\r\n", "400 Bad Request"),
        (b"*1\r\n$4\r\nPING\r\n\r\n", "400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "400 Bad Request"),
    ] {
        let (said, ..) = watched.said(request);
        assert_eq!(said, format!("HTTP/1.1 {status}"), "to {}", request.escape_ascii());
    }
    let long = [b"GET /metrics HTTP/1.1\r\na: ".as_slice(), &[b'a'; 9000], b"\r\n\r\n"].concat();
    assert_eq!(watched.said(&long).0, "HTTP/1.1 400 Bad Request");
    let (status, head, body) = watched.said(b"HEAD /metrics HTTP/1.1\r\n\r\n");
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", ""));
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    assert!(length.is_some_and(|length| length.parse::<usize>().is_ok_and(|length| length > 1000)));
}

#[test]
fn slow_and_many_scrapers_are_given_up_and_nobody_else_notices() {
    let watched = Watched::start(&[]);
    let mut client = watched.server.connect();
    let mut slow: Vec<_> = (0..16).map(|_| watched.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /metr").expect("it is taken");
    }
    assert_eq!(client.run("PING").text(), "PONG");
    await_until("one more is told to come again", || {
        let mut text = String::new();
        // It may be reset once it has been told.
        drop(watched.connect().read_to_string(&mut text));
        text.starts_with("HTTP/1.1 503 ")
    });
    assert_eq!(client.run("PING").text(), "PONG");
    for stream in &mut slow {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket can be told so");
        assert!(matches!(stream.read(&mut [0; 64]), Ok(0) | Err(_)), "it is given up unanswered");
    }
    await_until("there is room again", || {
        let mut stream = watched.connect();
        // As above.
        drop(stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n"));
        let mut text = String::new();
        drop(stream.read_to_string(&mut text));
        text.starts_with("HTTP/1.1 200 ")
    });
}

#[test]
fn a_server_that_loads_answers_and_tells_how_far_it_is() {
    let mut watched = Watched::start(&["--enable-debug-command", "yes"]);
    let mut client = watched.server.connect();
    client.run("DEBUG POPULATE 400000 key 100");
    drop(client);
    watched.server.restart_loading(&[]);
    let loading = watched.scrape();
    assert!((loading.value("redis_up") - 1.0).abs() < f64::EPSILON);
    let told = loading.value("redis_loading_dump_file");
    if told > 0.0 {
        assert!(loading.value("backlogd_loading_total_bytes") >= 0.0);
    }
    await_until("it is loaded", || watched.scrape().value("redis_loading_dump_file") < 0.5);
    let scrape = watched.scrape();
    assert!((scrape.value("redis_db_keys{db=\"db0\"}") - 400_000.0).abs() < f64::EPSILON);
}

#[test]
fn without_a_port_nobody_listens_and_a_port_in_use_is_an_error() {
    let watched = Watched::start(&[]);
    let port = watched.metrics.port().to_string();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let arguments = ["--backlog-metrics-port", port.as_str()];
    let (said, status) = Server::start_refused(directory.path(), &arguments);
    assert!(!status.success() && said.contains("cannot listen on 127.0.0.1:"), "{said}");
    let mut watched = watched;
    assert!(watched.server.terminate().success());
    assert!(TcpStream::connect(watched.metrics).is_err());
}

/// The names of metrics in an expression of the query language.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = expression.split(|c: char| !is_name(c));
    words
        .filter(|word| word.starts_with("redis_") || word.starts_with("backlogd_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_dashboard_asks_for_nothing_that_is_not_told() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/grafana-dashboard.json");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let expressions: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("\"expr\": \""))
        .map(|rest| rest.trim_end_matches(',').trim_end_matches('"'))
        .collect();
    assert!(expressions.len() > 20, "{expressions:?}");
    let primary = Watched::start(&["--latency-monitor-threshold", "1"]);
    let address = primary.server.address();
    let replicaof = format!("{} {}", address.ip(), address.port());
    let replica = Watched::start(&["--replicaof", &replicaof]);
    let mut client = primary.server.connect();
    await_online(&primary.server, 1);
    client.run("NOSUCH");
    client.run("SET k v EX 100");
    let scrapes = [primary.scrape(), replica.scrape()];
    let told: BTreeSet<&str> = scrapes.iter().flat_map(Scrape::names).collect();
    for expression in expressions {
        let metrics = metrics_in(expression);
        assert!(!metrics.is_empty(), "{expression}");
        for metric in metrics {
            assert!(told.contains(metric.as_str()), "{metric} in {expression}");
        }
    }
}
