//! One command as `COMMAND INFO` shows it.

use crate::net::reply::Reply;

use crate::command::table::{BeginSearch, Command, FindKeys, KeySpec, acl, flag, keys};

/// Writes the ten fields that describe a command, its subcommands within the last one.
pub fn describe(command: &Command, reply: &mut Reply<'_>) {
    let (first, last, step) = keys::legacy_range(command.keys);
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.integer(command.arity.into());
    statuses(flag::names(command.flags), reply);
    reply.integer(first.into());
    reply.integer(last.into());
    reply.integer(step.into());
    let categories: Vec<_> = acl::names(acl::of(command)).map(|name| format!("@{name}")).collect();
    statuses(categories.iter().map(String::as_str), reply);
    reply.set(command.docs.tips.len());
    command.docs.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(command.keys.len());
    command.keys.iter().for_each(|spec| key_spec(spec, reply));
    // Where there is none, stock servers write an empty set.
    match command.subcommands().len() {
        0 => reply.set(0),
        count => reply.array(count),
    }
    command.subcommands().iter().for_each(|subcommand| describe(subcommand, reply));
}

/// Writes a set of words as statuses.
pub(super) fn statuses<'a>(words: impl Iterator<Item = &'a str>, reply: &mut Reply<'_>) {
    let begun = reply.defer();
    let count = words.map(|word| reply.simple(word)).count();
    reply.set_since(begun, count);
}

fn key_spec(spec: &KeySpec, reply: &mut Reply<'_>) {
    reply.map(if spec.notes.is_empty() { 3 } else { 4 });
    if !spec.notes.is_empty() {
        pair("notes", spec.notes, reply);
    }
    reply.bulk(b"flags");
    statuses(spec.flags.split(' '), reply);
    reply.bulk(b"begin_search");
    begin_search(&spec.begin, reply);
    reply.bulk(b"find_keys");
    find_keys(&spec.find, reply);
}

fn begin_search(begin: &BeginSearch, reply: &mut Reply<'_>) {
    match begin {
        BeginSearch::Index(index) | BeginSearch::IndexOrKeys(index) => {
            method("index", reply);
            numbers(&[("index", *index)], reply);
        }
        BeginSearch::Keyword { keyword, start_from } => {
            method("keyword", reply);
            reply.map(2);
            pair("keyword", keyword, reply);
            reply.bulk(b"startfrom");
            reply.integer((*start_from).into());
        }
        BeginSearch::Unknown => {
            method("unknown", reply);
            reply.map(0);
        }
    }
}

fn find_keys(find: &FindKeys, reply: &mut Reply<'_>) {
    match find {
        FindKeys::Range { last, step, limit } => {
            method("range", reply);
            numbers(&[("lastkey", *last), ("keystep", *step), ("limit", *limit)], reply);
        }
        FindKeys::Keynum { keynum, first, step } => {
            method("keynum", reply);
            numbers(&[("keynumidx", *keynum), ("firstkey", *first), ("keystep", *step)], reply);
        }
        FindKeys::Unknown => {
            method("unknown", reply);
            reply.map(0);
        }
    }
}

/// Begins a way of finding keys: its name, and then its spec.
fn method(name: &str, reply: &mut Reply<'_>) {
    reply.map(2);
    pair("type", name, reply);
    reply.bulk(b"spec");
}

fn numbers(pairs: &[(&str, i32)], reply: &mut Reply<'_>) {
    reply.map(pairs.len());
    for (name, number) in pairs {
        reply.bulk(name.as_bytes());
        reply.integer((*number).into());
    }
}

pub(super) fn pair(name: &str, value: &str, reply: &mut Reply<'_>) {
    reply.bulk(name.as_bytes());
    reply.bulk(value.as_bytes());
}
