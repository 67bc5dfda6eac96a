//! What an output folder holds, whole or in part: its tables, its spec, its finished runs.

use crate::run::RunError;
use crate::spec::{self, DATA, Study};
use crate::store::rows::{read_labelled, read_rows};
use crate::store::summary::read_summary;
use crate::store::{IsotropyRow, Label, LossRow, MetricsRow, Row, Status, StoreError, SummaryRow, names};
use crate::study::{
    old_folders,
    planned::{self, planned},
    tables,
};
use std::path::{Path, PathBuf};

/// Why a folder cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// There is no such folder.
    #[error("{0} is no folder; give the one that `gdiff run --out` wrote")]
    NoFolder(PathBuf),
    /// Nothing in it is a result.
    #[error(
        "{0} holds nothing to draw: no metrics.csv, loss.csv, isotropy.csv or summary.csv with a row, and no finished run under runs/; give the folder that `gdiff run --out` wrote, or go on with the run"
    )]
    Nothing(PathBuf),
    /// A table in it is damaged.
    #[error("cannot read {path}: {reason}; remove this file and let `gdiff run` write it anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be written.
    #[error(transparent)]
    Store(StoreError),
    /// A run could not be read back.
    #[error(transparent)]
    Run(Box<RunError>),
    /// A picture could not be made.
    #[error("figure {name}: {reason}")]
    Picture {
        /// Which figure.
        name: String,
        /// What failed.
        reason: String,
    },
}

impl From<StoreError> for FigureError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Read { path, reason } => Self::Damaged { path, reason },
            other => Self::Store(other),
        }
    }
}

impl From<RunError> for FigureError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Store(error) => Self::from(error),
            other => Self::Run(Box::new(other)),
        }
    }
}

/// The rows of one run.
pub struct RunRows<R> {
    /// Which run.
    pub label: Label,
    /// Its rows, in order.
    pub rows: Vec<R>,
}

/// Everything that figures are made of.
pub struct Results {
    /// The folder.
    pub folder: PathBuf,
    /// Its spec, where there is one.
    pub spec: Option<String>,
    /// What the spec says, where it can still be read here.
    pub study: Option<Study>,
    /// The sweep's keys.
    pub keys: Vec<String>,
    /// Metrics of each run by reverse step.
    pub metrics: Vec<RunRows<MetricsRow>>,
    /// Losses of each run by iteration.
    pub losses: Vec<RunRows<LossRow>>,
    /// Isotropy along each run's forward process.
    pub isotropy: Vec<RunRows<IsotropyRow>>,
    /// Last steps over replicates.
    pub summary: Vec<SummaryRow>,
    /// What made the numbers.
    pub provenance: Option<serde_json::Value>,
    /// Finished runs: folder and status.
    pub runs: Vec<(PathBuf, Status)>,
    /// What is not there, or could not be used, one sentence each.
    pub notices: Vec<String>,
}

