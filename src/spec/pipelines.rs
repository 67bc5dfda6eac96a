//! Pipelines: a space in which to diffuse, and what predicts the noise there. Some are built in under names; a spec
//! can add its own as `[pipeline.NAME]`.

use super::error::{SpecError, nearest};
use super::ranges::Checker;
use crate::gaussianize::{GaussianizeOptions, Preset};
use crate::space::TransformOptions;
use crate::space::options::{GaussianizeTransform, NamedTransform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What predicts the noise in the pipeline's space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DenoiserKind {
    /// A network, trained on the training points.
    Network,
    /// The exact denoiser, `E[eps | x_t]`, of the mixture that the data are drawn from: no training.
    Exact,
    /// Nothing: x_T itself is mapped back to data space, so the samples are those of the space alone.
    None,
}

/// `[pipeline.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineOptions {
    /// Transforms from data space to the space of the diffusion, in order: words, or tables with settings of their own,
    /// `{ gaussianize = { layers = 5 } }`.
    pub space: Vec<TransformOptions>,
    /// What predicts the noise there.
    #[serde(default = "network")]
    pub denoiser: DenoiserKind,
}

fn network() -> DenoiserKind {
    DenoiserKind::Network
}

/// A pipeline that will run, under its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// The name used in specs, tables and folders.
    pub name: String,
    /// Its space.
    pub space: Vec<TransformOptions>,
    /// Its denoiser.
    pub denoiser: DenoiserKind,
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// A transform of a built-in pipeline.
enum BuiltInTransform {
    Named(NamedTransform),
    /// A Gaussianizer whose settings are not those of the spec.
    Preset(Preset),
}

/// A pipeline that every spec knows.
struct BuiltIn {
    name: &'static str,
    about: &'static str,
    space: &'static [BuiltInTransform],
    denoiser: DenoiserKind,
}

const SCALE: BuiltInTransform = BuiltInTransform::Named(NamedTransform::Scale);
const WHITEN: BuiltInTransform = BuiltInTransform::Named(NamedTransform::Whiten);
const GAUSSIANIZE: BuiltInTransform = BuiltInTransform::Named(NamedTransform::Gaussianize);
const ICA_KDE: BuiltInTransform = BuiltInTransform::Preset(Preset::Paper);

/// The pipelines that every spec knows. A new one is a line here, and in the documentation's table.
static BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: BASELINE,
        about: "diffusion in the data's scaling",
        space: &[SCALE],
        denoiser: DenoiserKind::Network,
    },
    BuiltIn {
        name: "whitened",
        about: "scaling, then whitening: the control that tells decorrelation from Gaussianization",
        space: &[SCALE, WHITEN],
        denoiser: DenoiserKind::Network,
    },
    BuiltIn {
        name: "ica_kde",
        about: "scaling, then the first paper's recipe, `preset = \"paper\"`",
        space: &[SCALE, ICA_KDE],
        denoiser: DenoiserKind::Network,
    },
    BuiltIn {
        name: "gaussianized",
        about: "scaling, then the map of `[gaussianize]`",
        space: &[SCALE, GAUSSIANIZE],
        denoiser: DenoiserKind::Network,
    },
    BuiltIn {
        name: "exact",
        about: "the data's scaling, with the mixture's exact denoiser: no training",
        space: &[SCALE],
        denoiser: DenoiserKind::Exact,
    },
];

impl BuiltInTransform {
    fn options(&self) -> TransformOptions {
        match *self {
            Self::Named(named) => TransformOptions::Named(named),
            Self::Preset(preset) => TransformOptions::Gaussianize(GaussianizeTransform {
                gaussianize: GaussianizeOptions::preset(preset),
            }),
        }
    }
}

/// The pipeline whose spec the others are compared with, and which is used where one of them is needed.
pub const BASELINE: &str = "baseline";

