//! The first line of a script, if it says what the script is: `#!lua flags=no-writes`.

use crate::net::args::Span;
use crate::net::inline;

use super::to_reply::c_text;

/// What a script says that it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// It writes nothing.
    pub const NO_WRITES: Self = Self(1);
    /// It may run while memory is short.
    pub const ALLOW_OOM: Self = Self(1 << 1);
    /// It may run on a replica whose data is stale.
    pub const ALLOW_STALE: Self = Self(1 << 2);
    /// It does not run in a cluster.
    pub const NO_CLUSTER: Self = Self(1 << 3);
    /// Its keys may be in several slots.
    pub const ALLOW_CROSS_SLOT_KEYS: Self = Self(1 << 4);

    /// Tells whether one of `flags` is among these.
    pub fn has(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }

    /// Returns the flag of a name.
    pub fn named(name: &[u8]) -> Option<Self> {
        NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, flag)| *flag)
    }

    /// Returns the flags of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Names the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(_, flag)| self.has(*flag)).map(|(name, _)| *name)
    }
}

const NAMES: [(&str, Flags); 5] = [
    ("no-writes", Flags::NO_WRITES),
    ("allow-oom", Flags::ALLOW_OOM),
    ("allow-stale", Flags::ALLOW_STALE),
    ("no-cluster", Flags::NO_CLUSTER),
    ("allow-cross-slot-keys", Flags::ALLOW_CROSS_SLOT_KEYS),
];

/// The first line of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shebang {
    /// Its flags; `None` where the script has no such line, and is checked command by command.
    pub flags: Option<Flags>,
    /// How many bytes of the script come before the program; the line's end is none of them.
    pub bytes: usize,
}

/// Reads the first line; the error is what the client is told.
pub fn read(source: &[u8]) -> Result<Shebang, Vec<u8>> {
    if !source.starts_with(b"#!") {
        return Ok(Shebang { flags: None, bytes: 0 });
    }
    let end = source.iter().position(|byte| *byte == b'\n');
    let bytes = end.ok_or_else(|| b"ERR Invalid script shebang".to_vec())?;
    let line = c_text(&source[..bytes]);
    let (mut text, mut words) = (Vec::new(), Vec::new());
    inline::split(line, &mut text, &mut words)
        .map_err(|_| b"ERR Invalid engine in script shebang".to_vec())?;
    let mut words = words.into_iter().map(|Span { start, end }| &text[start..end]);
    let engine = words.next().unwrap_or_default();
    if engine != b"#!lua" {
        return Err([b"ERR Unexpected engine in script shebang: ", engine].concat());
    }
    let mut flags = Flags::default();
    for word in words {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return Err([b"ERR Unknown lua shebang option: ", word].concat());
        };
        for name in list.split(|byte| *byte == b',').filter(|_| !list.is_empty()) {
            let Some(flag) = Flags::named(name) else {
                return Err([b"ERR Unexpected flag in script shebang: ", name].concat());
            };
            flags = flags.union(flag);
        }
    }
    Ok(Shebang { flags: Some(flags), bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(source: &str) -> String {
        String::from_utf8(read(source.as_bytes()).unwrap_err()).unwrap()
    }

    #[test]
    fn a_script_without_the_line_has_no_flags() {
        assert_eq!(read(b"return 1"), Ok(Shebang { flags: None, bytes: 0 }));
        assert_eq!(read(b" #!lua\n"), Ok(Shebang { flags: None, bytes: 0 }));
    }

    #[test]
    fn flags_are_read_and_the_line_is_left_out() {
        let read = |text: &str| read(text.as_bytes()).unwrap();
        assert_eq!(read("#!lua\nx"), Shebang { flags: Some(Flags(0)), bytes: 5 });
        let both = read("#!lua  flags=no-writes,allow-oom\nx").flags.unwrap();
        assert!(both.has(Flags::NO_WRITES) && both.has(Flags::ALLOW_OOM));
        assert!(!both.has(Flags::ALLOW_STALE));
        assert_eq!(read("#!lua flags= \nx").flags, Some(Flags(0)));
        assert_eq!(read("#!lua 'flags=no-writes'\nx").flags, Some(Flags::NO_WRITES));
        let twice = read("#!lua flags=no-cluster flags=allow-cross-slot-keys\n").flags.unwrap();
        assert!(twice.has(Flags::NO_CLUSTER) && twice.has(Flags::ALLOW_CROSS_SLOT_KEYS));
    }

    #[test]
    fn what_is_wrong_is_told_in_the_words_of_stock() {
        assert_eq!(fault("#!lua"), "ERR Invalid script shebang");
        assert_eq!(fault("#!foo x\n"), "ERR Unexpected engine in script shebang: #!foo");
        assert_eq!(fault("#!lua 'flags\n"), "ERR Invalid engine in script shebang");
        assert_eq!(fault("#!lua name=x\n"), "ERR Unknown lua shebang option: name=x");
        assert_eq!(fault("#!lua flags=a\n"), "ERR Unexpected flag in script shebang: a");
        assert_eq!(fault("#!lua flags=no-writes,\n"), "ERR Unexpected flag in script shebang: ");
    }
}
