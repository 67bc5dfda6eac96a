//! One normal distribution, its correlations shrunk by as much as points left out ask for.

use ndarray::{ArrayView2, Axis};

use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::fit::cross_validation::{KEPT_CORRELATIONS, normal_log_density, one_normal};
use crate::gaussianize::fit::prepare;
use crate::gaussianize::layer::Layer;
use crate::gaussianize::options::FOLDS;
use crate::gaussianize::rotation::whitening::Whitening;
use crate::numeric::random::Stream;

/// Points per column from which on nothing is shrunk.
const PLENTY: usize = 12;

/// The whitening of points `(n, d)`.
///
/// # Errors
/// Columns that are constant or dependent.
pub(super) fn fit(x: ArrayView2<f64>, stream: &Stream) -> Result<Layer, GaussianizeError> {
    one_normal(x, if x.nrows() >= PLENTY * x.ncols() { 1.0 } else { kept_correlation(x, stream) })
}

/// The factor on correlations with the largest density of points left out.
fn kept_correlation(x: ArrayView2<f64>, stream: &Stream) -> f64 {
    let n = x.nrows();
    let order = prepare::held_out_order(n, stream);
    let score = |kept: f64| -> Option<f64> {
        let mut total = 0.0;
        for fold in 0..FOLDS.min(n) {
            let (rest, out) = prepare::dealt(&order, fold);
            let whitening = Whitening::shrunk(x.select(Axis(0), &rest).t(), kept, 0).ok()?;
            total += normal_log_density(&whitening, x.select(Axis(0), &out).view()).sum();
        }
        Some(total)
    };
    let scored = KEPT_CORRELATIONS.iter().filter_map(|kept| Some((score(*kept)?, *kept)));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.5, |(_, kept)| kept)
}
