//! Families of samples, and how they are written.

use std::collections::HashMap;
use std::fmt::Write as _;

/// The type of what is written, for the header of a reply.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family's samples do over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They only grow, until the server starts anew.
    Counter,
    /// They go up and down.
    Gauge,
    /// They are quantiles, with a sum and a count.
    Summary,
}

/// All that is told, in the order in which families came.
#[derive(Debug, Default)]
pub(super) struct Families {
    families: Vec<Family>,
    places: HashMap<&'static str, usize>,
}

#[derive(Debug)]
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    /// Suffix, labels as they are written, value; no two have the same suffix and labels.
    samples: Vec<(&'static str, String, f64)>,
}

impl Families {
    /// Adds a sample to the family of that name, which the first one makes.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        self.add_part(name, kind, help, "", labels, value);
    }

    /// Adds a sample of a summary: a quantile, or with a suffix its sum or count.
    pub(super) fn add_part(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &'static str,
        suffix: &'static str,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        let place = *self.places.entry(name).or_insert_with(|| {
            self.families.push(Family { name, kind, help, samples: Vec::new() });
            self.families.len() - 1
        });
        let samples = &mut self.families[place].samples;
        let labels = labelled(labels);
        // `INFO` may name a thing twice, as two replicas of one address; a series is there once.
        if !samples.iter().any(|(old, with, _)| *old == suffix && *with == labels) {
            samples.push((suffix, labels, value));
        }
    }

    /// Writes all of it.
    pub(super) fn written(&self) -> String {
        let mut text = String::new();
        for Family { name, kind, help, samples } in &self.families {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Summary => "summary",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (suffix, labels, value) in samples {
                let _ = writeln!(text, "{name}{suffix}{labels} {value}");
            }
        }
        text
    }
}

/// Writes labels, what would end them escaped; nothing where there are none.
fn labelled(labels: &[(&'static str, &str)]) -> String {
    let mut text = String::new();
    for (index, (name, value)) in labels.iter().enumerate() {
        text.push(if index == 0 { '{' } else { ',' });
        text.push_str(name);
        text.push_str("=\"");
        for char in value.chars() {
            match char {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                char => text.push(char),
            }
        }
        text.push('"');
    }
    if !labels.is_empty() {
        text.push('}');
    }
    text
}
