//! A Gaussianizer of the leading axes alone; the others pass.

use super::transform::{LogDet, Transform};
use crate::gaussianize::Gaussianizer;
use ndarray::{Array2, ArrayView2, s};

/// A Gaussianizer of the first axes of points of `dim` dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Leading {
    /// The map of the leading axes.
    pub map: Gaussianizer,
    /// Dimension of the points, at least that of the map.
    pub dim: usize,
}

impl Leading {
    /// The leading axes of points `(n, dim)`.
    fn of<'a>(&self, x: ArrayView2<'a, f64>) -> ArrayView2<'a, f64> {
        x.slice_move(s![.., ..self.map.dim()])
    }

    /// The points with other leading axes.
    fn with(&self, x: ArrayView2<f64>, leading: &Array2<f64>) -> Array2<f64> {
        let mut all = x.to_owned();
        all.slice_mut(s![.., ..self.map.dim()]).assign(leading);
        all
    }
}

impl Transform for Leading {
    fn dims(&self) -> (usize, usize) {
        (self.dim, self.dim)
    }

    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        self.with(x, &self.map.forward(self.of(x)))
    }

    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        self.with(z, &self.map.inverse(self.of(z)))
    }

    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet) {
        let (leading, log_det) = self.map.forward_with_log_det(self.of(x));
        (self.with(x, &leading), LogDet::Each(log_det))
    }
}
