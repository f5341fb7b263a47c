//! Users of the configuration and of files of their own, over restarts.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::support::{Client, Endpoint, Server, Value};

fn place() -> TempDir {
    TempDir::new().expect("a temporary directory can be made")
}

fn path(place: &Path, name: &str) -> String {
    place.join(name).display().to_string()
}

fn write(place: &Path, name: &str, text: &str) -> String {
    fs::write(place.join(name), text).expect("the file can be written");
    path(place, name)
}

fn users(client: &mut Client) -> Vec<String> {
    client.run("ACL LIST").elements().iter().map(Value::text).collect()
}

#[test]
fn users_of_a_file_are_there_after_every_end() {
    let place = place();
    let file = write(place.path(), "users.acl", "\nuser app on >pw ~app:* +@all -@dangerous\n");
    let mut server = Server::start(&["--aclfile", &file]);
    let mut client = server.connect();
    assert_eq!(client.run("ACL USERS").elements().len(), 2);
    client.run("ACL SETUSER app +keys (%R~other:* +get)");
    client.run("ACL SETUSER unsaved on");
    assert_eq!(client.run("CONFIG GET aclfile").elements()[1].text(), file);
    client.run("ACL DELUSER unsaved");
    assert_eq!(client.run("ACL SAVE").text(), "OK");
    let saved = users(&mut client);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), saved.join("\n") + "\n");
    assert_eq!(fs::read_dir(place.path()).expect("it can be listed").count(), 1);
    client.run("ACL SETUSER lost on");
    server.kill();
    server.restart();
    assert_eq!(users(&mut server.connect()), saved);
    let mut app = server.connect();
    assert_eq!(app.run("AUTH app pw").text(), "OK");
    assert_eq!(app.run("SET app:1 v").text(), "OK");
    assert!(app.run("SET other:1 v").text().starts_with("NOPERM"));
    assert!(server.terminate().success());
}

#[test]
fn a_file_is_loaded_whole_or_not_at_all_and_ends_whom_it_does_not_name() {
    let place = place();
    let text = "user a on nopass +@all ~*\nuser b on nopass +@all ~*\n";
    let file = write(place.path(), "users.acl", text);
    let server = Server::start(&["--aclfile", &file]);
    let mut clients: Vec<_> = ["a", "b"]
        .map(|user| {
            let mut client = server.connect();
            assert_eq!(client.call(&["AUTH", user, "x"]).text(), "OK");
            client
        })
        .into();
    let mut admin = server.connect();
    let before = users(&mut admin);
    write(place.path(), "users.acl", "user a on\n\nuser c on +nosuch\nuser c on\nnonsense\n");
    let told = admin.run("ACL LOAD").text();
    let parts = [
        format!("ERR {file}:3: Error in applying operation '+nosuch': Unknown command"),
        "WARNING: Duplicate user 'c' found on line 4. ".to_owned(),
        format!("{file}:5 should start with user keyword followed by the username. "),
        "WARNING: ACL errors detected, no change to the previously active".to_owned(),
    ];
    for part in &parts {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(users(&mut admin), before);
    fs::remove_file(&file).expect("it is there");
    assert!(admin.run("ACL LOAD").text().contains("No such file or directory"));
    assert_eq!(users(&mut admin), before);

    write(place.path(), "users.acl", "user a on nopass +ping\n");
    assert_eq!(admin.run("ACL LOAD").text(), "OK");
    assert_eq!(clients[0].run("PING").text(), "PONG");
    assert!(clients[0].run("SET k v").text().starts_with("NOPERM"));
    assert!(clients[1].try_call(&["PING"]).is_err(), "there is no such user any more");
    let open = "user default on nopass sanitize-payload ~* &* +@all";
    assert!(users(&mut admin).contains(&open.to_owned()));
}

#[test]
fn a_start_names_the_file_and_the_line_that_is_wrong() {
    let (place, data) = (place(), place());
    let refused = |arguments: &[&str]| Server::start_refused(data.path(), arguments).0;
    let file = write(place.path(), "users.acl", "user a on\nuser b +@nosuch\n");
    let told = refused(&["--aclfile", &file]);
    assert!(told.contains(&format!("{file}:2: Error in applying operation '+@nosuch'")), "{told}");
    let told = refused(&["--aclfile", &path(place.path(), "none")]);
    assert!(told.contains("No such file or directory"), "{told}");
    let told = refused(&["--aclfile", &file, "--user", "a", "on"]);
    assert!(told.contains("user lines and by an ACL file at the same time"), "{told}");
    let more =
        write(place.path(), "more.conf", "# users\nuser a on\n\nuser b on ~x >p (+nosuch)\n");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_backlogd"));
    let output = command.args([&more, "--port", "0"]).output().expect("cargo builds it");
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    let expected = format!(
        "Error in user declaration '(+nosuch)': Unknown command or category name in ACL\n    in {more}, \
         line 4:"
    );
    assert!(told.contains(&expected), "{told}");
    let told = refused(&["--user", "a", "on", "--user", "a", "off"]);
    assert!(told.contains("Duplicate user found"), "{told}");
}

#[test]
fn users_of_the_configuration_are_rewritten_with_it() {
    let (place, data) = (place(), place());
    let config = write(
        place.path(),
        "server.conf",
        &format!(
            "port 0\nbind 127.0.0.1\ndir {}\nbacklog-address-file {}\nrequirepass first\n# mine\n\
             user app on >pw ~app:* +get\nuser gone on\n",
            data.path().display(),
            path(data.path(), "address"),
        ),
    );
    let start = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_backlogd"));
        command.arg(&config);
        let mut process = super::support::process::Process::start(&mut command, "cargo builds it");
        if let Err(output) = process.wait_for_line("Ready to accept connections") {
            panic!("it does not start:\n{output}");
        }
        let text = fs::read_to_string(path(data.path(), "address")).expect("it is written");
        (process, Client::connect(text.trim().parse().expect("an address")))
    };
    let (process, mut client) = start();
    assert_eq!(client.run("PING").text(), "NOAUTH Authentication required.");
    assert_eq!(client.run("AUTH first").text(), "OK");
    client.run("ACL SETUSER app +set (%R~shared:* +mget)");
    client.run("ACL SETUSER quotes on ~a\"b ~c'd &e\\f");
    client.run("ACL DELUSER gone");
    client.run("CONFIG SET requirepass second");
    assert_eq!(client.run("CONFIG REWRITE").text(), "OK");
    let before = users(&mut client);
    assert_eq!(before.len(), 3);
    let text = fs::read_to_string(&config).expect("it is there");
    assert!(text.contains("# mine\nuser app on") && !text.contains("user gone"), "{text}");
    drop((process, client));
    let (_process, mut client) = start();
    assert_eq!(client.run("AUTH first").text(), WRONG);
    assert_eq!(client.run("AUTH second").text(), "OK");
    assert_eq!(users(&mut client), before);
}

const WRONG: &str = "WRONGPASS invalid username-password pair or user is disabled.";
