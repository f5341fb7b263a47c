//! How a link stands, for `INFO` and `ROLE`.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::server::clock::unix_ms;

use super::LinkError;

/// What the link is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It will connect.
    #[default]
    Connect,
    /// It connects.
    Connecting,
    /// The two introduce themselves.
    Handshake,
    /// The snapshot comes.
    Receiving,
    /// The snapshot is loaded.
    Loading,
    /// The stream comes.
    Connected,
}

impl Stage {
    /// The word of `ROLE`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Connecting => "connecting",
            Self::Handshake => "handshake",
            Self::Receiving | Self::Loading => "sync",
            Self::Connected => "connected",
        }
    }
}

/// How far a full resync is.
#[derive(Clone, Copy, Debug, Default)]
pub struct SyncProgress {
    /// The bytes of the snapshot, if that is known.
    pub total: Option<u64>,
    /// How many have come.
    pub received: u64,
    /// When it began, in Unix milliseconds.
    pub began_ms: i64,
}

/// The last resync.
#[derive(Clone, Debug)]
pub struct Resync {
    /// `partial` or `full`.
    pub kind: &'static str,
    /// Why.
    pub reason: String,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
}

/// How a link stands.
#[derive(Debug)]
pub struct Status {
    state: Mutex<State>,
    heard_ms: AtomicI64,
    received: AtomicU64,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    down_since_ms: Option<i64>,
    down_reason: Option<String>,
    /// Why the primary refused, if it did.
    refusal: Option<String>,
    /// Whether it went down because something could not be applied.
    failed_to_apply: bool,
    sync: SyncProgress,
    last_resync: Option<Resync>,
}

impl Default for Status {
    fn default() -> Self {
        let state = State { down_since_ms: Some(unix_ms()), ..State::default() };
        let (heard_ms, received) = (AtomicI64::new(0), AtomicU64::new(0));
        let changes = watch::Sender::new(());
        Self { state: Mutex::new(state), heard_ms, received, changes }
    }
}

impl Status {
    /// Tells what the link is at.
    pub fn stage(&self) -> Stage {
        self.state.lock().stage
    }

    /// Tells whether the stream comes.
    pub fn is_up(&self) -> bool {
        self.stage() == Stage::Connected
    }

    pub(super) fn set_stage(&self, stage: Stage) {
        self.state.lock().stage = stage;
        self.changes.send_replace(());
    }

    /// Subscribes to changes of what the link is at.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Notes that the stream comes.
    pub(super) fn went_up(&self) {
        let mut state = self.state.lock();
        state.stage = Stage::Connected;
        (state.down_since_ms, state.down_reason) = (None, None);
        drop(state);
        self.changes.send_replace(());
    }

    /// Notes why the link is down; tells whether that is news.
    pub(super) fn went_down(&self, error: &LinkError) -> bool {
        let mut state = self.state.lock();
        state.stage = Stage::Connect;
        state.down_since_ms.get_or_insert_with(unix_ms);
        state.failed_to_apply = matches!(error, LinkError::Apply(_));
        let reason = error.to_string();
        state.refusal = matches!(error, LinkError::Handshake(_)).then(|| reason.clone());
        let is_news = state.down_reason.replace(reason.clone()) != Some(reason);
        drop(state);
        self.changes.send_replace(());
        is_news
    }

    /// Tells why the primary has refused, if the last attempt ended so.
    pub fn refusal(&self) -> Option<String> {
        self.state.lock().refusal.clone()
    }

    /// Tells whether the last attempt ended because something could not be applied.
    pub(super) fn failed_to_apply(&self) -> bool {
        self.state.lock().failed_to_apply
    }

    /// Tells since when the link is down, if it is, and why, if it was up or an attempt failed.
    pub fn down(&self) -> Option<(i64, Option<String>)> {
        let state = self.state.lock();
        state.down_since_ms.map(|since_ms| (since_ms, state.down_reason.clone()))
    }

    pub(super) fn began_resync(&self, kind: &'static str, reason: String) {
        let at_ms = unix_ms();
        let mut state = self.state.lock();
        state.last_resync = Some(Resync { kind, reason, at_ms });
        state.sync = SyncProgress { total: None, received: 0, began_ms: at_ms };
        self.received.store(0, Ordering::Relaxed);
    }

    /// Tells of the last resync.
    pub fn last_resync(&self) -> Option<Resync> {
        self.state.lock().last_resync.clone()
    }

    pub(super) fn set_total(&self, total: Option<u64>) {
        self.state.lock().sync.total = total;
    }

    pub(super) fn set_received(&self, bytes: u64) {
        self.received.store(bytes, Ordering::Relaxed);
    }

    /// Tells how far the full resync under way is, if one is.
    pub fn sync(&self) -> Option<SyncProgress> {
        let state = self.state.lock();
        let received = self.received.load(Ordering::Relaxed);
        matches!(state.stage, Stage::Receiving | Stage::Loading)
            .then_some(SyncProgress { received, ..state.sync })
    }

    /// Notes that the primary was heard of.
    pub(super) fn heard(&self) {
        self.heard_ms.store(unix_ms(), Ordering::Relaxed);
    }

    /// Tells when the primary was last heard of, in Unix milliseconds.
    pub fn heard_ms(&self) -> i64 {
        self.heard_ms.load(Ordering::Relaxed)
    }
}
