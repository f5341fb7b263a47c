use super::super::Verdict;
use super::super::facts::{Disk, Kernel, Limits};
use super::super::mounts::Mount;
use super::super::timing::Timing;
use super::*;
use crate::config::Config;

fn settings(text: &str) -> Settings {
    Config::from_text(text.as_bytes()).unwrap().settings()
}

/// A machine about which there is nothing to say.
fn fine() -> Facts {
    let text = |text: &str| text.to_owned();
    Facts {
        kernel: Kernel {
            overcommit: text("0"),
            huge_pages: text("always [madvise] never"),
            somaxconn: text("4096"),
            swappiness: text("60"),
            dirty_ratio: text("20"),
            dirty_bytes: text("0"),
            background_ratio: text("10"),
            background_bytes: text("0"),
            meminfo: text(
                "MemTotal:    16777216 kB\nMemAvailable: 8388608 kB\nSwapTotal:  1024 kB",
            ),
            group_limit: text("max"),
            clock: text("tsc"),
        },
        limits: Limits { files: Some(20_000), ..Limits::default() },
        disk: Disk {
            directory: "/srv/data".into(),
            is_there: true,
            mount: Some(Mount {
                point: "/srv".into(),
                kind: text("ext4"),
                options: vec![text("rw"), text("relatime")],
            }),
            free_bytes: Some(100 << 30),
            free_files: Some(1_000_000),
            timing: Some(Ok(Timing { count: 400, p50_us: 900, p99_us: 5_000, max_us: 9_000 })),
        },
        cores: 4,
    }
}

const LIMITED: &str = "maxmemory 4gb\n";

/// What is not fine on a machine that is, but for what `change` does.
fn told(text: &str, change: impl FnOnce(&mut Facts)) -> Vec<(&'static str, Verdict)> {
    let mut facts = fine();
    change(&mut facts);
    let found = findings(&facts, &settings(text));
    for finding in &found {
        assert_eq!(finding.advice.is_empty(), finding.verdict == Verdict::Fine, "{finding:?}");
        assert!(!finding.seen.is_empty(), "{finding:?}");
    }
    let odd = found.into_iter().filter(|finding| finding.verdict != Verdict::Fine);
    odd.map(|finding| (finding.name, finding.verdict)).collect()
}

#[test]
fn of_a_good_machine_nothing_is_said() {
    assert_eq!(told(LIMITED, |_| {}), []);
    assert_eq!(findings(&fine(), &settings(LIMITED)).len(), 18);
}

#[test]
fn what_cannot_be_read_is_not_judged() {
    assert_eq!(told(LIMITED, |facts| facts.kernel = Kernel::default()), []);
}

#[test]
fn settings_of_the_kernel_that_hurt_are_told() {
    type Change = fn(&mut Kernel);
    let changes: [(&str, Change); 8] = [
        ("vm.overcommit_memory", |kernel| kernel.overcommit = "2".into()),
        ("transparent huge pages", |kernel| kernel.huge_pages = "[always] madvise never".into()),
        ("net.core.somaxconn", |kernel| kernel.somaxconn = "128".into()),
        ("vm.swappiness", |kernel| kernel.swappiness = "100".into()),
        ("vm.dirty_ratio", |kernel| kernel.dirty_ratio = "80".into()),
        ("vm.dirty_ratio", |kernel| kernel.dirty_bytes = "1000000".into()),
        ("vm.dirty_background_ratio", |kernel| kernel.background_ratio = "60".into()),
        ("clock source", |kernel| kernel.clock = "hpet".into()),
    ];
    for (name, change) in changes {
        let found = told(LIMITED, |facts| change(&mut facts.kernel));
        assert_eq!(found, [(name, Verdict::Warning)]);
    }
    let no_swap = "MemTotal: 16777216 kB\nSwapTotal: 0 kB";
    let found = told(LIMITED, |facts| {
        facts.kernel.swappiness = "100".into();
        facts.kernel.meminfo = no_swap.into();
    });
    assert_eq!(found, []);
}

