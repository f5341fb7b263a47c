//! What the log costs: `cargo bench --bench log`.
//!
//! Each group holds the log's own row beside the rows it is to be measured against, over the same
//! bytes; the ratios of the *fastest* column are the least disturbed by what else the machine does.

use std::cell::RefCell;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use tempfile::TempDir;

use backlogd::log::{Expectation, Log, Opened, Options, SyncPolicy, Writer};
use backlogd::position::{Offset, Replid};

const SIZES: [usize; 3] = [64, 256, 4096];
/// How many records are sealed together where they are not sealed one by one.
const BATCH: usize = 32;
/// How much each row appends at a time: less than the log keeps prepared ahead.
const STRETCH_BYTES: usize = 1 << 20;
const SAMPLES: u32 = 100;
/// Where writers wrap around that are no log.
const REGION_BYTES: usize = 64 << 20;

fn main() {
    divan::main();
}

/// A mebibyte in records of so many bytes; what is batched is batched by 32.
#[divan::bench_group(sample_count = SAMPLES, sample_size = 1)]
mod append {
    use super::{BATCH, Bencher, SIZES, append_to_log, copy_and_sum, write_to_file};

    #[divan::bench(args = SIZES)]
    fn batched_log(bencher: Bencher, size: usize) {
        append_to_log(bencher, size, BATCH);
    }

    #[divan::bench(args = SIZES)]
    fn batched_memcpy_and_crc(bencher: Bencher, size: usize) {
        copy_and_sum(bencher, size, BATCH);
    }

    #[divan::bench(args = SIZES)]
    fn batched_write(bencher: Bencher, size: usize) {
        write_to_file(bencher, size * BATCH);
    }

    #[divan::bench(args = SIZES)]
    fn single_log(bencher: Bencher, size: usize) {
        append_to_log(bencher, size, 1);
    }

    #[divan::bench(args = SIZES)]
    fn single_memcpy_and_crc(bencher: Bencher, size: usize) {
        copy_and_sum(bencher, size, 1);
    }

    #[divan::bench(args = SIZES)]
    fn single_write(bencher: Bencher, size: usize) {
        write_to_file(bencher, size);
    }
}

fn append_to_log(bencher: Bencher, size: usize, batch: usize) {
    let temp = TempDir::new().expect("a directory");
    let writer = RefCell::new(create(temp.path(), SyncPolicy::Never).1);
    let record = vec![b'x'; size];
    measured(bencher, size)
        // The time to let the helper thread get ahead again.
        .with_inputs(|| thread::sleep(Duration::from_millis(10)))
        .bench_local_values(|()| {
            let mut writer = writer.borrow_mut();
            for _ in 0..STRETCH_BYTES / size / batch {
                for _ in 0..batch {
                    writer.append(&[&record]).expect("room in the log");
                }
                writer.seal();
            }
        });
}

fn copy_and_sum(bencher: Bencher, size: usize, batch: usize) {
    let mut region = vec![1_u8; REGION_BYTES];
    let record = vec![b'x'; size];
    let mut stretches = (0..REGION_BYTES / STRETCH_BYTES).cycle();
    measured(bencher, size).bench_local(|| {
        let mut at = stretches.next().expect("a cycle has no end") * STRETCH_BYTES;
        for _ in 0..STRETCH_BYTES / size / batch {
            let start = at;
            for _ in 0..batch {
                region[at..at + size].copy_from_slice(black_box(&record));
                at += size;
            }
            black_box(crc32fast::hash(&region[start..at]));
        }
    });
}

fn write_to_file(bencher: Bencher, size: usize) {
    let temp = TempDir::new().expect("a directory");
    let mut file = File::create(temp.path().join("file")).expect("a file");
    file.write_all(&vec![0; REGION_BYTES]).expect("room on the disk");
    let bytes = vec![b'x'; size];
    let mut stretches = (0..REGION_BYTES / STRETCH_BYTES).cycle();
    measured(bencher, size).bench_local(|| {
        let at = stretches.next().expect("a cycle has no end") * STRETCH_BYTES;
        file.seek(SeekFrom::Start(at as u64)).expect("a place in the file");
        for _ in 0..STRETCH_BYTES / size {
            file.write_all(&bytes).expect("room on the disk");
        }
    });
}

