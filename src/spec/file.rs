//! What the user wrote: the TOML spec as serde types. The comment of each field is what `gdiff explain` and docs/spec.md say
//! of its key.

use super::pipelines::PipelineOptions;
use super::sections::DataFile;
use crate::diffusion::{DiagnosticsOptions, DiffusionOptions, NetworkOptions, SampleOptions, TrainOptions};
use crate::gaussianize::GaussianizeOptions;
use crate::metrics::features::FeaturesOptions;
use crate::metrics::scored::MetricsOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole spec file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpecFile {
    /// Name of the experiment and of its folder under `results/`.
    pub name: String,
    /// Seed of all random streams.
    #[serde(default)]
    pub seed: u64,
    /// Independent repetitions, each with its own data, training and noise.
    #[serde(default = "one")]
    pub replicates: usize,
    /// Names of built-in pipelines or of one's own; all of them run on each replicate.
    #[serde(default = "usual_pipelines")]
    pub pipelines: Vec<String>,
    /// A pipeline of one's own: a space in which to diffuse, and what predicts the noise there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pipeline: BTreeMap<String, PipelineOptions>,
    /// Where the points come from.
    pub data: DataFile,
    /// The map of the `"gaussianized"` pipeline (G 8-23).
    #[serde(default)]
    pub gaussianize: GaussianizeOptions,
    /// The noise schedule and the reverse step.
    #[serde(default)]
    pub diffusion: DiffusionOptions,
    /// The network that predicts the noise.
    #[serde(default)]
    pub network: NetworkOptions,
    /// How the network is trained.
    #[serde(default)]
    pub train: TrainOptions,
    /// How points are generated.
    #[serde(default)]
    pub sample: SampleOptions,
    /// What is measured at the reverse steps.
    #[serde(default)]
    pub metrics: MetricsOptions,
    /// In which features the final samples of images are compared, beside their pixels; left out, in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "left out"))]
    pub features: Option<FeaturesOptions>,
    /// What is computed of the reverse process beside its samples; left out, nothing of it is.
    #[serde(default, skip_serializing_if = "DiagnosticsOptions::is_off")]
    pub diagnostics: DiagnosticsOptions,
}

fn one() -> usize {
    1
}

fn usual_pipelines() -> Vec<String> {
    ["baseline", "gaussianized"].map(String::from).to_vec()
}
