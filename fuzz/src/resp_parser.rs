//! The request parser on arbitrary bytes; the first byte says where they are cut.
//!
//! It must not panic; must find the same commands however the bytes are cut; must lend as raw only
//! what it would encode itself; and must agree with the `redis-protocol` crate on multibulks of bulk strings.

use backlogd::net::{Args, Parsed, Parser, Peer, ProtocolError};
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;

/// Small, so that a fuzzer can exceed it.
const BULK_BYTES_MAX: usize = 1 << 20;

type Words = Vec<Vec<u8>>;

/// What holds for any bytes.
pub fn check(input: &[u8]) {
    let Some((cut, bytes)) = input.split_first() else { return };
    for peer in [Peer::Client, Peer::Unauthenticated, Peer::Upstream] {
        let at_once = commands(bytes, [bytes.len()], peer);
        let halves = [bytes.len() * usize::from(*cut) / 256, bytes.len()];
        assert_eq!(at_once, commands(bytes, halves, peer));
        assert_eq!(at_once, commands(bytes, 0..=bytes.len(), peer));
    }
}

/// Parses bytes that come in pieces ending at `ends`; gives the commands up to the error, if any.
fn commands(
    bytes: &[u8],
    ends: impl IntoIterator<Item = usize>,
    peer: Peer,
) -> (Vec<Words>, Option<ProtocolError>) {
    let mut parser = Parser::new(peer, BULK_BYTES_MAX);
    let (mut found, mut begin) = (Vec::new(), 0);
    for end in ends {
        loop {
            let buffer = &bytes[begin..end];
            match parser.parse(buffer) {
                Err(error) => return (found, Some(error)),
                Ok(Parsed::Incomplete { need_hint }) => {
                    assert!(need_hint > 0);
                    break;
                }
                Ok(Parsed::Empty { consumed }) => begin += consumed,
                Ok(Parsed::Command { consumed }) => {
                    let args = parser.args(buffer);
                    check_command(args, &buffer[..consumed]);
                    found.push(args.iter().map(<[u8]>::to_vec).collect());
                    begin += consumed;
                }
            }
        }
    }
    (found, None)
}

/// Holds one command against the crate's decoder, which recurses: nothing nested reaches it.
fn check_command(args: Args<'_>, received: &[u8]) {
    let mut encoded = Vec::new();
    args.to_owned().as_args().encode_into(&mut encoded);
    let words = decoded(&encoded);
    assert!(args.iter().eq(words.iter().map(Vec::as_slice)));
    if let Some(raw) = args.raw() {
        assert_eq!(raw, received);
        assert_eq!(raw, encoded);
    }
}

fn decoded(encoded: &[u8]) -> Words {
    let (frame, consumed) = decode(encoded).expect("canonical").expect("whole");
    assert_eq!(consumed, encoded.len());
    let bulk = |frame| match frame {
        OwnedFrame::BulkString(bytes) => bytes,
        other => panic!("not a bulk string: {other:?}"),
    };
    match frame {
        OwnedFrame::Array(frames) => frames.into_iter().map(bulk).collect(),
        other => panic!("not an array: {other:?}"),
    }
}
