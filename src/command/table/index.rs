//! The rows of all groups as one numbered table, and the hash index over their names.
//!
//! Both are made by the compiler: looking a command up touches two static arrays and allocates
//! nothing.

use super::{
    Command, bitmap, blocking, connection, diagnostics, functions, generic, geo, hash, hyperloglog,
    list, pubsub, scripting, server, set, sorted_set, stream, string, transactions, users,
};

/// The groups, each under the name that `COMMAND DOCS` gives it.
const GROUPS: &[(&str, &[Command])] = &[
    ("string", string::ROWS),
    ("bitmap", bitmap::ROWS),
    ("hyperloglog", hyperloglog::ROWS),
    ("hash", hash::ROWS),
    ("sorted-set", sorted_set::ROWS),
    ("geo", geo::ROWS),
    ("list", list::ROWS),
    ("list", blocking::LIST_ROWS),
    ("sorted-set", blocking::SORTED_SET_ROWS),
    ("set", set::ROWS),
    ("stream", stream::ROWS),
    ("generic", generic::ROWS),
    ("transactions", transactions::ROWS),
    ("scripting", scripting::ROWS),
    ("scripting", functions::ROWS),
    ("connection", connection::ROWS),
    ("pubsub", pubsub::ROWS),
    ("server", users::ROWS),
    ("server", server::ROWS),
    ("server", diagnostics::ROWS),
    ("cluster", server::CLUSTER_ROWS),
];

const COUNT: usize = count_rows();
const SLOT_BITS: u32 = 10;
const SLOTS: usize = 1 << SLOT_BITS;
/// The longest name that [`Folded`] tells apart from all others.
const FOLDED_BYTES_MAX: usize = 16;

const _: () = assert!(COUNT * 2 <= SLOTS, "the index is too crowded: raise SLOT_BITS");

static TABLE: [Command; COUNT] = join();
static INDEX: [Slot; SLOTS] = index();

/// A place of the hash index.
#[derive(Clone, Copy)]
struct Slot {
    name: Folded,
    /// The place in the table.
    row: u16,
    /// Whether another name with the same `Folded` could be confused with it.
    doubtful: bool,
}

/// A name's first and last eight bytes with capital letters made small; they overlap if it is short.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Folded {
    head: u64,
    tail: u64,
    /// Zero in a slot that is free.
    len: usize,
}

/// Finds a command by its name, in any case; subcommands are found by [`Command::subcommand`].
#[inline]
pub fn lookup(name: &[u8]) -> Option<&'static Command> {
    let folded = Folded::of(name);
    let mut at = folded.slot();
    loop {
        let slot = &INDEX[at];
        if slot.name.len == 0 {
            return None;
        }
        if slot.name == folded {
            let row = &TABLE[usize::from(slot.row)];
            if !slot.doubtful || row.name.as_bytes().eq_ignore_ascii_case(name) {
                return Some(row);
            }
        }
        at = (at + 1) % SLOTS;
    }
}

/// Finds a command or, by `container|subcommand`, a subcommand.
pub fn lookup_path(path: &[u8]) -> Option<&'static Command> {
    let mut parts = path.splitn(2, |byte| *byte == b'|');
    let command = lookup(parts.next()?)?;
    match parts.next() {
        Some(own) => command.subcommand(own),
        None => Some(command),
    }
}

/// Lists all commands, each container followed by its subcommands.
pub fn all() -> &'static [Command] {
    &TABLE
}

/// Counts the commands and subcommands.
pub const fn count() -> usize {
    COUNT
}

/// Returns the place of a command in [`all`].
#[inline]
pub fn index_of(command: &Command) -> usize {
    usize::from(command.index)
}

impl Command {
    /// Lists its subcommands.
    pub fn subcommands(&self) -> &'static [Command] {
        let first = usize::from(self.index) + 1;
        &TABLE[first..first + usize::from(self.subcommands)]
    }

    /// Finds a subcommand by its own name, in any case.
    pub fn subcommand(&self, own: &[u8]) -> Option<&'static Command> {
        self.subcommands().iter().find(|row| row.own_name().as_bytes().eq_ignore_ascii_case(own))
    }

    /// Returns the name without that of its container.
    pub fn own_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, own)| own)
    }

    /// Tells whether it is a subcommand.
    pub fn is_subcommand(&self) -> bool {
        is_subcommand(self.name)
    }
}

const fn is_subcommand(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'|' {
            return true;
        }
        at += 1;
    }
    false
}

const fn count_rows() -> usize {
    let mut count = 0;
    let mut group = 0;
    while group < GROUPS.len() {
        count += GROUPS[group].1.len();
        group += 1;
    }
    count
}

