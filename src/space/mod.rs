//! The space in which a pipeline diffuses: a chain of transforms that are fitted to the training points, one after
//! the other, and undone in the reverse order.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`transform`] | what a transform does |
//! | `fitted` | the transforms that there are, fitted |
//! | [`options`] | the transforms that a spec can name, and how each is fitted |
//! | [`chain`] | several, one after the other: forward, inverse, density |
//! | [`map_file`] | a chain with a Gaussianizer as one file, with the names of the axes |
//! | [`scaling`] | axis by axis: to [-1, 1], or to mean 0 and variance 1 |
//! | [`whitening`] | zero mean and unit covariance, the axes rotated: decorrelation alone |
//!
//! Gaussianization is the transform of a module of its own, [`crate::gaussianize`].

pub mod chain;
mod fitted;
pub mod map_file;
pub mod options;
pub mod scaling;
pub mod transform;
pub mod whitening;

pub use chain::Chain;
pub use fitted::Fitted;
pub use map_file::MapFile;
pub use options::{Fit, FitContext, TransformOptions};
pub use scaling::{ConstantColumn, ReferenceScale, ScaleKind, Scaling};
pub use transform::{LogDet, Transform};
pub use whitening::Whitening;

use crate::gaussianize::GaussianizeError;

/// Why a transform could not be fitted or read back.
#[derive(Debug, thiserror::Error)]
pub enum SpaceError {
    /// A column cannot be scaled.
    #[error(transparent)]
    Scaling(#[from] ConstantColumn),
    /// A Gaussianizer or a whitening could not be fitted, written or read.
    #[error(transparent)]
    Gaussianize(#[from] GaussianizeError),
    /// What was read is no chain of transforms.
    #[error("it holds no chain of transforms ({0})")]
    Stored(String),
}
