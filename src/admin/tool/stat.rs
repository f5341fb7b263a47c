//! `backlogd log stat`: offsets, segments, times and lineage, by headers and frames.

use std::io::{self, Write};
use std::path::Path;

use super::error::ToolError;
use super::json::Json;
use super::look::{self, Look};
use super::moment::Moment;
use super::run::Outcome;
use crate::log::inspect::{Content, Depth, Inspected, InspectedSegment};
use crate::position::Offset;
use crate::snapshot::{BootIdentity, FeedsSeen, LogFiles, Manifest, Role, RunState, SnapshotMeta};

/// What is told of a log.
struct Stat<'d> {
    look: Look<'d>,
    start: Offset,
    end: Offset,
    durable: Offset,
    /// When the first and the last batch were sealed.
    times: (Option<u64>, Option<u64>),
}

/// Tells what the log in `directory` holds.
pub(super) fn stat(
    directory: &Path,
    as_json: bool,
    out: &mut dyn Write,
) -> Result<Outcome, ToolError> {
    let look = Look::closely(directory, Depth::Frames)?;
    if let Err(error) = look.place.manifest {
        return Err(ToolError::Manifest(error));
    }
    let unused = || ToolError::Unused(directory.to_owned());
    let (start, end) = look.range().ok_or_else(unused)?;
    let segments = || look.files.iter().filter_map(Inspected::segment);
    let stated = segments().map(|segment| segment.durable).max().unwrap_or_default();
    let times = (
        segments().find_map(|segment| segment.sealed_ms).map(|(first, _)| first),
        segments().filter_map(|segment| segment.sealed_ms).next_back().map(|(_, last)| last),
    );
    let durable = stated.max(look.place.expectation().durable_floor.unwrap_or_default());
    let outcome = look::conclude(&look.problems).outcome();
    let found = Stat { look, start, end, durable, times };
    if as_json {
        found.write_json(out)?;
    } else {
        found.write_text(out)?;
    }
    Ok(outcome)
}

impl Stat<'_> {
    fn segments(&self) -> impl Iterator<Item = (&Inspected, &InspectedSegment)> {
        self.look.files.iter().filter_map(|file| Some((file, file.segment()?)))
    }

    fn spares_count(&self) -> usize {
        self.look.files.iter().filter(|file| matches!(file.content, Content::Spare)).count()
    }

    fn file_bytes(&self) -> u64 {
        self.look.files.iter().map(|file| file.file_bytes).sum()
    }

    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "directory: {}", self.look.place.directory.display())?;
        writeln!(out, "start: {}", self.start)?;
        writeln!(out, "end: {}", self.end)?;
        writeln!(out, "durable: at least {}", self.durable)?;
        writeln!(out, "stream: {} bytes", self.end.since(self.start))?;
        writeln!(out, "files: {} bytes, {} of them spare", self.file_bytes(), self.spares_count())?;
        let (first, last) = (Moment(self.times.0), Moment(self.times.1));
        writeln!(out, "written: {first} to {last}")?;
        match self.look.place.manifest() {
            None => writeln!(out, "manifest: none here")?,
            Some(manifest) => write_manifest(manifest, out)?,
        }
        for (file, segment) in self.segments() {
            let name = file.path.file_name().unwrap_or_default().display();
            let (base, end, bytes) = (segment.header.base, segment.verified_end, file.file_bytes);
            let (frames, times) = (segment.frames_count, segment.sealed_ms);
            let (first, last) = (times.map(|times| times.0), times.map(|times| times.1));
            let (first, last) = (Moment(first), Moment(last));
            writeln!(
                out,
                "segment: {name}, offsets {base} to {end}, {frames} frames, {bytes} bytes, {first} \
                 to {last}"
            )?;
        }
        look::tell(&self.look.problems, out)
    }

    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut json = Json::new(out);
        json.open('{')?;
        json.member_text("directory", &self.look.place.directory.to_string_lossy())?;
        json.member("start", self.start.0)?;
        json.member("end", self.end.0)?;
        json.member("durable", self.durable.0)?;
        json.member("stream_bytes", self.end.since(self.start))?;
        json.member("file_bytes", self.file_bytes())?;
        json.member("spares", self.spares_count() as u64)?;
        json.member("first_time", self.times.0)?;
        json.member("last_time", self.times.1)?;
        json.name("manifest")?;
        match self.look.place.manifest() {
            None => json.null()?,
            Some(manifest) => manifest_json(manifest, &mut json)?,
        }
        json.name("segments")?;
        json.open('[')?;
        for (file, segment) in self.segments() {
            segment_json(file, segment, &mut json)?;
        }
        json.close(']')?;
        look::tell_json(&self.look.problems, &mut json)?;
        json.close('}')?;
        writeln!(out)
    }
}

