//! Executing parts of a frozen study, and collecting its tables.

use super::frozen::{FrozenRun, FrozenStudy, Specs};
use crate::experiment::{
    ExperimentError, Lock, Observer, PlannedRun, Provenance, RunFailure, RunOptions, Status, SummaryRow,
    Work, tables,
};
use crate::spec::{self, Pipeline, Study};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an execution did.
#[derive(Debug)]
pub struct Executed {
    /// Runs that were asked for.
    pub asked: usize,
    /// Of these, runs that were done before.
    pub before: usize,
    /// Runs that failed, by index.
    pub failures: Vec<(usize, RunFailure)>,
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
    /// The status of each run that is done with its frozen spec.
    ///
    /// # Errors
    /// If the specs cannot be read.
    pub fn statuses(&self, out: &Path) -> Result<Vec<Option<Status>>, ExperimentError> {
        let mut specs = Specs::open(out)?;
        let mut status = |run: &FrozenRun| {
            let spec = specs.read(run)?;
            Ok(PlannedRun::status_of(&Self::folder(out, run), &spec, &run.label))
        };
        self.runs.iter().map(&mut status).collect()
    }

    /// Executes the runs of a range of indices that are not done; what reaches past the end is left out.
    ///
    /// # Errors
    /// If the range begins past the end, a spec cannot be read, a file cannot be written, or a stop was asked for.
    pub fn exec(
        &self,
        range: Range<usize>,
        options: &RunOptions,
        observer: &dyn Observer,
    ) -> Result<Executed, ExperimentError> {
        let out = &options.out;
        let count = self.runs.len();
        if range.start >= count {
            return Err(ExperimentError::NoSuchIndex { index: range.start, count });
        }
        let range = range.start..range.end.min(count);
        let asked = range.len();
        let _lock = Lock::shared(out)?;
        let mut specs = Specs::open(out)?;
        let mut todo: Vec<(usize, Arc<str>, Study)> = Vec::new();
        for index in range {
            let run = &self.runs[index];
            let text = specs.read(run)?;
            if PlannedRun::status_of(&Self::folder(out, run), &text, &run.label).is_none() {
                let study = spec::read_text_in(&self.directory, &run.label.run, &text, &[])
                    .map_err(ExperimentError::Spec)?;
                todo.push((index, text.into(), study));
            }
        }
        let runs: Vec<PlannedRun> = todo
            .iter()
            .map(|(index, spec, study)| {
                let run = &self.runs[*index];
                PlannedRun {
                    label: run.label.clone(),
                    pipeline: study.base.pipelines.first().copied().unwrap_or(Pipeline::Baseline),
                    plan: &study.base,
                    spec: Arc::clone(spec),
                    folder: Self::folder(out, run),
                }
            })
            .collect();
        let failures = if runs.is_empty() {
            Vec::new()
        } else {
            Work::new(options, observer, &self.keys)?.run_all(&runs.iter().collect::<Vec<_>>())?
        };
        let index = |failure: &RunFailure| {
            todo.iter().map(|(i, ..)| *i).find(|&i| self.runs[i].label.run == failure.run).unwrap_or_default()
        };
        let failures = failures.into_iter().map(|failure| (index(&failure), failure)).collect();
        Ok(Executed { asked, before: asked - runs.len(), failures })
    }

    /// Makes the study's tables of the runs that are done, in order, and tells which are not.
    ///
    /// # Errors
    /// If a run's table is damaged or a file cannot be written.
    pub fn collect(&self, out: &Path) -> Result<Collected, ExperimentError> {
        Provenance::remove(out)?;
        let statuses = self.statuses(out)?;
        let folders: Vec<PathBuf> = self.runs.iter().map(|run| Self::folder(out, run)).collect();
        let missing: Vec<usize> = (0..statuses.len()).filter(|&i| statuses[i].is_none()).collect();
        let done: Vec<(&Path, &Status)> = folders
            .iter()
            .zip(&statuses)
            .filter_map(|(folder, status)| Some((folder.as_path(), status.as_ref()?)))
            .collect();
        let summary = tables(out, &self.keys, &done)?;
        if missing.is_empty() {
            let seconds =
                done.iter().map(|(_, s)| s.seconds).map(|s| s.gaussianize + s.train + s.sample).sum();
            Provenance::of_collection().write(out, seconds, done.iter().map(|(_, status)| *status))?;
        }
        Ok(Collected { summary, missing })
    }
}
