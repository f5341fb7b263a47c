//! On a full disk nothing that comes to more than its request ends the server: it is refused before it
//! has done anything.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::support::history::digest;
use crate::support::mount::Mount;
use crate::support::{Client, Endpoint, Server, Value, await_until};
use tempfile::TempDir;

/// Takes all room away that is left.
fn fill(directory: &Path) {
    let mut file = fs::File::create(directory.join("rest")).expect("it can be made");
    while file.write_all(&[1; 4096]).is_ok() {}
}

fn start(directory: &Path, segment: &str) -> Server {
    let data = directory.join("data");
    fs::create_dir(&data).expect("it can be made");
    let quiet = ["--save", "", "--backlog-min-free-disk", "0", "--enable-debug-command", "yes"];
    let own = ["--backlog-snapshot-ratio", "1000000", "--backlog-segment-size", segment];
    Server::start_in(&data, &[&quiet[..], &own].concat())
}

#[track_caller]
fn assert_done(reply: &Value) {
    assert!(!reply.is_error(), "{reply:?}");
}

#[track_caller]
fn assert_no_room(reply: &Value, what: &str) {
    let told = matches!(reply, Value::Error(error) if error.starts_with("MISCONF "));
    assert!(told, "{what}: {reply:?}");
}

/// Puts values in whose members, told by name, take some megabytes.
fn load(client: &mut Client) {
    let name = "m".repeat(100);
    for start in (0..20_000).step_by(1000) {
        let members: Vec<_> = (start..start + 1000).map(|n| format!("{name}{n}")).collect();
        let scored = |score: &dyn Fn(usize) -> Vec<String>| -> Vec<String> {
            let each = members.iter().enumerate();
            each.flat_map(|(n, member)| [score(start + n), vec![member.clone()]].concat()).collect()
        };
        let score = |n: usize| vec![n.to_string()];
        let place = |n: usize| vec![format!("15.{n:05}"), "38".to_owned()];
        for (head, tail) in [
            (["SADD", "set"], members.clone()),
            (["ZADD", "zset"], scored(&score)),
            (["GEOADD", "geo"], scored(&place)),
        ] {
            let words = [head.map(str::to_owned).to_vec(), tail].concat();
            assert_done(&client.call(&words));
        }
    }
    let large = "L".repeat(2 << 20);
    assert_done(&client.call(&["SADD", "one", &large]));
}

#[test]
fn what_would_be_told_at_length_is_refused_and_nothing_has_changed() {
    let place = TempDir::new().expect("a temporary directory can be made");
    let Some(disk) = Mount::tmpfs(place.path(), 40) else { return };
    let mut server = start(disk.point(), "1mb");
    let mut client = server.connect();
    load(&mut client);
    await_until("a spare segment is ready", || {
        client.info("backlog", "backlog_admits_writes") == "1"
    });
    fill(disk.point());
    let before = digest(&server);
    for line in [
        "SPOP set 15000",
        "SPOP one",
        "ZREMRANGEBYLEX zset - +",
        "ZRANGESTORE to zset - + BYLEX",
        "SORT set BY weight:* ALPHA STORE to",
        "GEOSEARCHSTORE to geo FROMLONLAT 15 38 BYRADIUS 500 km STOREDIST",
        "GEORADIUS geo 15 38 500 km STOREDIST to",
        "DEBUG POPULATE 30000 key 100",
        "DEBUG POPULATE 9223372036854775807 key 9223372036854775807",
    ] {
        let reply = client.run(line);
        let is_huge = line.ends_with("807");
        assert!(!is_huge || reply.is_error(), "{line}: {reply:?}");
        if !is_huge {
            assert_no_room(&reply, line);
        }
        assert_eq!(digest(&server), before, "{line} has changed something");
    }
    // Each by itself would do; all of them are told at once.
    client.run("MULTI");
    for _ in 0..15 {
        client.run("SPOP set 1000");
    }
    let replies = client.run("EXEC");
    let refused = replies.elements().iter().filter(|reply| reply.is_error()).count();
    assert!((1..15).contains(&refused), "{refused} were refused");
    let left = client.run("SCARD set").integer();
    assert_eq!(left, 20_000 - 1000 * (15 - refused as i64));
    // What is told in few words goes on.
    assert_done(&client.run("SPOP set 3"));
    assert_eq!(client.run("SCARD set").integer(), left - 3);
    let held = digest(&server);
    server.kill();
    fs::remove_file(disk.point().join("rest")).expect("it is there");
    server.restart();
    assert_eq!(digest(&server), held);
    let mut client = server.connect();
    assert_eq!(client.run("SPOP one 1").elements().len(), 1);
    assert_eq!(client.run("SPOP set 15000").elements().len(), 15_000);
}

