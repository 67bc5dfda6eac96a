//! Why a Gaussian mixture is refused.

/// Why a set of weights, means and covariances is no Gaussian mixture. `component` counts from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MixtureError {
    /// No component at all.
    #[error("a mixture needs at least one component")]
    Empty,
    /// Weight, mean or covariance number missing.
    #[error(
        "{weights} weights, {means} means and {covariances} covariances: a mixture needs one of each per component"
    )]
    Counts {
        /// Number of weights.
        weights: usize,
        /// Number of means.
        means: usize,
        /// Number of covariances.
        covariances: usize,
    },
    /// A weight that is not a positive finite number.
    #[error("the weight is {weight}, but it must be a positive finite number")]
    Weight {
        /// Which component.
        component: usize,
        /// The weight found.
        weight: f64,
    },
    /// A weight that is 0 to rounding beside the largest one.
    #[error(
        "the weight is {weight:e}, which is nothing beside the largest, {largest:e}; take the component out, or give it a weight that counts"
    )]
    VanishingWeight {
        /// Which component.
        component: usize,
        /// The weight found.
        weight: f64,
        /// The largest weight.
        largest: f64,
    },
    /// A mean that has another dimension than the first one, or none.
    #[error("the mean has {found} coordinates, but the first component's has {expected}")]
    Dimension {
        /// Which component.
        component: usize,
        /// Coordinates expected.
        expected: usize,
        /// Coordinates found.
        found: usize,
    },
    /// A mean or covariance that holds NaN or infinity.
    #[error("the {what} holds {value}, but every entry must be finite")]
    NotFinite {
        /// Which component.
        component: usize,
        /// "mean" or "covariance".
        what: &'static str,
        /// The offending number.
        value: f64,
    },
    /// A covariance that is not `d x d`.
    #[error(
        "the covariance is {rows} x {cols}, but the mean has {dim} coordinates, so it must be {dim} x {dim}"
    )]
    Shape {
        /// Which component.
        component: usize,
        /// Rows found.
        rows: usize,
        /// Columns found.
        cols: usize,
        /// Dimension of the mean.
        dim: usize,
    },
    /// A covariance with different entries on both sides of the diagonal.
    #[error(
        "the covariance is not symmetric: entry [{row}][{col}] is {upper}, but entry [{col}][{row}] is {lower}"
    )]
    NotSymmetric {
        /// Which component.
        component: usize,
        /// Row of the upper entry.
        row: usize,
        /// Column of the upper entry.
        col: usize,
        /// Upper entry.
        upper: f64,
        /// Lower entry.
        lower: f64,
    },
    /// A covariance whose Cholesky factorisation fails.
    #[error("the covariance is not positive definite: some direction has no or negative variance")]
    NotPositiveDefinite {
        /// Which component.
        component: usize,
    },
}

impl MixtureError {
    /// The component that the error is about, where it is about one.
    pub fn component(&self) -> Option<usize> {
        match *self {
            Self::Empty | Self::Counts { .. } => None,
            Self::Weight { component, .. }
            | Self::VanishingWeight { component, .. }
            | Self::Dimension { component, .. }
            | Self::NotFinite { component, .. }
            | Self::Shape { component, .. }
            | Self::NotSymmetric { component, .. }
            | Self::NotPositiveDefinite { component } => Some(component),
        }
    }
}
