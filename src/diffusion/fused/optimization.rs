//! The parameters of a training with their gradient, moments and average, all of one length: clipping, the optimizer's step,
//! and the average.

use super::update::{Constants, SumOfSquares, Update};
use crate::diffusion::{
    DiffusionError, TrainOptions,
    train::{
        average,
        backend::{State, Turn},
        optimizer,
    },
};
use candle_core::Tensor;
use pulp::Arch;
use rayon::prelude::*;

/// Parameters that one task of the optimizer handles.
const STRETCH: usize = 1 << 14;

/// What the optimizer changes.
#[derive(Debug)]
pub(super) struct Optimization {
    pub arch: Arch,
    pub options: TrainOptions,
    /// Iterations in all.
    iterations: usize,
    pub parameters: Vec<f32>,
    /// That of the batch at hand.
    pub gradient: Vec<f32>,
    /// The gradients of the batches of an iteration under way, added up; empty where an iteration has one.
    accumulated: Vec<f32>,
    steps: usize,
    first: Vec<f32>,
    second: Vec<f32>,
    /// Empty if it is off.
    average: Vec<f32>,
}

impl Optimization {
    /// The beginning of a training from these parameters.
    pub fn new(parameters: Vec<f32>, options: TrainOptions, iterations: usize) -> Self {
        let zeros = vec![0.0; parameters.len()];
        Self {
            arch: Arch::new(),
            options,
            iterations,
            accumulated: if options.accumulate > 1 { zeros.clone() } else { Vec::new() },
            gradient: zeros.clone(),
            steps: 0,
            first: zeros.clone(),
            second: zeros,
            average: if options.ema > 0.0 { parameters.clone() } else { Vec::new() },
            parameters,
        }
    }

    /// Takes in the gradient of a batch, and says whether it was the iteration's last, so that the parameters have changed.
    pub fn take_in(&mut self, turn: Turn, parallel: bool) -> bool {
        if !turn.is_whole() {
            self.accumulate(turn, parallel);
        }
        if turn.is_last {
            self.update(turn.iteration, parallel);
        }
        turn.is_last
    }

    /// Adds the gradient of a batch to those of the batches before it; their sum takes its place after the last.
    fn accumulate(&mut self, turn: Turn, parallel: bool) {
        let share = turn.share as f32;
        let add = |(sum, gradient): (&mut [f32], &[f32])| {
            for (sum, gradient) in sum.iter_mut().zip(gradient) {
                *sum = gradient * share + if turn.is_first { 0.0 } else { *sum };
            }
        };
        if parallel {
            let stretches = self.accumulated.par_chunks_mut(STRETCH).zip(self.gradient.par_chunks(STRETCH));
            stretches.for_each(add);
        } else {
            add((&mut self.accumulated, &self.gradient));
        }
        if turn.is_last {
            std::mem::swap(&mut self.accumulated, &mut self.gradient);
        }
    }

    /// The step of iteration number `iteration`, from 0.
    fn update(&mut self, iteration: usize, parallel: bool) {
        let TrainOptions { clip_norm, ema, .. } = self.options;
        self.steps += 1;
        let rate = self.options.rate(iteration, self.iterations);
        let clip = match clip_norm {
            0.0 => 1.0,
            largest => optimizer::clip_factor(self.arch.dispatch(SumOfSquares(&self.gradient)), largest),
        };
        let keep = average::keep(ema, iteration + 1);
        let constants = Constants::new(&self.options.optimizer(), self.steps, rate, clip, keep);
        let arch = self.arch;
        let stretches = self.gradient.chunks(STRETCH);
        if !parallel {
            let Self { gradient, parameters, first, second, average, .. } = self;
            arch.dispatch(Update { constants, gradient, parameters, first, second, average });
            return;
        }
        let mut average = self.average.chunks_mut(STRETCH);
        let stretches = stretches
            .zip(self.parameters.chunks_mut(STRETCH))
            .zip(self.first.chunks_mut(STRETCH).zip(self.second.chunks_mut(STRETCH)))
            .map(|((gradient, parameters), (first, second))| {
                let average = average.next().unwrap_or(&mut []);
                Update { constants, gradient, parameters, first, second, average }
            });
        let stretches: Vec<_> = stretches.collect();
        stretches.into_par_iter().for_each(|update| arch.dispatch(update));
    }

    /// Parameters, moments and average, each as `unpack` gives it.
    ///
    /// # Errors
    /// Those of `unpack`.
    pub fn state(
        &self,
        unpack: impl Fn(&[f32]) -> Result<Tensor, DiffusionError>,
    ) -> Result<State, DiffusionError> {
        Ok(State {
            parameters: unpack(&self.parameters)?,
            steps: self.steps,
            first: unpack(&self.first)?,
            second: unpack(&self.second)?,
            average: (!self.average.is_empty()).then(|| unpack(&self.average)).transpose()?,
        })
    }

    /// Puts back what [`state`](Self::state) returned.
    ///
    /// # Errors
    /// Those of `pack`; nothing has changed then.
    pub fn restore(
        &mut self,
        state: &State,
        pack: impl Fn(&Tensor) -> Result<Vec<f32>, DiffusionError>,
    ) -> Result<(), DiffusionError> {
        let average = state.average.as_ref().map_or(Ok(Vec::new()), &pack)?;
        let (parameters, first, second) =
            (pack(&state.parameters)?, pack(&state.first)?, pack(&state.second)?);
        self.parameters = parameters;
        (self.steps, self.first, self.second, self.average) = (state.steps, first, second, average);
        Ok(())
    }
}
