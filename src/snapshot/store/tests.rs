//! Tests of publishing and of what a crash leaves behind.

use super::*;
use crate::position::Replid;
use crate::snapshot::directory::DirectoryId;
use crate::snapshot::manifest::{LogFiles, LogPlace, Role, RunState};
use crate::snapshot::rdb::{Checksum, Decoder, Encoder, Item, Limits, Options};

struct World {
    place: tempfile::TempDir,
    store: SnapshotStore,
    manifest: ManifestFile,
}

impl World {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let directory = Arc::new(Directory::lock(place.path()).unwrap());
        let manifest = Manifest {
            replid: Replid::random(),
            past: Vec::new(),
            role: Role::Primary,
            run: RunState::Clean { end: Offset::ZERO },
            sync_failed: false,
            directory: DirectoryId { device: 0, inode: 0, lock_inode: 0, lock_born_ns: 0 },
            snapshot: None,
            durable_floor: Offset::ZERO,
            log: LogPlace { epoch: 0, first: Offset::ZERO, files: LogFiles::Own },
        };
        let store = SnapshotStore::new(Arc::clone(&directory), None).unwrap();
        let manifest = ManifestFile::create(directory, manifest).unwrap();
        Self { place, store, manifest }
    }

    fn seal(&self, offset: u64, checksum: Checksum) -> Sealed {
        let pending = self.store.begin(Offset(offset), 0).unwrap();
        let options = Options { checksum, ..Options::default() };
        let mut encoder = Encoder::new(pending, options).unwrap();
        encoder.select_db(0).unwrap();
        encoder.string(b"offset", None, format!("{offset:010}").as_bytes()).unwrap();
        let (pending, finished) = encoder.finish().unwrap();
        pending.seal(finished, "dump.rdb").unwrap()
    }

    fn publish(&mut self, offset: u64, checksum: Checksum) -> Snapshot {
        let sealed = self.seal(offset, checksum);
        sealed.publish(&mut self.manifest, |m| m.durable_floor = Offset(offset)).unwrap()
    }

    /// Starts over as after a crash; returns what recovery finds.
    fn reopen(self) -> (Self, Result<Snapshot, StoreError>) {
        let Self { place, store, manifest } = self;
        drop((store, manifest));
        let directory = Arc::new(Directory::lock(place.path()).unwrap());
        let manifest = Manifest::load(place.path()).unwrap().unwrap();
        let store = SnapshotStore::new(Arc::clone(&directory), Some(&manifest)).unwrap();
        let opened = store.open(manifest.snapshot.as_ref().unwrap());
        let manifest = ManifestFile::resume(directory, manifest);
        (Self { place, store, manifest }, opened)
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name.contains(".rdb"));
        names.sort();
        names
    }
}

