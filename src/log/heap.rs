//! A disk in memory that loses what a real one may lose; tests and fuzz targets run the log on it.
//!
//! A file has two images: what the page cache holds, and what has reached the disk. A process that
//! dies leaves the cache as it is. A power loss leaves, for every page, the disk's version, the
//! cache's, or a mixture by sectors of 512 bytes; since the test may also write single pages back
//! at any moment, each page can be at any version it ever had since its last sync. Names come and
//! go durably at once, as the log syncs the directory within each call that changes it.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::format::PAGE_BYTES;
use super::mapping::{HeapPages, Pager, Readable, Writable};
use super::schedulable::Mutex;
use super::storage::{Preparation, SegmentFile, Spare, Storage, StorageError};

const SECTOR_BYTES: usize = 512;

/// The disk; clones share it.
#[derive(Clone, Debug, Default)]
pub struct HeapDisk {
    state: Arc<Mutex<State>>,
}

/// What becomes of the pages that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process died; the page cache lives on.
    Process,
    /// The machine died.
    Power,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, Content>,
    /// What has lost its name: whoever had it open reads it still.
    nameless: BTreeMap<u64, Content>,
    /// How many more operations succeed; the one after them is left half done.
    operations_left: Option<u64>,
    /// How many more files can be created.
    creations_left: Option<u64>,
    pinned: Option<u64>,
}

#[derive(Clone, Debug)]
struct Content {
    cache: Cache,
    disk: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Cache {
    Mapped(HeapPages, usize),
    Plain(Vec<u8>),
}

impl Cache {
    fn copy(&self) -> Vec<u8> {
        match self {
            Self::Mapped(pages, len) => pages.copy(0..*len),
            Self::Plain(bytes) => bytes.clone(),
        }
    }

