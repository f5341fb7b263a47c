//! What a command did to keys, for those who subscribe to keyspace events.
//!
//! Which classes of events are wanted is a set of bits, none of them where nobody is to be told. So what
//! a handler notes costs one look at that.

/// Classes of events, as `notify-keyspace-events` names them by letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes(u32);

/// What was done to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'e> {
    /// The class of the event.
    pub class: Classes,
    /// What was done.
    pub name: &'static str,
    /// The database of the key.
    pub database: usize,
    /// The key.
    pub key: &'e [u8],
    /// How many messages the command had published before.
    pub messages: usize,
}

/// What one command did, or one transaction, in its order; keeps its buffers for the next one.
#[derive(Debug, Default)]
pub struct Events {
    wanted: Classes,
    noted: Vec<Noted>,
    /// The keys, one behind the other.
    keys: Vec<u8>,
}

/// One event in [`Events`].
#[derive(Clone, Copy, Debug)]
struct Noted {
    class: Classes,
    name: &'static str,
    database: usize,
    key_end: usize,
    messages: usize,
}

/// The letter of each class, in the order of the bits.
const LETTERS: &[u8; 14] = b"KEg$lshzxetdmn";

impl Classes {
    /// None at all.
    pub const NONE: Self = Self(0);
    /// Events are told by key (`K`).
    pub const BY_KEY: Self = Self::of(b'K');
    /// Events are told by what was done (`E`).
    pub const BY_NAME: Self = Self::of(b'E');
    /// Commands that apply to any type (`g`).
    pub const GENERIC: Self = Self::of(b'g');
    /// Commands on strings (`$`).
    pub const STRING: Self = Self::of(b'$');
    /// Commands on lists (`l`).
    pub const LIST: Self = Self::of(b'l');
    /// Commands on sets (`s`).
    pub const SET: Self = Self::of(b's');
    /// Commands on hashes (`h`).
    pub const HASH: Self = Self::of(b'h');
    /// Commands on sorted sets (`z`).
    pub const SORTED_SET: Self = Self::of(b'z');
    /// Commands on streams (`t`).
    pub const STREAM: Self = Self::of(b't');
    /// Keys that are removed as their memory is wanted (`e`).
    pub const EVICTED: Self = Self::of(b'e');
    /// Keys that are removed as their time has come (`x`).
    pub const EXPIRED: Self = Self::of(b'x');
    /// Keys that were looked for and are not there (`m`).
    pub const MISS: Self = Self::of(b'm');
    /// Keys that were created (`n`).
    pub const NEW: Self = Self::of(b'n');

    /// Keys that were changed or removed, for those who hold copies of them; the name is not told.
    pub const CHANGED: Self = Self(1 << LETTERS.len());
    /// Keys that a client has read who is to be told when they are changed.
    pub const READ: Self = Self(Self::CHANGED.0 << 1);
    /// Databases that were emptied.
    pub const EMPTIED: Self = Self(Self::READ.0 << 1);
    /// All that whoever holds copies of keys is to be told of, or has to be remembered for it.
    pub const TRACKED: Self = Self(Self::CHANGED.0 | Self::READ.0 | Self::EMPTIED.0);

    /// What the letter `A` stands for.
    const ALL: Self = {
        let apart = Self::BY_KEY.0 | Self::BY_NAME.0 | Self::MISS.0 | Self::NEW.0;
        Self(((1 << LETTERS.len()) - 1) & !apart)
    };

    /// Reads letters that `CONFIG` has let pass; without `K` and `E` nobody is told of anything.
    pub fn parse(letters: &[u8]) -> Self {
        let wanted = letters.iter().fold(Self::NONE, |all, letter| match letter {
            b'A' => all.union(Self::ALL),
            letter => all.union(Self::of(*letter)),
        });
        let is_told = wanted.has(Self::BY_KEY.union(Self::BY_NAME));
        if is_told { wanted } else { Self::NONE }
    }

    /// Makes a set of the bits that [`Self::bits`] told.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Tells the set as bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Tells whether one of `classes` is in the set.
    #[inline]
    pub const fn has(self, classes: Self) -> bool {
        self.0 & classes.0 != 0
    }

