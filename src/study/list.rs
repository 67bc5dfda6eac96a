//! `gdiff ls` and `gdiff sweep status`: the runs of a folder and their states.

use super::error::StudyError;
use super::frozen_plan::FrozenStudy;
use super::old_folders::OldRuns;
use super::planned::{self, planned};
use super::run_progress::{RunProgress, run_progress};
use crate::spec;
use crate::store::rows::{last_row, read_keys};
use crate::store::run_folder::read_checked;
use crate::store::sweep_values::by_name;
use crate::store::{Label, Lock, MetricsRow, State, Status, names};
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// All its files are there.
    Done,
    /// It failed; its status says why.
    Failed,
    /// A process works on it.
    Running,
    /// It was begun, and no process works on it.
    Interrupted,
    /// It was never begun, and a process works on the study, which will come to it.
    Queued,
    /// It was never begun.
    Missing,
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Queued => "queued",
            Self::Missing => "missing",
        })
    }
}

/// A run as the list shows it.
#[derive(Debug, Clone)]
pub struct RunLine {
    /// Name, pipeline, replicate and sweep values.
    pub label: Label,
    /// Its state.
    pub state: RunState,
    /// How far it is, where it is begun and not over.
    pub progress: Option<RunProgress>,
    /// Whether the plan or the spec of the folder asks for it. What it does not ask for is in no table of the study.
    pub asked_for: bool,
    /// Its last row of metrics, when done.
    pub last: Option<MetricsRow>,
    /// Why it failed, or what is wrong with its metrics.
    pub error: Option<String>,
}

impl RunLine {
    /// The part of its work that is done.
    pub fn part(&self) -> f64 {
        match self.state {
            RunState::Done => 1.0,
            _ => self.progress.map_or(0.0, |progress| progress.part),
        }
    }
}

/// The runs of a folder.
#[derive(Debug, Clone)]
pub struct RunList {
    /// The sweep's keys.
    pub keys: Vec<String>,
    /// The runs, in their order.
    pub lines: Vec<RunLine>,
}

/// The runs of a folder in their order, with their state and, where asked for, their main results: those of its
/// plan, else of its spec, else what is there.
///
/// # Errors
/// If the folder holds no runs at all, or its plan is damaged.
pub fn list(out: &Path, with_results: bool) -> Result<RunList, StudyError> {
    let (keys, labels) = if FrozenStudy::is_in(out) {
        let frozen = FrozenStudy::read(out)?;
        (frozen.keys, frozen.runs.into_iter().map(|run| run.label).collect())
    } else {
        match planned_labels(out) {
            Some(planned) => planned,
            None => (Vec::new(), found_labels(out)?),
        }
    };
    let line = |label: Label| {
        let folder = planned::folder(out, &label.run);
        let status = Status::read(&folder);
        line(out, &folder, label, status, with_results)
    };
    Ok(RunList { keys, lines: labels.into_iter().map(line).collect() })
}

/// The runs that the folder's own spec asks for; none where it cannot be read here and now.
fn planned_labels(out: &Path) -> Option<(Vec<String>, Vec<Label>)> {
    let text = std::fs::read_to_string(out.join(names::SPEC)).ok()?;
    let study = spec::read_text_in(out, names::SPEC, &text, &[]).ok()?;
    let old = OldRuns::read(out);
    let label = |run: planned::PlannedRun| match old.locate(&run).filter(|_| !run.folder.exists()) {
        // A run of version 0.1 is under another name there.
        Some((_, status)) => Label { run: status.label.run, ..run.label },
        None => run.label,
    };
    let labels = planned(&study, out).into_iter().map(label).collect();
    Some((study.keys.clone(), labels))
}

/// The runs of the folder that the study of the folder does not ask for, in the order of their names: those of a larger
/// sweep that ran there before, say.
pub fn not_asked_for(out: &Path, list: &RunList, with_results: bool) -> Vec<RunLine> {
    let asked_for: HashSet<&str> = list.lines.iter().map(|line| line.label.run.as_str()).collect();
    let others = planned::run_folders(out).into_iter().filter(|name| !asked_for.contains(name.as_str()));
    let line = |run: String| {
        let folder = planned::folder(out, &run);
        let status = Status::read(&folder);
        let unknown = Label { run: run.clone(), pipeline: String::new(), replicate: 0, values: Vec::new() };
        let label = status.as_ref().map_or(unknown, |status| status.label.clone());
        // The values belong to the keys of the sweep that ran it, which its own table names.
        let keys = read_keys::<MetricsRow>(&folder.join(names::METRICS)).unwrap_or_default();
        let values = by_name(&label.values, &keys, &list.keys);
        RunLine {
            asked_for: false,
            ..line(out, &folder, Label { run, values, ..label }, status, with_results)
        }
    };
    others.map(line).collect()
}

/// The runs whose folders are there.
fn found_labels(out: &Path) -> Result<Vec<Label>, StudyError> {
    let entries = std::fs::read_dir(out.join(names::RUNS))
        .map_err(|_| StudyError::NoRuns(out.display().to_string()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    let label = |folder: &PathBuf| {
        let run = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let unknown = Label { run, pipeline: String::new(), replicate: 0, values: Vec::new() };
        Status::read(folder).map_or(unknown, |status| status.label)
    };
    Ok(folders.iter().map(label).collect())
}

fn line(out: &Path, folder: &Path, label: Label, status: Option<Status>, with_results: bool) -> RunLine {
    let state = match status.as_ref().map(|s| s.state) {
        Some(State::Done) => RunState::Done,
        _ if Lock::is_held(folder) => RunState::Running,
        Some(State::Failed) => RunState::Failed,
        None if folder.join(names::SPEC).is_file() => RunState::Interrupted,
        None if Lock::is_held(out) => RunState::Queued,
        None => RunState::Missing,
    };
    let progress = match state {
        RunState::Running | RunState::Interrupted => {
            run_progress(folder, label.replicate, state == RunState::Running)
        }
        _ => None,
    };
    let done = status.as_ref().filter(|_| with_results && state == RunState::Done);
    let table = done.map(|status| read_checked(folder, status, names::METRICS));
    let (table, damage) = match table.transpose() {
        Ok(table) => (table, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let last = table.and_then(|table| last_row(&table));
    let error = status.and_then(|s| s.error).or(damage);
    RunLine { label, state, progress, asked_for: true, last, error }
}
