//! The bytes of one segment in memory: one writer above a mark, any number of readers below it.
//!
//! All `unsafe` of the log is here, and four facts carry it:
//!
//! - M1  A [`Writable`] is made only together with a file that did not exist before, and cannot be
//!   cloned: within the process it is the only thing that stores into those pages.
//! - M2  It stores only at or above the mark `published`; `store` takes `&mut self` and checks.
//! - M3  The mark only rises, with Release, through the same `&mut Writable`.
//! - M4  Slices are made only of bytes below the mark, read with Acquire, or, by the writer itself,
//!   under a borrow that excludes `store`. No `&mut [u8]` over the pages ever exists.
//!
//! So a byte that a slice can show never changes again. Another process that writes to or truncates
//! the file is outside of this; the directory's lock file and the file mode keep it out.

#![expect(unsafe_code, reason = "this is the one file that owns the mapping")]

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};

use super::schedulable::AtomicUsize;

/// The pages of a segment, wherever they live; moves bytes only through its two holders.
#[derive(Debug)]
enum Pages {
    /// A shared mapping of the file.
    Mapped(MmapRaw),
    /// Plain memory, for the model of a disk; atomics, so that the model may look at any time.
    Heap(Arc<[AtomicU8]>),
}

impl Pages {
    fn len(&self) -> usize {
        match self {
            Self::Mapped(map) => map.len(),
            Self::Heap(bytes) => bytes.len(),
        }
    }

    fn as_ptr(&self) -> *const u8 {
        match self {
            Self::Mapped(map) => map.as_ptr(),
            Self::Heap(bytes) => bytes.as_ptr().cast(),
        }
    }

    fn advise(&self, advice: Advice, range: Range<usize>) -> io::Result<()> {
        let Self::Mapped(map) = self else { return Ok(()) };
        let end = range.end.min(map.len());
        if range.start >= end {
            return Ok(());
        }
        map.advise_range(advice, range.start, end - range.start)
    }

    /// Takes the pages of `range` out of the mapping; whoever touches one gets it from the file.
    fn let_go(&self, range: Range<usize>) -> io::Result<()> {
        let Self::Mapped(map) = self else { return Ok(()) };
        let end = range.end.min(map.len());
        if range.start >= end {
            return Ok(());
        }
        let (advice, len) = (UncheckedAdvice::DontNeed, end - range.start);
        // SAFETY: all mappings made here are shared ones of a file, so what was stored is in the
        // page cache whether it is mapped or not, and no byte that a slice can show changes (M2,
        // M4); the range is inside the mapping.
        unsafe { map.unchecked_advise_range(advice, range.start, len) }
    }
}

/// The pages as the helper threads see them: to populate, to flush and to let go of, never to read
/// or store.
#[derive(Clone, Debug)]
pub struct Pager {
    pages: Arc<Pages>,
    /// Whether all pages have been written through, and so are clean.
    is_clean: bool,
}

impl Pager {
    /// Faults the pages of `range` in for writing, so that the writer does not have to.
    ///
    /// That dirties them, which is a pity where all are clean: there they are faulted in as such.
    pub fn populate_for_write(&self, range: Range<usize>) -> io::Result<()> {
        let advice = if self.is_clean { Advice::PopulateRead } else { Advice::PopulateWrite };
        self.pages.advise(advice, range)
    }

    /// Keeps the kernel from using large folios, of which a small store dirties the whole.
    pub fn use_single_pages(&self) -> io::Result<()> {
        self.pages.advise(Advice::Random, 0..self.pages.len())
    }

    /// Takes the pages of `range` out of the writer's mapping, whether they are durable or not.
    pub fn let_go(&self, range: Range<usize>) -> io::Result<()> {
        self.pages.let_go(range)
    }

    /// Makes the pages of `range` durable.
    pub fn flush(&self, range: Range<usize>) -> io::Result<()> {
        match &*self.pages {
            Pages::Mapped(map) => map.flush_range(range.start, range.len()),
            Pages::Heap(_) => Ok(()),
        }
    }
}

/// The one holder that stores bytes.
#[derive(Debug)]
pub struct Writable {
    pages: Arc<Pages>,
    published: Arc<AtomicUsize>,
    is_clean: bool,
}

