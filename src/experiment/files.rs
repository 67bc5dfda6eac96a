//! Files that appear whole or not at all: written aside in the same folder, synced, then renamed.

use super::error::ExperimentError;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

const PREFIX: &str = ".gdiff-";
const SUFFIX: &str = ".part";

/// Removes unfinished files that a killed process left in a folder. Only for whoever holds its lock.
///
/// # Errors
/// If one of them cannot be removed.
pub fn remove_leftovers(folder: &Path) -> Result<(), ExperimentError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Writes a file through `fill`; on any failure nothing appears under its name.
///
/// # Errors
/// If the folder is not writable, the disk is full, or `fill` fails.
pub fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), ExperimentError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let whole = || -> io::Result<()> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        let mut buffered = BufWriter::new(file);
        fill(&mut buffered)?;
        let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    whole().map_err(|source| ExperimentError::Write { path: path.to_path_buf(), source })
}

/// Makes a folder and those above it.
///
/// # Errors
/// If one of them cannot be made.
pub fn make_folder(path: &Path) -> Result<(), ExperimentError> {
    fs::create_dir_all(path).map_err(|source| ExperimentError::Write { path: path.to_path_buf(), source })
}

/// Removes a file or folder if it is there.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove(path: &Path) -> Result<(), ExperimentError> {
    let result = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ExperimentError::Write { path: path.to_path_buf(), source })
        }
        _ => Ok(()),
    }
}
