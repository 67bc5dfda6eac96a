//! Axes of whitened data of which two by two depend on each other and on no others: independent subspace analysis
//! (Cardoso 1998, "Multidimensional independent component analysis"; Hyvarinen & Hoyer 2000).
//!
//! | file | idea |
//! | --- | --- |
//! | `partner` | the direction that depends most on a given one |
//! | `likelihood` | axes turned to the largest likelihood |
//!
//! ICA finds the axes that are far from normal. An axis that is normal by itself, but of which another one is a function, is
//! none of them: it is searched as the partner of that other one. The pair of largest mutual information is taken first,
//! and the rest searched at right angles to it. Pairs are found by one half of the points and kept by the other. Then all
//! axes are turned together to where the likelihood is largest.

mod likelihood;
mod partner;

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, s};
use rayon::prelude::*;

use super::ica::{self, Contrast};
use crate::gaussianize::dependence::{cells, chance, deviance};
use crate::gaussianize::thin::thin_columns;
use crate::numeric::random::Stream;
use partner::{Partner, partner};

/// Points by which pairs are searched, and by which they are kept.
const POINTS: usize = 4096;
/// Most points by which axes are turned.
const TURNED: usize = 16_384;
/// Most iterations of ICA, and its tolerance: axes that are still moving are a start too.
const ITERATIONS: usize = 100;
const TOLERANCE: f64 = 1e-4;
/// Shortest part of an axis of ICA, outside the pairs found so far, for which a partner is searched.
const LEAST: f64 = 0.7;

/// Orthonormal axes.
pub(in crate::gaussianize) struct Subspaces {
    /// `(d, d)`, one axis per row: the pairs, row after row, then axes by themselves.
    pub rotation: Array2<f64>,
    /// How many pairs there are.
    pub pairs: usize,
}

/// An axis of ICA that is not taken.
struct Open {
    number: usize,
    /// Its part outside the axes that were taken when its partner was found.
    axis: Array1<f64>,
    found: Partner,
    /// How many those were.
    taken: usize,
}

/// Finds the axes of whitened points `(d, n)`.
///
/// # Errors
/// A sentence when a factorization fails.
pub(in crate::gaussianize) fn fit(white: ArrayView2<f64>, stream: &Stream) -> Result<Subspaces, String> {
    let d = white.nrows();
    let axes = ica::fit(white, Contrast::Logcosh, ITERATIONS, TOLERANCE)?.rotation;
    let some = thin_columns(white, 2 * POINTS);
    let half = |first: usize| some.slice(s![.., first..;2]).to_owned();
    let (search, keep) = (half(0), half(1));
    let taken = pairs(&search, &keep, &axes, stream)?;
    let pairs = taken.nrows() / 2;
    let groups: Vec<Range<usize>> =
        (0..pairs).map(|p| 2 * p..2 * p + 2).chain((2 * pairs..d).map(|j| j..j + 1)).collect();
    let rotation = completed(taken, &axes);
    let rotation =
        likelihood::turned(thin_columns(white, TURNED).view(), rotation, &groups, &stream.child("mixtures"))?;
    Ok(Subspaces { rotation, pairs })
}

/// The rows of all pairs of axes that depend on each other, the most dependent first.
fn pairs(
    search: &Array2<f64>,
    keep: &Array2<f64>,
    axes: &Array2<f64>,
    stream: &Stream,
) -> Result<Array2<f64>, String> {
    let d = axes.nrows();
    let mut taken = Array2::zeros((0, d));
    let searched = |number: usize, taken: &Array2<f64>| -> Result<Option<Open>, String> {
        let (axis, length) = outside(&axes.row(number).to_owned(), taken);
        if length < LEAST {
            return Ok(None);
        }
        let stream = stream.child("partner").child(&number.to_string());
        let found = partner(search, axis.dot(search).view(), &stacked(taken, &[&axis]), &stream)?;
        Ok(found.map(|found| Open { number, axis, found, taken: taken.nrows() }))
    };
    let open: Result<Vec<Option<Open>>, String> =
        (0..d).into_par_iter().map(|number| searched(number, &taken)).collect();
    let mut open: Vec<Open> = open?.into_iter().flatten().collect();
    while taken.nrows() + 2 <= d {
        let best = open.iter().enumerate();
        let best = best.max_by(|a, b| a.1.found.dependence.total_cmp(&b.1.found.dependence));
        let Some((best, _)) = best else { break };
        let Open { number, axis, found, taken: when } = open.remove(best);
        if when < taken.nrows() {
            // The direction that it was found with may be taken by now.
            open.extend(searched(number, &taken)?);
            continue;
        }
        let of = |axis: &Array1<f64>| cells(axis.dot(keep).view());
        if deviance(&of(&axis), &of(&found.axis)) > chance(d) {
            taken = stacked(&taken, &[&axis, &found.axis]);
        }
    }
    Ok(taken)
}

