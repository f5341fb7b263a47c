//! `backlogd status` of servers that speak TLS.

use std::process::Command;

use crate::replication::Linked;
use crate::support::{Authority, Kind, Program};

fn status(address: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backlogd"));
    command.args(["status", address]).args(arguments).env_remove("REDISCLI_AUTH");
    let output = command.output().expect("the tool runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("the tool writes UTF-8"))
}

#[test]
fn a_topology_is_walked_in_tls() {
    let (authority, others) = (Authority::new("authority"), Authority::new("somebody else"));
    let primary = Linked::with(&Kind::Backlogd, &authority);
    let replicas =
        [Kind::Backlogd, Kind::Stock(Program::usual())].map(|kind| Linked::with(&kind, &authority));
    for replica in &replicas {
        replica.follow(&primary);
        replica.await_link();
        replica.await_same_data(&primary);
    }
    let address = replicas[0].tls_address().to_string();
    let shown = authority.issue("operator");
    let file = |path: &std::path::Path| path.display().to_string();
    let (certificate, key) = (file(&shown.certificate), file(&shown.key));
    let (trusted, foreign) = (file(&authority.file()), file(&others.file()));
    let own = ["--cert", &certificate, "--key", &key];
    let ask = |arguments: &[&str]| status(&address, &[&["--tls"], arguments].concat());
    for trust in [&["--cacert", &trusted][..], &["--insecure"]] {
        let (code, said) = ask(&[trust, &own].concat());
        assert!(said.contains("All is well: 3 servers."), "{said}");
        assert_eq!(code, Some(0), "{said}");
    }
    let (code, said) = ask(&[&["--cacert", &foreign][..], &own].concat());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no TLS: invalid peer certificate: UnknownIssuer"), "{said}");
    let (code, said) = ask(&["--cacert", &trusted]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("CertificateRequired"), "{said}");
    let (code, said) = ask(&["--cacert", "/no/such/file"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("cannot read /no/such/file"), "{said}");
    for wrong in [&["--tls"][..], &["--cacert", &trusted], &["--tls", "--insecure", "--cert", "x"]]
    {
        assert_eq!(status(&address, wrong).0, Some(2), "{wrong:?}");
    }
}
