//! What one server says of itself, read from its answer to `INFO`.

use super::address::Address;

/// A longer text of a server is cut off there.
const TEXT_CHARS_MAX: usize = 200;

/// What a primary says of a replica that it sends the stream to.
pub(super) const ONLINE: &str = "online";

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Names this run of the server; empty if it does not tell.
    pub(super) run_id: String,
    /// What it is, with its version: `redis 7.0.15`.
    pub(super) software: String,
    /// What it does.
    pub(super) role: Role,
    /// The history it is in.
    pub(super) replid: String,
    /// How far it is.
    pub(super) offset: u64,
    /// Up to which offset a replica may be behind and yet continue, if it keeps a backlog.
    pub(super) backlog_begins: Option<u64>,
    /// Whether it is still loading its data.
    pub(super) is_loading: bool,
    /// The replicas it feeds.
    pub(super) feeds: Vec<Feed>,
    /// The latest resyncs of its replicas, newest first.
    pub(super) resyncs: Vec<(Address, Resync)>,
}

/// What a server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It takes writes.
    Primary,
    /// It follows another one.
    Replica(Link),
}

/// A replica's link to its primary, by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Whom it follows.
    pub(super) primary: Address,
    /// How the link is.
    pub(super) state: LinkState,
    /// Whether its clients may write.
    pub(super) access: Access,
    /// The snapshot it is being sent.
    pub(super) sync: Option<Sync>,
    /// How it last resynced.
    pub(super) resync: Option<Resync>,
}

/// Whether a replica receives the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// It does.
    Up,
    /// It does not.
    Down {
        /// For how many seconds.
        since_s: Option<u64>,
        /// Why.
        reason: Option<String>,
    },
}

/// Whether the clients of a replica may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// They may not.
    ReadOnly,
    /// They may.
    Writable,
}

/// A snapshot on its way to a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sync {
    /// How much has gone.
    pub(super) bytes: u64,
    /// Of how much, if that is known.
    pub(super) total: Option<u64>,
    /// How many seconds the rest takes.
    pub(super) eta_s: Option<u64>,
}

/// How a replica resynced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resync {
    /// Whether it continued.
    pub(super) kind: ResyncKind,
    /// Why, or why not.
    pub(super) reason: String,
    /// How many seconds ago.
    pub(super) age_s: u64,
}

/// Whether a replica continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResyncKind {
    /// It did.
    Partial,
    /// It was sent a snapshot.
    Full,
}

/// A replica by the account of its primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Feed {
    /// Where it listens; port zero if it does not say.
    pub(super) address: Address,
    /// What is sent to it: `online`, or a snapshot.
    pub(super) state: String,
    /// What it has acknowledged.
    pub(super) offset: u64,
    /// How many bytes it lacks.
    pub(super) lag_bytes: Option<u64>,
    /// How old the oldest of them is, in seconds.
    pub(super) lag_s: Option<u64>,
    /// For how many seconds it has been silent.
    pub(super) silent_s: Option<u64>,
    /// The snapshot it is being sent.
    pub(super) sync: Option<Sync>,
    /// How it resynced when it came.
    pub(super) resync: Option<Resync>,
}

impl Feed {
    /// Whether it is sent the stream.
    pub(super) fn is_online(&self) -> bool {
        self.state == ONLINE
    }
}

/// An answer to `INFO`, by its lines.
struct Lines<'i>(&'i str);

impl<'i> Lines<'i> {
    fn find(&self, name: &str) -> Option<&'i str> {
        let of_name = |line: &'i str| line.strip_prefix(name)?.strip_prefix(':');
        self.0.lines().find_map(of_name).map(str::trim_end)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.find(name).map(shown).filter(|text| !text.is_empty())
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.find(name)?.parse().ok()
    }

    /// The lines `name0`, `name1` and so on.
    fn numbered(&self, name: &str) -> impl Iterator<Item = Pairs<'i>> {
        (0..).map_while(move |index| self.find(&format!("{name}{index}")).map(Pairs))
    }
}

/// A line of pairs: `a=b,c=d`.
#[derive(Clone, Copy)]
struct Pairs<'i>(&'i str);

impl<'i> Pairs<'i> {
    fn find(&self, name: &str) -> Option<&'i str> {
        let mut pairs = self.0.split(',').filter_map(|pair| pair.split_once('='));
        pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.find(name)?.parse().ok()
    }

    fn address(&self) -> Option<Address> {
        Some(Address { host: shown(self.find("ip")?), port: self.number("port")? })
    }

    fn resync(&self, [kind, reason, age_s]: [&str; 3]) -> Option<Resync> {
        resync(self.find(kind), self.find(reason), self.number(age_s))
    }
}

