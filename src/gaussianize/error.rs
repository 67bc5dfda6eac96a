//! What can be wrong with data, options or a stored map. Each sentence says what to do about it.

use crate::numeric::options::OutOfRange;

/// Why a Gaussianizer could not be fitted, stored or read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GaussianizeError {
    /// The table has no column.
    #[error("the data have no columns; give at least one")]
    NoColumns,
    /// Fewer rows than the whitening needs.
    #[error(
        "{rows} {} too few to fit {columns} columns: at least {needed} are needed for training; give more rows or lower `held_out`",
        if *rows == 1 { "row is" } else { "rows are" }
    )]
    TooFew {
        /// Rows left for training.
        rows: usize,
        /// Columns of the data.
        columns: usize,
        /// Smallest number of training rows.
        needed: usize,
    },
    /// A NaN or an infinity in the data.
    #[error(
        "row {row}, column {column} of the data is {value}; remove or repair that row (both count from 0)"
    )]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The value found.
        value: f64,
    },
    /// A column that holds one value only.
    #[error(
        "column {column} of the data is constant ({value}); a constant cannot be made Gaussian, so drop that column"
    )]
    ConstantColumn {
        /// Column, from 0.
        column: usize,
        /// Its value.
        value: f64,
    },
    /// A column whose values differ in their last digits only.
    #[error(
        "column {column} of the data is nearly constant ({value}, relative spread {spread:.0e}), so its distribution is that of rounding; drop that column, or subtract {value} before the values are written"
    )]
    NearlyConstant {
        /// Column, from 0.
        column: usize,
        /// Its mean.
        value: f64,
        /// Its standard deviation over the magnitude of its mean.
        spread: f64,
    },
    /// Squares of a column's values leave the range of numbers.
    #[error(
        "column {column} of the data has the standard deviation {std:e}, whose square is out of the range of numbers; rescale that column"
    )]
    OutOfScale {
        /// Column, from 0.
        column: usize,
        /// Its standard deviation.
        std: f64,
    },
    /// One row beside which all others are equal, so that columns look dependent.
    #[error(
        "row {row} of the data lies so far out that it dominates the variance of {columns} columns, beside which all other rows are equal to rounding (smallest eigenvalue of the correlation matrix: {smallest:.3e}); remove or repair that row (rows count from 0)"
    )]
    RowDominates {
        /// Row, from 0.
        row: usize,
        /// How many columns it dominates.
        columns: usize,
        /// Smallest eigenvalue of the correlation matrix.
        smallest: f64,
    },
    /// Columns that depend linearly on each other.
    #[error(
        "the {columns} columns of the data span fewer than {columns} dimensions (smallest eigenvalue of their correlation matrix: {smallest:.3e}); drop the columns that are sums of others, or reduce the dimension first"
    )]
    RankDeficient {
        /// Columns of the data.
        columns: usize,
        /// Smallest eigenvalue of the correlation matrix.
        smallest: f64,
    },
    /// An option outside its range.
    #[error(transparent)]
    Option(#[from] OutOfRange),
    /// A linear algebra routine failed, or a marginal left the range of double precision.
    #[error("layer {layer} could not be fitted: {reason}; rescale the data or use a larger bandwidth")]
    Numerical {
        /// Layer, from 0.
        layer: usize,
        /// What failed.
        reason: String,
    },
    /// Bytes that are not a stored Gaussianizer.
    #[error("this is not a usable Gaussianizer file: {0}; fit and write it again")]
    Corrupt(String),
    /// Layers of different shapes, or an axis that two maps claim.
    #[error("these layers do not make a map: {0}")]
    Mismatch(String),
}
