//! What a server says at its start that has no TLS to speak.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::{Authority, Server};
use crate::{Guarded, start};

/// A certificate of X.509 version 1, as `openssl x509 -req` makes it without extensions.
const OLD: &str = "\
-----BEGIN CERTIFICATE-----
MIIBGTCBvwIUen/bH22V4z93h5naa324L0wlnAMwCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDb2xkMCAXDTI2MTEyODA1MzgxM1oYDzIxMjYxMTA0MDUzODEzWjAOMQww
CgYDVQQDDANvbGQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATg7yOJfF1Sz8TK
QbgOm0S9WCgxwdtm4P1MbjUAfzo+22lwea/bt+ZvHohWKjYK+knP5gRjEHzLZe+f
oTT1iUN9MAoGCCqGSM49BAMCA0kAMEYCIQDaY7C7RYnWU3jtHycr76m3dBfV7hti
kLT36zagiR5HqQIhAM4MdfMMYBPE5/I7GtDrNC43BilmJGuJLCJ5QhImhoNP
-----END CERTIFICATE-----
";

/// Asserts that a server with these arguments is refused with these words, both checked and started.
#[track_caller]
fn assert_refused(arguments: &[String], words: &[&str]) {
    let place = TempDir::new().expect("a temporary directory can be made");
    for check in [&["--check-config"][..], &[]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
        command.args(check).args(["--port", "0", "--tls-port", "1"]).args(arguments);
        let output = command.arg("--dir").arg(place.path()).output().expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {word:?} is not in:\n{said}");
        }
    }
    let left = fs::read_dir(place.path()).expect("it can be read").count();
    assert_eq!(left, 0, "nothing is begun before the certificates are read");
}

fn named(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new("authority");
    let (shown, other) = (authority.issue("server"), authority.issue("another"));
    let broken = authority.directory().join("broken");
    let write = |text: &str| fs::write(&broken, text).expect("the file can be written");
    let file = named(&broken);
    let with = |name: &str, value: &str| {
        let mut arguments = authority.arguments(&shown);
        arguments.extend([name.to_owned(), value.to_owned()]);
        arguments
    };
    assert_refused(&with("--tls-cert-file", &file), &["cannot read", &file, "No such file"]);
    write("nothing of the kind");
    for directive in ["--tls-cert-file", "--tls-ca-cert-file"] {
        assert_refused(&with(directive, &file), &["no certificate in", &file]);
    }
    assert_refused(&with("--tls-key-file", &file), &["no private key in", &file]);
    write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_refused(&with("--tls-cert-file", &file), &["certificate in", &file]);
    write("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    assert_refused(&with("--tls-key-file", &file), &["encrypted", &file, "openssl pkey"]);
    write(OLD);
    assert_refused(&with("--tls-cert-file", &file), &["version 1", &file, "-extfile"]);
    let key = named(&other.key);
    assert_refused(&with("--tls-key-file", &key), &["private key in", &key]);
    assert_refused(&with("--tls-client-key-file", &key), &["No tls-client-cert-file configured"]);
}

#[test]
fn what_is_missing_or_not_known_is_told_as_stock_tells_it() {
    let authority = Authority::new("authority");
    let shown = authority.issue("server");
    let all = authority.arguments(&shown);
    assert_refused(&[], &["No tls-cert-file configured!"]);
    assert_refused(&all[..2], &["No tls-key-file configured!"]);
    assert_refused(&all[..4], &["Either tls-ca-cert-file or tls-ca-cert-dir must be specified"]);
    let with =
        |name: &str, value: &str| [all.clone(), vec![name.to_owned(), value.to_owned()]].concat();
    let protocols = "Invalid tls-protocols specified";
    assert_refused(&with("--tls-protocols", "TLSv1.1 TLSv1.2"), &[protocols, "TLSv1.1"]);
    assert_refused(&with("--tls-protocols", "SSLv3"), &[protocols]);
    assert_refused(&with("--tls-ciphers", "NOPE"), &["Failed to configure ciphers", "NOPE"]);
    assert_refused(&with("--tls-ciphersuites", "NOPE"), &["Failed to configure ciphersuites"]);
}

#[test]
fn a_directory_of_authorities_serves_as_a_file_does() {
    let authority = Authority::new("authority");
    let shown = authority.issue("server");
    let directory = TempDir::new().expect("a temporary directory can be made");
    fs::copy(authority.file(), directory.path().join("0")).expect("the file can be written");
    fs::write(directory.path().join("README"), "text").expect("the file can be written");
    let place = named(directory.path());
    let further = ["--tls-ca-cert-file", "", "--tls-ca-cert-dir", &place];
    let (server, address) = start(&authority, &shown, &further);
    let guarded = Guarded { server, address, authority, shown };
    assert_eq!(guarded.connect().run("PING").text(), "PONG");
}

#[test]
fn a_server_may_listen_in_tls_alone() {
    let authority = Authority::new("authority");
    let shown = authority.issue("server");
    let (server, address) = start(&authority, &shown, &["--port", "0"]);
    let mut guarded = Guarded { server, address, authority, shown };
    assert_eq!(guarded.connect().info("server", "tcp_port"), address.port().to_string());
    let output = guarded.server.output();
    assert!(output.contains(&format!("addresses=tls://{address}")), "{output}");
}

#[test]
fn what_has_no_effect_is_taken_with_one_warning() {
    let mut guarded = Guarded::start(&["--tls-dh-params-file", "dh.pem"]);
    let output = guarded.server.output();
    assert_eq!(output.matches("has no effect").count(), 1, "{output}");
    assert!(output.contains("elliptic curves"), "{output}");
    let secret = ["--tls-key-file-pass", "hidden"];
    let arguments = guarded.authority.arguments(&guarded.shown);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).chain(secret).collect();
    let output = Server::start(&arguments).output();
    assert!(output.contains("tls-key-file-pass") && !output.contains("hidden"), "{output}");
}
