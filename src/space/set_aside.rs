//! Columns that hold nothing of their own: constants, and exact affine functions of other columns. They are set aside
//! before a fit and come back with the points: a constant as its value, the others by the affine function. The space
//! has fewer dimensions than the data then, and a density is one with respect to the columns that are left.

use super::column_names::{name, names};
use super::moments::moments;
use super::transform::{LogDet, Transform};
use crate::data::mixture::{GaussianMixture, MixtureError};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use ndarray_linalg::{Eigh, UPLO};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Columns are looked through for affine relations where the smallest eigenvalue of their correlation matrix is at
/// most this, and the columns that are left have none so small. It is where a whitening would refuse them.
const SINGULAR: f64 = 1e-11;

/// Variance of a column that the columns before it must leave unexplained for it to be one of its own: of unit
/// variance, tried from the first value to the last until the correlation matrix of the columns left is regular.
const UNEXPLAINED: [f64; 3] = [1e-10, 1e-9, 1e-8];

/// A column is an affine function of others if that function is at no training point further off than this, in
/// standard deviations of the column over all points but the one furthest out.
const EXACT: f64 = 1e-5;

/// How far off a new point may be, in the same unit, before it is said, where the training points are not further off.
const NOTICED: f64 = 1e-6;

/// Columns that are set aside, and those that are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    /// The columns that are left, in their order.
    kept: Vec<usize>,
    /// The others.
    aside: Vec<Aside>,
}

/// A column that is an affine function of the columns that are kept: `offset + sum of factor times column`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aside {
    /// The column.
    column: usize,
    /// The constant part; of a constant column its value.
    offset: f64,
    /// Columns that are kept, each with its factor; none for a constant.
    terms: Vec<(usize, f64)>,
    /// Standard deviation of the column over the training points but the one furthest out; 0 for a constant.
    spread: f64,
    /// How far the function was off at a training point at most.
    error: f64,
}

impl Aside {
    fn value(&self, row: impl Fn(usize) -> f64) -> f64 {
        self.terms.iter().fold(self.offset, |total, (column, factor)| total + factor * row(*column))
    }

