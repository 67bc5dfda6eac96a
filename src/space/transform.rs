//! What a transform does.

use crate::data::mixture::{GaussianMixture, MixtureError};
use ndarray::{Array1, Array2, ArrayView2};

/// The logarithm of `|det dz/dx|` of a transform `x -> z`.
#[derive(Debug, Clone, PartialEq)]
pub enum LogDet {
    /// The same at every point, as of an affine map.
    Constant(f64),
    /// Of each of the points, `(n)`.
    Each(Array1<f64>),
}

/// An invertible map between points `(n, d)` of one space and another, fitted to training points.
pub trait Transform: Send + Sync {
    /// To the next space, `(n, d) -> (n, d)`.
    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64>;

    /// Back, `(n, d) -> (n, d)`; infinite where the inverse leaves the range of numbers.
    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64>;

    /// [`forward`](Self::forward), and `log |det dz/dx|` of each point.
    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet);

    /// The mixture that `z` follows if `x` follows `mixture`; none if `z` follows no Gaussian mixture.
    ///
    /// # Errors
    /// If a covariance of the transformed mixture cannot be factored.
    fn push_forward(&self, mixture: &GaussianMixture) -> Result<Option<GaussianMixture>, MixtureError>;
}
