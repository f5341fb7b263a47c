//! Tests of the manifest's format and file.

use std::fs;

use super::*;

fn sample() -> Manifest {
    Manifest {
        replid: Replid::from_bytes([0xaa; 20]),
        past: vec![Ancestor { replid: Replid::from_bytes([0xbb; 20]), ceiling: Offset(0x0102) }],
        role: Role::Replica,
        run: RunState::Running {
            boot: BootIdentity { boot_id: "boot".into(), mount_id: Some(27) },
            feeds: FeedsSeen::Sealed,
        },
        sync_failed: true,
        directory: DirectoryId { device: 3, inode: 4, lock_inode: 12, lock_born_ns: 13 },
        snapshot: Some(SnapshotMeta {
            file: "dump.rdb".into(),
            staged: "s".into(),
            offset: Offset(5),
            stream_db: 6,
            bytes: 7,
            checksum: 8,
            rdb_version: 11,
        }),
        durable_floor: Offset(9),
        log: LogPlace { epoch: 10, first: Offset(11), files: LogFiles::GivenUp },
    }
}

fn word(n: u64) -> [u8; 8] {
    n.to_le_bytes()
}

/// What [`sample`] is in bytes; with the role, the snapshot's version and the state of the log's files
/// where a version of the format has them.
fn payload(role: &[u8], rdb_version: &[u8], files: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    payload.extend([0xaa; 20]);
    payload.extend(word(1));
    payload.extend([0xbb; 20]);
    payload.extend(word(0x0102));
    payload.extend(role);
    payload.extend([1, 0, 0, 0]); // Running
    payload.extend(word(4));
    payload.extend(b"boot");
    payload.push(1);
    payload.extend(word(27));
    payload.extend([1, 0, 0, 0]); // Sealed
    payload.push(1);
    for n in [3, 4, 12, 13] {
        payload.extend(word(n));
    }
    payload.push(1);
    payload.extend(word(8));
    payload.extend(b"dump.rdb");
    payload.extend(word(1));
    payload.extend(b"s");
    for n in 5..=8 {
        payload.extend(word(n));
    }
    payload.extend(rdb_version);
    for n in 9..=11 {
        payload.extend(word(n));
    }
    payload.extend(files);
    payload
}

#[test]
fn golden_bytes_of_version_3() {
    let (replica, given_up) = ([1, 0, 0, 0], [1, 0, 0, 0]);
    let bytes = sample().encode();
    assert_eq!(bytes[..16], *b"BKLGMFST\x03\0\0\0\xd4\0\0\0");
    assert_eq!(bytes[16..20], 0x6427_c95c_u32.to_le_bytes());
    assert_eq!(bytes[20..], payload(&replica, &[11, 0, 0, 0], &given_up));
    assert_eq!(Manifest::decode(&bytes), Ok(sample()));
}

#[test]
fn golden_bytes_of_version_2_are_those_of_a_primary() {
    let mut bytes = b"BKLGMFST\x02\0\0\0\xc8\0\0\0".to_vec();
    bytes.extend(0x0bdf_a701_u32.to_le_bytes());
    bytes.extend(payload(&[], &[], &[]));
    let mut expected = sample();
    expected.role = Role::Primary;
    expected.log.files = LogFiles::Own;
    if let Some(meta) = &mut expected.snapshot {
        meta.rdb_version = 10;
    }
    assert_eq!(Manifest::decode(&bytes), Ok(expected));
}

#[test]
fn a_manifest_of_version_1_is_refused_by_name() {
    let mut bytes = sample().encode();
    bytes[8] = 1;
    assert_eq!(Manifest::decode(&bytes), Err(Damage::Version(1)));
}

#[test]
fn a_clean_end_and_absent_parts_round_trip() {
    let manifest = Manifest {
        run: RunState::Clean { end: Offset(77) },
        snapshot: None,
        past: Vec::new(),
        ..sample()
    };
    assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let good = sample().encode();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        Manifest::decode(&bytes).unwrap_err();
    }
}

#[test]
fn every_cut_and_every_addition_is_noticed() {
    let good = sample().encode();
    for end in 0..good.len() {
        assert_eq!(Manifest::decode(&good[..end]), Err(Damage::Truncated), "cut at {end}");
    }
    assert_eq!(Manifest::decode(&[&good[..], b"x"].concat()), Err(Damage::Trailing));
}

#[test]
fn bytes_after_the_payload_are_refused_under_a_right_checksum() {
    let good = sample().encode();
    let payload = [&good[HEADER_BYTES..], &[0]].concat();
    let mut bytes = good[..12].to_vec();
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(checksum(&bytes[8..16], &payload).to_le_bytes());
    bytes.extend(payload);
    assert_eq!(Manifest::decode(&bytes), Err(Damage::Payload));
}

#[test]
fn other_damage_is_told_apart() {
    let mut bytes = sample().encode();
    assert_eq!(Manifest::decode(b"REDIS0010"), Err(Damage::Magic));
    bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Manifest::decode(&bytes), Err(Damage::TooLong));
    bytes[8] = 4;
    assert_eq!(Manifest::decode(&bytes), Err(Damage::Version(4)));
}

#[test]
fn loading_tells_absent_unreadable_and_of_another_version_apart() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(MANIFEST_FILE);
    assert!(Manifest::load(place.path()).unwrap().is_none());
    let good = sample().encode();
    fs::write(&path, &good).unwrap();
    assert_eq!(Manifest::load(place.path()).unwrap(), Some(sample()));
    fs::write(&path, &good[..30]).unwrap();
    let torn = Manifest::load(place.path()).unwrap_err();
    assert!(matches!(torn, ManifestError::Unreadable { damage: Damage::Truncated, .. }));
    assert!(torn.to_string().contains("backlogd.manifest is unreadable: it ends too early"));
    fs::write(&path, [&good[..8], &[9], &good[9..]].concat()).unwrap();
    let newer = Manifest::load(place.path()).unwrap_err();
    assert!(
        newer.to_string().contains("format version 9; this server reads up to version 3"),
        "{newer}"
    );
}

#[test]
fn an_update_is_on_disk_when_it_returns() {
    let place = tempfile::tempdir().unwrap();
    let directory = Arc::new(Directory::lock(place.path()).unwrap());
    let mut file = ManifestFile::create(Arc::clone(&directory), sample()).unwrap();
    file.update(|manifest| manifest.durable_floor = Offset(100)).unwrap();
    assert_eq!(file.current().durable_floor, Offset(100));
    assert_eq!(Manifest::load(place.path()).unwrap().as_ref(), Some(file.current()));
}

#[test]
fn a_failed_update_leaves_the_manifest_as_it_was() {
    let place = tempfile::tempdir().unwrap();
    let directory = Arc::new(Directory::lock(place.path()).unwrap());
    let mut file = ManifestFile::create(directory, sample()).unwrap();
    // A directory where the temporary file belongs makes its creation fail.
    fs::create_dir(place.path().join("backlogd.manifest.tmp")).unwrap();
    file.update(|manifest| manifest.durable_floor = Offset(100)).unwrap_err();
    assert_eq!(file.current(), &sample());
    assert_eq!(Manifest::load(place.path()).unwrap(), Some(sample()));
}