fn measured<'a, 'b>(bencher: Bencher<'a, 'b>, size: usize) -> Bencher<'a, 'b> {
    bencher.counter(BytesCount::new(STRETCH_BYTES)).counter(ItemsCount::new(STRETCH_BYTES / size))
}

/// Opening a log of several segments, all of which are verified.
#[divan::bench_group(sample_count = 7, sample_size = 1)]
mod recovery {
    use super::{Bencher, BytesCount, Expectation, Offset, TempDir, black_box, fill, reopen};

    const BYTES: usize = 256 << 20;

    #[divan::bench]
    fn open(bencher: Bencher) {
        let temp = TempDir::new().expect("a directory");
        fill(temp.path(), BYTES);
        bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
            let opened = reopen(temp.path(), Expectation::default());
            assert_eq!(opened.recovered.end, Offset(BYTES as u64));
            opened
        });
    }

    #[divan::bench]
    fn crc_of_as_many_bytes_in_memory(bencher: Bencher) {
        let bytes = vec![b'x'; BYTES];
        bencher.counter(BytesCount::new(BYTES)).bench_local(|| crc32fast::hash(black_box(&bytes)));
    }
}

/// Sending a stretch of the stream to a replica that drains its socket.
#[divan::bench_group(sample_count = 15, sample_size = 1)]
mod catch_up {
    use super::{
        Bencher, BytesCount, Expectation, File, Offset, Path, TempDir, Write, drained_socket, fill,
        fs, reopen,
    };

    const BYTES: usize = 256 << 20;
    const CHUNK_BYTES: usize = 256 << 10;

    #[divan::bench]
    fn from_memory(bencher: Bencher) {
        let bytes = vec![b'x'; BYTES];
        let mut socket = drained_socket();
        bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
            for chunk in bytes.chunks(CHUNK_BYTES) {
                socket.write_all(chunk).expect("the drain lives");
            }
        });
    }

    #[divan::bench]
    fn from_the_log(bencher: Bencher) {
        send_log(bencher, |_| {});
    }

    #[divan::bench]
    fn from_the_log_on_disk(bencher: Bencher) {
        send_log(bencher, evict);
    }

    fn send_log(bencher: Bencher, before: fn(&Path)) {
        let temp = TempDir::new().expect("a directory");
        fill(temp.path(), BYTES);
        let mut socket = drained_socket();
        // Nothing is verified at opening, so nothing is read before its time.
        let needed_from = Some(Offset(BYTES as u64));
        bencher
            .counter(BytesCount::new(BYTES))
            .with_inputs(|| {
                before(temp.path());
                reopen(temp.path(), Expectation { needed_from, ..Expectation::default() })
            })
            .bench_local_refs(|opened| {
                let end = opened.recovered.end;
                let mut reader = opened.log.reader(Offset::ZERO).expect("the log begins there");
                while let Some(chunk) = reader.read(end, CHUNK_BYTES).expect("nothing is retired") {
                    socket.write_all(&chunk).expect("the drain lives");
                }
            });
    }

    /// Makes the kernel forget the files' pages, which must be clean and not mapped.
    fn evict(directory: &Path) {
        for entry in fs::read_dir(directory).expect("the log's directory") {
            let file = File::open(entry.expect("an entry").path()).expect("a segment");
            file.sync_all().expect("the disk answers");
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).expect("advice");
        }
    }
}

fn create(directory: &Path, sync: SyncPolicy) -> (Log, Writer) {
    let options = Options { sync, ..Options::new(Replid::random()) };
    Log::create(directory, Offset::ZERO, &options).expect("a log")
}

fn reopen(directory: &Path, expectation: Expectation) -> Opened {
    Log::open(directory, &Options::new(Replid::random()), &expectation).expect("a sound log")
}

/// Makes a log of so many bytes, sealed as a pipelined load would.
fn fill(directory: &Path, bytes: usize) {
    const SEAL_BYTES: usize = 8 << 10;
    let (_log, mut writer) = create(directory, SyncPolicy::EverySecond);
    let record = vec![b'x'; 256];
    for _ in 0..bytes / SEAL_BYTES {
        for _ in 0..SEAL_BYTES / record.len() {
            writer.append(&[&record]).expect("room in the log");
        }
        writer.seal();
    }
    writer.close().expect("an orderly end");
}

/// Connects to a thread that reads and drops whatever comes.
fn drained_socket() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("a peer");
        let mut buffer = vec![0; 1 << 20];
        while peer.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    TcpStream::connect(address).expect("the drain listens")
}
