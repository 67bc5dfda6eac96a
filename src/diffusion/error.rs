//! What can go wrong in the diffusion model, in sentences.

use crate::data::mixture::MixtureError;
use crate::numeric::options::OutOfRange;

/// Why a schedule, a network, a training or a sampling could not be set up or go on.
#[derive(Debug, thiserror::Error)]
pub enum DiffusionError {
    /// An option out of its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// Options, points or networks that do not fit each other, with what would fit.
    #[error("{0}")]
    Option(String),
    /// Points of another dimension than the model's.
    #[error("the points have {found} dimensions, but the model was built for {expected}")]
    Dimension {
        /// Dimension of the model.
        expected: usize,
        /// Dimension of the points.
        found: usize,
    },
    /// A diffusion step outside `1..=T`.
    #[error("there is no diffusion step {t}: the steps go from 1 to {steps}")]
    Step {
        /// The step asked for.
        t: usize,
        /// Number of steps `T`.
        steps: usize,
    },
    /// The loss became infinite or NaN.
    #[error(
        "the loss became {loss} at iteration {iteration}: training diverged; try a smaller learning_rate or set clip_norm (1.0 is usual)"
    )]
    Diverged {
        /// The iteration, counting from 0.
        iteration: usize,
        /// The loss there.
        loss: f64,
    },
    /// A file of weights or a checkpoint that does not fit or is damaged.
    #[error("the saved model cannot be used: {0}")]
    Saved(String),
    /// A covariance of the diffused mixture that cannot be factored.
    #[error(transparent)]
    Mixture(#[from] MixtureError),
    /// A failure in the tensor library (out of memory, device lost).
    #[error("tensor computation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl DiffusionError {
    /// An [`Option`](Self::Option) error unless `fine`.
    pub(crate) fn unless(fine: bool, message: impl FnOnce() -> String) -> Result<(), Self> {
        if fine { Ok(()) } else { Err(Self::Option(message())) }
    }
}
