//! `gdiff ls` and `gdiff sweep status`: the runs of a folder and how they stand.

use super::frozen::{FrozenRun, FrozenStudy};
use crate::experiment::{ExperimentError, Label, Lock, MetricsRow, State, Status, read_rows};
use std::fmt;
use std::path::Path;

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// All its files are there.
    Done,
    /// It failed; its status says why.
    Failed,
    /// A process holds it.
    Running,
    /// It was begun, and nobody works on it.
    Begun,
    /// Nothing of it is there.
    Missing,
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Running => "running",
            Self::Begun => "begun",
            Self::Missing => "missing",
        })
    }
}

/// A run as the list shows it.
#[derive(Debug, Clone)]
pub struct RunLine {
    /// Name, pipeline, replicate and sweep values.
    pub label: Label,
    /// How it stands.
    pub state: RunState,
    /// Its last row of metrics, when done.
    pub last: Option<MetricsRow>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The runs of a folder in their order, with their state and, where asked for, their main results.
///
/// # Errors
/// If the folder holds no runs at all, or `points.json` is damaged.
pub fn list(out: &Path, with_results: bool) -> Result<Vec<RunLine>, ExperimentError> {
    if FrozenStudy::is_in(out) {
        let frozen = FrozenStudy::read(out)?;
        return Ok(frozen.runs.iter().map(|run| planned_line(out, run, with_results)).collect());
    }
    let runs = out.join("runs");
    let unreadable = |e: std::io::Error| ExperimentError::Read { path: runs.clone(), reason: e.to_string() };
    let mut names: Vec<_> = std::fs::read_dir(&runs).map_err(unreadable)?.flatten().collect();
    names.sort_by_key(std::fs::DirEntry::file_name);
    let line = |entry: std::fs::DirEntry| {
        let folder = entry.path();
        let status = Status::read(&folder);
        let name = entry.file_name().to_string_lossy().into_owned();
        let unknown = Label { run: name, pipeline: String::new(), replicate: 0, values: Vec::new() };
        let label = status.as_ref().map_or(unknown, |s| s.label.clone());
        line(&folder, label, status, with_results)
    };
    Ok(names.into_iter().filter(|entry| entry.path().is_dir()).map(line).collect())
}

fn planned_line(out: &Path, run: &FrozenRun, with_results: bool) -> RunLine {
    let folder = FrozenStudy::folder(out, run);
    line(&folder, run.label.clone(), Status::read(&folder), with_results)
}

fn line(folder: &Path, label: Label, status: Option<Status>, with_results: bool) -> RunLine {
    let state = match status.as_ref().map(|s| s.state) {
        Some(State::Done) => RunState::Done,
        _ if Lock::is_held(folder) => RunState::Running,
        Some(State::Failed) => RunState::Failed,
        None if folder.is_dir() => RunState::Begun,
        None => RunState::Missing,
    };
    let rows = || read_rows::<MetricsRow>(&folder.join("metrics.csv")).ok();
    let last = (with_results && state == RunState::Done).then(rows).flatten().and_then(|mut r| r.pop());
    RunLine { label, state, last, error: status.and_then(|s| s.error) }
}
