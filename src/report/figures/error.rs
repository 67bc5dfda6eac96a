//! Why figures are not drawn.

use crate::run::RunError;
use crate::store::StoreError;
use std::path::PathBuf;

/// Why a folder cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// There is no such folder.
    #[error("{0} is no folder; give the one that `gdiff run --out` wrote")]
    NoFolder(PathBuf),
    /// Nothing in it is a result.
    #[error(
        "{0} holds nothing to draw: no metrics.csv, loss.csv, isotropy.csv or summary.csv with a row, and no finished run under runs/; give the folder that `gdiff run --out` wrote, or go on with the run"
    )]
    Nothing(PathBuf),
    /// A table in it is damaged.
    #[error("cannot read {path}: {reason}; remove this file and let `gdiff run` write it anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Files stand where figures or the page are to be, and no drawing wrote them.
    #[error(
        "{files}: gdiff did not draw {}, or {} changed since; move what you want to keep, choose another --out, or give --force to draw over {}",
        if *count == 1 { "this file" } else { "these files" },
        if *count == 1 { "it was" } else { "they were" },
        if *count == 1 { "it" } else { "them" }
    )]
    NotDrawn {
        /// The first of them.
        files: String,
        /// How many there are.
        count: usize,
    },
    /// The figures were to go into the folder of another study.
    #[error(
        "{0} is the folder of another study, whose own figures and page would be replaced; choose another --out"
    )]
    OtherStudy(PathBuf),
    /// A file could not be written.
    #[error(transparent)]
    Store(StoreError),
    /// A run could not be read back.
    #[error(transparent)]
    Run(Box<RunError>),
    /// A picture could not be made.
    #[error("figure {name}: {reason}")]
    Picture {
        /// Which figure.
        name: String,
        /// What failed.
        reason: String,
    },
}

impl From<StoreError> for FigureError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Read { path, reason } => Self::Damaged { path, reason },
            other => Self::Store(other),
        }
    }
}

impl From<RunError> for FigureError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Store(error) => Self::from(error),
            other => Self::Run(Box::new(other)),
        }
    }
}
