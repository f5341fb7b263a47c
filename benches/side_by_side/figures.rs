//! What a run comes to: figures by name, their medians, and percentiles of latencies.

use std::io;
use std::time::Duration;

/// What a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Thousands of commands per second.
    Rate,
    /// Microseconds of server CPU per command, which is seconds per million.
    Cpu,
    /// Milliseconds within which half of the commands were answered.
    P50,
    /// Milliseconds within which 99 % were.
    P99,
    /// Milliseconds within which 99.9 % were.
    P999,
    /// Calls that make a file durable, per command.
    Syncs,
    /// KiB of anonymous memory per connection.
    Memory,
    /// Bytes of anonymous memory per element.
    Bytes,
    /// Milliseconds that what was measured took in all.
    Took,
    /// Milliseconds of server CPU in all.
    Busy,
    /// Keys that were there when they were asked for, in percent.
    Hits,
}

/// The figures of one run, or their medians.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<(Column, f64)>);

impl Column {
    /// Its name in a heading.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Rate => "k/s",
            Self::Cpu => "µs/cmd",
            Self::P50 => "p50 ms",
            Self::P99 => "p99 ms",
            Self::P999 => "p99.9 ms",
            Self::Syncs => "syncs/cmd",
            Self::Memory => "KiB/conn",
            Self::Bytes => "B/each",
            Self::Took => "ms",
            Self::Busy => "ms CPU",
            Self::Hits => "% hits",
        }
    }

    /// Its name where a ratio or an aim is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Cpu => "cpu",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Syncs => "syncs",
            Self::Memory | Self::Bytes => "memory",
            Self::Took => "time",
            Self::Busy => "busy",
            Self::Hits => "hits",
        }
    }

    /// How many digits after the point say something.
    pub fn decimals(self) -> usize {
        match self {
            Self::Took | Self::Busy => 0,
            Self::Rate | Self::Bytes => 1,
            Self::Cpu | Self::Memory | Self::Hits => 2,
            Self::P50 | Self::P99 | Self::P999 => 3,
            Self::Syncs => 4,
        }
    }
}

impl Figures {
    /// Adds one more.
    pub fn with(mut self, column: Column, value: f64) -> Self {
        self.0.push((column, value));
        self
    }

    /// Adds the percentiles of `latencies`.
    pub fn with_latencies(self, mut latencies: Vec<Duration>) -> io::Result<Self> {
        if latencies.is_empty() {
            return Err(io::Error::other("nothing was answered"));
        }
        latencies.sort_unstable();
        // The nearest rank: a latency that was seen, and never one below the percentile.
        let percentile = |share: f64| {
            let rank = (share * latencies.len() as f64).ceil() as usize;
            latencies[rank.clamp(1, latencies.len()) - 1].as_secs_f64() * 1e3
        };
        let (p50, p99, p999) = (percentile(0.5), percentile(0.99), percentile(0.999));
        Ok(self.with(Column::P50, p50).with(Column::P99, p99).with(Column::P999, p999))
    }

    /// Returns one of them; not a number if it was not measured.
    pub fn at(&self, column: Column) -> f64 {
        self.0.iter().find(|(own, _)| *own == column).map_or(f64::NAN, |(_, value)| *value)
    }

    fn median(samples: &[Self]) -> Self {
        let columns = samples.first().into_iter().flat_map(|sample| &sample.0);
        let medians = columns.map(|&(column, _)| {
            let mut values: Vec<_> = samples.iter().map(|sample| sample.at(column)).collect();
            values.sort_by(f64::total_cmp);
            (column, values[values.len() / 2])
        });
        Self(medians.collect())
    }
}

/// Lets so many contestants run in turn, round by round, each round another one first; returns the
/// median figures of each.
pub fn interleaved(
    contestants: usize,
    rounds: usize,
    mut run: impl FnMut(usize) -> io::Result<Figures>,
) -> io::Result<Vec<Figures>> {
    let mut samples = vec![Vec::new(); contestants];
    for round in 0..rounds {
        for turn in 0..contestants {
            let index = (turn + round) % contestants;
            samples[index].push(run(index)?);
        }
    }
    Ok(samples.iter().map(|samples| Figures::median(samples)).collect())
}
