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
use crate::data::source::Source;
use crate::diffusion::{Clip, DiffusionOptions, NetworkOptions, Reduction, SampleOptions, TrainOptions};
use crate::gaussianize::GaussianizeOptions;
use crate::metrics::scored::MetricsOptions;
use crate::numeric::digest::hex;
use crate::space::TransformOptions;
use crate::space::options::NamedTransform;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Raised when results change by more than the documentation of an algorithm allows, or when a default changes:
/// results of another number are computed again.
pub const NUMERICS: u32 = 1;

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
}

/// The keys of `[diffusion]` that only sampling depends on.
const VARIANCE: &str = "diffusion.variance";
const CLIP: &str = "diffusion.clip";

/// Lines of canonical text, by key.
type Lines = BTreeMap<String, String>;

/// The canonical text of a spec as a whole, without what only adds or leaves out runs (sweep, replicates, pipelines)
/// and without its name: what two specs must share to live in one folder.
pub fn canonical(plan: &Plan) -> BTreeMap<String, String> {
    let file = &plan.resolved;
    let mut lines = data_lines(plan);
    lines.extend(gaussianize_lines("gaussianize", &plan.gaussianize));
    lines.extend(differing("diffusion", &file.diffusion, &table(&DiffusionOptions::default())));
    lines.extend(network_lines(plan));
    lines.extend(training_lines(plan));
    lines.extend(control_lines(plan));
    lines.extend(sampling_lines(file));
    lines.extend(metrics_lines(file));
    for (name, options) in &file.pipeline {
        lines.extend(differing(&format!("pipeline.{name}"), options, &Table::new()));
    }
    lines
}

/// The hash of [`canonical`], in hexadecimal.
pub fn digest(plan: &Plan) -> String {
    key(&canonical(plan))
}

/// The keys of the stages of one pipeline.
pub fn stage_keys(plan: &Plan, pipeline: &Pipeline) -> StageKeys {
    let mut lines = data_lines(plan);
    if let Source::Table(_) = plan.data.source {
        // The split of a table depends on how many points are kept aside.
        lines.insert("table.reference".into(), plan.metrics.reference.to_string());
        lines.insert("table.fresh".into(), plan.sample.count.to_string());
    }
    let data = key(&lines);
    lines.extend(space_lines(plan, pipeline));
    let space = key(&lines);
    lines.insert("denoiser".into(), word(pipeline.denoiser));
    lines.extend(diffusion_lines(&plan.resolved));
    let training = pipeline.is_trained().then(|| {
        lines.extend(network_lines(plan));
        lines.extend(training_lines(plan));
        key(&lines)
    });
    if pipeline.is_trained() {
        lines.extend(control_lines(plan));
    }
    lines.extend(sampling_lines(&plan.resolved));
    lines.extend(clip_lines(plan, pipeline));
    let sampling = key(&lines);
    lines.extend(metrics_lines(&plan.resolved));
    StageKeys { data, space, training, sampling, run: key(&lines) }
}

fn key(lines: &Lines) -> String {
    let mut hash = Sha256::new_with_prefix(format!("gdiff numerics {NUMERICS}\n"));
    for (key, value) in lines {
        hash.update(format!("{key} = {value}\n"));
    }
    hex(hash)
}

fn data_lines(plan: &Plan) -> Lines {
    let data = &plan.resolved.data;
    // The digest of a table's file says what is in it; where it lies makes no difference.
    let own = DataFile { components: Vec::new(), path: None, ..data.clone() };
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
    differing(section, options, &table(&GaussianizeOptions::default()))
}

fn space_lines(plan: &Plan, pipeline: &Pipeline) -> Lines {
    let mut lines = Lines::new();
    for (i, transform) in pipeline.space.iter().enumerate() {
        let at = format!("space[{i}]");
        let named = match transform {
            TransformOptions::Gaussianize(_) => NamedTransform::Gaussianize,
            TransformOptions::Named(named) => *named,
        };
        if let Some(options) = transform.gaussianizer(&plan.gaussianize) {
            lines.extend(gaussianize_lines(&at, options));
            // Before there was cross-validation, a fit to few points used all its layers.
            if options.is_cross_validated(plan.data.samples) {
                lines.insert(format!("{at}.cross_validated"), true.to_string());
            }
        }
        lines.insert(at, word(named));
    }
    lines
}

/// What the network is trained for, but not how points are drawn with it.
fn diffusion_lines(file: &SpecFile) -> Lines {
    let mut lines = differing("diffusion", &file.diffusion, &table(&DiffusionOptions::default()));
    lines.remove(VARIANCE);
    lines.remove(CLIP);
    lines
}

/// Whether the predicted x0 is clipped, however that was decided: a run that is not clipped is what it was before there
/// was clipping.
fn clip_lines(plan: &Plan, pipeline: &Pipeline) -> Lines {
    let line = (CLIP.to_string(), word(Clip::Data));
    plan.sample.clips(pipeline.denoiser).then_some(line).into_iter().collect()
}

fn network_lines(plan: &Plan) -> Lines {
    let mut usual = table(&NetworkOptions::default());
    let hidden = NetworkOptions::DEFAULT_HIDDEN.map(|width| Value::Integer(width as i64));
    usual.insert("hidden".into(), Value::Array(hidden.to_vec()));
    differing("network", &plan.resolved.network, &usual)
}

/// The training, its length in iterations however it was given, and its loss. A control trains as lambda = 0 does.
fn training_lines(plan: &Plan) -> Lines {
    let mut usual = table(&TrainOptions::default());
    let mut train = table(&plan.resolved.train);
    for key in ["epochs", "iterations", "isotropy"] {
        usual.remove(key);
        train.remove(key);
    }
    let mut lines = differing("train", &train, &usual);
    lines.insert("train.iterations".into(), plan.iterations.to_string());
    let loss = plan.train.loss();
    if loss.lambda != 0.0 && !loss.control {
        lines.insert("train.isotropy.lambda".into(), Value::Float(loss.lambda).to_string());
        lines.insert("train.isotropy.form".into(), word(loss.form));
    }
    if loss.reduction != Reduction::Mean {
        lines.insert("train.isotropy.reduction".into(), word(loss.reduction));
    }
    lines
}

/// The lambda whose effect is put on the output of the trained network.
fn control_lines(plan: &Plan) -> Lines {
    let line = |lambda| ("train.isotropy.control".to_string(), Value::Float(lambda).to_string());
    plan.control().map(line).into_iter().collect()
}

fn sampling_lines(file: &SpecFile) -> Lines {
    let mut lines = differing("sample", &file.sample, &table(&SampleOptions::default()));
    let variance =
        differing("diffusion", &file.diffusion, &table(&DiffusionOptions::default())).remove(VARIANCE);
    lines.extend(variance.map(|value| (VARIANCE.to_string(), value)));
    lines
}

fn metrics_lines(file: &SpecFile) -> Lines {
    differing("metrics", &file.metrics, &table(&MetricsOptions::default()))
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
