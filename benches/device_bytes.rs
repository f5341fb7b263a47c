//! Bytes the device gets per byte of stream: `cargo bench --bench device_bytes`, as root.
//!
//! The log is on an ext4 of its own, on a loop device, whose statistics count what reaches it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use backlogd::log::{Log, Options, SyncPolicy, Writer};
use backlogd::position::{Offset, Replid};

const IMAGE_BYTES: u64 = 2 << 30;
const SECTOR_BYTES: u64 = 512;
const PAGE_BYTES: u64 = 4096;
/// How much a row under `always` may write: no further segment is prepared while it is measured.
const ALWAYS_BYTES_MAX: u64 = 40 << 20;
/// How long each row lasts.
const DURATION: Duration = Duration::from_secs(6);

fn main() -> io::Result<()> {
    let disk = Disk::make()?;
    let out = &mut io::stdout();
    writeln!(out, "appendfsync everysec, 256 B records, one seal each 8 KiB")?;
    for mb_per_second in [1, 10, 40] {
        let row = every_second(&disk, mb_per_second * 1_000_000)?;
        write!(out, "{mb_per_second:3} MB/s  stream {:11}  device {:11}", row.stream, row.device)?;
        writeln!(out, "  ratio {:.3} (aim 1.1)", row.device as f64 / row.stream as f64)?;
    }
    writeln!(out, "appendfsync always, one sync for each unit")?;
    for unit_bytes in [256, 4096, 65536] {
        let row = always(&disk, unit_bytes)?;
        write!(out, "{unit_bytes:5} B  stream {:10}  device {:10}", row.stream, row.device)?;
        write!(out, "  unavoidable {:10}", row.unavoidable)?;
        write!(out, "  ratio {:.3} (aim 1.5)", row.device as f64 / row.unavoidable as f64)?;
        // Under this policy a segment is written through once before it is used.
        let prepared = row.device + row.stream;
        writeln!(out, ", {:.3} with preparation", prepared as f64 / row.unavoidable as f64)?;
    }
    Ok(())
}

#[derive(Debug)]
struct Row {
    stream: u64,
    device: u64,
    /// For each sync the pages of data that it must write, and the page with its frame.
    unavoidable: u64,
}

/// Appends at a steady rate for a while, under `appendfsync everysec`.
fn every_second(disk: &Disk, bytes_per_second: u64) -> io::Result<Row> {
    const TICK: Duration = Duration::from_millis(5);
    let record = [b'x'; 256];
    let (log, mut writer) = disk.log(SyncPolicy::EverySecond)?;
    let before = disk.written()?;
    let (begun, mut stream) = (Instant::now(), 0);
    while begun.elapsed() < DURATION {
        let due = (begun.elapsed().as_secs_f64() * bytes_per_second as f64) as u64;
        let mut unsealed = 0;
        while stream < due {
            writer.append(&[&record]).map_err(io::Error::other)?;
            stream += record.len() as u64;
            unsealed += record.len();
            if unsealed >= 8192 {
                writer.seal();
                unsealed = 0;
            }
        }
        writer.seal();
        thread::sleep(TICK);
    }
    let end = writer.seal();
    log.block_until_durable_at(end).map_err(io::Error::other)?;
    let device = disk.written()? - before;
    writer.close().map_err(io::Error::other)?;
    disk.clear()?;
    Ok(Row { stream, device, unavoidable: stream })
}

/// Appends unit by unit for a while, each made durable before the next.
fn always(disk: &Disk, unit_bytes: u64) -> io::Result<Row> {
    let unit = vec![b'x'; unit_bytes as usize];
    let (log, mut writer) = disk.log(SyncPolicy::Always)?;
    let before = disk.written()?;
    let (begun, mut stream, mut unavoidable) = (Instant::now(), 0_u64, 0);
    while begun.elapsed() < DURATION && stream < ALWAYS_BYTES_MAX {
        writer.append(&[&unit]).map_err(io::Error::other)?;
        let end = writer.seal();
        log.block_until_durable_at(end).map_err(io::Error::other)?;
        let pages = (stream + unit_bytes).div_ceil(PAGE_BYTES) - stream / PAGE_BYTES;
        unavoidable += (pages + 1) * PAGE_BYTES;
        stream += unit_bytes;
    }
    let device = disk.written()? - before;
    writer.close().map_err(io::Error::other)?;
    disk.clear()?;
    Ok(Row { stream, device, unavoidable })
}

/// An ext4 on a loop device; unmounted and gone when dropped.
#[derive(Debug)]
struct Disk {
    temp: TempDir,
    /// The device's name, as in `loop0`.
    name: String,
}

impl Disk {
    fn make() -> io::Result<Self> {
        let temp = TempDir::new()?;
        let image = temp.path().join("image");
        File::create(&image)?.set_len(IMAGE_BYTES)?;
        let mount = temp.path().join("mount");
        fs::create_dir(&mount)?;
        // Tables made at once, or a thread of the kernel makes them while we count.
        let lazy = "lazy_itable_init=0,lazy_journal_init=0";
        run(Command::new("mkfs.ext4").args(["-q", "-F", "-E", lazy]).arg(&image))?;
        let device = run(Command::new("losetup").args(["--find", "--show"]).arg(&image))?;
        run(Command::new("mount").args(["-o", "noatime"]).arg(&device).arg(&mount))
            .inspect_err(|_| drop(run(Command::new("losetup").args(["-d", &device]))))?;
        Ok(Self { temp, name: device.trim_start_matches("/dev/").to_owned() })
    }

    /// Creates a log on the disk and waits until all that its making wrote is down.
    fn log(&self, sync: SyncPolicy) -> io::Result<(Log, Writer)> {
        let options = Options { sync, ..Options::new(Replid::random()) };
        let made = Log::create(&self.directory(), Offset::ZERO, &options);
        let made = made.map_err(io::Error::other)?;
        // The helper makes the first spare in the background.
        while fs::read_dir(self.directory())?.count() < 2 {
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_secs(1));
        self.sync()?;
        Ok(made)
    }

    fn clear(&self) -> io::Result<()> {
        fs::remove_dir_all(self.directory())?;
        self.sync()
    }

    fn sync(&self) -> io::Result<()> {
        rustix::fs::syncfs(File::open(self.mount())?).map_err(Into::into)
    }

    /// The bytes written to the device so far.
    fn written(&self) -> io::Result<u64> {
        let stat = fs::read_to_string(format!("/sys/block/{}/stat", self.name))?;
        let sectors = stat.split_ascii_whitespace().nth(6).and_then(|n| n.parse::<u64>().ok());
        Ok(sectors.ok_or(io::ErrorKind::InvalidData)? * SECTOR_BYTES)
    }

    fn mount(&self) -> PathBuf {
        self.temp.path().join("mount")
    }

    fn directory(&self) -> PathBuf {
        self.mount().join("log")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What cannot be undone here is found by `losetup -l`.
        let _ = run(Command::new("umount").arg(self.mount()));
        let _ = run(Command::new("losetup").args(["-d", &format!("/dev/{}", self.name)]));
    }
}

fn run(command: &mut Command) -> io::Result<String> {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.output()?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("{program}, which needs root: {reason}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
