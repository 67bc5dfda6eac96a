//! Settings that have no effect because of another one. A setting of its own value is warned about; a key of a sweep
//! that has no effect at any point is refused, since its points would be the same experiment over and over.

use super::error::SpecError;
use super::file::SpecFile;
use super::grid::Setting;
use super::origin::Origins;
use super::plan::Plan;
use crate::diffusion::{
    DiagnosticsOptions, DiffusionOptions, NetworkOptions, OptimizerKind, SampleOptions, SamplerKind,
    ScheduleKind, TimeEncoding, TrainOptions,
};
use crate::gaussianize::{Components, Coupling, GaussianizeOptions, Rotation};
use crate::metrics::scored::MetricsOptions;
use crate::space::options::NamedTransform;
use crate::space::{ScaleKind, TransformOptions};
use serde::Serialize;
use toml::Value;

/// When a key has no effect.
struct Rule {
    /// The dotted key; one that ends in `.` stands for all keys that begin so.
    key: &'static str,
    /// Whether it has none in a plan.
    idle: fn(&Plan) -> bool,
    /// Why, after "it has no effect, because".
    because: &'static str,
}

/// Every rule. A new one is an entry here.
static RULES: &[Rule] = &[
    Rule {
        key: "sample.eta",
        idle: |p| p.sample.options.sampler != SamplerKind::Ddim,
        because: "only the sampler \"ddim\" has it",
    },
    Rule {
        key: "sample.spacing",
        idle: |p| p.sample.takes_every_step(),
        because: "the sampler takes every step of the schedule",
    },
    Rule {
        key: "sample.start_step",
        idle: |p| p.sample.late.is_none(),
        because: "`sample.start` is \"noise\"",
    },
    Rule {
        key: "sample.epsilon_scale",
        idle: trains_nothing,
        because: "no pipeline has a network, whose predicted noise it multiplies",
    },
    Rule {
        key: "diffusion.variance",
        idle: |p| p.sample.options.sampler != SamplerKind::Ddpm && !trains_variance(p),
        because: "only the sampler \"ddpm\" has it",
    },
    Rule { key: "diffusion.beta_start", idle: is_cosine, because: COSINE },
    Rule { key: "diffusion.beta_end", idle: is_cosine, because: COSINE },
    Rule { key: "diffusion.rescale", idle: is_cosine, because: COSINE },
    Rule { key: "gaussianize.bandwidth", idle: has_no_marginal, because: IN_PAIRS },
    Rule { key: "gaussianize.bandwidth_factor", idle: has_no_marginal, because: IN_PAIRS },
    Rule { key: "gaussianize.tails", idle: has_no_marginal, because: IN_PAIRS },
    Rule {
        key: "gaussianize.pair_factor",
        idle: |p| p.gaussianize.coupling == Coupling::Marginal || mapped_components(p) < 2,
        because: "no components are mapped in pairs",
    },
    Rule {
        key: "gaussianize.contrast",
        idle: |p| !matches!(p.gaussianize.rotation, Rotation::Ica | Rotation::IcaRandom),
        because: "only the rotations \"ica\" and \"ica_random\" have it",
    },
    Rule {
        key: "gaussianize.coupling",
        idle: |p| {
            p.gaussianize.coupling == Coupling::Auto
                && p.gaussianize.without_idle_selection().coupling != Coupling::Auto
        },
        because: "nothing could be chosen by where no points are held out (`held_out` = 0) or only some components are mapped: the map is \"joint\"",
    },
    Rule { key: "gaussianize.patience", idle: is_unwatched, because: UNWATCHED },
    Rule { key: "gaussianize.min_gain", idle: is_unwatched, because: UNWATCHED },
    Rule {
        key: "train.momentum",
        idle: |p| p.train.optimizer != OptimizerKind::Sgd,
        because: "only \"sgd\" has it",
    },
    Rule { key: "train.beta1", idle: is_sgd, because: NOT_SGD },
    Rule { key: "train.beta2", idle: is_sgd, because: NOT_SGD },
    Rule { key: "train.epsilon", idle: is_sgd, because: NOT_SGD },
    Rule {
        key: "train.isotropy.form",
        idle: |p| p.train.isotropy_loss().lambda == 0.0 || p.train.isotropy_loss().control,
        because: "the loss has no isotropy term",
    },
    Rule {
        key: "train.isotropy.control",
        idle: |p| p.train.isotropy_loss().lambda == 0.0,
        because: "`train.isotropy.lambda` is 0",
    },
    Rule {
        key: "data.reference_scale",
        idle: |p| p.data.scale == ScaleKind::None,
        because: "`data.scale` is \"none\"",
    },
    Rule {
        key: "diagnostics.cloning",
        idle: |p| p.data.source.mixture().is_none(),
        because: "the modes of these data are not known; those of data.kind = \"gmm\" and \"eight_gaussians\" are",
    },
    Rule {
        key: "data.resize",
        idle: |p| p.resolved.data.size.is_none(),
        because: "`data.size` is left out, so images keep their sizes",
    },
    Rule { key: "metrics.k", idle: |p| !p.metrics.prdc, because: "`metrics.prdc` is false" },
    Rule {
        key: "gaussianize.rest",
        idle: |p| p.gaussianize.reduce.is_none(),
        because: "`gaussianize.reduce` is left out, so all components are mapped",
    },
    Rule {
        key: "gaussianize.flow.",
        idle: |p| p.gaussianize.coupling != Coupling::Flow,
        because: "`gaussianize.coupling` is not \"flow\"",
    },
    Rule {
        key: "gaussianize.",
        idle: has_no_gaussianizer,
        because: "no pipeline has the Gaussianizer of this section",
    },
    Rule {
        key: "network.time_dim",
        idle: |p| p.resolved.network.time == TimeEncoding::Scalar,
        because: "`network.time` is \"scalar\", one number",
    },
    Rule { key: "network.", idle: trains_nothing, because: "no pipeline trains a network" },
    Rule { key: "train.", idle: trains_nothing, because: "no pipeline trains a network" },
];

