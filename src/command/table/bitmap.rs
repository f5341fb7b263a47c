//! Commands for the bits of strings.

use super::flag::{BRIEF, DENYOOM, FAST, READONLY, WRITE};
use super::row::{arg, command, key, key_at, keys_from, word};
use super::{Argument, Command, acl};
use crate::command::bitmap;

pub(super) const ROWS: &[Command] = &[
    command("bitcount", -2, READONLY)
        .acl(acl::BITMAP)
        .run(bitmap::bitcount)
        .keys(&[key_at(1, "RO access")])
        .docs("Counts the bits set in a string.", "2.6.0", "O(N), N being the bytes looked at.")
        .history(&[("7.0.0", "Takes `BYTE` and `BIT`.")])
        .takes(&[
            key("key", 0),
            arg("index", "block").optional().made_of(&[
                arg("start", "integer"),
                arg("end", "integer"),
                UNIT,
            ]),
        ]),
    command("bitfield", -2, WRITE | DENYOOM)
        .acl(acl::BITMAP)
        .run(bitmap::bitfield)
        .keys(&[key_at(1, "RW access update variable_flags")
            .noted("RW and ACCESS, as it reads fields as well as writes them")])
        .docs("Reads and writes integers of any width in a string.", "3.2.0", "O(1) per field.")
        .takes(&[
            key("key", 0),
            arg("operation", "oneof").optional().multiple().made_of(&[
                FIELD.after("GET"),
                arg("write", "block").made_of(&[
                    arg("wrap_sat_fail", "oneof").after("OVERFLOW").optional().made_of(&[
                        word("wrap", "WRAP"),
                        word("sat", "SAT"),
                        word("fail", "FAIL"),
                    ]),
                    arg("write_operation", "oneof").made_of(&[
                        arg("encoding_offset_value", "block").after("SET").made_of(&[
                            arg("encoding", "string"),
                            arg("offset", "integer"),
                            arg("value", "integer"),
                        ]),
                        arg("encoding_offset_increment", "block").after("INCRBY").made_of(&[
                            arg("encoding", "string"),
                            arg("offset", "integer"),
                            arg("increment", "integer"),
                        ]),
                    ]),
                ]),
            ]),
        ]),
    command("bitfield_ro", -2, READONLY | FAST)
        .acl(acl::BITMAP)
        .run(bitmap::bitfield_ro)
        .keys(&[key_at(1, "RO access")])
        .docs("Reads integers of any width in a string.", "6.0.0", "O(1) per field.")
        .takes(&[
            key("key", 0),
            Argument { multiple_token: true, ..FIELD.after("GET").optional().multiple() },
        ]),
    command("bitop", -4, WRITE | DENYOOM)
        .acl(acl::BITMAP)
        .run(bitmap::bitop)
        .keys(&[key_at(2, "OW update"), keys_from(3, -1, 1, "RO access")])
        .docs(
            "Stores what combining the bits of several strings, or turning those of one, gives.",
            "2.6.0",
            "O(N), N being the bytes of all strings.",
        )
        .takes(&[arg("operation", "string"), key("destkey", 0), key("key", 1).multiple()]),
    command("bitpos", -3, READONLY)
        .acl(acl::BITMAP)
        .run(bitmap::bitpos)
        .keys(&[key_at(1, "RO access")])
        .docs("Finds the first bit set or clear.", "2.8.7", "O(N), N being the bytes looked at.")
        .history(&[("7.0.0", "Takes `BYTE` and `BIT`.")])
        .takes(&[
            key("key", 0),
            arg("bit", "integer"),
            arg("index", "block").optional().made_of(&[
                arg("start", "integer"),
                arg("end_index", "block").optional().made_of(&[arg("end", "integer"), UNIT]),
            ]),
        ]),
    command("getbit", 3, READONLY | FAST)
        .acl(acl::BITMAP)
        .run(bitmap::getbit)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns a bit.", "2.2.0", "O(1)")
        .takes(&[key("key", 0), arg("offset", "integer")]),
    command("setbit", 4, WRITE | DENYOOM | BRIEF)
        .acl(acl::BITMAP)
        .run(bitmap::setbit)
        .keys(&[key_at(1, "RW access update")])
        .docs("Sets or clears a bit and returns what it was.", "2.2.0", "O(1)")
        .takes(&[key("key", 0), arg("offset", "integer"), arg("value", "integer")]),
];

const UNIT: Argument = arg("index_unit", "oneof")
    .since("7.0.0")
    .optional()
    .made_of(&[word("byte", "BYTE"), word("bit", "BIT")]);

const FIELD: Argument =
    arg("encoding_offset", "block").made_of(&[arg("encoding", "string"), arg("offset", "integer")]);
