//! What is wrong with a topology, in plain words.

use super::address::Address;
use super::facts::{Facts, Link, LinkState, ONLINE, Role};
use super::text::span;
use super::topology::{Extent, Member, Seen, Shape, Standing, Topology};

/// A replica acknowledges every second; stock primaries do not count on one that is silent for longer.
const SILENCE_MAX_S: u64 = 10;

/// Tells what is wrong; nothing if all is well.
pub(super) fn warnings(topology: &Topology) -> Vec<String> {
    let mut found = Vec::new();
    if topology.shape == Shape::Circle {
        let root = &topology.root.address;
        found.push(format!("there is no primary: the servers above {root} lead back to it"));
    }
    visit(None, &topology.root, &mut found);
    shared_histories(&topology.root, &mut found);
    if topology.extent == Extent::CutOff {
        found.push(
            "there are more servers than were asked: too many, or in too many levels".to_owned(),
        );
    }
    found
}

fn visit(above: Option<&Member>, member: &Member, found: &mut Vec<String>) {
    let address = &member.address;
    match &member.seen {
        Seen::Silent(why) => found.push(format!("{address} does not answer: {why}")),
        Seen::Answered(facts) => answered(above, member, facts, found),
        Seen::Unasked | Seen::Elsewhere(_) => {}
    }
    if let (Some(above), Some(standing)) = (above, &member.standing) {
        backlog(above, member, found);
        silence(&above.address, address, standing, found);
    }
    for replica in &member.replicas {
        visit(Some(member), replica, found);
    }
}

fn answered(above: Option<&Member>, member: &Member, facts: &Facts, found: &mut Vec<String>) {
    let address = &member.address;
    match (&facts.role, above) {
        (Role::Primary, Some(above)) => found.push(format!(
            "{} feeds {address}, which says that it is a primary itself",
            above.address
        )),
        (Role::Primary, None) => {}
        (Role::Replica(link), _) => {
            is_down(member, link, found);
            let above = above.and_then(|above| Some((above, above.facts()?)));
            if let Some((above, primary)) = above {
                is_agreed(&above.address, primary, member, facts, found);
            }
        }
    }
}

fn is_down(member: &Member, link: &Link, found: &mut Vec<String>) {
    let LinkState::Down { since_s, reason } = &link.state else { return };
    // It is down for as long as a snapshot is on its way, and that is as it should be.
    if member.is_syncing() {
        return;
    }
    let since = since_s.map(|since_s| format!(" for {}", span(since_s))).unwrap_or_default();
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let (address, primary) = (&member.address, &link.primary);
    found.push(format!("the link of {address} to its primary {primary} is down{since}{reason}"));
}

/// Whether primary and replica say the same of their link and their history.
fn is_agreed(
    above: &Address,
    primary: &Facts,
    member: &Member,
    facts: &Facts,
    found: &mut Vec<String>,
) {
    let address = &member.address;
    if !facts.is_linked() || facts.is_loading {
        return;
    }
    if member.standing.as_ref().is_some_and(|standing| standing.feed.is_none()) {
        found.push(format!("{address} says that its link is up, but {above} does not feed it"));
    }
    if facts.replid != primary.replid && !member.is_syncing() {
        found.push(format!(
            "{address} is in another history than its primary {above}: replid {} and not {}",
            short(&facts.replid),
            short(&primary.replid)
        ));
    }
}

/// Whether a replica is further behind than it could catch up with.
fn backlog(above: &Member, member: &Member, found: &mut Vec<String>) {
    let (Some(primary), Some(standing)) = (above.facts(), &member.standing) else { return };
    let (Some(begins), Some(lag_bytes)) = (primary.backlog_begins, standing.lag_bytes) else {
        return;
    };
    let at = primary.offset.saturating_sub(lag_bytes);
    if at >= begins || member.is_syncing() {
        return;
    }
    let (address, above) = (&member.address, &above.address);
    let behind =
        format!("{address} is at offset {at}, and the backlog of {above} begins at {begins}");
    let follows = if standing.feed.is_some() {
        "if its link breaks, it must resync in full"
    } else {
        "it must resync in full"
    };
    found.push(format!("{behind}: {follows}"));
}

fn silence(above: &Address, address: &Address, standing: &Standing, found: &mut Vec<String>) {
    let is_online = standing.feed.as_deref() == Some(ONLINE);
    if let Some(silent_s) = standing.silent_s.filter(|_| is_online)
        && silent_s > SILENCE_MAX_S
    {
        found.push(format!("{above} has heard nothing of {address} for {}", span(silent_s)));
    }
}

/// Whether two primaries write on with one history.
fn shared_histories(root: &Member, found: &mut Vec<String>) {
    let mut primaries = Vec::new();
    primaries_of(root, &mut primaries);
    for (index, (address, replid)) in primaries.iter().enumerate() {
        for (other, _) in primaries[..index].iter().filter(|(_, known)| known == replid) {
            let replid = short(replid);
            found
                .push(format!("{other} and {address} are both primaries, of one replid: {replid}"));
        }
    }
}

fn primaries_of<'m>(member: &'m Member, found: &mut Vec<(&'m Address, &'m str)>) {
    if let Some(facts) = member.facts().filter(|facts| facts.role == Role::Primary) {
        found.push((&member.address, &facts.replid));
    }
    for replica in &member.replicas {
        primaries_of(replica, found);
    }
}

/// As much of a replid as tells it from others at a glance.
pub(super) fn short(replid: &str) -> &str {
    replid.get(..8).unwrap_or(replid)
}
