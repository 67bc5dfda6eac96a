//! What was understood: the checked plan of an experiment. It cannot be built but by the checks, so
//! nothing downstream asks again whether a number makes sense.

use super::error::SpecError;
use super::file::SpecFile;
use super::memory::{self, MemoryTerm};
use super::pipelines::{DenoiserKind, Pipeline};
use super::sections::DataFile;
use crate::data::source::{Part, Source};
use crate::diffusion::sample::clip::within;
use crate::diffusion::{
    Clip, DataBox, DiagnosticsOptions, DiffusionError, NetworkKind, NetworkOptions, SampleOptions, Sampler,
    Schedule, StartStep, TrainOptions, VarianceKind,
};
use crate::gaussianize::GaussianizeOptions;
use crate::metrics::scored::MetricsOptions;
use crate::space::{ReferenceScale, ScaleKind};
use ndarray::ArrayView2;
use std::path::{Path, PathBuf};
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
    /// Whether a line of numbers was found to be the header of a table.
    pub found_header_of_numbers: bool,
    /// Rows less distinct values of the column of a table in which points tie most; 0 of data that are drawn.
    pub ties: usize,
}

/// The checked `[sample]` section.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SamplePlan {
    /// Points to generate.
    pub count: usize,
    /// Reverse steps it takes, `1..=T`; after an automatic late start it may be fewer, and none at all.
    pub steps: usize,
    /// The step of a late start; none for a start from noise.
    pub late: Option<StartStep>,
    /// Multiplies the predicted noise.
    pub epsilon_scale: f64,
    /// The section.
    pub options: SampleOptions,
    /// Variance of the ancestral step.
    pub variance: VarianceKind,
    /// Whether the predicted x0 is clipped.
    pub clip: Clip,
    /// Steps `T` of the schedule.
    pub all_steps: usize,
    /// `abar` at the first step that the sampler visits.
    pub first_alpha_bar: f64,
}

impl SamplePlan {
    /// The sampler of one run from step `t` on; its predicted x0 is clipped to `bounds`.
    ///
    /// # Errors
    /// As [`SampleOptions::build`].
    pub fn sampler(&self, t: usize, bounds: Option<DataBox>) -> Result<Box<dyn Sampler>, DiffusionError> {
        Ok(within(bounds, self.options.build(self.variance, Some(t))?))
    }

    /// Whether the sampler leaves out no step of the schedule from its start on.
    pub fn takes_every_step(&self) -> bool {
        let start = match self.late {
            Some(StartStep::At(t)) => Some(t),
            Some(StartStep::Auto) | None => None,
        };
        self.options.steps.is_none_or(|steps| steps >= start.unwrap_or(self.all_steps))
    }

    /// Reverse steps from step `t` on.
    pub fn steps_from(&self, t: usize) -> usize {
        self.steps.min(t)
    }

    /// The box to which the x0 that this denoiser predicts is clipped: that of the training points `(n, d)` in the
    /// pipeline's space. None where nothing is clipped.
    pub fn bounds(&self, denoiser: DenoiserKind, points: ArrayView2<f64>) -> Option<DataBox> {
        self.clips(denoiser).then(|| DataBox::of(points))
    }

    /// Whether the x0 that this denoiser predicts is clipped.
    pub fn clips(&self, denoiser: DenoiserKind) -> bool {
        match denoiser {
            DenoiserKind::None => false,
            DenoiserKind::Exact => self.clip.applies(self.first_alpha_bar, false),
            DenoiserKind::Network => self.clip.applies(self.first_alpha_bar, true),
        }
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
    /// Sampling.
    pub sample: SamplePlan,
    /// Metrics.
    pub metrics: MetricsOptions,
    /// What is computed of the reverse process beside its samples.
    pub diagnostics: DiagnosticsOptions,
    /// What is allowed but likely not meant, one sentence each.
    pub warnings: Vec<String>,
    /// What one run holds in memory, by an estimate.
    pub memory: Vec<MemoryTerm>,
    /// Why a run of the plan cannot fit into the memory of this machine.
    pub(super) too_large: Option<SpecError>,
    /// The spec with every default filled in.
    pub(super) resolved: SpecFile,
    /// Training and reference points as they were asked for, which a table may have lowered.
    pub(super) asked: (usize, usize),
}

impl Plan {
    /// The files and folders that the spec names, which nothing may be written over.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let file = &self.resolved;
        let weights = file.features.as_ref().and_then(|features| features.weights.as_ref());
        file.data.path.iter().chain(weights).map(PathBuf::from).collect()
    }

