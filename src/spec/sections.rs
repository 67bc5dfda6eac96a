//! The sections of the spec file, with every default in sight.

use super::choice::DataKind;
use crate::data::scaling::{ReferenceScale, ScaleKind};
use crate::diffusion::{
    Activation, Conditioning, Decay, IsotropyForm, OptimizerKind, Reduction, SamplerKind, ScheduleKind,
    Spacing, TimeEncoding, VarianceKind,
};
use crate::gaussianize::GaussianizeOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A spec's `[gaussianize]` alone, as the flags of the tool give it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianizeOnly {
    /// The section.
    pub gaussianize: GaussianizeOptions,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// What kind of data set.
    pub kind: DataKind,
    /// Number of training points.
    #[serde(default = "ten_thousand")]
    pub samples: usize,
    /// Scaling before training.
    #[serde(default = "no_scaling")]
    pub scale: ScaleKind,
    /// Scaling of the reference points.
    #[serde(default = "by_training")]
    pub reference_scale: ReferenceScale,
    /// Noise of a shape, or standard deviation of its modes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    /// Share of a shape's extra part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra: Option<f64>,
    /// File of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// SHA-256 of that file in hexadecimal; filled in, so that other points are another experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Components of a mixture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentFile>,
}

fn by_training() -> ReferenceScale {
    ReferenceScale::Training
}

fn ten_thousand() -> usize {
    10_000
}

fn no_scaling() -> ScaleKind {
    ScaleKind::None
}

/// `[[data.components]]`: one normal distribution, its spread given in one of three ways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentFile {
    /// Weight relative to the other components.
    #[serde(default = "unit")]
    pub weight: f64,
    /// Mean.
    pub mean: Vec<f64>,
    /// Full covariance, by rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covariance: Option<Vec<Vec<f64>>>,
    /// One standard deviation for all axes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
    /// A variance for each axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variances: Option<Vec<f64>>,
}

fn unit() -> f64 {
    1.0
}

/// `[diffusion]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DiffusionFile {
    /// Number of steps T.
    pub steps: usize,
    /// Shape of the betas.
    pub schedule: ScheduleKind,
    /// First beta of the linear schedule.
    pub beta_start: f64,
    /// Last beta of the linear schedule.
    pub beta_end: f64,
    /// Multiply both by 1000 / T.
    pub rescale: bool,
    /// Variance of the reverse step.
    pub variance: VarianceKind,
}

impl Default for DiffusionFile {
    fn default() -> Self {
        Self {
            steps: 100,
            schedule: ScheduleKind::Linear,
            beta_start: 1e-4,
            beta_end: 0.02,
            rescale: true,
            variance: VarianceKind::FixedSmall,
        }
    }
}

/// `[network]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkFile {
    /// Widths of the hidden layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Vec<usize>>,
    /// Short for `hidden = [w, 2 w, 4 w]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Nonlinearity.
    pub activation: Activation,
    /// How t enters.
    pub time: TimeEncoding,
    /// Size of the time embedding.
    pub time_dim: usize,
    /// Where t enters.
    pub conditioning: Conditioning,
}

impl Default for NetworkFile {
    fn default() -> Self {
        Self {
            hidden: None,
            width: None,
            activation: Activation::Relu,
            time: TimeEncoding::Sinusoidal,
            time_dim: 16,
            conditioning: Conditioning::Concat,
        }
    }
}

/// `[train]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainFile {
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
    /// The isotropy term of the loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isotropy: Option<IsotropyFile>,
}

impl Default for TrainFile {
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
            isotropy: None,
        }
    }
}

/// `[train.isotropy]`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IsotropyFile {
    /// Weight of the isotropy term.
    pub lambda: f64,
    /// Over the batch, or per sample.
    pub form: IsotropyForm,
    /// How the first term runs over dimensions.
    pub reduction: Reduction,
    /// Leave the loss alone and scale the trained network's output as this lambda would.
    pub control: bool,
}

impl Default for IsotropyFile {
    fn default() -> Self {
        Self { lambda: 0.1, form: IsotropyForm::Batch, reduction: Reduction::Mean, control: false }
    }
}

/// `[sample]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SampleFile {
    /// Points to generate.
    pub count: usize,
    /// Sampler.
    pub sampler: SamplerKind,
    /// Reverse steps of a few-step sampler; all of T when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Which of the T steps a few-step sampler visits.
    pub spacing: Spacing,
    /// Noise of DDIM: 0 is deterministic, 1 as ancestral sampling.
    pub eta: f64,
    /// Multiplies the predicted noise.
    pub epsilon_scale: f64,
}

impl Default for SampleFile {
    fn default() -> Self {
        Self {
            count: 10_000,
            sampler: SamplerKind::Ddpm,
            steps: None,
            spacing: Spacing::Trailing,
            eta: 0.0,
            epsilon_scale: 1.0,
        }
    }
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsFile {
    /// Reverse steps between two rows.
    pub every: usize,
    /// Log-likelihood under the mixture.
    pub log_likelihood: bool,
    /// Precision, recall, density, coverage.
    pub prdc: bool,
    /// Neighbours of PRDC.
    pub k: usize,
    /// Fresh real points to compare with.
    pub reference: usize,
    /// Write the radius or number of spheres of every point.
    pub points: bool,
}

impl Default for MetricsFile {
    fn default() -> Self {
        Self { every: 1, log_likelihood: true, prdc: true, k: 5, reference: 10_000, points: false }
    }
}
