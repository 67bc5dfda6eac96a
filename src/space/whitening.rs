//! Whitening: zero mean and unit covariance, along the principal axes of the correlation matrix. It takes the
//! correlations away and leaves every other shape, so it is the control that tells decorrelation from
//! Gaussianization.

use super::transform::{LogDet, Transform};
use crate::data::mixture::{GaussianMixture, MixtureError};
use crate::gaussianize::GaussianizeError;
use crate::gaussianize::rotation::whitening;
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// `x -> W (x - m)` with `W S W^T = I` for the covariance `S` of the training points (divisor `n`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Whitening {
    /// `m`, shape `(d)`.
    mean: Vec<f64>,
    /// `W`, by rows, `(d, d)`.
    matrix: Vec<Vec<f64>>,
    /// `W^-1`, by rows, `(d, d)`.
    inverse: Vec<Vec<f64>>,
    /// `log |det W|`.
    log_det: f64,
}

impl Whitening {
    /// Fits the map to points `(n, d)`.
    ///
    /// # Errors
    /// If a column is constant, columns are linearly dependent, or the eigenvalue routine fails.
    pub fn fit(x: ArrayView2<f64>) -> Result<Self, GaussianizeError> {
        let fitted = whitening::Whitening::fit(x.t(), 1)?;
        Ok(Self {
            mean: fitted.mean.to_vec(),
            matrix: rows(&fitted.matrix),
            inverse: rows(&fitted.inverse),
            log_det: fitted.log_det,
        })
    }

    /// Whether the stored numbers make a map of `d` dimensions whose inverse is its inverse.
    pub(super) fn is_consistent(&self) -> bool {
        let d = self.mean.len();
        let square = |m: &[Vec<f64>]| m.len() == d && m.iter().all(|row| row.len() == d);
        if d == 0 || !square(&self.matrix) || !square(&self.inverse) {
            return false;
        }
        let product = array(&self.matrix).dot(&array(&self.inverse));
        product.indexed_iter().all(|((i, j), v)| (v - f64::from(u8::from(i == j))).abs() < 1e-6)
            && self.mean.iter().chain([&self.log_det]).all(|v| v.is_finite())
    }

    /// Dimension `d` of the points.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    fn mean(&self) -> Array1<f64> {
        Array1::from(self.mean.clone())
    }
}

fn rows(matrix: &Array2<f64>) -> Vec<Vec<f64>> {
    matrix.rows().into_iter().map(|row| row.to_vec()).collect()
}

fn array(rows: &[Vec<f64>]) -> Array2<f64> {
    let d = rows.len();
    Array2::from_shape_fn((d, d), |(i, j)| rows[i][j])
}

impl Transform for Whitening {
    fn dims(&self) -> (usize, usize) {
        (self.mean.len(), self.mean.len())
    }

    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        (&x - &self.mean()).dot(&array(&self.matrix).t())
    }

    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        z.dot(&array(&self.inverse).t()) + self.mean()
    }

    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet) {
        (self.forward(x), LogDet::Constant(self.log_det))
    }

    fn push_forward(&self, mixture: &GaussianMixture) -> Result<Option<GaussianMixture>, MixtureError> {
        mixture.affine(&self.mean(), &array(&self.matrix)).map(Some)
    }
}
