//! `status.json` of a run: written last, so that a run is done exactly when it says so. It holds what the run is (the
//! keys of its stages), the digest of every file that the run wrote, and one of its own.

use super::atomic;
use super::error::StoreError;
use super::metrics_rows::MetricsRow;
use super::names::STATUS;
use super::rows::Label;
use super::sealed;
use crate::spec::StageKeys;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Seconds spent in each stage of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StageSeconds {
    /// Fitting the space: scaling, whitening, Gaussianizer.
    pub gaussianize: f64,
    /// Training.
    pub train: f64,
    /// Sampling and scoring.
    pub sample: f64,
    /// `[diagnostics]`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub diagnose: f64,
}

fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}

/// Where the pairs of a cloning come to agree beyond chance, in reverse steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CloningStep {
    /// Where the normalized agreement crosses 0.55, interpolated between steps.
    pub step: f64,
    /// Lower end of its 95 % interval over the points (bootstrap).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Means over fresh points of their log-likelihoods, nats, in the units of the data; none where a point has none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanLikelihoods {
    /// How many points.
    pub points: usize,
    /// Under the model.
    pub model: Option<f64>,
    /// Under the space alone, where that is more than a scaling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<f64>,
    /// Under the density of the data, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<f64>,
}

impl StageSeconds {
    /// All stages together.
    pub fn total(&self) -> f64 {
        self.gaussianize + self.train + self.sample + self.diagnose
    }
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
    /// Name, pipeline, replicate, and the sweep values of the study that ran it.
    #[serde(flatten)]
    pub label: Label,
    /// The version of the numerics; none in folders of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerics: Option<u32>,
    /// The keys of its stages; none in folders of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<StageKeys>,
    /// Seconds by stage; 0 for a stage that was taken from another run.
    #[serde(default)]
    pub seconds: StageSeconds,
    /// The fitted transforms of its space, with the names of the Gaussianizers' files; none in folders of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<serde_json::Value>,
    /// Mean log-density of the reference points under the space alone, nats.
    #[serde(default)]
    pub map_log_likelihood: Option<f64>,
    /// The factor on the network's output, in a control run.
    #[serde(default)]
    pub control_scale: Option<f64>,
    /// The reverse step at which theory has the process choose between classes: see `diffusion::speciation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speciation_step: Option<usize>,
    /// The step `t` at which the reverse process began, of a late start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_step: Option<usize>,
    /// How often the denoiser was asked for a sample; 0 where the samples are those of the space, or of a late start, alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_calls: Option<usize>,
    /// The reverse step at which cloning finds that the process chooses between the modes of the data: see
    /// `diffusion::diagnostics`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloning_step: Option<CloningStep>,
    /// Likelihoods of fresh points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likelihoods: Option<MeanLikelihoods>,
    /// The scores of fresh real points of the same replicate.
    #[serde(default)]
    pub fresh: Option<MetricsRow>,
    /// What the fit or the training warned of.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// SHA-256 of each file of the run, in hexadecimal, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

impl Status {
    /// The status of a run that failed.
    pub fn failed(label: &Label, error: &dyn std::fmt::Display) -> Self {
        Self {
            state: State::Failed,
            label: label.clone(),
            numerics: None,
            keys: None,
            space: None,
            seconds: StageSeconds::default(),
            map_log_likelihood: None,
            control_scale: None,
            speciation_step: None,
            start_step: None,
            network_calls: None,
            cloning_step: None,
            likelihoods: None,
            fresh: None,
            warnings: Vec::new(),
            error: Some(error.to_string()),
            files: BTreeMap::new(),
        }
    }

    /// Reads the status of a run folder; none if it is missing or damaged, which means "not done".
    pub fn read(folder: &Path) -> Option<Self> {
        sealed::read(&folder.join(STATUS))
    }

    /// The status of a run folder, if the run is done.
    pub fn read_done(folder: &Path) -> Option<Self> {
        Self::read(folder).filter(|status| status.state == State::Done)
    }

    /// Removes the status before the run begins anew.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn remove(folder: &Path) -> Result<(), StoreError> {
        atomic::remove(&folder.join(STATUS))
    }

    /// Writes the status.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), StoreError> {
        sealed::write(&folder.join(STATUS), self)
    }

    /// As [`write`](Self::write), without waiting for the disk: where the power fails soon after, the file may be there and
    /// empty, which is no status.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn place(&self, folder: &Path) -> Result<(), StoreError> {
        sealed::place(&folder.join(STATUS), self)
    }
}
