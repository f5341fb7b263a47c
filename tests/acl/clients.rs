//! What clients and monitors see of users.

use super::support::{Client, Endpoint, Server};

fn log_in(server: &Server, user: &str, password: &str) -> Client {
    let mut client = server.connect();
    assert_eq!(client.call(&["AUTH", user, password]).text(), "OK");
    client
}

#[test]
fn a_client_is_listed_and_killed_by_its_user() {
    let server = Server::start(&[]);
    let mut admin = server.connect();
    admin.run("ACL SETUSER u on >pw +@all");
    let mut first = log_in(&server, "u", "pw");
    let mut second = log_in(&server, "u", "pw");
    assert!(first.run("CLIENT INFO").text().contains(" user=u "));
    let listed = admin.run("CLIENT LIST").text();
    assert_eq!(listed.matches(" user=u ").count(), 2, "{listed}");
    assert_eq!(listed.matches(" user=default ").count(), 1, "{listed}");
    assert_eq!(admin.run("CLIENT KILL USER u").integer(), 2);
    assert!(first.try_call(&["PING"]).is_err() && second.try_call(&["PING"]).is_err());
    assert_eq!(admin.run("CLIENT KILL USER nobody").text(), "ERR No such user 'nobody'");
}

#[test]
fn nobody_reads_what_users_are_made_of() {
    let server = Server::start(&["--slowlog-log-slower-than", "0"]);
    let (mut admin, mut monitor) = (server.connect(), server.connect());
    assert_eq!(monitor.run("MONITOR").text(), "OK");
    admin.run("ACL SETUSER hidden on >secret ~private:* +get");
    admin.run("ACL GETUSER hidden");
    admin.run("AUTH hidden secret");
    admin.run("AUTH hidden wrong");
    let mut other = server.connect();
    other.run("ACL DELUSER hidden");
    other.run("PING end");
    let slow = format!("{:?}", other.run("SLOWLOG GET 100"));
    let mut seen = String::new();
    while !seen.contains("\"end\"") {
        seen.push_str(&monitor.read_line());
    }
    for word in ["secret", "private", "hidden", "wrong"] {
        assert!(!seen.contains(word), "{word} in {seen}");
        let escaped = word.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        assert!(!slow.contains(&escaped), "{word} in {slow}");
    }
    assert!(seen.contains("\"AUTH\" \"(redacted)\""), "{seen}");
}

#[test]
fn a_change_reaches_clients_of_every_worker_before_it_is_answered() {
    let server = Server::start(&["--io-threads", "4"]);
    let mut admin = server.connect();
    admin.run("ACL SETUSER u on nopass ~* +@all");
    let mut clients: Vec<_> = (0..12).map(|_| log_in(&server, "u", "x")).collect();
    for round in 0..20 {
        let (rule, expected) = if round % 2 == 0 { ("-set", true) } else { ("+set", false) };
        admin.call(&["ACL", "SETUSER", "u", rule]);
        for client in &mut clients {
            assert_eq!(client.run("SET k v").is_error(), expected, "round {round}");
        }
    }
}

#[test]
fn the_command_line_may_have_the_default_user_need_a_password() {
    let server = Server::start(&["--user", "default", "on", ">pw", "~*", "&*", "+@all"]);
    let mut client = server.connect();
    assert_eq!(client.run("GET k").text(), "NOAUTH Authentication required.");
    assert_eq!(client.run("AUTH pw").text(), "OK");
    assert_eq!(client.run("ACL WHOAMI").text(), "default");
}

#[test]
fn those_who_wait_for_a_script_are_bound_too() {
    let server = Server::start(&["--busy-reply-threshold", "10", "--io-threads", "1"]);
    let mut admin = server.connect();
    admin.run("ACL SETUSER u on nopass ~* +@all -script|kill");
    let mut bound = log_in(&server, "u", "x");
    let mut running = server.connect();
    running.send_command(&["EVAL", "while true do end", "0"]);
    super::support::await_until("the script is slow", || {
        server.connect().run("PING").text().starts_with("BUSY")
    });
    bound.send_command(&["SCRIPT", "KILL"]);
    // It is not ended by whoever may not: others are still told that it runs.
    assert!(server.connect().run("PING").text().starts_with("BUSY"));
    assert_eq!(server.connect().run("SCRIPT KILL").text(), "OK");
    assert!(running.read().0.is_error());
    let denied = "NOPERM User u has no permissions to run the 'script|kill' command";
    assert_eq!(bound.read().0.text(), denied);
}