const COSINE: &str = "the schedule is \"cosine\"";
const IN_PAIRS: &str =
    "the coupling maps all components in pairs or jointly, whose kernel widths are chosen by likelihood";
const UNWATCHED: &str = "no points are held out to watch the fit";
const NOT_SGD: &str = "\"sgd\" does not have it";

/// Whether a network learns the variance, so that it has an effect on the training at least.
fn trains_variance(plan: &Plan) -> bool {
    plan.sample.variance.is_learned() && !trains_nothing(plan)
}

fn is_cosine(plan: &Plan) -> bool {
    plan.resolved.diffusion.schedule == ScheduleKind::Cosine
}

fn is_unwatched(plan: &Plan) -> bool {
    plan.gaussianize.held_out == 0.0
}

fn is_sgd(plan: &Plan) -> bool {
    plan.train.optimizer == OptimizerKind::Sgd
}

fn trains_nothing(plan: &Plan) -> bool {
    !plan.pipelines.iter().any(|pipeline| pipeline.is_trained())
}

/// Whether no pipeline has the Gaussianizer of `[gaussianize]`; one's own pipelines may give theirs options of their own.
fn has_no_gaussianizer(plan: &Plan) -> bool {
    let named = TransformOptions::Named(NamedTransform::Gaussianize);
    !plan.pipelines.iter().any(|pipeline| pipeline.space.contains(&named))
}

/// How many components of a layer are mapped.
fn mapped_components(plan: &Plan) -> usize {
    match plan.gaussianize.components {
        Components::All => plan.gaussianize.mapped(plan.data.source.dim()),
        Components::Leading(count) => count,
    }
}

/// Whether no component is mapped by its marginal: an odd one is.
fn has_no_marginal(plan: &Plan) -> bool {
    let joint = matches!(plan.gaussianize.coupling, Coupling::Joint | Coupling::Pairs);
    joint && mapped_components(plan).is_multiple_of(2)
}

