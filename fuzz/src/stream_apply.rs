//! A primary's stream of arbitrary bytes; the first bytes say how it is cut.
//!
//! It must not panic; must come to the same data, and fail for the same reason, however it is cut and
//! batched; and must leave no more to the caller than a unit that is not whole.

mod nobody;

use backlogd::command::Events;
use backlogd::command::digest::Digest;
use backlogd::keyspace::Keyspace;
use backlogd::position::Offset;
use backlogd::replication::units::{Mark, Units};
use backlogd::server::{Division, apply_units};

use nobody::Nobody;

/// As many as there are in the keyspace.
const DATABASES: usize = 2;
/// Where the stream begins.
const BASE: Offset = Offset(1000);
/// The shortest command that is marked.
const MARKED_BYTES_MIN: usize = b"*1\r\n$7\r\npublish\r\n".len();

/// What came of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    data: Digest,
    database: usize,
    end: End,
}

/// Where the stream was left.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// So many bytes were applied, and the rest is no whole unit.
    Open(usize),
    /// Behind so many bytes something is no stream.
    Garbled(usize, String),
    /// Something cannot be applied; what stands before it was.
    Refused(String),
}

/// What holds for any bytes.
pub fn check(input: &[u8]) {
    let Some(([cut, step], bytes)) = input.split_first_chunk() else { return };
    let whole = follow(bytes, [bytes.len()], usize::MAX);
    let halves = [bytes.len() * usize::from(*cut) / 256, bytes.len()];
    assert_eq!(whole, follow(bytes, halves, usize::MAX));
    let step = usize::from(*step).max(1);
    let pieces = (0..bytes.len()).step_by(step).chain([bytes.len()]);
    assert_eq!(whole, follow(bytes, pieces, step));
}

/// Applies a stream that comes in pieces ending at `ends`, units of `enough` bytes at a time.
fn follow(bytes: &[u8], ends: impl IntoIterator<Item = usize>, enough: usize) -> Came {
    let keyspace = Keyspace::new(DATABASES);
    let (mut units, mut begin, mut database) = (Units::new(), 0, 0);
    let mut end = None;
    'pieces: for piece in ends {
        loop {
            let buffer = &bytes[begin..piece];
            let whole = match units.find(buffer, enough) {
                Ok(0) => break,
                Ok(whole) => whole,
                Err(error) => {
                    end = Some(End::Garbled(begin, error.to_string()));
                    break 'pieces;
                }
            };
            check_marks(&units, buffer);
            let at = BASE.advanced(begin as u64);
            let taken = (&buffer[..whole], at);
            let mut locked = keyspace.lock_all();
            let (none, mut untold) = (Division::None, Events::default());
            match apply_units(&mut locked, &keyspace, &Nobody, taken, database, none, &mut untold) {
                Ok(applied) => database = applied.database,
                Err(error) => {
                    // Which database is selected there is told by nothing.
                    database = 0;
                    end = Some(End::Refused(error.to_string()));
                    break 'pieces;
                }
            }
            assert!(database < DATABASES);
            units.taken();
            begin += whole;
        }
    }
    Came { data: digest(&keyspace), database, end: end.unwrap_or(End::Open(begin)) }
}

/// Marks take memory: there are no more than commands, and each is where a command begins.
fn check_marks(units: &Units, buffer: &[u8]) {
    let marks = units.marks();
    assert!(marks.len() * MARKED_BYTES_MIN <= buffer.len());
    for mark in marks {
        if let Mark::Message { at } = *mark {
            assert_eq!(buffer[at], b'*');
        }
    }
}

fn digest(keyspace: &Keyspace) -> Digest {
    let (mut digest, mut locked) = (Digest::default(), keyspace.lock_all());
    for database in 0..DATABASES {
        digest.mix_database(database, &locked.db(database));
    }
    digest
}
