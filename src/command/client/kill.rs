//! `CLIENT KILL`, by address or by filters.

use std::sync::atomic::Ordering::Relaxed;

use crate::command::acl::Users;
use crate::command::session::{ClientInfo, flag};
use crate::command::{Call, Fault, Flow};
use crate::net::args::Args;
use crate::number::parse_i64_strict;

use super::ClientType;

/// `CLIENT KILL address | filter value …`.
pub fn client_kill(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let by_address_only = call.args.len() == 3;
    let filter = if by_address_only {
        Filter { address: call.args.get(2), ..Filter::default() }
    } else {
        Filter::read(&call.args, call.host.users())?
    };
    let own_id = call.session.info.id;
    let mut killed = 0;
    let mut flow = Flow::Done;
    for client in call.host.clients() {
        if !filter.takes(&client, own_id) {
            continue;
        }
        killed += 1;
        if client.id == own_id {
            flow = Flow::Close;
        } else {
            client.flags.fetch_or(flag::KILLED, Relaxed);
            client.kill.notify_one();
        }
    }
    match (by_address_only, killed) {
        (true, 0) => return Err(Fault::fixed("ERR No such client")),
        (true, _) => call.reply.ok(),
        (false, _) => call.reply.integer(killed),
    }
    Ok(flow)
}

/// Which clients to kill: those that fit all that is given.
#[derive(Debug, Default)]
struct Filter<'a> {
    id: Option<u64>,
    class: Option<ClientType>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    user: Option<u64>,
    spares_itself: bool,
}

impl<'a> Filter<'a> {
    fn read(args: &Args<'a>, users: &Users) -> Result<Self, Fault> {
        let mut filter = Self { spares_itself: true, ..Self::default() };
        let mut at = 2;
        while at < args.len() {
            let value = args.get(at + 1).ok_or(Fault::SYNTAX)?;
            match args[at].to_ascii_lowercase().as_slice() {
                b"id" => filter.id = Some(read_id(value)?),
                b"type" => filter.class = Some(ClientType::read(value)?),
                b"addr" => filter.address = Some(value),
                b"laddr" => filter.local_address = Some(value),
                b"user" => {
                    let user = users.current().find(value).map(|user| user.id);
                    let none = || Fault::quoting("ERR No such user '", value, "'");
                    filter.user = Some(user.ok_or_else(none)?);
                }
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.spares_itself = true,
                b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.spares_itself = false,
                _ => return Err(Fault::SYNTAX),
            }
            at += 2;
        }
        Ok(filter)
    }

    fn takes(&self, client: &ClientInfo, own_id: u64) -> bool {
        let is = |wanted: Option<&[u8]>, value: &str| wanted.is_none_or(|w| w == value.as_bytes());
        is(self.address, &client.address)
            && is(self.local_address, &client.local_address)
            && self.user.is_none_or(|user| user == client.user_id.load(Relaxed))
            && self.id.is_none_or(|id| id == client.id)
            && self.class.is_none_or(|class| class == ClientType::of(client))
            && !(self.spares_itself && client.id == own_id)
    }
}

fn read_id(word: &[u8]) -> Result<u64, Fault> {
    let id = parse_i64_strict(word).filter(|id| *id > 0);
    let fault = Fault::fixed("ERR client-id should be greater than 0");
    id.map(i64::unsigned_abs).ok_or(fault)
}
