//! Which columns are exact affine functions of others: by Cholesky factors of the correlation matrix with pivots.

use super::aside::Aside;
use super::moments::moments;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use ndarray_linalg::{Eigh, UPLO};

/// Columns are looked through for affine relations where the smallest eigenvalue of their correlation matrix is at
/// most this, and the columns that are left have none so small. It is where a whitening would refuse them.
const SINGULAR: f64 = 1e-11;

/// Variance of a column that the columns before it must leave unexplained for it to be one of its own: of unit
/// variance, tried from the first value to the last until the correlation matrix of the columns left is regular.
const UNEXPLAINED: [f64; 3] = [1e-10, 1e-9, 1e-8];

/// A column is an affine function of others if that function is at no training point further off than this, in
/// standard deviations of the column over all points but the one furthest out.
const EXACT: f64 = 1e-5;

/// Standard deviation of all values but the one furthest from their mean.
pub(super) fn robust_spread(values: ArrayView1<f64>) -> f64 {
    let mean = values.mean().unwrap_or(0.0);
    let furthest =
        values.iter().enumerate().max_by(|(_, a), (_, b)| (*a - mean).abs().total_cmp(&(*b - mean).abs()));
    let out = furthest.map_or(0, |(i, _)| i);
    let rest = || values.iter().enumerate().filter(|(i, _)| *i != out).map(|(_, v)| *v);
    let n = (values.len() - 1) as f64;
    let mean = rest().sum::<f64>() / n;
    (rest().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// Those of the columns `kept` that are affine functions of the others.
pub(super) fn affine_functions(x: ArrayView2<f64>, kept: &[usize]) -> Vec<Aside> {
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
        let smallest =
            part.eigh(UPLO::Lower).map(|(values, _)| values.iter().copied().fold(f64::INFINITY, f64::min));
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
    let mut terms: Vec<(usize, f64)> = terms.iter().filter(matters).copied().collect();
    terms.sort_by_key(|(k, _)| *k);
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
