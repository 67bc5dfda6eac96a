//! Back to the axes of the data after a map: the rotation that brings the points of the map nearest to the points before
//! it. A network that works on neighbouring pixels needs the axes to be pixels.

use super::SpaceError;
use super::moments::{combine, is_orthonormal};
use super::transform::{LogDet, Transform};
use crate::data::mixture::{GaussianMixture, MixtureError};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use ndarray_linalg::JobSvd;
use ndarray_linalg::SVDDC;

/// `z -> R z` with the orthogonal `R` that makes `sum |R z - x|^2` least, `x` the points before the map, each axis to mean
/// 0 and variance 1 (the orthogonal Procrustes problem): of a whitening it makes the whitening whose axes are those of the
/// data (ZCA).
#[derive(Debug, Clone, PartialEq)]
pub struct RotateBack {
    /// `R^T`, `(d, d)`, so that rows of points are multiplied from the right.
    pub(super) transposed: Array2<f64>,
}

impl RotateBack {
    /// The rotation of points `z` `(n, d)` that a map made of `x` `(n, d)`.
    ///
    /// # Errors
    /// If the singular value routine fails.
    pub fn fit(x: ArrayView2<f64>, z: ArrayView2<f64>) -> Result<Self, SpaceError> {
        let mean = x.mean_axis(Axis(0)).expect("a fit has points");
        let std = x.std_axis(Axis(0), 0.0).mapv(|s| if s > 0.0 { s } else { 1.0 });
        // X^T Z, in blocks of rows so that no second copy of the points is needed.
        let mut cross = Array2::zeros((x.ncols(), z.ncols()));
        const ROWS: usize = 1024;
        for (x, z) in x.axis_chunks_iter(Axis(0), ROWS).zip(z.axis_chunks_iter(Axis(0), ROWS)) {
            cross = cross + ((&x - &mean) / &std).t().dot(&z);
        }
        let failed = |e: &dyn std::fmt::Display| SpaceError::Reduce(format!("`rotate_back` failed: {e}"));
        let (u, _, v) = cross.svddc(JobSvd::All).map_err(|e| failed(&e))?;
        let (Some(u), Some(v)) = (u, v) else { return Err(failed(&"there are no singular vectors")) };
        // R = U V^T maximizes tr(R^T X^T Z).
        Ok(Self { transposed: v.t().dot(&u.t()) })
    }

    /// Whether the matrix is orthogonal.
    pub(super) fn is_consistent(&self) -> bool {
        self.transposed.is_square() && !self.transposed.is_empty() && is_orthonormal(&self.transposed)
    }
}

impl Transform for RotateBack {
    fn dims(&self) -> (usize, usize) {
        self.transposed.dim()
    }

    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        combine(x, self.transposed.view())
    }

    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        combine(z, self.transposed.t())
    }

    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet) {
        (self.forward(x), LogDet::Constant(0.0))
    }

    fn push_forward(&self, mixture: &GaussianMixture) -> Result<Option<GaussianMixture>, MixtureError> {
        let shift = Array1::zeros(self.transposed.nrows());
        mixture.affine(&shift, &self.transposed.t().to_owned()).map(Some)
    }
}
