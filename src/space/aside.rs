//! One column as an affine function of others.

use super::column_names::name;
use serde::{Deserialize, Serialize};

/// How far off a new point may be before it is said, in standard deviations of the column, where the training points are
/// not further off.
const NOTICED: f64 = 1e-6;

/// A column that is an affine function of the columns that are kept: `offset + sum of factor times column`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aside {
    /// The column.
    pub column: usize,
    /// The constant part; of a constant column its value.
    pub offset: f64,
    /// Columns that are kept, each with its factor; none for a constant.
    pub terms: Vec<(usize, f64)>,
    /// Standard deviation of the column over the training points but the one furthest out; 0 for a constant.
    pub spread: f64,
    /// How far the function was off at a training point at most.
    pub error: f64,
}

impl Aside {
    /// Its value at a row, of which the function gives the columns.
    pub fn value(&self, row: impl Fn(usize) -> f64) -> f64 {
        self.terms.iter().fold(self.offset, |total, (column, factor)| total + factor * row(*column))
    }

    /// How far off a new value may be.
    pub fn tolerance(&self) -> f64 {
        (10.0 * self.error).max(NOTICED * self.spread).max(1e-12 * self.offset.abs())
    }
}

/// A function of columns as text, with its first terms.
pub(super) fn formula(aside: &Aside, axes: &[String]) -> String {
    const TERMS: usize = 6;
    if let [(column, 1.0)] = aside.terms[..]
        && aside.offset == 0.0
    {
        return format!("a copy of {}", name(axes, column));
    }
    let number = |v: f64| format!("{}", (v * 1e6).round() / 1e6);
    let number = |v: f64| if v.abs() < 1e-3 || v.abs() > 1e6 { format!("{v:.4e}") } else { number(v) };
    let mut text = if aside.offset == 0.0 { String::new() } else { number(aside.offset) };
    for (column, factor) in aside.terms.iter().take(TERMS) {
        let size = if factor.abs() == 1.0 { String::new() } else { format!("{} x ", number(factor.abs())) };
        let sign = match (text.is_empty(), *factor < 0.0) {
            (true, false) => "",
            (true, true) => "-",
            (false, false) => " + ",
            (false, true) => " - ",
        };
        text += &format!("{sign}{size}{}", name(axes, *column));
    }
    match aside.terms.len().saturating_sub(TERMS) {
        0 => text,
        more => format!("{text} and {more} more terms"),
    }
}
