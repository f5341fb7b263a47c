//! compose.yaml: its commands, on addresses of the loopback interface, make a group that fails over.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::image::health_check;
use super::support::process::Process;
use super::support::stock::free_port;
use super::support::wait::await_within;
use super::support::{Client, Value};
use super::yaml::Yaml;
use super::{read, source};

const FILE: &str = "config/docker/compose.yaml";
const HINT: &str = "apt-get install redis-sentinel";
/// How long Sentinel may take for a step: it looks every ten seconds, and waits for others to agree.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where containers are, and where their servers are here: all of 127.0.0.0/8 is this machine.
const NETWORK: (&str, &str) = ("172.29.63.", "127.29.63.");

/// What stands for the network, the volumes and the programs of the images.
struct Machine {
    place: TempDir,
    port: u16,
    sentinel_port: u16,
}

impl Machine {
    fn new() -> Self {
        let place = TempDir::new().expect("a temporary directory can be made");
        let programs = place.path().join("bin");
        fs::create_dir(&programs).expect("so can one in it");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_backlogd"), programs.join("backlogd"))
            .expect("a link can be made");
        Self { place, port: free_port(), sentinel_port: free_port() }
    }

    /// The word of a command, with addresses and ports of this machine.
    fn translated(&self, word: &str) -> String {
        match word {
            "6379" => self.port.to_string(),
            "26379" => self.sentinel_port.to_string(),
            word => word.replace(NETWORK.0, NETWORK.1),
        }
    }

    /// Starts the container of a service, in the directory of its volume.
    fn start(&self, service: &Service) -> Process {
        let data = self.place.path().join(&service.name);
        fs::create_dir_all(&data).expect("a directory can be made");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(&service.shell);
        command.current_dir(data).arg(&service.script);
        command.env("PATH", format!("{}:{path}", self.place.path().join("bin").display()));
        command.args(service.command.iter().map(|word| self.translated(word)));
        let address = self.translated(&service.address);
        command.args(["--bind", &address]);
        if service.is_server() {
            // Others are told apart by where they come from.
            let port = self.port.to_string();
            command.args(["--port", &port, "--bind-source-addr", &address]);
        }
        let ready = if service.is_server() { "Ready to accept" } else { "+monitor master main" };
        let mut process = Process::start(&mut command, HINT);
        if let Err(output) = process.wait_for_line(ready) {
            panic!("{} does not start:\n{output}", service.name);
        }
        process
    }

    fn address(&self, service: &Service) -> SocketAddr {
        let ip: IpAddr = self.translated(&service.address).parse().expect("an address");
        let port = if service.is_server() { self.port } else { self.sentinel_port };
        SocketAddr::new(ip, port)
    }
}

/// A service of the file, as far as it is run here.
struct Service {
    name: String,
    image: String,
    shell: String,
    script: PathBuf,
    command: Vec<String>,
    address: String,
}

impl Service {
    fn read(name: &str, service: &Yaml) -> Self {
        let volumes = service.of("volumes").texts();
        assert!(volumes.contains(&format!("{name}:/data").as_str()), "{name}: {volumes:?}");
        let entry = service.of("entrypoint").texts();
        let [shell, script] = entry.as_slice() else { panic!("{entry:?}") };
        let mounted = volumes.iter().find_map(|volume| {
            let (from, rest) = volume.split_once(':')?;
            (rest.strip_suffix(":ro") == Some(script)).then(|| from.trim_start_matches("./"))
        });
        let directory = Path::new(FILE).parent().expect("it is in one").to_str().expect("UTF-8");
        let mounted = mounted.unwrap_or_else(|| panic!("{script} is not mounted: {volumes:?}"));
        let command = service.of("command").texts().into_iter().map(str::to_owned).collect();
        let network = service.of("networks").of("servers");
        Self {
            name: name.to_owned(),
            image: service.of("image").text().to_owned(),
            shell: (*shell).to_owned(),
            script: source(directory).join(mounted),
            command,
            address: network.of("ipv4_address").text().to_owned(),
        }
    }

    fn is_server(&self) -> bool {
        self.image == "backlogd"
    }
}

fn services() -> (Vec<Service>, Vec<Service>) {
    let file = Yaml::read(&read(FILE));
    let services = file.of("services").pairs();
    for (name, service) in services {
        assert!(file.of("volumes").find(name).is_some(), "{name} has no volume");
        if let Some(build) = service.find("build") {
            let context = source("config/docker").join(build.of("context").text());
            assert!(context.join(build.of("dockerfile").text()).exists(), "{name}");
        }
    }
    let services = services.iter().map(|(name, service)| Service::read(name, service));
    services.partition(Service::is_server)
}

