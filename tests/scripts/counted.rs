//! What scripts ran and which errors they told is in the statistics as on a stock server.

use crate::support::{Client, Endpoint, Stock};
use crate::{eval, server};

/// Counts of commands and errors, without times, after one script.
fn counted(client: &mut Client, script: &str) -> Vec<String> {
    client.run("SET text x");
    client.run("CONFIG RESETSTAT");
    eval(client, script);
    let info = client.run("INFO all").text();
    let is_counted = |line: &&str| {
        let names =
            ["errorstat_", "total_error_replies", "cmdstat_eval", "cmdstat_get:", "cmdstat_incr:"];
        names.iter().any(|name| line.starts_with(name))
    };
    let mut lines: Vec<_> = info.lines().filter(is_counted).map(without_times).collect();
    lines.sort();
    lines
}

fn without_times(line: &str) -> String {
    line.split(',').filter(|field| !field.starts_with("usec")).collect::<Vec<_>>().join(",")
}

#[test]
fn errors_of_scripts_are_counted_once() {
    let (server, stock) = (server(&[]), Stock::start(&[]));
    let (mut ours, mut theirs) = (server.connect(), stock.connect());
    for script in [
        "return 1",
        "return redis.error_reply('MY text')",
        "return {err='MINE text'}",
        "return {err='alone'}",
        "return {1, redis.error_reply('NESTED one'), redis.error_reply('NESTED two')}",
        "return redis.call('incr', 'text')",
        "return redis.pcall('incr', 'text')",
        "redis.pcall('incr', 'text') return 1",
        "return redis.call('get')",
        "return redis.pcall('get')",
        "redis.pcall('get') return 1",
        "redis.pcall('no-such-command') return 1",
        "redis.pcall() return 1",
        "redis.call('no-such-command')",
        "for i = 1, 3 do redis.pcall('incr', 'text') end for i = 1, 2 do redis.call('get', 'x') end",
        "error('text')",
        "error({err='TABLE text'})",
        "error(redis.pcall('incr', 'text'))",
    ] {
        assert_eq!(counted(&mut ours, script), counted(&mut theirs, script), "{script}");
    }
}
