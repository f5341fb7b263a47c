//! The decoders as a fuzz target wants them: bytes in, nothing out, nothing kept.

use std::cell::RefCell;
use std::rc::Rc;

use mlua::{Function, Lua, Result, Table};

use super::{cjson, cmsgpack, structs};

/// What a decoder may take of memory before Lua refuses.
const MEMORY_BYTES_MAX: usize = 256 << 20;

thread_local! {
    static DECODERS: RefCell<Option<Decoders>> = const { RefCell::new(None) };
}

struct Decoders {
    lua: Lua,
    json: Function,
    msgpack: Function,
    fields: Function,
}

impl Decoders {
    fn new() -> Result<Self> {
        let lua = Lua::new();
        lua.set_memory_limit(MEMORY_BYTES_MAX)?;
        let function = |table: Table, name: &str| table.raw_get(name);
        let json = function(cjson::table(&lua, &Rc::default())?, "decode")?;
        let msgpack = function(cmsgpack::table(&lua)?, "unpack")?;
        let fields = function(structs::table(&lua)?, "unpack")?;
        Ok(Self { lua, json, msgpack, fields })
    }
}

/// Decodes `data` by `cjson.decode`.
pub fn decode_json(data: &[u8]) {
    with(|decoders| decoders.json.call::<()>(decoders.lua.create_string(data)?));
}

/// Unpacks `data` by `cmsgpack.unpack`.
pub fn unpack_msgpack(data: &[u8]) {
    with(|decoders| decoders.msgpack.call::<()>(decoders.lua.create_string(data)?));
}

/// Unpacks by `struct.unpack`: the format is the data up to its first line end.
pub fn unpack_struct(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (format, fields) = data.split_at(end);
    let fields = fields.get(1..).unwrap_or_default();
    with(|decoders| {
        let format = decoders.lua.create_string(format)?;
        decoders.fields.call::<()>((format, decoders.lua.create_string(fields)?))
    });
}

/// Runs a decoder; that it refuses what it is given is no news.
fn with(decode: impl FnOnce(&Decoders) -> Result<()>) {
    DECODERS.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Decoders::new().ok();
        }
        if let Some(decoders) = slot {
            let _ = decode(decoders);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::{decode_json, unpack_msgpack, unpack_struct};

    #[test]
    fn no_beginning_of_anything_makes_a_decoder_panic() {
        let texts: [&[u8]; 3] = [
            br#" {"a":[1,-2.5e3,"\u00e9\ud83d\ude00\n",{"b":null}],"c":0x1p-1074} "#,
            b"\x92\xcb\x3f\xf8\0\0\0\0\0\0\x82\xa1a\xdd\0\0\0\x01\xd9\x01b\xc0\xda\0\x02cd",
            b"<!8bi3>Hc0d s!16i16I32\nabcdefghijklmnopqrstuvwxyz\0abcdefghijklmnopqrstuvwxyz01234",
        ];
        for text in texts {
            for end in 0..=text.len() {
                for decode in [decode_json, unpack_msgpack, unpack_struct] {
                    decode(&text[..end]);
                }
            }
        }
    }

    #[test]
    fn claims_and_depths_do_not_overflow() {
        for begun in [b"[".as_slice(), b"{\"a\":", b"\x91", b"\x81\x01", b"\xdd\xff\xff\xff\xff"] {
            let deep = begun.repeat(100_000);
            decode_json(&deep);
            unpack_msgpack(&deep);
        }
        for format in ["!1073741824i32", "c2147483647", "i2147483648", "bc0", "dc0"] {
            unpack_struct(format!("{format}\n\u{7f}\u{7f}\u{7f}").as_bytes());
        }
    }
}
