//! One server: what it holds in memory while it lives, and the steps it takes alone.

use std::sync::Arc;

use backlogd::log::heap::Crash;
use backlogd::log::{Log, Writer};
use backlogd::position::{Offset, Position, Replid};
use backlogd::replication::feed::DurableOnly;
use backlogd::replication::lineage::Lineage;
use backlogd::snapshot::{DirectoryId, FeedsSeen, Manifest, Role, RunState, SnapshotMeta};

use super::following::Following;
use super::machine::{Files, Image, Machine};
use super::random::Random;
use super::recovery::{self, Found};
use super::rules::{Broken, Rules, Stop, must};

/// A machine with a server's directory, and the server if it is up.
#[derive(Debug)]
pub struct Node {
    /// Where it runs.
    pub machine: Machine,
    /// What is on its disk.
    pub files: Files,
    /// The process.
    pub life: Option<Life>,
    /// What a start must at least find, and at most.
    ///
    /// Nothing is known of a directory whose parts were copied at different moments.
    pub owed: Option<Owed>,
    /// A copy of another directory that is under way.
    pub half_copy: Option<HalfCopy>,
    /// The server as a start would present it, while it is down.
    pub at_rest: Vec<Presented>,
    /// What it goes by.
    pub rules: Rules,
}

/// What a crash leaves: more than the least, and no other bytes than these.
#[derive(Clone, Debug, Default)]
pub struct Owed {
    least: usize,
    /// The least if the page cache goes, too.
    durable: usize,
    bytes: Vec<u8>,
}

/// A part of another node's directory.
#[derive(Debug)]
pub struct HalfCopy {
    /// Whose.
    pub from: usize,
    /// Its directory, and which log was in it: a copy of parts of two logs is none.
    pub place: (DirectoryId, u64),
    /// Which part.
    pub part: &'static str,
    /// What was there.
    pub files: Files,
}

/// A history as others see it: its names, and its bytes up to its end.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Its names.
    pub lineage: Lineage,
    /// Its bytes.
    pub data: Vec<u8>,
    /// Its end by the log's word.
    pub end: Offset,
}

/// A process.
#[derive(Debug)]
pub struct Life {
    /// The names of the history.
    pub lineage: Lineage,
    /// What is in memory: every byte that was applied.
    pub data: Vec<u8>,
    /// The log; there is none while a full resync's takes its place.
    pub log: Option<(Log, Writer)>,
    /// What the manifest says.
    pub manifest: Manifest,
    /// Whom it follows; a primary nobody.
    pub following: Option<Following>,
    /// What may be sent.
    pub feed: DurableOnly,
    /// A snapshot that is not named yet: its offset and contents.
    pub pending: Option<(Offset, Image)>,
}

impl Life {
    /// The end of what may be read and sent.
    pub fn sealed(&self) -> Offset {
        self.log.as_ref().map_or(Offset(self.data.len() as u64), |(log, _)| log.sealed())
    }

    /// The end of what no crash takes away.
    pub fn durable(&self) -> Offset {
        self.log.as_ref().map_or(Offset(self.data.len() as u64), |(log, _)| log.durable())
    }

    /// What it asks to continue from.
    pub fn position(&self) -> Position {
        Position { replid: self.lineage.current(), offset: self.sealed() }
    }

    /// Up to where replicas may be sent the stream.
    pub fn limit(&self) -> Offset {
        match self.feed {
            DurableOnly::Yes => self.durable(),
            DurableOnly::No => self.sealed(),
        }
    }

    /// Whom it follows.
    pub fn upstream(&self) -> Option<usize> {
        self.following.as_ref().map(|following| following.upstream)
    }

    /// Puts bytes into the stream and into memory.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let Some((_, writer)) = &mut self.log else { return Err(Stop::Died) };
        writer.append(&[bytes]).map_err(|_| Stop::Died)?;
        self.data.extend_from_slice(bytes);
        Ok(())
    }

    /// Seals what was appended.
    pub fn seal(&mut self) {
        if let Some((_, writer)) = &mut self.log {
            writer.seal();
        }
    }

    /// Makes what is sealed durable.
    pub fn sync(&self) -> Result<(), Stop> {
        let Some((log, _)) = &self.log else { return Ok(()) };
        log.block_until_durable_at(log.sealed()).map_err(|_| Stop::Died)
    }

    fn presented(&self) -> Presented {
        let end = self.sealed();
        let data = self.data[..(end.0 as usize).min(self.data.len())].to_vec();
        Presented { lineage: self.lineage.clone(), data, end }
    }
}

impl Node {
    /// A node that has never run; its first start begins its own history.
    pub fn new(number: usize, files: Files, rules: Rules) -> Self {
        let machine = Machine::new(number);
        Self {
            machine,
            files,
            life: None,
            owed: Some(Owed::default()),
            half_copy: None,
            at_rest: Vec::new(),
            rules,
        }
    }

    /// Changes the manifest durably.
    pub fn record(&mut self, change: impl FnOnce(&mut Manifest)) {
        let Some(life) = &mut self.life else { return };
        change(&mut life.manifest);
        life.lineage.record(&mut life.manifest);
        self.files.replace_manifest(&life.manifest);
    }

