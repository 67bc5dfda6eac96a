//! What a backend does: the iterations of one or several trainings.

use super::{Batch, LossTerms};
use crate::diffusion::DiffusionError;
use candle_core::Tensor;
use std::fmt::Debug;

/// The state of one network's training: vectors `(p)` in the order of the network's layout.
#[derive(Clone, Debug)]
pub(in crate::diffusion) struct State {
    /// The parameters.
    pub parameters: Tensor,
    /// Steps that the optimizer has taken.
    pub steps: usize,
    /// First moment (Adam) or velocity (SGD).
    pub first: Tensor,
    /// Second moment (Adam).
    pub second: Tensor,
    /// The moving average of the parameters, if it is on.
    pub average: Option<Tensor>,
}

/// Which batch of an iteration is at hand. The step of the optimizer, which ends the iteration, follows the mean of the
/// gradients of its batches, each with the weight of its points: the gradient of the mean over all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::diffusion) struct Turn {
    /// Number of the iteration, from 0.
    pub iteration: usize,
    /// Points of the batch as a part of those of the iteration.
    pub share: f64,
    /// Whether it is the first batch of the iteration.
    pub is_first: bool,
    /// Whether it is the last one, after which the parameters change.
    pub is_last: bool,
}

impl Turn {
    /// Whether the batch is all of the iteration.
    pub fn is_whole(&self) -> bool {
        self.is_first && self.is_last
    }
}

/// The trainings of one or several networks, which take their iterations in lockstep.
pub(in crate::diffusion) trait TrainBackend: Debug + Send {
    /// The part of an iteration that each training does on its batch: the loss of the batch, or why it failed; with the
    /// last batch the parameters change. A training whose loss is infinite or NaN does not disturb the others.
    ///
    /// # Errors
    /// If the device fails; then no training has done the iteration.
    fn step(
        &mut self,
        batches: &[Batch],
        turn: Turn,
    ) -> Result<Vec<Result<LossTerms, DiffusionError>>, DiffusionError>;

    /// The state of training number `member`, between two iterations.
    ///
    /// # Errors
    /// If the device or memory fails.
    fn state(&self, member: usize) -> Result<State, DiffusionError>;

    /// Puts a state back. All trainings must have taken equally many steps before the next iteration.
    ///
    /// # Errors
    /// If a vector does not fit, or the device fails; nothing has changed then.
    fn restore(&mut self, member: usize, state: &State) -> Result<(), DiffusionError>;
}
