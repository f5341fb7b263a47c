//! Commands on values with what nobody sends in earnest: the server says what stock says, and lives on.

use crate::support::{Client, Endpoint, Server, Stock};
use backlogd::net::wire::put_command;

/// Memory by which a server may grow over what it refuses.
const BALLOON_BYTES: usize = 64 << 20;

/// Numbers at and beyond the ends of what there is, and what is none.
const NUMBERS: [&str; 22] = [
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "4611686018427387904",
    "-4611686018427387904",
    "4294967296",
    "-4294967297",
    "99999999999999999999999",
    "-1",
    "0",
    "1e5",
    "1e400",
    "nan",
    "inf",
    "-inf",
    "+1",
    "-0",
    "01",
    "1.5",
    "''",
];

/// Commands with a number in the place of each `#`.
const FORMS: &[&str] = &[
    "LPOS list a RANK #",
    "LPOS list a COUNT #",
    "LPOS list a MAXLEN #",
    "LPOS list a RANK -1 COUNT # MAXLEN #",
    "LRANGE list # #",
    "LRANGE list 0 #",
    "LRANGE list # -1",
    "LTRIM list # #",
    "LTRIM list 1 #",
    "LTRIM list # 2",
    "LINDEX list #",
    "LSET list # x",
    "LREM list # a",
    "LPOP list #",
    "RPOP list #",
    "BLPOP list #",
    "BRPOP none list #",
    "BLMOVE list nums LEFT LEFT #",
    "BRPOPLPUSH list nums #",
    "BZPOPMIN zset #",
    "BLMPOP # 1 list LEFT",
    "BZMPOP # 1 zset MAX",
    "BLMPOP 0 # list LEFT",
    "LMPOP # list LEFT",
    "LMPOP 1 list LEFT COUNT #",
    "ZMPOP # zset MIN",
    "ZMPOP 1 zset MIN COUNT #",
    "SINTERCARD # set ints",
    "SINTERCARD 2 set ints LIMIT #",
    "ZINTERCARD # zset set",
    "ZINTERCARD 2 zset set LIMIT #",
    "ZUNION # zset set",
    "ZINTERSTORE to # zset set",
    "ZUNIONSTORE to 2 zset set WEIGHTS # 1",
    "ZUNION 2 zset zset WEIGHTS # 1 AGGREGATE SUM WITHSCORES",
    "ZPOPMIN zset #",
    "ZPOPMAX zset #",
    "ZADD zset # a",
    "ZADD zset INCR # a",
    "ZADD zset INCR # d",
    "ZADD zset INCR # e",
    "ZADD zset GT CH # a # new",
    "ZADD zset 1 first # second",
    "ZINCRBY zset # a",
    "ZINCRBY zset # d",
    "ZINCRBY zset # e",
    "ZRANGE zset # #",
    "ZRANGE zset 0 #",
    "ZRANGE zset # -1 REV WITHSCORES",
    "ZRANGE zset # inf BYSCORE",
    "ZRANGE zset -inf inf BYSCORE LIMIT # 2",
    "ZRANGE zset -inf inf BYSCORE LIMIT 1 #",
    "ZRANGE zset - + BYLEX LIMIT # #",
    "ZREVRANGEBYSCORE zset inf (# LIMIT 0 #",
    "ZRANGEBYLEX zset [# + LIMIT # 1",
    "ZRANGESTORE to zset # -1",
    "ZRANGESTORE to zset - + BYLEX LIMIT # #",
    "ZCOUNT zset # #",
    "ZREMRANGEBYRANK zset # #",
    "ZREMRANGEBYRANK zset 1 #",
    "ZREMRANGEBYSCORE zset # +inf",
    "SORT nums LIMIT # #",
    "SORT nums LIMIT 1 #",
    "SORT nums LIMIT # 2 DESC",
    "SORT nums LIMIT 0 # STORE to",
    "HINCRBY hash f #",
    "HINCRBYFLOAT hash g #",
    "INCRBY counter #",
    "DECRBY counter #",
    "INCRBYFLOAT text2 #",
    "GETRANGE text # #",
    "GETRANGE text 0 #",
    "GETRANGE text # -1",
    "SETRANGE text # v",
    "SETRANGE text # ''",
    "SETBIT text # 1",
    "SETBIT text 1 #",
    "GETBIT text #",
    "BITCOUNT text # #",
    "BITCOUNT text 0 # BIT",
    "BITCOUNT text # -1 BIT",
    "BITPOS text 1 #",
    "BITPOS text 0 0 # BIT",
    "BITPOS text # 0 -1",
    "BITFIELD text GET u8 #",
    "BITFIELD text GET u8 ##",
    "BITFIELD text SET u8 # 1",
    "BITFIELD text SET u8 ## 1",
    "BITFIELD text SET i64 0 #",
    "BITFIELD text OVERFLOW SAT INCRBY i64 0 #",
    "BITFIELD text OVERFLOW FAIL INCRBY u63 3 #",
    "BITFIELD text OVERFLOW WRAP INCRBY i17 5 #",
    "BITFIELD text GET u# 0",
    "BITFIELD text GET i# #",
    "BITFIELD_RO text GET i5 ##",
    "SCAN 0 COUNT # MATCH text",
    "SSCAN ints # COUNT 100",
    "HSCAN hash 0 COUNT #",
    "ZSCAN zset 0 COUNT #",
    "EXPIRE text #",
    "PEXPIRE list #",
    "EXPIREAT set #",
    "PEXPIREAT zset #",
    "SET text v PX #",
    "SETEX text # v",
    "GETEX text EX #",
    "GETEX text PXAT #",
    "COPY text other DB #",
    "MOVE text #",
    "SELECT #",
    "SWAPDB 0 #",
    "SPOP ints #",
    "LCS text text MINMATCHLEN # IDX",
    "GEOADD geo # 2 m",
    "GEOADD geo 2 # m",
    "XADD stream # f v",
    "XADD stream #-# f v",
    "XADD stream #-* f v",
    "XADD stream MAXLEN # 9-9 f v",
    "XADD stream MAXLEN ~ 1 LIMIT # 9-9 f v",
    "XADD stream MINID # 9-9 f v",
    "XTRIM stream MAXLEN #",
    "XTRIM stream MAXLEN ~ # LIMIT #",
    "XTRIM stream MINID #",
    "XDEL stream #-# #",
    "XRANGE stream # #",
    "XRANGE stream - + COUNT #",
    "XREVRANGE stream (# (#",
    "XREAD COUNT # STREAMS stream 0",
    "XREAD STREAMS stream #-#",
    "XREADGROUP GROUP g c COUNT # STREAMS stream >",
    "XREADGROUP GROUP g c STREAMS stream #",
    "XGROUP CREATE stream h # ENTRIESREAD #",
    "XGROUP SETID stream g #",
    "XACK stream g # #-#",
    "XPENDING stream g # # 10",
    "XPENDING stream g - + #",
    "XCLAIM stream g c # 5-1",
    "XCLAIM stream g c 0 # JUSTID FORCE",
    "XCLAIM stream g c 0 5-1 RETRYCOUNT #",
    "XCLAIM stream g c 0 5-1 IDLE #",
    "XCLAIM stream g c 0 5-1 TIME #",
    "XCLAIM stream g c 0 5-1 LASTID #",
    "XAUTOCLAIM stream g c # 0",
    "XAUTOCLAIM stream g c 0 #",
    "XAUTOCLAIM stream g c 0 0 COUNT #",
    "OBJECT FREQ #",
    "RESTORE new # x",
    "WAIT 0 #",
];