    /// Starts; a start that is interrupted goes no further than to open the log.
    pub fn start(&mut self, plan: Start) -> Result<(), Stop> {
        let Start { role, feed, minted, .. } = plan;
        let found = recovery::recover(&self.machine, &self.files, role, self.rules, minted)?;
        self.check_owed(&found)?;
        if plan.completes == Completes::No {
            return Err(Stop::Died);
        }
        let Found { mut lineage, data, log, writer, manifest } = found;
        lineage.keep(plan.past);
        self.half_copy = None;
        let durable = log.durable();
        let following = (role == Role::Replica).then(|| Following::begin(plan.upstream));
        self.life = Some(Life {
            lineage,
            data,
            log: Some((log, writer)),
            manifest,
            following,
            feed,
            pending: None,
        });
        let (boot, directory) = (self.machine.boot(), self.machine.directory());
        let feeds = match feed {
            DurableOnly::No if !self.rules.break_with(Broken::FeedNotRecorded) => FeedsSeen::Sealed,
            _ => FeedsSeen::DurableOnly,
        };
        self.record(|manifest| {
            manifest.role = role;
            manifest.run = RunState::Running { boot, feeds };
            manifest.sync_failed = false;
            manifest.directory = directory;
            manifest.durable_floor = durable;
            manifest.log.files = backlogd::snapshot::LogFiles::Own;
        });
        self.files.sync_failed = false;
        self.at_rest.clear();
        Ok(())
    }

    fn check_owed(&self, found: &Found) -> Result<(), Stop> {
        let (number, end) = (self.machine.number, found.log.sealed().0 as usize);
        let data = &found.data;
        must(data.len() == end, || {
            format!("node {number} holds the effects of {} bytes, but claims {end}", data.len())
        })?;
        let Some(owed) = &self.owed else { return Ok(()) };
        must(owed.bytes.starts_with(data), || {
            format!("node {number} recovers {end} bytes that are not those it had")
        })?;
        must(data.len() >= owed.least, || {
            format!("node {number} recovers {end} bytes, but {} were durable", owed.least)
        })
    }

    /// Dies, alone or with its machine; down, only the machine can.
    pub fn crash(&mut self, crash: Crash, random: &mut Random) -> Result<(), Stop> {
        if let Some(life) = self.life.take() {
            let (sealed, durable) = (life.sealed().0 as usize, life.durable().0 as usize);
            let mut bytes = life.data;
            bytes.truncate(sealed);
            let (least, durable) = (bytes.len(), durable.min(bytes.len()));
            self.owed = Some(Owed { least, durable, bytes });
        }
        if let Some(owed) = self.owed.as_mut().filter(|_| crash == Crash::Power) {
            owed.least = owed.durable;
        }
        self.files = self.files.after(crash, random);
        if crash == Crash::Power {
            self.machine.reboot();
        }
        self.rest(random)
    }

    /// Ends in order.
    pub fn shut_down(&mut self, random: &mut Random) -> Result<(), Stop> {
        let Some(life) = &mut self.life else { return Ok(()) };
        let Some((_, writer)) = life.log.take() else { return self.crash(Crash::Process, random) };
        let end = writer.close().map_err(|_| Stop::Died)?;
        self.record(|manifest| manifest.run = RunState::Clean { end });
        self.crash(Crash::Process, random)
    }

    /// Takes over a copy of another's directory.
    pub fn take_copy(
        &mut self,
        files: Files,
        owed: Option<Owed>,
        random: &mut Random,
    ) -> Result<(), Stop> {
        (self.files, self.owed) = (files, owed);
        self.machine.restore();
        self.rest(random)
    }

    /// Tells a directory and the log in it from what comes to take their places.
    pub fn place(&self) -> (DirectoryId, u64) {
        (self.machine.directory(), self.files.manifest().log.epoch)
    }

    /// What a copy of the directory must be found to hold.
    pub fn owed_to_copies(&self) -> Option<Owed> {
        if let Some(life) = &self.life {
            let bytes = life.presented().data;
            return Some(Owed { least: bytes.len(), durable: bytes.len(), bytes });
        }
        self.owed.clone().map(|owed| Owed { durable: owed.least, ..owed })
    }

    /// Whom the process follows.
    pub fn upstream(&self) -> Option<usize> {
        self.life.as_ref().and_then(Life::upstream)
    }

    /// What no crash can take away any more.
    pub fn surely_has(&self) -> Offset {
        let owed = self.owed.as_ref().map_or(0, |owed| owed.durable as u64);
        self.life.as_ref().map_or(Offset(owed), Life::durable)
    }

