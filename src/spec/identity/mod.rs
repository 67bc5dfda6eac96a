//! What an experiment *is*, apart from how its spec is written: canonical text, and a key for each stage.
//!
//! The canonical text has a line `key = value` for each value that differs from its default, sorted by key, numbers
//! in their shortest form, behind the version of the numerics. So a new key with a default, another order of keys
//! and another way of writing a number change nothing; a changed default would, and therefore raises [`NUMERICS`].
//!
//! A stage's key is the hash of the lines that the stage depends on, those of the stages before it included. Stages
//! of one key give the same bits, so they are computed once and shared.

mod lines;

use self::lines::{
    clip_lines, control_lines, data_lines, differing, gaussianize_lines, metrics_lines, space_lines,
    training_lines, usual, word,
};
use super::pipelines::Pipeline;
use super::plan::Plan;
use crate::numeric::digest::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use toml::Table;

/// Raised when results change by more than the documentation of an algorithm allows, or when a default changes:
/// results of another number are computed again.
pub const NUMERICS: u32 = 2;

/// Characters of a key that name a folder: a million runs share none.
const NAME_LENGTH: usize = 16;

/// The keys of a run's stages, SHA-256 in hexadecimal. The replicate is not part of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StageKeys {
    /// Training, reference and fresh points.
    pub data: String,
    /// The fitted space.
    pub space: String,
    /// The trained network; none where nothing is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<String>,
    /// The generated points.
    pub sampling: String,
    /// Everything: the run's identity.
    pub run: String,
}

impl StageKeys {
    /// The part of the run's key that its folder is named after.
    pub fn folder_suffix(&self) -> &str {
        &self.run[..NAME_LENGTH]
    }

    /// What a checkpoint of a replicate's training is a checkpoint of; none where nothing is trained.
    pub fn training_of(&self, replicate: usize) -> Option<String> {
        self.training.as_ref().map(|key| format!("{key} {replicate}"))
    }
}

/// The keys of `[diffusion]` that only sampling depends on, but for a learned variance.
const VARIANCE: &str = "diffusion.variance";
const CLIP: &str = "diffusion.clip";

/// Lines of canonical text, by key.
type Lines = BTreeMap<String, String>;

/// What identifies the runs of a plan: the canonical lines of each of its sections, made once for all its pipelines.
pub struct Identity<'a> {
    plan: &'a Plan,
    /// Whether cross-validation chooses the layers of fits to few points, and ties are spread. Version 0.1 used all layers,
    /// and the points as they are.
    cross_validation: bool,
    data: Lines,
    /// What the network is trained for, but not how points are drawn with it.
    diffusion: Lines,
    network: Lines,
    /// A variance that the network learns: training depends on it.
    learned: Lines,
    training: Lines,
    /// Whether the network is evaluated while it trains. Then the metrics are part of its training.
    evaluated: bool,
    /// The lambda whose effect is put on the output of the trained network.
    control: Lines,
    /// The variance of the reverse steps, which bits/dim depend on.
    variance: Lines,
    /// With the one value of `[diffusion]` that only sampling depends on.
    sampling: Lines,
    metrics: Lines,
    diagnostics: Lines,
}

impl<'a> Identity<'a> {
    /// The lines of a plan.
    pub fn of(plan: &'a Plan) -> Self {
        let file = &plan.resolved;
        let mut diffusion = differing("diffusion", &file.diffusion, &usual::DIFFUSION);
        let variance = diffusion.remove(VARIANCE);
        diffusion.remove(CLIP);
        let mut sampling = differing("sample", &file.sample, &usual::SAMPLE);
        let variance: Lines = variance.map(|value| (VARIANCE.to_string(), value)).into_iter().collect();
        add(&mut sampling, &variance);
        Self {
            data: data_lines(plan),
            diffusion,
            network: differing("network", &file.network, &usual::NETWORK),
            learned: if file.diffusion.variance.is_learned() { variance.clone() } else { Lines::new() },
            variance,
            training: training_lines(plan),
            evaluated: file.train.evaluate.is_some(),
            control: control_lines(plan),
            sampling,
            metrics: metrics_lines(file),
            diagnostics: differing("diagnostics", &file.diagnostics, &usual::DIAGNOSTICS),
            cross_validation: true,
            plan,
        }
    }