#[test]
fn memory_is_measured_against_the_smaller_of_machine_and_group() {
    let memory =
        |text: &str, group: &str| told(text, |facts| facts.kernel.group_limit = group.into());
    assert_eq!(memory("", "max"), [("memory", Verdict::Warning)]);
    assert_eq!(memory("maxmemory 15gb\n", "max"), [("memory", Verdict::Warning)]);
    assert_eq!(memory("maxmemory 17gb\n", "max"), [("memory", Verdict::Error)]);
    assert_eq!(memory(LIMITED, "1073741824"), [("memory", Verdict::Error)]);
    assert_eq!(memory("maxmemory 512mb\n", "1073741824"), []);
}

#[test]
fn limits_of_the_process_are_measured_against_the_configuration() {
    let limits = |text: &str, limits: Limits| told(text, |facts| facts.limits = limits);
    let files = |files| Limits { files: Some(files), ..Limits::default() };
    assert_eq!(limits(LIMITED, files(1024)), [("open files", Verdict::Warning)]);
    assert_eq!(limits("maxmemory 4gb\nmaxclients 900\n", files(1024)), []);
    assert_eq!(limits(LIMITED, files(20)), [("open files", Verdict::Error)]);
    let small = Limits { file_bytes: Some(1 << 20), ..Limits::default() };
    assert_eq!(limits(LIMITED, small), [("size of files", Verdict::Error)]);
    let narrow = Limits { address_space: Some(1 << 32), ..Limits::default() };
    assert_eq!(limits(LIMITED, narrow), [("address space", Verdict::Warning)]);
    assert_eq!(told(LIMITED, |facts| facts.cores = 1), [("cores", Verdict::Warning)]);
    assert_eq!(told("maxmemory 4gb\nio-threads 8\n", |_| {}), [("cores", Verdict::Warning)]);
}

#[test]
fn a_file_system_that_keeps_no_promise_is_told() {
    for (kind, verdict) in [
        ("tmpfs", Some(Verdict::Error)),
        ("nfs4", Some(Verdict::Warning)),
        ("fuse.sshfs", Some(Verdict::Warning)),
        ("overlay", Some(Verdict::Warning)),
        ("xfs", None),
        ("btrfs", None),
    ] {
        let found = told(LIMITED, |facts| {
            facts.disk.mount = Some(Mount { kind: kind.into(), ..Mount::default() });
            facts.disk.mount.as_mut().unwrap().options.push("rw".into());
        });
        let expected: Vec<_> =
            verdict.map(|verdict| ("file system", verdict)).into_iter().collect();
        assert_eq!(found, expected, "{kind}");
    }
    for (option, verdict) in
        [("ro", Verdict::Error), ("nobarrier", Verdict::Error), ("sync", Verdict::Warning)]
    {
        let found = told(LIMITED, |facts| {
            facts.disk.mount.as_mut().unwrap().options.push(option.into());
        });
        assert_eq!(found, [("mount options", verdict)], "{option}");
    }
}

#[test]
fn room_and_syncs_are_measured_against_the_configuration() {
    let free = |bytes| told(LIMITED, |facts| facts.disk.free_bytes = Some(bytes));
    assert_eq!(free(300 << 20), [("free space", Verdict::Error)]);
    assert_eq!(free(1 << 30), [("free space", Verdict::Warning)]);
    let found = told(LIMITED, |facts| facts.disk.free_files = Some(3));
    assert_eq!(found, [("free inodes", Verdict::Error)]);
    let slow = |text: &str, p99_us| {
        told(text, |facts| {
            facts.disk.timing = Some(Ok(Timing { count: 9, p50_us: 1, p99_us, max_us: p99_us }));
        })
    };
    assert_eq!(slow(LIMITED, 50_000), []);
    let always = "maxmemory 4gb\nappendfsync always\n";
    assert_eq!(slow(always, 50_000), [("time of a sync", Verdict::Warning)]);
    assert_eq!(slow(LIMITED, 500_000), [("time of a sync", Verdict::Warning)]);
    let found = told(LIMITED, |facts| facts.disk.timing = Some(Err("cannot create".into())));
    assert_eq!(found, [("time of a sync", Verdict::Error)]);
    let found = told(LIMITED, |facts| {
        facts.disk.is_there = false;
        facts.disk.timing = None;
    });
    assert_eq!(found, [("directory of the log", Verdict::Warning)]);
}
