//! `FUNCTION DUMP` and `FUNCTION RESTORE`: payloads go to stock servers and come from them.

use backlogd::snapshot::rdb::crc64;

use crate::support::{Client, Endpoint, Program, Stock, Value};
use crate::{LIBRARY, libraries, load, returning, server};

fn dump(client: &mut Client) -> Vec<u8> {
    match client.run("FUNCTION DUMP") {
        Value::Bulk(payload) => payload,
        other => panic!("no payload: {other:?}"),
    }
}

fn restore(client: &mut Client, payload: &[u8], policy: &[u8]) -> String {
    client.call(&[&b"FUNCTION"[..], b"RESTORE", payload, policy]).text()
}

/// Puts an envelope of version 10 around a body.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut payload = [body, &[10, 0]].concat();
    payload.extend(crc64(0, &payload).to_le_bytes());
    payload
}

/// A library in a payload.
fn packed(library: &str) -> Vec<u8> {
    let len = u16::try_from(library.len()).expect("a short library");
    let [high, low] = len.to_be_bytes();
    [&[0xf5, 0x40 | high, low], library.as_bytes()].concat()
}

#[test]
fn payloads_are_those_of_stock_servers_byte_for_byte() {
    for program in Program::replicas() {
        let stock = program.start(&["--rdbcompression", "no"]);
        let version = if stock.version() >= (7, 2) { "11" } else { "10" };
        let server = server(&["--rdbcompression", "no", "--backlog-rdb-version", version]);
        let (mut ours, mut theirs) = (server.connect(), stock.connect());
        for library in ["", LIBRARY] {
            if !library.is_empty() {
                load(&mut ours, library);
                load(&mut theirs, library);
            }
            assert_eq!(dump(&mut ours), dump(&mut theirs), "{} {library}", program.path());
        }
    }
}

#[test]
fn payloads_go_both_ways_and_keep_replace_or_flush_what_is_there() {
    for program in Program::replicas() {
        let (server, stock) = (server(&[]), program.start(&[]));
        let (mut ours, mut theirs) = (server.connect(), stock.connect());
        load(&mut ours, LIBRARY);
        load(&mut ours, &returning("a", "f", 1));
        let payload = dump(&mut ours);
        assert_eq!(restore(&mut theirs, &payload, b"APPEND"), "OK");
        assert_eq!(libraries(&server), libraries(&stock));
        load(&mut theirs, &returning("b", "g", 2));
        load(&mut theirs, &returning("a", "f", 3));
        let payload = dump(&mut theirs);
        assert_eq!(restore(&mut ours, &payload, b"APPEND"), "ERR Library a already exists");
        assert_eq!(ours.run("FCALL f 0").integer(), 1, "nothing has changed");
        assert_eq!(restore(&mut ours, &payload, b"replace"), "OK");
        assert_eq!(libraries(&server), libraries(&stock));
        load(&mut ours, &returning("c", "h", 4));
        assert_eq!(restore(&mut ours, &payload, b"FLUSH"), "OK");
        assert_eq!(libraries(&server), libraries(&stock));
        assert_eq!(ours.run("FCALL h 0").text(), "ERR Function not found");
    }
}

#[test]
fn what_is_no_payload_is_refused_as_by_a_stock_server() {
    let (server, stock) = (server(&[]), Stock::start(&[]));
    let (mut ours, mut theirs) = (server.connect(), stock.connect());
    for client in [&mut ours, &mut theirs] {
        load(client, &returning("there", "taken", 1));
        client.run("SET k v");
    }
    let key = match theirs.run("DUMP k") {
        Value::Bulk(payload) => payload,
        other => panic!("no payload: {other:?}"),
    };
    let (a, b) = (packed(&returning("a", "f", 1)), packed(&returning("b", "f", 2)));
    let newer = {
        let mut payload = [&a[..], &[99, 0]].concat();
        payload.extend(crc64(0, &payload).to_le_bytes());
        payload
    };
    let payloads = [
        b"".to_vec(),
        b"too short".to_vec(),
        newer,
        key,
        sealed(b""),
        sealed(b"\xf5"),
        sealed(b"\xff"),
        sealed(&[&a[..], b"\x00"].concat()),
        sealed(&[&a[..], &a].concat()),
        sealed(&[&a[..], &b].concat()),
        sealed(&packed("junk")),
        sealed(&packed("#!lua name=a\n")),
        sealed(&packed("#!lua name=a\nx(")),
        sealed(&packed(&returning("there", "f", 1))),
        sealed(&packed(&returning("other", "Taken", 1))),
        sealed(&a),
    ];
    for payload in &payloads {
        for policy in [&b"append"[..], b"REPLACE", b"FLUSH", b"x"] {
            let (our, their) =
                (restore(&mut ours, payload, policy), restore(&mut theirs, payload, policy));
            assert_eq!(our, their, "{} {}", payload.escape_ascii(), policy.escape_ascii());
            assert_eq!(libraries(&server), libraries(&stock));
            for client in [&mut ours, &mut theirs] {
                client.run("FUNCTION FLUSH");
                load(client, &returning("there", "taken", 1));
            }
        }
    }
    let words = [&b"FUNCTION"[..], b"RESTORE", &payloads[15], b"FLUSH", b"x"];
    assert_eq!(ours.call(&words), theirs.call(&words));
    let old = sealed(b"\xf6\x01x");
    let text = restore(&mut ours, &old, b"APPEND");
    assert_eq!(text, "ERR Pre-GA function format not supported", "as 7.2 says");
    let endless = sealed(&packed("#!lua name=a\nwhile true do end"));
    let text = restore(&mut ours, &endless, b"APPEND");
    assert_eq!(text, "ERR Error registering functions: ERR FUNCTION LOAD timeout");
}
