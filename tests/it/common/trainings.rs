//! Small trainings for tests: everything that one depends on, and what comes of it.

use candle_core::{DType, Device};
use gdiff::diffusion::{
    Activation, BackendChoice, Batch, Conditioning, Decay, DiffusionError, IsotropyLoss, LossTerms, Network,
    NetworkOptions, OptimizerKind, OptimizerOptions, Outputs, Schedule, TimeEncoding, TrainOptions,
    TrainStreams, Training, TrainingJob,
};
use gdiff::numeric::random::Stream;

/// The training of one network.
pub struct Alone(Training);

impl Alone {
    pub fn new(job: TrainingJob, backend: BackendChoice) -> Self {
        Self(Training::new(vec![job], backend).unwrap())
    }

    pub fn step(&mut self) -> Result<LossTerms, DiffusionError> {
        self.0.step()?.remove(0)
    }

    pub fn step_on(&mut self, batch: Batch) -> Result<LossTerms, DiffusionError> {
        self.0.step_on(vec![batch])?.remove(0)
    }

    pub fn iteration(&self) -> usize {
        self.0.iteration()
    }

    pub fn last_batch(&self) -> &Batch {
        self.0.last_batch(0)
    }

    pub fn network(&self) -> &Network {
        self.0.network(0).unwrap()
    }

    pub fn checkpoint(&self) -> Vec<u8> {
        self.0.checkpoint(0).unwrap()
    }

    pub fn into_network(self) -> Network {
        self.0.into_networks().unwrap().remove(0).unwrap()
    }
}

/// Everything that a training depends on.
#[derive(Clone, Debug)]
pub struct Case {
    pub dim: usize,
    /// Of a network with outputs for the variance the loss is the hybrid one.
    pub outputs: Outputs,
    pub steps: usize,
    pub network: NetworkOptions,
    pub batch: usize,
    pub optimizer: OptimizerOptions,
    pub loss: IsotropyLoss,
    pub clip_norm: f64,
    pub ema: f64,
    pub learning_rate: f64,
    pub seed: u64,
}

impl Case {
    pub fn network(&self) -> Network {
        self.network_on(&Device::Cpu)
    }

    pub fn network_on(&self, device: &Device) -> Network {
        let stream = Stream::new(self.seed, 0, "init");
        let shape = (self.dim, self.outputs);
        Network::with_dtype(shape, self.steps, &self.network, &stream, device, DType::F32).unwrap()
    }

    pub fn options(&self) -> TrainOptions {
        let OptimizerOptions { kind, beta1, beta2, epsilon, weight_decay, momentum } = self.optimizer;
        TrainOptions {
            iterations: Some(100),
            batch_size: self.batch,
            optimizer: kind,
            weight_decay: Some(weight_decay),
            momentum: Some(momentum),
            beta1: Some(beta1),
            beta2: Some(beta2),
            epsilon: Some(epsilon),
            learning_rate: self.learning_rate,
            decay: Decay::Linear,
            ema: self.ema,
            clip_norm: self.clip_norm,
            isotropy: Some(self.loss),
            ..TrainOptions::default()
        }
    }

    pub fn alone(&self, backend: BackendChoice) -> Alone {
        Alone::new(self.job(), backend)
    }

    pub fn job(&self) -> TrainingJob {
        self.job_on(&Device::Cpu)
    }

    pub fn job_on(&self, device: &Device) -> TrainingJob {
        let stream = |purpose| Stream::new(self.seed, 0, purpose);
        // The last batch of an epoch is smaller.
        let data = stream("data").standard_normal(0, 2 * self.batch + 1, self.dim);
        let schedule = Schedule::from_betas(vec![0.05; self.steps]).unwrap();
        let streams =
            TrainStreams { shuffle: stream("shuffle"), timestep: stream("timestep"), noise: stream("noise") };
        TrainingJob::new(data, &schedule, self.network_on(device), self.options(), streams).unwrap()
    }
}

pub fn weights(network: &Network) -> Vec<f32> {
    network.parameters().flat().unwrap().to_vec1().unwrap()
}

pub fn gap(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |m: f32, v| if v <= m || m.is_nan() { m } else { v })
}

pub fn case(
    activation: Activation,
    time: TimeEncoding,
    conditioning: Conditioning,
    hidden: &[usize],
) -> Case {
    Case {
        dim: 2,
        outputs: Outputs::Noise,
        steps: 20,
        network: NetworkOptions {
            hidden: Some(hidden.to_vec()),
            activation,
            time,
            time_dim: 6,
            conditioning,
            ..NetworkOptions::default()
        },
        batch: 37,
        optimizer: optimizer(OptimizerKind::Adam, 0.0),
        loss: IsotropyLoss::SIMPLE,
        clip_norm: 0.0,
        ema: 0.0,
        learning_rate: 1e-2,
        seed: 3,
    }
}

/// With an epsilon that keeps Adam from making steps out of rounding errors.
pub fn optimizer(kind: OptimizerKind, weight_decay: f64) -> OptimizerOptions {
    OptimizerOptions { epsilon: 1e-3, weight_decay, ..kind.into() }
}
