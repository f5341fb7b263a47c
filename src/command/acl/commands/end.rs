//! Ends the connections of clients whose user is gone, or may not hear any more what they subscribe to.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

use crate::command::acl::User;
use crate::command::acl::check::{may_hear, may_match};
use crate::command::acl::pattern::Pattern;
use crate::command::acl::selector::Names;
use crate::command::pubsub::Kind;
use crate::command::session::flag;
use crate::command::{Call, Flow};

/// Whether the client whose command runs is one of those that end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// It reads its reply first.
    Ends,
    /// It does not.
    Stays,
}

/// The clients that are to end, by their numbers.
#[derive(Debug, Default)]
pub struct Ending(HashSet<u64>);

impl Ending {
    /// Adds all clients that are a user.
    pub fn all_of(&mut self, call: &Call<'_, '_>, user: u64) {
        self.0.extend(clients_of(call, user));
    }

    /// Adds those clients of a user that subscribe to what it may not hear since it was changed.
    pub fn listeners(&mut self, call: &Call<'_, '_>, before: &User, after: &User) {
        let Some(allowed) = narrowed(before, after) else { return };
        let clients: HashSet<u64> = clients_of(call, before.id).collect();
        for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
            let is_denied = |name: &[u8]| match kind {
                Kind::Pattern => !may_match(&allowed, name),
                Kind::Channel | Kind::ShardChannel => !may_hear(&allowed, name),
            };
            let denied = call.host.hub().listeners_to(kind, is_denied);
            self.0.extend(denied.into_iter().filter(|client| clients.contains(client)));
        }
    }

    /// Ends them.
    pub fn end(self, call: &mut Call<'_, '_>) -> Own {
        if self.0.is_empty() {
            return Own::Stays;
        }
        let own = call.session.info.id;
        for client in call.host.clients() {
            if client.id != own && self.0.contains(&client.id) {
                client.flags.fetch_or(flag::KILLED, Relaxed);
                client.kill.notify_one();
            }
        }
        if !self.0.contains(&own) {
            return Own::Stays;
        }
        call.session.become_stranger(&call.host.users().current());
        Own::Ends
    }
}

/// What becomes of the connection.
pub fn flow_of(own: Own) -> Flow {
    if own == Own::Ends { Flow::Close } else { Flow::Done }
}

fn clients_of(call: &Call<'_, '_>, user: u64) -> impl Iterator<Item = u64> {
    let is = move |client: &std::sync::Arc<crate::command::ClientInfo>| {
        client.user_id.load(Relaxed) == user
    };
    call.host.clients().into_iter().filter(is).map(|client| client.id)
}

/// Returns what a user may hear since it was changed, if that may be less than before.
fn narrowed(before: &User, after: &User) -> Option<Vec<Pattern>> {
    let mut allowed = Vec::new();
    for selector in after.selectors() {
        match &selector.channels {
            Names::All => return None,
            Names::Matching(patterns) => allowed.extend(patterns.iter().cloned()),
        }
    }
    let is_kept = before.selectors().iter().all(|selector| match &selector.channels {
        Names::All => false,
        Names::Matching(patterns) => patterns.iter().all(|own| allowed.contains(own)),
    });
    (!is_kept).then_some(allowed)
}
