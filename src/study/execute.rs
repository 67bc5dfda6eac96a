//! Executing parts of a frozen study, and collecting its tables.

use super::error::{RunFailure, StudyError};
use super::frozen_plan::{FrozenStudy, Specs};
use super::frozen_run::FrozenRun;
use super::planned::PlannedRun;
use super::provenance::Provenance;
use super::scheduler::Scheduler;
use super::tables::Tables;
use super::work::before;
use crate::run::{Before, Event, Reporter, RunOptions};
use crate::spec::{self, Study};
use crate::store::leftovers::remove_leftovers;
use crate::store::run_folder::check_files;
use crate::store::sweep_values::KeyNames;
use crate::store::{Lock, Status, StoreError, SummaryRow};
use rayon::prelude::*;
use std::collections::HashSet;
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
    /// Indices of the runs that are not done, damaged ones among them.
    pub missing: Vec<usize>,
    /// Runs that were done and whose files are not what they wrote, each with what is wrong.
    pub damaged: Vec<String>,
}

impl FrozenStudy {
    /// The status of each run that says it is done, under its label in the plan. Its files are not looked at.
    ///
    /// # Errors
    /// If the specs cannot be read.
    pub fn statuses(&self, out: &Path) -> Result<Vec<Option<Status>>, StudyError> {
        let mut specs = Specs::open(out)?;
        let mut status = |run: &FrozenRun| {
            let status = Self::finished(out, run, &mut specs)?;
            Ok(status.map(|status| Status { label: run.label.clone(), ..status }))
        };
        self.runs.iter().map(&mut status).collect()
    }

    /// Executes the runs of a range of indices that are not done; what reaches past the end is left out, and so are
    /// runs that another index executes (see [`firsts`](Self::firsts)).
    ///
    /// # Errors
    /// If the range begins past the end, a spec cannot be read, a file cannot be written, or a stop was asked for.
    pub fn exec(
        &self,
        range: Range<usize>,
        options: &RunOptions,
        reporter: &dyn Reporter,
    ) -> Result<Executed, StudyError> {
        let out = &options.out;
        let count = self.runs.len();
        if range.start >= count {
            return Err(StudyError::NoSuchIndex { index: range.start, count });
        }
        let range = range.start..range.end.min(count);
        // A job of one run of many thousands must not look all of them up in a table.
        let range: Vec<usize> = match range.len() {
            1 => range.filter(|&index| self.is_first(index)).collect(),
            _ => {
                let firsts = self.firsts();
                range.filter(|&index| firsts[index] == index).collect()
            }
        };
        let asked = range.len();
        let _lock = Lock::shared(out)?;
        remove_leftovers(out)?;
        let mut specs = Specs::open(out)?;
        let mut todo: Vec<(usize, Arc<str>, Study)> = Vec::new();
        for index in range {
            let run = &self.runs[index];
            let status = Self::finished(out, run, &mut specs)?;
            let damage = status.as_ref().and_then(|s| check_files(&Self::folder(out, run), s).err());
            if let Some(error) = &damage {
                let name = &run.label.run;
                reporter.on(Event::Notice(&format!("{name} is computed again: {}", error.reason())));
            }
            if status.is_none() || damage.is_some() {
                let text = specs.read(run)?;
                let study = spec::read_text_in(&self.directory, &run.label.run, &text, &[])
                    .map_err(StudyError::Spec)?;
                study.check_memory().map_err(StudyError::Spec)?;
                let key = study.points.first().and_then(|point| point.runs.first()).map(|run| &run.keys.run);
                if run.keys.as_ref().is_some_and(|keys| !key.is_some_and(|key| keys.is_run(key))) {
                    return Err(specs.damaged(run));
                }
                todo.push((index, text.into(), study));
            }
        }
        let mut runs: Vec<PlannedRun> = Vec::new();
        for (index, spec, study) in &todo {
            let run = &self.runs[*index];
            let identity = study.points.first().and_then(|point| point.runs.first());
            let (Some(identity), Some(pipeline)) = (identity, study.base.pipelines.first()) else {
                return Err(specs.damaged(run));
            };
            runs.push(PlannedRun {
                label: run.label.clone(),
                pipeline,
                plan: &study.base,
                spec: Arc::clone(spec),
                keys: Arc::clone(&identity.keys),
                folder: Self::folder(out, run),
            });
        }
        let failures = if runs.is_empty() {
            Vec::new()
        } else {
            let lenders = self.lenders(out, todo.iter().map(|(index, ..)| *index));
            let lenders = lenders.iter().map(|(folder, status)| (folder.as_path(), status));
            let scheduler = Scheduler::new(options, reporter, &self.keys)?;
            let done = asked - runs.len();
            // Specs of runs that are done are not read: they weigh as much as the others do in the mean.
            let work = before(&runs).work * done as f64 / runs.len() as f64;
            scheduler.run_all(&runs.iter().collect::<Vec<_>>(), lenders, Before { runs: done, work })?
        };
        let index = |failure: &RunFailure| {
            let of = |(index, ..): &&(usize, Arc<str>, Study)| self.runs[*index].label.run == failure.run;
            todo.iter().find(of).expect("a run that failed was asked for").0
        };
        let failures = failures.into_iter().map(|failure| (index(&failure), failure)).collect();
        Ok(Executed { asked, before: asked - runs.len(), failures })
    }

