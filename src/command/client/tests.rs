use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::command::Flow;
use crate::command::session::{ReplyMode, flag};
use crate::command::testing::{Bench, NOW_MS, session_of};

/// A bench whose client 7 is joined by the replica 8 and the client 9.
fn crowd() -> Bench {
    let bench = Bench::new();
    let replica = session_of(8).info;
    replica.flags.store(flag::REPLICA, Relaxed);
    bench.host.clients.lock().extend([replica, session_of(9).info]);
    bench
}

fn killed(bench: &Bench) -> Vec<u64> {
    let clients = bench.host.clients.lock();
    let killed = clients.iter().filter(|client| client.flags.load(Relaxed) & flag::KILLED != 0);
    killed.map(|client| client.id).collect()
}

fn ids(list: &str) -> Vec<&str> {
    list.split("id=").skip(1).map(|line| line.split(' ').next().unwrap()).collect()
}

#[test]
fn a_client_is_a_line_of_fields() {
    let mut bench = Bench::new();
    bench.run("client setinfo lib-name jedis");
    bench.run("client setname me");
    let line = "id=7 addr=127.0.0.1:50007 laddr=127.0.0.1:6379 fd=8 name=me age=5 idle=0 flags=N \
                db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 \
                rbp=0 obl=0 oll=0 omem=0 tot-mem=MEM events=r cmd=NULL user=default redir=-1 resp=2 \
                lib-name=jedis lib-ver=\n";
    let own = size_of::<crate::command::ClientInfo>() + size_of::<crate::command::Session>();
    let memory = own.to_string();
    let line = line.replace("MEM", &memory);
    assert_eq!(bench.reply("client info"), format!("${} {line}", line.len()));
    assert_eq!(bench.reply("client list"), format!("${} {line}", line.len()));
}

#[test]
fn the_list_can_be_narrowed() {
    let mut bench = crowd();
    assert_eq!(ids(&bench.reply("client list")), ["7", "8", "9"]);
    assert_eq!(ids(&bench.reply("client list type normal")), ["7", "9"]);
    assert_eq!(ids(&bench.reply("client list TYPE slave")), ["8"]);
    assert_eq!(bench.reply("client list type pubsub"), "$0");
    assert_eq!(ids(&bench.reply("client list id 9 3 7")), ["9", "7"]);
    for (words, fault) in [
        ("client list type foo", "-ERR Unknown client type 'foo'"),
        ("client list type", "-ERR syntax error"),
        ("client list type normal x", "-ERR syntax error"),
        ("client list id", "-ERR syntax error"),
        ("client list id 7 x", "-ERR Invalid client ID"),
        ("client list foo", "-ERR syntax error"),
    ] {
        assert_eq!(bench.reply(words), fault, "{words}");
    }
}

#[test]
fn names_are_printable() {
    let mut bench = Bench::new();
    assert_eq!(bench.reply("client getname"), "$-1");
    assert_eq!(bench.reply("client setname me"), "+OK");
    assert_eq!(bench.reply("client getname"), "$2 me");
    let fault = "-ERR Client names cannot contain spaces, newlines or special characters.";
    for name in [&b"a b"[..], b"a\n", b"\xff", b"\x7f"] {
        assert_eq!(bench.run_words(&[b"client", b"setname", name]).text(), fault);
    }
    assert_eq!(bench.run_words(&[b"client", b"setname", b""]).text(), "+OK");
    assert_eq!(bench.reply("client getname"), "$-1");
}

#[test]
fn setinfo_knows_two_attributes() {
    let mut bench = Bench::new();
    assert_eq!(bench.reply("client setinfo LIB-VER 1.2"), "+OK");
    assert_eq!(bench.session.info.names.lock().library_version, "1.2");
    assert_eq!(bench.reply("client setinfo foo x"), "-ERR Unrecognized option 'foo'");
    assert_eq!(
        bench.run_words(&[b"client", b"setinfo", b"Lib-Name", b"a b"]).text(),
        "-ERR Lib-Name cannot contain spaces, newlines or special characters."
    );
}

#[test]
fn kill_by_address_wants_a_client_there() {
    let mut bench = crowd();
    assert_eq!(bench.reply("client kill 127.0.0.1:1"), "-ERR No such client");
    assert_eq!(bench.reply("client kill 127.0.0.1:50009"), "+OK");
    assert_eq!(killed(&bench), [9]);
    let outcome = bench.run("client kill 127.0.0.1:50007");
    assert_eq!((outcome.text().as_str(), outcome.flow), ("+OK", Some(Flow::Close)));
    assert_eq!(killed(&bench), [9]);
}

