//! Reads an RDB file item by item, or entry by entry without looking into their values.

use std::io::{self, Read};

use super::elements::Elements;
use super::encoding;
use super::format as rdb;
use super::plain::Plain;
use super::run::{Raw, RawItem};
use super::source::{DecodeError, Kept, Limits, ModuleName, Source};
use super::value::{self, Value};

/// Reads an RDB file from its first byte to its checksum.
///
/// Items borrow the decoder's buffers, so that nothing is allocated for each key; the largest value
/// bounds its memory. It reads ahead of the item it returns: what follows the RDB file on a stream
/// comes back from [`Self::into_parts`].
///
/// Nothing is skipped in silence: what a key's value cannot be turned into is an error, and expired
/// keys are returned like any other.
#[derive(Debug)]
pub struct Decoder<R> {
    source: Source<R>,
    version: u32,
    state: State,
    key: Vec<u8>,
    value: Vec<u8>,
    elements: Elements,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Within,
    Ended { checksum: u64 },
}

/// One part of an RDB file.
#[derive(Debug)]
pub enum Item<'a> {
    /// A fact about the file, such as `repl-id`.
    Aux {
        /// Its name.
        key: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// The text of a library of functions.
    Function(&'a [u8]),
    /// The keys that follow belong to this database.
    SelectDb(u64),
    /// How large the database is; only a hint.
    ResizeDb {
        /// How many keys there are.
        keys: u64,
        /// How many of them expire.
        expires: u64,
    },
    /// A key.
    Entry(Entry<'a>),
    /// The end; every further call returns it again.
    Eof {
        /// The checksum of all bytes before the one at the end, whether or not the file holds it.
        checksum: u64,
    },
}

/// A key with all that the file knows of it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// When it expires, in milliseconds of Unix time.
    pub expiry_ms: Option<i64>,
    /// How long ago it was used.
    pub idle_seconds: Option<u64>,
    /// How often it is used, as LFU counts.
    pub frequency: Option<u8>,
    /// Its value.
    pub value: Value<'a>,
}

/// What comes next, as its first bytes tell; what follows them is not read yet for an entry alone.
enum Head {
    /// Its key and value are in the decoder's buffers.
    Aux,
    /// Its text is in the buffer for values.
    Function,
    SelectDb(u64),
    ResizeDb {
        keys: u64,
        expires: u64,
    },
    /// Its type, and where that stands.
    Entry {
        code: u8,
        offset: u64,
        attributes: Attributes,
    },
    Eof {
        checksum: u64,
    },
}

/// What precedes a key and belongs to it.
#[derive(Clone, Copy, Default)]
struct Attributes {
    expiry_ms: Option<i64>,
    idle_seconds: Option<u64>,
    frequency: Option<u8>,
}

impl Decoder<io::Empty> {
    /// Goes on at a place in the source's bytes, and says where in a file that lay, for errors.
    pub(super) fn seek(&mut self, at: usize, offset: u64) {
        self.source.seek(at, offset);
    }

    /// Reads a byte of the source, for nothing but to have what is there at hand.
    #[inline]
    pub(super) fn fetch(&self, at: usize) {
        self.source.fetch(at);
    }
}

impl<R: Read> Decoder<R> {
    /// Reads the header.
    pub fn new(reader: R, limits: Limits) -> Result<Self, DecodeError> {
        let mut source = Source::new(reader, limits);
        let version = read_header(&mut source)?;
        Ok(Self::within(source, version))
    }

    /// Goes on with a source that is past the header.
    pub(super) fn within(source: Source<R>, version: u32) -> Self {
        Self {
            source,
            version,
            state: State::Within,
            key: Vec::new(),
            value: Vec::new(),
            elements: Elements::default(),
        }
    }

    /// Returns the version in the header.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Tells how many bytes the items so far took.
    pub fn consumed(&self) -> u64 {
        self.source.offset()
    }

    /// Gives back the reader, and what was read from it but not consumed.
    pub fn into_parts(self) -> (R, Vec<u8>) {
        self.source.into_parts()
    }

    /// Reads the next item; after an error nothing more can be read.
    #[inline]
    pub fn next_item(&mut self) -> Result<Item<'_>, DecodeError> {
        if matches!(self.state, State::Within)
            && let Some(Plain { expiry_ms, key, value }) = self.source.plain()
        {
            let bytes = self.source.buffered();
            let (key, value) = (&bytes[key], Value::String(&bytes[value]));
            let (idle_seconds, frequency) = (None, None);
            return Ok(Item::Entry(Entry { key, expiry_ms, idle_seconds, frequency, value }));
        }
        self.any_item()
    }

    fn any_item(&mut self) -> Result<Item<'_>, DecodeError> {
        Ok(match self.head()? {
            Head::Aux => Item::Aux { key: &self.key, value: &self.value },
            Head::Function => Item::Function(&self.value),
            Head::SelectDb(index) => Item::SelectDb(index),
            Head::ResizeDb { keys, expires } => Item::ResizeDb { keys, expires },
            Head::Entry { code, offset, attributes } => self.entry(code, offset, attributes)?,
            Head::Eof { checksum } => Item::Eof { checksum },
        })
    }

    /// Reads the next item, but of an entry only its key and where it ends.
    ///
    /// What is wrong within its value is for [`Run::decode`](super::Run::decode) to find.
    #[inline]
    pub fn next_raw(&mut self) -> Result<RawItem<'_>, DecodeError> {
        let (offset, start) = (self.source.offset(), self.source.at());
        if matches!(self.state, State::Within)
            && let Some(Plain { key, value, .. }) = self.source.plain()
        {
            let buffered = self.source.buffered();
            let bytes = Kept([&[], &buffered[start..value.end]]);
            return Ok(RawItem::Entry(Raw { key: &buffered[key], offset, bytes }));
        }
        self.any_raw()
    }

    fn any_raw(&mut self) -> Result<RawItem<'_>, DecodeError> {
        self.source.keep();
        let begin = self.source.offset();
        let item = match self.head()? {
            Head::Entry { code, offset, .. } => {
                self.read_key()?;
                self.skip_value(code, offset)?;
                return Ok(RawItem::Entry(Raw {
                    key: &self.key,
                    offset: begin,
                    bytes: self.source.kept(),
                }));
            }
            Head::Aux => Item::Aux { key: &self.key, value: &self.value },
            Head::Function => Item::Function(&self.value),
            Head::SelectDb(index) => Item::SelectDb(index),
            Head::ResizeDb { keys, expires } => Item::ResizeDb { keys, expires },
            Head::Eof { checksum } => Item::Eof { checksum },
        };
        Ok(RawItem::Other(item))
    }

    fn head(&mut self) -> Result<Head, DecodeError> {
        if let State::Ended { checksum } = self.state {
            return Ok(Head::Eof { checksum });
        }
        let mut attributes = Attributes::default();
        loop {
            let offset = self.source.offset();
            let opcode = self.source.byte()?;
            match opcode {
                rdb::OPCODE_EXPIRE_MS => {
                    attributes.expiry_ms = Some(i64::from_le_bytes(self.source.array()?));
                }
                rdb::OPCODE_EXPIRE_SECONDS => {
                    let seconds = i64::from(i32::from_le_bytes(self.source.array()?));
                    attributes.expiry_ms = Some(seconds * 1000);
                }
                rdb::OPCODE_IDLE => attributes.idle_seconds = Some(self.source.length()?),
                rdb::OPCODE_FREQ => attributes.frequency = Some(self.source.byte()?),
                rdb::OPCODE_SLOT_INFO => {
                    // Slot, keys and expires: hints to a cluster.
                    for _ in 0..3 {
                        self.source.length()?;
                    }
                }
                rdb::OPCODE_AUX => return self.aux(),
                rdb::OPCODE_SELECT_DB => return Ok(Head::SelectDb(self.source.length()?)),
                rdb::OPCODE_RESIZE_DB => {
                    let (keys, expires) = (self.source.length()?, self.source.length()?);
                    return Ok(Head::ResizeDb { keys, expires });
                }
                rdb::OPCODE_MODULE_AUX => {
                    let module = ModuleName(self.source.length()?);
                    return Err(DecodeError::ModuleData { module, offset });
                }
                rdb::OPCODE_FUNCTION => {
                    self.read_string()?;
                    return Ok(Head::Function);
                }
                rdb::OPCODE_FUNCTION_PRE_GA => {
                    let name = "a function library as release candidates of 7.0 wrote it";
                    return Err(DecodeError::UnsupportedOpcode { name, offset });
                }
                rdb::OPCODE_EOF => return self.eof(),
                code => return Ok(Head::Entry { code, offset, attributes }),
            }
        }
    }

    fn aux(&mut self) -> Result<Head, DecodeError> {
        self.read_key()?;
        self.read_string()?;
        Ok(Head::Aux)
    }

    fn eof(&mut self) -> Result<Head, DecodeError> {
        let checksum = self.source.checksum();
        if self.version >= rdb::VERSION_CHECKSUM_MIN {
            let stored = u64::from_le_bytes(self.source.array()?);
            if stored != 0 && stored != checksum {
                return Err(DecodeError::Checksum { computed: checksum, stored });
            }
        }
        self.state = State::Ended { checksum };
        Ok(Head::Eof { checksum })
    }

    fn entry(
        &mut self,
        code: u8,
        offset: u64,
        attributes: Attributes,
    ) -> Result<Item<'_>, DecodeError> {
        self.read_key()?;
        let Some((shape, layout)) = encoding::of(code) else {
            return Err(self.unsupported(code, offset));
        };
        value::read(&mut self.source, &mut self.elements, (shape, layout), &self.key)?;
        let value = Value::of(shape, &self.elements);
        let Attributes { expiry_ms, idle_seconds, frequency } = attributes;
        Ok(Item::Entry(Entry { key: &self.key, expiry_ms, idle_seconds, frequency, value }))
    }

    fn skip_value(&mut self, code: u8, offset: u64) -> Result<(), DecodeError> {
        match encoding::of(code) {
            Some(encoding) => value::skip(&mut self.source, encoding),
            None => Err(self.unsupported(code, offset)),
        }
    }

    /// Reads a value that has neither a key nor a file around it.
    pub(super) fn bare_value(&mut self) -> Result<Value<'_>, DecodeError> {
        let offset = self.source.offset();
        let code = self.source.byte()?;
        let Some((shape, layout)) = encoding::of(code) else {
            return Err(self.unsupported(code, offset));
        };
        value::read(&mut self.source, &mut self.elements, (shape, layout), &self.key)?;
        Ok(Value::of(shape, &self.elements))
    }

    /// Says what stands in the place of a value that can be held; its key has been read.
    fn unsupported(&mut self, code: u8, offset: u64) -> DecodeError {
        let (name, key, version) = (rdb::type_name(code), self.key.clone(), self.version);
        if !matches!(code, rdb::TYPE_MODULE_OLD | rdb::TYPE_MODULE) {
            return DecodeError::UnsupportedType { name, code, key, offset, version };
        }
        match self.source.length() {
            Ok(id) => DecodeError::ModuleValue { module: ModuleName(id), key, offset },
            Err(error) => error,
        }
    }

    fn read_key(&mut self) -> Result<(), DecodeError> {
        self.key.clear();
        self.source.string(&mut self.key)
    }

    fn read_string(&mut self) -> Result<(), DecodeError> {
        self.value.clear();
        self.source.string(&mut self.value)
    }
}

fn read_header<R: Read>(source: &mut Source<R>) -> Result<u32, DecodeError> {
    let version = rdb::version_in(source.array()?).ok_or(DecodeError::Magic)?;
    if (1..=rdb::VERSION_MAX).contains(&version) {
        Ok(version)
    } else {
        Err(DecodeError::Version { version })
    }
}