    /// How far off a new value may be.
    fn tolerance(&self) -> f64 {
        (10.0 * self.error).max(NOTICED * self.spread).max(1e-12 * self.offset.abs())
    }
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
        let finite =
            |a: &Aside| [a.offset, a.spread, a.error].iter().chain(a.terms.iter().map(|(_, f)| f)).all(|v| v.is_finite());
        let of_kept = |a: &Aside| a.terms.iter().all(|(column, _)| self.kept.contains(column));
        !self.kept.is_empty() && all.into_iter().eq(0..d) && self.aside.iter().all(|a| finite(a) && of_kept(a))
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

/// A function of columns as text, with its first terms.
fn formula(aside: &Aside, axes: &[String]) -> String {
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

/// Standard deviation of all values but the one furthest from their mean.
fn robust_spread(values: ArrayView1<f64>) -> f64 {
    let mean = values.mean().unwrap_or(0.0);
    let furthest = values.iter().enumerate().max_by(|(_, a), (_, b)| (*a - mean).abs().total_cmp(&(*b - mean).abs()));
    let out = furthest.map_or(0, |(i, _)| i);
    let rest = || values.iter().enumerate().filter(|(i, _)| *i != out).map(|(_, v)| *v);
    let n = (values.len() - 1) as f64;
    let mean = rest().sum::<f64>() / n;
    (rest().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// Those of the columns `kept` that are affine functions of the others.
fn affine_functions(x: ArrayView2<f64>, kept: &[usize]) -> Vec<Aside> {
    let points = x.select(Axis(1), kept);
    let (mean, covariance) = moments(points.view());
    let std = covariance.diag().mapv(f64::sqrt);
    let tiny = |(s, m): (&f64, &f64)| !s.is_finite() || *s < f64::MIN_POSITIVE || *s <= 1e-13 * m.abs();
    if std.iter().zip(&mean).any(tiny) {
        return Vec::new();
    }
    let d = kept.len();
    let correlation = Array2::from_shape_fn((d, d), |(i, j)| covariance[[i, j]] / (std[i] * std[j]));
    let regular = |columns: &[usize]| {
        let part = correlation.select(Axis(0), columns).select(Axis(1), columns);
        let smallest = part.eigh(UPLO::Lower).map(|(values, _)| values.iter().copied().fold(f64::INFINITY, f64::min));
        smallest.is_ok_and(|smallest| smallest > SINGULAR)
    };
    if regular(&(0..d).collect::<Vec<_>>()) {
        return Vec::new();
    }
    for unexplained in UNEXPLAINED {
        let (basis, factors) = pivoted(&correlation, unexplained);
        if basis.is_empty() || !regular(&basis) {
            continue;
        }
        let others = (0..d).filter(|j| !basis.contains(j));
        return others
            .filter_map(|j| {
                let of_standardized = solve(&factors, &basis, j);
                let terms: Vec<(usize, f64)> =
                    basis.iter().zip(of_standardized).map(|(&k, b)| (k, b * std[j] / std[k])).collect();
                function(points.view(), j, &terms, (&mean, &std)).map(|found| Aside {
                    column: kept[j],
                    terms: found.terms.into_iter().map(|(k, factor)| (kept[k], factor)).collect(),
                    ..found
                })
            })
            .collect();
    }
    Vec::new()
}

/// Column `j` as the affine function of others with these factors; none if a point is off.
fn function(
    points: ArrayView2<f64>,
    j: usize,
    terms: &[(usize, f64)],
    (mean, std): (&Array1<f64>, &Array1<f64>),
) -> Option<Aside> {
    let spread = robust_spread(points.column(j));
    let matters = |(k, factor): &&(usize, f64)| (factor * std[*k]).abs() > 1e-9 * std[j];
    let terms: Vec<(usize, f64)> = terms.iter().filter(matters).copied().collect();
    let of = |terms: Vec<(usize, f64)>, near: &dyn Fn(f64) -> f64| {
        let offset = mean[j] - terms.iter().map(|(k, factor)| factor * mean[*k]).sum::<f64>();
        let mut aside = Aside { column: j, offset: near(offset), terms, spread, error: 0.0 };
        let off = |row: ArrayView1<f64>| (row[j] - aside.value(|k| row[k])).abs();
        aside.error = points.rows().into_iter().map(off).fold(0.0, f64::max);
        aside
    };
    let plain = of(terms.clone(), &|v| v);
    // Sums and differences have whole factors, and means simple fractions: with these the function is exact.
    let rounded = of(terms.iter().map(|(k, factor)| (*k, simple(*factor))).collect(), &simple);
    let best = if rounded.error <= plain.error { rounded } else { plain };
    (best.error <= EXACT * spread).then_some(best)
}

/// The simple fraction that is the same number to seven digits, if there is one.
fn simple(value: f64) -> f64 {
    let denominators = (1..=12).map(f64::from).chain([16.0, 24.0, 60.0, 64.0, 100.0, 255.0, 256.0, 1000.0]);
    let fractions = denominators.map(|den| (value * den).round() / den);
    let near = |f: &f64| (f - value).abs() <= 1e-7 * value.abs().max(1e-7);
    fractions.into_iter().find(near).unwrap_or(value)
}

/// Cholesky factors of a correlation matrix with pivots: the columns of which each leaves more than `unexplained` of its
/// variance to the ones before it, and for these the factor `L`, row by row for all columns.
fn pivoted(correlation: &Array2<f64>, unexplained: f64) -> (Vec<usize>, Vec<Vec<f64>>) {
    let d = correlation.nrows();
    let mut left = vec![1.0; d];
    // For each column its entries in the directions found so far.
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); d];
    let mut basis: Vec<usize> = Vec::new();
    loop {
        // Of equals the first, whatever the rounding.
        let best = (0..d).filter(|j| !basis.contains(j)).fold(None, |best: Option<usize>, j| match best {
            Some(b) if left[j] <= left[b] * (1.0 + 1e-6) => Some(b),
            _ => Some(j),
        });
        let Some(pivot) = best.filter(|&j| left[j] > unexplained) else { return (basis, rows) };
        let root = left[pivot].sqrt();
        let of_pivot = rows[pivot].clone();
        for j in 0..d {
            let known: f64 = rows[j].iter().zip(&of_pivot).map(|(a, b)| a * b).sum();
            let entry = match () {
                () if j == pivot => root,
                () if basis.contains(&j) => 0.0,
                () => (correlation[[j, pivot]] - known) / root,
            };
            rows[j].push(entry);
            left[j] -= entry * entry;
        }
        basis.push(pivot);
    }
}

/// The factors by which the standardized basis gives the standardized column `j`: `L^T b = l_j`, from the last on.
fn solve(rows: &[Vec<f64>], basis: &[usize], j: usize) -> Vec<f64> {
    let r = basis.len();
    let mut b = rows[j].clone();
    for i in (0..r).rev() {
        for k in i + 1..r {
            b[i] -= rows[basis[k]][i] * b[k];
        }
        b[i] /= rows[basis[i]][i];
    }
    b
}

impl Transform for SetAside {
    fn dims(&self) -> (usize, usize) {
        (self.kept.len() + self.aside.len(), self.kept.len())
    }

    fn axes(&self, axes: &[String]) -> Vec<String> {
        self.kept.iter().map(|column| axes.get(*column).cloned().unwrap_or_else(|| format!("x{column}"))).collect()
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

    fn push_forward(&self, _: &GaussianMixture) -> Result<Option<GaussianMixture>, MixtureError> {
        Ok(None)
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