/// What each command begins with.
const FILLED: &[&str] = &[
    "FLUSHALL",
    "RPUSH list a b a c 1 a 2",
    "RPUSH nums 3 1 2",
    "SADD set a b 1 2",
    "SADD ints 1 2 3",
    "ZADD zset 1 a 2 b 3 c inf d -inf e",
    "HSET hash f 1 g 2.5 h x",
    "SET text hello",
    "XADD stream 5-1 f v",
    "XADD stream 7-0 f w",
    "XGROUP CREATE stream g 5-1",
    "XCLAIM stream g c 0 5-1 FORCE JUSTID",
];

/// Commands on streams, of whose IDs `#` is a half or all.
const STREAM_FORMS: &[&str] = &[
    "XADD stream # f v",
    "XADD stream #-# f v",
    "XADD stream #-* f v",
    "XADD stream 18446744073709551615-# f v",
    "XADD stream MAXLEN # 99-9 f v",
    "XADD stream MAXLEN ~ # 99-9 f v",
    "XADD stream MINID ~ # LIMIT # 99-9 f v",
    "XTRIM stream MAXLEN #",
    "XTRIM stream MAXLEN ~ #",
    "XTRIM stream MAXLEN ~ 0 LIMIT #",
    "XTRIM stream MINID #",
    "XTRIM stream MINID ~ 5-#",
    "XSETID stream #",
    "XSETID stream 99-# ENTRIESADDED # MAXDELETEDID 2-2",
    "XRANGE stream # +",
    "XRANGE stream - #",
    "XRANGE stream (# (#",
    "XREVRANGE stream + - COUNT #",
    "XDEL stream # 2-#",
    "XREAD COUNT # STREAMS stream 0",
    "XREAD STREAMS stream #",
    "XREAD BLOCK # STREAMS stream 0",
    "XREADGROUP GROUP g c BLOCK # COUNT # STREAMS stream >",
    "XREADGROUP GROUP g c STREAMS stream #",
    "XGROUP CREATE stream n # ENTRIESREAD #",
    "XGROUP SETID stream g #",
    "XACK stream g #",
    "XPENDING stream g - + #",
    "XPENDING stream g IDLE # - + 10 d",
    "XPENDING stream g # # 10",
    "XCLAIM stream g c # 1-1",
    "XCLAIM stream g c 0 # FORCE JUSTID",
    "XCLAIM stream g c 0 1-1 IDLE # RETRYCOUNT #",
    "XCLAIM stream g c 0 1-1 TIME # LASTID #",
    "XAUTOCLAIM stream g c # 0 JUSTID",
    "XAUTOCLAIM stream g c 0 # COUNT #",
    "XINFO STREAM stream FULL COUNT #x",
];

