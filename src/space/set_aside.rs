//! Columns that hold nothing of their own: constants, and exact affine functions of other columns. They are set aside
//! before a fit and come back with the points: a constant as its value, the others by the affine function. The space
//! has fewer dimensions than the data then, and a density is one with respect to the columns that are left.

use super::affine_functions::{affine_functions, robust_spread};
use super::aside::{Aside, formula};
use super::column_names::{name, names};
use super::transform::{LogDet, Transform};
use crate::data::mixture::{GaussianMixture, MixtureError};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Columns that are set aside, and those that are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    /// The columns that are left, in their order.
    kept: Vec<usize>,
    /// The others.
    aside: Vec<Aside>,
}

impl SetAside {
    /// The columns of points `(n, d)` that are set aside: constants; and if `dependent`, exact copies and affine functions
    /// of other columns too. None if there are none, or the points are too few to tell.
    pub fn find(x: ArrayView2<f64>, dependent: bool) -> Option<Self> {
        let (n, d) = x.dim();
        if n < 2 || x.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let (mut kept, mut aside): (Vec<usize>, Vec<Aside>) = (Vec::new(), Vec::new());
        let mut first_of: HashMap<Vec<u64>, usize> = HashMap::new();
        for (column, values) in x.axis_iter(Axis(1)).enumerate() {
            let alone = |offset, terms, spread| Aside { column, offset, terms, spread, error: 0.0 };
            if values.iter().all(|v| *v == values[0]) {
                aside.push(alone(values[0], Vec::new(), 0.0));
                continue;
            }
            if dependent {
                // -0 and 0 are the same number.
                let bits = values.iter().map(|v| (v + 0.0).to_bits()).collect();
                if let Some(first) = first_of.get(&bits) {
                    aside.push(alone(0.0, vec![(*first, 1.0)], robust_spread(values)));
                    continue;
                }
                first_of.insert(bits, column);
            }
            kept.push(column);
        }
        if dependent && kept.len() > 1 && n > kept.len() + 1 {
            let found = affine_functions(x, &kept);
            kept.retain(|column| found.iter().all(|aside| aside.column != *column));
            aside.extend(found);
        }
        // A copy of a column that is set aside itself is the same function of the others.
        for i in 0..aside.len() {
            let [(of, factor)] = aside[i].terms[..] else { continue };
            if let Some(original) = aside.iter().find(|other| other.column == of).cloned()
                && factor == 1.0
                && aside[i].offset == 0.0
            {
                aside[i] = Aside { column: aside[i].column, ..original };
            }
        }
        aside.sort_by_key(|aside| aside.column);
        (!aside.is_empty() && d > 0).then_some(Self { kept, aside })
    }

    /// The columns that are left, in their order.
    pub fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// The columns that are set aside, in their order.
    pub fn set_aside(&self) -> impl Iterator<Item = usize> {
        self.aside.iter().map(|aside| aside.column)
    }

    /// Whether the stored numbers make a map.
    pub(super) fn is_consistent(&self) -> bool {
        let d = self.dims().0;
        let mut all: Vec<usize> = self.kept.iter().copied().chain(self.set_aside()).collect();
        all.sort_unstable();
        let finite = |a: &Aside| {
            [a.offset, a.spread, a.error].iter().chain(a.terms.iter().map(|(_, f)| f)).all(|v| v.is_finite())
        };
        let of_kept = |a: &Aside| a.terms.iter().all(|(column, _)| self.kept.contains(column));
        !self.kept.is_empty()
            && all.into_iter().eq(0..d)
            && self.aside.iter().all(|a| finite(a) && of_kept(a))
    }

