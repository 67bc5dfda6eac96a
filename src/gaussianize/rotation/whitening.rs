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
    /// A column that is constant, nearly constant or out of scale, dependent columns, a row beside which all others are
    /// equal, or an eigenvalue routine that fails.
    pub fn fit(x: ArrayView2<f64>, layer: usize) -> Result<Self, GaussianizeError> {
        let moments = Moments::of(x)?;
        Self::from_moments(&moments, layer).map_err(|error| match error {
            GaussianizeError::RankDeficient { smallest, .. } => match moments.dominating_row(x) {
                Some((row, columns)) => GaussianizeError::RowDominates { row, columns, smallest },
                None => error,
            },
            error => error,
        })
    }

    /// As [`fit`](Self::fit) for few points, such that *fresh* points have about unit variance: correlations are
    /// multiplied by `kept`, from 0 to 1, and variances by `(n + 1) / (n - 1)`, the variance of a fresh point around the
    /// mean of `n` others over that of those around it.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn shrunk(x: ArrayView2<f64>, kept: f64, layer: usize) -> Result<Self, GaussianizeError> {
        let n = x.ncols() as f64;
        let mut moments = Moments::of(x)?;
        for ((i, j), r) in moments.correlation.indexed_iter_mut() {
            *r *= if i == j { 1.0 } else { kept };
        }
        moments.std *= ((n + 1.0) / (n - 1.0)).sqrt();
        Self::from_moments(&moments, layer)
    }

    fn from_moments(moments: &Moments, layer: usize) -> Result<Self, GaussianizeError> {
        let Moments { mean, std, correlation } = moments;
        let d = mean.len();
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
        Ok(Self { mean: mean.clone(), matrix, inverse, log_det })
    }
}

/// Mean, standard deviations and correlations of points `(d, n)`, with the divisor `n`.
struct Moments {
    mean: Array1<f64>,
    std: Array1<f64>,
    correlation: Array2<f64>,
}

impl Moments {
    fn of(x: ArrayView2<f64>) -> Result<Self, GaussianizeError> {
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
            let value = mean[column];
            if x.row(column).iter().all(|v| *v == x[[column, 0]]) {
                return Err(GaussianizeError::ConstantColumn { column, value: x[[column, 0]] });
            }
            if *s < f64::MIN_POSITIVE || !s.is_finite() {
                return Err(GaussianizeError::OutOfScale { column, std: *s });
            }
            if *s <= 1e-13 * value.abs() {
                return Err(GaussianizeError::NearlyConstant { column, value, spread: s / value.abs() });
            }
        }
        let correlation = Array2::from_shape_fn((d, d), |(i, j)| covariance[[i, j]] / (std[i] * std[j]));
        Ok(Self { mean, std, correlation })
    }

    /// The row that makes up all of the variance of two or more columns to a millionth, with the number of those columns.
    /// A single row far out makes up `1 - 1/n` of it, and moves the mean by the rest.
    fn dominating_row(&self, x: ArrayView2<f64>) -> Option<(usize, usize)> {
        let (d, n) = x.dim();
        let all = (n as f64 - 1.0) * (1.0 - 1e-6);
        let dominates = |row: usize, column: usize| {
            ((x[[column, row]] - self.mean[column]) / self.std[column]).powi(2) > all
        };
        let rows = (0..n).filter(|row| (0..d).any(|column| dominates(*row, column)));
        let counted = rows.map(|row| (row, (0..d).filter(|column| dominates(row, *column)).count()));
        counted.max_by_key(|(_, columns)| *columns).filter(|(_, columns)| *columns > 1)
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
