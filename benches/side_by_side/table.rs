//! Rows of figures, their ratios to the first contestant's, and what they are aimed at.

use std::io::{self, Write};

use crate::aims::Aim;
use crate::figures::{Column, Figures};

/// A table whose rows have these figures.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    columns: &'static [Column],
}

/// One contestant in one cell.
#[derive(Debug)]
pub struct Row<'r> {
    /// What was done.
    pub cell: &'r str,
    /// By whom.
    pub name: &'r str,
    /// What it came to.
    pub figures: &'r Figures,
    /// What it is measured against; the first of a cell is measured against nothing.
    pub base: Option<&'r Figures>,
    /// What it should come to.
    pub aims: &'r [Aim],
}

impl Table {
    /// Writes the heading.
    pub fn begin(
        title: &str,
        columns: &'static [Column],
        out: &mut impl Write,
    ) -> io::Result<Self> {
        writeln!(out, "\n{title}")?;
        write!(out, "{:22} {:22} |", "", "")?;
        for column in columns {
            write!(out, " {:>9}", column.heading())?;
        }
        write!(out, " |")?;
        for column in columns {
            write!(out, " {:>7}", format!("×{}", column.name()))?;
        }
        writeln!(out, " | aim")?;
        out.flush()?;
        Ok(Self { columns })
    }

    /// Writes one row.
    pub fn row(&self, row: &Row<'_>, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{:22} {:22} |", row.cell, row.name)?;
        for &column in self.columns {
            write!(out, " {:>9}", number(row.figures.at(column), column.decimals()))?;
        }
        write!(out, " |")?;
        for &column in self.columns {
            let ratio = row.base.map_or(f64::NAN, |base| row.figures.at(column) / base.at(column));
            write!(out, " {:>7}", number(ratio, 2))?;
        }
        let against = row.base.unwrap_or(row.figures);
        let verdicts: Vec<_> = row.aims.iter().map(|aim| aim.judge(row.figures, against)).collect();
        writeln!(out, " | {}", verdicts.join(", "))?;
        out.flush()
    }

    /// Writes a cell: the first contestant, and the others against it.
    ///
    /// The aims are those of backlogd.
    pub fn cell<'n>(
        &self,
        cell: &str,
        names: impl IntoIterator<Item = &'n str>,
        medians: &[Figures],
        aims: &[Aim],
        out: &mut impl Write,
    ) -> io::Result<()> {
        for (index, (name, figures)) in names.into_iter().zip(medians).enumerate() {
            let base = (index > 0).then(|| &medians[0]);
            let aims = if index > 0 && name.starts_with("backlogd") { aims } else { &[] };
            self.row(&Row { cell, name, figures, base, aims }, out)?;
        }
        Ok(())
    }
}

fn number(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$}") } else { "-".to_owned() }
}