    /// Tells whether nothing is in the set.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the classes of both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The class of a letter; none for one that is unknown.
    const fn of(letter: u8) -> Self {
        let mut bit = 0;
        while bit < LETTERS.len() {
            if LETTERS[bit] == letter {
                return Self(1 << bit);
            }
            bit += 1;
        }
        Self::NONE
    }
}

impl Events {
    /// Begins without events, of which only those of some classes are wanted.
    pub fn wanting(wanted: Classes) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Has only events of these classes noted from now on.
    #[inline]
    pub fn want(&mut self, wanted: Classes) {
        self.wanted = wanted;
    }

    /// Has events of these classes noted as well from now on.
    pub fn want_more(&mut self, wanted: Classes) {
        self.wanted = self.wanted.union(wanted);
    }

    /// Tells which classes of events are wanted.
    #[inline]
    pub fn wanted(&self) -> Classes {
        self.wanted
    }

    /// Tells whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.noted.is_empty()
    }

    /// Notes an event, if its class is wanted; so many messages were published before.
    pub fn note(
        &mut self,
        class: Classes,
        name: &'static str,
        (database, key): (usize, &[u8]),
        messages: usize,
    ) {
        if self.wanted.has(class) {
            self.keys.extend_from_slice(key);
            self.noted.push(Noted { class, name, database, key_end: self.keys.len(), messages });
        }
    }

    /// Takes over the events of a command that came behind so many messages.
    pub fn absorb(&mut self, inner: &Self, messages: usize) {
        let start = self.keys.len();
        self.keys.extend_from_slice(&inner.keys);
        self.noted.extend(inner.noted.iter().map(|noted| Noted {
            key_end: start + noted.key_end,
            messages: messages + noted.messages,
            ..*noted
        }));
    }

    /// Hands out the events, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Event<'_>> {
        let mut start = 0;
        self.noted.iter().map(move |&Noted { class, name, database, key_end, messages }| {
            let key = &self.keys[start..key_end];
            start = key_end;
            Event { class, name, database, key, messages }
        })
    }

    /// Forgets the events; what is wanted stays.
    #[inline]
    pub fn clear(&mut self) {
        if !self.is_empty() {
            self.forget();
        }
    }

    #[cold]
    fn forget(&mut self) {
        /// Buffers that have grown beyond are given back.
        const KEPT: usize = 4096;
        self.noted.clear();
        self.noted.shrink_to(KEPT / size_of::<Noted>());
        self.keys.clear();
        self.keys.shrink_to(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_classes_and_a_stands_for_most() {
        assert_eq!(Classes::parse(b""), Classes::NONE);
        assert_eq!(Classes::parse(b"Amn"), Classes::NONE, "neither K nor E");
        let all = Classes::parse(b"KA");
        for letter in b"g$lshzxetd" {
            assert!(all.has(Classes::of(*letter)), "{}", *letter as char);
            let one = Classes::parse(&[*letter, b'E']);
            assert_eq!(one, Classes::of(*letter).union(Classes::BY_NAME));
        }
        for apart in b"mnE" {
            assert!(!all.has(Classes::of(*apart)), "{}", *apart as char);
            assert!(Classes::parse(&[*apart, b'E']).has(Classes::of(*apart)));
        }
        assert_eq!(Classes::from_bits(all.bits()), all);
    }

    #[test]
    fn only_what_is_wanted_is_noted_and_keeps_its_place_among_messages() {
        let mut inner = Events::wanting(Classes::parse(b"Kg"));
        inner.note(Classes::STRING, "set", (0, b"a"), 0);
        assert!(inner.is_empty());
        inner.note(Classes::GENERIC, "del", (2, b"bc"), 1);
        let mut outer = Events::wanting(inner.wanted());
        outer.note(Classes::GENERIC, "expire", (0, b"k"), 0);
        outer.absorb(&inner, 3);
        let told: Vec<_> = outer.iter().map(|e| (e.name, e.database, e.key, e.messages)).collect();
        assert_eq!(told, [("expire", 0, &b"k"[..], 0), ("del", 2, b"bc", 4)]);
        outer.clear();
        assert!(outer.is_empty() && outer.wanted() == inner.wanted());
    }
}