fn field(sentinel: SocketAddr, name: &str) -> Option<String> {
    let told = Client::try_connect(sentinel).ok()?.run("SENTINEL MASTER main");
    let words: Vec<_> = told.elements().iter().map(Value::text).collect();
    let at = words.iter().position(|word| word == name)?;
    words.get(at + 1).cloned()
}

fn primary_of(sentinel: SocketAddr) -> String {
    let told = Client::connect(sentinel).run("SENTINEL GET-MASTER-ADDR-BY-NAME main");
    told.elements()[0].text()
}

fn follows(server: SocketAddr, primary: &str) -> bool {
    let Ok(mut client) = Client::try_connect(server) else { return false };
    // A Sentinel that makes a server follow another closes the connections of its clients.
    let Ok(told) = client.try_call(&["INFO", "replication"]) else { return false };
    let (text, host) = (told.text(), format!("master_host:{primary}"));
    let lines: Vec<_> = text.lines().collect();
    ["role:slave", &host, "master_link_status:up"].iter().all(|line| lines.contains(line))
}

#[test]
fn the_servers_of_compose_follow_one_another_and_fail_over() {
    let (servers, sentinels) = services();
    assert_eq!((servers.len(), sentinels.len()), (3, 3));
    let machine = Machine::new();
    let mut running: Vec<_> = servers.iter().map(|server| machine.start(server)).collect();
    let addresses: Vec<_> = servers.iter().map(|server| machine.address(server)).collect();
    let first = addresses[0].ip().to_string();
    for address in &addresses[1..] {
        await_within(PATIENCE, "the replicas follow", || follows(*address, &first));
    }
    let _watching: Vec<_> = sentinels.iter().map(|sentinel| machine.start(sentinel)).collect();
    let watchers: Vec<_> = sentinels.iter().map(|sentinel| machine.address(sentinel)).collect();
    for watcher in &watchers {
        await_within(PATIENCE, "the Sentinels know of all", || {
            field(*watcher, "num-slaves").as_deref() == Some("2")
                && field(*watcher, "num-other-sentinels").as_deref() == Some("2")
        });
    }
    let healthy = |address: SocketAddr| {
        health_check(&address.to_string()).output().expect("it runs").status.success()
    };
    assert!(addresses.iter().all(|address| healthy(*address)));
    let mut client = Client::connect(addresses[0]);
    assert_eq!(client.run("SET greeting hello").text(), "OK");
    assert_eq!(client.run("WAIT 2 30000").integer(), 2);

    running[0].kill();
    assert!(!healthy(addresses[0]));
    for watcher in &watchers {
        await_within(PATIENCE, "a replica takes over", || primary_of(*watcher) != first);
    }
    let second = primary_of(watchers[0]);
    let promoted = addresses.iter().find(|address| address.ip().to_string() == second);
    let promoted = *promoted.expect("it is one of them");
    let mut client = Client::connect(promoted);
    assert_eq!(client.run("GET greeting").text(), "hello");
    let other = addresses[1..].iter().find(|address| **address != promoted).expect("the other");
    await_within(PATIENCE, "the other replica follows it", || follows(*other, &second));

    // A container that comes back is told whom to follow, and knows it the next time.
    running[0] = machine.start(&servers[0]);
    await_within(PATIENCE, "the old primary follows", || follows(addresses[0], &second));
    let configuration = machine.place.path().join(&servers[0].name).join("server.conf");
    let wanted = format!("replicaof {second} {}", machine.port);
    await_within(PATIENCE, "its configuration says so", || {
        fs::read_to_string(&configuration).expect("it is there").contains(&wanted)
    });
    running[0].kill();
    running[0] = machine.start(&servers[0]);
    await_within(PATIENCE, "it follows from the start", || follows(addresses[0], &second));
    // So does who was promoted: its container is started with the arguments of a replica.
    let at = addresses.iter().position(|address| *address == promoted).expect("it is one of them");
    running[at].terminate();
    running[at].wait();
    running[at] = machine.start(&servers[at]);
    let role = Client::connect(promoted).info("replication", "role");
    assert_eq!(role, "master", "its configuration says that it follows nobody");
}
