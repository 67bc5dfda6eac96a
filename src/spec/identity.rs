//! What an experiment *is*, apart from how its spec is written: canonical text, and a key for each stage.
//!
//! The canonical text has a line `key = value` for each value that differs from its default, sorted by key, numbers
//! in their shortest form, behind the version of the numerics. So a new key with a default, another order of keys
//! and another way of writing a number change nothing; a changed default would, and therefore raises [`NUMERICS`].
//!
//! A stage's key is the hash of the lines that the stage depends on, those of the stages before it included. Stages
//! of one key give the same bits, so they are computed once and shared.

use super::file::SpecFile;
use super::pipelines::Pipeline;
use super::plan::Plan;
use super::sections::{ComponentFile, DataFile};
use crate::diffusion::{
    Clip, DiagnosticsOptions, DiffusionOptions, NetworkOptions, Reduction, SampleOptions, TrainOptions,
};
use crate::gaussianize::{Coupling, GaussianizeOptions};
use crate::metrics::features::FeaturesOptions;
use crate::metrics::scored::MetricsOptions;
use crate::numeric::digest::hex;
use crate::space::TransformOptions;
use crate::space::dequantize::fewest_ties;
use crate::space::options::NamedTransform;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use toml::{Table, Value};

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

/// Version of what `coupling = "auto"` computes: it identifies the runs with such a Gaussianizer and no others.
const SELECTION: u32 = 1;

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
            learned: if file.diffusion.variance.is_learned() { variance } else { Lines::new() },
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

/// The sections of a spec that says nothing, as TOML.
mod usual {
    use super::{
        DiagnosticsOptions, DiffusionOptions, GaussianizeOptions, MetricsOptions, NetworkOptions,
        SampleOptions, Table, TrainOptions, Value, table,
    };
    use std::sync::LazyLock;

    pub static DIAGNOSTICS: LazyLock<Table> = LazyLock::new(|| table(&DiagnosticsOptions::default()));
    pub static DIFFUSION: LazyLock<Table> = LazyLock::new(|| table(&DiffusionOptions::default()));
    pub static GAUSSIANIZE: LazyLock<Table> = LazyLock::new(|| table(&GaussianizeOptions::default()));
    pub static METRICS: LazyLock<Table> = LazyLock::new(|| table(&MetricsOptions::default()));
    pub static SAMPLE: LazyLock<Table> = LazyLock::new(|| table(&SampleOptions::default()));
    pub static NETWORK: LazyLock<Table> = LazyLock::new(|| {
        let mut usual = table(&NetworkOptions::default());
        let hidden = NetworkOptions::DEFAULT_HIDDEN.map(|width| Value::Integer(width as i64));
        usual.insert("hidden".into(), Value::Array(hidden.to_vec()));
        usual
    });
    /// Without what the lines of a training state in a form of their own.
    pub static TRAIN: LazyLock<Table> = LazyLock::new(|| {
        let mut usual = table(&TrainOptions::default());
        super::OWN_FORM.iter().for_each(|key| drop(usual.remove(*key)));
        usual
    });
}

/// The keys of `[train]` that its lines state in a form of their own; "loss" follows from the variance.
const OWN_FORM: [&str; 4] = ["epochs", "iterations", "isotropy", "loss"];

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

fn data_lines(plan: &Plan) -> Lines {
    let data = &plan.resolved.data;
    // The digest says what is in a file; where it lies, what it is called, and where it is kept decoded make no difference.
    let own = DataFile { components: Vec::new(), path: None, name: None, cache: None, ..data.clone() };
    let mut lines = differing("data", &own, &table(&DataFile::usual(data.kind)));
    lines.insert("data.kind".into(), format!("{:?}", data.kind.name()));
    if plan.data.found_header_of_numbers {
        // Version 0.1 took that line as a point, so what it computed is another experiment.
        lines.insert("table.header".into(), "\"numbers\"".into());
    }
    for (i, component) in data.components.iter().enumerate() {
        let usual = Table::from_iter([("weight".to_string(), Value::Float(1.0))]);
        lines.extend(differing::<ComponentFile>(&format!("data.components[{i}]"), component, &usual));
    }
    if plan.seed != 0 {
        lines.insert("seed".into(), plan.seed.to_string());
    }
    lines
}

