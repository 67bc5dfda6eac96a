//! The plan of a sweep: `points.json` numbers its runs for good, `specs.txt` holds their resolved specs.

use crate::experiment::{
    ExperimentError, Label, Lock, Observer, PlannedRun, Provenance, RunFailure, RunOptions, Status,
    SummaryRow, Work, files, holds, planned, tables,
};
use crate::spec::{self, Pipeline, Study};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The numbered runs. Written last: without it there is no plan.
const FILE: &str = "points.json";

/// The specs of all runs, one after the other, apart from the numbers so that a process that does one run of
/// thousands reads one of thousands.
const SPECS: &str = "specs.txt";

/// One run, ready to be executed anywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrozenRun {
    /// Name, pipeline, replicate and sweep values.
    #[serde(flatten)]
    pub label: Label,
    /// Where its resolved spec (TOML) begins in `specs.txt`, bytes.
    begin: u64,
    /// How long it is, bytes.
    length: usize,
}

/// The frozen runs of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrozenStudy {
    /// The sweep's keys.
    pub keys: Vec<String>,
    /// The folder in which the study was planned: relative paths in the specs begin there.
    directory: PathBuf,
    /// The runs; their place is their index.
    pub runs: Vec<FrozenRun>,
}

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
    /// Freezes a study into a folder that is free or holds the very same one.
    ///
    /// # Errors
    /// If the folder holds another study or another plan, or cannot be written.
    pub fn plan(study: &Study, out: &Path) -> Result<Self, ExperimentError> {
        let (frozen, specs) = Self::freeze(study, out)?;
        let spec = study.to_toml().map_err(|e| ExperimentError::Defect(format!("spec: {e}")))?;
        files::make_folder(out)?;
        let _lock = Lock::exclusive(out)?;
        holds(out, study, &spec)?;
        // A damaged plan is written anew.
        if Self::read(out).is_ok_and(|old| (&old.keys, &old.runs) != (&frozen.keys, &frozen.runs)) {
            return Err(ExperimentError::OtherPlan(out.display().to_string()));
        }
        files::make_folder(&out.join("runs"))?;
        files::write(&out.join("spec.toml"), |w| w.write_all(spec.as_bytes()))?;
        files::write(&out.join(SPECS), |w| w.write_all(specs.as_bytes()))?;
        files::write(&out.join(FILE), |w| serde_json::to_writer(w, &frozen).map_err(std::io::Error::from))?;
        Ok(frozen)
    }

    /// The plan of a study and the text of its specs.
    fn freeze(study: &Study, out: &Path) -> Result<(Self, String), ExperimentError> {
        let directory = std::env::current_dir()
            .map_err(|e| ExperimentError::Read { path: ".".into(), reason: e.to_string() })?;
        let mut specs = String::new();
        let mut places: HashMap<Arc<str>, u64> = HashMap::new();
        let runs = planned(study, out)
            .into_iter()
            .map(|run| {
                let length = run.spec.len();
                let begin = *places.entry(run.spec).or_insert_with_key(|spec| {
                    specs += &format!("# {}\n", run.label.run);
                    let begin = specs.len() as u64;
                    specs += spec;
                    specs.push('\n');
                    begin
                });
                FrozenRun { label: run.label, begin, length }
            })
            .collect();
        Ok((Self { keys: study.keys.clone(), directory, runs }, specs))
    }

    /// Reads a frozen study.
    ///
    /// # Errors
    /// If the folder has none or it is damaged.
    pub fn read(out: &Path) -> Result<Self, ExperimentError> {
        if !Self::is_in(out) {
            return Err(ExperimentError::NoPlan(out.display().to_string()));
        }
        let path = out.join(FILE);
        let failed = |reason: String| ExperimentError::DamagedPlan { path: path.clone(), reason };
        let bytes = std::fs::read(&path).map_err(|e| failed(e.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|e| failed(e.to_string()))
    }

    /// Whether a folder has a frozen study.
    pub fn is_in(out: &Path) -> bool {
        out.join(FILE).is_file()
    }

    /// Whether these are the runs of that study, in the same order.
    pub fn is_of(&self, study: &Study, out: &Path) -> bool {
        let runs = planned(study, out);
        self.keys == study.keys && self.runs.iter().map(|r| &r.label).eq(runs.iter().map(|r| &r.label))
    }

    /// Takes the plan out of a folder, if there is one.
    ///
    /// # Errors
    /// If another process works there, or a file cannot be removed.
    pub fn remove(out: &Path) -> Result<(), ExperimentError> {
        if !Self::is_in(out) {
            return Ok(());
        }
        let _lock = Lock::exclusive(out)?;
        [FILE, SPECS, "slurm"].into_iter().try_for_each(|name| files::remove(&out.join(name)))
    }

    /// The folder of a run.
    pub fn folder(out: &Path, run: &FrozenRun) -> PathBuf {
        out.join("runs").join(&run.label.run)
    }

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

/// The open text of all specs.
struct Specs {
    path: PathBuf,
    file: File,
}

impl Specs {
    fn open(out: &Path) -> Result<Self, ExperimentError> {
        let path = out.join(SPECS);
        match File::open(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(e) => Err(ExperimentError::DamagedPlan { path, reason: e.to_string() }),
        }
    }

    /// The spec of a run.
    fn read(&mut self, run: &FrozenRun) -> Result<String, ExperimentError> {
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(run.begin))
            .and_then(|_| (&mut self.file).take(run.length as u64).read_to_end(&mut bytes));
        let failed = |reason: String| ExperimentError::DamagedPlan { path: self.path.clone(), reason };
        read.map_err(|e| failed(e.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|e| failed(e.to_string()))?;
        if PlannedRun::is_named_after(&run.label.run, &text) {
            Ok(text)
        } else {
            Err(failed(format!("what stands there for {} is not its spec", run.label.run)))
        }
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
