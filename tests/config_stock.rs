//! CONFIG GET, SET and REWRITE beside a stock server: same values, same texts, same files.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use backlogd::config::{Caller, Config, Directive, SetError, table::TABLE};

/// A stock server on a unix socket, ended when dropped.
struct Stock {
    process: Child,
    replies: BufReader<UnixStream>,
    directory: tempfile::TempDir,
}

impl Stock {
    fn start(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("server.conf");
        fs::write(&file, config).unwrap();
        let socket = directory.path().join("socket");
        let mut process = Command::new("redis-server")
            .arg(&file)
            .args(["--port", "0", "--unixsocket"])
            .arg(&socket)
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server is needed: apt-get install redis-server");
        let output = BufReader::new(process.stdout.take().unwrap());
        let ready = "ready to accept connections";
        let is_ready = output.lines().any(|line| line.unwrap().contains(ready));
        assert!(is_ready, "the stock server did not start");
        let stream = UnixStream::connect(&socket).unwrap();
        Self { process, replies: BufReader::new(stream), directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("server.conf")
    }

    /// Sends a command and returns its reply: a line, or the elements of an array.
    fn ask(&mut self, words: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.replies.get_mut().write_all(&request).unwrap();
        let head = self.line();
        let Some(count) = head.strip_prefix('*') else { return vec![head.into_bytes()] };
        (0..count.parse::<usize>().unwrap()).map(|_| self.bulk()).collect()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.replies.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn bulk(&mut self) -> Vec<u8> {
        let length: usize = self.line()[1..].parse().unwrap();
        let mut text = vec![0; length + 2];
        self.replies.read_exact(&mut text).unwrap();
        text.truncate(length);
        text
    }

    /// Sends CONFIG SET and returns what a client would print.
    fn set(&mut self, pairs: &[(&str, &str)]) -> String {
        let mut words: Vec<&[u8]> = vec![b"CONFIG", b"SET"];
        for (name, value) in pairs {
            words.extend([name.as_bytes(), value.as_bytes()]);
        }
        let reply = self.ask(&words).remove(0);
        String::from_utf8(reply).unwrap().trim_start_matches(['+', '-']).to_owned()
    }

    fn get(&mut self, pattern: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let reply = self.ask(&[b"CONFIG", b"GET", pattern.as_bytes()]);
        let (pairs, _) = reply.as_chunks::<2>();
        let mut pairs: Vec<_> = pairs.iter().cloned().map(|[n, v]| (n, v)).collect();
        pairs.sort();
        pairs
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<(), SetError> {
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    config.set(&pairs, Caller::Local).map(|_| ())
}

fn reply(result: Result<(), SetError>) -> String {
    result.map_or_else(|error| error.to_string(), |()| "OK".to_owned())
}

/// Directives that differ on purpose, each with the reason.
const DIFFERENT: [&str; 19] = [
    // Other defaults.
    "bind",
    "dir",
    "io-threads",
    "appendonly",
    "repl-backlog-size",
    // Set by the test.
    "port",
    "unixsocket",
    // A stock server changes its surroundings when these are set, or not at all.
    "proc-title-template",
    "jemalloc-bg-thread",
    "activedefrag",
    "oom-score-adj",
    "crash-log-enabled",
    // This server has no such part, and refuses what stock servers take.
    "replicaof",
    "slaveof",
    "cluster-enabled",
    "aclfile",
    // Values that do not read back on a stock server.
    "notify-keyspace-events",
    "maxmemory-clients",
    "dbfilename",
];

/// Values of every kind, those at the ends of a range and beside them, and none of any kind.
const VALUES: [&str; 69] = [
    "",
    "0",
    "1",
    "-1",
    "2",
    "10",
    "99",
    "100",
    "101",
    "512",
    "1023",
    "1048575",
    "1048576",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "-9223372036854775808",
    "99999999999999999999",
    "+1",
    "01",
    "1 ",
    " 1",
    "0x1",
    "1.5",
    "1e3",
    "1k",
    "1KB",
    "2mb",
    "3Gb",
    "1b",
    "kb",
    "1tb",
    "5%",
    "-5%",
    "%",
    "yes",
    "NO",
    "yess",
    "abc",
    "always",
    "Notice",
    "debug",
    "allkeys-lru",
    "swapdb",
    "local",
    "now force",
    "1 2",
    "1 2 3 4",
    "10 20 30",
    "900 1",
    "900 1 300",
    "99.9 0",
    "101.5",
    "a b",
    "normal 0 0 0",
    "replica 1mb 2kb 60 pubsub 1 2 3",
    "normal 0 0 x",
    "master 1 2 3",
    "normal 0 0",
    "default save nosave",
    "a_b",
    "a.b",
    "x\"y\\z\n",
];

/// Values that a stock server takes for numbers, and this one does not.
const LAX: [(&str, &str); 2] = [("save", "1 "), ("latency-tracking-info-percentiles", "0x1")];

/// What a stock server may switch off, and this one not.
const ALWAYS_ON: [&str; 2] = ["replica-read-only", "slave-read-only"];

/// Names that both servers list and that may be compared; those of TLS are where there are certificates.
fn comparable(stock: &mut Stock) -> Vec<&'static str> {
    let listed: HashSet<_> = stock.get("*").into_iter().map(|(name, _)| name).collect();
    let names = TABLE.iter().flat_map(|row| [Some(row.name), row.alias]).flatten();
    let is_own = |name: &&str| DIFFERENT.contains(name) || ALWAYS_ON.contains(name);
    let is_theirs = |name: &&str| listed.contains(name.as_bytes()) && !name.starts_with("tls-");
    let names: Vec<_> = names.filter(|name| is_theirs(name) && !is_own(name)).collect();
    assert!(names.len() > 150, "only {} names are compared", names.len());
    names
}

#[test]
fn every_directive_of_the_stock_server_is_known_with_its_default() {
    let mut stock = Stock::start("");
    for (name, value) in stock.get("*") {
        let name = String::from_utf8(name).unwrap();
        let ours = Config::default().get(name.as_bytes());
        assert_eq!(ours.len(), 1, "{name} is not known");
        if !DIFFERENT.contains(&name.as_str()) {
            let shown = String::from_utf8_lossy(&ours[0].1).into_owned();
            assert_eq!(shown, String::from_utf8_lossy(&value), "{name}");
        }
    }
}

#[test]
fn each_directive_takes_and_refuses_the_same_values() {
    let mut stock = Stock::start("");
    let mut config = Config::default();
    let mut different = Vec::new();
    for name in comparable(&mut stock) {
        for value in VALUES {
            // Open files are the server's to check.
            if LAX.contains(&(name, value)) || (name == "maxclients" && value.len() > 4) {
                continue;
            }
            let ours = reply(set(&mut config, &[(name, value)]));
            let mut theirs = stock.set(&[(name, value)]);
            if name == "loglevel" && theirs.contains("one of the following") {
                // Redis 7.2 has one more.
                theirs.push_str(", nothing");
            }
            if ours != theirs {
                different.push(format!("{name} {value:?}: {ours}, but stock: {theirs}"));
            } else if config.get(name.as_bytes()) != stock.get(name) {
                different.push(format!("{name} {value:?} reads otherwise"));
            }
        }
        // Back to what both agree on, for the sake of aliases.
        let default = TABLE[Directive::find(name.as_bytes()).unwrap()].default;
        let ours = reply(set(&mut config, &[(name, default)]));
        assert_eq!(ours, stock.set(&[(name, default)]), "{name}");
    }
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn several_values_at_once_are_refused_for_the_same_one() {
    let mut stock = Stock::start("");
    let mut config = Config::default();
    for pairs in [
        &[("nope", "1")][..],
        &[("timeout", "5"), ("timeout", "6")],
        &[("timeout", "5"), ("TIMEOUT", "6")],
        &[("timeout", "5"), ("foo", "1")],
        &[("timeout", "x"), ("foo", "1")],
        &[("daemonize", "no"), ("nope", "2")],
        &[("nope", "2"), ("daemonize", "no")],
        &[("timeout", "x"), ("hz", "y")],
        &[("timeout", "9"), ("hz", "y")],
        &[("timeout", "9"), ("MaxmEmorY", "y")],
        &[("timeout", "9"), ("Slave-Priority", "y")],
        &[("dir", "/tmp"), ("timeout", "9")],
        &[("hz", "20"), ("timeout", "9"), ("save", "1 1")],
    ] {
        assert_eq!(reply(set(&mut config, pairs)), stock.set(pairs), "{pairs:?}");
        for name in ["timeout", "hz", "save"] {
            assert_eq!(config.get(name.as_bytes()), stock.get(name), "{pairs:?}");
        }
    }
}

#[test]
fn patterns_find_the_same_names() {
    let mut stock = Stock::start("");
    let config = Config::default();
    let comparable = comparable(&mut stock);
    for pattern in [
        "PORT",
        "Slave-Read-Only",
        "hash-*",
        "*-MAX-zip*",
        "repl?*time*",
        "lua*",
        "[l-m]ua*",
        "*[^a-y]set*",
        "nope",
        "no*pe",
        "tls-*",
        "hz",
        "h?",
        "[h]z",
        "save",
        "\\hz",
        "h\\*",
    ] {
        let mut ours = config.get(pattern.as_bytes());
        ours.retain(|(name, _)| comparable.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name)));
        ours.sort();
        let mut theirs = stock.get(pattern);
        theirs
            .retain(|(name, _)| comparable.iter().any(|n| n.as_bytes().eq_ignore_ascii_case(name)));
        assert_eq!(ours, theirs, "{pattern}");
    }
}

/// The lines of a rewritten file that are not about the place it was written in.
///
/// Appended lines come in no particular order from a stock server.
fn essential(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let apart =
        ["dir ", "user ", "port ", "unixsocket ", "bind ", "appendonly ", "latency-tracking"];
    lines.retain(|line| !apart.iter().any(|name| line.starts_with(name)));
    let mark = lines.iter().position(|line| line == "# Generated by CONFIG REWRITE");
    if let Some(mark) = mark {
        let mut appended = lines.split_off(mark + 1);
        appended.retain(|line| !line.is_empty());
        appended.sort();
        lines.append(&mut appended);
    }
    // A mark with nothing below it, and the empty line before it, say nothing.
    while lines.last().is_some_and(|l| l.is_empty() || l == "# Generated by CONFIG REWRITE") {
        lines.pop();
    }
    lines
}

fn rewrite_ours(path: &Path, text: &str, pairs: &[(&str, &str)]) -> String {
    fs::write(path, text).unwrap();
    let mut config = Config::from_file(path).unwrap();
    for pair in pairs {
        set(&mut config, &[*pair]).unwrap();
    }
    config.rewrite(&[]).unwrap();
    fs::read_to_string(path).unwrap()
}

#[test]
fn rewritten_files_are_the_same() {
    // As stock spells them: a line that says what is in force is kept here as it was found.
    let long = "# head\n\n# about save\nsave 900 1\nsave 300 10\n\n\nmaxmemory 100mb\n\
                replica-serve-stale-data yes\nclient-output-buffer-limit normal 0 0 0\ntimeout 0\n\
                requirepass \"a b\"\nbusy-reply-threshold 5000\n# middle\nhz 20\n\n\n\n# tail\n";
    let scenarios: [(&str, &[(&str, &str)]); 8] = [
        ("", &[]),
        ("", &[("timeout", "5"), ("maxmemory", "1500000"), ("save", "")]),
        (long, &[]),
        (long, &[("save", ""), ("maxmemory", "2gb"), ("replica-serve-stale-data", "no")]),
        (long, &[("save", "1 1 2 2 3 3"), ("client-output-buffer-limit", "replica 1mb 2kb 3")]),
        (
            "save \"\"\n\n# Generated by CONFIG REWRITE\ntimeout 7\n",
            &[("notify-keyspace-events", "Kg"), ("masterauth", "x\"\\\n\x01y")],
        ),
        ("timeout 5\ntimeout 6\ntimeout 7\n# end", &[("timeout", "0")]),
        (
            "shutdown-on-sigint nosave\noom-score-adj-values 1 2 3\n",
            &[("shutdown-on-sigint", "now force"), ("maxmemory-clients", "5%"), ("hz", "7")],
        ),
    ];
    for (text, pairs) in scenarios {
        let mut stock = Stock::start(text);
        if text.contains("requirepass") {
            stock.ask(&[b"AUTH", b"a b"]);
        }
        for pair in pairs {
            assert_eq!(stock.set(&[*pair]), "OK", "{pair:?}");
        }
        assert_eq!(stock.ask(&[b"CONFIG", b"REWRITE"]), [b"+OK".to_vec()]);
        let theirs = fs::read_to_string(stock.file()).unwrap();
        let ours = rewrite_ours(&stock.directory.path().join("ours.conf"), text, pairs);
        assert_eq!(essential(&ours), essential(&theirs), "{text:?} {pairs:?}");
    }
}
