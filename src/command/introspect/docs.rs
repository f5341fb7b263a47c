//! One command as `COMMAND DOCS` shows it.

use crate::net::reply::Reply;

use crate::command::table::{Argument, Command};

use super::describe::{pair, statuses};

/// Writes the map of what there is to say of a command, its subcommands within it.
pub fn document(command: &Command, reply: &mut Reply<'_>) {
    let docs = &command.docs;
    let begun = reply.defer();
    let mut pairs = 4;
    pair("summary", docs.summary, reply);
    pair("since", docs.since, reply);
    pair("group", docs.group, reply);
    pair("complexity", docs.complexity, reply);
    let doc_flags = [docs.deprecated.map(|_| "deprecated"), docs.internal.then_some("syscmd")];
    if doc_flags.iter().any(Option::is_some) {
        pairs += 1;
        reply.bulk(b"doc_flags");
        statuses(doc_flags.into_iter().flatten(), reply);
    }
    if let Some((since, instead)) = docs.deprecated {
        pairs += 2;
        pair("deprecated_since", since, reply);
        pair("replaced_by", instead, reply);
    }
    if !docs.history.is_empty() {
        pairs += 1;
        reply.bulk(b"history");
        reply.set(docs.history.len());
        for (version, change) in docs.history {
            reply.array(2);
            reply.bulk(version.as_bytes());
            reply.bulk(change.as_bytes());
        }
    }
    if !docs.arguments.is_empty() {
        pairs += 1;
        reply.bulk(b"arguments");
        arguments(docs.arguments, reply);
    }
    let subcommands = command.subcommands();
    if !subcommands.is_empty() {
        pairs += 1;
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        for subcommand in subcommands {
            reply.bulk(subcommand.name.as_bytes());
            document(subcommand, reply);
        }
    }
    reply.map_since(begun, pairs);
}

fn arguments(arguments: &[Argument], reply: &mut Reply<'_>) {
    reply.array(arguments.len());
    for one in arguments {
        argument(one, reply);
    }
}

fn argument(argument: &Argument, reply: &mut Reply<'_>) {
    let begun = reply.defer();
    let mut pairs = 2;
    pair("name", argument.name, reply);
    pair("type", argument.kind, reply);
    if let Some(spec) = argument.key_spec {
        pairs += 1;
        reply.bulk(b"key_spec_index");
        reply.integer(spec.into());
    }
    let words = [
        ("token", argument.token),
        ("since", argument.since),
        ("deprecated_since", argument.deprecated_since),
    ];
    for (name, word) in words {
        if let Some(word) = word {
            pairs += 1;
            pair(name, word, reply);
        }
    }
    let flags = [
        argument.optional.then_some("optional"),
        argument.multiple.then_some("multiple"),
        argument.multiple_token.then_some("multiple_token"),
    ];
    if flags.iter().any(Option::is_some) {
        pairs += 1;
        reply.bulk(b"flags");
        statuses(flags.into_iter().flatten(), reply);
    }
    if !argument.arguments.is_empty() {
        pairs += 1;
        reply.bulk(b"arguments");
        arguments(argument.arguments, reply);
    }
    reply.map_since(begun, pairs);
}
