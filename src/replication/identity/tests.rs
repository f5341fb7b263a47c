//! The whole truth table of the decision.

use super::*;
use crate::position::Replid;
use crate::snapshot::{LogFiles, LogPlace, SnapshotMeta};

const HERE: DirectoryId = DirectoryId { device: 1, inode: 2, lock_inode: 3, lock_born_ns: 4 };
const ELSEWHERE: DirectoryId = DirectoryId { inode: 3, ..HERE };
const END: Offset = Offset(500);

fn boot(boot_id: &str, mount_id: Option<u64>) -> BootIdentity {
    BootIdentity { boot_id: boot_id.into(), mount_id }
}

fn manifest(run: RunState) -> Manifest {
    Manifest {
        replid: Replid::from_bytes([1; 20]),
        past: Vec::new(),
        role: Role::Primary,
        run,
        sync_failed: false,
        directory: HERE,
        snapshot: None,
        durable_floor: Offset(400),
        log: LogPlace { epoch: 0, first: Offset::ZERO, files: LogFiles::Own },
    }
}

fn runs() -> Vec<RunState> {
    let mut runs = vec![
        RunState::Clean { end: END },
        RunState::Clean { end: Offset(499) },
        RunState::Clean { end: Offset(501) },
    ];
    for boot_id in ["now", "before"] {
        for mount_id in [Some(1), Some(2), None] {
            for feeds in [FeedsSeen::DurableOnly, FeedsSeen::Sealed] {
                runs.push(RunState::Running { boot: boot(boot_id, mount_id), feeds });
            }
        }
    }
    runs
}

/// Rule R1 in the words of the rule, without reasons.
fn rule(last: &Manifest, recovered: &Recovered<'_>) -> bool {
    let nothing_durable_is_missing =
        recovered.durable_bytes == DurableBytes::Kept && recovered.end >= last.durable_floor;
    let page_cache_or_feed = match &last.run {
        RunState::Clean { end } => *end == recovered.end && !last.sync_failed,
        RunState::Running { boot, feeds } => {
            let same_boot = boot.boot_id == recovered.boot.boot_id;
            let same_mount = boot.mount_id.is_some() && boot.mount_id == recovered.boot.mount_id;
            *feeds == FeedsSeen::DurableOnly || (same_boot && same_mount && !last.sync_failed)
        }
    };
    last.directory == recovered.directory && nothing_durable_is_missing && page_cache_or_feed
}

#[test]
fn every_combination_follows_the_rule() {
    let now = boot("now", Some(1));
    let (mut kept, mut rotated) = (0, 0);
    for run in runs() {
        for sync_failed in [false, true] {
            for directory in [HERE, ELSEWHERE] {
                for durable_bytes in [DurableBytes::Kept, DurableBytes::Cut] {
                    for end in [Offset(399), Offset(400), END] {
                        let last = Manifest { sync_failed, ..manifest(run.clone()) };
                        let role = Role::Primary;
                        let recovered =
                            Recovered { end, durable_bytes, boot: &now, directory, role };
                        let identity = decide(&last, &recovered);
                        let keeps = matches!(identity, Identity::Keep(_));
                        assert_eq!(keeps, rule(&last, &recovered), "{last:?} {recovered:?}");
                        if keeps { kept += 1 } else { rotated += 1 }
                    }
                }
            }
        }
    }
    assert!(kept > 0 && rotated > kept);
}

fn decided(run: RunState, sync_failed: bool) -> Identity {
    let last = Manifest { sync_failed, ..manifest(run) };
    let now = boot("now", Some(1));
    let durable_bytes = DurableBytes::Kept;
    let role = Role::Primary;
    decide(&last, &Recovered { end: END, durable_bytes, boot: &now, directory: HERE, role })
}

fn crashed(boot_id: &str, mount_id: u64, feeds: FeedsSeen) -> RunState {
    RunState::Running { boot: boot(boot_id, Some(mount_id)), feeds }
}

#[test]
fn each_reason_is_the_one_an_operator_would_name() {
    use FeedsSeen::{DurableOnly, Sealed};
    use Identity::{Keep, Rotate};
    let table = [
        (RunState::Clean { end: END }, false, Keep(KeepReason::CleanShutdown)),
        (RunState::Clean { end: END }, true, Rotate(RotateReason::SyncHadFailed)),
        (crashed("now", 1, Sealed), false, Keep(KeepReason::SameBoot)),
        (crashed("now", 1, DurableOnly), false, Keep(KeepReason::SameBoot)),
        (crashed("now", 1, Sealed), true, Rotate(RotateReason::SyncHadFailed)),
        (crashed("now", 1, DurableOnly), true, Keep(KeepReason::DurableFeed)),
        (crashed("before", 1, DurableOnly), false, Keep(KeepReason::DurableFeed)),
        (crashed("before", 1, Sealed), false, Rotate(RotateReason::DifferentBoot)),
        (crashed("now", 2, DurableOnly), false, Keep(KeepReason::DurableFeed)),
        (crashed("now", 2, Sealed), false, Rotate(RotateReason::DifferentMount)),
    ];
    for (run, sync_failed, expected) in table {
        assert_eq!(decided(run.clone(), sync_failed), expected, "{run:?}, failed: {sync_failed}");
    }
    let off = decided(RunState::Clean { end: Offset(501) }, false);
    assert_eq!(
        off.to_string(),
        "new replid: the log ends at 500, but the last run was shut down at 501"
    );
}

