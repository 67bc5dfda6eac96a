//! Unfinished files that a killed process left behind: whoever finds them clears them away.
//!
//! A process holds the operating system's lock on every file that it writes aside, and the lock goes with the
//! process. So an unfinished file that nobody holds is of no use to anybody, in whichever folder it lies.

use super::error::StoreError;
use super::names::UNFINISHED;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// Characters between the two ends of the name of an unfinished file.
const RANDOM: usize = 6;

/// Removes the unfinished files of a folder that no process is writing. Files with other names, and what is no file,
/// are never touched.
///
/// # Errors
/// If one of them cannot be removed.
pub fn remove_leftovers(folder: &Path) -> Result<(), StoreError> {
    // The folder of a bare file name.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(is_unfinished) && is_abandoned(&entry.path()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file that another process may just have removed.
fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::Write { path: path.to_path_buf(), source })
        }
        _ => Ok(()),
    }
}

/// Whether a name is one that unfinished files of this program have.
fn is_unfinished(name: &str) -> bool {
    let middle = name.strip_prefix(UNFINISHED.0).and_then(|rest| rest.strip_suffix(UNFINISHED.1));
    middle.is_some_and(|text| text.len() == RANDOM && text.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Whether no process writes the file. Where files cannot be locked, nobody can tell, and the file is taken for one
/// of a process that was killed.
fn is_abandoned(path: &Path) -> bool {
    !File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Holds a file that is being written for this process. Tells whether the file is still there: it is not if another
/// process took it for a leftover between its making and its lock.
pub(super) fn hold(file: &File, path: &Path) -> bool {
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::atomic;

    #[test]
    fn what_is_being_written_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let names = [".gdiff-a1B2c3.part", ".gdiff-notes.part", ".gdiff-a1B2c3.part.txt", "mine.part"];
        for name in names {
            fs::write(folder.path().join(name), "text").unwrap();
        }
        fs::create_dir(folder.path().join(".gdiff-folder.part")).unwrap();
        let under_way = atomic::Unfinished::begin(&folder.path().join("table.csv")).unwrap();
        let there = || fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(there(), 6);
        remove_leftovers(folder.path()).unwrap();
        assert_eq!((there(), folder.path().join(names[0]).exists()), (5, false));
        under_way.finish().unwrap();
        assert!(folder.path().join("table.csv").exists());
        assert_eq!(there(), 5);
    }
}
