//! Training: one iteration is a batch, a loss, its gradient, one step of the optimiser.

use super::{
    Batch, Decay, DiffusionError, LossOptions, LossTerms, Network, OptimizerOptions, Schedule, TrainStreams,
    batch::Batches,
    checkpoint,
    fused::Training,
    reference::{GraphTraining, State},
};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How to train.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainOptions {
    /// Iterations in all; the learning-rate decay ends there.
    pub iterations: usize,
    /// Points per iteration.
    pub batch_size: usize,
    /// The optimiser.
    pub optimizer: OptimizerOptions,
    /// Learning rate, before decay.
    pub learning_rate: f64,
    /// How it falls.
    pub decay: Decay,
    /// Decay of the moving average of the parameters, in [0, 1); 0 is off.
    pub ema: f64,
    /// Largest norm of the gradient; 0 is off.
    pub clip_norm: f64,
    /// The loss.
    pub loss: LossOptions,
}

impl TrainOptions {
    /// Refuses options outside their range.
    ///
    /// # Errors
    /// If one is.
    pub fn check(&self) -> Result<(), DiffusionError> {
        let Self { learning_rate, ema, clip_norm, .. } = *self;
        DiffusionError::unless(learning_rate > 0.0 && learning_rate.is_finite(), || {
            format!("learning_rate is {learning_rate}, but it must be a positive number")
        })?;
        DiffusionError::unless((0.0..1.0).contains(&ema), || {
            format!("ema is {ema}, but it must be in [0, 1); 0 is off")
        })?;
        DiffusionError::unless(clip_norm >= 0.0 && clip_norm.is_finite(), || {
            format!("clip_norm is {clip_norm}, but it must be 0 (off) or a positive number")
        })?;
        self.optimizer.check()?;
        self.loss.check()
    }
}

/// What a checkpoint holds beside the vectors.
#[derive(Serialize, Deserialize)]
struct Header {
    iteration: usize,
    optimizer_steps: usize,
}

/// The two ways to do the same computation.
#[derive(Debug)]
enum Path {
    /// In one go, in `f32` on the host.
    Fused(Box<Training>),
    /// As a candle graph, everywhere.
    Graph(Box<GraphTraining>),
}

impl Path {
    fn on_graph(network: &Network, options: TrainOptions) -> Result<Self, DiffusionError> {
        Ok(Self::Graph(Box::new(GraphTraining::new(&[network], &[options])?)))
    }
}

/// A training under way. Everything random comes from the streams and the iteration's number, so a
/// training that was stopped and goes on from a checkpoint gives the same bits.
#[derive(Debug)]
pub struct Trainer {
    batches: Batches,
    network: Network,
    options: TrainOptions,
    iteration: usize,
    path: Path,
    last_batch: Batch,
}

impl Trainer {
    /// A training of `network` on the points `data` `(n, d)`.
    ///
    /// # Errors
    /// If an option is out of range, there are no points, or dimension or number of steps differ.
    pub fn new(
        data: Array2<f64>,
        schedule: &Schedule,
        network: Network,
        options: TrainOptions,
        streams: TrainStreams,
    ) -> Result<Self, DiffusionError> {
        Self::with_path(data, schedule, network, options, streams, |network, batch_size| {
            Ok(match Training::new(network, options, batch_size)? {
                Some(fused) => Path::Fused(Box::new(fused)),
                None => Path::on_graph(network, options)?,
            })
        })
    }

