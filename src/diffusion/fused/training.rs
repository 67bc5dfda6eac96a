//! One training iteration, from batch to updated parameters, without a graph and without allocations.

use super::{
    HostTraining,
    block::{Block, Shared},
    loss,
    model::{Dense, Model},
    optimization::Optimization,
    packed::panels,
    tensor_gradients::{gradient, spread},
    transpose::Transpose,
};
use crate::diffusion::{
    Batch, DiffusionError, LossTerms, Network, TrainOptions,
    train::{
        VariationalBound,
        backend::{State, Turn},
    },
};
use pulp::Arch;
use rayon::prelude::*;

/// Multiply-adds of a forward pass from which on several threads are faster than one.
const PARALLEL_WORK: usize = 4_000_000;

/// Blocks that a batch is cut into for several threads, if they do not become larger than [`LARGEST_BLOCK`].
const BLOCKS: usize = 4;

/// Rows of the largest block: few enough that their activations stay in the cache.
const LARGEST_BLOCK: usize = 64;

/// Parameters, moments, average and buffers of a training.
#[derive(Debug)]
pub(super) struct DenseTraining {
    arch: Arch,
    model: Model,
    /// By which the variance is learned; none where it is not.
    bound: Option<VariationalBound>,
    optimization: Optimization,
    transposed: Vec<f32>,
    /// Panels of `back` and their lengths: the map, first column and width.
    transposed_segments: Vec<((Dense, usize, usize), usize)>,
    block_rows: usize,
    blocks: Vec<Block>,
}

impl DenseTraining {
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
        // More blocks than threads would read every weight more often.
        let blocks = if rayon::current_num_threads() > 1 { BLOCKS } else { 1 };
        let block_rows = batch_size.div_ceil(blocks).next_multiple_of(8).min(LARGEST_BLOCK);
        let transposed_segments = model
            .maps
            .iter()
            .flat_map(|map| panels(map.input).map(|p| ((*map, p.start, p.len()), p.len() * map.output)));
        let mut training = Self {
            arch: Arch::new(),
            transposed: vec![0.0; model.transposed_size()],
            transposed_segments: transposed_segments.collect(),
            optimization: Optimization::new(parameters, options, iterations),
            block_rows,
            blocks: (0..batch_size.div_ceil(block_rows)).map(|_| Block::new(&model, block_rows)).collect(),
            model,
            bound: bound.cloned(),
        };
        training.refresh_transposed(false);
        Ok(training)
    }

    /// Divides the batch into blocks and returns how many.
    fn fill(&mut self, batch: &Batch) -> usize {
        let shared = Shared {
            arch: self.arch,
            model: &self.model,
            parameters: &self.optimization.parameters,
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

    /// Transposes the weights for the next iteration.
    fn refresh_transposed(&mut self, parallel: bool) {
        let (arch, parameters) = (self.arch, &self.optimization.parameters);
        spread(&self.transposed_segments, &mut self.transposed, parallel, &|(dense, column, width), out| {
            let weight = &parameters[dense.weight()];
            arch.dispatch(Transpose { dense, column, width, weight, out });
        });
    }
}

impl HostTraining for DenseTraining {
    fn step(&mut self, batch: &Batch, turn: Turn) -> Result<LossTerms, DiffusionError> {
        let n = batch.x_t.nrows();
        let parallel = n.saturating_mul(self.optimization.parameters.len()) >= PARALLEL_WORK
            && rayon::current_num_threads() > 1;
        let used = self.fill(batch);
        let shared = Shared {
            arch: self.arch,
            model: &self.model,
            parameters: &self.optimization.parameters,
            transposed: &self.transposed,
        };
        let blocks = &mut self.blocks[..used];
        each(blocks, parallel, |block| block.forward(shared));
        let loss =
            loss::Loss { isotropy: &self.optimization.options.isotropy_loss(), bound: self.bound.as_ref() };
        let terms = loss.evaluate(blocks, batch.eps.view());
        if !(terms.loss as f32).is_finite() {
            return Err(DiffusionError::Diverged { iteration: turn.iteration, loss: terms.loss });
        }
        each(blocks, parallel, |block| block.backward(shared));
        let (arch, model) = (self.arch, &self.model);
        spread(&model.segments, &mut self.optimization.gradient, parallel, &|segment, out| {
            gradient(arch, model, blocks, segment, out);
        });
        if self.optimization.take_in(turn, parallel) {
            self.refresh_transposed(parallel);
        }
        Ok(terms)
    }

    fn state(&self) -> Result<State, DiffusionError> {
        self.optimization.state(|parameters| self.model.unpack(parameters))
    }

    fn restore(&mut self, state: &State) -> Result<(), DiffusionError> {
        self.optimization.restore(state, |tensor| self.model.pack(tensor))?;
        self.refresh_transposed(false);
        Ok(())
    }
}

/// Calls `work` for every block.
fn each(blocks: &mut [Block], parallel: bool, work: impl Fn(&mut Block) + Send + Sync) {
    if parallel { blocks.par_iter_mut().for_each(work) } else { blocks.iter_mut().for_each(work) }
}
