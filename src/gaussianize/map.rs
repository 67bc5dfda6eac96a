//! The whole map `G`: layers one after another (G 16-20), their inverse (G 21-23), and its density.

use ndarray::{Array1, Array2, ArrayView2};

use super::error::GaussianizeError;
use super::layer::{Layer, by_blocks};
use crate::numeric::normal;

/// An invertible map of `d`-dimensional data to nearly independent standard normal numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussianizer {
    pub(super) dim: usize,
    pub(super) layers: Vec<Layer>,
}

impl Gaussianizer {
    /// A map from given layers, for tests and for maps that were fitted elsewhere.
    ///
    /// # Errors
    /// [`GaussianizeError::Mismatch`] when there is no layer or their dimensions differ.
    pub fn from_layers(layers: Vec<Layer>) -> Result<Self, GaussianizeError> {
        let Some(dim) = layers.first().map(Layer::dim) else {
            return Err(GaussianizeError::Mismatch("there is no layer".into()));
        };
        if layers.iter().any(|layer| layer.dim() != dim) {
            return Err(GaussianizeError::Mismatch("the layers have different dimensions".into()));
        }
        Ok(Self { dim, layers })
    }

    /// Dimension `d` of the data.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// `G(x)` for `x` of shape `(n, d)` (G 16-20). Finite for finite `x`, the same for any number of threads.
    ///
    /// # Panics
    /// When `x` has other than `d` columns.
    pub fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        self.forward_through(x, self.layers())
    }

    /// `x` after the first `count` layers alone, as [`forward`](Self::forward) after all of them.
    ///
    /// # Panics
    /// When `x` has other than `d` columns.
    pub fn forward_through(&self, x: ArrayView2<f64>, count: usize) -> Array2<f64> {
        assert_eq!(x.ncols(), self.dim, "points of another dimension than the map's");
        let run = |block: &mut [f64], scratch: &mut [f64], _: &mut [f64], m: usize| {
            self.layers.iter().take(count).for_each(|layer| layer.forward(block, scratch, m, None));
        };
        by_blocks(x, run).0
    }

    /// `G^-1(z)` for `z` of shape `(n, d)` (G 21-23).
    ///
    /// # Panics
    /// When `z` has other than `d` columns.
    pub fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        assert_eq!(z.ncols(), self.dim, "points of another dimension than the map's");
        let run = |block: &mut [f64], scratch: &mut [f64], _: &mut [f64], m: usize| {
            self.layers.iter().rev().for_each(|layer| layer.inverse(block, scratch, m));
        };
        by_blocks(z, run).0
    }

    /// `G(x)` and `log |det dG/dx|`, the sum over layers of
    /// `log |det W| + sum_j [log p_j(s_j) - log phi(z_j)]`; shapes `(n, d)` and `(n,)`.
    ///
    /// # Panics
    /// When `x` has other than `d` columns.
    pub fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, Array1<f64>) {
        assert_eq!(x.ncols(), self.dim, "points of another dimension than the map's");
        by_blocks(x, |block, scratch, log_det, m| {
            self.layers.iter().for_each(|layer| layer.forward(block, scratch, m, Some(&mut *log_det)));
        })
    }

    /// The density that the map gives to `x` `(n, d)`: `log N(G(x); 0, I) + log |det dG/dx|`, shape `(n,)`.
    ///
    /// # Panics
    /// When `x` has other than `d` columns.
    pub fn log_density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        let (z, mut log_density) = self.forward_with_log_det(x);
        for (total, z) in log_density.iter_mut().zip(z.rows()) {
            *total += z.iter().map(|v| normal::log_pdf(*v)).sum::<f64>();
        }
        log_density
    }
}