fn contents(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot.reader().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_published_snapshot_is_found_again_under_its_stock_name() {
    let mut world = World::new();
    let published = world.publish(42, Checksum::Written);
    assert_eq!(world.files(), ["dump.rdb"]);
    assert_eq!(world.manifest.current().durable_floor, Offset(42));
    let (_world, opened) = world.reopen();
    let opened = opened.unwrap();
    assert_eq!(opened.meta(), published.meta());
    assert_eq!(contents(&opened), contents(&published));
    let mut decoder = Decoder::new(opened.reader(), Limits::default()).unwrap();
    let checksum = loop {
        if let Item::Eof { checksum } = decoder.next_item().unwrap() {
            break checksum;
        }
    };
    opened.check_contents(checksum).unwrap();
    opened.check_contents(checksum ^ 1).unwrap_err();
}

#[test]
fn an_unpublished_snapshot_leaves_nothing_behind() {
    let mut world = World::new();
    world.publish(1, Checksum::Written);
    drop(world.seal(2, Checksum::Written));
    drop(world.store.begin(Offset(3), 0).unwrap());
    assert_eq!(world.files(), ["dump.rdb"]);
}

#[test]
fn a_crash_before_the_switch_keeps_the_old_snapshot() {
    let mut world = World::new();
    world.publish(1, Checksum::Written);
    let sealed = world.seal(2, Checksum::Written);
    let _ = sealed.staged.keep();
    assert_eq!(world.files().len(), 2);
    let (world, opened) = world.reopen();
    assert_eq!(opened.unwrap().meta().offset, Offset(1));
    assert_eq!(world.files(), ["dump.rdb"]);
}

#[test]
fn a_crash_between_switch_and_rename_is_made_good() {
    // Without checksums both files have the same size and the same end: only the name tells.
    for checksum in [Checksum::Written, Checksum::Omitted] {
        let mut world = World::new();
        world.publish(1, checksum);
        let sealed = world.seal(2, checksum);
        let meta = sealed.meta().clone();
        let _ = sealed.staged.keep();
        world.manifest.update(|manifest| manifest.snapshot = Some(meta)).unwrap();
        for _ in 0..2 {
            let (next, opened) = world.reopen();
            let opened = opened.unwrap();
            assert_eq!(opened.meta().offset, Offset(2));
            assert!(contents(&opened).windows(10).any(|window| window == b"0000000002"));
            assert_eq!(next.files(), ["dump.rdb"]);
            world = next;
        }
    }
}

#[test]
fn one_that_cannot_get_its_name_is_found_all_the_same_and_gone_with_the_next() {
    let mut world = World::new();
    let in_the_way = world.place.path().join("dump.rdb");
    fs::create_dir(&in_the_way).unwrap();
    for offset in [1, 2] {
        let sealed = world.seal(offset, Checksum::Written);
        let error = sealed.publish(&mut world.manifest, |_| ()).unwrap_err();
        assert!(error.to_string().contains("rename"), "{error}");
        assert_eq!(world.files().len(), 2, "the one that came before is gone: {:?}", world.files());
    }
    let (mut world, opened) = world.reopen();
    assert_eq!(opened.unwrap().meta().offset, Offset(2));
    fs::remove_dir(&in_the_way).unwrap();
    world.publish(3, Checksum::Written);
    assert_eq!(world.files(), ["dump.rdb"]);
}

#[test]
fn where_the_manifest_cannot_be_written_nothing_is_left_of_the_attempt() {
    let mut world = World::new();
    world.publish(1, Checksum::Written);
    let in_the_way = world.place.path().join("backlogd.manifest.tmp");
    fs::create_dir(&in_the_way).unwrap();
    let sealed = world.seal(2, Checksum::Written);
    sealed.publish(&mut world.manifest, |_| ()).unwrap_err();
    assert_eq!(world.files(), ["dump.rdb"]);
    fs::remove_dir(&in_the_way).unwrap();
    let (_, opened) = world.reopen();
    assert_eq!(opened.unwrap().meta().offset, Offset(1));
}

#[test]
fn another_file_in_its_place_is_noticed() {
    let mut world = World::new();
    world.publish(1, Checksum::Written);
    let path = world.place.path().join("dump.rdb");
    let mut bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[1..]).unwrap();
    let (world, opened) = world.reopen();
    let error = opened.unwrap_err();
    assert!(matches!(error, StoreError::Foreign { difference: Difference::Size { .. }, .. }));
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (world, opened) = world.reopen();
    let error = opened.unwrap_err();
    assert!(matches!(error, StoreError::Foreign { difference: Difference::Checksum { .. }, .. }));
    fs::remove_file(&path).unwrap();
    let (_, opened) = world.reopen();
    assert!(matches!(opened.unwrap_err(), StoreError::Missing { .. }));
}

#[test]
fn a_snapshot_being_read_outlives_its_successor() {
    let mut world = World::new();
    let first = world.publish(1, Checksum::Written);
    let before = contents(&first);
    world.publish(2, Checksum::Written);
    fs::remove_file(world.place.path().join("dump.rdb")).unwrap();
    assert_eq!(contents(&first), before);
}

#[test]
fn files_of_other_programs_stay() {
    let world = World::new();
    for name in ["temp-17.rdb", "other.rdb.tmp", "backlogd-7-0.rdb.tmp"] {
        fs::write(world.place.path().join(name), b"x").unwrap();
    }
    SnapshotStore::new(Arc::clone(world.manifest.directory()), None).unwrap();
    assert_eq!(world.files(), ["other.rdb.tmp", "temp-17.rdb"]);
}

#[test]
fn bytes_that_are_not_all_there_cannot_be_sealed() {
    let world = World::new();
    let mut pending = world.store.begin(Offset(1), 0).unwrap();
    pending.write_all(b"REDIS0010").unwrap();
    let finished = Finished { bytes: 18, checksum: 1, version: 10 };
    assert!(matches!(pending.seal(finished, "dump.rdb"), Err(StoreError::Foreign { .. })));
    assert!(world.files().is_empty());
}

#[test]
fn names_that_could_reach_elsewhere_are_refused() {
    for name in ["", ".", "..", "a/b", "/etc/passwd", "backlogd.manifest", "a\0b"] {
        check_file_name(name).unwrap_err();
    }
    check_file_name("dump.rdb").unwrap();
}

#[test]
fn a_file_from_before_checksums_is_told_from_another_by_its_contents() {
    let mut world = World::new();
    let file = b"REDIS0004\x00\x01k\x05value\xff";
    fs::write(world.place.path().join("dump.rdb"), file).unwrap();
    let checksum = crate::snapshot::rdb::crc64(0, file);
    let meta = SnapshotMeta {
        file: "dump.rdb".to_owned(),
        staged: "backlogd-7-0.rdb.tmp".to_owned(),
        offset: Offset::ZERO,
        stream_db: 0,
        bytes: file.len() as u64,
        checksum,
        rdb_version: 4,
    };
    world.manifest.update(|manifest| manifest.snapshot = Some(meta)).unwrap();
    let (_, opened) = world.reopen();
    let opened = opened.unwrap();
    assert_eq!(contents(&opened), file);
    opened.check_contents(checksum).unwrap();
    opened.check_contents(checksum ^ 1).unwrap_err();
}