impl Writable {
    /// Creates `path`, which must not exist, lets `allocate` give it `len` bytes, and maps it.
    pub fn create(
        path: &Path,
        len: usize,
        allocate: impl FnOnce(&File) -> io::Result<()>,
    ) -> io::Result<(File, Self, Readable)> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(path)?;
        allocate(&file)?;
        check_length(&file, len)?;
        let map = MmapOptions::new().len(len).map_raw(&file)?;
        let reading = MmapOptions::new().len(len).map_raw_read_only(&file)?;
        let published = Arc::new(AtomicUsize::new(0));
        let pages = Arc::new(Pages::Mapped(map));
        let writable = Self { pages, published: Arc::clone(&published), is_clean: false };
        Ok((file, writable, Readable { pages: Arc::new(Pages::Mapped(reading)), published }))
    }

    /// Makes the pair over fresh plain memory, for the model of a disk.
    ///
    /// The caller keeps the memory, to look at it with atomic loads; that it must not store into
    /// it is why [`HeapPages`] offers no way to.
    pub fn create_heap(len: usize) -> (HeapPages, Self, Readable) {
        let bytes: Arc<[AtomicU8]> = (0..len).map(|_| AtomicU8::new(0)).collect();
        let published = Arc::new(AtomicUsize::new(0));
        let pages = Arc::new(Pages::Heap(Arc::clone(&bytes)));
        let (held, mark) = (Arc::clone(&pages), Arc::clone(&published));
        let writable = Self { pages: held, published: mark, is_clean: false };
        (HeapPages(bytes), writable, Readable { pages, published })
    }

    /// Copies `bytes` to `at`.
    ///
    /// # Panics
    /// When that is not wholly between the mark and the end of the file.
    pub fn store(&mut self, at: usize, bytes: &[u8]) {
        assert!(at >= self.published.load(Ordering::Relaxed), "published bytes never change");
        let room = self.pages.len().checked_sub(at);
        assert!(
            room.is_some_and(|room| bytes.len() <= room),
            "a store past the end of the segment"
        );
        match &*self.pages {
            Pages::Mapped(map) => {
                // SAFETY: `at` is within the mapping, as asserted above.
                let to = unsafe { map.as_mut_ptr().add(at) };
                // SAFETY: the range is inside the mapping (asserted above), which lives as long as
                // `self.pages`; nobody else stores there (M1), no slice covers it (M2, M4: it is
                // at or above the mark, and `&mut self` excludes the writer's own slices), and
                // `bytes` cannot overlap it for the same reason.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
            }
            Pages::Heap(cells) => {
                for (cell, byte) in cells[at..at + bytes.len()].iter().zip(bytes) {
                    cell.store(*byte, Ordering::Relaxed);
                }
            }
        }
    }

    /// Shows the bytes of `range` to the writer itself, published or not.
    pub fn written(&self, range: Range<usize>) -> &[u8] {
        assert!(range.start <= range.end && range.end <= self.pages.len(), "a slice past the end");
        // SAFETY: `range.start` is within the pages, as asserted above.
        let from = unsafe { self.pages.as_ptr().add(range.start) };
        // SAFETY: the range is inside the pages, which are initialised (zeroes from the kernel) and
        // live as long as `self`; only this `Writable` stores there (M1), and `store` needs the
        // `&mut self` that this borrow excludes (M4).
        unsafe { slice::from_raw_parts(from, range.len()) }
    }

    /// Lets readers see everything below `to`, for good.
    ///
    /// # Panics
    /// When the mark would fall or leave the file.
    pub fn publish(&mut self, to: usize) {
        let from = self.published.load(Ordering::Relaxed);
        assert!(from <= to && to <= self.pages.len(), "the mark only rises, within the segment");
        self.published.store(to, Ordering::Release);
    }

    /// A handle for the helper threads.
    pub fn pager(&self) -> Pager {
        Pager { pages: Arc::clone(&self.pages), is_clean: self.is_clean }
    }

    /// Says that all pages have been written through: handles made from now on leave them clean.
    pub fn leave_clean(&mut self) {
        self.is_clean = true;
    }
}

/// A holder that reads what is published; cheap to clone, keeps the pages alive.
#[derive(Clone, Debug)]
pub struct Readable {
    pages: Arc<Pages>,
    published: Arc<AtomicUsize>,
}

