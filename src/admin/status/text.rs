//! A topology as a tree that is read at a glance.

use std::fmt::{self, Display, Write};

use super::facts::{Access, Facts, LinkState, ONLINE, Resync, ResyncKind, Role, Sync};
use super::topology::{Member, Seen, Standing, Topology};
use super::warnings::short;

/// Writes the tree, and below it what is wrong.
pub(super) fn text(topology: &Topology, warnings: &[String]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = member(&topology.root, "", "", &mut out);
    out.push('\n');
    if warnings.is_empty() {
        let _ = match topology.root.count() {
            1 => writeln!(out, "All is well: 1 server, no replicas."),
            count => writeln!(out, "All is well: {count} servers."),
        };
    } else {
        out.push_str("Warnings:\n");
        for warning in warnings {
            let _ = writeln!(out, "  - {warning}");
        }
    }
    out
}

/// Writes a member and those below it; `first` stands before its first line, `rest` before all others.
fn member(member: &Member, first: &str, rest: &str, out: &mut String) -> fmt::Result {
    writeln!(out, "{first}{}  {}", member.address, headline(member))?;
    let stem = if member.replicas.is_empty() { "    " } else { "│   " };
    for line in details(member) {
        writeln!(out, "{rest}{stem}{line}")?;
    }
    for (index, replica) in member.replicas.iter().enumerate() {
        let is_last = index + 1 == member.replicas.len();
        let (branch, below) =
            if is_last { ("└── ", "    ") } else { ("├── ", "│   ") };
        self::member(replica, &format!("{rest}{branch}"), &format!("{rest}{below}"), out)?;
    }
    Ok(())
}

fn headline(member: &Member) -> String {
    match &member.seen {
        Seen::Silent(why) => format!("does not answer: {why}"),
        Seen::Unasked => "announces no port, and was not asked".to_owned(),
        Seen::Elsewhere(place) => format!("stands elsewhere in this tree, as {place}"),
        Seen::Answered(facts) => {
            let role = match &facts.role {
                Role::Primary => "primary",
                Role::Replica(link) if link.access == Access::Writable => "replica, writable",
                Role::Replica(_) => "replica, read-only",
            };
            let loading = if facts.is_loading { ", loading its data" } else { "" };
            format!("{role}, {}{loading}", facts.software)
        }
    }
}

fn details(member: &Member) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(facts) = member.facts() {
        lines.push(history(facts));
    }
    if let Some(standing) = &member.standing {
        lines.extend(link(member, standing));
        lines.extend(standing.sync.as_ref().map(transfer));
        lines.extend(standing.resync.as_ref().map(resynced));
    }
    lines
}

fn history(facts: &Facts) -> String {
    let mut line = format!("replid {}, offset {}", short(&facts.replid), facts.offset);
    if let (Role::Primary, Some(begins)) = (&facts.role, facts.backlog_begins) {
        let _ = write!(line, ", backlog from {begins}");
    }
    line
}

fn link(member: &Member, standing: &Standing) -> Option<String> {
    let state = member.facts().and_then(|facts| match &facts.role {
        Role::Replica(link) => Some(&link.state),
        Role::Primary => None,
    });
    let mut parts = Vec::new();
    match state {
        Some(LinkState::Up) => parts.push("link up".to_owned()),
        Some(LinkState::Down { since_s, reason }) => {
            let since = since_s.map(|s| format!(" for {}", span(s))).unwrap_or_default();
            let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            parts.push(format!("link down{since}{reason}"));
        }
        None => {}
    }
    if !matches!(state, Some(LinkState::Up)) {
        parts.extend(standing.feed.as_deref().map(|state| fed(state).to_owned()));
    }
    if let Some(bytes) = standing.lag_bytes {
        let age = standing.lag_s.map(|lag_s| format!(" and {}", span(lag_s))).unwrap_or_default();
        parts.push(format!("{}{age} behind", size(bytes)));
    }
    let is_counted = standing.feed.as_deref() == Some(ONLINE) && standing.lag_s.is_none();
    let silent_s = standing.silent_s.filter(|_| is_counted);
    parts.extend(silent_s.map(|silent_s| format!("heard of {} ago", span(silent_s))));
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What a primary says of a replica whose own word is missing, or that is not up.
fn fed(state: &str) -> &str {
    match state {
        ONLINE => "fed by its primary",
        "wait_bgsave" => "waits for a snapshot",
        "send_bulk" => "is sent a snapshot",
        other => other,
    }
}

fn transfer(sync: &Sync) -> String {
    let mut line = match sync.total {
        Some(total) => {
            let percent = (sync.bytes.min(total) as f64 / total.max(1) as f64 * 100.0).floor();
            format!("takes a snapshot: {percent} % of {}", size(total))
        }
        None => format!("takes a snapshot: {} so far", size(sync.bytes)),
    };
    if let Some(eta_s) = sync.eta_s {
        let _ = write!(line, ", {} left", span(eta_s));
    }
    line
}

fn resynced(resync: &Resync) -> String {
    let Resync { kind, reason, age_s } = resync;
    let what = match kind {
        ResyncKind::Partial => "continued",
        ResyncKind::Full => "resynced in full",
    };
    format!("{what} {} ago: {reason}", span(*age_s))
}

/// Some seconds, as a person says it.
pub(super) fn span(seconds: u64) -> impl Display {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Some bytes, as a person says it: to the byte as long as they are few.
fn size(bytes: u64) -> impl Display {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 10_000 {
        return format!("{bytes} bytes");
    }
    let (mut amount, mut unit) = (bytes as f64 / 1024.0, 0);
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_have_the_unit_that_fits() {
        let spans = [0, 119, 120, 7199, 7200, 172_800].map(|seconds| span(seconds).to_string());
        assert_eq!(spans, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 days"]);
        let sizes = [0, 9999, 10_240, 1 << 20, 3 << 40].map(|bytes| size(bytes).to_string());
        assert_eq!(sizes, ["0 bytes", "9999 bytes", "10.0 KiB", "1.0 MiB", "3.0 TiB"]);
    }
}
