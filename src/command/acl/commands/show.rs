//! What `ACL` tells: of users, of categories, of the client itself.

use crate::command::acl::pattern::Purpose;
use crate::command::acl::selector::Selector;
use crate::command::acl::{DEFAULT, password};
use crate::command::table::{self, acl};
use crate::command::{Call, Fault, Flow};
use crate::net::reply::Reply;
use crate::number::parse_i64_strict;

use super::wrong_arity;

/// `ACL GETUSER name`.
pub fn getuser(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let users = call.host.users().current();
    let reply = &mut call.reply;
    let Some(user) = users.find(call.args.word(2)) else {
        reply.null();
        return Ok(Flow::Done);
    };
    // The first one is never removed.
    let (root, others) = (&user.selectors()[0], &user.selectors()[1..]);
    reply.map(6);
    reply.bulk(b"flags");
    let begun = reply.defer();
    let count = user.flags().map(|flag| reply.bulk(flag.as_bytes())).count();
    reply.set_since(begun, count);
    reply.bulk(b"passwords");
    reply.array(user.passwords().len());
    user.passwords().iter().for_each(|digest| reply.bulk(digest.to_string().as_bytes()));
    describe(root, reply);
    reply.bulk(b"selectors");
    reply.array(others.len());
    for selector in others {
        reply.map(3);
        describe(selector, reply);
    }
    Ok(Flow::Done)
}

/// Writes what a selector allows: three pairs.
fn describe(selector: &Selector, reply: &mut Reply<'_>) {
    let mut text = Vec::new();
    reply.bulk(b"commands");
    selector.commands.write(&mut text);
    reply.bulk(&text);
    text.clear();
    reply.bulk(b"keys");
    selector.write_keys(&mut text, Purpose::Shown);
    reply.bulk(&text);
    text.clear();
    reply.bulk(b"channels");
    selector.write_channels(&mut text);
    reply.bulk(&text);
}

/// `ACL LIST`: a line for each user.
pub fn list(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let users = call.host.users().current();
    call.reply.array(users.all().len());
    users.all().for_each(|user| call.reply.bulk(&user.line()));
    Ok(Flow::Done)
}

/// `ACL USERS`.
pub fn users(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let users = call.host.users().current();
    call.reply.array(users.all().len());
    users.all().for_each(|user| call.reply.bulk(&user.name));
    Ok(Flow::Done)
}

/// `ACL WHOAMI`.
pub fn whoami(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let user = call.session.login.user();
    call.reply.bulk(user.map_or(DEFAULT, |user| &user.name));
    Ok(Flow::Done)
}

/// `ACL CAT [category]`: the categories, or the commands of one.
pub fn cat(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let begun = call.reply.defer();
    let reply = &mut call.reply;
    let count = match (call.args.get(2), call.args.len()) {
        (None, _) => acl::names(u32::MAX).map(|name| reply.bulk(name.as_bytes())).count(),
        (Some(name), 3) => {
            let shown = &name[..name.len().min(128)];
            let unknown = || Fault::quoting("ERR Unknown category '", shown, "'");
            let category = acl::category(name).ok_or_else(unknown)?;
            let rows = table::all().iter().filter(|row| acl::of(row) & category != 0);
            rows.map(|row| reply.bulk(row.name.as_bytes())).count()
        }
        _ => return Err(wrong_arity(call)),
    };
    call.reply.array_since(begun, count);
    Ok(Flow::Done)
}

/// `ACL GENPASS [bits]`: a password that nobody guesses.
pub fn genpass(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const BITS: i64 = 256;
    let bits = match (call.args.get(2), call.args.len()) {
        (None, _) => BITS,
        (Some(word), 3) => parse_i64_strict(word).ok_or(Fault::NOT_AN_INTEGER)?,
        _ => return Err(wrong_arity(call)),
    };
    let bits =
        usize::try_from(bits).ok().filter(|bits| (1..=password::BITS_MAX as usize).contains(bits));
    let out_of_range = || {
        let most = password::BITS_MAX;
        Fault::of(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive \
             number up to {most}"
        ))
    };
    let password = password::generate(bits.ok_or_else(out_of_range)?)
        .map_err(|error| Fault::of(format!("ERR no random bytes: {error}")))?;
    call.reply.bulk(password.as_bytes());
    Ok(Flow::Done)
}