fn gaussianize_lines(section: &str, options: &GaussianizeOptions) -> Lines {
    differing(section, options, &usual::GAUSSIANIZE)
}

fn space_lines(plan: &Plan, pipeline: &Pipeline, cross_validation: bool) -> Lines {
    let mut lines = Lines::new();
    for (i, transform) in pipeline.space.iter().enumerate() {
        let at = format!("space[{i}]");
        let named = match transform {
            TransformOptions::Gaussianize(_) => NamedTransform::Gaussianize,
            TransformOptions::Named(named) => *named,
        };
        if let Some(options) = transform.gaussianizer(&plan.gaussianize) {
            let options = &options.without_idle_selection();
            lines.extend(gaussianize_lines(&at, options));
            if options.coupling == Coupling::Auto {
                lines.insert(format!("{at}.selection"), SELECTION.to_string());
            }
            // Before ties were spread, a map was fitted to the points as they are; a table without ties still is.
            if cross_validation && options.dequantize && plan.data.ties >= fewest_ties(plan.data.samples) {
                lines.insert(format!("{at}.ties"), "\"spread\"".into());
            }
            // Before there was cross-validation, a fit to few points used all its layers.
            if cross_validation && options.is_cross_validated(plan.data.samples) {
                lines.insert(format!("{at}.cross_validated"), "\"over points and folds\"".into());
            }
        }
        lines.insert(at, word(named));
    }
    lines
}

/// Whether the predicted x0 is clipped, however that was decided: a run that is not clipped is what it was before there
/// was clipping.
fn clip_lines(plan: &Plan, pipeline: &Pipeline) -> Lines {
    let line = (CLIP.to_string(), word(Clip::Data));
    plan.sample.clips(pipeline.denoiser).then_some(line).into_iter().collect()
}

/// The metrics, and the features, of whose weights the digest counts and not the place.
fn metrics_lines(file: &SpecFile) -> Lines {
    let mut lines = differing("metrics", &file.metrics, &usual::METRICS);
    if let Some(features) = &file.features {
        let features = FeaturesOptions { weights: None, ..features.clone() };
        lines.extend(differing("features", &features, &Table::new()));
    }
    lines
}

/// The training, its length in iterations however it was given, and its loss. A control trains as lambda = 0 does.
fn training_lines(plan: &Plan) -> Lines {
    let mut train = table(&plan.resolved.train);
    OWN_FORM.iter().for_each(|key| drop(train.remove(*key)));
    let mut lines = differing("train", &train, &usual::TRAIN);
    lines.insert("train.iterations".into(), plan.iterations.to_string());
    let loss = plan.train.isotropy_loss();
    if loss.lambda != 0.0 && !loss.control {
        lines.insert("train.isotropy.lambda".into(), Value::Float(loss.lambda).to_string());
        lines.insert("train.isotropy.form".into(), word(loss.form));
    }
    if loss.reduction != Reduction::Mean {
        lines.insert("train.isotropy.reduction".into(), word(loss.reduction));
    }
    lines
}

fn control_lines(plan: &Plan) -> Lines {
    let line = |lambda| ("train.isotropy.control".to_string(), Value::Float(lambda).to_string());
    plan.control().map(line).into_iter().collect()
}

/// The word for a choice in a spec.
fn word<T: Serialize>(choice: T) -> String {
    Value::try_from(choice).expect("a choice is written as a word").to_string()
}

/// The lines of a section's values that differ from the usual ones.
fn differing<T: Serialize>(section: &str, options: &T, usual: &Table) -> Lines {
    let mut lines = Lines::new();
    for (key, value) in table(options) {
        if usual.get(&key) != Some(&value) {
            flatten(format!("{section}.{key}"), &value, &mut lines);
        }
    }
    lines
}

/// A section as TOML, as its serialization has it.
fn table<T: Serialize>(options: &T) -> Table {
    Table::try_from(options).expect("options are plain structs of numbers, words and lists")
}

fn flatten(key: String, value: &Value, lines: &mut Lines) {
    match value {
        Value::Table(inner) => {
            for (name, value) in inner {
                flatten(format!("{key}.{name}"), value, lines);
            }
        }
        other => {
            lines.insert(key, other.to_string());
        }
    }
}
