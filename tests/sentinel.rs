//! Stock Sentinel: three of them over one primary and two replicas find, depose, promote and reconfigure.

mod support;

use std::fs;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use support::process::Process;
use support::stock::free_port;
use support::wait::await_within;
use support::{Authority, Client, Program, Shown, Value};
use tempfile::TempDir;

/// How long Sentinel may take for a step: it looks every ten seconds, and waits for others to agree.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which server a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Backlogd,
    Stock,
}

/// How all of them speak with each other.
enum Speech {
    Plain,
    /// By TLS alone, each with a certificate that the authority has signed.
    Tls(Box<Authority>),
}

impl Speech {
    /// The lines of a configuration file by which one listens at `port`.
    fn lines(&self, port: u16) -> String {
        let Self::Tls(authority) = self else { return format!("port {port}\n") };
        let Shown { certificate, key } = authority.issue("member");
        format!(
            "port 0\ntls-port {port}\ntls-replication yes\ntls-cert-file {}\ntls-key-file {}\n\
             tls-ca-cert-file {}\n",
            certificate.display(),
            key.display(),
            authority.file().display()
        )
    }

    fn try_connect(&self, address: SocketAddr) -> std::io::Result<Client> {
        match self {
            Self::Plain => Client::try_connect(address),
            Self::Tls(authority) => {
                let config = authority.client(Some(&authority.issue("client")));
                Client::try_connect_tls(address, &config)
            }
        }
    }

    fn connect(&self, address: SocketAddr) -> Client {
        self.try_connect(address).unwrap_or_else(|error| panic!("no way to {address}: {error}"))
    }
}

/// A server with a configuration file, which Sentinel has it rewrite.
struct Member<'s> {
    kind: Kind,
    speech: &'s Speech,
    directory: TempDir,
    address: SocketAddr,
    process: Process,
}

impl<'s> Member<'s> {
    fn start(speech: &'s Speech, kind: Kind, primary: Option<&Member<'_>>, priority: u32) -> Self {
        Self::start_with(speech, kind, (primary, priority), "")
    }

    /// Starts with further lines in its configuration.
    fn start_with(
        speech: &'s Speech,
        kind: Kind,
        (primary, priority): (Option<&Member<'_>>, u32),
        further: &str,
    ) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let port = free_port();
        let saving = if kind == Kind::Stock { "save \"\"\n" } else { "" };
        let following = primary.map_or_else(String::new, |primary| {
            format!("replicaof 127.0.0.1 {}\n", primary.address.port())
        });
        let lines = format!(
            "bind 127.0.0.1\n{}dir {}\nreplica-priority {priority}\n\
             repl-diskless-sync-delay 0\nenable-debug-command yes\n{saving}{following}{further}",
            speech.lines(port),
            directory.path().display()
        );
        fs::write(directory.path().join("server.conf"), lines).expect("the file can be written");
        let process = Self::spawn(kind, &directory);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self { kind, speech, directory, address, process }
    }

    fn spawn(kind: Kind, directory: &TempDir) -> Process {
        let (program, hint) = match kind {
            Kind::Backlogd => (env!("CARGO_BIN_EXE_backlogd").to_owned(), "cargo builds it"),
            Kind::Stock => (Program::usual().path().to_owned(), "apt-get install redis-server"),
        };
        let mut command = Command::new(program);
        command.arg(directory.path().join("server.conf"));
        let mut process = Process::start(&mut command, hint);
        if let Err(output) = process.wait_for_line("Ready to accept connections") {
            panic!("a {kind:?} does not start:\n{output}");
        }
        process
    }

    fn restart(&mut self) {
        self.process = Self::spawn(self.kind, &self.directory);
    }

    fn connect(&self) -> Client {
        self.speech.connect(self.address)
    }

    fn info(&self, field: &str) -> String {
        let mut told = String::new();
        // Sentinel has all clients closed of whom it reconfigures, so one may have to ask again.
        patiently("it answers", || {
            let asked = self.speech.try_connect(self.address);
            match asked.and_then(|mut client| client.try_call(&["INFO", "all"])) {
                Ok(text) => told = text.text(),
                Err(_) => return false,
            }
            true
        });
        let field = told.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        field.unwrap_or_default().trim().to_owned()
    }

    fn port(&self) -> String {
        self.address.port().to_string()
    }

    fn follows(&self, primary: &Member<'_>) -> bool {
        self.info("role") == "slave"
            && self.info("master_port") == primary.port()
            && self.info("master_link_status") == "up"
    }

    fn configuration(&self) -> String {
        let path = self.directory.path().join("server.conf");
        fs::read_to_string(path).expect("the file is there")
    }
}

/// Three sentinels that watch one primary.
struct Sentinels<'s> {
    speech: &'s Speech,
    addresses: Vec<SocketAddr>,
    _processes: Vec<(Process, TempDir)>,
}