#[test]
fn kill_by_filters_counts_those_it_ends() {
    for (filters, count, whom, flow) in [
        ("id 8", 1, &[8][..], Flow::Done),
        ("id 7", 0, &[], Flow::Done),
        ("id 7 skipme no", 1, &[], Flow::Close),
        ("type normal", 1, &[9], Flow::Done),
        ("TYPE replica", 1, &[8], Flow::Done),
        ("type master", 0, &[], Flow::Done),
        ("user default", 2, &[8, 9], Flow::Done),
        ("laddr 127.0.0.1:6379 skipme NO", 3, &[8, 9], Flow::Close),
        ("addr 127.0.0.1:50009 type slave", 0, &[], Flow::Done),
        ("addr 127.0.0.1:50009 id 9", 1, &[9], Flow::Done),
    ] {
        let mut bench = crowd();
        let outcome = bench.run(&format!("client kill {filters}"));
        assert_eq!(outcome.text(), format!(":{count}"), "{filters}");
        assert_eq!(killed(&bench), whom, "{filters}");
        assert_eq!(outcome.flow, Some(flow), "{filters}");
    }
}

#[test]
fn kill_refuses_odd_filters() {
    for (filters, fault) in [
        ("id x", "-ERR client-id should be greater than 0"),
        ("id 0", "-ERR client-id should be greater than 0"),
        ("type foo", "-ERR Unknown client type 'foo'"),
        ("user nosuch", "-ERR No such user 'nosuch'"),
        ("user default skipme maybe", "-ERR syntax error"),
        ("id 8 addr", "-ERR syntax error"),
        ("a b", "-ERR syntax error"),
    ] {
        let mut bench = crowd();
        assert_eq!(bench.reply(&format!("client kill {filters}")), fault, "{filters}");
        assert!(killed(&bench).is_empty(), "{filters}");
    }
}

#[test]
fn pause_reads_its_mode_before_its_timeout() {
    let mut bench = Bench::new();
    for (words, reply) in [
        ("client pause x foo", "-ERR CLIENT PAUSE mode must be WRITE or ALL"),
        ("client pause x", "-ERR timeout is not an integer or out of range"),
        ("client pause -1", "-ERR timeout is negative"),
        (
            "client Pause 1 all x",
            "-ERR unknown subcommand or wrong number of arguments for 'Pause'. Try CLIENT HELP.",
        ),
        ("client pause 100 write", "+OK"),
        ("client pause 9223372036854775807", "+OK"),
        ("client unpause", "+OK"),
    ] {
        assert_eq!(bench.reply(words), reply, "{words}");
    }
    let asked = [
        format!("pause {} Writes", NOW_MS + 100),
        format!("pause {} All", i64::MAX),
        "unpause".to_owned(),
    ];
    assert_eq!(bench.host.asked(), asked);
}

#[test]
fn reply_modes_answer_only_when_turned_on() {
    let mut bench = Bench::new();
    assert_eq!(bench.reply("client reply skip"), "");
    assert_eq!(bench.session.reply, ReplyMode::SkipNext);
    assert_eq!(bench.reply("client reply off"), "");
    assert_eq!(bench.reply("client reply skip"), "");
    assert_eq!(bench.session.reply, ReplyMode::Off);
    assert_eq!(bench.reply("client reply on"), "+OK");
    assert_eq!(bench.session.reply, ReplyMode::On);
    assert_eq!(bench.reply("client reply foo"), "-ERR syntax error");
}

#[test]
fn switches_show_in_the_flags() {
    let mut bench = Bench::new();
    let info = Arc::clone(&bench.session.info);
    assert_eq!(bench.reply("client no-evict on"), "+OK");
    assert_eq!(bench.reply("client no-touch ON"), "+OK");
    assert!(bench.session.no_touch);
    assert_eq!(info.flags.load(Relaxed), flag::NO_EVICT | flag::NO_TOUCH);
    assert!(bench.reply("client info").contains(" flags=eT "));
    assert_eq!(bench.reply("client no-touch off"), "+OK");
    assert!(!bench.session.no_touch);
    assert_eq!(bench.reply("client no-evict maybe"), "-ERR syntax error");
}