#[test]
fn a_copy_rotates_even_after_a_clean_end_with_the_durable_feed() {
    let now = boot("now", Some(1));
    for run in runs() {
        let durable_bytes = DurableBytes::Kept;
        let role = Role::Primary;
        let recovered =
            Recovered { end: END, durable_bytes, boot: &now, directory: ELSEWHERE, role };
        let identity = decide(&manifest(run), &recovered);
        assert_eq!(identity, Identity::Rotate(RotateReason::CopiedDirectory));
    }
}

#[test]
fn a_replica_keeps_the_name_of_its_primary_and_never_writes_under_it() {
    let now = boot("now", Some(1));
    for run in runs() {
        for last_role in [Role::Primary, Role::Replica] {
            for role in [Role::Primary, Role::Replica] {
                let last = Manifest { role: last_role, ..manifest(run.clone()) };
                let durable_bytes = DurableBytes::Kept;
                let recovered =
                    Recovered { end: END, durable_bytes, boot: &now, directory: HERE, role };
                let identity = decide(&last, &recovered);
                match (last_role, role) {
                    (_, Role::Replica) => assert_eq!(identity, Identity::Keep(KeepReason::Follows)),
                    (Role::Replica, Role::Primary) => {
                        assert_eq!(identity, Identity::Rotate(RotateReason::WasReplica));
                    }
                    (Role::Primary, Role::Primary) => {}
                }
            }
        }
    }
}

fn recovered_elsewhere(end: Offset, boot: &BootIdentity, role: Role) -> Recovered<'_> {
    let durable_bytes = DurableBytes::Kept;
    Recovered { end, durable_bytes, boot, directory: ELSEWHERE, role }
}

#[test]
fn a_copy_vouches_for_what_was_durable_and_no_more() {
    let now = boot("now", Some(1));
    let running = manifest(crashed("before", 1, FeedsSeen::DurableOnly));
    for last_role in [Role::Primary, Role::Replica] {
        for role in [Role::Primary, Role::Replica] {
            let running = Manifest { role: last_role, ..running.clone() };
            let recovered = recovered_elsewhere(END, &now, role);
            assert_eq!(shared_up_to(&running, &recovered), Offset(400), "the manifest's floor");
            let identity = decide(&running, &recovered);
            assert!(matches!(identity, Identity::Rotate(_)), "{last_role:?} {role:?}: {identity}");
        }
    }
    let with_snapshot = Manifest { snapshot: Some(snapshot_at(450)), ..running.clone() };
    let recovered = recovered_elsewhere(END, &now, Role::Primary);
    assert_eq!(shared_up_to(&with_snapshot, &recovered), Offset(450), "it is named when durable");
    let short = recovered_elsewhere(Offset(300), &now, Role::Primary);
    assert_eq!(shared_up_to(&with_snapshot, &short), Offset(300), "only what is there");
}

#[test]
fn a_copy_of_what_ended_in_order_vouches_for_all_and_may_follow_the_original() {
    let now = boot("now", Some(1));
    let ended = manifest(RunState::Clean { end: END });
    let recovered = recovered_elsewhere(END, &now, Role::Replica);
    assert_eq!(shared_up_to(&ended, &recovered), END);
    assert_eq!(decide(&ended, &recovered), Identity::Keep(KeepReason::Follows));
}

#[test]
fn a_file_system_that_is_numbered_anew_costs_a_name_and_no_shared_byte() {
    let now = boot("now", Some(1));
    let last = manifest(crashed("before", 1, FeedsSeen::DurableOnly));
    let directory = DirectoryId { device: 9, ..HERE };
    let recovered = Recovered { directory, ..recovered_elsewhere(END, &now, Role::Primary) };
    assert_eq!(decide(&last, &recovered), Identity::Rotate(RotateReason::CopiedDirectory));
    assert_eq!(shared_up_to(&last, &recovered), END);
}

fn snapshot_at(offset: u64) -> SnapshotMeta {
    SnapshotMeta {
        file: "dump.rdb".into(),
        staged: "dump.rdb".into(),
        offset: Offset(offset),
        stream_db: 0,
        bytes: 1,
        checksum: 0,
        rdb_version: 10,
    }
}