impl<'s> Sentinels<'s> {
    fn watch(primary: &Member<'s>) -> Self {
        Self::watch_with(primary, "")
    }

    /// Watches with further lines in the configuration of each.
    fn watch_with(primary: &Member<'s>, further: &str) -> Self {
        let speech = primary.speech;
        let (mut addresses, mut processes) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let directory = TempDir::new().expect("a temporary directory can be made");
            let port = free_port();
            let path: PathBuf = directory.path().join("sentinel.conf");
            let lines = format!(
                "bind 127.0.0.1\n{}dir {}\nsentinel monitor it 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds it 1500\nsentinel failover-timeout it 6000\n\
                 {further}",
                speech.lines(port),
                directory.path().display(),
                primary.port()
            );
            fs::write(&path, lines).expect("the file can be written");
            let mut command = Command::new("redis-sentinel");
            command.arg(&path);
            let mut process = Process::start(&mut command, "apt-get install redis-sentinel");
            if let Err(output) = process.wait_for_line("+monitor master it") {
                panic!("a sentinel does not start:\n{output}");
            }
            addresses.push(SocketAddr::from(([127, 0, 0, 1], port)));
            processes.push((process, directory));
        }
        Self { speech, addresses, _processes: processes }
    }

    /// Waits until all of them know the replicas and each other.
    fn await_discovery(&self, replicas: usize) {
        for address in &self.addresses {
            patiently("the sentinels know all members", || {
                let told = self.speech.connect(*address).run("SENTINEL MASTER it");
                let words: Vec<_> = told.elements().iter().map(Value::text).collect();
                let field = |name: &str| {
                    let at = words.iter().position(|word| word == name)?;
                    words.get(at + 1)?.parse().ok()
                };
                field("num-slaves") == Some(replicas)
                    && field("num-other-sentinels") == Some(self.addresses.len() - 1)
            });
        }
    }

    /// Waits until all of them agree on the primary.
    fn await_primary(&self, primary: &Member<'_>) {
        for address in &self.addresses {
            patiently("the sentinels agree on the new primary", || {
                let told = self.speech.connect(*address).run("SENTINEL GET-MASTER-ADDR-BY-NAME it");
                told.elements().get(1).is_some_and(|port| port.text() == primary.port())
            });
        }
    }
}

/// Waits for something that Sentinel takes its time for.
fn patiently(what: &str, reached: impl FnMut() -> bool) {
    await_within(PATIENCE, what, reached);
}

/// Writes keys, each of which so many replicas have when this returns.
///
/// Where one is to be promoted, all must have them: whoever is told of first may be another.
fn write_replicated(primary: &Member<'_>, numbers: Range<usize>, replicas: i64) {
    let mut client = primary.connect();
    for number in numbers {
        assert_eq!(client.run(&format!("SET key:{number} {number}")).text(), "OK");
    }
    let told = client.run(&format!("WAIT {replicas} 10000")).integer();
    assert!(told >= replicas, "only {told} have them");
}

fn assert_kept(member: &Member<'_>, count: usize) {
    let mut client = member.connect();
    for number in 0..count {
        let value = client.run(&format!("GET key:{number}")).text();
        assert_eq!(value, number.to_string(), "{:?} has all that was replicated", member.kind);
    }
}

