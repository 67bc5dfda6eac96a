//! The list of the files that drawings wrote into a folder: `figures/drawn.json`. Only what is on it, and still is what
//! was written, is replaced or removed; everything else is somebody's own.

use super::error::StoreError;
use super::{atomic, names, sealed};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The files that drawings wrote.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DrawnFiles {
    /// SHA-256 of what was written under each name, in hexadecimal. A file that is just being replaced has two: what is
    /// there may be either. A name is relative to the output folder, its parts separated by `/`.
    files: BTreeMap<String, BTreeSet<String>>,
}

/// What stands under the name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Nothing,
    /// What a drawing wrote.
    Drawn,
    /// Something else: a file of somebody's own, or a figure that somebody changed.
    Other,
}

impl DrawnFiles {
    /// The list of an output folder; none where there is none, or where it is damaged.
    pub fn read(out: &Path) -> Option<Self> {
        sealed::read(&path(out))
    }

    /// Writes the list.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, out: &Path) -> Result<(), StoreError> {
        sealed::write(&path(out), self)
    }

    /// Removes the list.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(out: &Path) -> Result<(), StoreError> {
        atomic::remove(&path(out))
    }

    /// The names on the list.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// What stands under a name.
    pub fn standing(&self, out: &Path, name: &str) -> Standing {
        let path = out.join(name);
        if path.symlink_metadata().is_err() {
            return Standing::Nothing;
        }
        let ours = self.files.get(name).zip(std::fs::read(path).ok());
        match ours.is_some_and(|(digests, bytes)| digests.contains(&atomic::digest(&bytes))) {
            true => Standing::Drawn,
            false => Standing::Other,
        }
    }

    /// Notes that a file with that digest is about to be written.
    pub fn add(&mut self, name: &str, digest: String) {
        self.files.entry(name.to_string()).or_default().insert(digest);
    }

    /// Notes that the file under a name is the one with that digest, and no other any more.
    pub fn settle(&mut self, name: &str, digest: String) {
        self.files.insert(name.to_string(), [digest].into());
    }

    /// Takes a name off the list.
    pub fn forget(&mut self, name: &str) {
        self.files.remove(name);
    }
}

fn path(out: &Path) -> PathBuf {
    out.join(names::FIGURES).join(names::DRAWN)
}
