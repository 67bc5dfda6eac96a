//! One process at a time in an output folder, and in each run's folder.
//!
//! The lock is the operating system's own on an open file, so it goes with its process however that ends:
//! what a killed process leaves behind is a file that nobody holds, and the next process takes it over.

use super::error::StoreError;
use super::names::LOCK;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Tries after the first, and the time between them.
const PATIENCE: usize = 10;
const PAUSE: Duration = Duration::from_millis(2);

/// A folder that is ours until this is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes a folder for this process alone.
    ///
    /// # Errors
    /// If another process holds it (its pid and host are named), or the file cannot be made.
    pub fn exclusive(folder: &Path) -> Result<Self, StoreError> {
        Self::take(folder, File::try_lock)
    }

    /// Shares a folder with others who share it: keeps away those who want it alone.
    ///
    /// # Errors
    /// If a process holds it alone, or the file cannot be made.
    pub fn shared(folder: &Path) -> Result<Self, StoreError> {
        Self::take(folder, File::try_lock_shared)
    }

    fn take(folder: &Path, try_lock: impl Fn(&File) -> Result<(), TryLockError>) -> Result<Self, StoreError> {
        let (mut file, path) = open(folder)?;
        let mut patience = PATIENCE;
        loop {
            match try_lock(&file) {
                Ok(()) => break,
                // Perhaps only someone who looks whether it is held.
                Err(TryLockError::WouldBlock) if patience > 0 => {
                    patience -= 1;
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(held(folder, file)),
                Err(TryLockError::Error(source)) => return Err(StoreError::Write { path, source }),
            }
        }
        let note = format!("process {} on {}\n", std::process::id(), host());
        // Never empty on the way: some file systems take emptying a file for its replacement, and sync it.
        file.write_all(note.as_bytes())
            .and_then(|()| file.set_len(note.len() as u64))
            .map_err(|source| StoreError::Write { path, source })?;
        Ok(Self { _file: file })
    }

    /// Whether a process holds the folder for itself right now.
    pub fn is_held(folder: &Path) -> bool {
        File::open(folder.join(LOCK))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

fn open(folder: &Path) -> Result<(File, PathBuf), StoreError> {
    let path = folder.join(LOCK);
    if std::fs::symlink_metadata(&path).is_ok_and(|m| !m.is_file()) {
        let source = std::io::Error::other("it is no regular file, so it is no lock of gdiff; remove it");
        return Err(StoreError::Write { path, source });
    }
    match OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path) {
        Ok(file) => Ok((file, path)),
        Err(source) => Err(StoreError::Write { path, source }),
    }
}

fn held(folder: &Path, mut file: File) -> StoreError {
    let mut text = String::new();
    let _ = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let holder = match text.lines().next().map(str::trim) {
        Some(holder) if !holder.is_empty() => holder.to_string(),
        _ => "another process".to_string(),
    };
    StoreError::Locked { folder: folder.display().to_string(), holder }
}

/// The name of this machine.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map_or_else(|| "this machine".to_string(), |name| name.trim().to_string())
}
