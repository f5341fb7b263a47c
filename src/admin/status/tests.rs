use super::address::Address;
use super::facts::{Facts, Role};
use super::topology::{Extent, Seen, Topology};
use super::walk::{Answer, MEMBERS_MAX, walk};
use super::{json, text, warnings};

const FIRST: &str = "1111111111111111111111111111111111111111";
const SECOND: &str = "2222222222222222222222222222222222222222";

/// Servers by their addresses, with what they answer to INFO.
struct Net(Vec<(String, String)>);

impl Net {
    fn new(servers: &[(&str, String)]) -> Self {
        Self(servers.iter().map(|(name, info)| ((*name).to_owned(), info.clone())).collect())
    }

    fn answer(&self, address: &Address) -> Answer {
        let found = self.0.iter().find(|(own, _)| *own == address.to_string());
        let (_, info) = found.ok_or_else(|| "connection refused".to_owned())?;
        Ok(Facts::read(info).expect("an INFO of a test is whole"))
    }

    fn seen_from(&self, name: &str) -> Topology {
        let address: Address = name.parse().unwrap();
        let ask = |addresses: &[Address]| addresses.iter().map(|one| self.answer(one)).collect();
        walk(address.clone(), self.answer(&address).unwrap(), &ask)
    }

    #[track_caller]
    fn assert_shows(&self, name: &str, expected: &str) {
        let topology = self.seen_from(name);
        let shown = text::text(&topology, &warnings::warnings(&topology));
        assert!(shown == expected, "{shown}");
    }
}

fn server(run_id: &str, software: &str, replid: &str, offset: u64) -> String {
    format!(
        "# Server\r\n{software}\r\nrun_id:{run_id}\r\n# Replication\r\nmaster_replid:{replid}\r\n\
         master_repl_offset:{offset}\r\n"
    )
}

fn primary(run_id: &str, replid: &str, offset: u64, feeds: &[&str]) -> String {
    let own = server(run_id, "redis_version:7.0.15", replid, offset);
    let slaves = feeds.iter().enumerate().map(|(n, feed)| format!("slave{n}:{feed}\r\n"));
    let slaves = slaves.collect::<Vec<_>>().concat();
    format!(
        "{own}role:master\r\n{slaves}repl_backlog_active:1\r\nrepl_backlog_first_byte_offset:501\r\n"
    )
}

fn replica(run_id: &str, replid: &str, offset: u64, of: &str, more: &str) -> String {
    let own = server(run_id, "redis_version:7.0.15", replid, offset);
    let (host, port) = of.rsplit_once(':').unwrap();
    format!(
        "{own}role:slave\r\nmaster_host:{host}\r\nmaster_port:{port}\r\nslave_read_only:1\r\n{more}"
    )
}

const UP: &str = "master_link_status:up\r\n";

