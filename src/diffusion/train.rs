//! Training: one iteration is a batch, a loss, its gradient, one step of the optimiser.

use super::{
    Batch, Decay, DiffusionError, IsotropyLoss, LossTerms, Network, OptimizerKind, OptimizerOptions,
    Schedule, TrainStreams,
    batch::Batches,
    checkpoint,
    fused::Training,
    reference::{GraphTraining, State},
};
use crate::options::{self, OutOfRange, require};
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `[train]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainOptions {
    /// Passes over the training points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Optimizer steps, instead of epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iterations: Option<usize>,
    /// Points per optimizer step.
    pub batch_size: usize,
    /// Optimizer.
    pub optimizer: OptimizerKind,
    /// Step size at the beginning.
    pub learning_rate: f64,
    /// How the step size falls.
    pub decay: Decay,
    /// Decay of the average of the parameters; 0 is off.
    pub ema: f64,
    /// Largest norm of the gradient; 0 is off.
    pub clip_norm: f64,
    /// Iterations between two rows of `loss.csv`.
    pub log_every: usize,
    /// Weight decay; left out, that of PyTorch: 0.01 with "adamw", else 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Momentum of "sgd"; left out, 0.9.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Decay of the first moment of "adam" and "adamw"; left out, 0.9.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,
    /// Decay of the second moment of "adam" and "adamw"; left out, 0.999.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta2: Option<f64>,
    /// Added to the root of the second moment of "adam" and "adamw"; left out, 1e-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// The isotropy term of the loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isotropy: Option<IsotropyLoss>,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            epochs: None,
            iterations: None,
            batch_size: 256,
            optimizer: OptimizerKind::Adam,
            learning_rate: 1e-3,
            decay: Decay::None,
            ema: 0.0,
            clip_norm: 0.0,
            log_every: 10,
            weight_decay: None,
            momentum: None,
            beta1: None,
            beta2: None,
            epsilon: None,
            isotropy: None,
        }
    }
}

impl TrainOptions {
    /// Passes over the training points where neither `epochs` nor `iterations` is given.
    pub const DEFAULT_EPOCHS: usize = 200;

    /// Refuses values out of their range.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check(&self) -> Result<(), OutOfRange> {
        options::count("batch_size", self.batch_size)?;
        options::count("log_every", self.log_every)?;
        options::positive("learning_rate", self.learning_rate)?;
        options::fraction("ema", self.ema)?;
        options::not_negative("clip_norm", self.clip_norm)?;
        require(self.epochs.is_none() || self.iterations.is_none(), "iterations", || {
            "cannot be given beside `epochs`: give one of the two".into()
        })?;
        self.epochs.map_or(Ok(()), |epochs| options::count("epochs", epochs))?;
        self.iterations.map_or(Ok(()), |iterations| options::count("iterations", iterations))?;
        self.optimizer().check()?;
        self.loss().check().map_err(|refused| refused.within("isotropy"))
    }

    /// The optimizer with its constants.
    pub fn optimizer(&self) -> OptimizerOptions {
        let usual = OptimizerOptions::from(self.optimizer);
        OptimizerOptions {
            kind: self.optimizer,
            beta1: self.beta1.unwrap_or(usual.beta1),
            beta2: self.beta2.unwrap_or(usual.beta2),
            epsilon: self.epsilon.unwrap_or(usual.epsilon),
            weight_decay: self.weight_decay.unwrap_or(usual.weight_decay),
            momentum: self.momentum.unwrap_or(usual.momentum),
        }
    }

    /// The loss.
    pub fn loss(&self) -> IsotropyLoss {
        self.isotropy.unwrap_or(IsotropyLoss::SIMPLE)
    }

    /// Iterations in all on so many points, at which the decay of the learning rate ends.
    pub fn total_iterations(&self, points: usize) -> usize {
        let epochs = self.epochs.unwrap_or(Self::DEFAULT_EPOCHS);
        self.iterations.unwrap_or(epochs * points.div_ceil(self.batch_size))
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
    fn on_graph(network: &Network, options: TrainOptions, iterations: usize) -> Result<Self, DiffusionError> {
        Ok(Self::Graph(Box::new(GraphTraining::new(&[network], &[options], iterations)?)))
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
        Self::with_path(data, schedule, network, options, streams, |network, (iterations, batch_size)| {
            Ok(match Training::new(network, options, (iterations, batch_size))? {
                Some(fused) => Path::Fused(Box::new(fused)),
                None => Path::on_graph(network, options, iterations)?,
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
        let graph = |network: &Network, (iterations, _)| Path::on_graph(network, options, iterations);
        Self::with_path(data, schedule, network, options, streams, graph)
    }

    fn with_path(
        data: Array2<f64>,
        schedule: &Schedule,
        network: Network,
        options: TrainOptions,
        streams: TrainStreams,
        path: impl FnOnce(&Network, (usize, usize)) -> Result<Path, DiffusionError>,
    ) -> Result<Self, DiffusionError> {
        options.check()?;
        let batches = Batches::new(data, schedule, options.batch_size, streams)?;
        if batches.dim() != network.dim() {
            return Err(DiffusionError::Dimension { expected: network.dim(), found: batches.dim() });
        }
        DiffusionError::unless(network.steps() == schedule.steps(), || {
            format!("the network knows {} steps, but the schedule has {}", network.steps(), schedule.steps())
        })?;
        let path = path(&network, (options.total_iterations(batches.points()), batches.size()))?;
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

    /// Iterations in all.
    pub fn total_iterations(&self) -> usize {
        self.options.total_iterations(self.batches.points())
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
