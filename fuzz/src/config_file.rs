//! Any text is a configuration or an error; what it says, the rewritten text says too.

use backlogd::config::Config;

/// What holds for any bytes.
pub fn check(text: &[u8]) {
    let Ok(config) = Config::from_text(text) else { return };
    let _ = config.settings();
    let rewritten = config.rewritten(text, &[]).expect("a text that was read can be edited");
    let names_directory = |line: &&[u8]| line.starts_with(b"dir ");
    // The default directory need not exist, while one that is named must.
    let kept: Vec<_> = rewritten
        .split(|byte| *byte == b'\n')
        .filter(|line| config.is_given("dir") || !names_directory(line))
        .collect();
    let again = Config::from_text(&kept.join(&b'\n'));
    let again = again.expect("what was rewritten can be read");
    assert_eq!(config.get(b"*"), again.get(b"*"));
    assert_eq!(config.renames(), again.renames());
}
