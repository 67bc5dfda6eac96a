//! The lines of each section of a spec: what differs from the usual values, in canonical form.

use super::{CLIP, Lines};
use crate::diffusion::{
    Clip, DiagnosticsOptions, DiffusionOptions, NetworkOptions, Reduction, SampleOptions, TrainOptions,
};
use crate::gaussianize::{Coupling, GaussianizeOptions};
use crate::metrics::features::FeaturesOptions;
use crate::metrics::scored::MetricsOptions;
use crate::space::TransformOptions;
use crate::space::dequantize::fewest_ties;
use crate::space::options::NamedTransform;
use crate::spec::file::SpecFile;
use crate::spec::pipelines::Pipeline;
use crate::spec::plan::Plan;
use crate::spec::sections::{ComponentFile, DataFile};
use serde::Serialize;
use toml::{Table, Value};

/// Version of what `coupling = "auto"` computes: it identifies the runs with such a Gaussianizer and no others.
const SELECTION: u32 = 5;

/// The sections of a spec that says nothing, as TOML.
pub(super) mod usual {
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

/// The data, and the seed.
pub(super) fn data_lines(plan: &Plan) -> Lines {
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

/// A Gaussianizer.
pub(super) fn gaussianize_lines(section: &str, options: &GaussianizeOptions) -> Lines {
    differing(section, options, &usual::GAUSSIANIZE)
}

/// The transforms of a space, and what changed in them since version 0.1 where that is asked for.
pub(super) fn space_lines(plan: &Plan, pipeline: &Pipeline, cross_validation: bool) -> Lines {
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
pub(super) fn clip_lines(plan: &Plan, pipeline: &Pipeline) -> Lines {
    let line = (CLIP.to_string(), word(Clip::Data));
    plan.sample.clips(pipeline.denoiser).then_some(line).into_iter().collect()
}

/// The metrics, and the features, of whose weights the digest counts and not the place.
pub(super) fn metrics_lines(file: &SpecFile) -> Lines {
    let mut lines = differing("metrics", &file.metrics, &usual::METRICS);
    if let Some(features) = &file.features {
        let features = FeaturesOptions { weights: None, ..features.clone() };
        lines.extend(differing("features", &features, &Table::new()));
    }
    lines
}

/// The training, its length in iterations however it was given, and its loss. A control trains as lambda = 0 does.
pub(super) fn training_lines(plan: &Plan) -> Lines {
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

/// The lambda whose effect is put on the output of a network, if any.
pub(super) fn control_lines(plan: &Plan) -> Lines {
    let line = |lambda| ("train.isotropy.control".to_string(), Value::Float(lambda).to_string());
    plan.control().map(line).into_iter().collect()
}

/// The word for a choice in a spec.
pub(super) fn word<T: Serialize>(choice: T) -> String {
    Value::try_from(choice).expect("a choice is written as a word").to_string()
}

/// The lines of a section's values that differ from the usual ones.
pub(super) fn differing<T: Serialize>(section: &str, options: &T, usual: &Table) -> Lines {
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
