use proptest::prelude::*;

use super::*;

const OURS: &str = "1111111111111111111111111111111111111111";
const THEIRS: &str = "2222222222222222222222222222222222222222";
const NONE: &str = "0000000000000000000000000000000000000000";

fn id(digit: u8) -> Replid {
    Replid::parse(&[digit; 40]).unwrap()
}

fn ancestor(digit: u8, ceiling: u64) -> Ancestor {
    Ancestor { replid: id(digit), ceiling: Offset(ceiling) }
}

/// A replica that holds `offset` bytes of the history of ones.
fn at(offset: u64) -> Plan {
    let position = Some(Position { replid: id(b'1'), offset: Offset(offset) });
    Plan { position, ..empty() }
}

/// A replica that holds nothing.
fn empty() -> Plan {
    Plan {
        user: None,
        password: None,
        listening_port: 6380,
        announce_ip: None,
        position: None,
        failover: Failover::No,
    }
}

fn ok() -> Answer {
    Answer::Status(b"OK".to_vec())
}

fn pong() -> Answer {
    Answer::Status(b"PONG".to_vec())
}

fn status(text: &str) -> Answer {
    Answer::Status(text.as_bytes().to_vec())
}

fn error(text: &str) -> Answer {
    Answer::Error(text.as_bytes().to_vec())
}

/// The commands that are to be sent now, with their words.
fn sent(handshake: &mut Handshake) -> Vec<String> {
    let output = handshake.output();
    let mut lines = std::str::from_utf8(&output).unwrap().split_terminator("\r\n");
    let mut commands = Vec::new();
    while let Some(head) = lines.next() {
        let count: usize = head.strip_prefix('*').unwrap().parse().unwrap();
        let words: Vec<_> = (0..count).map(|_| lines.nth(1).unwrap()).collect();
        commands.push(words.join(" "));
    }
    commands
}

/// Answers `PING`, and everything up to `INFO` with OK.
fn introduced(plan: Plan) -> Handshake {
    let mut handshake = Handshake::new(plan);
    assert_eq!(sent(&mut handshake), ["PING"]);
    assert_eq!(handshake.answered(pong()), Ok(Step::Send));
    for _ in sent(&mut handshake).iter().filter(|command| !command.starts_with("INFO")) {
        handshake.answered(ok()).unwrap();
    }
    handshake
}

/// As [`introduced`], by a primary that does not tell of its history; `PSYNC` is sent.
fn untold(plan: Plan) -> Handshake {
    let mut handshake = introduced(plan);
    assert_eq!(handshake.answered(error("NOPERM no INFO")), Ok(Step::Send));
    handshake.output();
    handshake
}

/// Runs a handshake up to the answer to `PSYNC`.
fn asked(plan: Plan, info: &str, psync: &str) -> Result<Step, HandshakeError> {
    let mut handshake = introduced(plan);
    assert_eq!(handshake.answered(Answer::Bulk(info.as_bytes().to_vec())), Ok(Step::Send));
    assert_eq!(handshake.remarks(), Vec::<String>::new());
    assert!(sent(&mut handshake)[0].starts_with("PSYNC "));
    handshake.answered(status(psync))
}

fn info(replid: &str, offset: u64, rest: &str) -> String {
    format!(
        "# Replication\r\nrole:master\r\nmaster_replid:{replid}\r\n{rest}\r\n\
         master_repl_offset:{offset}\r\n"
    )
}

fn stock_info(replid: &str, offset: u64, former: &str, second: i64) -> String {
    let rest = format!("master_replid2:{former}\r\nsecond_repl_offset:{second}");
    info(replid, offset, &rest)
}

