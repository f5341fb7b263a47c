//! The manual page and the completions say what the program takes.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use backlogd::config::{flags, table::TABLE};
use clap_mangen::Man;

/// Writes the page anew when it is set.
const WRITE: &str = "BACKLOGD_WRITE_MANUAL";

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_backlogd")).args(arguments).output().expect("it runs")
}

fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The parts of a command's page, without its head; those of a tool are below a heading of its own.
fn parts(man: &Man, out: &mut Vec<u8>) -> std::io::Result<()> {
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)
}

/// Every tool with its full name, those that only have others below them left out.
fn tools(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
    let mut found = Vec::new();
    for tool in command.get_subcommands() {
        let name = format!("{path} {}", tool.get_name());
        if tool.has_subcommands() {
            found.extend(tools(tool, &name));
        } else {
            found.push((name.clone(), tool.clone().bin_name(name)));
        }
    }
    found
}

/// The one page: the server's, and the tools' below it.
fn page() -> String {
    let mut command = flags::command();
    command.build();
    let man = Man::new(command.clone())
        .date("")
        .source(format!("backlogd {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render_title(&mut text).expect("it is written to memory");
    man.render_name_section(&mut text).expect("as above");
    parts(&man, &mut text).expect("as above");
    man.render_extra_section(&mut text).expect("as above");
    let mut page = String::from_utf8(text).expect("UTF-8");
    for (name, tool) in tools(&command, "backlogd") {
        let man = Man::new(tool);
        let mut text = Vec::new();
        parts(&man, &mut text).expect("as above");
        man.render_extra_section(&mut text).expect("as above");
        let text = String::from_utf8(text).expect("UTF-8").replace(".SH ", ".SS ");
        writeln!(page, ".SH \"{}\"", name.to_uppercase()).expect("a string takes anything");
        page.push_str(&text);
    }
    let mut page = page.replace(" EXTRA\n", " NOTES\n");
    page.push_str(
        ".SH FILES\n.TP\n\\fIbacklogd.conf\\fR\nComes with the program; it has every directive with \
         its default and what it does.\n.SH \"SEE ALSO\"\nThe README, which says what a restart \
         keeps and how servers follow one another.\n",
    );
    page
}

#[test]
fn the_manual_page_is_made_of_the_help() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/backlogd.1");
    let made = page();
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &made).expect("it can be written");
    }
    let shipped = fs::read_to_string(&path).expect("it is there");
    assert!(shipped == made, "config/backlogd.1 is old: {WRITE}=1 cargo test --test manual");
    // It is part of the program, so one built before the page was written prints the old one.
    if std::env::var_os(WRITE).is_none() {
        assert_eq!(printed(&["man"]), shipped);
    }
}

#[test]
fn the_manual_page_speaks_of_every_tool_and_flag() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/backlogd.1"));
    let page = page.expect("it is there").replace("\\-", "-");
    for (name, tool) in tools(&flags::command(), "backlogd") {
        assert!(page.contains(&format!(".SH \"{}\"", name.to_uppercase())), "{name}");
        for flag in tool.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(page.contains(&format!("--{flag}")), "{name} --{flag}");
        }
    }
    for tool in ["log tail", "status", "ping", "completions", "man"] {
        let words: Vec<_> = tool.split(' ').chain(["--help"]).collect();
        assert!(printed(&words).contains(&format!("Usage: backlogd {tool}")), "{tool}");
    }
}

#[test]
fn completions_know_tools_and_directives() {
    let bash = printed(&["completions", "bash"]);
    for (shell, flag) in [("bash", "--"), ("zsh", "--"), ("fish", "-l ")] {
        let text = printed(&["completions", shell]);
        for row in TABLE {
            assert!(text.contains(&format!("{flag}{}", row.name)), "{shell}: {}", row.name);
        }
        for tool in ["status", "verify", "ping"] {
            assert!(text.contains(tool), "{shell}: {tool}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(2));
    // What bash makes of it, as no other shell need be there.
    let completed = |words: &str| -> BTreeSet<String> {
        let count = words.split(' ').count() - 1;
        let script = format!(
            "{bash}\nCOMP_WORDS=({words}); COMP_CWORD={count}\n_backlogd backlogd \
             \"${{COMP_WORDS[$COMP_CWORD]}}\" \"${{COMP_WORDS[$COMP_CWORD-1]}}\"\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["-c", &script]).output().expect("bash is there");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().map(str::to_owned).collect()
    };
    let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(completed("backlogd --appendf"), of(&["--appendfsync", "--appendfilename"]));
    assert_eq!(completed("backlogd --appendfsync e"), of(&["everysec"]));
    assert_eq!(completed("backlogd log ver"), of(&["verify"]));
}