impl Facts {
    /// Reads an answer to `INFO`; `None` if that is no answer of such a server.
    pub(super) fn read(info: &str) -> Option<Self> {
        let lines = Lines(info);
        let role = match lines.find("role")? {
            "master" => Role::Primary,
            _ => Role::Replica(link(&lines)?),
        };
        let begins: Option<u64> = lines.number("repl_backlog_first_byte_offset");
        let has_backlog = lines.find("repl_backlog_active") == Some("1");
        let resyncs = lines.numbered("backlog_resync").filter_map(|pairs| {
            Some((pairs.address()?, pairs.resync(["kind", "reason", "seconds_ago"])?))
        });
        Some(Self {
            run_id: lines.text("run_id").unwrap_or_default(),
            software: software(&lines),
            role,
            replid: lines.text("master_replid")?,
            offset: lines.number("master_repl_offset")?,
            backlog_begins: begins.filter(|_| has_backlog).map(|first| first.saturating_sub(1)),
            is_loading: lines.find("loading") == Some("1"),
            feeds: feeds(&lines),
            resyncs: resyncs.collect(),
        })
    }
}

fn software(lines: &Lines<'_>) -> String {
    let known = ["backlogd", "valkey", "redis"];
    let named = |kind: &&str| {
        let version = lines.text(&format!("{kind}_version"))?;
        Some(format!("{kind} {version}"))
    };
    known.iter().find_map(named).unwrap_or_else(|| "unknown".to_owned())
}

fn link(lines: &Lines<'_>) -> Option<Link> {
    let primary = Address { host: lines.text("master_host")?, port: lines.number("master_port")? };
    let state = match lines.find("master_link_status") {
        Some("up") => LinkState::Up,
        _ => LinkState::Down {
            since_s: lines.number("master_link_down_since_seconds"),
            reason: lines.text("master_link_down_reason"),
        },
    };
    let access = match lines.find("slave_read_only") {
        Some("0") => Access::Writable,
        _ => Access::ReadOnly,
    };
    let is_syncing = lines.find("master_sync_in_progress") == Some("1");
    let sync = is_syncing.then(|| Sync {
        bytes: lines.number("master_sync_read_bytes").unwrap_or(0),
        // Zero, or less, where a mark ends the snapshot.
        total: lines.number("master_sync_total_bytes").filter(|total| *total > 0),
        eta_s: None,
    });
    let resync = resync(
        lines.find("backlog_last_resync_kind"),
        lines.find("backlog_last_resync_reason"),
        lines.number("backlog_last_resync_seconds_ago"),
    );
    Some(Link { primary, state, access, sync, resync })
}

/// The stock lines, with what the lines of our own add to them.
fn feeds(lines: &Lines<'_>) -> Vec<Feed> {
    let own: Vec<_> = lines.numbered("backlog_replica").collect();
    let feed = |stock: Pairs<'_>| {
        let address = stock.address()?;
        // A replica may come or go between the two sections.
        let own = own.iter().find(|own| own.address().as_ref() == Some(&address)).copied();
        let own = own.unwrap_or(Pairs(""));
        let sync = own.number("sync_bytes").map(|bytes| Sync {
            bytes,
            total: own.number("sync_total"),
            eta_s: own.number("sync_eta_seconds"),
        });
        Some(Feed {
            address,
            state: shown(stock.find("state")?),
            offset: stock.number("offset")?,
            lag_bytes: own.number("lag_bytes"),
            lag_s: own.number("lag_seconds"),
            silent_s: stock.number("lag"),
            sync,
            resync: own.resync(["last_resync", "last_resync_reason", "last_resync_seconds_ago"]),
        })
    };
    lines.numbered("slave").filter_map(feed).collect()
}

fn resync(kind: Option<&str>, reason: Option<&str>, age_s: Option<u64>) -> Option<Resync> {
    let kind = match kind? {
        "partial" => ResyncKind::Partial,
        "full" => ResyncKind::Full,
        _ => return None,
    };
    Some(Resync { kind, reason: shown(reason.unwrap_or_default()), age_s: age_s? })
}

/// A text of a server as it may be shown: on one line, of some length, without control characters.
pub(super) fn shown(text: &str) -> String {
    let plain = text.chars().take(TEXT_CHARS_MAX);
    plain.map(|char| if char.is_control() { '?' } else { char }).collect()
}
