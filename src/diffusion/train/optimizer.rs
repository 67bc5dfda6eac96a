//! Adam, AdamW and SGD on one flat vector, with PyTorch's formulas and defaults; learning-rate decay and
//! gradient clipping. The vectors of a batch of models are the rows of a matrix `(models, p)`.

use crate::diffusion::DiffusionError;
use crate::numeric::options::{self, OutOfRange, require};
use candle_core::{D, DType, Device, Result as CandleResult, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// The smallest `epsilon` of Adam: beside it, second moments that single precision cannot hold do not matter.
const LEAST_EPSILON: f64 = 1e-12;

/// Numbers of a row in a sum on a GPU.
const ROW: usize = 4096;

/// Which rule turns a gradient into a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Kingma & Ba 2015; weight decay, if any, is added to the gradient.
    Adam,
    /// Loshchilov & Hutter 2019: weight decay apart from the gradient.
    #[serde(rename = "adamw")]
    AdamW,
    /// Stochastic gradient descent with momentum.
    Sgd,
}

impl OptimizerKind {
    /// Every optimizer.
    pub const ALL: [Self; 3] = [Self::Adam, Self::AdamW, Self::Sgd];
}

/// A rule with its constants.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerOptions {
    /// The rule.
    pub kind: OptimizerKind,
    /// Decay of the first moment (Adam), in [0, 1).
    pub beta1: f64,
    /// Decay of the second moment (Adam), in [0, 1).
    pub beta2: f64,
    /// Added to the root of the second moment (Adam).
    pub epsilon: f64,
    /// Weight decay, 0 or larger.
    pub weight_decay: f64,
    /// Momentum (SGD), in [0, 1).
    pub momentum: f64,
}

impl From<OptimizerKind> for OptimizerOptions {
    /// PyTorch's defaults, and momentum 0.9 for SGD.
    fn from(kind: OptimizerKind) -> Self {
        let weight_decay = if kind == OptimizerKind::AdamW { 0.01 } else { 0.0 };
        Self { kind, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay, momentum: 0.9 }
    }
}

impl OptimizerOptions {
    /// Refuses constants out of their range.
    ///
    /// # Errors
    /// Naming the constant.
    pub fn check(&self) -> Result<(), OutOfRange> {
        options::fraction("beta1", self.beta1)?;
        options::fraction("beta2", self.beta2)?;
        options::fraction("momentum", self.momentum)?;
        options::not_negative("weight_decay", self.weight_decay)?;
        require(self.epsilon.is_finite() && self.epsilon >= LEAST_EPSILON, "epsilon", || {
            format!("is {}, but it must be a finite number, {LEAST_EPSILON:e} or more", self.epsilon)
        })
    }
}

/// How the learning rate falls over a training of `N` iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Not at all.
    None,
    /// `(1 + cos(pi i / N)) / 2` of it at iteration `i`.
    Cosine,
    /// `1 - i / N` of it at iteration `i`.
    Linear,
}

impl Decay {
    /// Every decay.
    pub const ALL: [Self; 3] = [Self::None, Self::Cosine, Self::Linear];

    /// The fraction of the learning rate that iteration `i` (from 0) of `n` uses; 0 beyond the end.
    pub fn factor(self, i: usize, n: usize) -> f64 {
        let done = (i as f64 / n.max(1) as f64).min(1.0);
        match self {
            Self::None => 1.0,
            Self::Cosine => 0.5 * (1.0 + (PI * done).cos()),
            Self::Linear => 1.0 - done,
        }
    }
}

/// A rule and what it remembers: the number of steps and two vectors as long as the parameters.
#[derive(Clone, Debug)]
pub struct Optimizer {
    options: OptimizerOptions,
    steps: usize,
    /// First moment (Adam) or velocity (SGD).
    first: Tensor,
    /// Second moment (Adam); stays 0 with SGD.
    second: Tensor,
}

impl Optimizer {
    /// A fresh optimizer for parameters like these, shape `(p)` or `(models, p)`.
    ///
    /// # Errors
    /// If a constant is out of range or the device fails.
    pub fn new(options: OptimizerOptions, parameters: &Tensor) -> Result<Self, DiffusionError> {
        options.check()?;
        Ok(Self { options, steps: 0, first: parameters.zeros_like()?, second: parameters.zeros_like()? })
    }

    /// Steps taken, first moment and second moment, in the shape of the parameters.
    pub fn state(&self) -> (usize, &Tensor, &Tensor) {
        (self.steps, &self.first, &self.second)
    }

    /// Puts back what [`state`](Self::state) returned.
    pub fn restore(&mut self, steps: usize, first: Tensor, second: Tensor) {
        (self.steps, self.first, self.second) = (steps, first, second);
    }