    /// The lines of what version 0.1 computed of a plan.
    pub fn of_version_0_1(plan: &'a Plan) -> Self {
        Self { cross_validation: false, ..Self::of(plan) }
    }

    /// The canonical text of a spec as a whole, without what only adds or leaves out runs (sweep, replicates, pipelines)
    /// and without its name: what two specs must share to live in one folder. Diagnostics are left out too: a folder may
    /// gain them, and its networks stay.
    pub fn canonical(&self) -> BTreeMap<String, String> {
        let file = &self.plan.resolved;
        let mut lines = self.data.clone();
        lines.extend(gaussianize_lines("gaussianize", &self.plan.gaussianize));
        lines.extend(differing("diffusion", &file.diffusion, &usual::DIFFUSION));
        for section in [&self.network, &self.training, &self.control, &self.sampling, &self.metrics] {
            add(&mut lines, section);
        }
        for (name, options) in &file.pipeline {
            lines.extend(differing(&format!("pipeline.{name}"), options, &Table::new()));
        }
        lines
    }

    /// The keys of the stages of one pipeline.
    pub fn stage_keys(&self, pipeline: &Pipeline) -> StageKeys {
        self.keys_and_lines(pipeline).0
    }

    /// All lines of the run of one pipeline, of which its key is the hash.
    pub fn run_lines(&self, pipeline: &Pipeline) -> BTreeMap<String, String> {
        self.keys_and_lines(pipeline).1
    }

    fn keys_and_lines(&self, pipeline: &Pipeline) -> (StageKeys, Lines) {
        let plan = self.plan;
        let mut lines = self.data.clone();
        if plan.data.source.split().is_some() {
            // The split of a table, or of images, depends on how many points are kept aside.
            lines.insert("table.reference".into(), plan.metrics.reference.to_string());
            lines.insert("table.fresh".into(), plan.sample.count.to_string());
        }
        let data = key(&lines);
        lines.extend(space_lines(plan, pipeline, self.cross_validation));
        let space = match plan.fills(pipeline) {
            // The same space with columns of zeros is another one to share; what follows from it names its network anyway.
            true => {
                let mut lines = lines.clone();
                lines.insert("space.fill".into(), "true".into());
                key(&lines)
            }
            false => key(&lines),
        };
        lines.insert("denoiser".into(), word(pipeline.denoiser));
        add(&mut lines, &self.diffusion);
        let training = pipeline.is_trained().then(|| {
            add(&mut lines, &self.network);
            add(&mut lines, &self.learned);
            add(&mut lines, &self.training);
            if !self.evaluated {
                return key(&lines);
            }
            let mut with_metrics = lines.clone();
            add(&mut with_metrics, &self.metrics);
            with_metrics.extend(clip_lines(plan, pipeline));
            if plan.train.evaluate.is_some_and(|evaluate| evaluate.bits_per_dim > 0) {
                add(&mut with_metrics, &self.variance);
            }
            key(&with_metrics)
        });
        if pipeline.is_trained() {
            add(&mut lines, &self.control);
        }
        add(&mut lines, &self.sampling);
        lines.extend(clip_lines(plan, pipeline));
        let sampling = key(&lines);
        add(&mut lines, &self.metrics);
        add(&mut lines, &self.diagnostics);
        (StageKeys { data, space, training, sampling, run: key(&lines) }, lines)
    }
}

fn add(lines: &mut Lines, section: &Lines) {
    lines.extend(section.iter().map(|(key, value)| (key.clone(), value.clone())));
}

fn key(lines: &Lines) -> String {
    let mut hash = Sha256::new_with_prefix(format!("gdiff numerics {NUMERICS}\n"));
    for (key, value) in lines {
        [key.as_str(), " = ", value, "\n"].into_iter().for_each(|part| hash.update(part));
    }
    hex(hash)
}