/// The part of an axis at right angles to orthonormal rows, with length 1, and how long it was.
fn outside(axis: &Array1<f64>, rows: &Array2<f64>) -> (Array1<f64>, f64) {
    let part = axis - &rows.t().dot(&rows.dot(axis));
    let length = part.dot(&part).sqrt();
    (part / length, length)
}

/// Rows with more rows below them.
fn stacked(rows: &Array2<f64>, more: &[&Array1<f64>]) -> Array2<f64> {
    let mut all = rows.clone();
    more.iter().for_each(|row| all.push_row(row.view()).expect("a row has as many columns as the others"));
    all
}

/// Orthonormal rows, and as many more as there are dimensions: of `axes` at each step the one that is longest outside the
/// rows so far.
fn completed(mut rows: Array2<f64>, axes: &Array2<f64>) -> Array2<f64> {
    while rows.nrows() < axes.nrows() {
        let parts = axes.outer_iter().map(|axis| outside(&axis.to_owned(), &rows));
        let Some((next, _)) = parts.max_by(|a, b| a.1.total_cmp(&b.1)) else { break };
        rows = stacked(&rows, &[&next]);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussianize::rotation::whitening::{Whitening, affine};
    use crate::numeric::orthogonal::haar;

    /// Pairs `(u, sin 2 u + 0.3 e)` and single columns, normal and skewed, in axes that a rotation turns; and that rotation.
    fn turned(n: usize, pairs: usize, singles: usize, stream: &Stream) -> (Array2<f64>, Array2<f64>) {
        let d = 2 * pairs + singles;
        let mut x = stream.standard_normal(0, d, n);
        for p in 0..pairs {
            let u = x.row(2 * p).to_owned();
            x.row_mut(2 * p + 1).zip_mut_with(&u, |e, u| *e = (2.0 * u).sin() + 0.3 * *e);
        }
        x.slice_mut(s![2 * pairs..;2, ..]).mapv_inplace(|v| v.exp());
        let rotation = haar(&stream.standard_normal(1, d, d)).unwrap();
        (rotation.dot(&x), rotation)
    }

    #[test]
    fn pairs_that_a_rotation_hides_are_found() {
        let stream = Stream::new(11, 0, "subspaces");
        let (pairs, singles) = (3, 3);
        let (x, rotation) = turned(8000, pairs, singles, &stream);
        let whitening = Whitening::fit(x.view(), 0).unwrap();
        let white = affine(&whitening.matrix, &whitening.mean, x.view());
        let found = fit(white.view(), &stream).unwrap();
        assert_eq!(found.pairs, pairs);
        let d = found.rotation.nrows();
        let error = (found.rotation.dot(&found.rotation.t()) - Array2::<f64>::eye(d)).mapv(f64::abs).sum();
        assert!(error < 1e-10, "orthonormal to {error}");
        // The true columns as functions of the found axes: those of a pair are functions of two axes alone.
        let columns = rotation.t().dot(&whitening.inverse).dot(&found.rotation.t());
        for p in 0..pairs {
            for column in [2 * p, 2 * p + 1] {
                let row = columns.row(column);
                let share = |q: usize| (row[2 * q].powi(2) + row[2 * q + 1].powi(2)) / row.dot(&row);
                let most = (0..pairs).map(share).fold(0.0, f64::max);
                assert!(most > 0.99, "column {column}: {most} of its variance");
            }
        }
        // A skewed column is one axis.
        for column in (2 * pairs..d).step_by(2) {
            let row = columns.row(column);
            let most = row.iter().skip(2 * pairs).fold(0.0, |a: f64, b| a.max(b * b)) / row.dot(&row);
            assert!(most > 0.99, "column {column}: {most} of its variance");
        }
        // The same bits again.
        assert_eq!(fit(white.view(), &stream).unwrap().rotation, found.rotation);
    }

    #[test]
    fn normal_points_have_no_pairs_and_few_points_have_finite_axes() {
        let stream = Stream::new(12, 0, "subspaces");
        for (n, d) in [(8000, 7), (40, 3), (12, 4)] {
            let x = stream.standard_normal(n as u64, d, n);
            let whitening = Whitening::fit(x.view(), 0).unwrap();
            let white = affine(&whitening.matrix, &whitening.mean, x.view());
            let found = fit(white.view(), &stream).unwrap();
            assert!(found.rotation.iter().all(|v| v.is_finite()));
            assert!(n < 1000 || found.pairs == 0, "{n} {d}: {}", found.pairs);
        }
    }
}