#[test]
fn a_tree_shows_how_each_replica_stands_and_why() {
    let ours = "redis_version:7.2.6\r\nbacklogd_version:0.1.0";
    let root = server("a", ours, FIRST, 100_000)
        + "role:master\r\n\
           slave0:ip=10.0.0.2,port=6379,state=online,offset=100000,lag=0\r\n\
           slave1:ip=10.0.0.3,port=6379,state=send_bulk,offset=0,lag=0\r\n\
           slave2:ip=10.0.0.4,port=6379,state=online,offset=99000,lag=1\r\n\
           slave3:ip=10.0.0.5,port=0,state=online,offset=100000,lag=1\r\n\
           repl_backlog_active:1\r\nrepl_backlog_first_byte_offset:1\r\n# Backlog\r\n\
           backlog_replica0:ip=10.0.0.2,port=6379,kind=redis,version=unknown,state=online,\
           offset=100000,durable_offset=0,lag_bytes=0,lag_seconds=0,last_resync=partial,\
           last_resync_reason=it continues from offset 17 under the present replid,\
           last_resync_seconds_ago=240\r\n\
           backlog_replica1:ip=10.0.0.3,port=6379,kind=backlogd,version=unknown,state=send_bulk,\
           offset=0,durable_offset=0,lag_bytes=-1,lag_seconds=-1,last_resync=full,\
           last_resync_reason=the backlog begins at 90 and the replica needs it from 3,\
           last_resync_seconds_ago=8,sync_bytes=38797312,sync_total=104857600,sync_eta_seconds=14\r\n\
           backlog_replica2:ip=10.0.0.4,port=6379,kind=redis,version=unknown,state=online,\
           offset=99000,durable_offset=0,lag_bytes=1000,lag_seconds=3,last_resync=full,\
           last_resync_reason=the replica has no history,last_resync_seconds_ago=7300\r\n\
           backlog_resync0:ip=10.0.0.6,port=6379,kind=partial,\
           reason=it continues from offset 5 under an older replid of the lineage,seconds_ago=90\r\n";
    let online = "slave0:ip=10.0.0.7,port=6379,state=online,offset=99990,lag=1\r\n";
    let syncing = "master_link_status:down\r\nmaster_sync_in_progress:1\r\nloading:0\r\n";
    let down = "master_link_status:down\r\nmaster_link_down_since_seconds:31\r\n\
                master_link_down_reason:the primary wants a password\r\n";
    let above = "10.0.0.1:6379";
    let net = Net::new(&[
        (above, root),
        ("10.0.0.2:6379", replica("b", FIRST, 100_000, above, &format!("{UP}{online}"))),
        ("10.0.0.3:6379", replica("c", SECOND, 0, above, syncing)),
        ("10.0.0.6:6379", replica("f", FIRST, 98_000, above, down)),
        ("10.0.0.7:6379", replica("g", FIRST, 99_995, "10.0.0.2:6379", UP)),
    ]);
    net.assert_shows(
        "10.0.0.6:6379",
        "\
10.0.0.1:6379  primary, backlogd 0.1.0
│   replid 11111111, offset 100000, backlog from 0
├── 10.0.0.2:6379  replica, read-only, redis 7.0.15
│   │   replid 11111111, offset 100000
│   │   link up, 0 bytes and 0 s behind
│   │   continued 4 min ago: it continues from offset 17 under the present replid
│   └── 10.0.0.7:6379  replica, read-only, redis 7.0.15
│           replid 11111111, offset 99995
│           link up, 10 bytes behind, heard of 1 s ago
├── 10.0.0.3:6379  replica, read-only, redis 7.0.15
│       replid 22222222, offset 0
│       link down, is sent a snapshot
│       takes a snapshot: 37 % of 100.0 MiB, 14 s left
│       resynced in full 8 s ago: the backlog begins at 90 and the replica needs it from 3
├── 10.0.0.4:6379  does not answer: connection refused
│       fed by its primary, 1000 bytes and 3 s behind
│       resynced in full 2 h ago: the replica has no history
├── 10.0.0.5:0  announces no port, and was not asked
│       fed by its primary, 0 bytes behind, heard of 1 s ago
└── 10.0.0.6:6379  replica, read-only, redis 7.0.15
        replid 11111111, offset 98000
        link down for 31 s (the primary wants a password), 2000 bytes behind
        continued 90 s ago: it continues from offset 5 under an older replid of the lineage

Warnings:
  - 10.0.0.4:6379 does not answer: connection refused
  - the link of 10.0.0.6:6379 to its primary 10.0.0.1:6379 is down for 31 s: the primary wants a password
",
    );
}

#[test]
fn one_server_alone_is_well() {
    let net = Net::new(&[("[::1]:6379", primary("a", FIRST, 700, &[]))]);
    let expected = "\
[::1]:6379  primary, redis 7.0.15
    replid 11111111, offset 700, backlog from 500

All is well: 1 server, no replicas.
";
    net.assert_shows("[::1]:6379", expected);
}

