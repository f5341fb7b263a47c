//! The replica's side of the handshake, by a plain socket, against real primaries.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use backlogd::command::REDIS_VERSION;
use backlogd::net::wire::put_command;
use backlogd::position::{Offset, Position, Replid};
use backlogd::replication::answer;
use backlogd::replication::handshake::{
    Agreement, Failover, Handshake, HandshakeError, Kind, Plan, PrimaryRole, Step, VERSION,
};
use backlogd::replication::payload::{Payload, PayloadState};
use backlogd::snapshot::Ancestor;

use crate::support::wait::PATIENCE;
use crate::support::{Client, Endpoint, Program, Server, Stock};

/// So little is read at once that answers, heads and marks are cut everywhere.
const CHUNK_BYTES: usize = 61;
/// How often a position is acknowledged while nothing comes.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// What a primary writes into a stream that is idle.
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// A connection to a primary, with what was read of it and not used yet.
struct Link {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Where the snapshot was taken, once it is there.
    held: Option<Offset>,
}

/// How a handshake that succeeded went.
struct Agreed {
    link: Link,
    agreement: Agreement,
    remarks: Vec<String>,
    told: Option<(PrimaryRole, Kind)>,
}

/// A snapshot, and how its end was told.
struct Received {
    rdb: Vec<u8>,
    total: Option<u64>,
}

impl Link {
    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the primary takes it");
    }

    fn read_more(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let mut chunk = [0; CHUNK_BYTES];
        let count = loop {
            match self.stream.read(&mut chunk) {
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(Instant::now() < deadline, "nothing came for {PATIENCE:?}");
                    self.acknowledge();
                }
                Err(error) => panic!("the primary sends no more: {error}"),
            }
        };
        assert!(count > 0, "the primary closed after {}", self.buffer.escape_ascii());
        self.buffer.extend_from_slice(&chunk[..count]);
    }

    /// Reads the next answer, line feeds before it included.
    fn answer(&mut self) -> answer::Answer {
        loop {
            if let Some((answer, consumed)) = answer::read(&self.buffer).expect("an answer") {
                self.buffer.drain(..consumed);
                return answer;
            }
            self.buffer.drain(..answer::leading_newlines(&self.buffer));
            self.read_more();
        }
    }

    /// Receives the snapshot that was announced.
    fn snapshot(&mut self) -> Received {
        let (mut payload, mut rdb) = (Payload::new(), Vec::new());
        loop {
            let taken = payload.take(&self.buffer).expect("a snapshot");
            rdb.extend_from_slice(taken.data);
            let (consumed, state) = (taken.consumed, taken.state);
            self.buffer.drain(..consumed);
            if state == PayloadState::Done {
                assert_eq!(payload.received(), rdb.len() as u64);
                return Received { rdb, total: payload.total() };
            }
            self.read_more();
        }
    }

    /// Acknowledges the snapshot, if there was one: the stream behind a mark begins then.
    ///
    /// Stock primaries pass over it until they have noticed that the snapshot is sent, so it is
    /// sent again and again, as replicas do.
    fn acknowledge(&mut self) {
        if let Some(offset) = self.held {
            let mut bytes = Vec::new();
            put_command(&mut bytes, &["REPLCONF", "ACK", &offset.to_string()]);
            self.send(&bytes);
        }
    }

    /// Reads the stream up to and with `text`, and counts its bytes.
    fn stream_through(&mut self, text: &[u8]) -> u64 {
        loop {
            let found = self.buffer.windows(text.len()).position(|window| window == text);
            if let Some(at) = found {
                let end = at + text.len();
                self.buffer.drain(..end);
                return end as u64;
            }
            self.read_more();
        }
    }
}

fn plan(position: Option<Position>) -> Plan {
    Plan {
        user: None,
        password: None,
        listening_port: 1,
        announce_ip: None,
        position,
        failover: Failover::No,
    }
}

fn login(user: Option<&str>, password: &str, position: Option<Position>) -> Plan {
    let (user, password) = (user.map(str::to_owned), Some(password.to_owned()));
    Plan { user, password, ..plan(position) }
}

fn shake(primary: &impl Endpoint, plan: Plan) -> Result<Agreed, HandshakeError> {
    let stream = TcpStream::connect(primary.address()).expect("the primary listens");
    stream.set_read_timeout(Some(HEARTBEAT)).expect("a timeout can be set");
    let mut link = Link { stream, buffer: Vec::new(), held: None };
    let mut handshake = Handshake::new(plan);
    link.send(&handshake.output());
    loop {
        match handshake.answered(link.answer())? {
            Step::Send => link.send(&handshake.output()),
            Step::Wait => {}
            Step::Done(agreement) => {
                let told = handshake.told().map(|told| (told.role, told.kind));
                return Ok(Agreed { link, agreement, remarks: handshake.remarks(), told });
            }
        }
    }
}

