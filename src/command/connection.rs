//! Commands of the connection itself: who speaks, in which protocol, to which database.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::net::reply::Protocol;
use crate::number::parse_i64_strict;

use super::acl;
use super::client::check_name;
use super::host::RoleReport;
use super::session::{ReplyMode, Session, flag};
use super::{Call, Fault, Flow, REDIS_VERSION};

const WRONG_PASSWORD: Fault =
    Fault::fixed("WRONGPASS invalid username-password pair or user is disabled.");
const NO_PASSWORD_SET: Fault = Fault::fixed(
    "ERR AUTH <password> called without any password configured for the default user. \
     Are you sure your configuration is correct?",
);
const HELLO_NEEDS_AUTH: Fault = Fault::fixed(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO \
     <proto> AUTH <user> <pass> option can be used to authenticate the client and select the \
     RESP protocol version at the same time",
);

/// `PING [message]`; answered by a message of its own where other replies are not expected.
pub fn ping(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    match call.args.len() {
        1 | 2 if call.session.only_listens() => {
            call.reply.array(2);
            call.reply.bulk(b"pong");
            call.reply.bulk(call.args.get(1).unwrap_or_default());
        }
        1 => call.reply.simple("PONG"),
        2 => call.reply.bulk(call.args.word(1)),
        _ => return Err(Fault::fixed("ERR wrong number of arguments for 'ping' command")),
    }
    Ok(Flow::Done)
}

/// `ECHO message`.
pub fn echo(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.bulk(call.args.word(1));
    Ok(Flow::Done)
}

/// `QUIT`.
pub fn quit(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    // Nothing comes behind the reply.
    call.session.unsubscribe_all();
    call.reply.ok();
    Ok(Flow::Close)
}

/// `SELECT index`.
pub fn select(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let index = parse_i64_strict(call.args.word(1)).ok_or(Fault::NOT_AN_INTEGER)?;
    if i32::try_from(index).is_err() {
        let (least, most) = (i32::MIN, i32::MAX);
        let text = format!("ERR value is out of range, value must between {least} and {most}");
        return Err(Fault::of(text));
    }
    let index = usize::try_from(index).ok().filter(|index| *index < call.data.keyspace.databases());
    use_database(call.session, index.ok_or(Fault::DB_INDEX)?);
    call.reply.ok();
    Ok(Flow::Done)
}

fn use_database(session: &mut Session, index: usize) {
    session.database = index;
    session.info.database.store(index, Relaxed);
}

/// `AUTH [username] password`.
pub fn auth(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let args = call.args;
    match args.len() {
        2 => log_in(call, None, args.word(1))?,
        3 => log_in(call, Some(args.word(1)), args.word(2))?,
        _ => return Err(Fault::SYNTAX),
    }
    call.reply.ok();
    Ok(Flow::Done)
}

fn log_in(call: &mut Call<'_, '_>, user: Option<&[u8]>, password: &[u8]) -> Result<(), Fault> {
    let users = call.host.users().current();
    if user.is_none() && users.default_user().takes_any_password() {
        return Err(NO_PASSWORD_SET);
    }
    let name = user.unwrap_or(acl::DEFAULT);
    let Some(user) = users.find(name).filter(|user| user.takes(password)) else {
        acl::note_login(call, name);
        return Err(WRONG_PASSWORD);
    };
    call.session.log_in(Arc::clone(user), &users);
    Ok(())
}

/// `HELLO [protover [AUTH username password] [SETNAME clientname]]`.
pub fn hello(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let options = HelloOptions::read(call)?;
    if let Some((user, password)) = options.login {
        log_in(call, Some(user), password)?;
    }
    if !call.session.authenticated {
        return Err(HELLO_NEEDS_AUTH);
    }
    if let Some(name) = options.name {
        call.session.info.names.lock().name = String::from_utf8_lossy(name).into_owned();
    }
    if let Some(protocol) = options.protocol {
        use_protocol(call.session, protocol);
        if protocol == Protocol::Resp3 {
            // Others may have it told of keys that were changed.
            call.session.subscriber(call.host.hub());
        }
        call.reply.set_protocol(protocol);
    }
    introduce(call);
    Ok(Flow::Done)
}

/// What `HELLO` was told.
struct HelloOptions<'a> {
    protocol: Option<Protocol>,
    login: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> HelloOptions<'a> {
    fn read(call: &Call<'a, '_>) -> Result<Self, Fault> {
        let args = call.args;
        let mut options = Self { protocol: None, login: None, name: None };
        let Some(version) = args.get(1) else { return Ok(options) };
        options.protocol = match parse_i64_strict(version) {
            Some(2) => Some(Protocol::Resp2),
            Some(3) => Some(Protocol::Resp3),
            Some(_) => return Err(Fault::fixed("NOPROTO unsupported protocol version")),
            None => {
                let text = "ERR Protocol version is not an integer or out of range";
                return Err(Fault::fixed(text));
            }
        };
        let mut at = 2;
        while let Some(option) = args.get(at) {
            match (option.to_ascii_lowercase().as_slice(), args.get(at + 1), args.get(at + 2)) {
                (b"auth", Some(user), Some(password)) => {
                    options.login = Some((user, password));
                    at += 3;
                }
                (b"setname", Some(name), _) => {
                    check_name(name)?;
                    options.name = Some(name);
                    at += 2;
                }
                _ => return Err(Fault::quoting("ERR Syntax error in HELLO option '", option, "'")),
            }
        }
        Ok(options)
    }
}

fn use_protocol(session: &mut Session, protocol: Protocol) {
    session.protocol = protocol;
    session.info.protocol.store(version_of(protocol), Relaxed);
    if let Some(subscriber) = &session.subscriber {
        subscriber.mailbox().set_protocol(protocol, &mut session.ahead);
    }
}

fn version_of(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    }
}

fn introduce(call: &mut Call<'_, '_>) {
    let role = match call.host.role() {
        RoleReport::Primary { .. } => "master",
        RoleReport::Replica { .. } => "replica",
    };
    let reply = &mut call.reply;
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.count(version_of(call.session.protocol));
    reply.bulk(b"id");
    reply.integer(call.session.info.id as i64);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(role.as_bytes());
    reply.bulk(b"modules");
    reply.array(0);
}

/// `RESET`: the connection becomes what it was when it was opened.
pub fn reset(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const CLEARED: u64 = flag::TRANSACTION | flag::NO_EVICT | flag::NO_TOUCH | flag::MONITOR;
    let session = &mut *call.session;
    if session.info.flags.load(Relaxed) & flag::REPLICA != 0 {
        return Err(Fault::fixed("ERR can only reset normal client connections"));
    }
    session.transaction = None;
    session.unwatch_all(call.data.keyspace);
    session.unsubscribe_all();
    session.end_tracking();
    session.become_default(&call.host.users().current());
    session.reply = ReplyMode::On;
    session.no_touch = false;
    session.info.queued.store(-1, Relaxed);
    session.info.holdings.queued.store(0, Relaxed);
    session.info.flags.fetch_and(!CLEARED, Relaxed);
    session.info.names.lock().name.clear();
    use_database(session, 0);
    use_protocol(session, Protocol::Resp2);
    call.reply.set_protocol(Protocol::Resp2);
    call.reply.simple("RESET");
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests;
