//! One normal distribution, its correlations shrunk by as much as points left out ask for.

use ndarray::{Array1, ArrayView2, Axis};

use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::fit::cross_validation::{KEPT_CORRELATIONS, normal_log_density};
use crate::gaussianize::fit::prepare;
use crate::gaussianize::layer::Layer;
use crate::gaussianize::rotation::whitening::Whitening;
use crate::numeric::random::Stream;

/// Points per column from which on nothing is shrunk.
const PLENTY: usize = 12;
const FOLDS: usize = 5;

/// The whitening of points `(n, d)`.
///
/// # Errors
/// Columns that are constant or dependent.
pub(super) fn fit(x: ArrayView2<f64>, stream: &Stream) -> Result<Layer, GaussianizeError> {
    let kept = if x.nrows() >= PLENTY * x.ncols() { 1.0 } else { kept_correlation(x, stream) };
    let Whitening { mean, matrix, inverse, log_det } = Whitening::shrunk(x.t(), kept, 0)?;
    Layer::new(mean, matrix, inverse, log_det, (0..x.ncols()).map(|_| None).collect())
}

/// The factor on correlations with the largest density of points left out.
fn kept_correlation(x: ArrayView2<f64>, stream: &Stream) -> f64 {
    let n = x.nrows();
    let order = prepare::shuffled(n, stream);
    let score = |kept: f64| -> Option<f64> {
        let mut total = 0.0;
        for fold in 0..FOLDS.min(n) {
            let (out, rest): (Vec<usize>, Vec<usize>) = (0..n).partition(|i| i % FOLDS == fold);
            let rows =
                |of: Vec<usize>| x.select(Axis(0), &of.into_iter().map(|i| order[i]).collect::<Vec<_>>());
            let whitening = Whitening::shrunk(rows(rest).t(), kept, 0).ok()?;
            let scores: Array1<f64> = normal_log_density(&whitening, rows(out).view());
            total += scores.sum();
        }
        Some(total)
    };
    let scored = KEPT_CORRELATIONS.iter().filter_map(|kept| Some((score(*kept)?, *kept)));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.5, |(_, kept)| kept)
}
