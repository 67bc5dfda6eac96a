//! Every file of a study against its digest.

use super::error::StudyError;
use super::provenance;
use crate::store::run_folder::read_checked;
use crate::store::{Status, atomic, names};
use std::path::{Path, PathBuf};

/// What a check of a folder found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Files that are what was written.
    pub sound: usize,
    /// Files that are not, each with what is wrong.
    pub damaged: Vec<String>,
    /// Finished runs of version 0.1, which kept no digests.
    pub without_digests: usize,
}

/// Checks every file of the finished runs of a folder, and its tables.
///
/// # Errors
/// If the folder has neither runs nor tables.
pub fn verify(out: &Path) -> Result<Verified, StudyError> {
    let mut verified = Verified::default();
    let entries = std::fs::read_dir(out.join(names::RUNS)).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let digests = provenance::digests(out);
    if folders.is_empty() && digests.is_empty() {
        return Err(StudyError::NoRuns(out.display().to_string()));
    }
    for folder in folders {
        let has_status = folder.join(names::STATUS).is_file();
        match Status::read_done(&folder) {
            Some(status) if status.files.is_empty() => verified.without_digests += 1,
            Some(status) => {
                for name in status.files.keys() {
                    match read_checked(&folder, &status, name) {
                        Ok(_) => verified.sound += 1,
                        Err(error) => verified.damaged.push(error.reason()),
                    }
                }
            }
            None if has_status && Status::read(&folder).is_none() => {
                verified.damaged.push(format!("{}: it cannot be read", folder.join(names::STATUS).display()));
            }
            None => {}
        }
    }
    for (name, digest) in &digests {
        let path = out.join(name);
        match std::fs::read(&path) {
            Ok(bytes) if atomic::digest(&bytes) == *digest => verified.sound += 1,
            Ok(_) => verified.damaged.push(format!("{}: it is not what was written", path.display())),
            Err(error) => verified.damaged.push(format!("{}: {error}", path.display())),
        }
    }
    Ok(verified)
}
