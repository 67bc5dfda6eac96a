//! Whitening: the affine map of data to zero mean and unit covariance.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use ndarray_linalg::{Eigh, UPLO};
use rayon::prelude::*;

use crate::gaussianize::error::GaussianizeError;

/// Points per block of the column sums.
const BLOCK: usize = 4096;
/// Smallest eigenvalue of a correlation matrix that counts as full rank.
const FULL_RANK: f64 = 1e-11;

/// An affine map `x -> matrix (x - mean)` to zero mean and unit covariance, with its inverse.
#[derive(Clone, Debug)]
pub struct Whitening {
    /// Mean of the data, `(d,)`.
    pub mean: Array1<f64>,
    /// `(d, d)`.
    pub matrix: Array2<f64>,
    /// Inverse of `matrix`.
    pub inverse: Array2<f64>,
    /// `log |det matrix|`.
    pub log_det: f64,
}

impl Whitening {
    /// Whitens `x` of shape `(d, n)` along its principal axes (of the correlation matrix, so that
    /// columns of very different units do no harm).
    ///
    /// # Errors
    /// A constant or dependent column, or an eigenvalue routine that fails.
    pub fn fit(x: ArrayView2<f64>, layer: usize) -> Result<Self, GaussianizeError> {
        let (d, n) = x.dim();
        let mean: Array1<f64> = x
            .axis_iter(Axis(0))
            .into_par_iter()
            .map(|row| block_sum(row.iter().copied(), n))
            .collect::<Vec<_>>()
            .into();
        let cell = |i: usize, j: usize| {
            let terms = x.row(i).into_iter().zip(x.row(j)).map(|(a, b)| (a - mean[i]) * (b - mean[j]));
            block_sum(terms, n)
        };
        let upper: Vec<(usize, usize)> = (0..d).flat_map(|i| (i..d).map(move |j| (i, j))).collect();
        let values: Vec<f64> = upper.par_iter().map(|(i, j)| cell(*i, *j)).collect();
        let mut covariance = Array2::zeros((d, d));
        for ((i, j), value) in upper.into_iter().zip(values) {
            covariance[[i, j]] = value;
            covariance[[j, i]] = value;
        }
        let std = covariance.diag().mapv(f64::sqrt);
        for (column, s) in std.iter().enumerate() {
            if *s <= 1e-13 * mean[column].abs() || *s < f64::MIN_POSITIVE {
                let value = mean[column];
                return Err(match x.row(column).iter().all(|v| *v == x[[column, 0]]) {
                    true => GaussianizeError::ConstantColumn { column, value },
                    false => GaussianizeError::NearlyConstant { column, value, spread: s / value.abs() },
                });
            }
        }
        let correlation = Array2::from_shape_fn((d, d), |(i, j)| covariance[[i, j]] / (std[i] * std[j]));
        let failed = |reason: String| GaussianizeError::Numerical { layer, reason };
        let (eigenvalues, vectors) = correlation.eigh(UPLO::Lower).map_err(|e| failed(e.to_string()))?;
        let smallest = eigenvalues.iter().copied().fold(f64::INFINITY, f64::min);
        if smallest.is_nan() || smallest <= FULL_RANK {
            return Err(GaussianizeError::RankDeficient { columns: d, smallest });
        }
        // Leading axes first; signs fixed by the largest entry, so that they do not depend on the library.
        let axis = |i: usize| {
            let v = vectors.column(d - 1 - i);
            let lead = v.iter().fold(0.0_f64, |a, b| if b.abs() > a.abs() + 1e-9 { *b } else { a });
            v.mapv(|c| if lead < 0.0 { -c } else { c })
        };
        let root = |i: usize| eigenvalues[d - 1 - i].sqrt();
        let axes: Vec<Array1<f64>> = (0..d).map(axis).collect();
        let matrix = Array2::from_shape_fn((d, d), |(i, j)| axes[i][j] / (root(i) * std[j]));
        let inverse = Array2::from_shape_fn((d, d), |(j, i)| axes[i][j] * root(i) * std[j]);
        let log_det = -(0..d).map(|i| root(i).ln() + std[i].ln()).sum::<f64>();
        Ok(Self { mean, matrix, inverse, log_det })
    }
}

/// Mean of `n` terms, summed in blocks of fixed size.
fn block_sum(terms: impl Iterator<Item = f64>, n: usize) -> f64 {
    let mut total = 0.0;
    let mut block = 0.0;
    for (i, term) in terms.enumerate() {
        block += term;
        if (i + 1) % BLOCK == 0 {
            total += block;
            block = 0.0;
        }
    }
    (total + block) / n as f64
}

/// `matrix (x - mean)` for `x` of shape `(d, n)`.
pub fn affine(matrix: &Array2<f64>, mean: &Array1<f64>, x: ArrayView2<f64>) -> Array2<f64> {
    const COLUMNS: usize = 1024;
    let (d, n) = x.dim();
    let mut out = Array2::zeros((matrix.nrows(), n));
    out.axis_iter_mut(Axis(0)).into_par_iter().zip(matrix.axis_iter(Axis(0))).for_each(
        |(mut row, weights)| {
            for start in (0..n).step_by(COLUMNS) {
                let span = ndarray::s![start..(start + COLUMNS).min(n)];
                for j in 0..d {
                    let (weight, shift) = (weights[j], mean[j]);
                    row.slice_mut(span)
                        .zip_mut_with(&x.row(j).slice(span), |o, v| *o += weight * (v - shift));
                }
            }
        },
    );
    out
}
