//! One training iteration, from batch to updated parameters, without a graph and without allocations.

use super::{
    block::{Block, Shared},
    loss,
    model::{Dense, Model},
    packed::panels,
    tensor_gradients::{gradient, spread},
    transpose::Transpose,
    update::{Constants, SumOfSquares, Update},
};
use crate::diffusion::{
    Batch, DiffusionError, LossTerms, Network, TrainOptions,
    train::{VariationalBound, average, backend::State, optimizer},
};
use pulp::Arch;
use rayon::prelude::*;

/// Multiply-adds of a forward pass from which on several threads are faster than one.
const PARALLEL_WORK: usize = 4_000_000;

/// Blocks that a batch is cut into, if they do not become larger than [`LARGEST_BLOCK`].
const BLOCKS: usize = 4;

/// Rows of the largest block: few enough that their activations stay in the cache.
const LARGEST_BLOCK: usize = 64;

/// Parameters that one task of the optimizer handles.
const STRETCH: usize = 1 << 14;

/// Parameters, moments, average and buffers of a training.
#[derive(Debug)]
pub(in crate::diffusion) struct FusedTraining {
    arch: Arch,
    model: Model,
    options: TrainOptions,
    /// By which the variance is learned; none where it is not.
    bound: Option<VariationalBound>,
    /// Iterations in all.
    iterations: usize,
    parameters: Vec<f32>,
    transposed: Vec<f32>,
    /// Panels of `back` and their lengths: the map, first column and width.
    transposed_segments: Vec<((Dense, usize, usize), usize)>,
    gradient: Vec<f32>,
    steps: usize,
    first: Vec<f32>,
    second: Vec<f32>,
    /// Empty if it is off.
    average: Vec<f32>,
    block_rows: usize,
    blocks: Vec<Block>,
}

impl FusedTraining {
    /// A training of a network that computes in `f32` on the host.
    ///
    /// # Errors
    /// If the parameters cannot be read.
    pub fn new(
        network: &Network,
        options: TrainOptions,
        bound: Option<&VariationalBound>,
        (iterations, batch_size): (usize, usize),
    ) -> Result<Self, DiffusionError> {
        let model = Model::new(network.layout(), network.options());
        let parameters = model.pack(&network.parameters().flat()?)?;
        let zeros = vec![0.0; parameters.len()];
        let block_rows = batch_size.div_ceil(BLOCKS).next_multiple_of(8).min(LARGEST_BLOCK);
        let transposed_segments = model
            .maps
            .iter()
            .flat_map(|map| panels(map.input).map(|p| ((*map, p.start, p.len()), p.len() * map.output)));
        let mut training = Self {
            arch: Arch::new(),
            transposed: vec![0.0; model.transposed_size()],
            transposed_segments: transposed_segments.collect(),
            gradient: zeros.clone(),
            steps: 0,
            first: zeros.clone(),
            second: zeros,
            average: if options.ema > 0.0 { parameters.clone() } else { Vec::new() },
            block_rows,
            blocks: (0..batch_size.div_ceil(block_rows)).map(|_| Block::new(&model, block_rows)).collect(),
            parameters,
            model,
            options,
            bound: bound.cloned(),
            iterations,
        };
        training.refresh_transposed(false);
        Ok(training)
    }

    /// One iteration, number `iteration` from 0.
    ///
    /// # Errors
    /// If the loss is infinite or NaN; nothing has changed then.
    pub fn step(&mut self, batch: &Batch, iteration: usize) -> Result<LossTerms, DiffusionError> {
        let n = batch.x_t.nrows();
        let parallel =
            n.saturating_mul(self.parameters.len()) >= PARALLEL_WORK && rayon::current_num_threads() > 1;
        let used = self.fill(batch);
        let shared = Shared {
            arch: self.arch,
            model: &self.model,
            parameters: &self.parameters,
            transposed: &self.transposed,
        };
        let blocks = &mut self.blocks[..used];
        each(blocks, parallel, |block| block.forward(shared));
        let loss = loss::Loss { isotropy: &self.options.isotropy_loss(), bound: self.bound.as_ref() };
        let terms = loss.evaluate(&self.model, blocks, batch.eps.view());
        if !(terms.loss as f32).is_finite() {
            return Err(DiffusionError::Diverged { iteration, loss: terms.loss });
        }
        each(blocks, parallel, |block| block.backward(shared));
        let (arch, model) = (self.arch, &self.model);
        spread(&model.segments, &mut self.gradient, parallel, &|segment, out| {
            gradient(arch, model, blocks, segment, out);
        });
        self.update(iteration, parallel);
        self.refresh_transposed(parallel);
        Ok(terms)
    }

    /// Divides the batch into blocks and returns how many.
    fn fill(&mut self, batch: &Batch) -> usize {
        let shared = Shared {
            arch: self.arch,
            model: &self.model,
            parameters: &self.parameters,
            transposed: &self.transposed,
        };
        let n = batch.x_t.nrows();
        let used = n.div_ceil(self.block_rows);
        while self.blocks.len() < used {
            self.blocks.push(Block::new(&self.model, self.block_rows));
        }
        let d = batch.x_t.ncols();
        let points = batch.x_t.as_standard_layout();
        let points = points.as_slice().expect("the standard layout is row after row");
        for (i, block) in self.blocks[..used].iter_mut().enumerate() {
            let rows = i * self.block_rows..n.min((i + 1) * self.block_rows);
            let steps =
                rows.clone().map(|row| (batch.t[if batch.t.len() == 1 { 0 } else { row }] - 1) as u32);
            block.fill(shared, &points[rows.start * d..rows.end * d], steps);
        }
        used
    }

    /// Clipping, the optimizer's step, and the average.
    fn update(&mut self, iteration: usize, parallel: bool) {
        let TrainOptions { clip_norm, ema, learning_rate, decay, .. } = self.options;
        self.steps += 1;
        let rate = learning_rate * decay.factor(iteration, self.iterations);
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

    /// Transposes the weights for the next iteration.
    fn refresh_transposed(&mut self, parallel: bool) {
        let (arch, parameters) = (self.arch, &self.parameters);
        spread(&self.transposed_segments, &mut self.transposed, parallel, &|(dense, column, width), out| {
            let weight = &parameters[dense.weight()];
            arch.dispatch(Transpose { dense, column, width, weight, out });
        });
    }

    /// Parameters, optimizer and average as vectors in the order of the network's layout.
    ///
    /// # Errors
    /// If memory fails.
    pub fn state(&self) -> Result<State, DiffusionError> {
        let unpack = |parameters| self.model.unpack(parameters);
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
    /// If a vector is not one of `f32`; nothing has changed then.
    pub fn restore(&mut self, state: &State) -> Result<(), DiffusionError> {
        let pack = |tensor| self.model.pack(tensor);
        let average = state.average.as_ref().map_or(Ok(Vec::new()), pack)?;
        let (parameters, first, second) =
            (pack(&state.parameters)?, pack(&state.first)?, pack(&state.second)?);
        self.parameters = parameters;
        (self.steps, self.first, self.second, self.average) = (state.steps, first, second, average);
        self.refresh_transposed(false);
        Ok(())
    }
}

/// Calls `work` for every block.
fn each(blocks: &mut [Block], parallel: bool, work: impl Fn(&mut Block) + Send + Sync) {
    if parallel { blocks.par_iter_mut().for_each(work) } else { blocks.iter_mut().for_each(work) }
}
