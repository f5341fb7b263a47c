//! Whether room for the log lasts until more is made: pure functions of what is left and coming.
//!
//! What a restart needs of the log goes only once there is a newer snapshot. That takes a while, in
//! which writes go on and take room; so it is begun while there is enough for that while.

use std::time::Duration;

use crate::log::retention::Extent;
use crate::position::Offset;

/// How long it takes at most until somebody looks again, and until what may go is gone.
const LOOK: Duration = Duration::from_millis(500);
/// How much longer than the last one a snapshot may take.
const PATIENCE: u32 = 2;
/// So many segments are made ahead of the writer: its next one, and the one after that.
const SEGMENTS_AHEAD: u64 = 2;

/// With room for fewer segments a stream that begins suddenly could fill the disk unseen.
const SCARCE_SEGMENTS: u64 = 16;

/// How the log is written to, and what a snapshot costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// How fast the log grows.
    pub bytes_per_second: u64,
    /// How long a segment file is.
    pub segment_bytes: u64,
    /// How large a snapshot is.
    pub snapshot_bytes: u64,
    /// How long one takes.
    pub snapshot_time: Duration,
}

/// The disk that the log is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// How much room it has.
    pub free_bytes: u64,
    /// How much it must have, or writes are refused; zero: it is not looked at.
    pub reserve_bytes: u64,
}

/// The log as a snapshot divides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// What nothing but replicas want: it goes where room is short.
    pub loose_bytes: u64,
    /// What goes only after a further snapshot.
    pub bound_bytes: u64,
}

impl Disk {
    /// How much it lacks of its reserve and so many bytes more.
    pub fn shortage_bytes(&self, ahead_bytes: u64) -> u64 {
        if self.reserve_bytes == 0 {
            return 0;
        }
        self.reserve_bytes.saturating_add(ahead_bytes).saturating_sub(self.free_bytes)
    }
}

impl Pace {
    /// How much of a disk beyond its reserve must stay free until the next look.
    pub fn ahead_bytes(&self) -> u64 {
        SEGMENTS_AHEAD * self.segment_bytes + self.written_in(LOOK)
    }

    fn written_in(&self, time: Duration) -> u64 {
        (self.bytes_per_second as f64 * time.as_secs_f64()) as u64
    }
}

impl Shares {
    /// Divides the files of a log, oldest first, by where its last snapshot was taken.
    pub fn of(files: &[Extent], taken_at: Offset) -> Self {
        let mut shares = Self::default();
        for pair in files.windows(2) {
            let is_loose = pair[1].base <= taken_at;
            let share = if is_loose { &mut shares.loose_bytes } else { &mut shares.bound_bytes };
            *share += pair[0].file_bytes;
        }
        shares
    }
}

/// How long the room for the log lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Longer than needs be thought about.
    Ample,
    /// Perhaps not for long: it has to be looked at more often.
    Scarce,
    /// Not much longer than it takes to make some by a snapshot.
    SnapshotDue,
}

