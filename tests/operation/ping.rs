//! `backlogd ping`: what a health check is told of servers that serve, and of those that do not.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use crate::support::stock::free_port;
use crate::support::{Endpoint, Server, Stock};

/// Asks, and returns the exit status with what is said.
fn ping(arguments: &[&str], password: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.arg("ping").args(arguments).env("REDISCLI_AUTH", password);
    let output = command.output().expect("it runs");
    assert!(output.stdout.is_empty(), "{output:?}");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_server_that_serves_is_well() {
    let (ours, stock) = (Server::start(&[]), Stock::start(&[]));
    for address in [ours.address(), stock.address()] {
        assert_eq!(ping(&[&address.to_string()], ""), (Some(0), String::new()));
        // A password that nobody wants does no harm.
        assert_eq!(ping(&[&address.to_string()], "secret").0, Some(0));
    }
}

#[test]
fn a_password_is_given_where_it_is_wanted() {
    let server = Server::start(&["--requirepass", "secret"]);
    let address = server.address().to_string();
    let (code, told) = ping(&[&address], "");
    assert!(code == Some(1) && told.contains("NOAUTH"), "{told}");
    let (code, told) = ping(&[&address], "wrong");
    assert!(code == Some(1) && told.contains("WRONGPASS"), "{told}");
    assert_eq!(ping(&[&address], "secret").0, Some(0));
    assert_eq!(ping(&[&address, "--user", "default", "--password", "secret"], "").0, Some(0));
}

#[test]
fn whoever_does_not_serve_is_not_well_and_a_wrong_question_is_one() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port())).to_string();
    let (code, told) = ping(&[&nobody], "");
    assert!(code == Some(1) && told.contains(&nobody), "{told}");
    let silent = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let silent = silent.local_addr().expect("it is bound").to_string();
    let (code, told) = ping(&[&silent, "--timeout", "100"], "");
    assert!(code == Some(1) && told.contains("100 ms"), "{told}");
    for wrong in
        [&["nowhere"][..], &["a:1", "b:1"], &["a:1", "--timeout", "0"], &["a:1", "--user", "x"]]
    {
        assert_eq!(ping(wrong, "").0, Some(2), "{wrong:?}");
    }
}
