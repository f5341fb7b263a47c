//! `ACL SETUSER` and `ACL DELUSER`.

use std::sync::Arc;

use crate::command::acl::line::join_selectors;
use crate::command::acl::{DEFAULT, User, has_blanks};
use crate::command::{Call, Fault, Flow};

use super::end::{Ending, Own, flow_of};

/// `ACL SETUSER name [rule …]`: follows all rules or, if one is wrong, none.
pub fn setuser(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (name, rules) = (call.args.word(2), call.args.from(3));
    if has_blanks(name) {
        return Err(Fault::fixed("ERR Usernames can't contain spaces or null characters"));
    }
    let joined = join_selectors(rules.iter()).map_err(|place| {
        let before = "ERR Unmatched parenthesis in acl selector starting at '";
        Fault::quoting(before, rules.word(place), "'.")
    })?;
    let users = call.host.users();
    let channels = users.new_channels();
    let (before, after) = users.change(|set| {
        let before = set.find(name).cloned();
        let mut user = before.as_deref().map_or_else(|| users.make(name), User::clone);
        for rule in &joined {
            user.follow(rule, channels).map_err(|fault| {
                let before = "ERR Error in ACL SETUSER modifier '";
                Fault::quoting(before, rule, &format!("': {fault}"))
            })?;
        }
        set.put(user.clone());
        Ok::<_, Fault>((before, user))
    })?;
    let mut ending = Ending::default();
    if let Some(before) = before {
        ending.listeners(call, &before, &after);
    }
    let own = ending.end(call);
    call.reply.ok();
    Ok(flow_of(own))
}

/// `ACL DELUSER name …`: as in stock, those before a wrong name are gone.
pub fn deluser(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const DEFAULT_STAYS: Fault = Fault::fixed("ERR The 'default' user cannot be removed");
    let names = call.args.from(2);
    let stops = names.iter().any(|name| name == DEFAULT);
    let users = call.host.users();
    let removed: Vec<Arc<User>> = users.change(|set| {
        let doomed = names.iter().take_while(|name| *name != DEFAULT);
        Ok::<_, Fault>(doomed.filter_map(|name| set.remove(name)).collect())
    })?;
    let mut ending = Ending::default();
    for user in &removed {
        ending.all_of(call, user.id);
    }
    let own = ending.end(call);
    match (stops, own) {
        (false, _) => call.reply.count(removed.len()),
        (true, Own::Stays) => return Err(DEFAULT_STAYS),
        (true, Own::Ends) => call.reply.error(DEFAULT_STAYS.bytes()),
    }
    Ok(flow_of(own))
}
