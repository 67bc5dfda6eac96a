//! The space in which a pipeline diffuses: a chain of transforms that are fitted to the training points, one after
//! the other, and undone in the reverse order.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`transform`] | what a transform does |
//! | `fitted` | the transforms that there are, fitted |
//! | [`options`] | the transforms that a spec can name, and how each is fitted |
//! | [`chain`] | several, one after the other: forward, inverse, density |
//! | `front` | what is done to the data before the first of them |
//! | `stored`, [`map_file`] | a chain as JSON; a chain with a Gaussianizer as one file, with the names of the axes |
//! | [`set_aside`] | constant columns, and affine functions of others, are taken out and restored |
//! | `aside`, `affine_functions` | one such column; which columns are such |
//! | [`dequantize`] | tied values (rounded, atoms) are spread, and snapped back |
//! | [`scaling`] | axis by axis: to [-1, 1], or to mean 0 and variance 1 |
//! | [`whitening`] | zero mean and unit covariance, the axes rotated: decorrelation alone |
//! | [`principal`] | principal components, the others whitened or dropped |
//! | [`leading`], [`rotate_back`] | a Gaussianizer of leading axes alone; back to the axes of the data |
//! | [`fill`] | columns that were set aside as zeros, for a network that takes whole images |
//! | `moments`, `column_names` | mean and covariance; columns in sentences |
//!
//! Gaussianization is the transform of a module of its own, [`crate::gaussianize`].

mod affine_functions;
mod aside;
pub mod chain;
mod column_names;
pub mod dequantize;
pub mod fill;
mod fitted;
mod front;
pub mod leading;
pub mod map_file;
mod moments;
pub mod options;
pub mod principal;
pub mod rotate_back;
pub mod scaling;
pub mod set_aside;
mod stored;
pub mod transform;
pub mod whitening;

pub use aside::Aside;
pub use chain::Chain;
pub use dequantize::Dequantize;
pub use fill::Fill;
pub use fitted::Fitted;
pub use front::space_dim;
pub use leading::Leading;
pub use map_file::MapFile;
pub use options::{Fit, FitContext, TransformOptions};
pub use principal::Principal;
pub use rotate_back::RotateBack;
pub use scaling::{ConstantColumn, ReferenceScale, ScaleKind, Scaling};
pub use set_aside::SetAside;
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
    /// All columns hold one value each.
    #[error(
        "{} over the training points ({value}{}), so there is nothing to fit; give columns that vary",
        match columns { 1 => "the only column is constant".to_string(), n => format!("all {n} columns are constant") },
        match columns { 1 => "", _ => " the first" }
    )]
    AllConstant {
        /// How many columns there are.
        columns: usize,
        /// The value of the first.
        value: f64,
    },
    /// The components that are asked for cannot be had.
    #[error("{0}")]
    Reduce(String),
    /// What was read is no chain of transforms.
    #[error("it holds no chain of transforms ({0})")]
    Stored(String),
}

impl SpaceError {
    /// The same error of points whose columns are those of the data: `columns[j]` is what it calls `j`.
    fn of_columns(self, columns: &[usize]) -> Self {
        use GaussianizeError as E;
        let of = |column: usize| columns.get(column).copied().unwrap_or(column);
        match self {
            Self::Scaling(e) => Self::Scaling(ConstantColumn { column: of(e.column), ..e }),
            Self::Gaussianize(e) => Self::Gaussianize(match e {
                E::NotFinite { row, column, value } => E::NotFinite { row, column: of(column), value },
                E::ConstantColumn { column, value } => E::ConstantColumn { column: of(column), value },
                E::NearlyConstant { column, value, spread } => {
                    E::NearlyConstant { column: of(column), value, spread }
                }
                E::OutOfScale { column, std } => E::OutOfScale { column: of(column), std },
                other => other,
            }),
            other => other,
        }
    }
}
