//! What the project wants its figures to come to.

use crate::figures::{Column, Figures};

/// What one figure of a row should come to.
#[derive(Clone, Copy, Debug)]
pub struct Aim {
    column: Column,
    bound: Bound,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    /// So many times what it is measured against, or more.
    TimesOrMore(f64),
    /// So many times what it is measured against, or less.
    TimesOrLess(f64),
    /// At most so much more than what it is measured against.
    MoreByAtMost(f64),
    /// At most so much.
    AtMost(f64),
}

impl Aim {
    /// At least `times` what it is measured against.
    pub fn times_or_more(column: Column, times: f64) -> Self {
        Self { column, bound: Bound::TimesOrMore(times) }
    }

    /// At most `times` what it is measured against.
    pub fn times_or_less(column: Column, times: f64) -> Self {
        Self { column, bound: Bound::TimesOrLess(times) }
    }

    /// At most `more` above what it is measured against.
    pub fn more_by_at_most(column: Column, more: f64) -> Self {
        Self { column, bound: Bound::MoreByAtMost(more) }
    }

    /// At most `most`, whatever it is measured against.
    pub fn at_most(column: Column, most: f64) -> Self {
        Self { column, bound: Bound::AtMost(most) }
    }

    /// Tells the aim, and whether it is reached; a figure that is not a number reaches none.
    pub fn judge(&self, own: &Figures, base: &Figures) -> String {
        let (own, base) = (own.at(self.column), base.at(self.column));
        let (reached, bound) = match self.bound {
            Bound::TimesOrMore(times) => (own >= base * times, format!("×>={times}")),
            Bound::TimesOrLess(times) => (own <= base * times, format!("×<={times}")),
            Bound::MoreByAtMost(more) => (own <= base + more, format!("<=base+{more:.3}")),
            Bound::AtMost(most) => (own <= most, format!("<={most}")),
        };
        let verdict = if reached { "reached" } else { "missed" };
        format!("{} {bound} {verdict}", self.column.name())
    }
}

/// What is aimed at under a load of redis-benchmark, beside redis-server with its AOF.
pub fn of_load(policy: &str, replicas: usize, command: &str, pipeline: u64) -> Vec<Aim> {
    let rate = |times| Aim::times_or_more(Column::Rate, times);
    let cpu = |times| Aim::times_or_less(Column::Cpu, times);
    let p99 = |times| Aim::times_or_less(Column::P99, times);
    match (policy, replicas, command, pipeline) {
        ("everysec", 0, "set" | "get" | "incr", 1) => vec![rate(1.0), cpu(0.9), p99(1.0)],
        ("everysec", 0, "set" | "incr", 16 | 64) => vec![rate(2.0), cpu(0.5), p99(0.8)],
        ("everysec", 0, "get", 16 | 64) => vec![rate(1.3)],
        ("everysec", 0, "mset", _) => vec![rate(1.5)],
        ("always", 0, "set" | "incr", 1) => vec![rate(1.2), cpu(0.9), p99(0.8)],
        ("always", 0, "set" | "incr", 16) => vec![rate(1.5), cpu(0.9), p99(0.8)],
        ("everysec", 1, "set" | "incr", 1) => vec![rate(1.0), p99(1.0)],
        ("everysec", 1, "set" | "incr", 16) => vec![rate(1.5), p99(1.0)],
        _ => Vec::new(),
    }
}