    /// What was set aside, in sentences.
    pub fn notices(&self, axes: &[String]) -> Vec<String> {
        let mut sentences = Vec::new();
        let constant: Vec<&Aside> = self.aside.iter().filter(|aside| aside.terms.is_empty()).collect();
        match constant.as_slice() {
            [] => {}
            [one] => sentences.push(format!(
                "{} is {} in every training point; it is set aside and comes back with the samples",
                name(axes, one.column),
                one.offset
            )),
            several => sentences.push(format!(
                "{} columns are constant over the training points ({}); they are set aside and come back with the samples",
                several.len(),
                names(axes, &several.iter().map(|aside| aside.column).collect::<Vec<_>>())
            )),
        }
        let dependent = self.aside.iter().filter(|aside| !aside.terms.is_empty());
        let dependent: Vec<&Aside> = dependent.collect();
        const FORMULAS: usize = 4;
        for aside in dependent.iter().take(FORMULAS) {
            let off = match aside.error {
                0.0 => "exactly".to_string(),
                error => format!("to within {error:.1e}"),
            };
            sentences.push(format!(
                "{} is {} at every training point, {off}; it is set aside and computed from the others again",
                name(axes, aside.column),
                formula(aside, axes)
            ));
        }
        if let Some((_, more @ [_, ..])) = dependent.split_at_checked(FORMULAS) {
            let columns: Vec<usize> = more.iter().map(|aside| aside.column).collect();
            let worst = more.iter().map(|aside| aside.error).fold(0.0, f64::max);
            sentences.push(format!(
                "{} more columns are affine functions of others, to within {worst:.1e} ({}); they are set aside and computed from the others again",
                more.len(),
                names(axes, &columns)
            ));
        }
        if !sentences.is_empty() {
            sentences.push(format!(
                "the space has {} of the data's {} dimensions, and log-densities are those of the columns that are left",
                self.kept.len(),
                self.dims().0
            ));
        }
        sentences
    }
}

impl Transform for SetAside {
    fn dims(&self) -> (usize, usize) {
        (self.kept.len() + self.aside.len(), self.kept.len())
    }

    fn axes(&self, axes: &[String]) -> Vec<String> {
        self.kept
            .iter()
            .map(|column| axes.get(*column).cloned().unwrap_or_else(|| format!("x{column}")))
            .collect()
    }

    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        x.select(Axis(1), &self.kept)
    }

    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        let mut x = Array2::zeros((z.nrows(), self.dims().0));
        for (from, column) in self.kept.iter().enumerate() {
            x.column_mut(*column).assign(&z.column(from));
        }
        for mut row in x.rows_mut() {
            for aside in &self.aside {
                row[aside.column] = aside.value(|column| row[column]);
            }
        }
        x
    }

    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet) {
        (self.forward(x), LogDet::Constant(0.0))
    }

    /// The marginal of the columns that are kept.
    fn push_forward(&self, mixture: &GaussianMixture) -> Result<Option<GaussianMixture>, MixtureError> {
        let d = self.dims().0;
        let choice = Array2::<f64>::eye(d).select(Axis(0), &self.kept);
        mixture.affine(&Array1::zeros(d), &choice).map(Some)
    }

    fn misfits(&self, x: ArrayView2<f64>, axes: &[String]) -> Vec<String> {
        let misfit = |aside: &Aside| {
            let off = |row: ArrayView1<f64>| (row[aside.column] - aside.value(|column| row[column])).abs();
            let off = x.rows().into_iter().map(off).filter(|off| *off > aside.tolerance());
            let (count, worst) = off.fold((0, 0.0_f64), |(count, worst), off| (count + 1, worst.max(off)));
            let what = match aside.terms.as_slice() {
                [] => format!("{} was {} in every training point", name(axes, aside.column), aside.offset),
                _ => format!(
                    "{} was {} at every training point",
                    name(axes, aside.column),
                    formula(aside, axes)
                ),
            };
            (count > 0).then(|| {
                format!(
                    "{what}, but {count} of {} points are off, by {worst:.3e} at most; what that column says beyond the others is lost there",
                    x.nrows()
                )
            })
        };
        self.aside.iter().filter_map(misfit).collect()
    }
}