    /// Works out what a start would present, in either role.
    fn rest(&mut self, random: &mut Random) -> Result<(), Stop> {
        self.at_rest.clear();
        for (role, mark) in [(Role::Primary, 0xfe), (Role::Replica, 0xff)] {
            let files = self.files.after(Crash::Process, random);
            let mut minted = [mark; 20];
            minted[0] = self.machine.number as u8;
            let minted = Replid::from_bytes(minted);
            let found = recovery::recover(&self.machine, &files, role, self.rules, minted)?;
            self.check_owed(&found)?;
            let Found { lineage, data, log, .. } = found;
            self.at_rest.push(Presented { lineage, data, end: log.sealed() });
        }
        Ok(())
    }

    /// The histories this node presents, or would.
    pub fn presents(&self) -> Vec<Presented> {
        match &self.life {
            Some(life) => vec![life.presented()],
            None => self.at_rest.clone(),
        }
    }

    /// Allows sealed bytes to be sent, which is recorded first, or durable ones alone.
    pub fn set_feed(&mut self, feed: DurableOnly) {
        if feed == DurableOnly::No && !self.rules.break_with(Broken::FeedNotRecorded) {
            self.record(|manifest| {
                if let RunState::Running { feeds, .. } = &mut manifest.run {
                    *feeds = FeedsSeen::Sealed;
                }
            });
        }
        if let Some(life) = &mut self.life {
            life.feed = feed;
        }
    }

    /// Cuts a snapshot at the sealed end; it is named once it may be.
    pub fn cut_snapshot(&mut self) {
        let Some(life) = &mut self.life else { return };
        life.seal();
        life.pending = Some((life.sealed(), Arc::new(life.data.clone())));
    }

    /// Names the snapshot in the manifest if the log is durable up to it; tells whether it did.
    pub fn name_snapshot(&mut self) -> bool {
        let Some(life) = &mut self.life else { return false };
        let durable = life.durable();
        let may =
            |offset: Offset| durable >= offset || self.rules.break_with(Broken::SnapshotNotDurable);
        let Some((offset, image)) = life.pending.take_if(|(offset, _)| may(*offset)) else {
            return false;
        };
        self.switch_snapshot(offset, &image, |_| {});
        true
    }

    /// Names a snapshot, and whatever changes with it, in one durable switch.
    pub fn switch_snapshot(
        &mut self,
        offset: Offset,
        image: &Image,
        change: impl FnOnce(&mut Manifest),
    ) {
        let Some(life) = &mut self.life else { return };
        let file = format!("{}-{offset}.rdb", life.lineage.current());
        self.files.snapshots.insert(file.clone(), Arc::clone(image));
        let meta = SnapshotMeta {
            staged: file.clone(),
            file: file.clone(),
            offset,
            stream_db: 0,
            bytes: image.len() as u64,
            checksum: 0,
            rdb_version: 10,
        };
        self.record(|manifest| {
            manifest.snapshot = Some(meta);
            change(manifest);
        });
        self.files.snapshots.retain(|name, _| *name == file);
    }

    /// Ends following, and begins a history of its own.
    pub fn promote(&mut self, minted: Replid) -> Result<(), Stop> {
        let Some(life) = &mut self.life else { return Ok(()) };
        life.seal();
        if !self.rules.break_with(Broken::PromotesUnsynced) {
            life.sync()?;
        }
        let above = u64::from(self.rules.break_with(Broken::CeilingTooHigh));
        life.lineage.rotate(minted, life.sealed().advanced(above));
        life.following = None;
        if let Some((_, writer)) = &mut life.log {
            writer.set_replid(minted);
        }
        let durable = life.durable();
        self.record(|manifest| {
            manifest.role = Role::Primary;
            manifest.durable_floor = durable;
        });
        Ok(())
    }

    /// Begins to follow another node.
    pub fn follow(&mut self, upstream: usize) {
        let Some(life) = &mut self.life else { return };
        life.seal();
        life.following = Some(Following::begin(upstream));
        self.record(|manifest| manifest.role = Role::Replica);
    }

    /// Compares memory with what a start would restore.
    pub fn check_memory(&self) -> Result<(), Stop> {
        let Some(life) = &self.life else { return Ok(()) };
        let Some((log, _)) = &life.log else { return Ok(()) };
        let from = life.manifest.needed_from();
        let sealed = log.sealed();
        let number = self.machine.number;
        let image = self.files.named_snapshot(&life.manifest);
        let image = image.as_deref().map_or(&[][..], Vec::as_slice);
        let held = recovery::read(log, from, sealed)?;
        let (start, end) = (from.0 as usize, sealed.0 as usize);
        must(
            image.len() == start
                && life.data.starts_with(image)
                && life.data.get(start..end) == Some(&held[..]),
            || format!("node {number}: memory is not snapshot and log, at {from} to {sealed}"),
        )
    }
}

/// How a node starts.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// As what.
    pub role: Role,
    /// Whom it follows, if it does.
    pub upstream: usize,
    /// What it may send.
    pub feed: DurableOnly,
    /// How many names of old it remembers.
    pub past: usize,
    /// The name it takes if it must take one.
    pub minted: Replid,
    /// Whether it gets to record the run.
    pub completes: Completes,
}

/// Whether a start is carried through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completes {
    /// It is.
    Yes,
    /// The process dies when it has opened the log.
    No,
}
