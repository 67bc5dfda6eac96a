//! The folder of a run: files are written with their digests, and read back checked against them. A run waits for the disk
//! once, when it writes its status, and not even then if it took less than a second: a file that the disk lost has another
//! digest than the status holds, a lost status is none, and the run is computed again.

use super::atomic;
use super::checkpoints::Checkpoints;
use super::error::StoreError;
use super::leftovers::remove_leftovers;
use super::lock::Lock;
use super::names::{ISOTROPY, METRICS, SPEC};
use super::rows::{Label, Row, RowWriter, parse_rows};
use super::status::Status;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Seconds from which on a run is worth waiting for the disk, which takes some milliseconds: a power failure shall not cost
/// it.
const WORTH_WAITING: f64 = 1.0;

/// A run's folder while the run is being done, locked for this process.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Whether nothing of an earlier run can be there.
    is_new: bool,
    files: Mutex<BTreeMap<String, String>>,
    _lock: Lock,
}

impl RunFolder {
    /// Makes the folder ready to run in: an old status is removed, and so are checkpoints of a training other than that
    /// of the key `training`.
    ///
    /// # Errors
    /// If another process works there, or the folder cannot be made or cleared.
    pub fn open(path: &Path, spec: &str, training: Option<&str>) -> Result<Self, StoreError> {
        let is_new = atomic::make_new_folder(path)?;
        let lock = Lock::exclusive(path)?;
        if !is_new {
            Status::remove(path)?;
            Checkpoints::clear_others(path, training)?;
            remove_leftovers(path)?;
        }
        let folder = Self { path: path.to_path_buf(), is_new, files: Mutex::default(), _lock: lock };
        // A run that goes on finds its spec there, and need not wait for the disk.
        if !is_new && std::fs::read(path.join(SPEC)).is_ok_and(|there| there == spec.as_bytes()) {
            folder.note(SPEC, atomic::digest(spec.as_bytes()));
        } else {
            folder.write(SPEC, |out| out.write_all(spec.as_bytes()))?;
        }
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of the run, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(
        &self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        self.note(name, atomic::place(&self.path.join(name), fill)?);
        Ok(())
    }

    /// Writes a table of the run under its label. `keys` are the sweep's columns.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_rows<R: Row>(
        &self,
        name: &str,
        keys: &[String],
        label: &Label,
        rows: &[R],
    ) -> Result<(), StoreError> {
        let mut table = RowWriter::begin(&self.path.join(name), keys)?;
        table.add(label, rows)?;
        self.note(name, table.place()?);
        Ok(())
    }

    /// Keeps a file that this run wrote before it was interrupted, if it is there.
    pub fn keep(&self, name: &str) {
        if let Ok(bytes) = atomic::read(&self.path.join(name)) {
            self.note(name, atomic::digest(&bytes));
        }
    }

    /// Removes a file that an earlier run of this folder may have left, and that this one does not write.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        if self.is_new { Ok(()) } else { atomic::remove(&self.path.join(name)) }
    }

    fn note(&self, name: &str, digest: String) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_string(), digest);
    }

    /// Writes the status, which says that the run is done, with the digests of everything written before.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(&self, status: Status) -> Result<Status, StoreError> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = Status { files, ..status };
        if status.seconds.total() < WORTH_WAITING {
            status.place(&self.path)?;
        } else {
            status.write(&self.path)?;
        }
        Ok(status)
    }
}

/// The bytes of a file of a finished run, which must be those that the run wrote. Version 0.1 kept no digests: its
/// files are taken as they are.
///
/// # Errors
/// If the file is missing or has changed since.
pub fn read_checked(folder: &Path, status: &Status, name: &str) -> Result<Vec<u8>, StoreError> {
    let path = folder.join(name);
    let failed = |reason: String| StoreError::Read { path: path.clone(), reason };
    let bytes = atomic::read(&path).map_err(|e| failed(e.to_string()))?;
    match status.files.get(name) {
        Some(digest) if *digest != atomic::digest(&bytes) => Err(failed(
            "it is not what the run wrote; its digest differs from the one in status.json".to_string(),
        )),
        None if !status.files.is_empty() => Err(failed("the run did not write it".to_string())),
        _ => Ok(bytes),
    }
}

/// Whether every file of a finished run is what it wrote. Of version 0.1, which kept no digests, whether its tables are
/// there.
///
/// # Errors
/// The first that is not.
pub fn check_files(folder: &Path, status: &Status) -> Result<(), StoreError> {
    let check = |name: &str| read_checked(folder, status, name).map(|_| ());
    if status.files.is_empty() {
        return [METRICS, ISOTROPY].into_iter().try_for_each(check);
    }
    status.files.keys().try_for_each(|name| check(name))
}

/// The rows of a table of a finished run, checked as in [`read_checked`].
///
/// # Errors
/// If the file is missing, has changed, or is no such table.
pub fn read_checked_rows<R: DeserializeOwned>(
    folder: &Path,
    status: &Status,
    name: &str,
) -> Result<Vec<R>, StoreError> {
    parse_rows(&folder.join(name), read_checked(folder, status, name)?.as_slice())
}

/// Whether the run wrote a file of that name. Of version 0.1, whether the file is there.
pub fn has_file(folder: &Path, status: &Status, name: &str) -> bool {
    if status.files.is_empty() { folder.join(name).is_file() } else { status.files.contains_key(name) }
}

/// The table of a stage that not every pipeline has.
///
/// # Errors
/// If it is there and not what the run wrote.
pub fn read_if_there<R: DeserializeOwned>(
    folder: &Path,
    status: &Status,
    name: &str,
) -> Result<Vec<R>, StoreError> {
    if has_file(folder, status, name) { read_checked_rows(folder, status, name) } else { Ok(Vec::new()) }
}