/// Tells whether a snapshot is due so that room is made before writes are refused for want of it.
///
/// Where room is scarce for the pace, it is due when half of what the log may have is bound, so each
/// one makes as much room as was left; at the very end it is due whenever it makes any.
pub fn outlook(disk: Disk, shares: Shares, pace: &Pace) -> Outlook {
    if disk.reserve_bytes == 0 {
        return Outlook::Ample;
    }
    let left_bytes = disk.free_bytes.saturating_sub(disk.reserve_bytes);
    let taken = SEGMENTS_AHEAD * pace.segment_bytes + pace.snapshot_bytes;
    let left = left_bytes.saturating_add(shares.loose_bytes).saturating_sub(taken);
    let coming = pace.written_in(pace.snapshot_time * PATIENCE + LOOK);
    // One that fails for want of room would be a reason to refuse writes that could go on.
    let fits = left_bytes == 0 || disk.free_bytes >= pace.snapshot_bytes;
    if left <= coming && shares.bound_bytes >= left.max(1) && fits {
        Outlook::SnapshotDue
    } else if left <= 2 * coming + SCARCE_SEGMENTS * pace.segment_bytes {
        Outlook::Scarce
    } else {
        Outlook::Ample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;
    /// A stream of 10 MB a second in segments of 4 MB; a snapshot of 20 MB takes a second.
    const PACE: Pace = Pace {
        bytes_per_second: 10 * MB,
        segment_bytes: 4 * MB,
        snapshot_bytes: 20 * MB,
        snapshot_time: Duration::from_secs(1),
    };

    fn disk(left: u64) -> Disk {
        Disk { free_bytes: (left + 10) * MB, reserve_bytes: 10 * MB }
    }

    fn due(left: u64, loose: u64, bound: u64, pace: &Pace) -> bool {
        let shares = Shares { loose_bytes: loose * MB, bound_bytes: bound * MB };
        outlook(disk(left), shares, pace) == Outlook::SnapshotDue
    }

    #[test]
    fn files_are_loose_up_to_the_snapshot_and_the_tail_is_neither() {
        let file = |base: u64| Extent { base: Offset(base), begun_ms: 0, file_bytes: 128 };
        let files: Vec<_> = [0, 100, 200, 300].map(file).to_vec();
        let shares = |taken_at| {
            let shares = Shares::of(&files, Offset(taken_at));
            (shares.loose_bytes, shares.bound_bytes)
        };
        assert_eq!(shares(0), (0, 384));
        assert_eq!(shares(99), (0, 384));
        assert_eq!(shares(100), (128, 256));
        assert_eq!(shares(250), (256, 128));
        assert_eq!(shares(350), (384, 0));
        assert_eq!(Shares::of(&[], Offset(0)), Shares::default());
    }

    #[test]
    fn a_snapshot_is_begun_while_there_is_room_for_what_comes_meanwhile() {
        // The snapshot and two segments take 28 MB, and 25 MB come in twice its time and a look.
        assert!(!due(54, 0, 500, &PACE));
        assert!(due(53, 0, 500, &PACE));
        assert!(!due(53, 1, 500, &PACE), "what is loose is as good as free");
        let slow = Pace { bytes_per_second: MB / 10, ..PACE };
        assert!(!due(29, 0, 500, &slow));
        assert!(due(28, 0, 500, &slow));
        let long = Pace { snapshot_time: Duration::from_secs(10), ..PACE };
        assert!(due(230, 0, 500, &long));
    }

    #[test]
    fn none_is_taken_that_makes_less_room_than_is_left() {
        assert!(!due(48, 0, 19, &PACE));
        assert!(due(48, 0, 20, &PACE));
        assert!(due(0, 0, 4, &PACE), "at the end, whatever helps");
        assert!(!due(0, 100, 0, &PACE), "it would help nothing");
    }

    #[test]
    fn room_that_a_burst_could_take_is_looked_at_more_often() {
        let seen = |left| outlook(disk(left), Shares::default(), &PACE);
        // Besides 28 MB that are taken, twice what comes and sixteen segments.
        assert_eq!(seen(28 + 50 + 64), Outlook::Scarce);
        assert_eq!(seen(28 + 50 + 65), Outlook::Ample);
        assert_eq!(seen(0), Outlook::Scarce);
    }

    #[test]
    fn none_is_tried_that_does_not_fit_while_writes_can_go_on_without() {
        let large = Pace { snapshot_bytes: 100 * MB, ..PACE };
        assert!(due(90, 0, 500, &large));
        assert!(!due(89, 0, 500, &large));
        assert!(due(0, 0, 500, &large), "at the end, whatever may help");
    }

    #[test]
    fn a_disk_below_its_reserve_is_short_and_one_without_is_not_looked_at() {
        let shortage = |free_bytes, reserve_bytes| {
            let disk = Disk { free_bytes, reserve_bytes };
            (disk.shortage_bytes(0), disk.shortage_bytes(30))
        };
        assert_eq!(shortage(100, 60), (0, 0));
        assert_eq!(shortage(100, 80), (0, 10));
        assert_eq!(shortage(100, 110), (10, 40));
        assert_eq!(shortage(100, u64::MAX), (u64::MAX - 100, u64::MAX - 100));
        assert_eq!(shortage(0, 0), (0, 0));
        let disk = Disk { free_bytes: 0, reserve_bytes: 0 };
        let shares = Shares { loose_bytes: 0, bound_bytes: 500 };
        assert_eq!(outlook(disk, shares, &PACE), Outlook::Ample);
    }

    #[test]
    fn what_must_stay_free_grows_with_the_pace() {
        assert_eq!(PACE.ahead_bytes(), 13 * MB);
        assert_eq!(Pace { bytes_per_second: 0, ..PACE }.ahead_bytes(), 8 * MB);
    }
}
