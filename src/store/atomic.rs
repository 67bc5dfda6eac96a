//! Files that appear whole or not at all: written aside in the same folder, synced, then renamed.

use super::error::StoreError;
use super::leftovers;
use super::names::UNFINISHED;
use super::wait_point::{Point, wait_at};
use crate::numeric::digest::hex;
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that is being written: it appears under its name when it is finished, and not at all if it is dropped
/// before.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
    file: BufWriter<Hashing>,
}

/// A file and the digest of what was written to it.
#[derive(Debug)]
struct Hashing {
    file: NamedTempFile,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Unfinished {
    /// Begins a file beside its place.
    ///
    /// # Errors
    /// If the folder is not writable.
    pub fn begin(path: &Path) -> Result<Self, StoreError> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = loop {
            let file = builder.tempfile_in(folder).map_err(|e| unwritable(path, e))?;
            if leftovers::hold(file.as_file(), file.path()) {
                break file;
            }
        };
        let file = Hashing { file, hash: Sha256::new() };
        Ok(Self { path: path.to_path_buf(), file: BufWriter::new(file) })
    }

    /// Puts the whole file in its place, and returns the SHA-256 of what it holds, in hexadecimal.
    ///
    /// # Errors
    /// If the disk is full or the file cannot be renamed.
    pub fn finish(self) -> Result<String, StoreError> {
        let Self { path, file } = self;
        let place = || -> io::Result<String> {
            let Hashing { file, hash } = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            wait_at(Point::Write(&name), path.display(), || false);
            file.persist(&path).map_err(|e| e.error)?;
            Ok(hex(hash))
        };
        place().map_err(|e| unwritable(&path, e))
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a file through `fill`, and returns the SHA-256 of what it holds, in hexadecimal. On any failure nothing
/// appears under its name.
///
/// # Errors
/// If the folder is not writable, the disk is full, or `fill` fails.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<String, StoreError> {
    let mut unfinished = Unfinished::begin(path)?;
    fill(&mut unfinished).map_err(|e| unwritable(path, e))?;
    unfinished.finish()
}

/// The error of a file that cannot be written.
pub fn unwritable(path: &Path, source: io::Error) -> StoreError {
    StoreError::Write { path: path.to_path_buf(), source }
}

/// Makes a folder and those above it.
///
/// # Errors
/// If one of them cannot be made.
pub fn make_folder(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(|e| unwritable(path, e))
}

/// Removes a file or folder if it is there.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    let result = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match result {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(unwritable(path, source)),
        _ => Ok(()),
    }
}

/// The SHA-256 of bytes, in hexadecimal, as [`write`] returns it of a file.
pub fn digest(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}