/// What they find.
const FILLED_STREAM: &[&str] = &[
    "FLUSHALL",
    "XADD stream 1-1 f v",
    "XADD stream 2-2 f v g w",
    "XADD stream 5-0 f 7",
    "XDEL stream 2-2",
    "XGROUP CREATE stream g 0",
    "XREADGROUP GROUP g d COUNT 1 STREAMS stream >",
];

/// The servers under test and stock, each with one client.
struct Both {
    server: Server,
    _stock: Stock,
    ours: Client,
    theirs: Client,
    /// What makes the data that each line finds.
    filled: &'static [&'static str],
    /// What was found to differ.
    differences: Vec<String>,
}

fn words_of(line: &str) -> Vec<&str> {
    line.split(' ').map(|word| if word == "''" { "" } else { word }).collect()
}

impl Both {
    fn start() -> Self {
        let quiet = ["--save", "", "--enable-debug-command", "yes"];
        let (server, stock) = (Server::start(&quiet), Stock::start(&[]));
        let (ours, theirs) = (server.connect(), stock.connect());
        Self { server, _stock: stock, ours, theirs, filled: FILLED, differences: Vec::new() }
    }

    /// Has both run the lines after each other, and tells what each was answered to the last.
    fn run(&mut self, lines: &[&str]) -> [Vec<u8>; 2] {
        let mut bytes = Vec::new();
        for line in lines {
            put_command(&mut bytes, &words_of(line));
        }
        [&mut self.ours, &mut self.theirs].map(|client| {
            client.send(&bytes);
            let replies = lines.iter().map(|_| client.read().1);
            replies.last().expect("there is a line")
        })
    }

    /// Runs one line with fresh data; the replies and what is left must be the same.
    fn same(&mut self, line: &str) {
        let lines = [self.filled, &[line]].concat();
        let [ours, theirs] = self.run(&lines);
        let shown = |reply: &[u8]| reply[..reply.len().min(500)].escape_ascii().to_string();
        // What is too long to wait for is told from what is negative, as 7.2 tells it.
        let is_long = ours == b"-ERR timeout is out of range\r\n";
        if ours != theirs && !(is_long && theirs == b"-ERR timeout is negative\r\n") {
            self.differences.push(format!("{line}: {} not {}", shown(&ours), shown(&theirs)));
        }
        let [ours, theirs] = self.run(&["DEBUG DIGEST"]);
        if ours != theirs {
            self.differences.push(format!("{line}: the data differ"));
        }
    }

