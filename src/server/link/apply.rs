//! Applying the primary's stream: whole units, to the data and to the log in one step.

use bytes::{Buf, BytesMut};

use crate::command::Mode;
use crate::command::pubsub::Kind;
use crate::command::{Classes, Events};
use crate::keyspace::Locked;
use crate::log::Log;
use crate::net::{Parsed, Parser, Peer};
use crate::number::parse_i64_strict;
use crate::position::Offset;
use crate::replication::stream::Stream;
use crate::replication::units::{Mark, Units};
use crate::server::blocking::Serving;
use crate::server::clock::unix_ms;
use crate::server::replay::{Division, apply_units};
use crate::server::restore::RestoreError;
use crate::server::{Server, delivery, monitor, recovery};

use super::LinkError;

/// So much is applied at once, while nobody reads.
const BATCH_BYTES: usize = 64 * 1024;
/// With so much waiting, the replica is behind, and all cores help.
const BEHIND_BYTES: usize = 1024 * 1024;

/// Applies one connection's stream.
pub struct Applying {
    units: Units,
    /// The database selected where the stream is at.
    database: usize,
    /// The address of the primary, which monitors are shown.
    origin: String,
    /// So many bytes are still to be applied one unit at a time, after an error, to find its place.
    careful_bytes: usize,
}

/// What a buffer came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Came {
    /// How many bytes were applied.
    pub bytes: usize,
    /// Whether the primary asked how far we are.
    pub asked: bool,
}

impl Applying {
    /// Goes on where `stream` ends, with what comes from the primary at `origin`.
    pub fn new(stream: &Stream, origin: String) -> Self {
        let (_, database) = stream.end();
        Self { units: Units::new(), database, origin, careful_bytes: 0 }
    }

    /// As [`Self::new`], where the last attempt ended with an error: the unit to blame begins within
    /// one batch, and what comes before it is to count.
    pub fn carefully(stream: &Stream, origin: String) -> Self {
        Self { careful_bytes: BEHIND_BYTES, ..Self::new(stream, origin) }
    }

    /// Applies the whole units in `buffer` and takes them out of it.
    pub fn take(
        &mut self,
        server: &Server,
        stream: &Stream,
        buffer: &mut BytesMut,
    ) -> Result<Came, LinkError> {
        let mut came = Came::default();
        let was_behind = buffer.len() >= BEHIND_BYTES;
        loop {
            let is_careful = self.careful_bytes > 0;
            let wants_events = !server.wanted_events().is_empty();
            let is_behind = was_behind && !wants_events && buffer.len() >= BEHIND_BYTES / 4;
            let (enough, division) = match (is_careful, is_behind) {
                (true, _) => (1, Division::None),
                (false, true) => (BEHIND_BYTES, Division::Threads),
                (false, false) => (BATCH_BYTES, Division::None),
            };
            let whole = self.units.find(buffer, enough)?;
            if whole == 0 {
                return Ok(came);
            }
            self.apply(server, stream, &buffer[..whole], division)?;
            for mark in self.units.marks().iter().filter(|mark| mark.at() < whole) {
                match *mark {
                    Mark::AskForAcknowledgement { .. } => came.asked = true,
                    Mark::Message { at } => deliver(server, &buffer[at..whole]),
                }
            }
            self.units.taken();
            buffer.advance(whole);
            self.careful_bytes = self.careful_bytes.saturating_sub(whole);
            came.bytes += whole;
        }
    }

    fn apply(
        &mut self,
        server: &Server,
        stream: &Stream,
        units: &[u8],
        division: Division,
    ) -> Result<(), LinkError> {
        let log = stream.log();
        let bytes = units.len() as u64 * 2;
        let _room = if log.is_ordinary(bytes) {
            log.admission()?;
            None
        } else {
            Some(log.secure(bytes)?)
        };
        if server.live.disk_is_short() {
            return Err(LinkError::DiskShort);
        }
        let mut locked = server.keyspace.lock_all();
        let base = log.written();
        // With fewer databases than at the last start the one that was selected may be none of them.
        let (database, databases) = (self.database as u64, server.keyspace.databases());
        if self.database >= databases {
            let error = RestoreError::LogDatabase { database, at: base, databases };
            return Err(LinkError::Apply(error));
        }
        let mut events = Events::wanting(match division {
            Division::None => server.wanted_events(),
            Division::Threads => Classes::NONE,
        });
        let applied = apply_units(
            &mut locked,
            &server.keyspace,
            server,
            (units, base),
            self.database,
            division,
            &mut events,
        );
        match applied {
            Ok(applied) => {
                append(server, stream, units, applied.database)?;
                if server.hub.has_monitors() {
                    monitor::show_units(server, units, self.database, &self.origin);
                    server.hub.ring();
                }
                self.database = applied.database;
                server.live.changed(applied.changes);
                tell(server, &events);
                if locked.has_ready() {
                    let facts = (Mode::Reader, unix_ms(), false);
                    let left = Serving::new((server, None), &mut locked, facts).serve();
                    debug_assert!(left.is_empty(), "all shards are held");
                }
                Ok(())
            }
            Err(error) if division == Division::None => {
                self.keep_whole(server, stream, &mut locked, (units, base), (&error, events))?;
                Err(LinkError::Apply(error))
            }
            Err(error) => {
                // Some of it is applied, and which is not known.
                restore(server, stream, &mut locked);
                Err(LinkError::Apply(error))
            }
        }
    }

