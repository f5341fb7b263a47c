//! From the command line to an exit status.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use super::checks::findings;
use super::facts::gather;
use super::{Finding, Verdict};
use crate::admin::tool::json::Json;
use crate::config::Examination;

/// Something could be better.
const WARNED: u8 = 1;
/// Something is wrong, or cannot be told.
const FAILED: u8 = 2;

/// Looks at everything and tells what there is to change.
pub fn run(examination: &Examination) -> ExitCode {
    let settings = examination.settings();
    let found = findings(&gather(&settings), &settings);
    let mut out = io::stdout().lock();
    let written = if examination.json { json(&found, &mut out) } else { text(&found, &mut out) };
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            // There is nobody else to tell if this fails.
            drop(writeln!(io::stderr(), "backlogd: cannot write: {error}"));
            ExitCode::from(FAILED)
        }
        // Whoever reads has seen enough; the verdict stands all the same.
        _ => match worst(&found) {
            Verdict::Fine => ExitCode::SUCCESS,
            Verdict::Warning => ExitCode::from(WARNED),
            Verdict::Error => ExitCode::from(FAILED),
        },
    }
}

fn worst(found: &[Finding]) -> Verdict {
    found.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Fine)
}

fn text(found: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let width = found.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    for Finding { name, verdict, seen, advice } in found {
        writeln!(out, "{:<8} {name:<width$}  {seen}", verdict.word())?;
        if !advice.is_empty() {
            writeln!(out, "         {:<width$}  {advice}", "")?;
        }
    }
    let count = |verdict| found.iter().filter(|finding| finding.verdict == verdict).count();
    match (count(Verdict::Error), count(Verdict::Warning)) {
        (0, 0) => writeln!(out, "\nAll is well."),
        (errors, warnings) => writeln!(out, "\nErrors: {errors}, warnings: {warnings}."),
    }
}

fn json(found: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let mut json = Json::new(out);
    json.open('{')?;
    json.member_text("verdict", worst(found).word())?;
    json.name("findings")?;
    json.open('[')?;
    for Finding { name, verdict, seen, advice } in found {
        json.open('{')?;
        json.member_text("name", name)?;
        json.member_text("verdict", verdict.word())?;
        json.member_text("seen", seen)?;
        json.name("advice")?;
        if advice.is_empty() {
            json.null()?;
        } else {
            json.text(advice)?;
        }
        json.close('}')?;
    }
    json.close(']')?;
    json.close('}')?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Vec<Finding> {
        vec![Finding::fine("a", "1"), Finding::warning("long", "2", "change \"it\"")]
    }

    fn written(
        write: fn(&[Finding], &mut dyn Write) -> io::Result<()>,
        found: &[Finding],
    ) -> String {
        let mut out = Vec::new();
        write(found, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn advice_stands_below_what_it_is_about() {
        let expected = "\
fine     a     1
warning  long  2
               change \"it\"

Errors: 0, warnings: 1.
";
        assert_eq!(written(text, &found()), expected);
        assert!(written(text, &found()[..1]).ends_with("\n\nAll is well.\n"));
    }

    #[test]
    fn programs_are_told_the_same() {
        let expected = r#"{"verdict":"warning","findings":[{"name":"a","verdict":"fine","seen":"1","advice":null},{"name":"long","verdict":"warning","seen":"2","advice":"change \"it\""}]}"#;
        assert_eq!(written(json, &found()).trim_end(), expected);
    }
}
