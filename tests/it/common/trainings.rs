//! Small trainings for tests: everything that one depends on, and what comes of it.

use candle_core::Device;
use gdiff::diffusion::{
    Activation, Conditioning, Decay, LossOptions, Network, NetworkOptions, OptimizerKind, OptimizerOptions,
    Reduction, Schedule, TimeEncoding, TrainOptions, TrainStreams, Trainer,
};
use gdiff::numeric::random::Stream;

pub const ACTIVATIONS: [Activation; 4] =
    [Activation::Relu, Activation::Silu, Activation::Tanh, Activation::Gelu];
pub const ENCODINGS: [TimeEncoding; 3] =
    [TimeEncoding::Sinusoidal, TimeEncoding::Scalar, TimeEncoding::Learned];
pub const CONDITIONINGS: [Conditioning; 3] = [Conditioning::Concat, Conditioning::Add, Conditioning::Scale];
pub const OPTIMIZERS: [OptimizerKind; 3] = [OptimizerKind::Adam, OptimizerKind::AdamW, OptimizerKind::Sgd];

/// Everything that a training depends on.
#[derive(Clone, Debug)]
pub struct Case {
    pub dim: usize,
    pub steps: usize,
    pub network: NetworkOptions,
    pub batch: usize,
    pub optimizer: OptimizerOptions,
    pub loss: LossOptions,
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
        Network::new(self.dim, self.steps, &self.network, &stream, device).unwrap()
    }

    pub fn options(&self) -> TrainOptions {
        TrainOptions {
            iterations: 100,
            batch_size: self.batch,
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            decay: Decay::Linear,
            ema: self.ema,
            clip_norm: self.clip_norm,
            loss: self.loss,
        }
    }

    pub fn trainer(&self, fused: bool) -> Trainer {
        self.trainer_on(&Device::Cpu, fused)
    }

    pub fn trainer_on(&self, device: &Device, fused: bool) -> Trainer {
        let stream = |purpose| Stream::new(self.seed, 0, purpose);
        // The last batch of an epoch is smaller.
        let data = stream("data").standard_normal(0, 2 * self.batch + 1, self.dim);
        let schedule = Schedule::from_betas(vec![0.05; self.steps]).unwrap();
        let streams =
            TrainStreams { shuffle: stream("shuffle"), timestep: stream("timestep"), noise: stream("noise") };
        let new = if fused { Trainer::new } else { Trainer::on_graph };
        let trainer = new(data, &schedule, self.network_on(device), self.options(), streams).unwrap();
        assert_eq!(trainer.is_fused(), fused);
        trainer
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
        steps: 20,
        network: NetworkOptions { hidden: hidden.to_vec(), activation, time, time_dim: 6, conditioning },
        batch: 37,
        optimizer: optimizer(OptimizerKind::Adam, 0.0),
        loss: LossOptions { isotropy: None, reduction: Reduction::Mean },
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
