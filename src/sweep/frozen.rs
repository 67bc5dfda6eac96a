//! `points.json`: the runs of a study with their resolved specs, numbered for good.

use crate::experiment::{
    ExperimentError, Label, Lock, Observer, PlannedRun, RunOptions, SummaryRow, Work, files, planned, tables,
};
use crate::spec::{self, Pipeline, Study};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::{Path, PathBuf};

const FILE: &str = "points.json";

/// One run, ready to be executed anywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrozenRun {
    /// Name, pipeline, replicate and sweep values.
    #[serde(flatten)]
    pub label: Label,
    /// Its resolved spec, TOML.
    pub spec: String,
}

/// The frozen runs of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrozenStudy {
    /// The sweep's keys.
    pub keys: Vec<String>,
    /// The runs; their place is their index.
    pub runs: Vec<FrozenRun>,
}

/// What has been collected, and what is not there.
#[derive(Debug)]
pub struct Collected {
    /// The rows of `summary.csv`.
    pub summary: Vec<SummaryRow>,
    /// Indices of the runs that are not done.
    pub missing: Vec<usize>,
}

impl FrozenStudy {
    /// Freezes a study into a folder that is free or holds the very same one.
    ///
    /// # Errors
    /// If the folder holds another study or cannot be written.
    pub fn plan(study: &Study, out: &Path) -> Result<Self, ExperimentError> {
        let runs = planned(study, out)?;
        let runs = runs.into_iter().map(|run| FrozenRun { label: run.label, spec: run.spec }).collect();
        let frozen = Self { keys: study.keys.clone(), runs };
        files::make_folder(&out.join("runs"))?;
        let _lock = Lock::exclusive(out)?;
        if out.join(FILE).exists() && Self::read(out)? != frozen {
            return Err(ExperimentError::OtherSpec {
                folder: out.display().to_string(),
                difference: format!("{FILE} lists other runs"),
            });
        }
        let spec = study.to_toml().map_err(|e| ExperimentError::Defect(format!("spec: {e}")))?;
        files::write(&out.join("spec.toml"), |w| w.write_all(spec.as_bytes()))?;
        files::write(&out.join(FILE), |w| serde_json::to_writer(w, &frozen).map_err(std::io::Error::from))?;
        Ok(frozen)
    }

    /// Reads a frozen study.
    ///
    /// # Errors
    /// If the folder has none or it is damaged.
    pub fn read(out: &Path) -> Result<Self, ExperimentError> {
        let path = out.join(FILE);
        let failed = |reason: String| ExperimentError::Read { path: path.clone(), reason };
        let bytes = std::fs::read(&path).map_err(|e| failed(e.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|e| failed(e.to_string()))
    }

    /// Whether a folder has a frozen study.
    pub fn is_in(out: &Path) -> bool {
        out.join(FILE).is_file()
    }

    /// The folder of a run.
    pub fn folder(out: &Path, run: &FrozenRun) -> PathBuf {
        out.join("runs").join(&run.label.run)
    }

    /// Whether a run is done with its frozen spec.
    pub fn is_done(out: &Path, run: &FrozenRun) -> bool {
        PlannedRun::status_of(&Self::folder(out, run), &run.spec, &run.label).is_some()
    }

    /// Executes the runs of a range of indices that are not done; returns how many it did.
    ///
    /// # Errors
    /// If the range is past the end, a spec cannot be read, or a run fails.
    pub fn exec(
        &self,
        range: Range<usize>,
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> Result<usize, ExperimentError> {
        let out = &options.out;
        let chosen = self
            .runs
            .get(range.clone())
            .ok_or_else(|| ExperimentError::NoSuchIndex { index: range.end - 1, count: self.runs.len() })?;
        let _lock = Lock::shared(out)?;
        let todo: Vec<&FrozenRun> = chosen.iter().filter(|run| !Self::is_done(out, run)).collect();
        let studies = todo
            .iter()
            .map(|run| {
                spec::read_text(FILE, &run.spec, &[])
                    .map_err(|e| ExperimentError::Read { path: out.join(FILE), reason: e.to_string() })
            })
            .collect::<Result<Vec<Study>, _>>()?;
        let runs: Vec<PlannedRun> = todo
            .iter()
            .zip(&studies)
            .map(|(run, study)| PlannedRun {
                label: run.label.clone(),
                pipeline: study.base.pipelines.first().copied().unwrap_or(Pipeline::Baseline),
                plan: &study.base,
                spec: run.spec.clone(),
                folder: Self::folder(out, run),
            })
            .collect();
        let work = Work::new(options, observer, &self.keys)?;
        work.run_all(&runs.iter().collect::<Vec<_>>(), options.jobs.clamp(1, runs.len().max(1)))?;
        Ok(runs.len())
    }

    /// Makes the study's tables of the runs that are done, in order, and tells which are not.
    ///
    /// # Errors
    /// If a run's table is damaged or a file cannot be written.
    pub fn collect(&self, out: &Path) -> Result<Collected, ExperimentError> {
        let mut done = Vec::new();
        let mut missing = Vec::new();
        for (index, run) in self.runs.iter().enumerate() {
            let folder = Self::folder(out, run);
            match PlannedRun::status_of(&folder, &run.spec, &run.label) {
                Some(status) => done.push((folder, status)),
                None => missing.push(index),
            }
        }
        let pairs: Vec<_> = done.iter().map(|(folder, status)| (folder.as_path(), status)).collect();
        let summary = tables(out, &self.keys, &pairs)?;
        Ok(Collected { summary, missing })
    }
}

/// Indices as ranges, the way people and job arrays write them: `0-3,7,9-11`.
pub fn ranges(indices: &[usize]) -> String {
    let mut text: Vec<String> = Vec::new();
    let mut rest = indices;
    while let Some(&first) = rest.first() {
        let length = rest.iter().zip(first..).take_while(|(have, want)| **have == *want).count();
        let last = first + length - 1;
        text.push(if length == 1 { first.to_string() } else { format!("{first}-{last}") });
        rest = &rest[length..];
    }
    text.join(",")
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn ranges_join_neighbours_only() {
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[4]), "4");
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
    }
}