#[test]
fn the_tree_is_the_same_from_wherever_it_is_asked() {
    let feed = |port| format!("ip=127.0.0.1,port={port},state=online,offset=700,lag=0");
    let top = primary("a", FIRST, 700, &[&feed(2)]);
    // The second one knows its primary, and the third the second one, by other names.
    let second = replica("b", FIRST, 700, "localhost:1", &format!("{UP}slave0:{}\r\n", feed(3)));
    let third = replica("c", FIRST, 700, "localhost:2", UP);
    let net = Net::new(&[
        ("127.0.0.1:1", top.clone()),
        ("localhost:1", top),
        ("127.0.0.1:2", second.clone()),
        ("localhost:2", second),
        ("127.0.0.1:3", third),
    ]);
    for name in ["localhost:1", "127.0.0.1:2", "127.0.0.1:3"] {
        net.assert_shows(
            name,
            &"\
ROOT  primary, redis 7.0.15
│   replid 11111111, offset 700, backlog from 500
└── 127.0.0.1:2  replica, read-only, redis 7.0.15
    │   replid 11111111, offset 700
    │   link up, 0 bytes behind, heard of 0 s ago
    └── 127.0.0.1:3  replica, read-only, redis 7.0.15
            replid 11111111, offset 700
            link up, 0 bytes behind, heard of 0 s ago

All is well: 3 servers.
"
            .replace("ROOT", "localhost:1"),
        );
    }
}

#[test]
fn what_is_broken_is_said_in_plain_words() {
    let feed =
        |port, offset, lag| format!("ip=h,port={port},state=online,offset={offset},lag={lag}");
    let (late, silent, other) = (feed(2, 400, 1), feed(3, 700, 31), feed(4, 700, 1));
    let promoted = feed(5, 700, 1);
    let top = primary("a", FIRST, 700, &[&late, &silent, &other, &promoted]);
    let net = Net::new(&[
        ("h:1", top),
        ("h:2", replica("b", FIRST, 400, "h:1", UP)),
        ("h:3", replica("c", FIRST, 700, "h:1", UP)),
        ("h:4", replica("d", SECOND, 700, "h:1", UP)),
        ("h:5", primary("e", FIRST, 700, &[])),
        ("h:6", replica("f", FIRST, 700, "h:1", UP)),
        ("h:7", replica("g", FIRST, 300, "h:1", "master_link_status:down\r\n")),
    ]);
    let common = [
        "h:2 is at offset 400, and the backlog of h:1 begins at 500: if its link breaks, it must \
         resync in full",
        "h:1 has heard nothing of h:3 for 31 s",
        "h:4 is in another history than its primary h:1: replid 22222222 and not 11111111",
        "h:1 feeds h:5, which says that it is a primary itself",
        "h:1 and h:5 are both primaries, of one replid: 11111111",
    ];
    assert_eq!(warnings::warnings(&net.seen_from("h:1")), common);
    let more = |name| {
        let mut more = warnings::warnings(&net.seen_from(name));
        more.retain(|warning| !common.contains(&warning.as_str()));
        more
    };
    assert_eq!(more("h:6"), ["h:6 says that its link is up, but h:1 does not feed it"]);
    assert_eq!(
        more("h:7"),
        [
            "the link of h:7 to its primary h:1 is down",
            "h:7 is at offset 300, and the backlog of h:1 begins at 500: it must resync in full"
        ]
    );
}

#[test]
fn a_primary_that_does_not_answer_is_the_root_and_a_circle_has_none() {
    let net = Net::new(&[("h:2", replica("b", FIRST, 700, "h:1", UP))]);
    let expected = "\
h:1  does not answer: connection refused
└── h:2  replica, read-only, redis 7.0.15
        replid 11111111, offset 700
        link up

Warnings:
  - h:1 does not answer: connection refused
";
    net.assert_shows("h:2", expected);

    let down = "master_link_status:down\r\n";
    let net = Net::new(&[
        ("h:1", replica("a", FIRST, 700, "h:2", down)),
        ("h:2", replica("b", FIRST, 700, "h:1", down)),
        ("h:3", replica("c", FIRST, 700, "h:3", down)),
    ]);
    let expected = "\
h:2  replica, read-only, redis 7.0.15
│   replid 11111111, offset 700
│   link down
└── h:1  replica, read-only, redis 7.0.15
        replid 11111111, offset 700
        link down, 0 bytes behind

Warnings:
  - there is no primary: the servers above h:2 lead back to it
  - the link of h:2 to its primary h:1 is down
  - the link of h:1 to its primary h:2 is down
";
    net.assert_shows("h:1", expected);
    let own = warnings::warnings(&net.seen_from("h:3"));
    assert_eq!(own[0], "there is no primary: the servers above h:3 lead back to it");
}

