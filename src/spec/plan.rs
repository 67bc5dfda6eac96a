//! What was understood: the checked plan of an experiment. It cannot be built but by the checks, so
//! nothing downstream asks again whether a number makes sense.

use super::file::SpecFile;
use crate::data::scaling::{ReferenceScale, ScaleKind};
use crate::data::source::Source;
use crate::diffusion::{
    DiffusionError, NetworkOptions, SampleOptions, Sampler, Schedule, TrainOptions, VarianceKind,
};
use crate::gaussianize::GaussianizeOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What is trained and sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pipeline {
    /// The network on the (scaled) data.
    Baseline,
    /// The network on Gaussianized data, samples mapped back.
    Gaussianized,
    /// The mixture's exact denoiser in the network's place: no training.
    Exact,
}

impl Pipeline {
    /// The name used in specs and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Gaussianized => "gaussianized",
            Self::Exact => "exact",
        }
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The checked `[data]` section.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DataPlan {
    /// Where points come from.
    pub source: Source,
    /// Training points.
    pub samples: usize,
    /// Scaling before training.
    pub scale: ScaleKind,
    /// Scaling of the reference points.
    pub reference_scale: ReferenceScale,
}

/// The checked `[sample]` section.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SamplePlan {
    /// Points to generate.
    pub count: usize,
    /// Reverse steps it takes, `1..=T`.
    pub steps: usize,
    /// Multiplies the predicted noise.
    pub epsilon_scale: f64,
    /// The section.
    pub options: SampleOptions,
    /// Variance of the ancestral step.
    pub variance: VarianceKind,
}

impl SamplePlan {
    /// The sampler of one run, from pure noise.
    ///
    /// # Errors
    /// As [`SampleOptions::build`].
    pub fn sampler(&self) -> Result<Box<dyn Sampler>, DiffusionError> {
        self.options.build(self.variance, None)
    }
}

/// The checked `[metrics]` section.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MetricsPlan {
    /// Reverse steps between two rows.
    pub every: usize,
    /// Log-likelihood under the mixture; only where one is known.
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

/// The checked experiment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// Name of the experiment.
    pub name: String,
    /// Seed of all random streams.
    pub seed: u64,
    /// Independent repetitions.
    pub replicates: usize,
    /// Pipelines, each once.
    pub pipelines: Vec<Pipeline>,
    /// Data.
    pub data: DataPlan,
    /// The Gaussianizer's fit.
    pub gaussianize: GaussianizeOptions,
    /// Noise schedule.
    pub schedule: Arc<Schedule>,
    /// Noise predictor.
    pub network: NetworkOptions,
    /// Training.
    pub train: TrainOptions,
    /// Iterations of the training in all.
    pub iterations: usize,
    /// The lambda whose effect is put on the output of the plain network instead of into its loss.
    pub control: Option<f64>,
    /// Iterations between two rows of `loss.csv`.
    pub log_every: usize,
    /// Sampling.
    pub sample: SamplePlan,
    /// Metrics.
    pub metrics: MetricsPlan,
    /// What is allowed but likely not meant, one sentence each.
    pub warnings: Vec<String>,
    /// The spec with every default filled in.
    pub(super) resolved: SpecFile,
}

impl Plan {
    /// The spec as understood, as TOML; reading it again gives the same plan.
    ///
    /// # Errors
    /// If a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&self.resolved)
    }

    /// The spec of one run of the experiment: this pipeline alone. Which replicate it is stands in its
    /// status, so that asking for more replicates leaves finished runs as they are.
    ///
    /// # Errors
    /// If a value has no TOML form.
    pub fn run_toml(&self, pipeline: Pipeline) -> Result<String, toml::ser::Error> {
        toml::to_string(&SpecFile { replicates: 1, pipelines: vec![pipeline], ..self.resolved.clone() })
    }

    /// The spec of the run with lambda = 0 whose network a control run uses too; none if this is no control.
    ///
    /// # Errors
    /// If a value has no TOML form.
    pub fn plain_toml(&self, pipeline: Pipeline) -> Result<Option<String>, toml::ser::Error> {
        let mut plain = self.clone();
        let Some(isotropy) = plain.resolved.train.isotropy.as_mut().filter(|i| i.control) else {
            return Ok(None);
        };
        (isotropy.lambda, isotropy.control) = (0.0, false);
        plain.run_toml(pipeline).map(Some)
    }

    /// A text that is the same for two plans exactly if they draw and score the same points.
    ///
    /// # Errors
    /// If a value has no TOML form.
    pub fn data_key(&self) -> Result<String, toml::ser::Error> {
        let SpecFile { data, metrics, sample, seed, .. } = &self.resolved;
        Ok(format!("{seed}\n{}\n{}\n{}", sample.count, toml::to_string(data)?, toml::to_string(metrics)?))
    }

    /// A text that is the same for two plans if their trainings and samplings can go side by side: all but
    /// data of one size, the map, learning rate, lambda and the factor on the output is the same.
    ///
    /// # Errors
    /// If a value has no TOML form.
    pub fn stack_key(&self) -> Result<String, toml::ser::Error> {
        let SpecFile { diffusion, network, train, sample, .. } = &self.resolved;
        let (mut train, mut sample) = (*train, sample.clone());
        train.learning_rate = Default::default();
        sample.epsilon_scale = Default::default();
        if let Some(isotropy) = &mut train.isotropy {
            isotropy.lambda = 0.0;
        }
        let shape = (self.data.source.dim(), self.data.samples, self.metrics.every, self.iterations);
        let tables = [
            toml::to_string(diffusion)?,
            toml::to_string(network)?,
            toml::to_string(&train)?,
            toml::to_string(&sample)?,
        ];
        Ok(format!("{shape:?}\n{}", tables.join("\n")))
    }
}
