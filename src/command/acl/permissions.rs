//! Which commands may be run: a bit for each row of the table, and the rules that made it so.

use std::collections::BTreeMap;

use crate::command::table::{self, Command, acl};

use super::{RuleFault, c_text, has_blanks};

/// How many words the bits take.
const WORDS: usize = table::count().div_ceil(u64::BITS as usize);

/// What stock servers have and this one has not: rules may name it, so that files of theirs are read.
const ELSEWHERE: [&str; 9] = [
    "asking",
    "lolwut",
    "module|load",
    "module|loadex",
    "module|unload",
    "readonly",
    "readwrite",
    "restore-asking",
    "script|debug",
];
/// The container all of whose subcommands are elsewhere.
const CLUSTER: &str = "cluster";
const CLUSTER_SUBCOMMANDS: [&str; 28] = [
    "addslots",
    "addslotsrange",
    "bumpepoch",
    "count-failure-reports",
    "countkeysinslot",
    "delslots",
    "delslotsrange",
    "failover",
    "flushslots",
    "forget",
    "getkeysinslot",
    "help",
    "info",
    "keyslot",
    "links",
    "meet",
    "myid",
    "myshardid",
    "nodes",
    "replicas",
    "replicate",
    "reset",
    "saveconfig",
    "set-config-epoch",
    "setslot",
    "shards",
    "slaves",
    "slots",
];

/// Whether a rule allows something or denies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It allows it (`+`).
    Allow,
    /// It denies it (`-`).
    Deny,
}

/// Which commands may be run.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    allowed: [u64; WORDS],
    /// Whether commands that a later version brings would be allowed.
    has_future: bool,
    /// Words that a command, by its place, may have as its first argument though it is denied.
    first_words: BTreeMap<usize, Vec<Box<[u8]>>>,
    /// What was said after all or nothing was allowed, in order, without what was said again.
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    verdict: Verdict,
    /// The name of a command or, after a `@`, of a category; in lower case.
    name: Vec<u8>,
}

impl Permissions {
    /// Allows all or nothing, and forgets what was said before.
    pub fn reset(&mut self, verdict: Verdict) {
        let is_allowed = verdict == Verdict::Allow;
        let bits = if is_allowed { u64::MAX } else { 0 };
        let allowed = [bits; WORDS];
        *self = Self { allowed, has_future: is_allowed, ..Self::default() };
    }

    /// Follows the rule `+name` or `-name`.
    pub fn follow(&mut self, verdict: Verdict, name: &[u8]) -> Result<(), RuleFault> {
        let name = c_text(name);
        if let [b'@', category @ ..] = name {
            let category = acl::category(category).ok_or(RuleFault::Unknown)?;
            self.note(verdict, name);
            let members = table::all().iter().filter(|row| acl::of(row) & category != 0);
            members.for_each(|row| self.change(verdict, row));
            return Ok(());
        }
        let bar = name.iter().rposition(|byte| *byte == b'|');
        match (verdict, bar) {
            (Verdict::Allow, Some(bar)) => self.allow_part(name, (&name[..bar], &name[bar + 1..])),
            _ => self.change_one(verdict, name),
        }
    }

    fn change_one(&mut self, verdict: Verdict, name: &[u8]) -> Result<(), RuleFault> {
        if let Some(command) = table::lookup_path(name) {
            self.change(verdict, command);
            self.note(verdict, command.name.as_bytes());
        } else if is_elsewhere(name) {
            self.note(verdict, name);
        } else {
            return Err(RuleFault::Unknown);
        }
        Ok(())
    }

    /// Follows `+command|part`: a subcommand or, of a command without any, its first argument.
    fn allow_part(
        &mut self,
        name: &[u8],
        (container, part): (&[u8], &[u8]),
    ) -> Result<(), RuleFault> {
        if is_elsewhere(name) && !part.is_empty() {
            self.note(Verdict::Allow, name);
            return Ok(());
        }
        let command = table::lookup_path(container).ok_or(RuleFault::Unknown)?;
        if command.is_subcommand() {
            return Err(RuleFault::PartOfSubcommand);
        }
        // What is written down with a blank in it would be read as two rules.
        if part.is_empty() || has_blanks(part) {
            return Err(RuleFault::Syntax);
        }
        if command.subcommands().is_empty() {
            let known = self.first_words.entry(table::index_of(command)).or_default();
            if !known.iter().any(|word| word.eq_ignore_ascii_case(part)) {
                known.push(part.into());
            }
        } else {
            let subcommand = command.subcommand(part).ok_or(RuleFault::Unknown)?;
            self.change(Verdict::Allow, subcommand);
        }
        self.note(Verdict::Allow, name);
        Ok(())
    }

    /// Changes the bits of a command and of its subcommands.
    fn change(&mut self, verdict: Verdict, command: &Command) {
        self.first_words.remove(&table::index_of(command));
        let own = table::index_of(command);
        for index in own..=own + command.subcommands().len() {
            let (word, bit) = (index / u64::BITS as usize, 1 << (index % u64::BITS as usize));
            match verdict {
                Verdict::Allow => self.allowed[word] |= bit,
                Verdict::Deny => self.allowed[word] &= !bit,
            }
        }
    }

    /// Notes a rule behind all others, in the place of those that it makes void.
    fn note(&mut self, verdict: Verdict, name: &[u8]) {
        let name = name.to_ascii_lowercase();
        let is_void = |known: &[u8]| {
            let rest = known.strip_prefix(name.as_slice());
            rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'|')
        };
        self.rules.retain(|rule| !is_void(&rule.name));
        self.rules.push(Rule { verdict, name });
    }

    /// Tells whether a command may be run, which has `first` as its first argument if it has any.
    pub fn allows(&self, command: &Command, first: Option<&[u8]>) -> bool {
        let index = table::index_of(command);
        let has_bit = self.allowed[index / u64::BITS as usize] & 1 << (index % u64::BITS as usize);
        has_bit != 0 || self.allows_first(index, first)
    }

    #[cold]
    fn allows_first(&self, index: usize, first: Option<&[u8]>) -> bool {
        let (Some(known), Some(first)) = (self.first_words.get(&index), first) else {
            return false;
        };
        known.iter().any(|word| word.eq_ignore_ascii_case(c_text(first)))
    }

    /// Tells whether every command may be run.
    pub fn allows_all(&self) -> bool {
        (0..table::count()).all(|index| {
            self.allowed[index / u64::BITS as usize] & 1 << (index % u64::BITS as usize) != 0
        })
    }

    /// Writes the rules that lead to these permissions.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.has_future { b"+@all" } else { b"-@all" });
        for rule in &self.rules {
            out.extend_from_slice(if rule.verdict == Verdict::Allow { b" +" } else { b" -" });
            out.extend_from_slice(&rule.name);
        }
    }
}

fn is_elsewhere(name: &[u8]) -> bool {
    let is_among = |known: &[&str], name: &[u8]| {
        known.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
    };
    let bar = name.iter().position(|byte| *byte == b'|');
    let is_of_cluster = bar.is_some_and(|bar| {
        name[..bar].eq_ignore_ascii_case(CLUSTER.as_bytes())
            && is_among(&CLUSTER_SUBCOMMANDS, &name[bar + 1..])
    });
    is_of_cluster || is_among(&ELSEWHERE, name)
}
