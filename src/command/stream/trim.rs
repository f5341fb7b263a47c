//! Trims streams: `XTRIM`, and the options that it shares with `XADD`.

use super::id::{Wanted, parse, parse_wanted};
use crate::command::{Call, Classes, Fault, Flow, Mode};
use crate::keyspace::{Key, Limits, Stream, StreamId, Trim, TrimTo};
use crate::net::Args;
use crate::number::parse_i64_strict;

const BOTH: Fault =
    Fault::fixed("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
const NEGATIVE_LENGTH: Fault = Fault::fixed("ERR The MAXLEN argument must be >= 0.");
const NEGATIVE_LIMIT: Fault = Fault::fixed("ERR The LIMIT argument must be >= 0.");
const LIMIT_OF_NOTHING: Fault =
    Fault::fixed("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
const NOTHING_TO_TRIM: Fault =
    Fault::fixed("ERR syntax error, XTRIM must be called with a trimming strategy");
const LIMIT_OF_EXACT: Fault =
    Fault::fixed("ERR syntax error, LIMIT cannot be used without the special ~ option");

/// The packs from which on what was trimmed is freed elsewhere.
const PACKS_LATER: usize = 16;
/// The packs that one command trims, unless it says how much.
const PACKS_MAX: u64 = 100;
/// The entries that one command trims where packs may have any number of them, and at most otherwise.
const ENTRIES_DEFAULT: u64 = 10_000;
const ENTRIES_MAX: u64 = 1_000_000;

/// Which command has the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Add,
    Trim,
}

/// The options in front of the ID of an entry that is added, or of `XTRIM`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// What is to be trimmed.
    pub(super) trim: Option<Trim>,
    /// The words that tell it, from the name of the strategy on.
    trim_at: usize,
    trim_end: usize,
    /// Whether a stream that is not there is left so.
    pub(super) needs_stream: bool,
    /// The ID of the entry, with the index of its word; none for one that the server gives.
    pub(super) id: (Option<Wanted>, usize),
}

/// `XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]`: how many entries went.
pub fn xtrim(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let limits = call.data.keyspace.limits();
    let options = Options::parse(&call.args, Of::Trim, (limits, call.data.mode))?;
    let Some(trim) = options.trim else { return Err(NOTHING_TO_TRIM) };
    let key = call.key(1);
    if call.data.peek_stream(&key)?.is_none() {
        call.reply.integer(0);
        return Ok(Flow::Done);
    }
    let (removed, told) = trim_now(call, &key, trim);
    if removed > 0 {
        call.data.changed_unawaited(&key, removed);
        call.data.notify(Classes::STREAM, "xtrim", &key);
        if trim.is_approximate {
            call.data.effect.rewrite(&options.rewritten(&call.args, &told, None));
        }
    }
    call.reply.integer(removed as i64);
    Ok(Flow::Done)
}

/// Trims a stream that is there; returns how many entries went, and up to where as a word.
pub(super) fn trim_now(call: &mut Call<'_, '_>, key: &Key<'_>, trim: Trim) -> (u64, String) {
    let clock = call.data.clock();
    let mut db = call.data.db();
    let Some(stream) = db.stream_mut(key, clock) else { unreachable!("the stream is there") };
    let (removed, cut) = stream.trim(trim);
    let told = threshold(stream, trim.to);
    if let Some(cut) = cut.filter(|cut| cut.packs_count() >= PACKS_LATER) {
        call.host.drop_later(Box::new(cut));
    }
    (removed, told)
}

/// Spells the threshold that would have led to what a stream is now.
fn threshold(stream: &Stream, to: TrimTo) -> String {
    match to {
        TrimTo::Length(_) => stream.len().to_string(),
        TrimTo::Id(_) if stream.is_empty() => StreamId::MAX.to_string(),
        TrimTo::Id(_) => stream.counters().first_id.to_string(),
    }
}

