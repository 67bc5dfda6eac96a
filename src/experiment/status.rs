//! `status.json` of a run: written last, so that a run is done exactly when it says so.

use super::error::ExperimentError;
use super::files;
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

/// What a finished run says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Always "done": a run that is not done has no status.
    pub state: String,
    /// Name of the run.
    pub run: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Replicate, from 0.
    pub replicate: usize,
    /// Values of the sweep keys.
    #[serde(default)]
    pub values: Vec<String>,
    /// Seconds by stage.
    pub seconds: StageSeconds,
    /// Mean log-density of the reference points under the Gaussianizer alone, nats.
    #[serde(default)]
    pub map_log_likelihood: Option<f64>,
    /// What the fit or the training warned of.
    #[serde(default)]
    pub warnings: Vec<String>,
}

const FILE: &str = "status.json";

impl Status {
    /// Reads the status of a run folder; none if it is missing or unreadable, which means "not done".
    pub fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read(folder.join(FILE)).ok()?;
        serde_json::from_slice::<Self>(&text).ok().filter(|s| s.state == "done")
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
