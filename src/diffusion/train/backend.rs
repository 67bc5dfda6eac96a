//! What does a training's iterations: without a graph where that is possible, else on the candle graph.

use super::{Batch, LossTerms, TrainOptions, candle_backend::CandleBackend, fused_backend::FusedBackend};
use crate::diffusion::{DiffusionError, Network};
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

/// Which backend trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// By precision and device alone: fused for `f32` on the host, else the candle graph.
    #[default]
    Auto,
    /// The candle graph everywhere: the same values up to rounding, more slowly on the host.
    Candle,
}

impl BackendChoice {
    /// Whether networks like this one are computed without a graph.
    pub(in crate::diffusion) fn is_fused(self, network: &Network) -> bool {
        self == Self::Auto && network.can_be_fused()
    }

    /// A backend for fresh trainings of these networks, which are alike, with options that differ in learning rate
    /// and lambda at most; `iterations` in all, with batches of at most `batch_size` points.
    pub(super) fn build(
        self,
        networks: &[&Network],
        options: &[TrainOptions],
        iterations: usize,
        batch_size: usize,
    ) -> Result<Box<dyn TrainBackend>, DiffusionError> {
        Ok(if networks.iter().all(|network| self.is_fused(network)) {
            Box::new(FusedBackend::new(networks, options, iterations, batch_size)?)
        } else {
            Box::new(CandleBackend::new(networks, options, iterations)?)
        })
    }
}
