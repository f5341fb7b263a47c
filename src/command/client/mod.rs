//! `CLIENT`: what a connection tells of itself and of the others, and how it steers them.

mod kill;
mod line;
mod unblock;

use std::sync::atomic::Ordering::Relaxed;

use crate::number::parse_i64_strict;

use super::host::PauseScope;
use super::session::{ClientInfo, ReplyMode, flag};
use super::{Call, Fault, Flow, help};

pub use super::tracking::{client_caching, client_getredir, client_tracking, client_trackinginfo};
pub use kill::client_kill;
pub use line::describe;
pub use unblock::client_unblock;

/// The classes that `TYPE` tells clients apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientType {
    Normal,
    Replica,
    Subscriber,
    Primary,
}

impl ClientType {
    fn read(word: &[u8]) -> Result<Self, Fault> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Self::Normal),
            b"slave" | b"replica" => Ok(Self::Replica),
            b"pubsub" => Ok(Self::Subscriber),
            b"master" => Ok(Self::Primary),
            _ => Err(Fault::quoting("ERR Unknown client type '", word, "'")),
        }
    }

    fn of(client: &ClientInfo) -> Self {
        let flags = client.flags.load(Relaxed);
        if flags & flag::REPLICA != 0 {
            Self::Replica
        } else if flags & flag::SUBSCRIBER != 0 {
            Self::Subscriber
        } else {
            Self::Normal
        }
    }
}

/// `CLIENT HELP`.
pub fn client_help(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    help::subcommands(call)
}

/// `CLIENT ID`.
pub fn client_id(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.reply.integer(call.session.info.id as i64);
    Ok(Flow::Done)
}

/// `CLIENT INFO`.
pub fn client_info(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let text = line::describe(&call.session.info, call.data.now_ms);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// `CLIENT LIST [TYPE type] [ID id …]`.
pub fn client_list(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let args = call.args;
    let clients = call.host.clients();
    let now_ms = call.data.now_ms;
    let lines = |wanted: &dyn Fn(&ClientInfo) -> bool| -> String {
        let wanted = clients.iter().filter(|client| wanted(client));
        wanted.map(|client| line::describe(client, now_ms)).collect()
    };
    let option = args.get(2).map(<[u8]>::to_ascii_lowercase);
    let text = match (option.as_deref(), args.len()) {
        (None, _) => lines(&|_| true),
        (Some(b"type"), 4) => {
            let class = ClientType::read(args.word(3))?;
            lines(&|client| ClientType::of(client) == class)
        }
        (Some(b"id"), 4..) => {
            let ids = args.from(3).iter().map(parse_i64_strict).collect::<Option<Vec<_>>>();
            let ids = ids.ok_or(Fault::fixed("ERR Invalid client ID"))?;
            let of_id = |id: &i64| lines(&|client| client.id as i64 == *id);
            ids.iter().map(of_id).collect()
        }
        _ => return Err(Fault::SYNTAX),
    };
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// `CLIENT GETNAME`.
pub fn client_getname(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let names = call.session.info.names.lock();
    let name = Some(names.name.as_bytes()).filter(|name| !name.is_empty());
    call.reply.bulk_or_null(name);
    Ok(Flow::Done)
}

/// `CLIENT SETNAME name`.
pub fn client_setname(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let name = call.args.word(2);
    check_name(name)?;
    call.session.info.names.lock().name = String::from_utf8_lossy(name).into_owned();
    call.reply.ok();
    Ok(Flow::Done)
}

/// Refuses a client's name that would break the lines of `CLIENT LIST`.
pub(super) fn check_name(name: &[u8]) -> Result<(), Fault> {
    if is_printable(name) {
        return Ok(());
    }
    let text = "ERR Client names cannot contain spaces, newlines or special characters.";
    Err(Fault::fixed(text))
}

fn is_printable(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_graphic)
}

/// `CLIENT SETINFO LIB-NAME name | LIB-VER version`.
pub fn client_setinfo(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (option, value) = (call.args.word(2), call.args.word(3));
    let mut names = call.session.info.names.lock();
    let place = match option.to_ascii_lowercase().as_slice() {
        b"lib-name" => &mut names.library,
        b"lib-ver" => &mut names.library_version,
        _ => return Err(Fault::quoting("ERR Unrecognized option '", option, "'")),
    };
    if !is_printable(value) {
        let after = " cannot contain spaces, newlines or special characters.";
        return Err(Fault::quoting("ERR ", option, after));
    }
    *place = String::from_utf8_lossy(value).into_owned();
    drop(names);
    call.reply.ok();
    Ok(Flow::Done)
}

/// What is said of more words than a subcommand takes.
fn too_many_words(name: &[u8]) -> Fault {
    let what = "ERR unknown subcommand or wrong number of arguments for '";
    Fault::quoting(what, name, "'. Try CLIENT HELP.")
}

/// `CLIENT PAUSE timeout [WRITE | ALL]`.
pub fn client_pause(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let args = call.args;
    if args.len() > 4 {
        return Err(too_many_words(args.word(1)));
    }
    let scope = match args.get(3).map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"all") => PauseScope::All,
        Some(b"write") => PauseScope::Writes,
        Some(_) => return Err(Fault::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let timeout = parse_i64_strict(args.word(2))
        .ok_or(Fault::fixed("ERR timeout is not an integer or out of range"))?;
    if timeout < 0 {
        return Err(Fault::fixed("ERR timeout is negative"));
    }
    call.host.pause(call.data.now_ms.saturating_add(timeout), scope);
    call.reply.ok();
    Ok(Flow::Done)
}

/// `CLIENT UNPAUSE`.
pub fn client_unpause(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    call.host.unpause();
    call.reply.ok();
    Ok(Flow::Done)
}

/// `CLIENT REPLY ON | OFF | SKIP`; only `ON` is answered.
pub fn client_reply(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    match call.args.word(2).to_ascii_lowercase().as_slice() {
        b"on" => {
            call.session.reply = ReplyMode::On;
            call.reply.ok();
        }
        b"off" => call.session.reply = ReplyMode::Off,
        b"skip" if call.session.reply == ReplyMode::Off => {}
        b"skip" => call.session.reply = ReplyMode::SkipNext,
        _ => return Err(Fault::SYNTAX),
    }
    Ok(Flow::Done)
}

/// `CLIENT NO-EVICT ON | OFF`.
pub fn client_no_evict(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let on = read_switch(call.args.word(2))?;
    set_flag(&call.session.info, flag::NO_EVICT, on);
    call.reply.ok();
    Ok(Flow::Done)
}

/// `CLIENT NO-TOUCH ON | OFF`.
pub fn client_no_touch(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let on = read_switch(call.args.word(2))?;
    call.session.no_touch = on == Switch::On;
    set_flag(&call.session.info, flag::NO_TOUCH, on);
    call.reply.ok();
    Ok(Flow::Done)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Switch {
    On,
    Off,
}

fn read_switch(word: &[u8]) -> Result<Switch, Fault> {
    match word.to_ascii_lowercase().as_slice() {
        b"on" => Ok(Switch::On),
        b"off" => Ok(Switch::Off),
        _ => Err(Fault::SYNTAX),
    }
}

fn set_flag(client: &ClientInfo, bit: u64, switch: Switch) {
    match switch {
        Switch::On => client.flags.fetch_or(bit, Relaxed),
        Switch::Off => client.flags.fetch_and(!bit, Relaxed),
    };
}

#[cfg(test)]
mod tests;
