//! `backlogd doctor`: whether this machine and this directory suit the server, and what to change.
//!
//! What is seen is gathered as it is (`facts.rs`, `timing.rs`, which alone touch the machine), what
//! it means is a function of that and of the configuration (`checks/`), and the text and the JSON are
//! functions of the findings.

mod checks;
mod facts;
mod mounts;
mod run;
mod timing;

pub use run::run;

/// What a check has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// There is nothing to change.
    Fine,
    /// The server runs, and could run better or is at a risk.
    Warning,
    /// The server does not run so, or does not keep what it promises.
    Error,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    name: &'static str,
    verdict: Verdict,
    /// What there is.
    seen: String,
    /// What to do about it; nothing where it is fine.
    advice: String,
}

impl Finding {
    fn fine(name: &'static str, seen: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fine, seen: seen.into(), advice: String::new() }
    }

    fn warning(name: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warning, seen: seen.into(), advice: advice.into() }
    }

    fn error(name: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Error, seen: seen.into(), advice: advice.into() }
    }
}
