//! Functions that run for too long: what others are told meanwhile, and how they are ended.

use crate::support::{Client, Endpoint, Program, Server, Value, await_until};
use crate::{load, server};

const BUSY_FUNCTION: &str =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
const BUSY_SCRIPT: &str =
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
const ENDLESS: &str = "#!lua name=endless
    redis.register_function('spin', function() while true do end end)
    redis.register_function('writer', function()
        redis.call('SET', 'written', 1) while true do end end)";

fn impatient(workers: &str) -> Server {
    server(&["--busy-reply-threshold", "50", "--io-threads", workers])
}

/// Has a client ask for something that never ends, and waits until it has run for too long.
fn run_endlessly(server: &mut Server, words: &[&str]) -> Client {
    let mut client = server.connect();
    client.send_command(words);
    server.await_line("Slow script detected");
    client
}

/// The name, the command and the number of figures that `FUNCTION STATS` tells of what runs.
fn running(client: &mut Client) -> Option<(String, Vec<String>)> {
    let stats = client.run("FUNCTION STATS");
    let [name, running, engines, _] = stats.elements() else { panic!("four: {stats:?}") };
    assert_eq!((name.text().as_str(), engines.text().as_str()), ("running_script", "engines"));
    if *running == Value::Null {
        return None;
    }
    let running = running.elements();
    assert!(running[5].integer() >= 50, "{running:?}");
    let command = running[3].elements().iter().map(Value::text).collect();
    Some((running[1].text(), command))
}

#[test]
fn a_function_that_never_ends_is_ended_by_function_kill_alone() {
    let stock = Program::usual().start(&["--busy-reply-threshold", "50"]);
    let (mut theirs, mut killer) = (stock.connect(), stock.connect());
    load(&mut killer, ENDLESS);
    theirs.run("FCALL nosuch 0");
    theirs.send_command(&["FCALL", "spin", "1", "k", "a"]);
    await_until("stock is busy", || killer.run("PING").text() == BUSY_FUNCTION);
    killer.run("FUNCTION KILL");
    let told = theirs.read().0;
    for workers in ["1", "2"] {
        let mut server = impatient(workers);
        let mut early: Vec<_> = (0..4).map(|_| server.connect()).collect();
        for client in &mut early {
            client.run("HELLO 2");
        }
        load(&mut early[0], ENDLESS);
        assert_eq!(running(&mut early[0]), None);
        let mut client = run_endlessly(&mut server, &["FCALL", "spin", "1", "k", "a"]);
        let mut late = server.connect();
        for other in early.iter_mut().chain([&mut late]) {
            assert_eq!(other.run("PING").text(), BUSY_FUNCTION);
            assert_eq!(other.run("FUNCTION LIST").text(), BUSY_FUNCTION);
            assert_eq!(other.run("SCRIPT KILL").text(), BUSY_FUNCTION);
            assert_eq!(other.run("SHUTDOWN").text(), BUSY_FUNCTION);
            let command = ["FCALL", "spin", "1", "k", "a"].map(str::to_owned).to_vec();
            assert_eq!(running(other), Some(("spin".to_owned(), command)));
        }
        assert_eq!(early[1].run("FUNCTION KILL").text(), "OK");
        assert_eq!(client.read().0, told);
        await_until("it is over", || late.run("PING").text() == "PONG");
        let idle = "NOTBUSY No scripts in execution right now.";
        assert_eq!(late.run("FUNCTION KILL").text(), idle);
        assert_eq!(running(&mut late), None);
        assert!(client.run("FCALL spin").is_error());
    }
}

#[test]
fn a_script_is_not_ended_by_function_kill() {
    let mut server = impatient("1");
    let mut early = server.connect();
    early.run("PING");
    let mut client = run_endlessly(&mut server, &["EVAL", "while true do end", "0"]);
    for other in [&mut early, &mut server.connect()] {
        assert_eq!(other.run("FUNCTION KILL").text(), BUSY_SCRIPT);
        assert_eq!(other.run("FUNCTION STATS").text(), BUSY_SCRIPT);
    }
    assert_eq!(early.run("SCRIPT KILL").text(), "OK");
    assert!(client.read().0.is_error());
}

#[test]
fn a_function_that_has_written_is_not_ended_halfway() {
    let mut server = impatient("1");
    let mut early = server.connect();
    load(&mut early, ENDLESS);
    early.run("SET kept 1");
    let mut client = run_endlessly(&mut server, &["FCALL", "writer", "0"]);
    for line in ["FUNCTION KILL", "SCRIPT KILL"] {
        let text = early.run(line).text();
        assert!(text.starts_with("UNKILLABLE Sorry the script already executed"), "{text}");
    }
    early.send(b"SHUTDOWN NOSAVE\r\n");
    assert!(server.wait().success(), "{}", server.output());
    assert!(client.try_read().is_err());
    server.restart();
    let mut client = server.connect();
    assert_eq!(client.run("EXISTS kept written").integer(), 1, "half a call is no call");
    assert!(client.run("FCALL spin").is_error());
    assert_eq!(client.run("FUNCTION LIST").elements().len(), 1);
}