/// Puts the rows of all groups into one array, numbers them and counts the subcommands.
#[expect(clippy::large_stack_arrays, reason = "only the compiler runs this")]
pub(super) const fn join() -> [Command; COUNT] {
    let mut table = [GROUPS[0].1[0]; COUNT];
    let mut container = 0;
    let mut at = 0;
    let mut group = 0;
    while group < GROUPS.len() {
        let (name, rows) = GROUPS[group];
        let mut row = 0;
        while row < rows.len() {
            table[at] = rows[row];
            table[at].index = at as u16;
            table[at].docs.group = name;
            if is_subcommand(rows[row].name) {
                table[container].subcommands += 1;
            } else {
                container = at;
            }
            at += 1;
            row += 1;
        }
        group += 1;
    }
    table
}

#[expect(clippy::large_stack_arrays, reason = "the compiler runs it, and nobody else")]
const fn index() -> [Slot; SLOTS] {
    const FREE: Slot = Slot { name: Folded { head: 0, tail: 0, len: 0 }, row: 0, doubtful: false };
    let table = join();
    let mut index = [FREE; SLOTS];
    let mut row = 0;
    while row < COUNT {
        let name = table[row].name.as_bytes();
        if !is_subcommand(table[row].name) {
            let folded = Folded::of(name);
            let mut at = folded.slot();
            while index[at].name.len != 0 {
                at = (at + 1) % SLOTS;
            }
            index[at] = Slot { name: folded, row: row as u16, doubtful: is_doubtful(name) };
        }
        row += 1;
    }
    index
}

/// Tells whether folding loses something of a name: setting a bit makes a letter small, and takes
/// nothing but the letter's two cases for it, but other characters are not as lucky.
const fn is_doubtful(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if !name[at].is_ascii_lowercase() {
            return true;
        }
        at += 1;
    }
    name.len() > FOLDED_BYTES_MAX
}

impl Folded {
    #[inline]
    const fn of(name: &[u8]) -> Self {
        const SMALL: u64 = 0x2020_2020_2020_2020;
        let len = name.len();
        let (head, tail) = if len >= 8 {
            (eight(name, 0), eight(name, len - 8))
        } else if len >= 4 {
            (four(name, 0), four(name, len - 4))
        } else if len > 0 {
            (name[0] as u64, (name[len / 2] as u64) << 8 | name[len - 1] as u64)
        } else {
            (0, 0)
        };
        Self { head: head | SMALL, tail: tail | SMALL, len }
    }

    #[inline]
    const fn slot(self) -> usize {
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = self.head.wrapping_mul(SPREAD) ^ self.tail.rotate_left(29);
        (mixed.wrapping_mul(SPREAD) >> (u64::BITS - SLOT_BITS)) as usize
    }
}

#[inline]
const fn eight(name: &[u8], at: usize) -> u64 {
    four(name, at) | four(name, at + 4) << 32
}

#[inline]
const fn four(name: &[u8], at: usize) -> u64 {
    u32::from_le_bytes([name[at], name[at + 1], name[at + 2], name[at + 3]]) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name_in_any_case() {
        for (at, row) in all().iter().enumerate() {
            assert_eq!(index_of(row), at);
            let shouted = row.name.to_ascii_uppercase();
            assert_eq!(lookup_path(row.name.as_bytes()).map(|row| row.name), Some(row.name));
            assert_eq!(lookup_path(shouted.as_bytes()).map(|row| row.name), Some(row.name));
        }
    }

    #[test]
    fn other_names_are_not_found() {
        for name in [
            "",
            "g",
            "gett",
            "ge",
            "config|get",
            "get\0",
            "nosuchcommandatall",
            "|",
            "get ",
            "\u{7}et",
        ] {
            assert!(lookup(name.as_bytes()).is_none(), "{name}");
        }
        assert!(lookup_path(b"config|").is_none());
        assert!(lookup_path(b"config|get|x").is_none());
    }

    #[test]
    fn no_name_is_taken_twice() {
        let mut names: Vec<_> = all().iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count());
    }

    #[test]
    fn subcommands_follow_their_container() {
        let config = lookup(b"CONFIG").unwrap();
        let names: Vec<_> = config.subcommands().iter().map(Command::own_name).collect();
        assert_eq!(names, ["get", "help", "resetstat", "rewrite", "set"]);
        assert!(lookup(b"GET").unwrap().subcommands().is_empty());
    }

    #[test]
    fn every_row_can_run_or_has_subcommands() {
        for row in all() {
            assert!(row.handler.is_some() || row.subcommands > 0, "{}", row.name);
            assert!(!row.docs.summary.is_empty(), "{}", row.name);
        }
    }
}