    #[track_caller]
    fn assert_same(&self) {
        assert!(self.differences.is_empty(), "{}", self.differences.join("\n"));
    }

    /// Runs a line with each hostile number in the place of `#`.
    fn same_with_numbers(&mut self, form: &str) {
        for number in NUMBERS.into_iter().filter(|number| versions_agree(form, number)) {
            self.same(&form.replace('#', number));
        }
    }
}

/// Tells whether 7.0 has the answer of 7.2, which is given here.
fn versions_agree(form: &str, number: &str) -> bool {
    let tells_score = ["ZUNION ", "ZADD zset INCR", "ZINCRBY"];
    let tells_score = tells_score.iter().any(|head| form.starts_with(head));
    let is_large = number.parse::<f64>().is_ok_and(|n| n.is_finite() && n.abs() > 1e15);
    let is_last_rank = form == "LPOS list a RANK #" && number == "-9223372036854775808";
    // 7.0 waits for longer than there is time, and looks at what was removed last.
    let is_long_wait = form.contains("BLOCK #") && number == "9223372036854775807";
    let is_before_removed = form == "XSETID stream #" && ["0", "+1", "01"].contains(&number);
    !(tells_score && is_large || is_last_rank || is_long_wait || is_before_removed)
}

#[test]
fn numbers_at_their_ends_are_answered_as_stock_answers_them() {
    let mut both = Both::start();
    // Several keys, which lie in several shards.
    both.same("PFCOUNT none other more");
    // As in 7.2.
    let refused = both.ours.run("LPOS list a RANK -9223372036854775808").text();
    assert!(refused.starts_with("ERR value is out of range"), "{refused}");
    for form in FORMS {
        both.same_with_numbers(form);
    }
    both.assert_same();
}

#[test]
fn ids_and_counts_at_their_ends_are_answered_as_stock_answers_them() {
    let mut both = Both { filled: FILLED_STREAM, ..Both::start() };
    for form in STREAM_FORMS {
        both.same_with_numbers(form);
    }
    both.assert_same();
}

#[test]
fn a_million_groups_and_a_million_consumers_hold_up_nobody_and_are_gone_at_once() {
    const COUNT: usize = 1_000_000;
    let server = Server::start(&["--save", ""]);
    let mut client = server.connect();
    client.run("XADD groups 1-1 f v");
    client.run("XADD consumers 1-1 f v");
    client.run("XGROUP CREATE consumers g 0");
    let mut other = server.connect();
    for head in ["XGROUP CREATE groups", "XGROUP CREATECONSUMER consumers g"] {
        let tail: &[&str] = if head.ends_with('g') { &[] } else { &["0"] };
        for first in (0..COUNT).step_by(10_000) {
            let mut bytes = Vec::new();
            for number in first..first + 10_000 {
                let name = format!("name:{number:08}");
                let words: Vec<_> =
                    head.split(' ').chain([&*name]).chain(tail.iter().copied()).collect();
                put_command(&mut bytes, &words);
            }
            client.send(&bytes);
            assert_eq!(other.run("PING").text(), "PONG");
            for _ in 0..10_000 {
                let reply = client.read().0;
                assert!(!reply.is_error(), "{reply:?}");
            }
        }
    }
    assert_eq!(client.run("XINFO GROUPS groups").elements().len(), COUNT);
    assert_eq!(client.run("XINFO CONSUMERS consumers g").elements().len(), COUNT);
    let read = client.run("XREADGROUP GROUP name:00999999 c STREAMS groups >");
    assert_eq!(read.elements().len(), 1);
    assert_eq!(client.run("XPENDING consumers g").elements()[0].integer(), 0);
    assert_eq!(client.run("XGROUP DELCONSUMER consumers g name:00500000").integer(), 0);
    assert_eq!(client.run("XGROUP DESTROY consumers g").integer(), 1);
    assert_eq!(client.run("DEL groups consumers").integer(), 2);
}

