//! Finished runs whose name is another one by now: a study that gains its first sweep key, or loses its last one, names the
//! same runs otherwise. They are kept under the new name.

use super::planned::{PlannedRun, finished, folder};
use crate::store::{Label, Lock, Status, StoreError};
use std::path::Path;

/// Gives finished runs that are asked for under another name that name; returns how many.
///
/// # Errors
/// If a folder is in use or cannot be renamed.
pub fn rename(out: &Path, runs: &[PlannedRun]) -> Result<usize, StoreError> {
    let mut renamed = 0;
    for run in runs.iter().filter(|run| !run.folder.exists()) {
        let before = folder(out, &run.other_name());
        let found = finished(&before, |key| key == run.keys.run, run.label.replicate);
        // Runs of version 0.1 are renamed with their keys and digests.
        let Some(status) = found.filter(|status| status.keys.is_some()) else { continue };
        let lock = Lock::exclusive(&before)?;
        std::fs::rename(&before, &run.folder)
            .map_err(|source| StoreError::Write { path: run.folder.clone(), source })?;
        let label = Label { run: run.label.run.clone(), ..status.label.clone() };
        Status { label, ..status }.write(&run.folder)?;
        drop(lock);
        renamed += 1;
    }
    Ok(renamed)
}
