//! Receiving a snapshot from arbitrary bytes; the first byte says where they are cut.
//!
//! It must not panic; must hand out the same bytes however they are cut; must leave no more to the
//! caller than a head line or most of a mark; and must agree with a search that looks at every byte.

use backlogd::replication::payload::{Payload, PayloadError, PayloadState};

const MARK_BYTES: usize = 40;
const HEAD_BYTES_MAX: usize = 4096;

/// What came of the bytes.
#[derive(Debug, PartialEq, Eq)]
struct Received {
    data: Vec<u8>,
    consumed: usize,
    state: PayloadState,
}

/// What holds for any bytes.
pub fn check(input: &[u8]) {
    let Some((cut, bytes)) = input.split_first() else { return };
    let whole = receive(bytes, [bytes.len()]);
    let halves = [bytes.len() * usize::from(*cut) / 256, bytes.len()];
    assert_eq!(whole, receive(bytes, halves));
    assert_eq!(whole, receive(bytes, 0..=bytes.len()));
    if let Ok(received) = whole {
        check_mark(bytes, &received);
    }
}

/// Hands over bytes in pieces that end at `ends`.
fn receive(bytes: &[u8], ends: impl IntoIterator<Item = usize>) -> Result<Received, PayloadError> {
    let (mut payload, mut data, mut begin) = (Payload::new(), Vec::new(), 0);
    let mut state = PayloadState::Head;
    for end in ends {
        let taken = payload.take(&bytes[begin..end])?;
        data.extend_from_slice(taken.data);
        begin += taken.consumed;
        state = taken.state;
        match state {
            PayloadState::Head => assert!(taken.data.is_empty() && end - begin < HEAD_BYTES_MAX),
            PayloadState::Data => assert!(end - begin < MARK_BYTES),
            PayloadState::Done => {}
        }
        assert_eq!(payload.received(), data.len() as u64);
        let left = payload.total().map(|total| total - payload.received());
        assert!(left.is_none_or(|left| (left == 0) == (state == PayloadState::Done)));
    }
    Ok(Received { data, consumed: begin, state })
}

/// Holds a snapshot that a mark ends against the plain way to find it.
fn check_mark(bytes: &[u8], received: &Received) {
    let newlines = bytes.iter().take_while(|byte| **byte == b'\n').count();
    let head = b"$EOF:".len() + MARK_BYTES + b"\r\n".len();
    let Some((head, rest)) = bytes[newlines..].split_at_checked(head) else { return };
    let line = head.strip_suffix(b"\r\n");
    let Some(mark) = line.and_then(|line| line.strip_prefix(b"$EOF:")) else { return };
    let found = rest.windows(MARK_BYTES).position(|window| window == mark);
    assert_eq!(found.is_some(), received.state == PayloadState::Done);
    if let Some(at) = found {
        assert_eq!(received.data, &rest[..at]);
        assert_eq!(received.consumed, newlines + head.len() + at + MARK_BYTES);
    } else {
        assert!(rest.starts_with(&received.data));
    }
}
