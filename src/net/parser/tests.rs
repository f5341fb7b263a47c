use proptest::prelude::*;

use super::super::wire::put_command;
use super::*;

type Words = Vec<Vec<u8>>;

/// Parses everything in `input`, handing it over in pieces that end at `cuts`.
fn commands(input: &[u8], cuts: &[usize], peer: Peer) -> Result<Vec<Words>, ProtocolError> {
    let mut parser = Parser::new(peer, BULK_BYTES_MAX_DEFAULT);
    let (mut found, mut begin) = (Vec::new(), 0);
    for end in cuts.iter().copied().chain([input.len()]) {
        loop {
            let buffer = &input[begin..end];
            match parser.parse(buffer)? {
                Parsed::Incomplete { need_hint } => {
                    assert!(need_hint > 0);
                    break;
                }
                Parsed::Empty { consumed } => begin += consumed,
                Parsed::Command { consumed } => {
                    let args = parser.args(buffer);
                    if let Some(raw) = args.raw() {
                        let mut canonical = Vec::new();
                        put_command(&mut canonical, &args.iter().collect::<Vec<_>>());
                        assert_eq!(raw, canonical);
                    }
                    found.push(args.iter().map(<[u8]>::to_vec).collect());
                    begin += consumed;
                }
            }
        }
    }
    Ok(found)
}

fn whole(input: &[u8]) -> Result<Vec<Words>, ProtocolError> {
    let bytewise: Vec<_> = (0..input.len()).collect();
    let at_once = commands(input, &[], Peer::Client);
    if input.len() < 10_000 {
        assert_eq!(at_once, commands(input, &bytewise, Peer::Client), "{}", input.escape_ascii());
    }
    at_once
}

