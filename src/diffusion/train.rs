//! Training: one iteration is a batch, a loss, its gradient, one step of the optimiser.

use super::{
    Batch, Decay, DiffusionError, LossOptions, LossTerms, Network, OptimizerOptions, Schedule, TrainStreams,
    average::Average,
    batch::Batches,
    checkpoint,
    inference::to_tensor,
    optimizer::{Optimizer, clip},
};
use candle_core::Tensor;
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

/// A training under way. Everything random comes from the streams and the iteration's number, so a
/// training that was stopped and goes on from a checkpoint gives the same bits.
#[derive(Debug)]
pub struct Trainer {
    batches: Batches,
    network: Network,
    options: TrainOptions,
    iteration: usize,
    /// The network's parameters as one vector.
    flat: Tensor,
    optimizer: Optimizer,
    average: Option<Average>,
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
        options.check()?;
        let batches = Batches::new(data, schedule, options.batch_size, streams)?;
        if batches.dim() != network.dim() {
            return Err(DiffusionError::Dimension { expected: network.dim(), found: batches.dim() });
        }
        DiffusionError::unless(network.steps() == schedule.steps(), || {
            format!("the network knows {} steps, but the schedule has {}", network.steps(), schedule.steps())
        })?;
        let flat = network.parameters().flat()?;
        let optimizer = Optimizer::new(options.optimizer, &flat)?;
        let average = (options.ema > 0.0).then(|| Average::new(options.ema, &flat));
        let empty = Array2::zeros((0, network.dim()));
        let last_batch = Batch { x_t: empty.clone(), t: Vec::new(), eps: empty };
        Ok(Self { batches, network, options, iteration: 0, flat, optimizer, average, last_batch })
    }

    /// Iterations done.
    pub fn iteration(&self) -> usize {
        self.iteration
    }

    /// Iterations in one epoch.
    pub fn iterations_per_epoch(&self) -> usize {
        self.batches.per_epoch()
    }

    /// The network with the newest parameters (not the average).
    pub fn network(&self) -> &Network {
        &self.network
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
        let batch = self.batches.get(self.iteration);
        self.step_on(batch)
    }

    /// One iteration on a given batch.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn step_on(&mut self, batch: Batch) -> Result<LossTerms, DiffusionError> {
        let parameters = self.network.parameters();
        let (dtype, device) = (parameters.dtype(), parameters.device());
        let x = to_tensor(batch.x_t.view(), dtype, device)?;
        let eps = to_tensor(batch.eps.view(), dtype, device)?;
        let predicted = self.network.forward(&x, &batch.t)?;
        let (loss, terms) = self.options.loss.evaluate(&predicted, &eps)?;
        if !terms.loss.is_finite() {
            return Err(DiffusionError::Diverged { iteration: self.iteration, loss: terms.loss });
        }
        let gradient = clip(&parameters.flat_gradient(&loss.backward()?)?, self.options.clip_norm)?;
        let decay = self.options.decay.factor(self.iteration, self.options.iterations);
        self.flat = self.optimizer.step(&self.flat, &gradient, self.options.learning_rate * decay)?;
        parameters.assign(&self.flat)?;
        self.iteration += 1;
        if let Some(average) = &mut self.average {
            average.update(&self.flat, self.iteration)?;
        }
        self.last_batch = batch;
        Ok(terms)
    }

    /// Everything needed to go on later, as a safetensors file: parameters, moments and average as flat
    /// vectors in the network's order, iteration in the header.
    ///
    /// # Errors
    /// If the device fails.
    pub fn checkpoint(&self) -> Result<Vec<u8>, DiffusionError> {
        let (optimizer_steps, first, second) = self.optimizer.state();
        let mut tensors = BTreeMap::from([
            ("parameters".to_string(), self.flat.clone()),
            ("optimizer.first".to_string(), first.clone()),
            ("optimizer.second".to_string(), second.clone()),
        ]);
        if let Some(average) = &self.average {
            tensors.insert("average".to_string(), average.value().clone());
        }
        checkpoint::write(&Header { iteration: self.iteration, optimizer_steps }, &tensors)
    }

    /// Goes back, or on, to where [`checkpoint`](Self::checkpoint) was taken. Data, streams and options
    /// are the caller's to keep.
    ///
    /// # Errors
    /// If the file is damaged or of another network; the training is then as it was.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), DiffusionError> {
        let (header, mut tensors) = checkpoint::read::<Header>(bytes)?;
        let average = self.average.as_ref().map(|_| "average");
        let names = ["parameters", "optimizer.first", "optimizer.second"].into_iter().chain(average);
        let expected = names.map(|name| (name.to_string(), self.flat.dims(), self.flat.dtype()));
        checkpoint::check(&tensors, expected)?;
        let device = self.network.parameters().device();
        let mut take = |name: &str| match tensors.remove(name) {
            Some(t) => Ok(t.to_device(device)?),
            None => Err(DiffusionError::Saved(format!("it has no `{name}`"))),
        };
        let (flat, first, second) =
            (take("parameters")?, take("optimizer.first")?, take("optimizer.second")?);
        if let Some(average) = &mut self.average {
            average.restore(take("average")?);
        }
        self.network.parameters().assign(&flat)?;
        self.flat = flat;
        self.optimizer.restore(header.optimizer_steps, first, second);
        self.iteration = header.iteration;
        Ok(())
    }

    /// The trained network: the averaged parameters if the average is on.
    ///
    /// # Errors
    /// If the parameters became infinite or NaN in the last iteration, or the device fails.
    pub fn into_network(self) -> Result<Network, DiffusionError> {
        let value = self.average.as_ref().map_or(&self.flat, Average::value);
        let sum = value.to_dtype(candle_core::DType::F64)?.abs()?.sum_all()?.to_scalar::<f64>()?;
        if !sum.is_finite() {
            return Err(DiffusionError::Diverged { iteration: self.iteration, loss: sum });
        }
        self.network.parameters().assign(value)?;
        Ok(self.network)
    }
}
