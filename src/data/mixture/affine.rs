//! The mixture of points that are diffused, or moved and stretched: a mixture again.

use super::{GaussianMixture, MixtureError};
use ndarray::{Array1, Array2};

impl GaussianMixture {
    /// The mixture after diffusion to `alpha_bar`: means `sqrt(alpha_bar) mu_k`, covariances
    /// `alpha_bar Sigma_k + (1 - alpha_bar) I`.
    ///
    /// # Errors
    /// If `alpha_bar` is not in `[0, 1]` or rounding makes a covariance singular.
    pub fn diffused(&self, alpha_bar: f64) -> Result<Self, MixtureError> {
        let noise = Array2::<f64>::eye(self.dim) * (1.0 - alpha_bar);
        self.map(|mean| mean * alpha_bar.sqrt(), |cov| cov * alpha_bar + &noise)
    }

    /// The mixture of `(x - shift) / scale`, axis by axis.
    ///
    /// # Errors
    /// If a scale is not a positive finite number.
    pub fn rescaled(&self, shift: &Array1<f64>, scale: &Array1<f64>) -> Result<Self, MixtureError> {
        self.map(
            |mean| (mean - shift) / scale,
            |cov| Array2::from_shape_fn(cov.raw_dim(), |(i, j)| cov[[i, j]] / (scale[i] * scale[j])),
        )
    }

    /// The mixture of `matrix (x - shift)`.
    ///
    /// # Errors
    /// If a transformed covariance cannot be factored, as when the matrix is singular.
    pub fn affine(&self, shift: &Array1<f64>, matrix: &Array2<f64>) -> Result<Self, MixtureError> {
        self.map(
            |mean| matrix.dot(&(mean - shift)),
            |cov| {
                let transformed = matrix.dot(cov).dot(&matrix.t());
                (&transformed + &transformed.t()) * 0.5
            },
        )
    }

    fn map(
        &self,
        mean: impl Fn(&Array1<f64>) -> Array1<f64>,
        covariance: impl Fn(&Array2<f64>) -> Array2<f64>,
    ) -> Result<Self, MixtureError> {
        let weights: Vec<f64> = self.weights().collect();
        let means: Vec<_> =
            self.components.iter().map(|c| mean(&Array1::from(c.gaussian.mean.clone()))).collect();
        let covariances: Vec<_> = self.components.iter().map(|c| covariance(&c.covariance)).collect();
        Self::new(&weights, &means, &covariances)
    }
}
