//! What was understood: the checked plan of an experiment. It cannot be built but by the checks, so
//! nothing downstream asks again whether a number makes sense.

use super::error::SpecError;
use super::file::SpecFile;
use super::memory::{self, MemoryTerm};
use super::pipelines::Pipeline;
use crate::data::source::Source;
use crate::diffusion::{
    DiffusionError, NetworkOptions, SampleOptions, Sampler, Schedule, TrainOptions, VarianceKind,
};
use crate::gaussianize::GaussianizeOptions;
use crate::metrics::scored::MetricsOptions;
use crate::space::{ReferenceScale, ScaleKind};
use std::sync::Arc;

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
    pub metrics: MetricsOptions,
    /// What is allowed but likely not meant, one sentence each.
    pub warnings: Vec<String>,
    /// What one run holds in memory, by an estimate.
    pub memory: Vec<MemoryTerm>,
    /// Why a run of the plan cannot fit into the memory of this machine.
    pub(super) too_large: Option<SpecError>,
    /// The spec with every default filled in.
    pub(super) resolved: SpecFile,
}

impl Plan {
    /// Bytes of memory that one run takes, by an estimate.
    pub fn memory_bytes(&self) -> u64 {
        memory::total(&self.memory)
    }

    /// Refuses a plan of which a run cannot fit into the memory of this machine. Reading its spec does not: its results
    /// may be looked at on a smaller machine than the one that made them.
    ///
    /// # Errors
    /// With the place of the key that takes most, and the bytes.
    pub fn check_memory(&self) -> Result<(), SpecError> {
        self.too_large.clone().map_or(Ok(()), Err)
    }

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
    pub fn run_toml(&self, pipeline: &Pipeline) -> Result<String, toml::ser::Error> {
        let mut file = self.resolved.clone();
        file.replicates = 1;
        file.pipelines = vec![pipeline.name.clone()];
        file.pipeline.retain(|name, _| *name == pipeline.name);
        toml::to_string(&file)
    }

    /// A text that is the same for two plans if their trainings and samplings can go in lockstep: all but data of one
    /// size, the space, learning rate, lambda and the factor on the output is the same.
    pub fn lockstep_key(&self) -> String {
        let SpecFile { diffusion, network, train, sample, .. } = &self.resolved;
        let (mut train, mut sample) = (*train, sample.clone());
        (train.learning_rate, sample.epsilon_scale) = (1.0, 1.0);
        if let Some(isotropy) = &mut train.isotropy {
            isotropy.lambda = 0.0;
        }
        let shape = (self.data.source.dim(), self.data.samples, self.iterations);
        format!("{shape:?} {diffusion:?} {network:?} {train:?} {sample:?}")
    }
}
