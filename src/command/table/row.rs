//! How rows are written: small constant functions that read like a description of the command.

use crate::command::secrets::Secrets;

use super::{Argument, BeginSearch, Channels, Command, Docs, FindKeys, Handler, KeySpec};

/// Begins a row; a subcommand's name is `container|subcommand`, and follows its container's row.
pub(super) const fn command(name: &'static str, arity: i32, flags: u32) -> Command {
    Command {
        name,
        arity,
        flags,
        keys: &[],
        acl: 0,
        handler: None,
        channels: None,
        secrets: None,
        subcommands: 0,
        index: 0,
        docs: Docs {
            summary: "",
            since: "",
            group: "",
            complexity: "",
            deprecated: None,
            internal: false,
            history: &[],
            tips: &[],
            arguments: &[],
        },
    }
}

impl Command {
    pub(super) const fn run(mut self, handler: Handler) -> Self {
        self.handler = Some(handler);
        self
    }

    pub(super) const fn channels(mut self, channels: Channels) -> Self {
        self.channels = Some(channels);
        self
    }

    pub(super) const fn secret(mut self, places: Secrets) -> Self {
        self.secrets = Some(places);
        self
    }

    pub(super) const fn acl(mut self, categories: u32) -> Self {
        self.acl = categories;
        self
    }

    pub(super) const fn keys(mut self, specs: &'static [KeySpec]) -> Self {
        self.keys = specs;
        self
    }

    pub(super) const fn docs(
        mut self,
        summary: &'static str,
        since: &'static str,
        complexity: &'static str,
    ) -> Self {
        self.docs.summary = summary;
        self.docs.since = since;
        self.docs.complexity = complexity;
        self
    }

    pub(super) const fn history(
        mut self,
        changes: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.docs.history = changes;
        self
    }

    pub(super) const fn deprecated(mut self, since: &'static str, instead: &'static str) -> Self {
        self.docs.deprecated = Some((since, instead));
        self
    }

    pub(super) const fn internal(mut self) -> Self {
        self.docs.internal = true;
        self
    }

    pub(super) const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.docs.tips = tips;
        self
    }

    pub(super) const fn takes(mut self, arguments: &'static [Argument]) -> Self {
        self.docs.arguments = arguments;
        self
    }
}

/// One key at a fixed place.
pub(super) const fn key_at(index: i32, flags: &'static str) -> KeySpec {
    keys_from(index, 0, 1, flags)
}

/// Keys from a fixed place on.
pub(super) const fn keys_from(index: i32, last: i32, step: i32, flags: &'static str) -> KeySpec {
    KeySpec {
        flags,
        begin: BeginSearch::Index(index),
        find: FindKeys::Range { last, step, limit: 0 },
        notes: "",
    }
}

/// Keys that only the command itself finds.
pub(super) const fn unknown_keys(flags: &'static str) -> KeySpec {
    KeySpec { flags, begin: BeginSearch::Unknown, find: FindKeys::Unknown, notes: "" }
}

impl KeySpec {
    pub(super) const fn noted(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }
}

/// An argument of some type.
pub(super) const fn arg(name: &'static str, kind: &'static str) -> Argument {
    Argument {
        name,
        kind,
        key_spec: None,
        token: None,
        since: None,
        deprecated_since: None,
        optional: false,
        multiple: false,
        multiple_token: false,
        arguments: &[],
    }
}

/// An argument that is a key of the key spec named.
pub(super) const fn key(name: &'static str, spec: i32) -> Argument {
    let mut argument = arg(name, "key");
    argument.key_spec = Some(spec);
    argument
}

/// An argument that is a fixed word.
pub(super) const fn word(name: &'static str, token: &'static str) -> Argument {
    arg(name, "pure-token").after(token)
}

impl Argument {
    pub(super) const fn after(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    pub(super) const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    pub(super) const fn deprecated(mut self, version: &'static str) -> Self {
        self.deprecated_since = Some(version);
        self
    }

    pub(super) const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    pub(super) const fn multiple(mut self) -> Self {
        self.multiple = true;
        self
    }

    pub(super) const fn again(mut self) -> Self {
        self.multiple_token = true;
        self
    }

    pub(super) const fn of_spec(mut self, spec: i32) -> Self {
        self.key_spec = Some(spec);
        self
    }

    pub(super) const fn made_of(mut self, arguments: &'static [Argument]) -> Self {
        self.arguments = arguments;
        self
    }
}
