//! `MIGRATE`: keys that go to another server.

use std::time::Duration;

use crate::command::flow::{Login, Migration, Request, Sent};
use crate::command::{Call, Fault, Flow, stored};
use crate::keyspace::Key;
use crate::net::Args;
use crate::number::parse_i64_strict;
use crate::snapshot::rdb::{Options, payload};

use super::look::look;

const NOT_EMPTY: Fault = Fault::fixed(
    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
);
/// How long the target may be silent where the request says nothing of use.
const TIMEOUT_MS: i64 = 1000;

/// The words behind the timeout.
#[derive(Debug, Default)]
struct Choices {
    copy: bool,
    replace: bool,
    login: Option<Login>,
    /// Where the first of several keys is.
    keys_from: Option<usize>,
}

/// Runs `MIGRATE`: takes down what the keys hold, and leaves it to the server to send that.
///
/// No shard is held while the target is waited for, so others may write meanwhile. A key is removed
/// here once the target has it, and only if it still holds what was sent: no write is ever lost, but
/// a key that changed is then on both servers, and the answer says so.
pub fn migrate(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let args = call.args;
    let choices = Choices::parse(&args)?;
    if choices.keys_from.is_some() && !args.word(3).is_empty() {
        return Err(NOT_EMPTY);
    }
    let timeout_ms = parse_i64_strict(args.word(5)).ok_or(Fault::NOT_AN_INTEGER)?;
    let target_database = parse_i64_strict(args.word(4)).ok_or(Fault::NOT_AN_INTEGER)?;
    let places = match choices.keys_from {
        Some(first) => first..args.len(),
        None => 3..4,
    };
    let options = call.host.rdb_options();
    let mut keys = Vec::new();
    for place in places {
        keys.extend(take_down(call, &call.key(place), options)?);
    }
    if keys.is_empty() {
        call.reply.simple("NOKEY");
        return Ok(Flow::Done);
    }
    Ok(Flow::ask(Request::Migrate(Box::new(Migration {
        host: String::from_utf8_lossy(args.word(1)).into_owned(),
        port: String::from_utf8_lossy(args.word(2)).into_owned(),
        target_database,
        timeout: Duration::from_millis(if timeout_ms > 0 { timeout_ms } else { TIMEOUT_MS } as u64),
        copy: choices.copy,
        replace: choices.replace,
        login: choices.login,
        database: call.data.database,
        options,
        keys,
    }))))
}

/// Encodes what a key holds, if it is there.
fn take_down(
    call: &mut Call<'_, '_>,
    key: &Key<'_>,
    options: Options,
) -> Result<Option<Sent>, Fault> {
    if !call.data.is_live(key) {
        return Ok(None);
    }
    let now_ms = call.data.now_ms;
    let Some(entry) = look(&mut call.data, key) else { return Ok(None) };
    let expiry_ms = entry.expiry();
    let payload = payload::encode(options, |encoder| stored::encode(encoder, &entry))
        .map_err(|error| Fault::of(format!("ERR {error}")))?;
    let ttl_ms = expiry_ms.map_or(0, |at_ms| at_ms.saturating_sub(now_ms).max(1));
    Ok(Some(Sent { key: key.bytes().to_vec(), payload, expiry_ms, ttl_ms }))
}

impl Choices {
    fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        let mut choices = Self::default();
        let mut place = 6;
        while let Some(word) = args.get(place) {
            let follows = |more: usize| args.get(place + more).map(<[u8]>::to_vec);
            if word.eq_ignore_ascii_case(b"COPY") {
                choices.copy = true;
            } else if word.eq_ignore_ascii_case(b"REPLACE") {
                choices.replace = true;
            } else if word.eq_ignore_ascii_case(b"AUTH") {
                let password = follows(1).ok_or(Fault::SYNTAX)?;
                choices.login = Some(Login { user: None, password });
                place += 1;
            } else if word.eq_ignore_ascii_case(b"AUTH2") {
                let user = follows(1);
                let password = follows(2).ok_or(Fault::SYNTAX)?;
                choices.login = Some(Login { user, password });
                place += 2;
            } else if word.eq_ignore_ascii_case(b"KEYS") {
                choices.keys_from = Some(place + 1);
                break;
            } else {
                return Err(Fault::SYNTAX);
            }
            place += 1;
        }
        Ok(choices)
    }
}
