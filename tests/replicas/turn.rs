//! The turn of a worker, as clients see it: those who come together share one sync and one seal.

use std::time::{Duration, Instant};

use crate::support::history::number;
use crate::support::{Client, Endpoint, Server, Value, await_until};
use rustix::process::{Pid, Signal, kill_process};

const CLIENTS: usize = 50;

/// Stops a process, and lets it go on when dropped.
struct Stopped(Pid);

impl Stopped {
    fn stop(server: &Server) -> Self {
        let pid = Pid::from_raw(server.pid() as i32).expect("a process has a number");
        kill_process(pid, Signal::STOP).expect("it can be stopped");
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        kill_process(self.0, Signal::CONT).expect("it can go on");
    }
}

/// Sends each client's words while the server is stopped, so that it finds all of them at once.
fn send_at_once(server: &Server, clients: &mut [Client], words: impl Fn(usize) -> Vec<String>) {
    let _stopped = Stopped::stop(server);
    for (number, client) in clients.iter_mut().enumerate() {
        client.send_command(&words(number).iter().map(String::as_str).collect::<Vec<_>>());
    }
}

fn connect(server: &Server) -> Vec<Client> {
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.call(&["PING"]).text(), "PONG");
    }
    clients
}

fn syncs(server: &Server) -> u64 {
    number(&mut server.connect(), "backlog", "backlog_syncs")
}

#[test]
fn fifty_clients_that_wait_for_their_writes_share_one_sync() {
    let server = Server::start(&["--appendfsync", "always", "--io-threads", "1"]);
    let mut clients = connect(&server);
    let before = syncs(&server);
    send_at_once(&server, &mut clients, |number| {
        vec!["SET".into(), format!("key:{number}"), "value".into()]
    });
    for client in &mut clients {
        assert_eq!(client.read().0.text(), "OK");
    }
    // One for all, or two where the worker was woken while the first of them were still coming.
    let made = syncs(&server) - before;
    assert!((1..=2).contains(&made), "{made} syncs for {CLIENTS} writes");
}

#[test]
fn a_client_that_does_not_read_its_replies_holds_nobody_back() {
    let server = Server::start(&["--io-threads", "1"]);
    let mut writer = server.connect();
    writer.call(&["SET", "large", &"x".repeat(1 << 20)]);
    let mut deaf = server.connect();
    for _ in 0..64 {
        deaf.send_command(&["GET", "large"]);
    }
    for number in 0..100 {
        assert_eq!(writer.call(&["INCR", "counter"]).integer(), number + 1);
    }
    // It gets everything all the same, in order, once it reads.
    for _ in 0..64 {
        assert_eq!(deaf.read().0.text().len(), 1 << 20);
    }
    assert_eq!(deaf.call(&["GET", "counter"]).text(), "100");
}

#[test]
fn replies_to_one_client_keep_their_order_across_everything_that_waits() {
    let server = Server::start(&["--appendfsync", "always", "--enable-debug-command", "yes"]);
    let mut client = server.connect();
    let commands: [&[&str]; 7] = [
        &["SET", "a", "1"],
        &["WAIT", "0", "0"],
        &["INCR", "a"],
        &["WAITAOF", "1", "0", "0"],
        &["DEBUG", "SLEEP", "0.01"],
        &["CLIENT", "REPLY", "ON"],
        &["GET", "a"],
    ];
    for command in commands {
        client.send_command(command);
    }
    assert_eq!(client.read().0.text(), "OK");
    assert_eq!(client.read().0.integer(), 0);
    assert_eq!(client.read().0.integer(), 2);
    assert_eq!(client.read().0.elements()[0].integer(), 1);
    assert_eq!(client.read().0.text(), "OK");
    assert_eq!(client.read().0.text(), "OK");
    assert_eq!(client.read().0.text(), "2");
}

#[test]
fn busy_clients_move_to_a_worker_that_is_idle_and_notice_nothing() {
    const BATCH: usize = 50;
    let server = Server::start(&["--io-threads", "2"]);
    let mut watcher = server.connect();
    for (key, letter) in [("one", "a"), ("two", "b")] {
        watcher.call(&["SET", key, &letter.repeat(600)]);
    }
    // Clients are spread evenly, so every second one of these is at one worker; the rest leaves.
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.call(&["PING"]).text(), "PONG");
    }
    let mut clients: Vec<_> = clients.into_iter().step_by(2).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.call(&["SELECT", &number.to_string()]);
        client.call(&["CLIENT", "SETNAME", &format!("client-{number}")]);
        client.call(&["SET", "mine", &number.to_string()]);
        client.call(&["WATCH", "mine"]);
    }
    await_until("clients move", || {
        // Work that takes the worker's time, and next to none of this thread's.
        for client in &mut clients {
            client.call(&["SELECT", "0"]);
            (0..BATCH).for_each(|_| client.send_command(&["LCS", "one", "two", "LEN"]));
        }
        for client in &mut clients {
            (0..BATCH).for_each(|_| assert_eq!(client.read().0.integer(), 0));
        }
        number(&mut watcher, "stats", "backlogd_clients_moved") > 0
    });
    for (number, client) in clients.iter_mut().enumerate() {
        client.call(&["SELECT", &number.to_string()]);
        assert_eq!(client.call(&["CLIENT", "GETNAME"]).text(), format!("client-{number}"));
        client.call(&["MULTI"]);
        client.call(&["GET", "mine"]);
        assert_eq!(client.call(&["EXEC"]).elements()[0].text(), number.to_string());
    }
    // What was watched is watched still, from whichever worker it is changed.
    let last = &mut clients[3];
    last.call(&["WATCH", "mine"]);
    watcher.call(&["SELECT", "3"]);
    watcher.call(&["SET", "mine", "changed"]);
    last.call(&["MULTI"]);
    last.call(&["GET", "mine"]);
    assert_eq!(last.call(&["EXEC"]), Value::Null);
}

#[test]
fn clients_whose_requests_take_long_move_as_well() {
    // Longer than it takes until the workers are looked at again.
    const LONG: Duration = Duration::from_millis(250);
    const SCRIPT: &str = "for _ = 1, ARGV[1] do end return 1";
    let server = Server::start(&["--io-threads", "2"]);
    let mut watcher = server.connect();
    let mut rounds = 1_000_000;
    while {
        let began = Instant::now();
        watcher.call(&["EVAL_RO", SCRIPT, "0", &rounds.to_string()]);
        began.elapsed() < LONG
    } {
        rounds *= 2;
    }
    let mut clients = connect(&server);
    clients.truncate(4);
    // Every second one is at the same worker.
    let mut clients: Vec<_> = clients.into_iter().step_by(2).collect();
    await_until("clients move", || {
        for client in &mut clients {
            client.send_command(&["EVAL_RO", SCRIPT, "0", &rounds.to_string()]);
        }
        for client in &mut clients {
            assert_eq!(client.read().0.integer(), 1);
        }
        number(&mut watcher, "stats", "backlogd_clients_moved") > 0
    });
}
