//! `redis-cli` and `redis-benchmark` find here what they find at a stock server.

#[path = "../support/mod.rs"]
mod support;

mod hints;
mod terminal;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Command, Stdio};

use support::process::Process;
use support::{Endpoint, Server, Stock};
use tempfile::TempDir;

const INSTALL: &str = "It is needed here: apt-get install redis-tools";
/// Elements of each collection, and keys beside them.
const COUNT: usize = 300;

/// Prepares a tool for the server at hand.
fn tool(name: &str, server: &impl Endpoint, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(["-p", &server.address().port().to_string()]).args(arguments);
    command
}

/// Runs a tool with what it is to read; returns all that it printed, both streams in order.
fn run_with(name: &str, server: &impl Endpoint, arguments: &[&str], input: &str) -> String {
    let mut output = tempfile::tempfile().expect("a temporary file can be made");
    let both = |file: &fs::File| Stdio::from(file.try_clone().expect("a file can be shared"));
    let mut child = tool(name, server, arguments)
        .stdin(Stdio::piped())
        .stdout(both(&output))
        .stderr(both(&output))
        .spawn()
        .unwrap_or_else(|error| panic!("{name}: {error}. {INSTALL}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    // Most of the tools leave what they are given unread.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    child.wait().expect("the child can be waited for");
    let mut text = String::new();
    output.rewind().expect("a file can be read again");
    output.read_to_string(&mut text).expect("the output is text");
    text
}

fn cli(server: &impl Endpoint, arguments: &[&str]) -> String {
    run_with("redis-cli", server, arguments, "")
}

/// A server of each kind with the same data, which came by `redis-cli --pipe`.
fn filled() -> (Server, Stock) {
    let (server, stock) = (Server::start(&[]), Stock::start(&[]));
    let mut input = format!("SET text {}\n", "x".repeat(1000));
    for index in 0..COUNT {
        writeln!(input, "RPUSH many:items item:{index}\nSADD many:members member:{index}")
            .and_then(|()| writeln!(input, "ZADD many:scores {index} member:{index}"))
            .and_then(|()| writeln!(input, "HSET many:fields field:{index} {index}"))
            .and_then(|()| writeln!(input, "SET key:{index} {index}"))
            .expect("a string takes what is written");
    }
    input.push_str("LPUSH text wrong\n");
    let (ours, theirs) = (
        run_with("redis-cli", &server, &["--pipe"], &input),
        run_with("redis-cli", &stock, &["--pipe"], &input),
    );
    let replies = 5 * COUNT + 2;
    assert!(ours.contains(&format!("errors: 1, replies: {replies}")), "{ours}");
    assert_eq!(ours, theirs);
    (server, stock)
}

/// The lines below `summary`, whose order is that of the scan.
fn summary(text: &str) -> BTreeSet<String> {
    let (_, below) = text.split_once("summary").unwrap_or_else(|| panic!("no summary: {text}"));
    below.lines().map(str::to_owned).collect()
}

#[test]
fn keys_are_found_as_a_stock_server_has_them() {
    let (server, stock) = filled();
    assert_eq!(summary(&cli(&server, &["--bigkeys"])), summary(&cli(&stock, &["--bigkeys"])));

    // How many bytes something takes is each server's own; which is the largest is not.
    let largest = |text: String| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| line.starts_with("Biggest "));
        lines.map(|line| line.split(" has ").next().expect("a part").to_owned()).collect()
    };
    let ours = largest(cli(&server, &["--memkeys"]));
    assert_eq!(ours.len(), 5, "{ours:?}");
    assert_eq!(ours, largest(cli(&stock, &["--memkeys", "--memkeys-samples", "0"])));

    for pattern in ["many:*", "key:?", "*"] {
        let arguments = ["--scan", "--pattern", pattern];
        let found = |text: String| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        let ours = found(cli(&server, &arguments));
        assert!(ours.len() >= 4, "{ours:?}");
        assert_eq!(ours, found(cli(&stock, &arguments)), "{pattern}");
    }

    // Without a policy that counts uses, both refuse.
    let ours = cli(&server, &["--hotkeys"]);
    assert!(ours.contains("ERR An LFU maxmemory policy is not selected"), "{ours}");
    assert_eq!(ours, cli(&stock, &["--hotkeys"]));
}

#[test]
fn a_snapshot_that_redis_cli_fetched_is_loaded_by_a_stock_server() {
    let (server, stock) = filled();
    let directory = TempDir::new().expect("a temporary directory can be made");
    let path = directory.path().join("fetched.rdb");
    let path = path.to_str().expect("the path is text");
    let said = cli(&server, &["--rdb", path]);
    assert!(said.contains("Transfer finished with success"), "{said}");
    let home = directory.path().to_str().expect("the path is text");
    let loaded = Stock::start(&["--dir", home, "--dbfilename", "fetched.rdb"]);
    let digest = |server: &Stock| server.connect().run("DEBUG DIGEST").text();
    assert_eq!(digest(&loaded), digest(&stock));

    let library = "#!lua name=l\nredis.register_function('f', function() return 1 end)";
    server.connect().call(&["FUNCTION", "LOAD", library]);
    let said = cli(&server, &["--functions-rdb", path]);
    assert!(said.contains("Transfer finished with success"), "{said}");
    let loaded = Stock::start(&["--dir", home, "--dbfilename", "fetched.rdb"]);
    let mut client = loaded.connect();
    assert_eq!(client.run("FCALL f 0").integer(), 1);
    assert_eq!(client.run("DBSIZE").integer(), 0, "functions alone were asked for");
}

#[test]
fn figures_are_shown_while_the_server_runs() {
    let (server, stock) = filled();
    let keys = (COUNT + 5).to_string();
    let columns = |server: &dyn Fn(&[&str]) -> Command| {
        let mut shown = Process::start(&mut server(&["--stat", "-i", "0.01"]), INSTALL);
        let heading = shown.wait_for_line("keys").expect("it has a heading");
        let mut row = || shown.wait_for_line(&format!("{keys} ")).expect("it shows the keys");
        assert_eq!(row().split_whitespace().next(), Some(keys.as_str()));
        row();
        heading
    };
    assert_eq!(
        columns(&|arguments| tool("redis-cli", &server, arguments)),
        columns(&|arguments| tool("redis-cli", &stock, arguments))
    );
    for text in
        [cli(&server, &["--latency", "-i", "0.1"]), cli(&stock, &["--latency", "-i", "0.1"])]
    {
        let figures: Vec<f64> =
            text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        assert!(matches!(figures[..], [_, _, _, samples] if samples > 1.0), "{text}");
    }
}

/// The names of the tests that `redis-benchmark -q` reported a rate of.
fn benchmarked(server: &impl Endpoint, further: &[&str]) -> Vec<String> {
    let arguments = [&["-q", "-n", "2000"], further].concat();
    let text = run_with("redis-benchmark", server, &arguments, "");
    assert!(!text.to_lowercase().contains("err"), "{text}");
    let reports = text.split(['\r', '\n']).filter(|line| line.contains(" requests per second"));
    reports.map(|line| line.split(": ").next().expect("a part").to_owned()).collect()
}

#[test]
fn every_test_of_redis_benchmark_runs() {
    let (server, stock) = (Server::start(&[]), Stock::start(&[]));
    let theirs = benchmarked(&stock, &[]);
    assert!(theirs.len() >= 20, "{theirs:?}");
    assert_eq!(benchmarked(&server, &[]), theirs);
    assert_eq!(benchmarked(&server, &["-P", "16"]), theirs);
}
