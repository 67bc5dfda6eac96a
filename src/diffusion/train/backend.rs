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

/// The trainings of one or several networks, which take their iterations in lockstep.
pub(in crate::diffusion) trait TrainBackend: Debug + Send {
    /// Iteration number `iteration` (from 0) of each training on its batch: its loss, or why it failed. A training
    /// whose loss is infinite or NaN does not disturb the others.
    ///
    /// # Errors
    /// If the device fails; then no training has done the iteration.
    fn step(
        &mut self,
        batches: &[Batch],
        iteration: usize,
    ) -> Result<Vec<Result<LossTerms, DiffusionError>>, DiffusionError>;

    /// The state of training number `member`.
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