    /// As [`new`](Self::new), but always on the plain candle graph, which is the reference: the same
    /// numbers up to rounding, more slowly.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn on_graph(
        data: Array2<f64>,
        schedule: &Schedule,
        network: Network,
        options: TrainOptions,
        streams: TrainStreams,
    ) -> Result<Self, DiffusionError> {
        let graph = |network: &Network, _| Path::on_graph(network, options);
        Self::with_path(data, schedule, network, options, streams, graph)
    }

    fn with_path(
        data: Array2<f64>,
        schedule: &Schedule,
        network: Network,
        options: TrainOptions,
        streams: TrainStreams,
        path: impl FnOnce(&Network, usize) -> Result<Path, DiffusionError>,
    ) -> Result<Self, DiffusionError> {
        options.check()?;
        let batches = Batches::new(data, schedule, options.batch_size, streams)?;
        if batches.dim() != network.dim() {
            return Err(DiffusionError::Dimension { expected: network.dim(), found: batches.dim() });
        }
        DiffusionError::unless(network.steps() == schedule.steps(), || {
            format!("the network knows {} steps, but the schedule has {}", network.steps(), schedule.steps())
        })?;
        let path = path(&network, batches.size())?;
        let empty = Array2::zeros((0, network.dim()));
        let last_batch = Batch { x_t: empty.clone(), t: Vec::new(), eps: empty };
        Ok(Self { batches, network, options, iteration: 0, path, last_batch })
    }

    /// Iterations done.
    pub fn iteration(&self) -> usize {
        self.iteration
    }

    /// Iterations in one epoch.
    pub fn iterations_per_epoch(&self) -> usize {
        self.batches.per_epoch()
    }

    /// Whether iterations are done in one go (`f32` on the host) or on the candle graph.
    pub fn is_fused(&self) -> bool {
        matches!(self.path, Path::Fused(_))
    }

    /// The network with the newest parameters (not the average), to look at: later iterations do not take
    /// over what is changed in it.
    ///
    /// # Errors
    /// If memory fails.
    pub fn network(&self) -> Result<&Network, DiffusionError> {
        let flat = match &self.path {
            Path::Fused(training) => training.flat()?,
            Path::Graph(training) => training.state(0)?.flat,
        };
        self.network.parameters().assign(&flat)?;
        Ok(&self.network)
    }

    /// The batch of the iteration done last; empty before the first.
    pub fn last_batch(&self) -> &Batch {
        &self.last_batch
    }

    /// One iteration on the batch that its number picks.
    ///
    /// # Errors
    /// If the loss is infinite or NaN, or the device fails.
    pub fn step(&mut self) -> Result<LossTerms, DiffusionError> {
        let batch = self.next_batch();
        self.step_on(batch)
    }

    /// One iteration on a given batch.
    ///
    /// # Errors
    /// As [`step`](Self::step), or if the batch does not fit the network; nothing has changed then.
    pub fn step_on(&mut self, batch: Batch) -> Result<LossTerms, DiffusionError> {
        batch.check(self.network.dim(), self.network.steps())?;
        let terms = match &mut self.path {
            Path::Fused(training) => training.step(&batch, self.iteration)?,
            Path::Graph(training) => training.step(&[&batch], self.iteration)?.remove(0)?,
        };
        self.took(batch);
        Ok(terms)
    }

    /// The batch that the number of the next iteration picks.
    pub(super) fn next_batch(&mut self) -> Batch {
        self.batches.get(self.iteration)
    }

    /// Notes that an iteration was done on this batch.
    pub(super) fn took(&mut self, batch: Batch) {
        self.iteration += 1;
        self.last_batch = batch;
    }

    /// Points in a batch, and in the last of an epoch.
    pub(super) fn batch_sizes(&self) -> (usize, usize) {
        self.batches.sizes()
    }

    /// How it trains.
    pub fn options(&self) -> &TrainOptions {
        &self.options
    }

    /// Parameters, optimiser and average.
    pub(super) fn state(&self) -> Result<State, DiffusionError> {
        match &self.path {
            Path::Fused(training) => training.state(),
            Path::Graph(training) => training.state(0),
        }
    }

    /// Takes over parameters, optimiser and average.
    pub(super) fn set_state(&mut self, state: State) -> Result<(), DiffusionError> {
        match &mut self.path {
            Path::Fused(training) => training.restore(&state),
            Path::Graph(training) => training.restore(&[state]),
        }
    }

    /// Everything needed to go on later, as a safetensors file: parameters, moments and average as flat
    /// vectors in the network's order, iteration in the header.
    ///
    /// # Errors
    /// If the device fails.
    pub fn checkpoint(&self) -> Result<Vec<u8>, DiffusionError> {
        let State { flat, optimizer: (optimizer_steps, first, second), average } = self.state()?;
        let mut tensors = BTreeMap::from([
            ("parameters".to_string(), flat),
            ("optimizer.first".to_string(), first),
            ("optimizer.second".to_string(), second),
        ]);
        tensors.extend(average.map(|average| ("average".to_string(), average)));
        checkpoint::write(&Header { iteration: self.iteration, optimizer_steps }, &tensors)
    }

    /// Goes back, or on, to where [`checkpoint`](Self::checkpoint) was taken. Data, streams and options
    /// are the caller's to keep.
    ///
    /// # Errors
    /// If the file is damaged or of another network; the training is then as it was.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), DiffusionError> {
        let (header, mut tensors) = checkpoint::read::<Header>(bytes)?;
        let parameters = self.network.parameters();
        let (shape, dtype, device) = ([parameters.count()], parameters.dtype(), parameters.device());
        let average = (self.options.ema > 0.0).then_some("average");
        let names = ["parameters", "optimizer.first", "optimizer.second"].into_iter().chain(average);
        let expected = names.map(|name| (name.to_string(), shape.as_slice(), dtype));
        checkpoint::check(&tensors, expected)?;
        let mut take = |name: &str| match tensors.remove(name) {
            Some(t) => Ok(t.to_device(device)?),
            None => Err(DiffusionError::Saved(format!("it has no `{name}`"))),
        };
        let (flat, first, second) =
            (take("parameters")?, take("optimizer.first")?, take("optimizer.second")?);
        let average = average.map(take).transpose()?;
        self.set_state(State { flat, optimizer: (header.optimizer_steps, first, second), average })?;
        self.iteration = header.iteration;
        Ok(())
    }

    /// The trained network: the averaged parameters if the average is on.
    ///
    /// # Errors
    /// If the parameters became infinite or NaN in the last iteration, or the device fails.
    pub fn into_network(self) -> Result<Network, DiffusionError> {
        let State { flat, average, .. } = self.state()?;
        let value = average.unwrap_or(flat);
        let sum = value.to_dtype(candle_core::DType::F64)?.abs()?.sum_all()?.to_scalar::<f64>()?;
        if !sum.is_finite() {
            return Err(DiffusionError::Diverged { iteration: self.iteration, loss: sum });
        }
        self.network.parameters().assign(&value)?;
        Ok(self.network)
    }
}
