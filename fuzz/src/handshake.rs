//! A replica's handshake on arbitrary answers; the first bytes say who it is and how they are cut.
//!
//! It must not panic; must send, learn and agree on the same however the bytes are cut; and what it
//! keeps and says must stay within bounds, whatever it is told.

use backlogd::position::{Offset, Position, Replid};
use backlogd::replication::answer::{AnswerError, leading_newlines, read};
use backlogd::replication::handshake::{
    Agreement, Failover, Handshake, HandshakeError, Plan, Step,
};
use backlogd::replication::lineage::ANCESTORS_MAX;

/// More than all that a replica sends.
const OUTPUT_BYTES_MAX: usize = 2048;
/// More than any remark needs, the escapes of what it shows included.
const REMARK_BYTES_MAX: usize = 2048;
/// As many requests as are answered.
const REQUESTS_MAX: usize = 8;

/// How a handshake ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Agreed(Agreement),
    Failed(HandshakeError),
    Garbled(AnswerError),
    /// The answers did not suffice.
    Unfinished,
}

/// All that can be seen of a handshake from outside.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    output: Vec<u8>,
    remarks: Vec<String>,
    end: End,
    /// How many bytes were taken, if it came to an end.
    consumed: Option<usize>,
}

/// What holds for any bytes.
pub fn check(input: &[u8]) {
    let Some(([kind, cut], bytes)) = input.split_first_chunk() else { return };
    let whole = run(*kind, bytes, [bytes.len()]);
    let halves = [bytes.len() * usize::from(*cut) / 256, bytes.len()];
    assert_eq!(whole, run(*kind, bytes, halves));
    assert_eq!(whole, run(*kind, bytes, 0..=bytes.len()));
    check_bounds(&whole);
}

fn check_bounds(seen: &Seen) {
    assert!(seen.output.len() <= OUTPUT_BYTES_MAX);
    assert!(seen.remarks.len() <= REQUESTS_MAX);
    assert!(seen.remarks.iter().all(|remark| remark.len() <= REMARK_BYTES_MAX));
    match &seen.end {
        End::Agreed(Agreement::Continue { learned, .. } | Agreement::Full { learned, .. }) => {
            assert!(learned.len() <= ANCESTORS_MAX);
        }
        End::Failed(error) => assert!(error.to_string().len() <= REMARK_BYTES_MAX),
        End::Garbled(_) | End::Unfinished => {}
    }
}

/// Plays a handshake with answers that come in pieces ending at `ends`.
fn run(kind: u8, bytes: &[u8], ends: impl IntoIterator<Item = usize>) -> Seen {
    let mut handshake = Handshake::new(plan(kind));
    let (mut output, mut begin) = (handshake.output(), 0);
    let mut end = End::Unfinished;
    'pieces: for piece in ends {
        loop {
            let (answer, consumed) = match read(&bytes[begin..piece]) {
                Ok(Some(read)) => read,
                Ok(None) => break,
                Err(error) => {
                    end = End::Garbled(error);
                    break 'pieces;
                }
            };
            begin += consumed;
            match handshake.answered(answer) {
                Ok(Step::Send) => {
                    let more = handshake.output();
                    assert!(!more.is_empty());
                    output.extend(more);
                }
                Ok(Step::Wait) => assert!(handshake.output().is_empty()),
                Ok(Step::Done(agreement)) => end = End::Agreed(agreement),
                Err(error) => end = End::Failed(error),
            }
            if end != End::Unfinished {
                break 'pieces;
            }
        }
        begin += leading_newlines(&bytes[begin..piece]);
    }
    let consumed = matches!(end, End::Agreed(_) | End::Failed(_)).then_some(begin);
    Seen { output, remarks: handshake.remarks(), end, consumed }
}

/// A replica of any kind; its history is that of ones.
fn plan(kind: u8) -> Plan {
    let has = |bit: u8| kind & (1 << bit) != 0;
    let position = Position { replid: Replid::from_bytes([0x11; 20]), offset: Offset(100) };
    Plan {
        user: has(0).then(|| "user".to_owned()),
        password: has(1).then(|| "password".to_owned()),
        listening_port: 6380,
        announce_ip: has(2).then(|| "10.0.0.1".to_owned()),
        position: has(3).then_some(position),
        failover: if has(4) { Failover::Asked } else { Failover::No },
    }
}