/// The error of a handshake that must fail.
fn refused(primary: &impl Endpoint, plan: Plan) -> HandshakeError {
    let Err(error) = shake(primary, plan) else { panic!("the primary agreed") };
    error
}

/// Goes through a full resync; returns the position at its snapshot.
fn full(primary: &impl Endpoint, plan: Plan) -> (Link, Position, Received) {
    let Agreed { mut link, agreement, .. } =
        shake(primary, plan).unwrap_or_else(|error| panic!("{error}"));
    let Agreement::Full { replid, offset, learned, .. } = agreement else {
        panic!("a full resync was due: {agreement:?}")
    };
    assert_eq!(learned, []);
    let received = link.snapshot();
    link.held = Some(offset);
    link.acknowledge();
    (link, Position { replid, offset }, received)
}

/// What `INFO` calls the present history, and how long it is.
fn present(client: &mut Client) -> Position {
    let replid = client.info("replication", "master_replid");
    let offset = client.info("replication", "master_repl_offset");
    Position {
        replid: Replid::parse(replid.as_bytes()).expect("a replid"),
        offset: Offset(offset.parse().expect("an offset")),
    }
}

/// Follows `primary` from nothing, through a write, and again from where that ended.
fn follow(primary: &impl Endpoint, login: impl Fn(Option<Position>) -> Plan, client: &mut Client) {
    client.run("SET before quite-some-value");
    let (mut link, mut at, received) = full(primary, login(None));
    assert!(received.rdb.starts_with(b"REDIS00"), "a header");
    assert_eq!(received.rdb[received.rdb.len() - 9], 0xff, "the end, and a checksum");
    assert!(received.rdb.windows(16).any(|window| window == b"quite-some-value"));
    assert_eq!(present(client).replid, at.replid);

    client.run("SET key first");
    at.offset = at.offset.advanced(link.stream_through(b"$5\r\nfirst\r\n"));
    drop(link);
    client.run("SET key second");

    let Agreed { mut link, agreement, .. } =
        shake(primary, login(Some(at))).unwrap_or_else(|error| panic!("{error}"));
    let same = Agreement::Continue { replid: Some(at.replid), learned: Vec::new() };
    assert_eq!(agreement, same);
    // Nothing of the first write comes again: the position was right to the byte.
    let bytes = link.stream_through(b"$6\r\nsecond\r\n");
    let expected = present(client).offset.since(at.offset);
    // Only a primary's pings may have been written since.
    let behind = expected.checked_sub(bytes).expect("no more comes than is missing");
    assert_eq!(behind % PING.len() as u64, 0, "{bytes} of {expected}");
}

#[test]
fn a_replica_tells_the_version_that_the_server_has() {
    assert_eq!(VERSION, REDIS_VERSION);
}

#[test]
fn stock_primaries_are_followed_with_snapshots_of_either_form() {
    for program in Program::replicas() {
        for (diskless, has_length) in [("yes", false), ("no", true)] {
            let arguments = ["--repl-diskless-sync", diskless, "--repl-diskless-sync-delay", "0"];
            let primary = program.start(&arguments);
            let mut client = primary.connect();
            let (_, _, received) = full(&primary, plan(None));
            assert_eq!(received.total.is_some(), has_length);
            follow(&primary, plan, &mut client);
        }
    }
}

#[test]
fn a_stock_primary_with_a_password_is_given_it() {
    for program in Program::replicas() {
        let primary =
            program.start(&["--requirepass", "secret", "--repl-diskless-sync-delay", "0"]);
        let mut client = primary.connect();
        client.run("AUTH secret");
        follow(&primary, |at| login(None, "secret", at), &mut client);
        follow(&primary, |at| login(Some("default"), "secret", at), &mut client);

        let wrong = refused(&primary, login(None, "wrong", None));
        assert!(matches!(wrong, HandshakeError::Password { .. }), "{wrong}");
        let missing = refused(&primary, plan(None));
        assert!(matches!(missing, HandshakeError::PasswordNeeded { what: "PSYNC", .. }));
    }
}

#[test]
fn a_password_that_a_primary_does_not_have_is_an_error() {
    let primary = Stock::start(&[]);
    let needless = refused(&primary, login(None, "secret", None));
    assert!(matches!(needless, HandshakeError::Password { .. }), "{needless}");
}

