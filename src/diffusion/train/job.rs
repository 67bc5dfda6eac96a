//! A network to be trained: everything that its training depends on, and how far it has come.

use super::backend::State;
use super::batch::{Batches, TrainStreams};
use super::options::TrainOptions;
use super::variational_bound::{LossKind, VariationalBound};
use crate::diffusion::{DiffusionError, Network, Outputs, Schedule, safetensors_file};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// What a checkpoint holds beside the vectors.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub iteration: usize,
    pub optimizer_steps: usize,
}

/// A network to be trained: everything that its training depends on, and how far it has come.
/// ```
/// use candle_core::Device;
/// use gdiff::diffusion::{
///     BackendChoice, Denoiser, DiffusionOptions, Network, NetworkDenoiser, NetworkOptions, Schedule, TrainOptions,
///     TrainStreams, Training, TrainingJob,
/// };
/// use gdiff::numeric::random::Stream;
///
/// let stream = |purpose: &str| Stream::new(1, 0, purpose);
/// let data = stream("data").standard_normal(0, 500, 2);
/// let schedule = Schedule::new(&DiffusionOptions { steps: 20, ..DiffusionOptions::default() })?;
/// let options = NetworkOptions { hidden: Some(vec![16]), ..NetworkOptions::default() };
/// let network = Network::new(2, schedule.steps(), &options, &stream("parameters"), &Device::Cpu)?;
/// let options = TrainOptions { iterations: Some(200), ..TrainOptions::default() };
/// let streams = TrainStreams { shuffle: stream("shuffle"), timestep: stream("t"), noise: stream("noise") };
/// let job = TrainingJob::new(data.clone(), &schedule, network, options, streams)?;
/// let mut training = Training::new(vec![job], BackendChoice::Auto)?;
/// let first = training.step()?.remove(0)?.loss;
/// let mut last = first;
/// for _ in 1..200 {
///     last = training.step()?.remove(0)?.loss;
/// }
/// assert!(last < first);
/// let denoiser = NetworkDenoiser::new(training.into_networks()?.remove(0)?, 1.0)?;
/// assert_eq!(denoiser.predict_noise(data.view(), 20)?.dim(), (500, 2));
/// # Ok::<(), gdiff::diffusion::DiffusionError>(())
/// ```
#[derive(Debug)]
pub struct TrainingJob {
    pub(super) batches: Batches,
    pub(super) network: Network,
    pub(super) options: TrainOptions,
    /// By which the variance is learned; none where it is not.
    pub(super) bound: Option<VariationalBound>,
    pub(super) iteration: usize,
    /// Where a checkpoint was taken; `None` at the beginning.
    pub(super) state: Option<State>,
}

impl TrainingJob {
    /// The training of `network` on the points `data` `(n, d)`, from the beginning. The loss is the hybrid one where the
    /// network has outputs for the variance.
    ///
    /// # Errors
    /// If an option is out of its range, there are no points, dimension or number of steps differ, or `options` name the
    /// other loss.
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
        let hybrid = network.outputs() == Outputs::NoiseAndVariance;
        let own = if hybrid { LossKind::Hybrid } else { LossKind::Simple };
        DiffusionError::unless(options.loss.is_none_or(|loss| loss == own), || {
            "the loss \"hybrid\" goes with a network that has outputs for the variance, and \"simple\" with one that has none"
                .into()
        })?;
        let bound = hybrid.then(|| VariationalBound::new(schedule)).transpose()?;
        Ok(Self { batches, network, options, bound, iteration: 0, state: None })
    }

    /// Dimension of its points.
    pub fn dim(&self) -> usize {
        self.network.dim()
    }

    /// Goes on from where [`checkpoint`](super::Training::checkpoint) was taken. Data, streams and options are the caller's to keep.
    ///
    /// # Errors
    /// If the file is damaged or of another network; the job is then as it was.
    pub fn resume(&mut self, checkpoint: &[u8]) -> Result<(), DiffusionError> {
        let (header, mut tensors) = safetensors_file::read::<Header>(checkpoint)?;
        let parameters = self.network.parameters();
        let (shape, dtype, device) = ([parameters.count()], parameters.dtype(), parameters.device());
        let average = (self.options.ema > 0.0).then_some("average");
        let names = ["parameters", "optimizer.first", "optimizer.second"].into_iter().chain(average);
        let expected = names.map(|name| (name.to_string(), shape.as_slice(), dtype));
        safetensors_file::check(&tensors, expected)?;
        let mut take = |name: &str| {
            let tensor = tensors.remove(name).expect("the file holds every expected tensor, as was checked");
            tensor.to_device(device)
        };
        let state = State {
            parameters: take("parameters")?,
            steps: header.optimizer_steps,
            first: take("optimizer.first")?,
            second: take("optimizer.second")?,
            average: average.map(take).transpose()?,
        };
        (self.iteration, self.state) = (header.iteration, Some(state));
        Ok(())
    }

    /// Iterations done.
    pub fn iteration(&self) -> usize {
        self.iteration
    }

    /// Iterations in one epoch, rounded up.
    pub fn iterations_per_epoch(&self) -> usize {
        self.batches.per_epoch().div_ceil(self.options.accumulate)
    }

    /// Iterations in all.
    pub fn total_iterations(&self) -> usize {
        self.options.total_iterations(self.batches.points())
    }
}