/// A sentence for each setting of a spec that the user wrote, that is not at its default, and that has no effect at any
/// point. Whole sections are passed over: whoever runs one pipeline of several leaves the others' settings in place; a part
/// of a section, such as `gaussianize.flow.`, is not.
pub fn warnings(base: &Plan, points: &[(&Plan, &[Setting])], origins: &Origins) -> Vec<String> {
    let key = |rule: &Rule| rule.key.trim_end_matches('.');
    let is_section = |rule: &Rule| rule.key.ends_with('.') && !key(rule).contains('.');
    let idle = |rule: &&Rule| {
        !is_section(rule)
            && (origins.has(key(rule)) || origins.has_within(key(rule)))
            && points.iter().all(|(plan, _)| (rule.idle)(plan))
    };
    let own = RULES.iter().filter(idle).filter(|rule| value(&base.resolved, key(rule)) != usual(key(rule)));
    own.map(|rule| format!("`{}` has no effect, because {}", key(rule), rule.because)).collect()
}

/// Refuses a key of a sweep that has no effect at any point that sets it.
///
/// # Errors
/// If there is one, at its place.
pub fn refuse_idle_keys(
    keys: &[String],
    points: &[(&Plan, &[Setting])],
    origins: &Origins,
) -> Result<(), SpecError> {
    for key in keys {
        let own = |rule: &&Rule| rule.key == key || rule.key.ends_with('.') && key.starts_with(rule.key);
        let rules: Vec<&Rule> = RULES.iter().filter(own).collect();
        let at = |settings: &[Setting]| settings.iter().find(|(k, ..)| k == key).map(|(.., at)| at.clone());
        let setting: Vec<(&Plan, String)> =
            points.iter().filter_map(|(plan, settings)| Some((*plan, at(settings)?))).collect();
        let because = |plan: &Plan| rules.iter().find(|rule| (rule.idle)(plan)).map(|rule| rule.because);
        let Some((first, at)) = setting.first() else { continue };
        if let Some(reason) = because(first)
            && setting.iter().all(|(plan, _)| because(plan).is_some())
        {
            let message = format!(
                "the sweep varies `{key}`, which has no effect at any of its points, because {reason}"
            );
            return Err(origins.error(at, message));
        }
    }
    Ok(())
}

/// The value at a dotted key.
fn value(file: &SpecFile, key: &str) -> Option<Value> {
    let (section, rest) = key.split_once('.')?;
    match section {
        "data" => inner(&file.data, rest),
        "gaussianize" => inner(&file.gaussianize, rest),
        "diffusion" => inner(&file.diffusion, rest),
        "network" => inner(&file.network, rest),
        "train" => inner(&file.train, rest),
        "sample" => inner(&file.sample, rest),
        "metrics" => inner(&file.metrics, rest),
        "diagnostics" => inner(&file.diagnostics, rest),
        _ => None,
    }
}

/// The default of a dotted key; none where it has no default value but a meaning when left out.
fn usual(key: &str) -> Option<Value> {
    let (section, rest) = key.split_once('.')?;
    match section {
        "data" => inner(&super::sections::DataFile::usual(super::choice::DataKind::Table), rest),
        "gaussianize" => inner(&GaussianizeOptions::default(), rest),
        "diffusion" => inner(&DiffusionOptions::default(), rest),
        "network" => inner(&NetworkOptions::default(), rest),
        "train" => inner(&TrainOptions::default(), rest),
        "sample" => inner(&SampleOptions::default(), rest),
        "metrics" => inner(&MetricsOptions::default(), rest),
        "diagnostics" => inner(&DiagnosticsOptions::default(), rest),
        _ => None,
    }
}

fn inner<T: Serialize>(section: &T, key: &str) -> Option<Value> {
    let mut value = Value::try_from(section).expect("a section has a TOML form");
    for part in key.split('.') {
        value = value.as_table_mut()?.remove(part)?;
    }
    Some(value)
}