/// Writes until that is refused.
fn write_until_refused(client: &mut Client) {
    let value = "v".repeat(2000);
    loop {
        let reply = client.call(&["SET", "filler", &value]);
        if reply.is_error() {
            return assert_no_room(&reply, "a write");
        }
    }
}

#[test]
fn keys_that_expire_and_replicas_that_are_asked_need_no_room() {
    let place = TempDir::new().expect("a temporary directory can be made");
    let Some(disk) = Mount::tmpfs(place.path(), 8) else { return };
    let mut server = start(disk.point(), "64kb");
    let mut client = server.connect();
    assert_done(&client.run("DEBUG SET-ACTIVE-EXPIRE 0"));
    for number in 0..5000 {
        assert_done(&client.run(&format!("SET fading:{number} v PX 300")));
    }
    assert_done(&client.run("RPUSH list 1 2 3"));
    fill(disk.point());
    write_until_refused(&mut client);
    await_until("all have expired", || client.run("EXISTS fading:4999").integer() == 0);
    for number in 0..5000 {
        assert_eq!(client.run(&format!("GET fading:{number}")), Value::Null);
    }
    assert_eq!(client.run("KEYS fading:*").elements().len(), 0);
    for _ in 0..600 {
        assert_eq!(client.run("WAIT 1 1").integer(), 0);
    }
    assert_no_room(&client.run("SET filler v"), "a write");
    assert!(server.is_running());
    fs::remove_file(disk.point().join("rest")).expect("it is there");
    await_until("there is room again", || !client.run("SET filler v").is_error());
    // What has expired counts until it is removed, which is awaited: a start begins with that at once.
    assert_done(&client.run("DEBUG SET-ACTIVE-EXPIRE 1"));
    await_until("what has expired is removed", || client.run("DBSIZE").integer() == 2);
    let held = digest(&server);
    server.kill();
    server.restart();
    assert_eq!(digest(&server), held);
}

#[test]
fn clients_that_are_served_by_a_write_are_refused_as_it_would_be() {
    const CLIENTS: usize = 200;
    let place = TempDir::new().expect("a temporary directory can be made");
    let Some(disk) = Mount::tmpfs(place.path(), 4) else { return };
    let mut server = start(disk.point(), "64kb");
    let key = "k".repeat(3000);
    let mut waiting: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send_command(&["BLPOP", &key, "0"]);
    }
    let mut client = server.connect();
    await_until("all of them wait", || {
        client.info("clients", "blocked_clients") == CLIENTS.to_string()
    });
    fill(disk.point());
    let elements = vec!["e"; CLIENTS];
    let reply = client.call(&[&["RPUSH", &key][..], &elements].concat());
    assert_eq!(reply.integer(), CLIENTS as i64);
    let (mut fed, mut refused) = (0, 0);
    for client in &mut waiting {
        match client.read().0 {
            Value::Array(_) => fed += 1,
            reply => {
                assert_no_room(&reply, "BLPOP");
                refused += 1;
            }
        }
    }
    assert!(fed > 0 && refused > 0, "{fed} fed, {refused} refused");
    assert_eq!(client.call(&["LLEN", &key]).integer(), refused);
    fs::remove_file(disk.point().join("rest")).expect("it is there");
    server.kill();
    server.restart();
    assert_eq!(server.connect().call(&["LLEN", &key]).integer(), refused);
}