#[test]
fn a_replica_that_is_listed_twice_is_not_followed_twice() {
    let feed = |host| format!("ip={host},port=2,state=online,offset=700,lag=0");
    let more = format!("{UP}slave0:ip=h,port=1,state=online,offset=700,lag=0\r\n");
    let own = replica("b", FIRST, 700, "h:1", &more);
    let top = primary("a", FIRST, 700, &[&feed("h"), &feed("i")]);
    let net = Net::new(&[("h:1", top), ("h:2", own.clone()), ("i:2", own)]);
    let topology = net.seen_from("h:1");
    let elsewhere = |name: &str| Seen::Elsewhere(name.parse().unwrap());
    assert_eq!(topology.root.replicas[1].seen, elsewhere("h:2"));
    assert_eq!(topology.root.replicas[0].replicas[0].seen, elsewhere("h:1"));
    assert_eq!(topology.root.count(), 4);
}

#[test]
fn no_server_leads_us_on_for_ever() {
    // Each names two others that nobody has heard of, and itself a replica of yet another.
    let answer = |address: &Address| {
        let number = u64::from(address.port);
        let name = |step: u64| (number * 2 + step) % 60_000 + 1;
        let (a, b) = (name(1), name(2));
        let feeds = format!(
            "slave0:ip=h{number},port={a},state=online,offset=1,lag=0\r\n\
             slave1:ip=g{number},port={b},state=online,offset=1,lag=0\r\n"
        );
        let run_id = format!("{address}");
        let above = format!("u{number}:{}", name(3));
        Ok(Facts::read(&replica(&run_id, FIRST, 1, &above, &feeds)).unwrap())
    };
    let ask = |addresses: &[Address]| addresses.iter().map(answer).collect();
    let first: Address = "h:1".parse().unwrap();
    let topology = walk(first.clone(), answer(&first).unwrap(), &ask);
    assert_eq!(topology.extent, Extent::CutOff);
    assert!(topology.root.count() <= MEMBERS_MAX + 32, "{}", topology.root.count());
    let last = warnings::warnings(&topology).pop();
    assert_eq!(
        last.unwrap(),
        "there are more servers than were asked: too many, or in too many levels"
    );
}

#[test]
fn a_server_cannot_write_to_the_terminal() {
    let info = primary("\u{1b}[2J", FIRST, 1, &[]).replace("7.0.15", "7\u{1b}]0;x\u{7}\u{9b}31m");
    let facts = Facts::read(&info).unwrap();
    assert_eq!((facts.software.as_str(), facts.run_id.as_str()), ("redis 7?]0;x??31m", "?[2J"));
    let long =
        Facts::read(&info.replace("redis_version:", &"redis_version:x".repeat(300))).unwrap();
    assert!(long.software.len() < 300, "{}", long.software);
}

#[test]
fn an_answer_that_lacks_what_every_server_tells_is_none() {
    let whole = replica("a", FIRST, 5, "h:1", UP);
    assert!(matches!(Facts::read(&whole).unwrap().role, Role::Replica(_)));
    for missing in
        ["role:", "master_replid:", "master_repl_offset:", "master_host:", "master_port:"]
    {
        assert_eq!(Facts::read(&whole.replace(missing, "x:")), None, "{missing}");
    }
    assert_eq!(Facts::read(""), None);
}

#[test]
fn programs_are_told_the_same() {
    let feed = "ip=h,port=2,state=online,offset=690,lag=4";
    let net = Net::new(&[("h:1", primary("a", FIRST, 700, &[feed]))]);
    let topology = net.seen_from("h:1");
    let mut out = Vec::new();
    json::json(&topology, &warnings::warnings(&topology), &mut out).unwrap();
    let expected = format!(
        "{{\"root\":{{\"address\":\"h:1\",\"seen\":\"answered\",\"role\":\"primary\",\
         \"software\":\"redis 7.0.15\",\"replid\":\"{FIRST}\",\"offset\":700,\"backlog_begins\":500,\
         \"loading\":false,\"replicas\":[{{\"address\":\"h:2\",\"seen\":\"silent\",\
         \"error\":\"connection refused\",\"fed\":\"online\",\"lag_bytes\":10,\"lag_seconds\":null,\
         \"silent_seconds\":4,\"sync\":null,\"last_resync\":null,\"replicas\":[]}}]}},\
         \"warnings\":[\"h:2 does not answer: connection refused\"]}}\n"
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
