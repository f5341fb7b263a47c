//! A start: what the directory amounts to, and under which name the server goes on.
//!
//! The order is that of `server::recovery`; the log, `identity` and `lineage` decide.

use std::sync::Arc;

use backlogd::log::{
    Expectation, Helpers, Log, OnCorruption, OpenError, Opened, Options, SyncPolicy, Writer,
};
use backlogd::position::{Offset, Replid};
use backlogd::replication::identity::{
    self, DurableBytes, Identity, KeepReason, Recovered, RotateReason,
};
use backlogd::replication::lineage::Lineage;
use backlogd::snapshot::{LogFiles, Manifest, Role};

use super::machine::{Files, Machine};
use super::rules::{Broken, Rules, Stop};

const SEGMENT_BYTES: u64 = 4096 * 3;

/// What a start has before it records anything.
#[derive(Debug)]
pub struct Found {
    /// The name and what it grew out of.
    pub lineage: Lineage,
    /// Every byte of the history from its beginning.
    pub data: Vec<u8>,
    /// The log, open.
    pub log: Log,
    /// Its writer.
    pub writer: Writer,
    /// As it was found.
    pub manifest: Manifest,
}

/// Options of a small log without threads.
pub fn options(machine: &Machine, replid: Replid) -> Options {
    Options {
        segment_bytes: SEGMENT_BYTES,
        sync: SyncPolicy::Never,
        boot_id: machine.boot_number(),
        ..Options::new(replid)
    }
}

/// Reads what lies in a directory, as a server does that starts in `role`.
pub fn recover(
    machine: &Machine,
    files: &Files,
    role: Role,
    rules: Rules,
    minted: Replid,
) -> Result<Found, Stop> {
    let manifest = files.manifest();
    let (log, mut writer) = open_log(machine, files, &manifest)?;
    let end = log.sealed();
    let data = restore(machine, files, &manifest, &log)?;
    let boot = machine.boot();
    let recovered = Recovered {
        end,
        durable_bytes: DurableBytes::Kept,
        boot: &boot,
        directory: machine.directory(),
        role,
    };
    let mut lineage = Lineage::from_manifest(&manifest);
    if let Identity::Rotate(_) = decide(&manifest, &recovered, rules) {
        let vouched_for = identity::shared_up_to(&manifest, &recovered);
        let for_all = rules.break_with(Broken::CopyVouchesForAll);
        lineage.rotate(minted, if for_all { end } else { vouched_for });
    }
    writer.set_replid(lineage.current());
    Ok(Found { lineage, data, log, writer, manifest })
}

fn decide(manifest: &Manifest, recovered: &Recovered<'_>, rules: Rules) -> Identity {
    let mut last = manifest.clone();
    if rules.break_with(Broken::ForgetsItFollowed) {
        last.role = recovered.role;
    }
    match identity::decide(&last, recovered) {
        Identity::Rotate(_) if rules.break_with(Broken::KeepsName) => {
            Identity::Keep(KeepReason::DurableFeed)
        }
        Identity::Rotate(RotateReason::CopiedDirectory)
            if recovered.role == Role::Replica && rules.break_with(Broken::CopyVouchesForAll) =>
        {
            Identity::Keep(KeepReason::Follows)
        }
        decided => decided,
    }
}

/// Opens the log, or creates the one that a full resync has promised.
fn open_log(machine: &Machine, files: &Files, manifest: &Manifest) -> Result<(Log, Writer), Stop> {
    let storage = Arc::new(files.log.clone());
    let options = options(machine, manifest.replid);
    let opened = if manifest.log.files == LogFiles::GivenUp {
        Log::remove_all_in(&*storage)
            .map_err(OpenError::from)
            .and_then(|()| Log::create_in(storage, manifest.log.first, &options, Helpers::Inline))
    } else {
        let is_own = manifest.directory == machine.directory();
        let expectation = Expectation {
            durable_floor: Some(manifest.known_durable()),
            needed_from: Some(manifest.needed_from()),
            boot_id: if is_own { machine.boot_number() } else { [0; 16] },
            on_corruption: OnCorruption::Refuse,
        };
        let opened = Log::open_in(storage, &options, &expectation, Helpers::Inline);
        opened.map(|Opened { log, writer, .. }| (log, writer))
    };
    opened.map_err(|error| Stop::Lie(format!("node {} refuses to start: {error}", machine.number)))
}

/// The snapshot's contents and those of the log behind it.
fn restore(
    machine: &Machine,
    files: &Files,
    manifest: &Manifest,
    log: &Log,
) -> Result<Vec<u8>, Stop> {
    let number = machine.number;
    let end = log.sealed();
    let from = manifest.needed_from();
    if from > end {
        return Err(Stop::Lie(format!(
            "node {number} refuses to start: its log ends at {end}, before its snapshot at {from}"
        )));
    }
    let mut data = match files.named_snapshot(manifest) {
        Some(image) => image.as_ref().clone(),
        None => Vec::new(),
    };
    data.extend(read(log, from, end)?);
    Ok(data)
}

/// Reads a stretch of a log.
pub fn read(log: &Log, from: Offset, to: Offset) -> Result<Vec<u8>, Stop> {
    let unreadable = |error| Stop::Lie(format!("the log cannot be read from {from}: {error}"));
    let mut reader = log.reader(from).map_err(unreadable)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.read(to, 1 << 16).map_err(unreadable)? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
