//! Which backend does a training's iterations: without a graph where that is possible, else on the candle graph.

use super::{
    TrainOptions, backend::TrainBackend, candle_backend::CandleBackend, fused_backend::FusedBackend,
    variational_bound::VariationalBound,
};
use crate::diffusion::{DiffusionError, Network};

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
    /// and lambda at most; `iterations` in all, with batches of at most `batch_size` points. By `bound` the variance is
    /// learned.
    pub(super) fn build(
        self,
        networks: &[&Network],
        options: &[TrainOptions],
        bound: Option<&VariationalBound>,
        (iterations, batch_size): (usize, usize),
    ) -> Result<Box<dyn TrainBackend>, DiffusionError> {
        Ok(if networks.iter().all(|network| self.is_fused(network)) {
            Box::new(FusedBackend::new(networks, options, bound, (iterations, batch_size))?)
        } else {
            Box::new(CandleBackend::new(networks, options, bound, iterations)?)
        })
    }
}
