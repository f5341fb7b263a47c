//! What of the log stays in memory: one pure function of how far it has come and who reads where.
//!
//! A log that is written to at the speed of a disk would otherwise be resident as a whole, in the
//! mappings of its segments and in the page cache that the process is charged with. Letting go of
//! pages loses nothing: the mappings are shared ones, and only clean pages leave the page cache.

use std::sync::Arc;

use super::core::Core;
use super::schedulable::{AtomicBool, AtomicU64, Mutex, Ordering};
use super::segment::Reading;
use crate::position::Offset;

/// How much of a log is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residency {
    /// Bytes this close to the end are mapped and read from the mapping, all others by calls.
    pub recent_bytes: u64,
    /// For readers this close to the end the page cache keeps what they have not read.
    pub followed_bytes: u64,
    /// When so much is not durable, a sync is asked for: until then it cannot leave memory.
    pub undurable_bytes: u64,
    /// How much is let go of at once, and at the boundaries of what it is.
    pub step_bytes: u64,
}

impl Default for Residency {
    fn default() -> Self {
        Self {
            recent_bytes: 16 << 20,
            followed_bytes: 64 << 20,
            undurable_bytes: 32 << 20,
            step_bytes: 8 << 20,
        }
    }
}

/// The state of the log as far as it matters here.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub(super) written: Offset,
    pub(super) durable: Offset,
    /// Where each reader is.
    pub(super) readers: Vec<Offset>,
    /// Where those are that take everything from the mapping, however far back.
    pub(super) trusting: Vec<Offset>,
}

/// Below what offsets memory can be let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floors {
    /// Nothing below is read from the mapping.
    pub(super) mapped: Offset,
    /// Nothing below is wanted from the page cache, and all of it is on the disk.
    pub(super) cached: Offset,
    /// What the latter were if everything was durable.
    pub(super) unwanted: Offset,
    /// Nothing below has to be flushed.
    pub(super) durable: Offset,
}

/// Decides what can be let go of.
pub fn floors(view: &View, residency: &Residency) -> Floors {
    let back = |bytes| Offset(view.written.0.saturating_sub(bytes));
    let trusting = view.trusting.iter().copied();
    let mapped = trusting.fold(back(residency.recent_bytes), Offset::min);
    let followed = back(residency.followed_bytes);
    let readers = view.readers.iter().map(|&at| at.max(followed));
    let unwanted = readers.fold(mapped, Offset::min);
    Floors { mapped, cached: unwanted.min(view.durable), unwanted, durable: view.durable }
}

/// Where the readers of a log are.
#[derive(Debug, Default)]
pub struct Readers {
    places: Mutex<Vec<Arc<Place>>>,
}

/// Where one reader is.
#[derive(Debug)]
struct Place {
    at: AtomicU64,
    is_trusting: AtomicBool,
}

impl Readers {
    fn list(&self) -> (Vec<Offset>, Vec<Offset>) {
        let places = self.places.lock();
        let at = |place: &Arc<Place>| Offset(place.at.load(Ordering::Relaxed));
        let trusting = places.iter().filter(|place| place.is_trusting.load(Ordering::Relaxed));
        (places.iter().map(at).collect(), trusting.map(at).collect())
    }
}

/// A reader's entry among the readers of its log, for as long as there is the reader.
#[derive(Debug)]
pub struct Listed {
    core: Arc<Core>,
    place: Arc<Place>,
}

impl Listed {
    pub(super) fn new(core: Arc<Core>, at: Offset) -> Self {
        let (at, is_trusting) = (AtomicU64::new(at.0), AtomicBool::new(false));
        let place = Arc::new(Place { at, is_trusting });
        core.readers.places.lock().push(Arc::clone(&place));
        Self { core, place }
    }

    /// To be called with where a piece begins before it is read.
    pub(super) fn reads_at(&self, at: Offset) {
        self.place.at.store(at.0, Ordering::Relaxed);
    }

    pub(super) fn trusts(&self) {
        self.place.is_trusting.store(true, Ordering::Relaxed);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut places = self.core.readers.places.lock();
        places.retain(|place| !Arc::ptr_eq(place, &self.place));
        drop(places);
        self.core.supply.review();
    }
}

impl Core {
    /// Lets go of the memory that nobody wants; tells whether more goes once it is durable.
    pub(super) fn let_go(&self) -> bool {
        let (readers, trusting) = self.readers.list();
        let (durable, written) = (self.marks.durable(), self.marks.written());
        let residency = &self.options.residency;
        if written.since(durable) > residency.undurable_bytes && self.marks.failure().is_none() {
            self.sync.request(self.marks.sealed());
        }
        let floors =
            floors(&View { written, durable, readers: readers.clone(), trusting }, residency);
        for segment in self.segments.resident(floors.mapped) {
            let within = segment.base()..segment.end().unwrap_or(Offset(u64::MAX));
            let is_read = readers.iter().any(|at| within.contains(at));
            let reading = if is_read { Reading::Here } else { Reading::Elsewhere };
            if let Err(error) = segment.let_go(&floors, reading, residency.step_bytes) {
                let path = segment.path.display();
                tracing::debug!(%path, %error, "memory of the log could not be let go of");
            }
        }
        floors.cached < floors.unwanted && self.marks.failure().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESIDENCY: Residency =
        Residency { recent_bytes: 100, followed_bytes: 400, undurable_bytes: 200, step_bytes: 1 };

    fn at(durable: u64, readers: &[u64]) -> (u64, u64) {
        let readers = readers.iter().copied().map(Offset).collect();
        let view =
            View { written: Offset(2000), durable: Offset(durable), readers, trusting: vec![] };
        let Floors { mapped, cached, .. } = floors(&view, &RESIDENCY);
        (mapped.0, cached.0)
    }

    #[test]
    fn what_is_recent_stays_and_what_is_not_durable_stays_cached() {
        assert_eq!(at(2000, &[]), (1900, 1900));
        assert_eq!(at(1950, &[]), (1900, 1900));
        assert_eq!(at(1500, &[]), (1900, 1500));
    }

    #[test]
    fn readers_keep_what_they_need_up_to_a_bound() {
        assert_eq!(at(2000, &[2000, 1950]), (1900, 1900));
        assert_eq!(at(2000, &[2000, 1700]), (1900, 1700));
        assert_eq!(at(2000, &[1700, 10]), (1900, 1600), "what is further behind is read from disk");
    }

    #[test]
    fn who_takes_everything_from_the_mapping_keeps_it() {
        let view = View {
            written: Offset(2000),
            durable: Offset(2000),
            readers: vec![Offset(300)],
            trusting: vec![Offset(300)],
        };
        let floor = Offset(300);
        let Floors { mapped, cached, .. } = floors(&view, &RESIDENCY);
        assert_eq!((mapped, cached), (floor, floor));
    }

    #[test]
    fn a_short_log_stays_as_it_is() {
        let view = View { written: Offset(50), durable: Offset(50), ..View::default() };
        let Floors { mapped, cached, .. } = floors(&view, &RESIDENCY);
        assert_eq!((mapped, cached), (Offset(0), Offset(0)));
    }
}
