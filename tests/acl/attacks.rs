//! What has been a hole in servers of this kind is none here.

use super::support::{Client, Endpoint, Server};

fn bound(server: &Server, rules: &[&str]) -> Client {
    let words = [&["ACL", "SETUSER", "u", "reset", "on", "nopass"], rules].concat();
    assert_eq!(server.connect().call(&words).text(), "OK");
    let mut client = server.connect();
    assert_eq!(client.run("AUTH u x").text(), "OK");
    client
}

/// CVE-2023-41053: `SORT_RO` read keys that its user may not.
#[test]
fn sort_reads_and_writes_only_what_its_user_may() {
    let server = Server::start(&[]);
    let mut admin = server.connect();
    admin.run("RPUSH own 1 2");
    admin.run("RPUSH other 3 4");
    admin.run("SET other:1 secret");
    let mut client = bound(&server, &["~own*", "~get", "+@all"]);
    for line in [
        "SORT_RO other",
        "SORT other",
        "SORT own STORE other",
        "SORT own STORE own2 STORE other",
        "SORT own STORE get STORE other",
        "SORT own BY other:* STORE own2",
        "SORT own GET other:*",
        "SORT_RO own GET other:*",
        "SORT_RO own BY other:* GET #",
    ] {
        assert!(client.run(line).is_error(), "{line}");
    }
    let script = "return redis.pcall('SORT', 'own', 'GET', 'other:*')";
    assert!(client.call(&["EVAL", script, "0"]).is_error());
    let script = "return redis.pcall('SORT_RO', 'other')";
    assert!(client.call(&["EVAL", script, "1", "own"]).is_error());
    assert_eq!(admin.run("LRANGE other 0 -1").elements().len(), 2);
    assert_eq!(client.run("SORT own STORE own2").integer(), 2);
}

/// CVE-2024-31227 and CVE-2024-51741: selectors that make no sense ended the server.
#[test]
fn selectors_that_make_no_sense_are_refused() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for rules in [
        &["%~a"][..],
        &["(%~a)"],
        &["(%~a", "+get)"],
        &["%"],
        &["("],
        &["(", "(", ")"],
        &["(", ""],
        &["((+get)"],
        &["(+get", "%~)"],
        &["(%R~a%)"],
        &["(+@)"],
        &["(+config|get|x)"],
    ] {
        let words = [&["ACL", "SETUSER", "u"], rules].concat();
        let _ = client.call(&words);
        assert!(!client.run("ACL LIST").is_error(), "{rules:?}");
        client.run("ACL GETUSER u");
        assert_eq!(client.run("ACL DRYRUN default get k").text(), "OK", "{rules:?}");
    }
    client.call(&[&b"ACL"[..], b"SETUSER", b"u", b"(~\xff\0)", b"~\xff\xfe"]);
    client.call(&[&b"ACL"[..], b"SETUSER", b"u\0", b"on"]);
    assert_eq!(client.run("PING").text(), "PONG");
}

/// What counts keys by a number that overflows is looked at without harm, and refused.
#[test]
fn numbers_of_keys_that_overflow_hide_no_key() {
    let server = Server::start(&[]);
    server.connect().run("SET other secret");
    let mut client = bound(&server, &["~own", "+@all"]);
    for count in [
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551617",
        "4294967297",
        "-9223372036854775808",
        "-1",
        "0x1",
        "1e0",
        " 1",
        "+1",
    ] {
        for words in [
            &["EVAL", "return redis.call('GET', KEYS[1])", count, "other"][..],
            &["ZUNIONSTORE", "own", count, "other"],
            &["SINTERCARD", count, "other"],
            &["LMPOP", count, "other", "LEFT"],
            &["ZUNION", count, "other"],
            &["XREAD", "COUNT", count, "STREAMS", "other", "0"],
        ] {
            assert!(client.call(words).is_error(), "{words:?}");
            let dry = [&["ACL", "DRYRUN", "u"], words].concat();
            let _ = server.connect().call(&dry);
        }
    }
    for words in [&["get"][..], &["eval"], &["xread", "streams"], &["sort"], &["migrate", "h"]] {
        let dry = [&["ACL", "DRYRUN", "u"], words].concat();
        assert!(server.connect().call(&dry).is_error(), "{words:?}");
    }
}

/// A command that names keys where nobody looks, or through another one, is bound all the same.
#[test]
fn keys_are_found_wherever_a_command_has_them() {
    let server = Server::start(&[]);
    let mut admin = server.connect();
    admin.run("SET other secret");
    admin.run("GEOADD own 1 1 m");
    let mut client = bound(&server, &["~own*", "+@all", "-@admin", "&none"]);
    for line in [
        "GEORADIUS own 1 1 1 km STORE own2 STORE other",
        "GEORADIUS own 1 1 1 km STOREDIST other",
        "GEORADIUSBYMEMBER own m 1 km STORE other",
        "COPY own other",
        "COPY other own REPLACE",
        "RENAME own other",
        "BITOP OR own other",
        "OBJECT ENCODING other",
        "MEMORY USAGE other",
        "DUMP other",
        "MIGRATE h 1 other 0 1",
        "BITFIELD other GET u8 0",
        "SMOVE own other x",
        "LMOVE own other LEFT LEFT",
        "XREADGROUP GROUP streams streams STREAMS other >",
        "PFMERGE own other",
        "FCALL f 1 other",
        "WATCH other",
        "SUBSCRIBE hidden",
        "PSUBSCRIBE none*",
        "PUBLISH hidden x",
        "ACL SETUSER u ~*",
        "CONFIG SET requirepass x",
        "DEBUG OBJECT other",
    ] {
        let told = client.run(line).text();
        assert!(told.starts_with("NOPERM"), "{line}: {told}");
    }
    // Keys behind a word stand for the one before it.
    let begin = ["MIGRATE", "127.0.0.1", "1", "", "0", "100", "KEYS"];
    for (keys, code) in [
        (&["own"][..], "IOERR"),
        (&["own", "other"], "NOPERM"),
        (&["own", "KEYS", "own"], "NOPERM"),
        (&["other", "KEYS", "own"], "NOPERM"),
    ] {
        let told = client.call(&[&begin[..], keys].concat()).text();
        assert!(told.starts_with(code), "{keys:?}: {told}");
    }
    assert_eq!(admin.run("GET other").text(), "secret");
}
