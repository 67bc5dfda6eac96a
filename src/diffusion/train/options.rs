//! `[train]` of a spec: how a network is trained.

use super::{Decay, EvaluateOptions, IsotropyLoss, LossKind, OptimizerKind, OptimizerOptions};
use crate::numeric::options::{self, OutOfRange, require};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether there is no warm-up.
fn is_off(warmup: &usize) -> bool {
    *warmup == 0
}

/// Batches of an iteration at most; more are a typing error.
const MOST_BATCHES: usize = 10_000;

/// Whether an iteration is one batch.
fn is_single(accumulate: &usize) -> bool {
    *accumulate == 1
}

/// `[train]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainOptions {
    /// Passes over the training points; give this or `iterations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "200"))]
    pub epochs: Option<usize>,
    /// Optimizer steps, instead of `epochs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "by the epochs"))]
    pub iterations: Option<usize>,
    /// Points of a batch, drawn without replacement; an epoch's last batch is smaller.
    pub batch_size: usize,
    /// The rule that turns a gradient into a step.
    pub optimizer: OptimizerKind,
    /// Learning rate at the beginning.
    pub learning_rate: f64,
    /// How the learning rate falls, to 0 at the end.
    pub decay: Decay,
    /// Iterations over which the learning rate rises: `i / N` of it at iteration `i = 1, .., N`, times the decay's factor; 0
    /// is off.
    #[serde(skip_serializing_if = "is_off")]
    #[schemars(extend("x-default" = "0"))]
    pub warmup: usize,
    /// Batches of an iteration, which is one step of the optimizer along the mean of their gradients, weighted by points:
    /// that of so many times `batch_size` points in the memory of one batch. `iterations`, `warmup`, `decay`, `ema` and
    /// `log_every` count iterations, and a row of `loss.csv` has the means over the batches of one. The isotropy term of
    /// the form `"batch"` is of each batch by itself.
    #[serde(skip_serializing_if = "is_single")]
    #[schemars(extend("x-default" = "1"))]
    pub accumulate: usize,
    /// Decay of the parameters' moving average; 0 is off. Iteration `i` takes `min(ema, (1 + i) / (10 + i))`: 0.99 is reached
    /// after 890 iterations, 0.999 after 8,990, and what is not reached changes nothing.
    pub ema: f64,
    /// Largest norm of the gradient; 0 is off.
    pub clip_norm: f64,
    /// Iterations between two rows of `loss.csv`.
    pub log_every: usize,
    /// Weight decay; that of PyTorch where it is left out: 0.01 with `"adamw"`, else 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "of the optimizer"))]
    pub weight_decay: Option<f64>,
    /// Momentum of `"sgd"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "0.9"))]
    pub momentum: Option<f64>,
    /// Decay of the first moment of `"adam"` and `"adamw"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "0.9"))]
    pub beta1: Option<f64>,
    /// Decay of the second moment of `"adam"` and `"adamw"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "0.999"))]
    pub beta2: Option<f64>,
    /// Added to the root of the second moment of `"adam"` and `"adamw"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "1e-8"))]
    pub epsilon: Option<f64>,
    /// What the network learns by: it follows from `diffusion.variance`, need not be given, and no other is possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "of the variance"))]
    pub loss: Option<LossKind>,
    /// The isotropy term of the loss (I 28); without the table the loss is the simple one (G 7).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "left out"))]
    pub isotropy: Option<IsotropyLoss>,
    /// Samples of the network while it trains, and their metrics (`training_metrics.csv`): with its moving average where
    /// there is one. Of images there is a picture each time, `training_ITERATION.png` in the run's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "left out"))]
    pub evaluate: Option<EvaluateOptions>,
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
            warmup: 0,
            accumulate: 1,
            ema: 0.0,
            clip_norm: 0.0,
            log_every: 10,
            weight_decay: None,
            momentum: None,
            beta1: None,
            beta2: None,
            epsilon: None,
            loss: None,
            isotropy: None,
            evaluate: None,
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
        options::require((1..=MOST_BATCHES).contains(&self.accumulate), "accumulate", || {
            format!("is {}, but it must be a whole number from 1 to {MOST_BATCHES}", self.accumulate)
        })?;
        options::count("log_every", self.log_every)?;
        options::positive("learning_rate", self.learning_rate)?;
        options::fraction("ema", self.ema)?;
        options::not_negative("clip_norm", self.clip_norm)?;
        require(self.epochs.is_none() || self.iterations.is_none(), "iterations", || {
            "cannot be given beside `epochs`: give one of the two".into()
        })?;
        if self.warmup > 0 {
            options::count("warmup", self.warmup)?;
        }
        self.epochs.map_or(Ok(()), |epochs| options::count("epochs", epochs))?;
        self.iterations.map_or(Ok(()), |iterations| options::count("iterations", iterations))?;
        self.optimizer().check()?;
        self.evaluate.map_or(Ok(()), |own| own.check().map_err(|refused| refused.within("evaluate")))?;
        self.isotropy_loss().check().map_err(|refused| refused.within("isotropy"))
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

    /// The loss of the predicted noise.
    pub fn isotropy_loss(&self) -> IsotropyLoss {
        self.isotropy.unwrap_or(IsotropyLoss::SIMPLE)
    }

    /// Iterations in all on so many points, at which the decay of the learning rate ends. An iteration takes `accumulate`
    /// batches, and the last one of a number of epochs goes on into the next epoch where those do not come out even.
    pub fn total_iterations(&self, points: usize) -> usize {
        let epochs = self.epochs.unwrap_or(Self::DEFAULT_EPOCHS);
        let batches = epochs.saturating_mul(points.div_ceil(self.batch_size));
        self.iterations.unwrap_or(batches.div_ceil(self.accumulate.max(1)))
    }

    /// Points of an iteration, but for those with an epoch's last batch.
    pub fn points_of_an_iteration(&self) -> usize {
        self.batch_size.saturating_mul(self.accumulate)
    }

    /// The learning rate of iteration number `iteration`, from 0, of `iterations`: the largest one times
    /// `min(1, (iteration + 1) / warmup)` times the decay's factor.
    pub fn rate(&self, iteration: usize, iterations: usize) -> f64 {
        let risen = match iteration < self.warmup {
            true => (iteration + 1) as f64 / self.warmup as f64,
            false => 1.0,
        };
        self.learning_rate * risen * self.decay.factor(iteration, iterations)
    }

    /// Whether all but learning rate and lambda is the same, so that trainings with these options can be batched.
    pub(super) fn batches_with(&self, other: &Self) -> bool {
        let (learning_rate, isotropy) = (other.learning_rate, other.isotropy);
        Self { learning_rate, isotropy, ..*self } == *other
            && self.isotropy_loss().differs_in_weight_only(&other.isotropy_loss())
    }
}
