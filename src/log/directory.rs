//! Segment files in a directory: naming, listing, creation and removal, all made durable.

use std::fs::{self, File};
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FallocateFlags};
use rustix::io::Errno;

use super::format::SEQ_MAX;
use super::mapping::{Pager, Readable, Writable};
use super::storage::{Preparation, SegmentFile, Spare, Storage, StorageError};

const EXTENSION: &str = "log";
const NAME_DIGITS: usize = 20;
const ZEROES_BYTES: usize = 1 << 20;

/// A directory of segment files, each named by its sequence number in twenty digits.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Kept open: it is what gets synced after a name came or went.
    handle: File,
}

impl Directory {
    /// Opens the directory, creating it if it is missing.
    pub fn open_or_create(path: &Path) -> Result<Self, StorageError> {
        match fs::create_dir(path) {
            Ok(()) => {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                let parent = parent.unwrap_or(Path::new("."));
                sync_directory(parent)?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(StorageError::new("create directory", path, error)),
        }
        Self::open(path)
    }

    /// Opens a directory that exists.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let handle =
            File::open(path).map_err(|error| StorageError::new("open directory", path, error))?;
        Ok(Self { path: path.to_owned(), handle })
    }

    /// Opens one segment file without the means to change it.
    pub(super) fn open_read_only(path: &Path) -> Result<Box<dyn SegmentFile>, StorageError> {
        let file = File::open(path).map_err(|error| StorageError::new("open", path, error))?;
        Ok(Box::new(MappedFile { file, preparation: Preparation::WriteThrough }))
    }

    /// Names the kind of file system that cannot be relied on for a log, if it is one of those.
    pub fn doubtful_file_system(&self) -> Result<Option<&'static str>, StorageError> {
        let stat = rustix::fs::fstatfs(&self.handle)
            .map_err(|errno| StorageError::new("examine", &self.path, errno.into()))?;
        Ok(match stat.f_type & 0xffff_ffff {
            0x0102_1994 => Some("tmpfs"),
            0x8584_58f6 => Some("ramfs"),
            0x6969 => Some("nfs"),
            0xff53_4d42 | 0xfe53_4d42 => Some("smb"),
            _ => None,
        })
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.handle
            .sync_all()
            .map_err(|error| StorageError::new("sync directory", &self.path, error))
    }
}

impl Storage for Directory {
    fn list(&self) -> Result<Vec<u64>, StorageError> {
        list_segments(&self.path)
    }

    fn create(&self, seq: u64, len: u64, preparation: Preparation) -> Result<Spare, StorageError> {
        let path = self.path(seq);
        let made = create_file(&path, len, preparation)
            .map_err(|error| StorageError::new("create", &path, error))
            .and_then(|spare| self.sync().map(|()| spare));
        match made {
            Ok((file, writable, readable)) => {
                let file = Box::new(MappedFile { file, preparation });
                Ok(Spare { seq, len, file, writable, readable })
            }
            Err(error) => {
                if error.source.kind() != io::ErrorKind::AlreadyExists {
                    // An empty leftover is harmless: recovery takes it for a spare and removes it.
                    let _ = fs::remove_file(&path);
                }
                Err(error)
            }
        }
    }

    fn open(&self, seq: u64) -> Result<Box<dyn SegmentFile>, StorageError> {
        let path = self.path(seq);
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| StorageError::new("open", &path, error))?;
        Ok(Box::new(MappedFile { file, preparation: Preparation::WriteThrough }))
    }

    fn remove(&self, seq: u64) -> Result<(), StorageError> {
        let path = self.path(seq);
        fs::remove_file(&path).map_err(|error| StorageError::new("remove", &path, error))?;
        self.sync()
    }

    fn path(&self, seq: u64) -> PathBuf {
        self.path.join(segment_name(seq))
    }
}

/// Lists the sequence numbers of the segment files in `directory`, ascending; ignores other files.
pub fn list_segments(directory: &Path) -> Result<Vec<u64>, StorageError> {
    let describe = |error| StorageError::new("list", directory, error);
    let mut seqs = Vec::new();
    for entry in fs::read_dir(directory).map_err(describe)? {
        let name = entry.map_err(describe)?.file_name();
        seqs.extend(name.to_str().and_then(parse_segment_name));
    }
    seqs.sort_unstable();
    Ok(seqs)
}

/// Spells the file name of a segment.
pub fn segment_name(seq: u64) -> String {
    format!("{seq:0NAME_DIGITS$}.{EXTENSION}")
}

/// Reads the sequence number from a file name, if it is one of ours.
pub fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    let ours = digits.len() == NAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    let seq = ours.then(|| digits.parse().ok()).flatten();
    seq.filter(|&seq: &u64| seq <= SEQ_MAX)
}