fn reply(error: ProtocolError) -> String {
    let mut out = Vec::new();
    error.encode_into(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_pipeline_is_cut_into_its_commands() {
    let input = b"*1\r\n$4\r\nPING\r\n*0\r\n*-5\r\n\r\nGET 'a b'\r\n\n*2\r\n$1\r\nx\r\n$0\r\n\r\n";
    assert_eq!(
        whole(input),
        Ok(vec![
            vec![b"PING".to_vec()],
            vec![b"GET".to_vec(), b"a b".to_vec()],
            vec![b"x".to_vec(), vec![]],
        ])
    );
}

#[test]
fn only_canonical_commands_are_lent_raw() {
    for (input, canonical) in [
        (&b"*1\r\n$4\r\nPING\r\n"[..], true),
        (b"*1\rX$4\r\nPING\r\n", false),
        (b"*1\r\n$4\rXPING\r\n", false),
        (b"*1\r\n$4\r\nPINGxx", false),
        (b"PING\r\n", false),
    ] {
        let mut parser = Parser::new(Peer::Client, BULK_BYTES_MAX_DEFAULT);
        assert_eq!(parser.parse(input), Ok(Parsed::Command { consumed: input.len() }));
        let args = parser.args(input);
        assert_eq!(&args[0], b"PING");
        assert_eq!(args.raw(), canonical.then_some(input));
        assert_eq!(args.to_owned().as_args().raw(), Some(&b"*1\r\n$4\r\nPING\r\n"[..]));
    }
}

#[test]
fn what_breaks_the_protocol_is_named_as_redis_names_it() {
    for (input, text) in [
        (&b"*a\r\n"[..], "invalid multibulk length"),
        (b"*\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*2147483648\r\n", "invalid multibulk length"),
        (b"*99999999999999999999999\r\n", "invalid multibulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n$9223372036854775807\r\n", "invalid bulk length"),
        (b"*1\r\n:4\r\n", "expected '$', got ':'"),
        (b"*1\r\n*1\r\n", "expected '$', got '*'"),
        (b"*1\r\n\r\n", "expected '$', got ' '"),
        (b"GET 'a\r\n", "unbalanced quotes in request"),
    ] {
        let error = whole(input).expect_err(text);
        assert_eq!(reply(error), format!("-ERR Protocol error: {text}\r\n"));
    }
}

#[test]
fn a_byte_that_is_no_text_is_shown_as_it_came() {
    let mut out = Vec::new();
    whole(b"*1\r\n\xff4\r\n").unwrap_err().encode_into(&mut out);
    assert_eq!(out, b"-ERR Protocol error: expected '$', got '\xff'\r\n");
}

#[test]
fn a_line_without_end_is_refused_past_its_limit() {
    for (first, text) in [
        (&b"*"[..], "too big mbulk count string"),
        (b"*1\r\n$", "too big bulk count string"),
        (b"P", "too big inline request"),
    ] {
        let mut input = first.to_vec();
        let line_begins = first.len() - 1;
        input.resize(line_begins + LINE_BYTES_MAX, b'1');
        assert_eq!(whole(&input), Ok(vec![]));
        input.push(b'1');
        assert_eq!(reply(whole(&input).unwrap_err()), format!("-ERR Protocol error: {text}\r\n"));
    }
}

#[test]
fn before_authentication_only_small_commands_pass() {
    let refused = |input: &[u8]| commands(input, &[], Peer::Unauthenticated).unwrap_err();
    assert_eq!(commands(b"*10\r\n$16384\r\n", &[], Peer::Unauthenticated), Ok(vec![]));
    assert_eq!(
        reply(refused(b"*11\r\n")),
        "-ERR Protocol error: unauthenticated multibulk length\r\n"
    );
    let long = refused(b"*1\r\n$16385\r\n");
    assert_eq!(reply(long), "-ERR Protocol error: unauthenticated bulk length\r\n");
}

#[test]
fn a_primary_has_wider_limits_and_sends_no_inline_commands() {
    let upstream = |input: &[u8]| commands(input, &[], Peer::Upstream);
    assert_eq!(upstream(b"\r\n\n*2147483647\r\n$536870913\r\n"), Ok(vec![]));
    assert_eq!(upstream(b"PING\r\n"), Err(ProtocolError::InlineFromUpstream));
}

#[test]
fn a_huge_count_reserves_nothing() {
    let mut parser = Parser::new(Peer::Client, BULK_BYTES_MAX_DEFAULT);
    let missing = Parsed::Incomplete { need_hint: 536_870_912 + 2 };
    assert_eq!(parser.parse(b"*2147483647\r\n$536870912\r\n"), Ok(missing));
    assert!(parser.heap_bytes() < 1024);
    assert!(parser.is_mid_command());
}

#[test]
fn a_long_list_of_spans_is_given_back() {
    let words = vec![b"x"; 100_000];
    let mut input = Vec::new();
    put_command(&mut input, &words);
    let mut parser = Parser::new(Peer::Client, BULK_BYTES_MAX_DEFAULT);
    assert_eq!(parser.parse(&input), Ok(Parsed::Command { consumed: input.len() }));
    assert_eq!(parser.args(&input).len(), words.len());
    assert_eq!(parser.parse(b""), Ok(Parsed::Incomplete { need_hint: 1 }));
    assert!(parser.heap_bytes() <= SPANS_KEPT_MAX * size_of::<Span>());
}

fn some_words() -> impl Strategy<Value = Words> {
    proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..30), 1..8)
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_commands(
        list in proptest::collection::vec(some_words(), 0..6),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let mut input = Vec::new();
        for words in &list {
            put_command(&mut input, words);
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(commands(&input, &cuts, Peer::Client), Ok(list));
    }

    #[test]
    fn any_bytes_are_judged_the_same_however_they_are_cut(
        input in "[*$0-9\r\nPa'\"\\\\ ]{0,60}",
        cut in any::<prop::sample::Index>(),
    ) {
        let input = input.into_bytes();
        let cut = cut.index(input.len() + 1);
        let parted = commands(&input, &[cut], Peer::Client);
        prop_assert_eq!(parted, commands(&input, &[], Peer::Client));
    }
}

#[test]
fn the_fuzz_corpus_is_judged_the_same_however_it_is_cut() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/resp_parser");
    let files = std::fs::read_dir(folder).expect("the corpus is part of the repository");
    let inputs: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(inputs.len() > 5);
    for input in &inputs {
        // The first byte tells the fuzz target where to cut.
        for cut in 1..input.len() {
            for peer in [Peer::Client, Peer::Unauthenticated, Peer::Upstream] {
                let bytes = &input[1..];
                assert_eq!(commands(bytes, &[], peer), commands(bytes, &[cut - 1], peer));
            }
        }
    }
}

proptest! {
    /// `redis-protocol` is another author's reading of the same format.
    #[test]
    fn another_decoder_reads_the_same_words(words in some_words()) {
        use redis_protocol::resp2::{decode::decode, types::OwnedFrame};
        let encoded = crate::net::OwnedArgs::from_words(&words);
        let raw = encoded.as_args().raw().unwrap().to_vec();
        let (frame, consumed) = decode(&raw).unwrap().unwrap();
        prop_assert_eq!(consumed, raw.len());
        let frames = words.iter().cloned().map(OwnedFrame::BulkString).collect();
        prop_assert_eq!(frame, OwnedFrame::Array(frames));
        let mut parser = Parser::new(Peer::Client, BULK_BYTES_MAX_DEFAULT);
        prop_assert_eq!(parser.parse(&raw).unwrap(), Parsed::Command { consumed });
        prop_assert!(parser.args(&raw).iter().eq(words.iter().map(Vec::as_slice)));
    }
}
