//! The sections of the spec file, with every default in sight.

use super::choice::{BandwidthChoice, ComponentsChoice, DataKind};
use crate::data::scaling::{ReferenceScale, ScaleKind};
use crate::gaussianize::{
    BandwidthRule, Components, Contrast, Coupling, GaussianizeOptions, Rotation, Tails,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A spec's `[gaussianize]` alone, as the flags of the tool give it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianizeOnly {
    /// The section.
    pub gaussianize: GaussianizeFile,
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

/// `[gaussianize]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianizeFile {
    /// Layers at most.
    pub layers: usize,
    /// Axes one by one, in pairs, or all jointly.
    pub coupling: Coupling,
    /// How each layer chooses its axes.
    pub rotation: Rotation,
    /// Contrast of FastICA.
    pub contrast: Contrast,
    /// Kernel width, or how it is chosen.
    pub bandwidth: BandwidthChoice,
    /// Multiplies the chosen kernel width.
    pub bandwidth_factor: f64,
    /// Multiplies the kernel widths of pairs.
    pub pair_factor: f64,
    /// Which components are gaussianized.
    pub components: ComponentsChoice,
    /// The marginal map beyond the data and between modes.
    pub tails: Tails,
    /// Fraction of the training points that is held out to watch the fit.
    pub held_out: f64,
    /// Layers without improvement before the fit stops.
    pub patience: usize,
    /// Smallest improvement of the held-out log-likelihood that counts, nats per point.
    pub min_gain: f64,
}

impl Default for GaussianizeFile {
    fn default() -> Self {
        let o = GaussianizeOptions::default();
        Self {
            layers: o.layers,
            coupling: o.coupling,
            rotation: o.rotation,
            contrast: o.contrast,
            bandwidth: BandwidthChoice(o.bandwidth),
            bandwidth_factor: o.bandwidth_factor,
            pair_factor: o.pair_factor,
            components: ComponentsChoice(o.components),
            tails: o.tails,
            held_out: o.held_out,
            patience: o.patience,
            min_gain: o.min_gain,
        }
    }
}

impl GaussianizeFile {
    /// The options of the fit.
    pub fn options(&self) -> GaussianizeOptions {
        GaussianizeOptions {
            layers: self.layers,
            coupling: self.coupling,
            rotation: self.rotation,
            contrast: self.contrast,
            bandwidth: self.bandwidth.0,
            bandwidth_factor: self.bandwidth_factor,
            pair_factor: self.pair_factor,
            components: self.components.0,
            tails: self.tails,
            held_out: self.held_out,
            patience: self.patience,
            min_gain: self.min_gain,
            ..GaussianizeOptions::default()
        }
    }

    /// The fixed kernel width, if one is given.
    pub fn fixed_bandwidth(&self) -> Option<f64> {
        match self.bandwidth.0 {
            BandwidthRule::Fixed(h) => Some(h),
            _ => None,
        }
    }

    /// The number of leading components, if not all.
    pub fn leading(&self) -> Option<usize> {
        match self.components.0 {
            Components::Leading(m) => Some(m),
            Components::All => None,
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
