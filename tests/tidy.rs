//! The rules of the house that a compiler does not know; CONTRIBUTING.md tells why they are rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use backlogd::command::table;
use backlogd::config::table::TABLE;

/// Which folder of `src/` may know which; the files in `src/` itself are `main`, `lib`, `position`.
const KNOWLEDGE: &[(&str, &[&str])] = &[
    ("main", &["admin", "config", "server"]),
    ("lib", &[]),
    ("position", &[]),
    ("number", &[]),
    ("listpack", &["number"]),
    ("config", &[]),
    ("net", &["number"]),
    ("keyspace", &["listpack", "number"]),
    ("script", &["net", "number"]),
    ("command", &["keyspace", "listpack", "net", "number", "position", "script", "snapshot"]),
    ("log", &["position"]),
    ("snapshot", &["listpack", "number", "position"]),
    ("replication", &["log", "net", "position", "snapshot"]),
    (
        "admin",
        &[
            "command",
            "config",
            "keyspace",
            "log",
            "net",
            "number",
            "position",
            "replication",
            "snapshot",
        ],
    ),
    (
        "server",
        &[
            "admin",
            "command",
            "config",
            "keyspace",
            "log",
            "net",
            "number",
            "position",
            "replication",
            "script",
            "snapshot",
        ],
    ),
];
/// The files with `unsafe` in them.
const UNSAFE: [&str; 2] = ["src/log/mapping.rs", "src/admin/crash/signals.rs"];
/// The one file that sleeps, between two questions to another process.
const WAITING: &str = "tests/support/wait.rs";
/// This file spells out what the others must not contain.
const SELF: &str = "tests/tidy.rs";
const SOURCE_LINES_MAX: usize = 600;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["common", "helper", "helpers", "manager", "misc", "types", "util", "utils"];
/// Words of work that was left for later, or for a debugging session.
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "todo!", "unimplemented!", "dbg!"];

/// A file of the repository, by its path from the root with `/` between.
struct SourceFile {
    path: String,
    text: String,
}

impl SourceFile {
    /// The lines that are not comments, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The lines that are comments, with their numbers.
    fn comments(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| line.trim_start().starts_with("//"))
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The folder of `src/` it is in, or its name if it is in `src/` itself.
    fn layer(&self) -> &str {
        let inner = self.path.strip_prefix("src/").expect("a file of src/");
        let first = inner.split('/').next().unwrap_or(inner);
        first.strip_suffix(".rs").unwrap_or(first)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file below a folder; none if there is no such folder.
fn rust_files(folder: &str) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a folder can be read to its end").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(source_file(&path));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn source_file(path: &Path) -> SourceFile {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let path = path.strip_prefix(root()).expect("it was found below the root");
    SourceFile { path: path.to_string_lossy().into_owned(), text }
}

fn all_rust_files() -> Vec<SourceFile> {
    let files: Vec<_> =
        ["src", "tests", "benches", "fuzz"].into_iter().flat_map(rust_files).collect();
    assert!(files.len() > 100, "only {} files were found", files.len());
    files
}

/// The text between `<!-- name -->` and `<!-- /name -->`.
fn section<'t>(text: &'t str, name: &str) -> &'t str {
    let (from, to) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let inner = text.split_once(&from).and_then(|(_, rest)| rest.split_once(&to));
    inner.unwrap_or_else(|| panic!("there is no section {name}")).0.trim()
}

/// What stands between backquotes in the first cell of a table's rows.
fn first_cells(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next())
}

/// Whether `line` has `word` with no letter, digit or underscore on either side.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, found)| {
        !line[..at].ends_with(is_part) && !line[at + found.len()..].starts_with(is_part)
    })
}

