//! Configuration and sockets.

use std::os::unix::fs::PermissionsExt;

use super::Target;

/// CVE-2021-44142-like strings in templates: what stands in braces is looked up, not trusted.
#[test]
fn titles_of_any_form_are_taken_or_refused() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    let long = "{title}".repeat(20_000);
    for template in ["{", "}", "{{", "{title", "{nope}", "%s%s%n", "", "{}", "{title} {%n}", &long]
    {
        client.call(&["CONFIG", "SET", "proc-title-template", template]);
    }
    target.stands();
}

/// CVE-2023-45145: between `bind` and `chmod` a socket must not be open to all.
#[test]
fn a_unix_socket_has_its_mode_when_it_is_there() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("socket");
    let path_text = path.to_str().expect("a path of text");
    let mut target = Target::start(&["--unixsocket", path_text, "--unixsocketperm", "700"]);
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    target.stands();
}