#[test]
fn a_user_who_may_not_ask_for_info_follows_all_the_same() {
    for program in Program::replicas() {
        let primary = program.start(&["--repl-diskless-sync-delay", "0"]);
        let mut client = primary.connect();
        client.run("ACL SETUSER follower on >secret +psync +replconf +ping");
        let login = |at| login(Some("follower"), "secret", at);
        follow(&primary, login, &mut client);

        let agreed = shake(&primary, login(Some(present(&mut client)))).unwrap_or_else(|error| {
            panic!("{error}");
        });
        assert_eq!(agreed.told, None);
        assert!(agreed.remarks.iter().any(|remark| remark.contains("NOPERM")));

        client.run("ACL SETUSER follower -psync");
        let forbidden = refused(&primary, login(None));
        assert!(matches!(forbidden, HandshakeError::Forbidden { what: "PSYNC", .. }));
    }
}

#[test]
fn a_promoted_stock_primary_tells_where_the_histories_parted() {
    for program in Program::replicas() {
        let former = program.start(&["--repl-diskless-sync-delay", "0"]);
        let promoted = program.start(&["--repl-diskless-sync-delay", "0"]);
        promoted.replicate(&former);
        former.connect().run("SET key value");
        promoted.await_offset_of(&former);
        let mut client = promoted.connect();
        client.run("REPLICAOF NO ONE");
        let old = client.info("replication", "master_replid2");
        let old = Replid::parse(old.as_bytes()).expect("a replid");
        let ceiling = present(&mut client).offset;
        client.run("SET key of-its-own");
        let now = present(&mut client).replid;
        let learned = vec![Ancestor { replid: old, ceiling }];

        let at = Position { replid: old, offset: ceiling };
        let Agreed { mut link, agreement, told, .. } = shake(&promoted, plan(Some(at))).unwrap();
        let expected = Agreement::Continue { replid: Some(now), learned: learned.clone() };
        assert_eq!(agreement, expected);
        assert_eq!(told, Some((PrimaryRole::Primary, Kind::Stock)));
        link.stream_through(b"of-its-own");

        let ahead = Position { replid: old, offset: ceiling.advanced(1) };
        let Agreed { mut link, agreement, .. } = shake(&promoted, plan(Some(ahead))).unwrap();
        let Agreement::Full { replid, learned: told, parted, .. } = agreement else {
            panic!("{agreement:?}");
        };
        assert_eq!((replid, told, parted), (now, learned, Some(ceiling)));
        assert!(link.snapshot().rdb.starts_with(b"REDIS"));
    }
}

#[test]
fn a_stock_replica_hands_over_when_it_is_asked_to() {
    for program in Program::replicas() {
        // No pings meanwhile, so that both stay at one position.
        let primary = program.start(&["--repl-ping-replica-period", "3600"]);
        let replica = program.start(&[]);
        replica.replicate(&primary);
        replica.await_offset_of(&primary);
        let at = present(&mut primary.connect());
        let agreed = shake(&replica, Plan { failover: Failover::Asked, ..plan(Some(at)) }).unwrap();
        assert_eq!(agreed.told, Some((PrimaryRole::Replica, Kind::Stock)));
        let mut client = replica.connect();
        assert_eq!(client.info("replication", "role"), "master");
        let now = present(&mut client).replid;
        assert_ne!(now, at.replid);
        // What it told was of the history that it has left by then.
        assert_eq!(
            agreed.agreement,
            Agreement::Continue { replid: Some(now), learned: Vec::new() }
        );
    }
}

#[test]
fn a_stock_replica_without_its_primary_is_asked_again_later() {
    for program in Program::replicas() {
        let replica = program.start(&["--replicaof", "127.0.0.1", "1"]);
        match refused(&replica, plan(None)) {
            HandshakeError::Refused { what: "PSYNC", text } => {
                assert!(text.starts_with("NOMASTERLINK"), "{text}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_primary_of_the_own_kind_is_followed() {
    let primary = Server::start(&[]);
    follow(&primary, plan, &mut primary.connect());

    let primary = Server::start(&["--requirepass", "secret"]);
    let mut client = primary.connect();
    client.run("AUTH secret");
    follow(&primary, |at| login(None, "secret", at), &mut client);
    let wrong = refused(&primary, login(None, "wrong", None));
    assert!(matches!(wrong, HandshakeError::Password { .. }), "{wrong}");
    let missing = refused(&primary, plan(None));
    assert!(matches!(missing, HandshakeError::PasswordNeeded { .. }), "{missing}");
}
