//! What a sampler needs to know of a model: the noise that it sees in `x_t`; and what its likelihood needs: the same
//! between the steps, with the divergence.

use super::{DiffusionError, ReverseStep};
use ndarray::{Array2, ArrayView2};

/// Anything that predicts the noise in `x_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) eps` (G 3, I 4).
pub trait Denoiser: Sync {
    /// `eps_theta(x_t, t)` of each row of `x`, all at the same step `t` in `1..=T`: `(n, d) -> (n, d)`.
    ///
    /// The best prediction in mean square is `E[eps | x_t] = -sqrt(1 - abar_t) grad log p_t(x_t)`.
    ///
    /// # Errors
    /// If `t` or the dimension does not fit the model, or the computation fails.
    fn predict_noise(&self, x: ArrayView2<f64>, t: usize) -> Result<Array2<f64>, DiffusionError>;

    /// `eps_theta(x_t, t)` and the variance of each coordinate of the reverse step, both `(n, d)`, of points `x` `(n, d)` at
    /// `step.t`. The step does not go to the data, whose step adds no noise.
    ///
    /// # Errors
    /// As [`predict_noise`](Self::predict_noise), or if the model knows no variance.
    fn predict_with_variance(
        &self,
        x: ArrayView2<f64>,
        step: &ReverseStep,
    ) -> Result<(Array2<f64>, Array2<f64>), DiffusionError> {
        let _ = (x, step);
        Err(DiffusionError::Option("this denoiser knows no variance of the reverse step".into()))
    }

    /// Whether a prediction waits for other runs, so that it must not be asked for on a thread of a pool which those
    /// need too.
    fn waits_for_others(&self) -> bool {
        false
    }

    /// The same model between the steps.
    ///
    /// # Errors
    /// If it is known at whole steps only.
    fn at_real_times(&self) -> Result<Box<dyn RealTimeDenoiser + '_>, DiffusionError> {
        Err(DiffusionError::Option("this denoiser is known at whole steps only".into()))
    }
}

/// A denoiser at every real time `tau` in `[1, T]`.
pub trait RealTimeDenoiser: Sync {
    /// Dimension `d` of the points.
    fn dim(&self) -> usize;

    /// The denoiser at `tau`, where abar is `alpha_bar`.
    ///
    /// # Errors
    /// If a covariance of the diffused mixture cannot be factored there.
    fn at(&self, tau: f64, alpha_bar: f64) -> Result<Box<dyn NoiseField + '_>, DiffusionError>;
}

/// The predicted noise at one time, as a function of the point alone.
pub trait NoiseField: Sync {
    /// `eps(x_i)` of points `x` to `eps`, both `(n, d)` row after row, and the estimates of its divergence at each point
    /// that `probes` asks for to `divergence`, `(n, estimates)` row after row. What leaves the range of numbers becomes
    /// infinite or not a number.
    ///
    /// A row does not depend on the others.
    fn evaluate(&self, x: &[f64], probes: Probes, eps: &mut [f64], divergence: &mut [f64]);
}

/// How the divergence `div eps = sum_j d eps_j / d x_j` is found.
#[derive(Clone, Copy, Debug)]
pub enum Probes<'a> {
    /// Exactly, by the derivatives in all `d` directions: one estimate for each point.
    Exact,
    /// By Hutchinson's estimator `v^T (d eps / d x) v`, unbiased for independent signs: one estimate for each vector of
    /// signs. A model that knows its divergence gives that for each of them.
    Signs {
        /// Vectors for each point.
        each: usize,
        /// The vectors `(each, n, d)`, vector after vector.
        signs: &'a [f64],
    },
}

impl Probes<'_> {
    /// Estimates for each point.
    pub fn estimates(&self) -> usize {
        match *self {
            Self::Exact => 1,
            Self::Signs { each, .. } => each,
        }
    }
}