/// Fails with the whole list, so that one run shows all there is to mend.
fn assert_none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn layers_know_only_what_is_below_them() {
    let allowed: BTreeMap<_, _> = KNOWLEDGE.iter().copied().collect();
    let mut broken = Vec::new();
    for file in rust_files("src") {
        let layer = file.layer().to_owned();
        let known = allowed.get(layer.as_str());
        let known = known.unwrap_or_else(|| panic!("{layer} is not in the table of layers"));
        for (number, line) in file.code() {
            let prefix = if layer == "main" { "backlogd::" } else { "crate::" };
            for (_, rest) in line.match_indices(prefix).map(|(at, p)| (at, &line[at + p.len()..])) {
                let name: String =
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if name != layer && !known.contains(&name.as_str()) {
                    broken.push(format!("{}:{number}: {}", file.path, line.trim()));
                }
            }
        }
    }
    assert_none("these reach where their layer may not", &broken);
}

#[test]
fn unsafe_code_lives_in_the_mapping_and_the_signals_alone() {
    let mut broken = Vec::new();
    for file in all_rust_files() {
        if UNSAFE.contains(&file.path.as_str()) || file.path == SELF {
            continue;
        }
        let bad = file.code().filter(|(_, line)| {
            let code = line.split("//").next().unwrap_or(line);
            has_word(code, "unsafe") || has_word(code, "unsafe_code")
        });
        broken.extend(bad.map(|(number, line)| format!("{}:{number}: {line}", file.path)));
    }
    assert_none("unsafe outside of the mapping and the signals", &broken);
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let long = rust_files("src").into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > SOURCE_LINES_MAX).then(|| format!("{}: {lines} lines", file.path))
    });
    assert_none("longer than any file should be", &long.collect::<Vec<_>>());
}

#[test]
fn names_say_what_is_inside() {
    let empty = all_rust_files().into_iter().filter(|file| {
        let mut parts = file.path.trim_end_matches(".rs").split('/');
        parts.any(|part| EMPTY_NAMES.contains(&part))
    });
    assert_none("names that say nothing", &empty.map(|file| file.path).collect::<Vec<_>>());
}

