//! A machine: its directory, its boot, and what they are after a crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use backlogd::log::heap::{Crash, HeapDisk};
use backlogd::position::{Offset, Replid};
use backlogd::snapshot::{BootIdentity, DirectoryId, LogFiles, LogPlace, Manifest, Role, RunState};

use super::random::Random;

/// The manifest of a history that begins, its log still to be created.
pub fn beginning(machine: &Machine, replid: Replid, role: Role) -> Manifest {
    Manifest {
        replid,
        past: Vec::new(),
        role,
        run: RunState::Clean { end: Offset::ZERO },
        sync_failed: false,
        directory: machine.directory(),
        snapshot: None,
        durable_floor: Offset::ZERO,
        log: LogPlace { epoch: 1, first: Offset::ZERO, files: LogFiles::GivenUp },
    }
}

/// The bytes of stream that a snapshot stands for.
pub type Image = Arc<Vec<u8>>;

/// What a directory holds.
#[derive(Debug)]
pub struct Files {
    manifest: Vec<u8>,
    /// By name. They are durable before the manifest names them.
    pub snapshots: BTreeMap<String, Image>,
    /// The log's segments, on a disk that loses what was not synced.
    pub log: HeapDisk,
    /// The mark that a sync has failed.
    pub sync_failed: bool,
}

impl Files {
    /// A directory that holds nothing but a manifest.
    pub fn new(manifest: &Manifest) -> Self {
        Self {
            manifest: manifest.encode(),
            snapshots: BTreeMap::new(),
            log: HeapDisk::default(),
            sync_failed: false,
        }
    }

    /// Reads the manifest as a start does.
    pub fn manifest(&self) -> Manifest {
        let mut manifest = Manifest::decode(&self.manifest).expect("it is replaced as a whole");
        manifest.sync_failed |= self.sync_failed;
        manifest
    }

    /// Replaces the manifest durably.
    pub fn replace_manifest(&mut self, manifest: &Manifest) {
        self.manifest = manifest.encode();
    }

    /// The snapshot that the manifest names.
    pub fn named_snapshot(&self, manifest: &Manifest) -> Option<Image> {
        let meta = manifest.snapshot.as_ref()?;
        Some(Arc::clone(self.snapshots.get(&meta.file).expect("it was written before it is named")))
    }

    /// What there is after a crash.
    pub fn after(&self, crash: Crash, random: &mut Random) -> Self {
        Self {
            manifest: self.manifest.clone(),
            snapshots: self.snapshots.clone(),
            log: self.log.after(crash, &mut || random.bits()),
            sync_failed: self.sync_failed,
        }
    }

    /// What a copy holds whose log was copied at another moment than the rest.
    pub fn torn(rest: Self, log: Self) -> Self {
        Self { log: log.log, ..rest }
    }

    /// What a copy of the directory holds, made by reading its files.
    pub fn copied(&self) -> Self {
        Self {
            manifest: self.manifest.clone(),
            snapshots: self.snapshots.clone(),
            log: HeapDisk::with_files(self.log.files()),
            sync_failed: self.sync_failed,
        }
    }
}

/// Where a directory lies.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Tells it from the others.
    pub number: usize,
    boots: u8,
    /// How often its directory was put in place of another.
    restores: u64,
}

impl Machine {
    /// A machine that has just booted.
    pub fn new(number: usize) -> Self {
        Self { number, boots: 1, restores: 0 }
    }

    /// Loses its page cache.
    pub fn reboot(&mut self) {
        self.boots = self.boots.wrapping_add(1).max(1);
    }

    /// Gets a directory in place of the one there was.
    pub fn restore(&mut self) {
        self.restores += 1;
    }

    /// The boot as the manifest records it.
    pub fn boot(&self) -> BootIdentity {
        BootIdentity { boot_id: format!("{}.{}", self.number, self.boots), mount_id: Some(1) }
    }

    /// The boot as the log records it.
    pub fn boot_number(&self) -> [u8; 16] {
        let mut number = [1; 16];
        (number[0], number[1]) = (self.number as u8, self.boots);
        number
    }

    /// The directory as the manifest records it.
    pub fn directory(&self) -> DirectoryId {
        let inode = 100 * (1 + self.number as u64) + self.restores;
        DirectoryId { device: 1, inode, lock_inode: inode, lock_born_ns: inode }
    }
}
