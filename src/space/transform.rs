//! What a transform does.

use crate::data::mixture::{GaussianMixture, MixtureError};
use crate::data::table::axis_names;
use ndarray::{Array1, Array2, ArrayView2};

/// The logarithm of `|det dz/dx|` of a transform `x -> z`.
#[derive(Debug, Clone, PartialEq)]
pub enum LogDet {
    /// The same at every point, as of an affine map.
    Constant(f64),
    /// Of each of the points, `(n)`.
    Each(Array1<f64>),
}

/// A map between points `(n, d)` of one space and `(n, e)` of another, fitted to training points, and back. It is
/// invertible at the points that are as the training points were; the exceptions say so.
pub trait Transform: Send + Sync {
    /// The dimensions `d` and `e`.
    fn dims(&self) -> (usize, usize);

    /// The names of the axes after it, from those before. Where their number changes, they are numbered.
    fn axes(&self, axes: &[String]) -> Vec<String> {
        match self.dims() {
            (from, to) if from == to => axes.to_vec(),
            (_, to) => axis_names(to),
        }
    }

    /// The share of the variance that it loses; none where the points come back.
    fn lost_variance(&self) -> Option<f64> {
        None
    }

    /// What the inverse does not give back of these points `(n, d)`, in sentences with the names of their axes.
    fn misfits(&self, _: ArrayView2<f64>, _: &[String]) -> Vec<String> {
        Vec::new()
    }

    /// To the next space, `(n, d) -> (n, e)`.
    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64>;

    /// Back, `(n, e) -> (n, d)`; infinite where the inverse leaves the range of numbers.
    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64>;

    /// [`forward`](Self::forward), and `log |det dz/dx|` of each point: with respect to the columns that are left, if some
    /// are not.
    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet);

    /// The mixture that `z` follows if `x` follows `mixture`; none if `z` follows no Gaussian mixture.
    ///
    /// # Errors
    /// If a covariance of the transformed mixture cannot be factored.
    fn push_forward(&self, _mixture: &GaussianMixture) -> Result<Option<GaussianMixture>, MixtureError> {
        Ok(None)
    }
}