#[test]
fn every_file_begins_by_saying_what_it_is_for() {
    let silent = all_rust_files().into_iter().filter(|file| {
        // What tests are for is said by the file they are beside.
        let is_tests_of_file = file.path.starts_with("src/") && file.path.ends_with("/tests.rs");
        !is_tests_of_file && !file.text.starts_with("//! ") && !file.text.starts_with("#![no_main]")
    });
    assert_none("no module doc", &silent.map(|file| file.path).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_for_later() {
    let mut broken = Vec::new();
    for file in all_rust_files().iter().filter(|file| file.path != SELF) {
        for (number, line) in file.lines() {
            if UNFINISHED.iter().any(|word| has_word(line, word)) {
                broken.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    assert_none("left for later", &broken);
}

#[test]
fn tests_are_neither_skipped_nor_put_to_sleep() {
    let mut broken = Vec::new();
    for file in all_rust_files().iter().filter(|file| file.path != SELF) {
        // What measures may give the system time to settle.
        let may_sleep = file.path == WAITING || file.path.starts_with("benches/");
        for (number, line) in file.code() {
            let sleeps = has_word(line, "thread::sleep") && !may_sleep;
            if sleeps || line.contains("#[ignore") {
                broken.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    assert_none("an event can be awaited, and a test is run or is none", &broken);
}

#[test]
fn invariants_that_comments_cite_stand_in_the_architecture() {
    let architecture = read("ARCHITECTURE.md");
    let stated: BTreeSet<&str> = architecture
        .lines()
        .filter_map(|line| line.strip_prefix("- **")?.split_once("**"))
        .map(|(number, _)| number)
        .collect();
    let mut broken = Vec::new();
    for file in rust_files("src") {
        for (number, line) in file.comments() {
            let words = line.split(|c: char| !c.is_alphanumeric());
            let cited = words.filter(|word| {
                matches!(
                    word.as_bytes(),
                    [b'A' | b'C' | b'H' | b'L' | b'M' | b'R' | b'S', b'1'..=b'9']
                )
            });
            let unknown = cited.filter(|word| !stated.contains(word));
            broken.extend(unknown.map(|word| format!("{}:{number}: {word}", file.path)));
        }
    }
    assert_none("cited, but not stated in ARCHITECTURE.md", &broken);
}

#[test]
fn the_architecture_speaks_of_every_folder() {
    let architecture = read("ARCHITECTURE.md");
    for (layer, _) in KNOWLEDGE {
        assert!(architecture.contains(&format!("`{layer}")), "{layer} is not in ARCHITECTURE.md");
    }
}

#[test]
fn the_readme_lists_the_commands_of_the_table() {
    let mut groups: BTreeMap<&str, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for row in table::all() {
        let group = groups.entry(row.docs.group).or_default();
        let (name, own) = row.name.split_once('|').unwrap_or((row.name, ""));
        let subcommands = group.entry(name.to_uppercase()).or_default();
        if !own.is_empty() {
            subcommands.push(own.to_uppercase());
        }
    }
    let mut expected = String::from("| group | commands |\n|---|---|\n");
    for (group, commands) in groups {
        let listed = commands.into_iter().map(|(name, own)| {
            if own.is_empty() { name } else { format!("{name} ({})", own.join(", ")) }
        });
        let listed = listed.collect::<Vec<_>>().join(" · ");
        writeln!(expected, "| {group} | {listed} |").expect("a string takes anything");
    }
    let readme = read("README.md");
    let actual = section(&readme, "commands");
    assert!(
        actual == expected.trim(),
        "README.md must list under <!-- commands -->:\n\n{expected}"
    );
}

#[test]
fn the_readme_explains_the_own_directives() {
    let readme = read("README.md");
    let rows = section(&readme, "directives");
    let own = TABLE.iter().filter(|row| row.name.starts_with("backlog-"));
    for row in own.clone() {
        let default = if row.default.is_empty() { "\"\"" } else { row.default };
        let start = format!("| `{}` | `{default}` |", row.name);
        assert!(
            rows.lines().any(|line| line.starts_with(&start)),
            "README.md lacks a row: {start}"
        );
    }
    assert_eq!(first_cells(rows).count(), own.count(), "README.md has rows of no directive");
}

#[test]
fn the_readme_names_the_dependencies() {
    let manifest = read("Cargo.toml");
    let rest = manifest.split_once("\n[dependencies]\n").expect("there are dependencies").1;
    let rows = rest.split("\n[").next().unwrap_or(rest).lines();
    let depended: BTreeSet<_> = rows.filter_map(|line| line.split_once(" = ")).collect();
    let depended: BTreeSet<_> = depended.into_iter().map(|(name, _)| name).collect();
    let readme = read("README.md");
    let named: BTreeSet<_> = first_cells(section(&readme, "dependencies")).collect();
    assert_eq!(named, depended, "README.md on the left, Cargo.toml on the right");
}

#[test]
fn every_fuzz_target_has_seeds_and_every_seed_a_target() {
    let manifest = read("fuzz/Cargo.toml");
    let names = manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/"));
    let declared: BTreeSet<_> =
        names.filter_map(|name| Some(name.strip_suffix(".rs\"")?.to_owned())).collect();
    let files = rust_files("fuzz/fuzz_targets");
    let stem = |file: &SourceFile| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        name.trim_end_matches(".rs").to_owned()
    };
    let written: BTreeSet<_> = files.iter().map(stem).collect();
    let seeded: BTreeSet<_> = fs::read_dir(root().join("fuzz/corpus"))
        .expect("there are corpora")
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(declared, written, "fuzz/Cargo.toml on the left, fuzz/fuzz_targets on the right");
    assert_eq!(declared, seeded, "fuzz/Cargo.toml on the left, fuzz/corpus on the right");
}
