//! `status.json` of a run: written last, so that a run is done exactly when it says so.

use super::error::ExperimentError;
use super::files;
use super::records::{Label, MetricsRow};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Seconds spent in each stage of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StageSeconds {
    /// Fitting the Gaussianizer.
    pub gaussianize: f64,
    /// Training.
    pub train: f64,
    /// Sampling and scoring.
    pub sample: f64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All its files are there.
    Done,
    /// It failed; running it again may mend it.
    Failed,
}

/// What a run says of itself when it is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// How it ended.
    pub state: State,
    /// Name, pipeline, replicate and sweep values.
    #[serde(flatten)]
    pub label: Label,
    /// Seconds by stage.
    #[serde(default)]
    pub seconds: StageSeconds,
    /// Mean log-density of the reference points under the Gaussianizer alone, nats.
    #[serde(default)]
    pub map_log_likelihood: Option<f64>,
    /// The factor on the network's output, in a control run.
    #[serde(default)]
    pub control_scale: Option<f64>,
    /// The scores of fresh real points of the same replicate.
    #[serde(default)]
    pub fresh: Option<MetricsRow>,
    /// What the fit or the training warned of.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
}

const FILE: &str = "status.json";

impl Status {
    /// The status of a run that failed.
    pub fn failed(label: &Label, error: &ExperimentError) -> Self {
        Self {
            state: State::Failed,
            label: label.clone(),
            seconds: StageSeconds::default(),
            map_log_likelihood: None,
            control_scale: None,
            fresh: None,
            warnings: Vec::new(),
            error: Some(error.to_string()),
        }
    }

    /// Reads the status of a run folder; none if it is missing or damaged, which means "not done".
    pub fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read(folder.join(FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Takes the status away before the run begins anew.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn remove(folder: &Path) -> Result<(), ExperimentError> {
        files::remove(&folder.join(FILE))
    }

    /// Writes the status.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), ExperimentError> {
        files::write(&folder.join(FILE), |out| {
            serde_json::to_writer_pretty(&mut *out, self)?;
            out.write_all(b"\n")
        })
    }
}