fn write_manifest(manifest: &Manifest, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "replid: {}", manifest.replid)?;
    writeln!(out, "role: {}", role_word(manifest.role))?;
    for ancestor in &manifest.past {
        writeln!(out, "before: {} up to {}", ancestor.replid, ancestor.ceiling)?;
    }
    match &manifest.run {
        RunState::Clean { end } => writeln!(out, "last run: ended in good order at {end}")?,
        RunState::Running { boot, feeds } => {
            let feeds = feeds_word(*feeds);
            let boot_id = &boot.boot_id;
            writeln!(out, "last run: not ended, boot {boot_id}, replicas were fed {feeds} bytes")?;
        }
    }
    if manifest.sync_failed {
        writeln!(out, "last run: a sync failed in it")?;
    }
    writeln!(out, "durable floor: {}", manifest.durable_floor)?;
    match &manifest.snapshot {
        None => writeln!(out, "snapshot: none"),
        Some(SnapshotMeta { file, offset, bytes, stream_db, .. }) => writeln!(
            out,
            "snapshot: {file}, {bytes} bytes, at offset {offset}, where database {stream_db} is \
             selected"
        ),
    }
}

fn segment_json(file: &Inspected, segment: &InspectedSegment, json: &mut Json) -> io::Result<()> {
    let header = &segment.header;
    json.open('{')?;
    json.member_text("file", &file.path.file_name().unwrap_or_default().to_string_lossy())?;
    json.member("start", header.base.0)?;
    json.member("end", segment.verified_end.0)?;
    json.member("durable", segment.durable.0)?;
    json.member("bytes", file.file_bytes)?;
    json.member("frames", segment.frames_count as u64)?;
    json.member("epoch", u64::from(header.epoch))?;
    json.member_text("replid", &header.replid.to_string())?;
    json.member("created", header.created_ms)?;
    json.member("first_time", segment.sealed_ms.map(|(first, _)| first))?;
    json.member("last_time", segment.sealed_ms.map(|(_, last)| last))?;
    json.name("clean")?;
    json.truth(segment.is_clean)?;
    json.close('}')
}

fn manifest_json(manifest: &Manifest, json: &mut Json) -> io::Result<()> {
    json.open('{')?;
    json.member_text("replid", &manifest.replid.to_string())?;
    json.name("past")?;
    json.open('[')?;
    for ancestor in &manifest.past {
        json.open('{')?;
        json.member_text("replid", &ancestor.replid.to_string())?;
        json.member("ceiling", ancestor.ceiling.0)?;
        json.close('}')?;
    }
    json.close(']')?;
    json.member_text("role", role_word(manifest.role))?;
    json.name("run")?;
    json.open('{')?;
    match &manifest.run {
        RunState::Clean { end } => {
            json.member_text("state", "clean")?;
            json.member("end", end.0)?;
        }
        RunState::Running { boot: BootIdentity { boot_id, mount_id }, feeds } => {
            json.member_text("state", "running")?;
            json.member_text("boot_id", boot_id)?;
            json.member("mount_id", *mount_id)?;
            json.member_text("feeds", feeds_word(*feeds))?;
        }
    }
    json.close('}')?;
    json.name("sync_failed")?;
    json.truth(manifest.sync_failed)?;
    json.member("durable_floor", manifest.durable_floor.0)?;
    json.name("log")?;
    json.open('{')?;
    json.member("epoch", manifest.log.epoch)?;
    json.member("first", manifest.log.first.0)?;
    json.member_text("files", log_files_word(manifest.log.files))?;
    json.close('}')?;
    json.name("snapshot")?;
    match &manifest.snapshot {
        None => json.null()?,
        Some(meta) => {
            json.open('{')?;
            json.member_text("file", &meta.file)?;
            json.member("offset", meta.offset.0)?;
            json.member("stream_db", meta.stream_db)?;
            json.member("bytes", meta.bytes)?;
            json.member_text("checksum", &format!("{:016x}", meta.checksum))?;
            json.member("rdb_version", u64::from(meta.rdb_version))?;
            json.close('}')?;
        }
    }
    json.close('}')
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::Replica => "replica",
    }
}

fn log_files_word(files: LogFiles) -> &'static str {
    match files {
        LogFiles::Own => "own",
        LogFiles::GivenUp => "given-up",
    }
}

fn feeds_word(feeds: FeedsSeen) -> &'static str {
    match feeds {
        FeedsSeen::DurableOnly => "durable",
        FeedsSeen::Sealed => "sealed",
    }
}
