//! Scripts that run for too long: what others are told meanwhile, and how the script is ended.

use crate::support::{Client, Endpoint, Program, Server, await_until};
use crate::{eval, server};

const BUSY: &str =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const UNKILLABLE: &str = "UNKILLABLE Sorry the script already executed write commands against the \
    dataset. You can either wait the script termination or kill the server in a hard way using the \
    SHUTDOWN NOSAVE command.";
/// Runs until it is ended.
const ENDLESS: &str = "while true do end";
/// Runs until somebody sets a key by another way than by a command, which nobody does.
const ENDLESS_WRITER: &str = "redis.call('SET', 'written', 1) while true do end";

fn impatient(further: &[&str]) -> Server {
    server(&[&["--busy-reply-threshold", "50"][..], further].concat())
}

/// Has a client run a script, and waits until it has run for too long.
fn run_endlessly(server: &mut Server, script: &str) -> Client {
    let mut client = server.connect();
    client.send_command(&["EVAL", script, "0"]);
    server.await_line("Slow script detected");
    client
}

#[test]
fn a_script_that_never_ends_is_ended_by_whoever_comes() {
    let stock = Program::usual().start(&["--busy-reply-threshold", "50"]);
    let mut theirs = stock.connect();
    theirs.send_command(&["EVAL", ENDLESS, "0"]);
    let mut killer = stock.connect();
    await_until("stock is busy", || killer.run("PING").text() == BUSY);
    killer.run("SCRIPT KILL");
    let told = theirs.read().0;
    for workers in ["1", "2"] {
        let mut server = impatient(&["--io-threads", workers]);
        let mut client = run_endlessly(&mut server, ENDLESS);
        let mut other = server.connect();
        assert_eq!(other.run("PING").text(), BUSY);
        assert_eq!(other.run("GET k").text(), BUSY);
        assert_eq!(other.run("SHUTDOWN").text(), BUSY);
        assert_eq!(other.run("SCRIPT KILL").text(), "OK");
        assert_eq!(client.read().0, told);
        await_until("it is over", || other.run("PING").text() == "PONG");
        assert_eq!(other.run("SCRIPT KILL").text(), "NOTBUSY No scripts in execution right now.");
        assert_eq!(client.run("SET k v").text(), "OK");
    }
}

#[test]
fn no_script_escapes_its_end() {
    let mut server = impatient(&[]);
    for script in [
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() return 1 end) end",
        "local spin = function() while true do end end while true do xpcall(spin, spin) end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "while true do pcall(coroutine.wrap(function() while true do end end)) end",
        "while true do redis.pcall('GET', 'k') end",
        "while true do pcall(error, {}) end",
        "local t = setmetatable({}, {__index = function() while true do end end}) while true do \
         pcall(function() return t.x end) end",
        "while true do pcall(string.gsub, ('x'):rep(1000), '.', function() while true do end end) end",
    ] {
        let mut client = run_endlessly(&mut server, script);
        assert_eq!(server.connect().run("SCRIPT KILL").text(), "OK", "{script}");
        let text = client.read().0.text();
        assert!(
            text.starts_with("ERR Script killed by user with SCRIPT KILL... script: "),
            "{text}"
        );
    }
}

#[test]
fn clients_that_were_there_before_are_answered_whichever_worker_they_have() {
    for workers in ["1", "2"] {
        let mut server = impatient(&["--io-threads", workers]);
        let mut others: Vec<_> = (0..4).map(|_| server.connect()).collect();
        for other in &mut others {
            other.run("SET k v");
        }
        let mut client = run_endlessly(&mut server, ENDLESS);
        for other in &mut others {
            other.send(b"GET k\r\n*1\r\n$4\r\nPING\r\nNOSUCH\r\nMUL");
            assert_eq!(
                (other.read().0.text().as_str(), other.read().0.text().as_str()),
                (BUSY, BUSY)
            );
            assert!(other.read().0.text().starts_with("ERR unknown command 'NOSUCH'"));
        }
        // What may run meanwhile and is no matter of scripts runs when the script is over.
        for other in &mut others {
            other.send(b"TI\r\nDISCARD\r\n");
        }
        assert!(client.is_silent());
        assert_eq!(server.connect().run("SCRIPT KILL").text(), "OK");
        assert!(client.read().0.is_error());
        for other in &mut others {
            assert_eq!(
                (other.read().0.text().as_str(), other.read().0.text().as_str()),
                ("OK", "OK")
            );
        }
    }
}

#[test]
fn a_client_that_comes_just_before_is_answered() {
    let server = impatient(&["--io-threads", "1"]);
    for _ in 0..20 {
        let mut client = server.connect();
        client.send_command(&["EVAL", ENDLESS, "0"]);
        let mut other = server.connect();
        await_until("the script runs for too long", || other.run("PING").text() == BUSY);
        assert_eq!(other.run("SCRIPT KILL").text(), "OK");
        assert!(client.read().0.is_error());
    }
}

#[test]
fn a_script_that_has_written_is_not_ended_halfway() {
    let mut server = impatient(&["--io-threads", "1"]);
    let mut early = server.connect();
    early.run("SET kept 1");
    let mut client = run_endlessly(&mut server, ENDLESS_WRITER);
    assert_eq!(early.run("SCRIPT KILL").text(), UNKILLABLE);
    assert_eq!(server.connect().run("SCRIPT KILL").text(), UNKILLABLE);
    early.send(b"SHUTDOWN NOSAVE\r\n");
    assert!(server.wait().success(), "{}", server.output());
    assert!(client.try_read().is_err());
    server.restart();
    let mut client = server.connect();
    assert_eq!(client.run("EXISTS kept").integer(), 1);
    assert_eq!(client.run("EXISTS written").integer(), 0, "half a script is no script");
}

#[test]
fn the_threshold_is_set_by_either_name_and_a_script_below_it_disturbs_nobody() {
    let server = server(&[]);
    let mut client = server.connect();
    client.run("CONFIG SET lua-time-limit 3600000");
    let values = client.run("CONFIG GET busy-reply-threshold");
    assert_eq!(values.elements()[1].text(), "3600000");
    client.send_command(&["EVAL", "for i = 1, 3e7 do end return 'done'", "0"]);
    let mut other = server.connect();
    assert_eq!(other.run("PING").text(), "PONG");
    assert_eq!(client.read().0.text(), "done");
    assert_eq!(eval(&mut client, "return 1").integer(), 1);
}
