//! `ACL LOAD` and `ACL SAVE`.

use crate::command::acl::{UserSet, read_file, write_file};
use crate::command::{Call, Fault, Flow};

use super::end::{Ending, flow_of};

/// `ACL LOAD`: the users are those of the file or, if a line of it is wrong, those that there were.
pub fn load(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (path, text) = call.host.read_acl_file()?;
    let users = call.host.users();
    let read = read_file(&text, &path, users)
        .map_err(|faults| Fault::of_bytes([b"ERR ", faults.bytes()].concat()))?;
    let (before, after) = users.change(|set| {
        let before = UserSet::clone(set);
        set.replace(read);
        Ok::<_, Fault>((before, UserSet::clone(set)))
    })?;
    let mut ending = Ending::default();
    for user in before.all() {
        match after.find(&user.name) {
            Some(changed) => ending.listeners(call, user, changed),
            None => ending.all_of(call, user.id),
        }
    }
    let own = ending.end(call);
    call.reply.ok();
    Ok(flow_of(own))
}

/// `ACL SAVE`: the file has the users that there are.
pub fn save(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let users = call.host.users().current();
    call.host.write_acl_file(&write_file(users.all().map(|user| &**user)))?;
    call.reply.ok();
    Ok(Flow::Done)
}
