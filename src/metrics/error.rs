//! What can be wrong with the points given to a metric.

use crate::numeric::options::OutOfRange;
use thiserror::Error;

/// A set of points that a metric cannot be computed from. Rows and columns are counted from 0.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum MetricsError {
    /// The neighbourhood size is zero.
    #[error("the number of nearest neighbours is 0; it must be at least 1 (the papers use 5)")]
    NoNeighbours,
    /// The points have no coordinates.
    #[error("the {which} points have no columns")]
    NoColumns {
        /// Which points: "real" or "generated".
        which: &'static str,
    },
    /// There is no point.
    #[error("there are no {which} points; at least one is needed")]
    NoPoints {
        /// Which points: "real" or "generated".
        which: &'static str,
    },
    /// A point needs `k` other points around it.
    #[error("{n} {which} points are too few for {k} nearest neighbours: at least {} are needed", k.saturating_add(1))]
    TooFewPoints {
        /// Which points: "real" or "generated".
        which: &'static str,
        /// How many there are.
        n: usize,
        /// The number of nearest neighbours asked for.
        k: usize,
    },
    /// The interval of the kernel distance needs two halves of two points each.
    #[error("{n} {which} points are too few for the interval of the kernel distance: at least 4 are needed")]
    TooFewForInterval {
        /// Which points: "real" or "generated".
        which: &'static str,
        /// How many there are.
        n: usize,
    },
    /// Real and generated points live in different spaces.
    #[error("the real points have {real} columns and the generated points {generated}")]
    DifferentColumns {
        /// Columns of the real points.
        real: usize,
        /// Columns of the generated points.
        generated: usize,
    },
    /// Real and generated points of sizes that no common unit holds.
    #[error(
        "the generated coordinates are around {generated:.0e} and the real ones around {real:.0e}: their squared distances have no common range of numbers; rescale the points or train longer"
    )]
    Scale {
        /// Median size of the real coordinates.
        real: f64,
        /// Median size of the generated coordinates.
        generated: f64,
    },
    /// A covariance, or a pair, needs two points.
    #[error(
        "there is one {which} point; at least two are needed, because one has no covariance and makes no pair"
    )]
    OnePoint {
        /// Which points: "real" or "generated".
        which: &'static str,
    },
    /// Points so far out that the cubes of their products leave the range of numbers.
    #[error(
        "the kernel distance leaves the range of numbers: the points are as large as {size:.0e}; rescale them"
    )]
    KernelOverflow {
        /// The largest coordinate, without its sign.
        size: f64,
    },
    /// A Frechet distance, which has the unit of squared points, beyond the largest number.
    #[error("the Frechet distance leaves the range of numbers: the points are too large; rescale them")]
    FrechetOverflow,
    /// An option out of its range.
    #[error(transparent)]
    Options(#[from] OutOfRange),
    /// LAPACK found no decomposition.
    #[error("the Frechet distance could not be computed: {0}")]
    Decomposition(String),
    /// A row that is no distribution over classes.
    #[error(
        "row {row} of the class probabilities sums to {sum}; each row must hold numbers from 0 to 1 that sum to 1"
    )]
    NoDistribution {
        /// The row, from 0.
        row: usize,
        /// The sum of its entries.
        sum: f64,
    },
    /// A file of weights that is not that of the network.
    #[error("the weights cannot be used: {0}")]
    Weights(String),
    /// Images that a network does not take.
    #[error(
        "the images have {channels} channels, but the features {features} take 1 (grey) or 3 (red, green, blue)"
    )]
    Channels {
        /// The kind of features.
        features: &'static str,
        /// Channels of the images.
        channels: usize,
    },
    /// The device that computes distances failed.
    #[error("distances could not be computed: {0}")]
    Device(String),
    /// A coordinate is NaN or infinite.
    #[error("the {which} points hold {value} in row {row}, column {column}: every coordinate must be finite")]
    NotFinite {
        /// Which points: "real" or "generated".
        which: &'static str,
        /// Row of the first such coordinate, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
        /// The coordinate itself.
        value: f64,
    },
}

impl From<candle_core::Error> for MetricsError {
    fn from(error: candle_core::Error) -> Self {
        Self::Device(error.to_string())
    }
}