    /// The lambda whose effect is put on the output of the plain network instead of into its loss.
    pub fn control(&self) -> Option<f64> {
        self.train.isotropy.filter(|isotropy| isotropy.control).map(|isotropy| isotropy.lambda)
    }

    /// Number of values that the training of a network changes.
    pub fn parameter_count(&self) -> usize {
        let (dim, outputs) = (self.data.source.dim(), self.sample.variance.outputs());
        self.network.parameter_count(dim, outputs, self.schedule.steps())
    }

    /// Multiply-adds of one prediction of the network for one point.
    pub fn multiply_adds(&self) -> usize {
        let (dim, outputs) = (self.data.source.dim(), self.sample.variance.outputs());
        self.network.multiply_adds(dim, outputs, self.schedule.steps())
    }

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

    /// As [`to_toml`](Self::to_toml), for a spec whose sweep may choose other tables or split them otherwise: counts
    /// that this plan's table has lowered stand there as they were asked for, and the default ones not at all.
    ///
    /// # Errors
    /// If a value has no TOML form.
    pub(super) fn to_toml_as_asked(&self) -> Result<String, toml::ser::Error> {
        let file = &self.resolved;
        let mut table = toml::Table::try_from(file)?;
        let usual = (DataFile::usual(file.data.kind).samples, MetricsOptions::default().reference);
        for (section, key, there, asked, usual) in [
            ("data", "samples", file.data.samples, self.asked.0, usual.0),
            ("metrics", "reference", file.metrics.reference, self.asked.1, usual.1),
        ] {
            let Some(section) = table.get_mut(section).and_then(toml::Value::as_table_mut) else { continue };
            if there != asked {
                match asked == usual {
                    true => drop(section.remove(key)),
                    false => drop(section.insert(key.into(), toml::Value::try_from(asked)?)),
                }
            }
        }
        toml::to_string(&table)
    }

    /// Whether the space of a pipeline has a column for every one of the data, zeros for those that are set aside: a U-Net
    /// takes whole images.
    pub fn fills(&self, pipeline: &Pipeline) -> bool {
        pipeline.is_trained() && self.network.kind == NetworkKind::Unet
    }

    /// The name of data of files: of a built-in set its own, else that of the file or folder; empty of other data.
    pub fn data_name(&self) -> String {
        let data = &self.resolved.data;
        let path = || Path::new(data.path.as_deref()?).file_name();
        let of_path = || Some(path()?.to_string_lossy().into_owned());
        data.name.map(|name| name.name().to_string()).or_else(of_path).unwrap_or_default()
    }

    /// How the rows of a table, or images, are split, in a sentence; none for data that are drawn.
    pub fn split(&self) -> Option<String> {
        let split = self.data.source.split()?;
        let (rows, train, mirrored) = match &self.data.source {
            Source::Images(images) if images.flips() => {
                ("images", self.data.samples.div_ceil(2), ", each with its mirror image (data.flip)")
            }
            Source::Images(_) => ("images", self.data.samples, ""),
            _ => ("rows", self.data.samples, ""),
        };
        let (all, reference, fresh) = (split.all(), split.count(Part::Reference), split.count(Part::Fresh));
        let unused = all - train - reference - fresh;
        let rest = if unused > 0 { format!(", {unused} are not used (data.samples)") } else { String::new() };
        Some(format!(
            "of the {all} {rows} of {} {train} train the network{mirrored}, {reference} are kept aside as reference points and {fresh} as fresh real points (data.test_fraction){rest}",
            self.data_name()
        ))
    }

    /// The spec of one run of the experiment: this pipeline alone. Its status says which replicate
    /// it is, so that asking for more replicates leaves finished runs as they are.
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
        let SpecFile { diffusion, network, train, sample, diagnostics, .. } = &self.resolved;
        let (mut train, mut sample) = (*train, sample.clone());
        (train.learning_rate, sample.epsilon_scale) = (1.0, 1.0);
        if let Some(isotropy) = &mut train.isotropy {
            isotropy.lambda = 0.0;
        }
        let shape = (self.data.source.dim(), self.data.samples, self.iterations);
        format!("{shape:?} {diffusion:?} {network:?} {train:?} {sample:?} {diagnostics:?}")
    }
}
