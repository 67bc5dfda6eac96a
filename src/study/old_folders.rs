//! Folders of version 0.1, whose runs are named after the bytes of their spec: the same run has another name now.

use super::planned::{PlannedRun, keys_of_version_0_1};
use crate::spec::{NUMERICS, StageKeys};
use crate::store::{Lock, Status, StoreError, atomic, names};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A finished run of version 0.1.
pub struct OldRun {
    /// Where it is.
    pub folder: PathBuf,
    /// How it ended.
    pub status: Status,
    keys: StageKeys,
}

/// The finished runs of version 0.1 in a folder, by pipeline, key and replicate. None where the folder has none, which
/// is known without reading each run's spec.
pub fn old_runs(out: &Path) -> HashMap<(String, String, usize), OldRun> {
    let entries = std::fs::read_dir(out.join(names::RUNS)).into_iter().flatten().flatten();
    let old = |folder: PathBuf| {
        let status = Status::read_done(&folder).filter(|status| status.keys.is_none())?;
        let keys = keys_of_version_0_1(&folder)?.as_ref().clone();
        let key = (status.label.pipeline.clone(), keys.run.clone(), status.label.replicate);
        Some((key, OldRun { folder, status, keys }))
    };
    entries.filter_map(|entry| old(entry.path())).collect()
}

/// Gives the old runs that a study asks for their new names, keys and digests; returns how many.
///
/// # Errors
/// If a folder is in use or cannot be renamed.
pub fn adopt(out: &Path, runs: &[PlannedRun]) -> Result<usize, StoreError> {
    let mut old = old_runs(out);
    let mut adopted = 0;
    for run in runs {
        let key = (run.label.pipeline.clone(), run.keys.run.clone(), run.label.replicate);
        let Some(found) = old.remove(&key) else { continue };
        if found.folder != run.folder && run.folder.exists() {
            continue;
        }
        let lock = Lock::exclusive(&found.folder)?;
        let failed = |source| StoreError::Write { path: run.folder.clone(), source };
        if found.folder != run.folder {
            std::fs::rename(&found.folder, &run.folder).map_err(failed)?;
        }
        let mut files = std::collections::BTreeMap::new();
        for entry in std::fs::read_dir(&run.folder).map_err(failed)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != names::LOCK && name != names::STATUS && entry.path().is_file() {
                let bytes = std::fs::read(entry.path()).map_err(failed)?;
                files.insert(name, atomic::digest(&bytes));
            }
        }
        let label = crate::store::Label { run: run.label.run.clone(), ..found.status.label.clone() };
        let (keys, numerics) = (Some(found.keys), Some(NUMERICS));
        Status { label, keys, numerics, files, ..found.status }.write(&run.folder)?;
        drop(lock);
        adopted += 1;
    }
    Ok(adopted)
}