    /// Keeps the whole units before the one that failed; half a unit is undone.
    fn keep_whole(
        &mut self,
        server: &Server,
        stream: &Stream,
        locked: &mut Locked<'_>,
        (units, base): (&[u8], Offset),
        (error, mut events): (&RestoreError, Events),
    ) -> Result<(), LinkError> {
        let failed = error.at().map_or(0, |at| at.since(base) as usize);
        let begin = unit_at(units, failed);
        if begin < failed {
            // What its transaction did before cannot be taken back one by one.
            restore(server, stream, locked);
            let (before, none) = ((&units[..begin], base), Division::None);
            let (keyspace, database) = (&server.keyspace, self.database);
            events.clear();
            let again = apply_units(locked, keyspace, server, before, database, none, &mut events);
            if again.is_err() {
                // The units before it are sent again.
                restore(server, stream, locked);
                return Ok(());
            }
        }
        if begin > 0 {
            self.database = selected_behind(&units[..begin], self.database);
            append(server, stream, &units[..begin], self.database)?;
            tell(server, &events);
        }
        Ok(())
    }
}

/// Hands events of what was applied to those who subscribe here; every shard is held.
fn tell(server: &Server, events: &Events) {
    if !events.is_empty() {
        delivery::deliver_events(&server.hub, events, unix_ms());
        server.hub.ring();
    }
}

/// Hands a message to those who subscribe here: the command at the beginning of `bytes`.
fn deliver(server: &Server, bytes: &[u8]) {
    let mut parser = Parser::new(Peer::Upstream, usize::MAX);
    let Ok(Parsed::Command { .. }) = parser.parse(bytes) else {
        unreachable!("it was found to be whole")
    };
    let args = parser.args(bytes);
    let [name, channel, text] = [0, 1, 2].map(|word| args.get(word).unwrap_or_default());
    let kind = if name.len() == b"PUBLISH".len() { Kind::Channel } else { Kind::ShardChannel };
    server.publish_from_stream(kind, channel, text);
}

/// Appends what was applied. Should that not be possible memory and log differ, and the server ends.
fn append(
    server: &Server,
    stream: &Stream,
    units: &[u8],
    database: usize,
) -> Result<(), LinkError> {
    match stream.append_verbatim(units, database).map_err(LinkError::of_append) {
        Ok(_) => Ok(()),
        Err(LinkError::Stopped) => Err(LinkError::Stopped),
        Err(error) => server.fail("cannot append to the log", &error),
    }
}

/// Brings the data back to what the log says.
fn restore(server: &Server, stream: &Stream, locked: &mut Locked<'_>) {
    tracing::warn!(
        "half of what could not be applied is undone: the data is restored from the log"
    );
    // Nobody shall wait for the shards that are held meanwhile.
    server.live.set_loading(true);
    if let Err(error) = recovery::restore(server, stream, locked) {
        server.fail("cannot restore the data", &error);
    }
    server.live.set_loading(false);
}

/// Finds where the unit begins that has the command at `place`.
fn unit_at(units: &[u8], place: usize) -> usize {
    let (mut found, mut begin) = (Units::new(), 0);
    // They were found to be whole before.
    while let Ok(end) = found.find(units, begin + 1)
        && end <= place
        && end > begin
    {
        begin = end;
    }
    begin
}

/// The database that is selected behind whole units.
fn selected_behind(units: &[u8], mut database: usize) -> usize {
    let (mut parser, mut at) = (Parser::new(Peer::Upstream, usize::MAX), 0);
    while let Ok(Parsed::Command { consumed } | Parsed::Empty { consumed }) =
        parser.parse(&units[at..])
    {
        let args = parser.args(&units[at..]);
        if args.get(0).is_some_and(|name| name.eq_ignore_ascii_case(b"select")) {
            let selected = args.get(1).and_then(parse_i64_strict);
            database = selected.and_then(|db| db.try_into().ok()).unwrap_or(database);
        }
        at += consumed;
    }
    database
}

/// How far everything is durable, as `REPLCONF ACK … FACK …` says.
pub fn acknowledgement(log: &Log) -> String {
    let (applied, durable) = (log.sealed().to_string(), log.durable().to_string());
    let words = ["REPLCONF", "ACK", &applied, "FACK", &durable];
    let mut bytes = Vec::new();
    crate::net::wire::put_command(&mut bytes, &words);
    String::from_utf8(bytes).expect("words of letters and digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SELECT: &str = "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n";
    const SET: &str = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";

    #[test]
    fn the_unit_of_a_command_begins_at_its_transaction() {
        let transaction = format!("*1\r\n$5\r\nMULTI\r\n{SET}*1\r\n$4\r\nEXEC\r\n");
        let units = format!("{SET}{transaction}{SET}");
        let second = SET.len();
        assert_eq!(unit_at(units.as_bytes(), 0), 0);
        assert_eq!(unit_at(units.as_bytes(), second + 15), second);
        assert_eq!(unit_at(units.as_bytes(), second + transaction.len()), units.len() - SET.len());
    }

    #[test]
    fn the_last_selection_counts() {
        assert_eq!(selected_behind(format!("{SET}{SELECT}{SET}").as_bytes(), 1), 3);
        assert_eq!(selected_behind(SET.as_bytes(), 1), 1);
    }
}