#[derive(Debug)]
struct MappedFile {
    file: File,
    preparation: Preparation,
}

impl SegmentFile for MappedFile {
    fn measure(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, at)
    }

    fn rewrite_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    fn release(&self, range: Range<u64>) -> io::Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let len = range.end - range.start;
        Ok(rustix::fs::fallocate(&self.file, flags, range.start, len)?)
    }

    fn forget(&self, range: Range<u64>) -> io::Result<()> {
        // A length of zero would mean all the rest.
        let Some(len) = NonZeroU64::new(range.end.saturating_sub(range.start)) else {
            return Ok(());
        };
        Ok(rustix::fs::fadvise(&self.file, range.start, Some(len), Advice::DontNeed)?)
    }

    fn occupied(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.blocks() * 512)
    }

    fn sync(&self, pager: &Pager, stream: Range<usize>, frames: Range<usize>) -> io::Result<()> {
        if self.preparation == Preparation::WriteThrough {
            // Pages ahead are clean, so one flush of the file writes what was stored and no more.
            return self.file.sync_data();
        }
        // Pages ahead are populated and so dirty; a flush of the file would write them all. The
        // frames go first: the second flush may then be all there is to wait for.
        pager.flush(frames)?;
        pager.flush(stream)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn map(&self, published: usize) -> io::Result<Readable> {
        Readable::open(&self.file, published)
    }
}

fn create_file(
    path: &Path,
    len: u64,
    preparation: Preparation,
) -> io::Result<(File, Writable, Readable)> {
    let bytes = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let (file, mut writable, readable) = Writable::create(path, bytes, |file| allocate(file, len))?;
    let pager = writable.pager();
    if preparation != Preparation::LargeFolios {
        pager.use_single_pages()?;
    }
    if preparation == Preparation::WriteThrough {
        pager.populate_for_write(0..bytes)?;
        writable.leave_clean();
    }
    file.sync_all()?;
    if preparation == Preparation::WriteThrough {
        // They are in the page cache, from where those next to be written to are mapped again.
        pager.let_go(0..bytes)?;
    }
    Ok((file, writable, readable))
}

/// Gives the file its blocks now, so that a full disk is an error here and not a signal later.
fn allocate(file: &File, len: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, len) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeroes(file, len),
        Err(errno) => Err(errno.into()),
    }
}

fn write_zeroes(file: &File, len: u64) -> io::Result<()> {
    let zeroes = vec![0; ZEROES_BYTES];
    let mut at = 0;
    while at < len {
        let step = (len - at).min(ZEROES_BYTES as u64);
        file.write_all_at(&zeroes[..step as usize], at)?;
        at += step;
    }
    Ok(())
}

fn sync_directory(path: &Path) -> Result<(), StorageError> {
    File::open(path)
        .and_then(|handle| handle.sync_all())
        .map_err(|error| StorageError::new("sync directory", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_foreign_names_are_ignored() {
        assert_eq!(segment_name(42), "00000000000000000042.log");
        assert_eq!(parse_segment_name(&segment_name(42)), Some(42));
        assert_eq!(parse_segment_name(&segment_name(SEQ_MAX)), Some(SEQ_MAX));
        assert_eq!(parse_segment_name(&segment_name(SEQ_MAX + 1)), None);
        for foreign in
            ["42.log", "manifest", "0000000000000000004x.log", "99999999999999999999.log"]
        {
            assert_eq!(parse_segment_name(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_new_file_has_all_its_blocks_and_an_existing_one_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let directory = Directory::open_or_create(&temp.path().join("log")).unwrap();
        for (seq, preparation) in [
            (1, Preparation::SinglePages),
            (2, Preparation::LargeFolios),
            (3, Preparation::WriteThrough),
        ] {
            let spare = directory.create(seq, 65536, preparation).unwrap();
            assert_eq!(spare.file.measure().unwrap(), 65536);
        }
        assert_eq!(directory.list().unwrap(), [1, 2, 3]);
        assert!(directory.create(2, 65536, Preparation::SinglePages).is_err());
        assert_eq!(directory.list().unwrap(), [1, 2, 3]);
        directory.remove(2).unwrap();
        assert_eq!(directory.list().unwrap(), [1, 3]);
    }

    #[test]
    fn zeroes_are_written_where_blocks_cannot_be_reserved() {
        let file = tempfile::tempfile().unwrap();
        write_zeroes(&file, ZEROES_BYTES as u64 + 4096).unwrap();
        assert_eq!(file.metadata().unwrap().len(), ZEROES_BYTES as u64 + 4096);
    }
}
