//! The numbers of the RDB format.

/// What every RDB file begins with, before four digits of version.
pub const MAGIC: &[u8; 5] = b"REDIS";
/// How long magic and version are together.
pub const HEADER_BYTES: usize = 9;

/// The newest version that is read, that of Redis 7.2 and Valkey 8; but for the types named as unknown.
pub const VERSION_MAX: u32 = 11;
/// The version that this server writes: every stock server from 7.0 on reads it.
pub const VERSION: u32 = 10;
/// The first version that ends in a checksum.
pub const VERSION_CHECKSUM_MIN: u32 = 5;
/// The first version that knows listpacks.
pub const VERSION_LISTPACK_MIN: u32 = 10;
/// The first version that knows sets in listpacks.
pub const VERSION_SET_LISTPACK_MIN: u32 = 11;
/// The first version whose streams tell what was counted of their entries.
pub const VERSION_STREAM_2_MIN: u32 = 10;
/// The first version whose streams tell when consumers were active.
pub const VERSION_STREAM_3_MIN: u32 = 11;

/// Per-slot size hints of a cluster.
pub const OPCODE_SLOT_INFO: u8 = 0xf4;
/// A function library.
pub const OPCODE_FUNCTION: u8 = 0xf5;
/// A function library as release candidates of 7.0 wrote it.
pub const OPCODE_FUNCTION_PRE_GA: u8 = 0xf6;
/// A module's own data outside any key.
pub const OPCODE_MODULE_AUX: u8 = 0xf7;
/// The next key's idle time, for LRU.
pub const OPCODE_IDLE: u8 = 0xf8;
/// The next key's access frequency, for LFU.
pub const OPCODE_FREQ: u8 = 0xf9;
/// A key and a value about the file itself.
pub const OPCODE_AUX: u8 = 0xfa;
/// Size hints of the database selected.
pub const OPCODE_RESIZE_DB: u8 = 0xfb;
/// The next key's expiry in milliseconds.
pub const OPCODE_EXPIRE_MS: u8 = 0xfc;
/// The next key's expiry in seconds.
pub const OPCODE_EXPIRE_SECONDS: u8 = 0xfd;
/// The database of the keys that follow.
pub const OPCODE_SELECT_DB: u8 = 0xfe;
/// The end, followed by the checksum.
pub const OPCODE_EOF: u8 = 0xff;

/// A string.
pub const TYPE_STRING: u8 = 0;
/// A list as a count and strings.
pub const TYPE_LIST: u8 = 1;
/// A set as a count and strings.
pub const TYPE_SET: u8 = 2;
/// A sorted set as a count and strings, each with a score in digits.
pub const TYPE_ZSET: u8 = 3;
/// A hash as a count and strings.
pub const TYPE_HASH: u8 = 4;
/// A sorted set as a count and strings, each with a score of eight bytes.
pub const TYPE_ZSET_2: u8 = 5;
/// A module's value, as release candidates of 4.0 wrote it.
pub const TYPE_MODULE_OLD: u8 = 6;
/// A module's value.
pub const TYPE_MODULE: u8 = 7;
/// A hash as a zipmap in a string.
pub const TYPE_HASH_ZIPMAP: u8 = 9;
/// A list as a ziplist in a string.
pub const TYPE_LIST_ZIPLIST: u8 = 10;
/// A set as an intset in a string.
pub const TYPE_SET_INTSET: u8 = 11;
/// A sorted set as a ziplist in a string.
pub const TYPE_ZSET_ZIPLIST: u8 = 12;
/// A hash as a ziplist in a string.
pub const TYPE_HASH_ZIPLIST: u8 = 13;
/// A list as a count and ziplists in strings.
pub const TYPE_LIST_QUICKLIST: u8 = 14;
/// A stream as servers before 7.0 write it.
pub const TYPE_STREAM: u8 = 15;
/// A hash as a listpack in a string.
pub const TYPE_HASH_LISTPACK: u8 = 16;
/// A sorted set as a listpack in a string.
pub const TYPE_ZSET_LISTPACK: u8 = 17;
/// A list as a count and strings, which are elements or listpacks as a number before each tells.
pub const TYPE_LIST_QUICKLIST_2: u8 = 18;
/// A stream as 7.0 writes it.
pub const TYPE_STREAM_2: u8 = 19;
/// A set as a listpack in a string.
pub const TYPE_SET_LISTPACK: u8 = 20;
/// A stream as 7.2 writes it.
pub const TYPE_STREAM_3: u8 = 21;

/// Before a string of a list: it is an element.
pub const NODE_PLAIN: u64 = 1;
/// Before a string of a list: it is a listpack.
pub const NODE_PACKED: u64 = 2;

/// In the place of a score's length: not a number.
pub const SCORE_NAN: u8 = 253;
/// In the place of a score's length: it is infinite.
pub const SCORE_INFINITY: u8 = 254;
/// In the place of a score's length: it is infinite and negative.
pub const SCORE_NEGATIVE_INFINITY: u8 = 255;

/// The first byte's top bits of a length: six bits follow in the same byte.
pub const LENGTH_6: u8 = 0;
/// Fourteen bits, big-endian.
pub const LENGTH_14: u8 = 1;
/// The first byte of a length of 32 bits, big-endian.
pub const LENGTH_32: u8 = 0x80;
/// The first byte of a length of 64 bits, big-endian.
pub const LENGTH_64: u8 = 0x81;

/// The first byte of a string that is an integer of 8 bits.
pub const STRING_INT8: u8 = 0xc0;
/// The first byte of a string that is a little-endian integer of 16 bits.
pub const STRING_INT16: u8 = 0xc1;
/// The first byte of a string that is a little-endian integer of 32 bits.
pub const STRING_INT32: u8 = 0xc2;
/// The first byte of a string that is compressed with LZF.
pub const STRING_LZF: u8 = 0xc3;

/// Reads the version in a file's first bytes; none if they are not those of an RDB file.
#[must_use]
pub fn version_in(header: [u8; HEADER_BYTES]) -> Option<u32> {
    let digits = header.strip_prefix(MAGIC)?;
    digits.iter().try_fold(0, |version, digit| {
        let value = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        Some(version * 10 + value)
    })
}

/// Spells the name of a module's type out of its number: nine letters of six bits each, then ten bits
/// that count the versions of its encoding.
#[must_use]
pub fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (1..=9).map(|place| char::from(LETTERS[((id >> (64 - 6 * place)) & 63) as usize])).collect()
}

/// Names a type of value that cannot be held for a person.
#[must_use]
pub fn type_name(code: u8) -> &'static str {
    match code {
        TYPE_MODULE_OLD | TYPE_MODULE => "module value",
        22..=25 => "hash with field expiry",
        _ => "value of unknown type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_module_spells_its_name() {
        assert_eq!(module_name(0x45e2_5238_df91_2c03), "ReJSON-RL");
        assert_eq!(module_name(0), "AAAAAAAAA");
        assert_eq!(module_name(u64::MAX), "_________");
    }
}