impl Readable {
    /// Maps the first `published` bytes of an existing segment, which nothing writes any more.
    pub fn open(file: &File, published: usize) -> io::Result<Self> {
        check_length(file, published)?;
        let map = MmapOptions::new().len(published).map_raw_read_only(file)?;
        let published = Arc::new(AtomicUsize::new(published));
        Ok(Self { pages: Arc::new(Pages::Mapped(map)), published })
    }

    /// Holds a copy of the bytes in plain memory, for the model of a disk.
    pub fn from_heap(bytes: &[u8]) -> Self {
        let cells = bytes.iter().copied().map(AtomicU8::new).collect();
        let published = Arc::new(AtomicUsize::new(bytes.len()));
        Self { pages: Arc::new(Pages::Heap(cells)), published }
    }

    /// Takes the pages of `range` out of the mapping; they can be read as before, from the file.
    pub fn let_go(&self, range: Range<usize>) -> io::Result<()> {
        self.pages.let_go(range)
    }

    /// Shows the bytes of `range`.
    ///
    /// # Panics
    /// When they are not all published.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        let published = self.published.load(Ordering::Acquire);
        assert!(
            range.start <= range.end && range.end <= published,
            "only published bytes are read"
        );
        // SAFETY: `range.start` is within the pages, as asserted above.
        let from = unsafe { self.pages.as_ptr().add(range.start) };
        // SAFETY: the range is inside the pages, which are initialised and live as long as `self`;
        // all of it is below the mark, loaded with Acquire, so its stores happened before (M3) and
        // none will follow (M2).
        unsafe { slice::from_raw_parts(from, range.len()) }
    }
}

/// A look at the plain memory of a heap pair, as the kernel looks at dirty pages at any moment.
#[derive(Clone, Debug)]
pub struct HeapPages(Arc<[AtomicU8]>);

impl HeapPages {
    /// Copies the bytes of `range` out, whoever is storing meanwhile.
    pub fn copy(&self, range: Range<usize>) -> Vec<u8> {
        self.0[range].iter().map(|cell| cell.load(Ordering::Relaxed)).collect()
    }
}

/// Touching a mapped page beyond the end of its file is a SIGBUS; so the length is checked first.
fn check_length(file: &File, len: usize) -> io::Result<()> {
    if file.metadata()?.len() >= len as u64 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than its mapping"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_see_what_is_published_and_nothing_else() {
        let (_, mut writable, readable) = Writable::create_heap(8192);
        writable.store(0, b"header");
        writable.publish(6);
        writable.store(6, b"body");
        assert_eq!(readable.bytes(0..6), b"header");
        assert_eq!(writable.written(6..10), b"body");
        let beyond = std::panic::catch_unwind(|| readable.bytes(0..7).len());
        assert!(beyond.is_err());
    }

    #[test]
    #[should_panic(expected = "published bytes never change")]
    fn published_bytes_cannot_be_stored_over() {
        let (_, mut writable, _) = Writable::create_heap(4096);
        writable.publish(100);
        writable.store(99, b"x");
    }

    #[test]
    #[should_panic(expected = "past the end")]
    fn nothing_is_stored_past_the_end() {
        let (_, mut writable, _) = Writable::create_heap(4096);
        writable.store(4095, b"xy");
    }

    #[test]
    fn a_mapped_file_carries_the_bytes_to_disk_and_to_readers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pages");
        let (file, mut writable, readable) =
            Writable::create(&path, 8192, |file| file.set_len(8192)).unwrap();
        writable.pager().populate_for_write(0..8192).unwrap();
        writable.store(5000, b"stream");
        writable.publish(5006);
        assert_eq!(readable.bytes(5000..5006), b"stream");
        writable.pager().flush(0..8192).unwrap();
        assert_eq!(&std::fs::read(&path).unwrap()[5000..5006], b"stream");
        assert!(Writable::create(&path, 8192, |_| Ok(())).is_err(), "never maps an existing file");
        assert_eq!(Readable::open(&file, 5006).unwrap().bytes(5000..5006), b"stream");
        assert!(Readable::open(&file, 9000).is_err());
    }
}
