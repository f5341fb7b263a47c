//! Commands for geographical sets.

use super::flag::{DENYOOM, MOVABLEKEYS, READONLY, WRITE};
use super::row::{arg, command, key, key_at, word};
use super::{Argument, BeginSearch, Command, FindKeys, KeySpec, acl};
use crate::command::geo;

const MEMBERS: &str = "O(N), N being the members named.";
const SEARCH: &str =
    "O(N + log M), N being the members in the cells around the area, M the size of the set.";

const UNIT: Argument = arg("unit", "oneof").made_of(&[
    word("m", "M"),
    word("km", "KM"),
    word("ft", "FT"),
    word("mi", "MI"),
]);
const WITHCOORD: Argument = word("withcoord", "WITHCOORD").optional();
const WITHDIST: Argument = word("withdist", "WITHDIST").optional();
const WITHHASH: Argument = word("withhash", "WITHHASH").optional();
const ORDER: Argument =
    arg("order", "oneof").optional().made_of(&[word("asc", "ASC"), word("desc", "DESC")]);
const COUNT: Argument = arg("count-block", "block")
    .optional()
    .made_of(&[arg("count", "integer").after("COUNT"), word("any", "ANY").optional()]);
const COUNT_SINCE_6_2: Argument = arg("count-block", "block").optional().made_of(&[
    arg("count", "integer").after("COUNT"),
    word("any", "ANY").since("6.2.0").optional(),
]);
const STORE: Argument = arg("store", "oneof")
    .optional()
    .made_of(&[key("storekey", 1).after("STORE"), key("storedistkey", 2).after("STOREDIST")]);
const FROM: Argument = arg("from", "oneof").made_of(&[
    arg("member", "string").after("FROMMEMBER"),
    arg("fromlonlat", "block")
        .after("FROMLONLAT")
        .made_of(&[arg("longitude", "double"), arg("latitude", "double")]),
]);
const BY: Argument = arg("by", "oneof").made_of(&[
    arg("circle", "block").made_of(&[arg("radius", "double").after("BYRADIUS"), UNIT]),
    arg("box", "block").made_of(&[
        arg("width", "double").after("BYBOX"),
        arg("height", "double"),
        UNIT,
    ]),
]);

/// The key behind a word, looked for from some place on.
const fn key_after(keyword: &'static str, start_from: i32) -> KeySpec {
    KeySpec {
        begin: BeginSearch::Keyword { keyword, start_from },
        find: FindKeys::Range { last: 0, step: 1, limit: 0 },
        ..key_at(0, "OW update")
    }
}

pub(super) const ROWS: &[Command] = &[
    command("geoadd", -5, WRITE | DENYOOM)
        .acl(acl::GEO)
        .run(geo::geoadd)
        .keys(&[key_at(1, "RW update")])
        .docs(
            "Gives members of a geographical set their places.",
            "3.2.0",
            "O(log N) for each member, N being the size of the set.",
        )
        .history(&[("6.2.0", "Takes `CH`, `NX` and `XX`.")])
        .takes(&[
            key("key", 0),
            arg("condition", "oneof")
                .since("6.2.0")
                .optional()
                .made_of(&[word("nx", "NX"), word("xx", "XX")]),
            word("change", "CH").since("6.2.0").optional(),
            arg("data", "block").multiple().made_of(&[
                arg("longitude", "double"),
                arg("latitude", "double"),
                arg("member", "string"),
            ]),
        ]),
    command("geodist", -4, READONLY)
        .acl(acl::GEO)
        .run(geo::geodist)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns how far two members are from each other.", "3.2.0", "O(1)")
        .takes(&[
            key("key", 0),
            arg("member1", "string"),
            arg("member2", "string"),
            UNIT.optional(),
        ]),
    command("geohash", -2, READONLY)
        .acl(acl::GEO)
        .run(geo::geohash)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns the geohashes of members as text.", "3.2.0", MEMBERS)
        .takes(&[key("key", 0), arg("member", "string").optional().multiple()]),
    command("geopos", -2, READONLY)
        .acl(acl::GEO)
        .run(geo::geopos)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns the longitudes and latitudes of members.", "3.2.0", MEMBERS)
        .takes(&[key("key", 0), arg("member", "string").optional().multiple()]),
    command("georadius", -6, WRITE | DENYOOM | MOVABLEKEYS)
        .acl(acl::GEO)
        .run(geo::georadius)
        .keys(&[key_at(1, "RO access"), key_after("STORE", 6), key_after("STOREDIST", 6)])
        .docs("Returns or stores the members within a distance of a place.", "3.2.0", SEARCH)
        .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")
        .history(&[("6.2.0", "Takes `ANY` with `COUNT`."), ("7.0.0", "Takes units in capitals.")])
        .takes(&[
            key("key", 0),
            arg("longitude", "double"),
            arg("latitude", "double"),
            arg("radius", "double"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT_SINCE_6_2,
            ORDER,
            STORE,
        ]),
    command("georadius_ro", -6, READONLY)
        .acl(acl::GEO)
        .run(geo::georadius_ro)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns the members within a distance of a place.", "3.2.10", SEARCH)
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")
        .history(&[("6.2.0", "Takes `ANY` with `COUNT`.")])
        .takes(&[
            key("key", 0),
            arg("longitude", "double"),
            arg("latitude", "double"),
            arg("radius", "double"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT_SINCE_6_2,
            ORDER,
        ]),
    command("georadiusbymember", -5, WRITE | DENYOOM | MOVABLEKEYS)
        .acl(acl::GEO)
        .run(geo::georadiusbymember)
        .keys(&[key_at(1, "RO access"), key_after("STORE", 5), key_after("STOREDIST", 5)])
        .docs("Returns or stores the members within a distance of a member.", "3.2.0", SEARCH)
        .deprecated(
            "6.2.0",
            "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        )
        .history(&[("7.0.0", "Takes units in capitals.")])
        .takes(&[
            key("key", 0),
            arg("member", "string"),
            arg("radius", "double"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT,
            ORDER,
            STORE,
        ]),
    command("georadiusbymember_ro", -5, READONLY)
        .acl(acl::GEO)
        .run(geo::georadiusbymember_ro)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns the members within a distance of a member.", "3.2.10", SEARCH)
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")
        .takes(&[
            key("key", 0),
            arg("member", "string"),
            arg("radius", "double"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT,
            ORDER,
        ]),
    command("geosearch", -7, READONLY)
        .acl(acl::GEO)
        .run(geo::geosearch)
        .keys(&[key_at(1, "RO access")])
        .docs("Returns the members in a circle or a box.", "6.2.0", SEARCH)
        .history(&[("7.0.0", "Takes units in capitals.")])
        .takes(&[key("key", 0), FROM, BY, ORDER, COUNT, WITHCOORD, WITHDIST, WITHHASH]),
    command("geosearchstore", -8, WRITE | DENYOOM)
        .acl(acl::GEO)
        .run(geo::geosearchstore)
        .keys(&[key_at(1, "OW update"), key_at(2, "RO access")])
        .docs("Stores the members in a circle or a box.", "6.2.0", SEARCH)
        .history(&[("7.0.0", "Takes units in capitals.")])
        .takes(&[
            key("destination", 0),
            key("source", 1),
            FROM,
            BY,
            ORDER,
            COUNT,
            word("storedist", "STOREDIST").optional(),
        ]),
];
