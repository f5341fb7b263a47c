//! The facts of the command table are those of a stock redis-server 7.0.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};

use crate::support::{Client, Endpoint as _, Server, Stock, Value};
use backlogd::command::introspect::{describe, document};
use backlogd::command::table::{self, Command};
use backlogd::net::reply::{Protocol, Reply};

/// The commands that Redis 7.2 brought.
const NEW_IN_7_2: [&str; 3] = ["client|no-touch", "client|setinfo", "waitaof"];
/// The commands whose number of words Redis 7.2 changed.
const ARITY_CHANGED_IN_7_2: [&str; 4] =
    ["command|getkeys", "command|getkeysandflags", "zrank", "zrevrank"];
/// The commands that scripts may run since Redis 7.2, where they do not wait.
const NOSCRIPT_BEFORE_7_2: [&str; 9] =
    ["blmove", "blmpop", "blpop", "brpop", "brpoplpush", "bzmpop", "bzpopmax", "bzpopmin", "wait"];
/// The commands of which Redis 7.2 says how a cluster is to be asked.
const TIPS_NEW_IN_7_2: [&str; 3] = ["acl|deluser", "acl|save", "acl|setuser"];
/// The fields of docs that Redis 7.2 changed, with their commands.
const CHANGED_IN_7_2: [(&str, &str); 25] = [
    ("acl|cat", "arguments"),
    ("acl|log", "history"),
    ("function|flush", "arguments"),
    ("client|list", "history"),
    ("client|unblock", "arguments"),
    ("geoadd", "arguments"),
    ("geohash", "arguments"),
    ("geopos", "arguments"),
    ("georadius", "arguments"),
    ("georadius_ro", "arguments"),
    ("georadiusbymember", "arguments"),
    ("georadiusbymember_ro", "arguments"),
    ("geosearch", "arguments"),
    ("geosearchstore", "arguments"),
    ("psubscribe", "arguments"),
    ("quit", "doc_flags"),
    ("quit", "deprecated_since"),
    ("quit", "replaced_by"),
    ("zrank", "history"),
    ("zrank", "arguments"),
    ("zrevrank", "history"),
    ("zrevrank", "arguments"),
    ("sort", "arguments"),
    ("sort_ro", "arguments"),
    ("script|flush", "arguments"),
];
/// The fields of docs whose words are our own.
const OWN_WORDS: [&str; 3] = ["summary", "complexity", "subcommands"];

fn rows() -> impl Iterator<Item = &'static Command> {
    table::all().iter().filter(|row| !NEW_IN_7_2.contains(&row.name))
}

/// Reads back a reply that `write` has made.
fn written(write: impl Fn(&mut Reply<'_>)) -> Value {
    let mut bytes = Vec::new();
    write(&mut Reply::new(&mut bytes, Protocol::Resp3));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let mut client = Client::connect(listener.local_addr().expect("a bound socket"));
    let writer = std::thread::spawn(move || listener.accept()?.0.write_all(&bytes));
    let value = client.read().0;
    writer.join().expect("the writer did not panic").expect("all was written");
    value
}

/// Sorts what has no order, and drops the remarks that are told in our own words.
fn normal(value: Value) -> Value {
    match value {
        Value::Array(elements) => Value::Array(elements.into_iter().map(normal).collect()),
        Value::Set(elements) => {
            let mut elements: Vec<_> = elements.into_iter().map(normal).collect();
            elements.sort_by(|a, b| a.partial_cmp(b).expect("no value is without order"));
            Value::Set(elements)
        }
        Value::Map(pairs) => {
            let pairs = pairs.into_iter().filter(|(name, _)| name.text() != "notes");
            let mut pairs: Vec<_> = pairs.map(|(name, value)| (name, normal(value))).collect();
            pairs.sort_by(|a, b| a.partial_cmp(b).expect("no value is without order"));
            Value::Map(pairs)
        }
        other => other,
    }
}

/// Leaves of a history its versions.
fn versions(history: &Value) -> Value {
    let version = |entry: &Value| entry.elements()[0].clone();
    Value::Set(history.elements().iter().map(version).collect())
}

#[test]
fn info_tells_what_stock_tells() {
    let stock = Stock::start(&[]);
    let mut client = stock.connect();
    client.run("HELLO 3");
    for row in rows() {
        let Value::Array(mut theirs) = client.call(&["COMMAND", "INFO", row.name]) else {
            panic!("no description of {}", row.name);
        };
        let ours = normal(written(|reply| describe(row, reply)));
        let theirs = normal(theirs.remove(0));
        let facts = |description: &Value| {
            // The last field holds the subcommands, which are compared one by one.
            let mut facts = description.elements()[..9].to_vec();
            if NOSCRIPT_BEFORE_7_2.contains(&row.name)
                && let Value::Set(flags) = &mut facts[2]
            {
                flags.retain(|flag| *flag != Value::Simple("noscript".to_owned()));
            }
            if TIPS_NEW_IN_7_2.contains(&row.name) {
                facts.remove(7);
            }
            if ARITY_CHANGED_IN_7_2.contains(&row.name) {
                facts.remove(1);
            }
            facts
        };
        assert_eq!(facts(&ours), facts(&theirs), "{}", row.name);
    }
}

#[test]
fn docs_tell_what_stock_tells() {
    let stock = Stock::start(&[]);
    let mut client = stock.connect();
    client.run("HELLO 3");
    for row in rows() {
        let Value::Map(mut theirs) = client.call(&["COMMAND", "DOCS", row.name]) else {
            panic!("no docs of {}", row.name);
        };
        let facts = |docs: Value| {
            let Value::Map(pairs) = normal(docs) else { panic!("docs are a map") };
            let pairs = pairs.into_iter().map(|(name, value)| (name.text(), value));
            let pairs = pairs.filter(|(name, _)| {
                !OWN_WORDS.contains(&name.as_str())
                    && !CHANGED_IN_7_2.contains(&(row.name, name.as_str()))
            });
            let pairs = pairs.map(|(name, value)| match name.as_str() {
                "history" => (name, versions(&value)),
                _ => (name, value),
            });
            pairs.collect::<Vec<_>>()
        };
        let ours = facts(written(|reply| document(row, reply)));
        assert_eq!(ours, facts(theirs.remove(0).1), "{}", row.name);
    }
}

#[test]
fn the_list_of_names_has_the_subcommands_as_that_of_stock_has() {
    let (server, stock) = (Server::start(&[]), Stock::start(&[]));
    let names = |client: &mut Client| {
        let listed = client.run("COMMAND LIST");
        let mut names: Vec<_> = listed.elements().iter().map(Value::text).collect();
        names.sort_unstable();
        names
    };
    let mut ours = names(&mut server.connect());
    let mut theirs = names(&mut stock.connect());
    ours.retain(|name| !NEW_IN_7_2.contains(&name.as_str()));
    theirs.retain(|name| rows().any(|row| row.name == *name));
    assert_eq!(ours, theirs);
}