    /// The parameters after one step against `gradient`, both in their shape, with the learning rate of each
    /// model.
    ///
    /// # Errors
    /// If a shape differs.
    pub fn step(
        &mut self,
        parameters: &Tensor,
        gradient: &Tensor,
        rates: &[f64],
    ) -> Result<Tensor, DiffusionError> {
        self.steps += 1;
        let OptimizerOptions { kind, weight_decay, momentum, .. } = self.options;
        if kind == OptimizerKind::AdamW {
            let shrink: Vec<f64> = rates.iter().map(|rate| 1.0 - rate * weight_decay).collect();
            return self.adam(&scaled(parameters, &shrink)?, gradient, rates);
        }
        let gradient = match weight_decay {
            0.0 => gradient.clone(),
            decay => gradient.add(&parameters.affine(decay, 0.0)?)?,
        };
        if kind == OptimizerKind::Adam {
            return self.adam(parameters, &gradient, rates);
        }
        // v = momentum v + g; p = p - rate v
        self.first = self.first.affine(momentum, 0.0)?.add(&gradient)?;
        Ok(parameters.sub(&scaled(&self.first, rates)?)?)
    }

    /// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
    /// p = p - rate / (1 - b1^k) m / (sqrt(v) / sqrt(1 - b2^k) + eps) at step k.
    fn adam(
        &mut self,
        parameters: &Tensor,
        gradient: &Tensor,
        rates: &[f64],
    ) -> Result<Tensor, DiffusionError> {
        let OptimizerOptions { beta1, beta2, epsilon, .. } = self.options;
        self.first = mix(&self.first, gradient, beta1)?;
        self.second = mix(&self.second, &gradient.sqr()?, beta2)?;
        let correct = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let denominator = self.second.sqrt()?.affine(1.0 / correct(beta2).sqrt(), epsilon)?;
        let rates: Vec<f64> = rates.iter().map(|rate| rate / correct(beta1)).collect();
        Ok(parameters.sub(&scaled(&self.first.div(&denominator)?, &rates)?)?)
    }
}

/// Each row of `(models, p)` times its factor; all of it where there is but one.
fn scaled(rows: &Tensor, factors: &[f64]) -> CandleResult<Tensor> {
    if factors.windows(2).all(|pair| pair[0] == pair[1]) {
        return rows.affine(factors[0], 0.0);
    }
    let factors = Tensor::from_vec(factors.to_vec(), (factors.len(), 1), &Device::Cpu)?;
    rows.broadcast_mul(&factors.to_dtype(rows.dtype())?.to_device(rows.device())?)
}

/// `keep * old + (1 - keep) * new`.
pub(super) fn mix(old: &Tensor, new: &Tensor, keep: f64) -> CandleResult<Tensor> {
    old.affine(keep, 0.0)?.add(&new.affine(1.0 - keep, 0.0)?)
}

/// The gradient `(p)` or each row of `(models, p)`, scaled down to Euclidean norm `largest` if it is longer;
/// unchanged if `largest` is 0. The factor is `largest / (norm + 1e-6)`, as PyTorch's clip_grad_norm_.
///
/// # Errors
/// If the device fails.
pub fn clip(gradient: &Tensor, largest: f64) -> Result<Tensor, DiffusionError> {
    if largest == 0.0 {
        return Ok(gradient.clone());
    }
    let squares = gradient.to_dtype(DType::F64)?.sqr()?;
    // A GPU sums each row by one of its processors alone, so it gets rows, and at least one number that is left.
    let count = gradient.dim(D::Minus1)?;
    let whole = if gradient.device().is_cuda() { count.saturating_sub(1) / ROW * ROW } else { 0 };
    let mut sums = squares.narrow(D::Minus1, whole, count - whole)?.sum(D::Minus1)?;
    if whole > 0 {
        let rows = squares.narrow(D::Minus1, 0, whole)?.reshape((sums.elem_count(), whole / ROW, ROW))?;
        sums = sums.flatten_all()?.add(&rows.sum(2)?.sum(1)?)?;
    }
    let squared = sums.flatten_all()?.to_vec1::<f64>()?;
    let factors: Vec<f64> = squared.into_iter().map(|squared| clip_factor(squared, largest)).collect();
    Ok(scaled(gradient, &factors)?)
}

/// The factor, at most 1, of [`clip`] for a gradient whose entries' squares sum to `squared`.
pub(in crate::diffusion) fn clip_factor(squared: f64, largest: f64) -> f64 {
    (largest / (squared.sqrt() + 1e-6)).min(1.0)
}
