//! CONFIG of TLS beside stock, which says the same of what it takes and of what it does not.

use crate::replication::Linked;
use crate::support::{Authority, Client, Kind, Program, Value};

/// Directives and values, set together.
type Pairs<'p> = &'p [(&'p str, &'p str)];

fn set(client: &mut Client, pairs: Pairs<'_>) -> Value {
    let mut words = vec!["CONFIG", "SET"];
    words.extend(pairs.iter().flat_map(|(name, value)| [*name, *value]));
    client.call(&words)
}

/// All that is configured of TLS, but for what differs from server to server.
fn configured(client: &mut Client) -> Vec<(String, String)> {
    let all = client.run("CONFIG GET tls-*");
    let pairs = all.elements().chunks(2).map(|pair| (pair[0].text(), pair[1].text()));
    let mut pairs: Vec<_> = pairs.filter(|(name, _)| name != "tls-port").collect();
    pairs.sort();
    pairs
}

#[test]
fn what_is_set_is_taken_and_refused_with_the_same_words() {
    let authority = Authority::new("authority");
    let (shown, other) = (authority.issue("server"), authority.issue("other"));
    let start = |kind| Linked::start(&kind, &authority, &shown, &[]);
    let (ours, theirs) = (start(Kind::Backlogd), start(Kind::Stock(Program::usual())));
    let (mut ours, mut theirs) = (ours.connect(), theirs.connect());
    assert_eq!(configured(&mut ours), configured(&mut theirs));
    let file = |path: &std::path::Path| path.display().to_string();
    let (certificate, key) = (file(&other.certificate), file(&other.key));
    let cases: &[Pairs<'_>] = &[
        &[("tls-cert-file", "/no/such/file")],
        &[("tls-cert-file", &certificate)],
        &[("tls-key-file", &key)],
        &[("tls-cert-file", &certificate), ("tls-key-file", &key)],
        &[("tls-key-file", &key), ("tls-cert-file", &certificate), ("timeout", "x")],
        &[("timeout", "1"), ("tls-ca-cert-file", "/no/such/file")],
        &[("tls-ca-cert-file", "")],
        &[("tls-auth-clients", "maybe")],
        &[("tls-auth-clients", "no")],
        &[("tls-auth-clients", "optional")],
        &[("tls-protocols", "nonsense")],
        &[("tls-protocols", "TLSv1.3")],
        &[("tls-protocols", "TLSv1.2 TLSv1.3")],
        &[("tls-protocols", "")],
        &[("tls-ciphers", "NOPE")],
        &[("tls-ciphers", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")],
        &[("tls-ciphers", "DEFAULT:!MEDIUM")],
        &[("tls-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256")],
        &[("tls-ciphersuites", "NOPE")],
        &[("tls-prefer-server-ciphers", "yes"), ("tls-session-caching", "no")],
        &[("tls-session-cache-size", "-1")],
        &[("tls-session-cache-size", "0"), ("tls-session-cache-timeout", "1")],
        &[("tls-session-cache-timeout", "x")],
        &[("tls-replication", "no"), ("tls-cluster", "no")],
        &[("tls-replication", "maybe")],
        &[("tls-port", "65536")],
        &[("tls-port", "0"), ("tls-cert-file", "/no/such/file")],
        &[("tls-port", "0")],
        &[("tls-cert-file", "/no/such/file")],
        &[("tls-replication", "yes")],
        &[("tls-cluster", "yes")],
    ];
    for pairs in cases {
        assert_eq!(set(&mut ours, pairs), set(&mut theirs, pairs), "{pairs:?}");
        assert_eq!(configured(&mut ours), configured(&mut theirs), "{pairs:?}");
    }
}
