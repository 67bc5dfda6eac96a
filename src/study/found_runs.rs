//! The finished runs of a folder by what they are, whichever study they were done for, and what the summary would say of
//! each.

use super::planned;
use super::run_values::{Named, run_values};
use super::version_0_1;
use crate::spec::StageKeys;
use crate::store::rows::read_keys;
use crate::store::run_folder::{read_checked_rows, read_if_there};
use crate::store::sweep_values::by_name;
use crate::store::{LossRow, MetricsRow, Status, StoreError, names};
use std::path::{Path, PathBuf};

/// A finished run.
pub struct FoundRun {
    /// Its folder.
    pub folder: PathBuf,
    /// Its status.
    pub status: Status,
    /// The keys of its stages; those of a run of version 0.1 follow from its spec. None where that cannot be read.
    pub keys: Option<StageKeys>,
}

/// What a run found.
pub struct RunResult {
    /// Its values, as the summary names them.
    pub values: Vec<Named>,
    /// The last reverse step.
    pub steps: usize,
}

impl FoundRun {
    /// The name of its folder.
    pub fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The values of its sweep, in the order of `keys`. They belong to the keys of the sweep that ran it, which its own
    /// table names.
    pub fn sweep_values(&self, keys: &[String]) -> Vec<String> {
        by_name(&self.status.label.values, &self.sweep_keys(), keys)
    }

    /// The keys of the sweep that ran it.
    pub fn sweep_keys(&self) -> Vec<String> {
        read_keys::<MetricsRow>(&self.folder.join(names::METRICS)).unwrap_or_default()
    }

    /// Reads back what it found.
    ///
    /// # Errors
    /// If a table of the run is missing or not what the run wrote.
    pub fn result(&self) -> Result<RunResult, StoreError> {
        let (folder, status) = (&self.folder, &self.status);
        let rows: Vec<MetricsRow> = read_checked_rows(folder, status, names::METRICS)?;
        let losses: Vec<LossRow> = read_if_there(folder, status, names::LOSS)?;
        let steps = rows.last().map_or(0, |row| row.step);
        Ok(RunResult { values: run_values(&rows, &losses, status), steps })
    }
}

/// The finished runs of a folder, in the order of their names.
pub fn found_runs(out: &Path) -> Vec<FoundRun> {
    let found = |name: String| {
        let folder = planned::folder(out, &name);
        let status = Status::read_done(&folder)?;
        let keys = status.keys.clone().or_else(|| version_0_1::keys(&folder));
        Some(FoundRun { folder, status, keys })
    };
    planned::run_folders(out).into_iter().filter_map(found).collect()
}