fn await_same_data(members: &[&Member<'_>]) {
    patiently("all members have the same data", || {
        let digests = members.iter().map(|member| member.connect().run("DEBUG DIGEST").text());
        let digests: Vec<_> = digests.collect();
        digests.iter().all(|digest| *digest == digests[0])
    });
}

fn full_resyncs(members: &[&Member<'_>]) -> u64 {
    let count = |member: &&Member<'_>| member.info("sync_full").parse::<u64>().expect("a count");
    members.iter().map(count).sum()
}

#[test]
fn a_primary_that_dies_is_replaced_and_comes_back_without_any_full_resync() {
    our_primary_dies_and_comes_back(&Speech::Plain);
}

#[test]
fn so_it_is_by_tls_alone() {
    our_primary_dies_and_comes_back(&Speech::Tls(Box::new(Authority::new("authority"))));
}

fn our_primary_dies_and_comes_back(speech: &Speech) {
    let mut first = Member::start(speech, Kind::Backlogd, None, 100);
    let second = Member::start(speech, Kind::Backlogd, Some(&first), 10);
    let third = Member::start(speech, Kind::Backlogd, Some(&first), 100);
    let sentinels = Sentinels::watch(&first);
    patiently("the links are up", || second.follows(&first) && third.follows(&first));
    sentinels.await_discovery(2);
    assert_eq!(full_resyncs(&[&first]), 2, "each replica began with one");

    write_replicated(&first, 0..200, 2);
    first.process.kill();
    sentinels.await_primary(&second);
    patiently("the other replica follows the new primary", || third.follows(&second));
    assert_kept(&second, 200);
    write_replicated(&second, 200..300, 1);

    first.restart();
    patiently("the old primary follows the new one", || first.follows(&second));
    write_replicated(&second, 300..400, 1);
    let all = [&first, &second, &third];
    await_same_data(&all);
    assert_kept(&first, 400);
    assert_eq!(full_resyncs(&all), 0, "where histories agree, partial ones are enough");
    let port = second.port();
    for member in [&first, &third] {
        let text = member.configuration();
        assert!(text.contains(&format!("\nreplicaof 127.0.0.1 {port}\n")), "{text}");
    }
    let text = second.configuration();
    assert!(!text.contains("replicaof 127.0.0.1"), "{text}");
}

#[test]
fn stock_members_and_ours_fail_over_to_each_other() {
    stock_members_and_ours_fail_over(&Speech::Plain);
}

#[test]
fn stock_members_and_ours_fail_over_to_each_other_by_tls_alone() {
    stock_members_and_ours_fail_over(&Speech::Tls(Box::new(Authority::new("authority"))));
}

fn stock_members_and_ours_fail_over(speech: &Speech) {
    let mut first = Member::start(speech, Kind::Stock, None, 100);
    let second = Member::start(speech, Kind::Backlogd, Some(&first), 10);
    let third = Member::start(speech, Kind::Stock, Some(&first), 100);
    let sentinels = Sentinels::watch(&first);
    patiently("the links are up", || second.follows(&first) && third.follows(&first));
    sentinels.await_discovery(2);

    write_replicated(&first, 0..200, 2);
    first.process.kill();
    sentinels.await_primary(&second);
    patiently("the stock replica follows ours", || third.follows(&second));
    assert_kept(&second, 200);
    assert_eq!(full_resyncs(&[&second, &third]), 0, "the stock replica knows our history");
    write_replicated(&second, 200..300, 1);

    // A stock primary that is killed forgets its history: that is its own, and the rule.
    first.restart();
    patiently("the stock primary of before follows ours", || first.follows(&second));
    await_same_data(&[&first, &second, &third]);
    assert_kept(&first, 300);
    assert_eq!(full_resyncs(&[&second]), 1);
}

/// What Sentinel and replicas need, as the documentation of stock says.
const USERS: &str = "user sentinel on >s3ntinel resetkeys allchannels -@all +multi +slaveof +ping +exec \
    +subscribe +config|rewrite +role +publish +info +client|setname +client|kill +script|kill\n\
    user replica on >r3plica resetkeys resetchannels -@all +psync +replconf +ping\n\
    masteruser replica\nmasterauth r3plica\n";

#[test]
fn sentinel_and_replicas_work_as_users_of_their_own() {
    let speech = &Speech::Plain;
    let mut first = Member::start_with(speech, Kind::Backlogd, (None, 100), USERS);
    let second = Member::start_with(speech, Kind::Backlogd, (Some(&first), 10), USERS);
    let third = Member::start_with(speech, Kind::Stock, (Some(&first), 100), USERS);
    let login = "sentinel auth-user it sentinel\nsentinel auth-pass it s3ntinel\n";
    let sentinels = Sentinels::watch_with(&first, login);
    patiently("the links are up", || second.follows(&first) && third.follows(&first));
    sentinels.await_discovery(2);
    let listed = first.connect().run("CLIENT LIST").text();
    let count = |text: &str| listed.lines().filter(|line| line.contains(text)).count();
    assert_eq!(count(" user=replica "), 2, "{listed}");
    assert!(count(" user=sentinel ") >= 3, "{listed}");

    write_replicated(&first, 0..100, 2);
    first.process.kill();
    sentinels.await_primary(&second);
    patiently("the other replica follows the new primary", || third.follows(&second));
    assert_kept(&second, 100);
    first.restart();
    patiently("the old primary follows the new one", || first.follows(&second));
    write_replicated(&second, 100..150, 1);
    await_same_data(&[&first, &second, &third]);
    for member in [&first, &second] {
        let text = member.configuration();
        assert!(text.contains("\nuser sentinel on sanitize-payload #"), "{text}");
        assert!(text.contains("\nuser replica on sanitize-payload #"), "{text}");
    }
    // A replica of ours asks for the lineage too, and does without it.
    for entry in second.connect().run("ACL LOG").elements() {
        let words: Vec<_> = entry.elements()[..10].iter().skip(1).step_by(2).collect();
        let [_, _, _, object, user] = words[..] else { panic!("five pairs: {words:?}") };
        assert_eq!((user.text(), object.text()), ("replica".to_owned(), "info".to_owned()));
    }
}
