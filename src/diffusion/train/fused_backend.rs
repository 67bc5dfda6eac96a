//! Trainings without a graph, in `f32` on the host: each has buffers of its own, so it gets the very bits that it
//! gets alone.

use super::{
    Batch, LossTerms, TrainOptions,
    backend::{State, TrainBackend, Turn},
    variational_bound::VariationalBound,
};
use crate::diffusion::{
    DiffusionError, Network,
    fused::{self, HostTraining},
};
use rayon::prelude::*;

/// The training of each network.
#[derive(Debug)]
pub(super) struct FusedBackend(Vec<Box<dyn HostTraining>>);

impl FusedBackend {
    /// Fresh trainings of these networks.
    ///
    /// # Errors
    /// If the parameters cannot be read.
    pub fn new(
        networks: &[&Network],
        options: &[TrainOptions],
        bound: Option<&VariationalBound>,
        (iterations, batch_size): (usize, usize),
    ) -> Result<Self, DiffusionError> {
        let pairs = networks.iter().zip(options);
        let new = |(network, options): (&&Network, &TrainOptions)| {
            fused::training(network, *options, bound, (iterations, batch_size))
        };
        pairs.map(new).collect::<Result<_, _>>().map(Self)
    }
}

impl TrainBackend for FusedBackend {
    fn step(
        &mut self,
        batches: &[Batch],
        turn: Turn,
    ) -> Result<Vec<Result<LossTerms, DiffusionError>>, DiffusionError> {
        Ok(match (&mut self.0[..], batches) {
            // A single training decides itself where threads pay.
            ([training], [batch]) => vec![training.step(batch, turn)],
            (trainings, _) => trainings
                .par_iter_mut()
                .zip(batches)
                .map(|(training, batch)| training.step(batch, turn))
                .collect(),
        })
    }

    fn state(&self, member: usize) -> Result<State, DiffusionError> {
        self.0[member].state()
    }

    fn restore(&mut self, member: usize, state: &State) -> Result<(), DiffusionError> {
        self.0[member].restore(state)
    }
}