    fn copy_range(&self, range: Range<usize>) -> Vec<u8> {
        match self {
            Self::Mapped(pages, _) => pages.copy(range),
            Self::Plain(bytes) => bytes[range].to_vec(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Mapped(_, len) => *len,
            Self::Plain(bytes) => bytes.len(),
        }
    }
}

impl HeapDisk {
    /// A disk that holds these files, all durable.
    pub fn with_files(files: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Self {
        let content = |bytes: Vec<u8>| Content { cache: Cache::Plain(bytes.clone()), disk: bytes };
        let files = files.into_iter().map(|(seq, bytes)| (seq, content(bytes))).collect();
        let state = State { files, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Copies out what the page cache holds.
    pub fn files(&self) -> BTreeMap<u64, Vec<u8>> {
        let state = self.state.lock();
        state.files.iter().map(|(&seq, content)| (seq, content.cache.copy())).collect()
    }

    /// Lets `count` more operations succeed, and all after them fail.
    pub fn fail_after(&self, count: u64) {
        self.state.lock().operations_left = Some(count);
    }

    /// Lets `count` more files be created, and then be full; `None`: as many as are wanted.
    pub fn limit_creations(&self, count: Option<u64>) {
        self.state.lock().creations_left = count;
    }

    /// Lets this file not be removed; `None`: each can be.
    pub fn pin(&self, seq: Option<u64>) {
        self.state.lock().pinned = seq;
    }

    /// Writes one page of one file back to the disk, chosen by `random`.
    pub fn write_back(&self, random: &mut dyn FnMut() -> u64) {
        let mut state = self.state.lock();
        let count = state.files.len() as u64;
        if count == 0 {
            return;
        }
        let index = (random() % count) as usize;
        let Some(content) = state.files.values_mut().nth(index) else { return };
        let pages = content.cache.len().div_ceil(PAGE_BYTES) as u64;
        if pages > 0 {
            let page = (random() % pages) as usize;
            content.write_back(page * PAGE_BYTES..(page + 1) * PAGE_BYTES);
        }
    }

    /// The disk as it is found after a crash; this one is left as it is.
    #[must_use]
    pub fn after(&self, crash: Crash, random: &mut dyn FnMut() -> u64) -> Self {
        let state = self.state.lock();
        let files = state.files.iter().map(|(&seq, content)| {
            let (cache, mut disk) = (content.cache.copy(), content.disk.clone());
            if crash == Crash::Process {
                return (seq, Content { cache: Cache::Plain(cache), disk });
            }
            for (old, new) in disk.chunks_mut(PAGE_BYTES).zip(cache.chunks(PAGE_BYTES)) {
                lose(old, new, random);
            }
            (seq, Content { cache: Cache::Plain(disk.clone()), disk })
        });
        let state = State { files: files.collect(), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn with<T>(
        &self,
        seq: u64,
        verb: &'static str,
        change: impl FnOnce(&mut State, bool) -> io::Result<T>,
    ) -> Result<T, StorageError> {
        let mut state = self.state.lock();
        let fails = state.counts_down();
        let result = change(&mut state, fails);
        let result = if fails { Err(io::ErrorKind::BrokenPipe.into()) } else { result };
        result.map_err(|error| StorageError::new(verb, self.path(seq), error))
    }
}

/// Leaves a page half way between what the disk had and what the cache had.
fn lose(old: &mut [u8], new: &[u8], random: &mut dyn FnMut() -> u64) {
    match random() % 4 {
        0 => {}
        1 | 2 => old.copy_from_slice(new),
        _ => {
            let sectors = random();
            let pairs = old.chunks_mut(SECTOR_BYTES).zip(new.chunks(SECTOR_BYTES));
            for (index, (old, new)) in pairs.enumerate() {
                if sectors >> index & 1 == 1 {
                    old.copy_from_slice(new);
                }
            }
        }
    }
}

impl State {
    fn counts_down(&mut self) -> bool {
        match &mut self.operations_left {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }

    /// A file as those see it who have it open, whether it has a name or not.
    fn open_file(&self, seq: u64) -> io::Result<&Content> {
        let content = self.files.get(&seq).or_else(|| self.nameless.get(&seq));
        content.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn file(&mut self, seq: u64) -> io::Result<&mut Content> {
        self.files.get_mut(&seq).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Content {
    fn write_back(&mut self, range: Range<usize>) {
        let start = range.start - range.start % PAGE_BYTES;
        let end = range.end.next_multiple_of(PAGE_BYTES).min(self.cache.len());
        if start < end {
            let bytes = self.cache.copy_range(start..end);
            self.disk[start..end].copy_from_slice(&bytes);
        }
    }
}

impl Storage for HeapDisk {
    fn list(&self) -> Result<Vec<u64>, StorageError> {
        Ok(self.state.lock().files.keys().copied().collect())
    }

    fn create(&self, seq: u64, len: u64, _: Preparation) -> Result<Spare, StorageError> {
        self.with(seq, "create", |state, fails| {
            if state.files.contains_key(&seq) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            match &mut state.creations_left {
                Some(0) => return Err(io::ErrorKind::StorageFull.into()),
                Some(left) => *left -= 1,
                None => {}
            }
            let len_bytes = if fails { 0 } else { len as usize };
            let (pages, writable, readable) = Writable::create_heap(len_bytes);
            let cache = Cache::Mapped(pages, len_bytes);
            state.nameless.remove(&seq);
            state.files.insert(seq, Content { cache, disk: vec![0; len_bytes] });
            let file = Box::new(HeapFile { disk: self.clone(), seq });
            Ok(Spare { seq, len, file, writable, readable })
        })
    }

    fn open(&self, seq: u64) -> Result<Box<dyn SegmentFile>, StorageError> {
        self.with(seq, "open", |state, _| {
            state.file(seq)?;
            Ok(Box::new(HeapFile { disk: self.clone(), seq }) as Box<dyn SegmentFile>)
        })
    }

    fn remove(&self, seq: u64) -> Result<(), StorageError> {
        // Half done, a removal has happened: that it has not is the state one operation earlier.
        self.with(seq, "remove", |state, _| {
            if state.pinned == Some(seq) {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            let content = state.files.remove(&seq).ok_or(io::ErrorKind::NotFound)?;
            state.nameless.insert(seq, content);
            Ok(())
        })
    }

    fn path(&self, seq: u64) -> PathBuf {
        PathBuf::from("heap").join(super::directory::segment_name(seq))
    }
}

#[derive(Debug)]
struct HeapFile {
    disk: HeapDisk,
    seq: u64,
}

impl HeapFile {
    fn with<T>(&self, change: impl FnOnce(&mut Content, bool) -> io::Result<T>) -> io::Result<T> {
        let seq = self.seq;
        let result = self.disk.with(seq, "use", |state, fails| change(state.file(seq)?, fails));
        result.map_err(|error| error.source)
    }
}

impl SegmentFile for HeapFile {
    fn measure(&self) -> io::Result<u64> {
        self.disk.state.lock().open_file(self.seq).map(|content| content.cache.len() as u64)
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.disk.state.lock();
        let cache = &state.open_file(self.seq)?.cache;
        let range = at as usize..at as usize + bytes.len();
        if range.end > cache.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.copy_from_slice(&cache.copy_range(range));
        Ok(())
    }

    fn rewrite_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|content, fails| {
            let Cache::Plain(cache) = &mut content.cache else {
                return Err(io::ErrorKind::PermissionDenied.into());
            };
            let half = if fails { bytes.len() / 2 } else { bytes.len() };
            cache[at as usize..at as usize + half].copy_from_slice(&bytes[..half]);
            Ok(())
        })
    }

    fn release(&self, range: Range<u64>) -> io::Result<()> {
        self.rewrite_at(range.start, &vec![0; (range.end - range.start) as usize])
    }

    fn forget(&self, range: Range<u64>) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        // A retired file may have lost its name meanwhile.
        let Ok(content) = state.file(self.seq) else { return Ok(()) };
        let range = range.start as usize..range.end as usize;
        // A file of an earlier run may hold what recovery had no use for.
        if let Cache::Mapped(pages, _) = &content.cache {
            let is_durable = pages.copy(range.clone()) == content.disk[range];
            assert!(is_durable, "only what is on the disk is forgotten");
        }
        Ok(())
    }

    fn occupied(&self) -> io::Result<u64> {
        self.measure()
    }

    fn sync(&self, _: &Pager, stream: Range<usize>, frames: Range<usize>) -> io::Result<()> {
        self.with(|content, fails| {
            content.write_back(frames);
            if !fails {
                content.write_back(stream);
            }
            Ok(())
        })
    }

    fn sync_all(&self) -> io::Result<()> {
        self.with(|content, fails| {
            let end = if fails { content.cache.len() / 2 } else { content.cache.len() };
            content.write_back(0..end);
            Ok(())
        })
    }

    fn map(&self, published: usize) -> io::Result<Readable> {
        self.with(|content, _| Ok(Readable::from_heap(&content.cache.copy_range(0..published))))
    }
}
