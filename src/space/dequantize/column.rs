//! One column: between its values and numbers that have a density.

use super::lattice::Lattice;
use serde::{Deserialize, Serialize};

/// A column that is not continuous.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// What the values are that are no atoms.
    pub cells: Cells,
    /// Values that many points share, in ascending order.
    pub atoms: Vec<Atom>,
    /// Share of ties among the training points: points less distinct values.
    pub ties: f64,
    /// Distinct values among them.
    pub values: usize,
}

/// Where the values of a column can be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cells {
    /// Anywhere.
    Continuous,
    /// At the points of a lattice: rounded values. A value is spread over the width of the lattice around it.
    Lattice {
        /// The lattice.
        lattice: Lattice,
        /// The smallest value there can be, where the data end in many points.
        low: Option<f64>,
        /// The largest.
        high: Option<f64>,
    },
    /// At these values, in ascending order. A value is spread up to the middles between it and its neighbours.
    Values(Vec<f64>),
}

/// A value that many points share. The numbers above it are moved up by its width, and it is spread over that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Atom {
    /// The value.
    pub value: f64,
    /// The width.
    pub width: f64,
    /// Its share of the training points.
    pub share: f64,
}

/// Where a value goes: to an interval over which it is spread evenly.
pub struct Spread {
    /// Its lower end.
    pub low: f64,
    /// Its length; 0 of a value that keeps its place.
    pub length: f64,
    /// What is added to the log-density there: `log length` of an atom in a continuous column, so that the density is the
    /// probability of the value; in a rounded one what the wider interval has made of the density.
    pub log_factor: f64,
}

impl Column {
    /// The interval of a value.
    pub fn spread(&self, x: f64) -> Spread {
        let moved: f64 = self.atoms.iter().filter(|atom| atom.value < x).map(|atom| atom.width).sum();
        let (low, length) = self.cell(x);
        match self.atoms.iter().find(|atom| atom.value == x) {
            Some(atom) => {
                let whole = length + atom.width;
                let cell = if length > 0.0 { length } else { 1.0 };
                Spread { low: low + moved, length: whole, log_factor: (whole / cell).ln() }
            }
            None => Spread { low: low + moved, length, log_factor: 0.0 },
        }
    }

    /// The cell of a value without the atoms: its lower end and its length, 0 of a value that is none of the column's.
    fn cell(&self, x: f64) -> (f64, f64) {
        match &self.cells {
            Cells::Continuous => (x, 0.0),
            Cells::Lattice { lattice, .. } if lattice.nearest(x) == x => {
                (x - 0.5 * lattice.width(), lattice.width())
            }
            Cells::Lattice { .. } => (x, 0.0),
            Cells::Values(values) => match values.binary_search_by(|v| v.total_cmp(&(x + 0.0))) {
                Ok(i) => {
                    let gap = |i: usize| values[i + 1] - values[i];
                    let below = if i > 0 { gap(i - 1) } else { gap(0) };
                    let above = if i + 1 < values.len() { gap(i) } else { gap(i - 1) };
                    (x - 0.5 * below, 0.5 * (below + above))
                }
                Err(_) => (x, 0.0),
            },
        }
    }

    /// The value whose interval holds `y`, or is nearest to it.
    pub fn value(&self, y: f64) -> f64 {
        let half = match &self.cells {
            Cells::Lattice { lattice, .. } => 0.5 * lattice.width(),
            Cells::Continuous | Cells::Values(_) => 0.0,
        };
        let mut moved = 0.0;
        for atom in &self.atoms {
            let low = atom.value + moved - half;
            if y < low {
                break;
            }
            if y <= low + atom.width + 2.0 * half {
                return atom.value;
            }
            moved += atom.width;
        }
        let x = y - moved;
        match &self.cells {
            Cells::Continuous => x,
            Cells::Lattice { lattice, low, high } => {
                let x = lattice.nearest(x);
                let x = low.map_or(x, |low| x.max(low));
                high.map_or(x, |high| x.min(high))
            }
            Cells::Values(values) => {
                let above = values.partition_point(|v| *v < x);
                let near = [above.saturating_sub(1), above.min(values.len() - 1)].map(|i| values[i]);
                if (x - near[0]).abs() <= (near[1] - x).abs() { near[0] } else { near[1] }
            }
        }
    }

    /// Whether the inverse changes a value: it is none that the column had, and lies on no cell.
    pub fn changes(&self, x: f64) -> bool {
        let Spread { low, length, .. } = self.spread(x);
        let back = self.value(low + 0.5 * length);
        (back - x).abs() > 1e-9 * x.abs().max(f64::MIN_POSITIVE)
    }

    /// Whether the stored numbers make a map.
    pub fn is_consistent(&self) -> bool {
        let ascending = |values: &[f64]| values.windows(2).all(|pair| pair[0] < pair[1]);
        let values: Vec<f64> = self.atoms.iter().map(|atom| atom.value).collect();
        let cells = match &self.cells {
            Cells::Continuous => !self.atoms.is_empty(),
            Cells::Lattice { lattice, low, high } => {
                lattice.is_consistent() && low.iter().chain(high).all(|v| v.is_finite())
            }
            Cells::Values(values) => {
                values.len() > 1 && ascending(values) && values.iter().all(|v| v.is_finite())
            }
        };
        let atoms = self
            .atoms
            .iter()
            .all(|atom| atom.width > 0.0 && atom.width.is_finite() && atom.value.is_finite());
        cells && atoms && ascending(&values)
    }

    /// What the column is, in words: the same for all columns of a kind.
    pub fn kind(&self) -> String {
        let cells = match &self.cells {
            Cells::Continuous => String::new(),
            Cells::Lattice { lattice, .. } => match lattice.width() {
                1.0 => "whole numbers".to_string(),
                width => format!("rounded to multiples of {}", decimal(width)),
            },
            Cells::Values(values) => format!("one of {} values", values.len()),
        };
        let atoms: Vec<String> = self
            .atoms
            .iter()
            .take(3)
            .map(|atom| format!("{:.0} % of the points at {}", 100.0 * atom.share, decimal(atom.value)))
            .collect();
        let more = match self.atoms.len().saturating_sub(3) {
            0 => String::new(),
            more => format!(" and {more} more such values"),
        };
        match (cells.as_str(), atoms.as_slice()) {
            (_, []) => cells,
            ("", atoms) => format!("continuous with {}{more}", atoms.join(", ")),
            (_, atoms) => format!("{cells} with {}{more}", atoms.join(", ")),
        }
    }
}

/// A number with six digits at most.
fn decimal(v: f64) -> String {
    let digits = format!("{v:.5e}");
    digits.parse::<f64>().map_or(digits, |v| v.to_string())
}
