//! Dequantization: columns whose points tie (rounded values, counts, classes, values that many points share) become
//! columns with a density. A rounded value is spread evenly over the width of its rounding (Theis, van den Oord & Bethge
//! 2016); an atom in a continuous column is given an interval of its own, by which all larger values move up. The
//! inverse snaps back, to the very values.
//!
//! `y = x + c(x) + w(x) (u - 1/2)`, with `u` uniform from a named stream, a number for each row and column. The density
//! of `y` is that of the data so spread: of a rounded column `P(x) / w`, the probability of a value over the width of
//! its rounding, of which the log-density is a lower bound on average; of an atom in a continuous column the
//! probability of the value itself.
//!
//! | file | one idea |
//! | --- | --- |
//! | `lattice` | values that are whole multiples of a step |
//! | `column` | one column: forward, inverse |
//! | `detect` | which columns are such, by what thresholds |

mod column;
mod detect;
mod lattice;

pub use column::{Atom, Cells, Column};
pub use detect::{detect, fewest_ties, ties};
pub use lattice::Lattice;

use super::column_names::names;
use super::transform::{LogDet, Transform};
use crate::numeric::random::Stream;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Part of an interval at each end where no point is put, so that the rounding of a map and its inverse carries none
/// over the end.
const MARGIN: f64 = 1e-6;

/// The transform of points `(n, d)` of which some columns are not continuous.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dequantize {
    /// The seed of the stream that spreads the values.
    seed: u64,
    /// A map for each column; none for one that is continuous.
    columns: Vec<Option<Column>>,
}

impl Dequantize {
    /// Looks through the columns of points `(n, d)`; none if all are continuous.
    pub fn find(x: ArrayView2<f64>, seed: u64) -> Option<Self> {
        let columns: Vec<ndarray::ArrayView1<f64>> = x.columns().into_iter().collect();
        let columns: Vec<Option<Column>> =
            columns.into_par_iter().map(|c| detect(c.iter().copied())).collect();
        columns.iter().any(Option::is_some).then_some(Self { seed, columns })
    }

    /// The maps of the columns; none for one that is continuous.
    pub fn columns(&self) -> &[Option<Column>] {
        &self.columns
    }

    /// Whether the stored numbers make a map.
    pub(super) fn is_consistent(&self) -> bool {
        !self.columns.is_empty() && self.columns.iter().flatten().all(Column::is_consistent)
    }

    /// What was found, in sentences.
    pub fn notices(&self, axes: &[String]) -> Vec<String> {
        let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (j, column) in self.columns.iter().enumerate() {
            column.iter().for_each(|column| kinds.entry(column.kind()).or_default().push(j));
        }
        let mut kinds: Vec<(String, Vec<usize>)> = kinds.into_iter().collect();
        kinds.sort_by_key(|(_, columns)| columns[0]);
        const KINDS: usize = 8;
        let more: usize = kinds.iter().skip(KINDS).map(|(_, columns)| columns.len()).sum();
        let written =
            kinds.iter().take(KINDS).map(|(kind, columns)| format!("{} ({kind})", names(axes, columns)));
        let written: Vec<String> = written.collect();
        let more = if more > 0 { format!("; and {more} more columns") } else { String::new() };
        vec![format!(
            "the points tie in {}{more}: each value is spread over the width of its rounding or an interval of its own, and the inverse gives the values back (gaussianize.dequantize)",
            written.join("; ")
        )]
    }

    /// The points spread, and what is added to the log-density of each.
    fn spread(&self, x: ArrayView2<f64>) -> (Array2<f64>, Array1<f64>) {
        let mut y = x.to_owned();
        let mut factors = Array1::zeros(x.nrows());
        let stream = Stream::new(self.seed, 0, "dequantize");
        for (j, column) in self.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let uniform = stream.uniform(j as u64, x.nrows());
            for ((y, factor), u) in y.column_mut(j).iter_mut().zip(&mut factors).zip(uniform) {
                let spread = column.spread(*y);
                *y = spread.low + (MARGIN + (1.0 - 2.0 * MARGIN) * u) * spread.length;
                *factor += spread.log_factor;
            }
        }
        (y, factors)
    }
}

impl Transform for Dequantize {
    fn dims(&self) -> (usize, usize) {
        (self.columns.len(), self.columns.len())
    }

    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        self.spread(x).0
    }

    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        let mut x = z.to_owned();
        for (values, column) in x.axis_iter_mut(Axis(1)).zip(&self.columns) {
            if let Some(column) = column {
                values.into_iter().for_each(|v| *v = column.value(*v));
            }
        }
        x
    }

    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet) {
        let (y, factors) = self.spread(x);
        (y, LogDet::Each(factors))
    }

    fn misfits(&self, x: ArrayView2<f64>, axes: &[String]) -> Vec<String> {
        let misfit = |(j, column): (usize, &Option<Column>)| {
            let column = column.as_ref()?;
            let off = x.column(j).iter().filter(|v| column.changes(**v)).count();
            (off > 0).then(|| {
                format!(
                    "{} was {} in the training points, but {off} of {} points have other values, which come back as the nearest of those",
                    super::column_names::name(axes, j),
                    column.kind(),
                    x.nrows()
                )
            })
        };
        self.columns.iter().enumerate().filter_map(misfit).collect()
    }
}