impl Results {
    /// Reads a folder: its tables, or those of its finished runs where it has none yet.
    ///
    /// # Errors
    /// If it is no folder, holds nothing to draw, or a table is damaged.
    pub fn read(folder: &Path) -> Result<Self, FigureError> {
        if !folder.is_dir() {
            return Err(FigureError::NoFolder(folder.to_path_buf()));
        }
        let spec = std::fs::read_to_string(folder.join(names::SPEC)).ok();
        let mut notices = Vec::new();
        let study = match spec.as_deref().map(|text| spec::read_text_in(folder, names::SPEC, text, &[])) {
            Some(Ok(study)) => Some(study),
            Some(Err(error)) => {
                notices.push(format!("the spec cannot be read here, so no point can be drawn: {error}"));
                None
            }
            None => None,
        };
        let runs = finished_runs(folder, study.as_ref(), &mut notices);
        let mut results = Self {
            folder: folder.to_path_buf(),
            spec,
            keys: study.as_ref().map_or_else(Vec::new, |s| s.keys.clone()),
            study,
            metrics: Vec::new(),
            losses: Vec::new(),
            isotropy: Vec::new(),
            summary: Vec::new(),
            provenance: std::fs::read(folder.join(names::PROVENANCE))
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok()),
            runs,
            notices,
        };
        results.metrics = results.table(names::METRICS)?;
        results.losses = results.table(names::LOSS)?;
        results.isotropy = results.table(names::ISOTROPY)?;
        results.summary = results.read_summary()?;
        let nothing = results.metrics.is_empty()
            && results.losses.is_empty()
            && results.isotropy.is_empty()
            && results.summary.is_empty();
        if nothing {
            return Err(FigureError::Nothing(folder.to_path_buf()));
        }
        Ok(results)
    }

    /// A table of the folder, run by run; put together from the runs' own where the folder has none.
    fn table<R: Row>(&mut self, name: &str) -> Result<Vec<RunRows<R>>, StoreError> {
        let path = self.folder.join(name);
        if path.is_file() {
            let (keys, runs) = read_labelled(&path)?;
            if self.keys.is_empty() {
                self.keys = keys;
            }
            return Ok(runs.into_iter().map(|(label, rows)| RunRows { label, rows }).collect());
        }
        let there = self.runs.iter().filter(|(folder, _)| folder.join(name).is_file());
        there
            .map(|(folder, status)| {
                Ok(RunRows { label: status.label.clone(), rows: read_rows(&folder.join(name))? })
            })
            .collect()
    }

    fn read_summary(&mut self) -> Result<Vec<SummaryRow>, StoreError> {
        let path = self.folder.join(names::SUMMARY);
        if path.is_file() {
            let (keys, rows) = read_summary(&path)?;
            if self.keys.is_empty() {
                self.keys = keys;
            }
            return Ok(rows);
        }
        let runs: Vec<(&Path, &Status)> = self.runs.iter().map(|(f, s)| (f.as_path(), s)).collect();
        tables::summarize(&self.keys, &runs)
    }

    /// The name of the experiment, or of its folder.
    pub fn name(&self) -> String {
        let folder = || self.folder.canonicalize().ok()?.file_name()?.to_str().map(str::to_string);
        let named = self.study.as_ref().map(|study| study.base.name.clone());
        named.or_else(folder).unwrap_or_else(|| "results".to_string())
    }

    /// The pipelines, in the order of the spec or of the tables.
    pub fn pipelines(&self) -> Vec<String> {
        let labels = self.metrics.iter().map(|r| &r.label).chain(self.losses.iter().map(|r| &r.label));
        let mut names: Vec<String> = Vec::new();
        for label in labels {
            if !names.contains(&label.pipeline) {
                names.push(label.pipeline.clone());
            }
        }
        names
    }

    /// The finished run of a pipeline at a sweep point, its first replicate.
    pub fn run(&self, pipeline: &str, values: &[String]) -> Option<&(PathBuf, Status)> {
        let of = |label: &Label| label.pipeline == pipeline && label.values == values;
        self.runs.iter().filter(|(_, s)| of(&s.label)).min_by_key(|(_, s)| s.label.replicate)
    }

    /// The mean of a metric of fresh real points, over all sweep points and replicates.
    pub fn data_level(&self, metric: &str) -> Option<f64> {
        let rows = self.summary.iter().filter(|row| row.pipeline == DATA && row.metric == metric);
        let means: Vec<f64> = rows.map(|row| row.numbers.mean).collect();
        (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
    }
}

/// The finished runs in their order, under the labels that the study gives them; a notice says how many are missing.
fn finished_runs(folder: &Path, study: Option<&Study>, notices: &mut Vec<String>) -> Vec<(PathBuf, Status)> {
    // The folder may be that of a single run.
    if let Some(status) = Status::read_done(folder) {
        return vec![(folder.to_path_buf(), status)];
    }
    let (all, runs) = match study {
        Some(study) => {
            let planned = planned(study, folder);
            let mut old = old_folders::old_runs(folder);
            let status = |run: &planned::PlannedRun| {
                let key = (run.label.pipeline.clone(), run.keys.run.clone(), run.label.replicate);
                let found = run.finished().map(|status| (run.folder.clone(), status));
                let (folder, status) =
                    found.or_else(|| old.remove(&key).map(|old| (old.folder, old.status)))?;
                Some((folder, Status { label: run.label.clone(), ..status }))
            };
            (planned.len(), planned.iter().filter_map(status).collect::<Vec<_>>())
        }
        None => {
            let entries = std::fs::read_dir(folder.join(names::RUNS)).into_iter().flatten().flatten();
            let mut folders: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.is_dir()).collect();
            folders.sort();
            let status = |folder: PathBuf| Status::read_done(&folder).map(|status| (folder, status));
            (folders.len(), folders.into_iter().filter_map(status).collect())
        }
    };
    if runs.len() < all {
        let what = if runs.is_empty() { "figures that need them are left out" } else { "figures show those" };
        notices.push(format!("{} of {all} runs are here and finished; {what}", runs.len()));
    }
    runs
}
