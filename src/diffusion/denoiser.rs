//! What a sampler needs to know of a model: the noise that it sees in `x_t`.

use super::DiffusionError;
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

    /// Whether a prediction waits for other runs, so that it must not be asked for on a thread of a pool which those
    /// need too.
    fn waits_for_others(&self) -> bool {
        false
    }
}