/// Which of the pipelines the others are compared with: [`BASELINE`], or else the first.
pub fn compared_with<'a, T>(pipelines: impl Iterator<Item = T>, name: impl Fn(&T) -> &'a str) -> Option<T> {
    let mut pipelines = pipelines.peekable();
    if pipelines.peek().is_some_and(|first| name(first) == BASELINE) {
        return pipelines.next();
    }
    let first = pipelines.next();
    pipelines.find(|pipeline| name(pipeline) == BASELINE).or(first)
}

/// The name of fresh real points in the summary; no pipeline can have it.
pub const DATA: &str = "data";

/// The names of the built-in pipelines.
pub fn built_in() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|pipeline| pipeline.name)
}

/// The built-in pipelines, each with what it is.
pub fn built_in_about() -> impl Iterator<Item = (&'static str, &'static str)> {
    BUILT_IN.iter().map(|pipeline| (pipeline.name, pipeline.about))
}

impl Pipeline {
    /// The built-in pipeline of that name.
    pub fn built_in(name: &str) -> Option<Self> {
        BUILT_IN.iter().find(|pipeline| pipeline.name == name).map(|found| Self {
            name: found.name.to_string(),
            space: found.space.iter().map(BuiltInTransform::options).collect(),
            denoiser: found.denoiser,
        })
    }

    /// Whether its network must be trained.
    pub fn is_trained(&self) -> bool {
        self.denoiser == DenoiserKind::Network
    }

    /// Whether a Gaussianizer is part of its space.
    pub fn is_gaussianized(&self) -> bool {
        self.space.iter().any(|transform| {
            matches!(
                transform,
                TransformOptions::Named(NamedTransform::Gaussianize) | TransformOptions::Gaussianize(_)
            )
        })
    }
}

/// The pipelines that a spec asks for by name, each found among its own and the built-in ones.
pub fn resolve(
    check: &Checker,
    names: &[String],
    own: &BTreeMap<String, PipelineOptions>,
    dim: usize,
) -> Result<Vec<Pipeline>, SpecError> {
    for (name, options) in own {
        let at = format!("pipeline.{name}");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        check.require(!name.is_empty() && name.len() <= 40 && name.chars().all(plain), &at, || {
            format!("`{at}` names a folder: use 1 to 40 small letters, digits and `_`")
        })?;
        check.require(name != DATA && Pipeline::built_in(name).is_none(), &at, || {
            format!("`{at}` has the name of a pipeline that is there already; choose another")
        })?;
        for (i, transform) in options.space.iter().enumerate() {
            if let TransformOptions::Gaussianize(own) = transform {
                let section = format!("{at}.space[{i}].gaussianize");
                check.section(&section, own.gaussianize.check_for(dim))?;
            }
        }
    }
    check.require(!names.is_empty(), "pipelines", || {
        let known: Vec<&str> = built_in().collect();
        format!("`pipelines` is empty: give some of \"{}\"", known.join("\", \""))
    })?;
    let mut pipelines: Vec<Pipeline> = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let at = format!("pipelines[{i}]");
        check
            .require(!names[..i].contains(name), &at, || format!("the pipeline \"{name}\" is given twice"))?;
        let found = own.get(name).map(|options| Pipeline {
            name: name.clone(),
            space: options.space.clone(),
            denoiser: options.denoiser,
        });
        match found.or_else(|| Pipeline::built_in(name)) {
            Some(pipeline) => pipelines.push(pipeline),
            None => return Err(unknown(check, &at, name, own)),
        }
    }
    Ok(pipelines)
}

fn unknown(check: &Checker, at: &str, name: &str, own: &BTreeMap<String, PipelineOptions>) -> SpecError {
    let own = own.keys().map(String::as_str);
    let known: Vec<&str> = BUILT_IN.iter().map(|pipeline| pipeline.name).chain(own).collect();
    let mend = match nearest(name, known.iter().copied()) {
        Some(word) => format!(", did you mean `{word}`?"),
        None => format!("; known are {}, and others as [pipeline.{name}]", known.join(", ")),
    };
    check.0.error(at, format!("unknown pipeline `{name}`{mend}"))
}