#[test]
fn places_and_distances_at_their_ends_are_answered_as_stock_answers_them() {
    let mut both = Both::start();
    let places = "GEOADD geo 13.361389 38.115556 P 15.087269 37.502669 C -179.9 85 N";
    for form in [
        "GEORADIUS geo 15 37 # km",
        "GEORADIUS geo # 37 200 km",
        "GEORADIUS geo 15 37 200 km COUNT #",
        "GEORADIUSBYMEMBER geo P # m",
        "GEOSEARCH geo FROMLONLAT 15 37 BYBOX # 400 km ASC",
        "GEOSEARCH geo FROMLONLAT 15 # BYRADIUS 400 km ASC",
        "GEOSEARCH geo FROMMEMBER P BYRADIUS # ft ASC COUNT 2",
        "GEOSEARCH geo FROMMEMBER P BYRADIUS 300 km COUNT # ANY",
        "GEOSEARCHSTORE to geo FROMMEMBER P BYBOX # # km",
        "GEODIST geo P C #",
        "GEOHASH geo # P",
    ] {
        for number in NUMBERS {
            let line = form.replace('#', number);
            let [ours, theirs] = both.run(&["FLUSHALL", places, &line]);
            let shown = |reply: &[u8]| reply.escape_ascii().to_string();
            assert_eq!(shown(&ours), shown(&theirs), "{line}");
        }
    }
}

#[test]
fn more_random_picks_than_there_is_memory_for_are_refused_at_once() {
    let mut both = Both::start();
    for line in
        ["SRANDMEMBER set #", "ZRANDMEMBER zset # WITHSCORES", "HRANDFIELD hash # WITHVALUES"]
    {
        both.same(&line.replace('#', "9223372036854775808"));
        both.same(&line.replace('#', "-9223372036854775808"));
        // As many as there are come in any order.
        for number in ["-4611686018427387904", "-9223372036854775807", "-100000000000"] {
            let before = both.server.resident_bytes();
            let line = line.replace('#', number);
            let reply = both.ours.run(&line);
            assert!(reply.is_error(), "{line}: {reply:?}");
            let grown = both.server.resident_bytes().saturating_sub(before);
            assert!(grown < BALLOON_BYTES, "{line}: it grew by {grown} bytes");
        }
    }
    both.assert_same();
    let reply = both.ours.run("ZRANDMEMBER zset 4611686018427387904 WITHSCORES");
    let [_, theirs] = both.run(&["ZRANDMEMBER zset 4611686018427387904 WITHSCORES"]);
    assert_eq!(reply.is_error(), theirs.starts_with(b"-"), "{reply:?}");
}

#[test]
fn patterns_without_end_are_looked_up_as_stock_looks_them_up() {
    let mut both = Both::start();
    let stars = "*".repeat(20_000);
    let arrows = "->".repeat(20_000);
    let fill = "MSET w_1 3 w_2 1 w_3 2 w_1->f 1 *1 5 w_2-> 4";
    for by in [
        "w_*".to_owned(),
        "w_*->".to_owned(),
        "w_*->f".to_owned(),
        "hash->*".to_owned(),
        "->*".to_owned(),
        "*->->".to_owned(),
        "h*->f->g".to_owned(),
        "**".to_owned(),
        "nothing".to_owned(),
        stars.clone(),
        arrows.clone(),
        format!("{stars}->{stars}"),
        format!("w_*{arrows}f"),
        format!("{arrows}*"),
    ] {
        for form in ["SORT nums BY # GET #", "SORT nums BY # ALPHA DESC GET # GET w_* STORE to"] {
            let line = form.replace('#', &by);
            let lines = [FILLED, &["HSET w_1 f 9"], &[fill], &[&line]].concat();
            let [ours, theirs] = both.run(&lines);
            let shown = |reply: &[u8]| reply.escape_ascii().to_string();
            assert_eq!(shown(&ours), shown(&theirs), "{form} with {} bytes", by.len());
        }
    }
    // As many of them as a request has words.
    let many = ["GET", "w_*->f"].repeat(100_000);
    let words = [&["SORT", "nums", "BY", "w_*"][..], &many].concat();
    let replies = [&mut both.ours, &mut both.theirs].map(|client| client.call(&words));
    assert!(replies[0] == replies[1]);
}