    /// Finished runs of the plan that have trained a network which one of the runs of these indices needs.
    fn lenders(&self, out: &Path, todo: impl Iterator<Item = usize>) -> Vec<(PathBuf, Status)> {
        let network = |run: &FrozenRun| run.keys.as_ref().and_then(|keys| keys.network);
        let needed: HashSet<usize> = todo.filter_map(|index| network(&self.runs[index])).collect();
        let lends = |run: &&FrozenRun| network(run).is_some_and(|number| needed.contains(&number));
        let finished = |run: &FrozenRun| {
            let folder = Self::folder(out, run);
            Status::read_done(&folder).map(|status| (folder, status))
        };
        self.runs.iter().filter(lends).filter_map(finished).collect()
    }

    /// Makes the study's tables of the runs that are done, in order, and says which are not done. Their files are read on all
    /// threads of the caller's pool.
    ///
    /// # Errors
    /// If a run's table is damaged, a file cannot be written, or two keys would have one column.
    pub fn collect(&self, out: &Path, key_names: KeyNames) -> Result<Collected, StudyError> {
        let columns = key_names.columns(&self.keys).map_err(StudyError::one_column)?;
        remove_leftovers(out)?;
        // Whoever runs the whole study writes the same tables, and holds the folder alone; jobs that execute parts of it
        // share it.
        let _lock = Lock::shared(out)?;
        Provenance::remove(out)?;
        let mut statuses = self.statuses(out)?;
        let mut damaged = Vec::new();
        let damage = |(run, status): (&FrozenRun, &Option<Status>)| {
            status.as_ref().and_then(|status| check_files(&Self::folder(out, run), status).err())
        };
        let errors: Vec<Option<StoreError>> = self.runs.par_iter().zip(&statuses).map(damage).collect();
        for ((run, status), error) in self.runs.iter().zip(&mut statuses).zip(errors) {
            if let Some(error) = error {
                damaged.push(format!("{} is left out: {}", run.label.run, error.reason()));
                *status = None;
            }
        }
        let folders: Vec<PathBuf> = self.runs.iter().map(|run| Self::folder(out, run)).collect();
        let missing: Vec<usize> = (0..statuses.len()).filter(|&i| statuses[i].is_none()).collect();
        let done: Vec<(&Path, &Status)> = folders
            .iter()
            .zip(&statuses)
            .filter_map(|(folder, status)| Some((folder.as_path(), status.as_ref()?)))
            .collect();
        let tables = Tables::write(out, (&self.keys, &columns), &done)?;
        if missing.is_empty() {
            let seconds = done.iter().map(|(_, status)| status.seconds.total()).sum();
            let statuses = done.iter().map(|(_, status)| *status);
            Provenance::of_collection().write(out, seconds, statuses, &tables.digests)?;
        }
        Ok(Collected { summary: tables.summary, missing, damaged })
    }
}