#[test]
fn a_replica_without_anything_introduces_itself_and_asks_for_everything() {
    let mut handshake = Handshake::new(empty());
    assert_eq!(handshake.output(), b"*1\r\n$4\r\nPING\r\n");
    assert_eq!(handshake.output(), b"");
    assert_eq!(handshake.answered(pong()), Ok(Step::Send));
    let introduction = [
        "REPLCONF listening-port 6380",
        "REPLCONF capa eof capa psync2 capa backlog",
        "REPLCONF version 7.2.6",
        "INFO replication",
    ];
    assert_eq!(sent(&mut handshake), introduction);
    assert_eq!(handshake.answered(ok()), Ok(Step::Wait));
    assert_eq!(handshake.answered(ok()), Ok(Step::Wait));
    assert_eq!(handshake.answered(ok()), Ok(Step::Wait));
    assert_eq!(handshake.answered(error("NOPERM no INFO")), Ok(Step::Send));
    assert_eq!(handshake.output(), b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n");
    let answer = handshake.answered(status(&format!("FULLRESYNC {THEIRS} 14")));
    let (replid, offset) = (id(b'2'), Offset(14));
    let agreed = Agreement::Full { replid, offset, learned: Vec::new(), parted: None };
    assert_eq!(answer, Ok(Step::Done(agreed)));
    assert_eq!(handshake.told(), None);
}

#[test]
fn all_that_is_configured_is_sent_in_one_flight() {
    let plan = Plan {
        user: Some("bob".to_owned()),
        password: Some("secret".to_owned()),
        announce_ip: Some("10.0.0.1".to_owned()),
        ..at(41)
    };
    let mut handshake = Handshake::new(plan.clone());
    handshake.output();
    handshake.answered(pong()).unwrap();
    let introduction = [
        "AUTH bob secret",
        "REPLCONF listening-port 6380",
        "REPLCONF ip-address 10.0.0.1",
        "REPLCONF capa eof capa psync2 capa backlog",
        "REPLCONF version 7.2.6",
        "INFO replication",
    ];
    assert_eq!(sent(&mut handshake), introduction);

    let mut handshake = Handshake::new(Plan { user: None, ..plan.clone() });
    handshake.output();
    handshake.answered(pong()).unwrap();
    assert_eq!(sent(&mut handshake)[0], "AUTH secret");

    let mut handshake = Handshake::new(Plan { password: None, ..plan });
    handshake.output();
    handshake.answered(pong()).unwrap();
    assert_eq!(sent(&mut handshake)[0], "REPLCONF listening-port 6380");
}

#[test]
fn a_position_is_asked_for_by_the_first_byte_wanted() {
    let mut handshake = introduced(at(41));
    assert_eq!(handshake.answered(error("ERR no")), Ok(Step::Send));
    assert_eq!(sent(&mut handshake), [format!("PSYNC {OURS} 42")]);
    let answer = handshake.answered(status("CONTINUE"));
    let agreed = Agreement::Continue { replid: None, learned: Vec::new() };
    assert_eq!(answer, Ok(Step::Done(agreed)));

    let mut handshake = introduced(Plan { failover: Failover::Asked, ..at(0) });
    assert_eq!(handshake.answered(error("ERR no")), Ok(Step::Send));
    assert_eq!(sent(&mut handshake), [format!("PSYNC {OURS} 1 FAILOVER")]);
}

#[test]
fn a_primary_that_wants_a_password_first_is_given_it() {
    for refusal in
        ["NOAUTH Authentication required.", "NOPERM no permission", "ERR operation not permitted"]
    {
        let mut handshake = Handshake::new(empty());
        assert_eq!(handshake.answered(error(refusal)), Ok(Step::Send), "{refusal}");
    }
    let mut handshake = Handshake::new(empty());
    let loading = handshake.answered(error("LOADING Redis is loading the dataset in memory"));
    let text = "LOADING Redis is loading the dataset in memory".to_owned();
    assert_eq!(loading, Err(HandshakeError::Refused { what: "PING", text }));
    for stranger in [ok(), Answer::Null, Answer::Integer(1)] {
        let answer = Handshake::new(empty()).answered(stranger);
        assert!(matches!(answer, Err(HandshakeError::Protocol { what: "PING", .. })), "{answer:?}");
    }
}

#[test]
fn errors_about_passwords_name_the_directives() {
    let plan = Plan { password: Some("wrong".to_owned()), ..empty() };
    let mut handshake = Handshake::new(plan.clone());
    handshake.answered(pong()).unwrap();
    let refusal = handshake.answered(error("WRONGPASS invalid")).unwrap_err();
    assert!(matches!(refusal, HandshakeError::Password { .. }));
    let text = refusal.to_string();
    assert!(text.contains("masterauth") && text.contains("masteruser"), "{text}");
    assert!(text.contains("WRONGPASS invalid"), "{text}");

    let mut handshake = untold(empty());
    let refusal = handshake.answered(error("NOAUTH Authentication required.")).unwrap_err();
    assert!(matches!(refusal, HandshakeError::PasswordNeeded { what: "PSYNC", .. }));
    assert!(refusal.to_string().contains("set masterauth"), "{refusal}");

    let mut handshake = untold(empty());
    let refusal = handshake.answered(error("NOPERM this user")).unwrap_err();
    assert!(refusal.to_string().contains("+psync +replconf +ping"), "{refusal}");
}

#[test]
fn options_that_a_primary_does_not_take_are_remarks() {
    let mut handshake = Handshake::new(at(0));
    handshake.answered(pong()).unwrap();
    handshake.answered(ok()).unwrap();
    handshake.answered(ok()).unwrap();
    let refusal = "ERR Unrecognized REPLCONF option: version";
    assert_eq!(handshake.answered(error(refusal)), Ok(Step::Wait));
    assert_eq!(handshake.answered(error("NOPERM no INFO")), Ok(Step::Send));
    let remarks = [
        format!("the primary does not take REPLCONF version: {refusal}"),
        "the primary does not tell of its history: NOPERM no INFO".to_owned(),
    ];
    assert_eq!(handshake.remarks(), remarks);
    assert_eq!(handshake.remarks(), Vec::<String>::new());
}

#[test]
fn a_primary_that_cannot_serve_now_is_asked_later() {
    for text in ["NOMASTERLINK no", "LOADING wait", "BUSY script", "MASTERDOWN gone", "ERR other"] {
        let refusal = untold(empty()).answered(error(text));
        let text = text.to_owned();
        assert_eq!(refusal, Err(HandshakeError::Refused { what: "PSYNC", text }));
    }
}

#[test]
fn answers_to_psync_that_no_primary_gives_are_told_as_they_came() {
    let wrong = [
        "OK".to_owned(),
        "CONTINUE abc".to_owned(),
        format!("CONTINUE {THEIRS} 5"),
        format!("FULLRESYNC {THEIRS}"),
        format!("FULLRESYNC {THEIRS} -1"),
        format!("FULLRESYNC {THEIRS} +1"),
        format!("FULLRESYNC {THEIRS} 9223372036854775808"),
        format!("FULLRESYNC {THEIRS}0 1"),
        format!("FULLRESYNC  {THEIRS} 1"),
        format!("FULLRESYNC {} 1", "g".repeat(40)),
    ];
    for text in wrong {
        let refusal = asked(at(0), &stock_info(THEIRS, 5, NONE, -1), &text);
        let shown = format!("+{text}");
        assert_eq!(refusal, Err(HandshakeError::Protocol { what: "PSYNC", shown }));
    }
    let refusal = asked(empty(), &stock_info(THEIRS, 5, NONE, -1), "CONTINUE");
    assert!(matches!(refusal, Err(HandshakeError::Protocol { .. })), "nothing to go on from");
    let mut handshake = untold(empty());
    let shown = format!("+{}…", "\\xff".repeat(SHOWN_BYTES_MAX));
    let refusal = handshake.answered(Answer::Status(vec![0xff; 10_000]));
    assert_eq!(refusal, Err(HandshakeError::Protocol { what: "PSYNC", shown }));
    let refusal = handshake.answered(ok());
    assert!(matches!(refusal, Err(HandshakeError::Protocol { what: "nothing", .. })));
}

#[test]
fn a_stock_primary_tells_the_one_history_before() {
    let told = stock_info(THEIRS, 500, OURS, 101);
    let answer = asked(at(100), &told, &format!("CONTINUE {THEIRS}"));
    let learned = vec![ancestor(b'1', 100)];
    let agreed = Agreement::Continue { replid: Some(id(b'2')), learned: learned.clone() };
    assert_eq!(answer, Ok(Step::Done(agreed)));

    let answer = asked(at(120), &told, &format!("FULLRESYNC {THEIRS} 510"));
    let (replid, offset, parted) = (id(b'2'), Offset(510), Some(Offset(100)));
    let agreed = Agreement::Full { replid, offset, learned, parted };
    assert_eq!(answer, Ok(Step::Done(agreed)));
}

#[test]
fn a_backlogd_primary_tells_its_lineage() {
    let (three, four) = ("3".repeat(40), "4".repeat(40));
    let list = format!("backlog_lineage:{three}:300,{OURS}:100,{four}:70,{OURS}:50,{THEIRS}:9");
    let told = info(THEIRS, 500, &list);
    let answer = asked(at(90), &told, &format!("FULLRESYNC {THEIRS} 510"));
    let learned = vec![ancestor(b'3', 300), ancestor(b'1', 100), ancestor(b'4', 70)];
    let (replid, offset, parted) = (id(b'2'), Offset(510), Some(Offset(90)));
    let agreed = Agreement::Full { replid, offset, learned, parted };
    assert_eq!(answer, Ok(Step::Done(agreed)));
}

#[test]
fn a_replica_that_is_ahead_parts_from_its_primary_at_the_primarys_end() {
    let told = stock_info(OURS, 500, NONE, -1);
    let parted = |held, answer: &str| match asked(at(held), &told, answer) {
        Ok(Step::Done(Agreement::Full { parted, .. })) => parted,
        other => panic!("{other:?}"),
    };
    assert_eq!(parted(600, &format!("FULLRESYNC {OURS} 500")), Some(Offset(500)));
    assert_eq!(parted(400, &format!("FULLRESYNC {OURS} 500")), Some(Offset(400)));
    // What was told is of a history that is not the primary's any more.
    assert_eq!(parted(400, &format!("FULLRESYNC {THEIRS} 500")), None);
}

#[test]
fn what_was_told_of_another_history_is_not_believed() {
    let told = stock_info(THEIRS, 500, OURS, 101);
    let answer = asked(at(10), &told, &format!("CONTINUE {}", "3".repeat(40)));
    let agreed = Agreement::Continue { replid: Some(id(b'3')), learned: Vec::new() };
    assert_eq!(answer, Ok(Step::Done(agreed)));
    let answer = asked(at(10), &told, "CONTINUE");
    let agreed = Agreement::Continue { replid: None, learned: Vec::new() };
    assert_eq!(answer, Ok(Step::Done(agreed)));
}

#[test]
fn what_is_told_says_who_it_is() {
    let told = |text: &str| Told::read(text.as_bytes());
    let stock = told(&stock_info(THEIRS, 500, NONE, -1)).unwrap();
    assert_eq!((stock.role, stock.kind, stock.past), (PrimaryRole::Primary, Kind::Stock, vec![]));
    assert_eq!((stock.replid, stock.offset), (id(b'2'), Offset(500)));
    let own = info(THEIRS, 0, "backlog_lineage:").replace("role:master", "role:slave");
    let own = told(&own).unwrap();
    assert_eq!((own.role, own.kind, own.past), (PrimaryRole::Replica, Kind::Backlogd, vec![]));
}

#[test]
fn what_is_told_in_another_form_is_a_remark_and_nothing_is_learned() {
    let good = stock_info(THEIRS, 500, OURS, 101);
    let wrong = [
        String::new(),
        good.replace("role:master", "role:sentinel"),
        good.replace("master_replid:2", "master_replid:"),
        good.replace("offset:500", "offset:-500"),
        good.replace("offset:101", "offset:0"),
        good.replace("offset:101", "offset:-1"),
        good.replace("offset:101", "offset:99999999999999999999"),
        good.replace("master_replid2", "former"),
        info(THEIRS, 500, "backlog_lineage:,"),
        info(THEIRS, 500, "backlog_lineage:abc:5"),
        info(THEIRS, 500, &format!("backlog_lineage:{OURS}")),
        info(THEIRS, 500, &format!("backlog_lineage:{OURS}:")),
        info(THEIRS, 500, &format!("backlog_lineage:{OURS}:-5")),
        info(THEIRS, 500, &format!("backlog_lineage:{OURS}:5 ")),
    ];
    for text in wrong {
        let mut handshake = introduced(at(10));
        let bulk = Answer::Bulk(text.clone().into_bytes());
        assert_eq!(handshake.answered(bulk), Ok(Step::Send), "{text:?}");
        let remarks = handshake.remarks();
        assert!(remarks.len() == 1 && remarks[0].contains("INFO has no "), "{text:?}: {remarks:?}");
        let answer = handshake.answered(status(&format!("FULLRESYNC {THEIRS} 510")));
        let (replid, offset) = (id(b'2'), Offset(510));
        let agreed = Agreement::Full { replid, offset, learned: Vec::new(), parted: None };
        assert_eq!(answer, Ok(Step::Done(agreed)), "{text:?}");
    }
}

#[test]
fn no_more_is_learned_than_can_be_remembered() {
    let words: Vec<_> = (0..3000_u64).rev().map(|n| format!("{n:040x}:{n}")).collect();
    let told = info(THEIRS, 5000, &format!("backlog_lineage:{}", words.join(",")));
    let told = Told::read(told.as_bytes()).unwrap();
    assert_eq!(told.past.len(), crate::replication::lineage::ANCESTORS_MAX);
    assert_eq!(told.past[0].ceiling, Offset(2999));
}

proptest! {
    #[test]
    fn any_lineage_is_learned_as_it_is_told(
        past in proptest::collection::vec((any::<[u8; 20]>(), 0..=i64::MAX as u64), 0..20),
    ) {
        let past: Vec<_> = past
            .into_iter()
            .map(|(id, at)| Ancestor { replid: Replid::from_bytes(id), ceiling: Offset(at) })
            .collect();
        let words: Vec<_> =
            past.iter().map(|known| format!("{}:{}", known.replid, known.ceiling)).collect();
        let told = info(THEIRS, 5, &format!("backlog_lineage:{}", words.join(",")));
        prop_assert_eq!(Told::read(told.as_bytes()).unwrap().past, past);
    }

    #[test]
    fn arbitrary_reports_are_read_or_not(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Told::read(&text);
        let bytes = [info(THEIRS, 5, "backlog_lineage:").as_bytes(), &text].concat();
        let _ = Told::read(&bytes);
        let bytes = [b"backlog_lineage:", &text[..], info(THEIRS, 5, "").as_bytes()].concat();
        let _ = Told::read(&bytes);
    }
}
