//! A topology for programs.

use std::io::{self, Write};

use super::facts::{Access, Facts, LinkState, Resync, ResyncKind, Role, Sync};
use super::topology::{Member, Seen, Topology};
use crate::admin::tool::json::Json;

/// Writes one object: the tree, and what is wrong.
pub(super) fn json(
    topology: &Topology,
    warnings: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut json = Json::new(out);
    json.open('{')?;
    json.name("root")?;
    member(&topology.root, &mut json)?;
    json.name("warnings")?;
    json.open('[')?;
    for warning in warnings {
        json.text(warning)?;
    }
    json.close(']')?;
    json.close('}')?;
    writeln!(out)
}

fn member(member: &Member, json: &mut Json<'_>) -> io::Result<()> {
    json.open('{')?;
    json.member_text("address", &member.address.to_string())?;
    match &member.seen {
        Seen::Answered(facts) => {
            json.member_text("seen", "answered")?;
            answered(facts, json)?;
        }
        Seen::Silent(why) => {
            json.member_text("seen", "silent")?;
            json.member_text("error", why)?;
        }
        Seen::Unasked => json.member_text("seen", "unasked")?,
        Seen::Elsewhere(place) => {
            json.member_text("seen", "elsewhere")?;
            json.member_text("as", &place.to_string())?;
        }
    }
    if let Some(standing) = &member.standing {
        text_or_null("fed", standing.feed.as_deref(), json)?;
        json.member("lag_bytes", standing.lag_bytes)?;
        json.member("lag_seconds", standing.lag_s)?;
        json.member("silent_seconds", standing.silent_s)?;
        sync(standing.sync.as_ref(), json)?;
        resync(standing.resync.as_ref(), json)?;
    }
    json.name("replicas")?;
    json.open('[')?;
    for replica in &member.replicas {
        self::member(replica, json)?;
    }
    json.close(']')?;
    json.close('}')
}

fn answered(facts: &Facts, json: &mut Json<'_>) -> io::Result<()> {
    let role = if facts.role == Role::Primary { "primary" } else { "replica" };
    json.member_text("role", role)?;
    json.member_text("software", &facts.software)?;
    json.member_text("replid", &facts.replid)?;
    json.member("offset", facts.offset)?;
    json.member("backlog_begins", facts.backlog_begins)?;
    json.name("loading")?;
    json.truth(facts.is_loading)?;
    let Role::Replica(link) = &facts.role else { return Ok(()) };
    json.member_text("primary", &link.primary.to_string())?;
    json.name("read_only")?;
    json.truth(link.access == Access::ReadOnly)?;
    match &link.state {
        LinkState::Up => json.member_text("link", "up"),
        LinkState::Down { since_s, reason } => {
            json.member_text("link", "down")?;
            json.member("link_down_seconds", *since_s)?;
            text_or_null("link_down_reason", reason.as_deref(), json)
        }
    }
}

fn sync(sync: Option<&Sync>, json: &mut Json<'_>) -> io::Result<()> {
    json.name("sync")?;
    let Some(Sync { bytes, total, eta_s }) = sync else { return json.null() };
    json.open('{')?;
    json.member("bytes", *bytes)?;
    json.member("total", *total)?;
    json.member("eta_seconds", *eta_s)?;
    json.close('}')
}

fn resync(resync: Option<&Resync>, json: &mut Json<'_>) -> io::Result<()> {
    json.name("last_resync")?;
    let Some(Resync { kind, reason, age_s }) = resync else { return json.null() };
    json.open('{')?;
    let kind = match kind {
        ResyncKind::Partial => "partial",
        ResyncKind::Full => "full",
    };
    json.member_text("kind", kind)?;
    json.member_text("reason", reason)?;
    json.member("seconds_ago", *age_s)?;
    json.close('}')
}

fn text_or_null(name: &str, text: Option<&str>, json: &mut Json<'_>) -> io::Result<()> {
    json.name(name)?;
    match text {
        Some(text) => json.text(text),
        None => json.null(),
    }
}
