//! The image: what its build copies is enough, and what it runs serves.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::dockerfile::{Stage, stages, words};
use super::support::process::Process;
use super::{read, source};

const DOCKERFILE: &str = "config/docker/Dockerfile";
const OURS: &str = env!("CARGO_BIN_EXE_backlogd");

fn image() -> (Stage, Stage) {
    let mut stages = stages(&read(DOCKERFILE));
    assert_eq!(stages.len(), 2, "one to build, and one that is shipped");
    let shipped = stages.pop().expect("there are two");
    (stages.pop().expect("there are two"), shipped)
}

/// What asks whether the server in the image serves, with its address replaced.
pub fn health_check(address: &str) -> Command {
    let (_, shipped) = image();
    let (options, command) = shipped.only("HEALTHCHECK").split_once(" CMD ").expect("a command");
    assert!(options.split(' ').all(|option| option.starts_with("--")), "{options}");
    let words = words(command);
    assert_eq!(words[0], "backlogd", "the image has no other program for it");
    let mut check = Command::new(OURS);
    check.args(words[1..].iter().map(|word| word.replace("127.0.0.1:6379", address)));
    check
}

/// Copies a directory with all below it.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        return;
    }
    fs::create_dir_all(to).expect("a directory can be made");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("it can be read");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

#[test]
fn the_build_has_all_that_it_needs_and_the_right_tools() {
    let (build, shipped) = image();
    let manifest = read("Cargo.toml");
    let version = manifest.split_once("\nrust-version = \"").expect("it names a version").1;
    let version = version.split('"').next().expect("it ends");
    assert!(build.base.starts_with(&format!("rust:{version}-")), "{}", build.base);
    // The program is linked with the library of the system that it was built on.
    let release = |base: &str| ["bookworm", "trixie"].into_iter().find(|name| base.contains(name));
    assert!(release(&build.base).is_some(), "{}", build.base);
    assert_eq!(release(&build.base), release(&shipped.base));

    let context = TempDir::new().expect("a temporary directory can be made");
    let ignored = read("config/docker/Dockerfile.dockerignore");
    for copied in build.all("COPY") {
        let (from, to) = copied.rsplit_once(' ').expect("from where to where");
        for name in from.split(' ') {
            assert!(ignored.lines().any(|line| line == format!("!{name}")), "{name} is left out");
            let target = if to == "./" { name } else { to };
            copy(&source(name), &context.path().join(target));
        }
    }
    // Cargo looks for every target that the manifest names.
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(context.path())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // What is part of the program and is no source lies in what is copied.
    for file in ["config/backlogd.1", "config/backlogd.conf"] {
        assert!(context.path().join(file).exists(), "{file}");
    }
    let install = build.all("RUN").into_iter().find(|run| run.starts_with("cargo install"));
    assert_eq!(install, Some("cargo install --locked --path . --root /out"));
    let copied = shipped.all("COPY");
    assert!(copied.contains(&"--from=build /out/bin/backlogd /usr/local/bin/backlogd"));
}

#[test]
fn what_the_build_runs_is_what_a_shell_reads() {
    let (build, shipped) = image();
    for run in build.all("RUN").into_iter().chain(shipped.all("RUN")) {
        let mut shell = Command::new("sh").arg("-n").stdin(Stdio::piped()).spawn();
        let shell = shell.as_mut().expect("sh is there");
        let mut script = shell.stdin.take().expect("it is piped");
        script.write_all(run.as_bytes()).expect("it is read");
        drop(script);
        assert!(shell.wait().expect("it ends").success(), "{run}");
    }
}

#[test]
fn the_server_in_the_image_is_nobody_special_and_serves() {
    let (_, shipped) = image();
    let user = shipped.only("USER");
    assert!(!user.starts_with("root") && !user.starts_with('0'), "{user}");
    assert!(shipped.place_of("RUN") < shipped.place_of("USER"), "root makes the user");
    let name = user.split(':').next().expect("a name");
    let made = shipped.only("RUN");
    assert!(made.contains("useradd") && made.contains(&format!("install -d -o {name}")), "{made}");
    let data = shipped.only("VOLUME");
    assert_eq!(shipped.only("WORKDIR"), data);

    let entry = words(shipped.only("ENTRYPOINT"));
    assert_eq!(entry[..2], ["backlogd", "/etc/backlogd/backlogd.conf"]);
    let copied = shipped.all("COPY");
    assert!(copied.contains(&"config/backlogd.conf /etc/backlogd/backlogd.conf"), "{copied:?}");
    let place = TempDir::new().expect("a temporary directory can be made");
    let file = place.path().join("address");
    let directory = place.path().to_str().expect("UTF-8");
    let mut command = Command::new(OURS);
    command.arg(source("config/backlogd.conf"));
    command.args(entry[2..].iter().map(|word| word.replace(data, directory)));
    // What follows the image's name overrides what the image says.
    command.args(["--bind", "127.0.0.1", "--port", "0", "--requirepass", "secret"]);
    command.arg("--backlog-address-file").arg(&file);
    let mut process = Process::start(&mut command, "cargo builds it");
    process.wait_for_line("Ready to accept connections").expect("it starts");
    assert!(place.path().join("backlogd.manifest").exists(), "the data is in the volume");
    let address = fs::read_to_string(file).expect("it says where it is");
    let check = || health_check(address.trim());
    assert!(check().env("REDISCLI_AUTH", "secret").status().expect("it runs").success());
    assert!(!check().env_remove("REDISCLI_AUTH").status().expect("it runs").success());
    process.terminate();
    assert!(process.wait().success());
    assert_eq!(check().status().expect("it runs").code(), Some(1));
}