impl Options {
    pub(super) fn parse(
        words: &Args<'_>,
        of: Of,
        (limits, mode): (&Limits, Mode),
    ) -> Result<Self, Fault> {
        let (mut to, mut is_approximate, mut limit) = (None, false, None);
        let mut options = Self {
            trim: None,
            trim_at: 0,
            trim_end: 0,
            needs_stream: false,
            id: (None, words.len()),
        };
        let mut at = 2;
        while let Some(word) = words.get(at) {
            let is = |option: &[u8]| word.eq_ignore_ascii_case(option);
            let next = words.get(at + 1);
            let strategy = match next {
                Some(_) if is(b"MAXLEN") => Some(Strategy::Length),
                Some(_) if is(b"MINID") => Some(Strategy::Id),
                _ => None,
            };
            if of == Of::Add && word == b"*" {
                options.id = (None, at);
                break;
            } else if let Some(strategy) = strategy {
                if to.is_some() {
                    return Err(BOTH);
                }
                options.trim_at = at;
                let marked = words.get(at + 2).is_some() && matches!(next, Some(b"~" | b"="));
                is_approximate = marked && next == Some(b"~");
                at += if marked { 2 } else { 1 };
                to = Some(strategy.threshold(words.word(at))?);
                options.trim_end = at + 1;
            } else if let Some(next) = next.filter(|_| is(b"LIMIT")) {
                let count = parse_i64_strict(next).ok_or(Fault::NOT_AN_INTEGER)?;
                limit = Some(u64::try_from(count).map_err(|_| NEGATIVE_LIMIT)?);
                at += 1;
            } else if of == Of::Trim {
                return Err(Fault::SYNTAX);
            } else if is(b"NOMKSTREAM") {
                options.needs_stream = true;
            } else {
                options.id = (Some(parse_wanted(word)?), at);
                break;
            }
            at += 1;
        }
        let Some(to) = to else {
            return match (limit, of) {
                (Some(1..), _) => Err(LIMIT_OF_NOTHING),
                (_, Of::Trim) => Err(NOTHING_TO_TRIM),
                (None, Of::Add) => Ok(options),
                (Some(0), Of::Add) => Err(LIMIT_OF_EXACT),
            };
        };
        let limit = match limit {
            // What is replayed says exactly what it did.
            _ if mode == Mode::Replay => 0,
            Some(_) if !is_approximate => return Err(LIMIT_OF_EXACT),
            Some(limit) => limit,
            None if is_approximate => default_limit(limits),
            None => 0,
        };
        options.trim = Some(Trim { to, is_approximate, limit });
        Ok(options)
    }

    /// The words of the request as they go into the stream, where only what has gone is said.
    pub(super) fn rewritten<'a>(
        &self,
        words: &Args<'a>,
        threshold: &'a str,
        id: Option<&'a str>,
    ) -> Vec<&'a [u8]> {
        let is_approximate = self.trim.is_some_and(|trim| trim.is_approximate);
        let mut told = Vec::with_capacity(words.len());
        let mut at = 0;
        while at < self.id.1 {
            let word = words.word(at);
            if is_approximate && at == self.trim_at {
                told.extend([word, b"=", threshold.as_bytes()]);
                at = self.trim_end;
                continue;
            }
            if is_approximate && at >= 2 && word.eq_ignore_ascii_case(b"LIMIT") {
                at += 2;
                continue;
            }
            told.push(word);
            at += 1;
        }
        if let Some(id) = id {
            told.push(id.as_bytes());
            told.extend(words.from(self.id.1 + 1).iter());
        }
        told
    }
}

/// What a stream is trimmed by.
#[derive(Clone, Copy)]
enum Strategy {
    Length,
    Id,
}

impl Strategy {
    fn threshold(self, word: &[u8]) -> Result<TrimTo, Fault> {
        match self {
            Self::Length => {
                let length = parse_i64_strict(word).ok_or(Fault::NOT_AN_INTEGER)?;
                u64::try_from(length).map(TrimTo::Length).map_err(|_| NEGATIVE_LENGTH)
            }
            Self::Id => parse(word).map(TrimTo::Id),
        }
    }
}

fn default_limit(limits: &Limits) -> u64 {
    match (limits.stream_node_entries_max() as u64).saturating_mul(PACKS_MAX) {
        0 => ENTRIES_DEFAULT,
        entries => entries.min(ENTRIES_MAX),
    }
}
