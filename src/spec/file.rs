//! What the user wrote: the TOML spec as serde types, and the refusals of what is none.

use super::error::{SpecError, nearest};
use super::origin::{Origins, join};
use super::pipelines::PipelineOptions;
use super::presets;
use super::sections::DataFile;
use crate::diffusion::{DiagnosticsOptions, DiffusionOptions, NetworkOptions, SampleOptions, TrainOptions};
use crate::gaussianize::GaussianizeOptions;
use crate::metrics::scored::MetricsOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// The whole spec file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpecFile {
    /// Name of the experiment, and of its folder under `results`.
    pub name: String,
    /// Seed of all random streams.
    #[serde(default)]
    pub seed: u64,
    /// Independent repetitions, each with its own data, training and noise.
    #[serde(default = "one")]
    pub replicates: usize,
    /// Which pipelines run on each replicate.
    #[serde(default = "usual_pipelines")]
    pub pipelines: Vec<String>,
    /// Pipelines of one's own, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pipeline: BTreeMap<String, PipelineOptions>,
    /// Where the points come from.
    pub data: DataFile,
    /// The invertible map of the "gaussianized" pipeline.
    #[serde(default)]
    pub gaussianize: GaussianizeOptions,
    /// The noise schedule.
    #[serde(default)]
    pub diffusion: DiffusionOptions,
    /// The noise predictor.
    #[serde(default)]
    pub network: NetworkOptions,
    /// How it is trained.
    #[serde(default)]
    pub train: TrainOptions,
    /// How points are generated.
    #[serde(default)]
    pub sample: SampleOptions,
    /// What is measured at every reverse step.
    #[serde(default)]
    pub metrics: MetricsOptions,
    /// What is computed of the reverse process beside its samples; left out, nothing.
    #[serde(default, skip_serializing_if = "DiagnosticsOptions::is_off")]
    pub diagnostics: DiagnosticsOptions,
}

fn one() -> usize {
    1
}

fn usual_pipelines() -> Vec<String> {
    ["baseline", "gaussianized"].map(String::from).to_vec()
}

/// Reads the table into the serde types; errors name key, place and the nearest known word.
pub fn from_table<T: DeserializeOwned>(mut table: toml::Table, origins: &Origins) -> Result<T, SpecError> {
    presets::expand(&mut table);
    serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        let sentence = error.inner().message().trim().replace('\n', "; ");
        let words: Vec<&str> = sentence.split('`').skip(1).step_by(2).collect();
        match words.split_first() {
            Some((unknown, known)) if sentence.starts_with("unknown field") => {
                let key = match path.strip_suffix(unknown) {
                    Some(parent) => format!("{parent}{unknown}"),
                    None => join(&path, unknown),
                };
                origins.error(&key, format!("unknown key `{unknown}`{}", suggestion(unknown, known)))
            }
            Some((unknown, known)) if sentence.starts_with("unknown variant") => {
                origins.error(&path, format!("`{path}` cannot be `{unknown}`{}", suggestion(unknown, known)))
            }
            Some((missing, [])) if sentence.starts_with("missing field") => {
                let key = join(&path, missing);
                origins.error(&key, format!("the key `{key}` is missing; it has no default"))
            }
            _ => origins.error(&path, format!("`{path}`: {}", in_plain_words(&sentence))),
        }
    })
}

fn suggestion(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known.iter().copied()) {
        Some(word) => format!(", did you mean `{word}`?"),
        None => format!("; known here: {}", known.join(", ")),
    }
}

/// serde names Rust types; users think in numbers and lists.
fn in_plain_words(sentence: &str) -> String {
    const WORDS: &[(&str, &str)] = &[
        ("expected usize", "expected a whole number, 0 or more"),
        ("expected u64", "expected a whole number, 0 or more"),
        ("expected f64", "expected a number"),
        ("expected a sequence", "expected a list"),
        ("expected a boolean", "expected true or false"),
        ("expected a string", "expected a word in quotes"),
        ("floating point", "number"),
    ];
    WORDS.iter().fold(sentence.to_string(), |s, (from, to)| s.replace(from, to))
}
