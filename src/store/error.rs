//! What can go wrong with a file, as sentences that say which and how to mend it.

use std::path::PathBuf;

/// Why a file could not be written, read or held.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process works in the folder.
    #[error("{folder} is in use by {holder}; wait for it, or choose another --out")]
    Locked {
        /// The folder.
        folder: String,
        /// Who holds it.
        holder: String,
    },
    /// A folder is to be made where a file is.
    #[error("{0} is a file, and a folder is needed there; choose another place, or move the file")]
    NotAFolder(PathBuf),
    /// A file or folder could not be written.
    #[error(
        "cannot write {path}: {source}; check that the folder is writable and the disk not full, then run again"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file of an earlier run could not be read back.
    #[error("cannot read {path}: {reason}; remove this file, and run again")]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// Whether other arguments of the command would do: another folder, or the same one later.
    pub fn is_of_arguments(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::NotAFolder(_))
    }

    /// What is wrong with which file, without the advice.
    pub fn reason(&self) -> String {
        match self {
            Self::Read { path, reason } => format!("{}: {reason}", path.display()),
            other => other.to_string(),
        }
    }
}
