//! How many layers a fit to few points gets, where too few could be held out to watch it.
//!
//! The points are dealt into folds. Each fold is held out once while layers are fitted to the others, and scores them;
//! so every point counts. A layer is added only where the gain over all points is larger than its standard error,
//! because with few points chance alone makes one of many layers look good; that error is the larger of those over points
//! and over folds, because a fit that finds the shape of the data in some folds only may miss it in all the points. Where
//! no layer is added, the map is that of one normal distribution, whose correlations are shrunk by as much as the folds
//! ask for.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::gain::paired;
use super::prepare;
use super::state::State;
use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::layer::Layer;
use crate::gaussianize::options::{FOLDS, GaussianizeOptions};
use crate::gaussianize::rotation::whitening::{Whitening, affine};
use crate::numeric::normal;
use crate::numeric::random::Stream;

/// Factors on the correlations of the normal distribution that are tried.
pub(super) const KEPT_CORRELATIONS: [f64; 8] = [1.0, 0.98, 0.95, 0.9, 0.75, 0.5, 0.25, 0.0];

/// The factor where the points are too few to be dealt into folds.
const CAUTIOUS: f64 = 0.5;

/// What the folds say of maps with 0, 1, 2, ... layers; the one without is that of one normal distribution.
pub(super) struct Choice {
    /// Layers to use.
    pub kept: usize,
    /// The factor on the correlations of the normal distribution.
    pub kept_correlation: f64,
    /// Mean log-density of the held-out points for each number of layers tried, from 0 on; empty where the points are
    /// too few to be dealt into folds.
    pub log_likelihoods: Vec<f64>,
}

/// Chooses the number of layers for points `x` `(n, d)`.
///
/// # Errors
/// If a direction cannot be drawn.
pub(super) fn choose(
    x: &Array2<f64>,
    options: &GaussianizeOptions,
    stream: &Stream,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Choice, GaussianizeError> {
    let (n, d) = x.dim();
    let order = prepare::held_out_order(n, stream);
    let part = |fold: usize| {
        let (mut rest, out) = prepare::dealt(&order, fold);
        rest.sort_unstable();
        (x.select(Axis(0), &rest), x.select(Axis(0), &out))
    };
    let parts: Vec<(Array2<f64>, Array2<f64>)> = (0..FOLDS).map(part).collect();
    // The scores of all points under the normal distributions of the parts that they are not in; none where one of
    // those does not exist.
    let normal = |kept: &f64| {
        let one = |(rest, out): &(Array2<f64>, Array2<f64>)| {
            Whitening::shrunk(rest.t(), *kept, 0).map(|whitening| normal_log_density(&whitening, out.view()))
        };
        let scores = parts.iter().map(one).collect::<Result<Vec<_>, _>>().ok()?;
        Some((*kept, joined(&scores)))
    };
    let normals = KEPT_CORRELATIONS.iter().filter_map(normal);
    let Some((kept_correlation, mut best)) =
        normals.filter(|_| n >= 2 * FOLDS).max_by(|a, b| mean(&a.1).total_cmp(&mean(&b.1)))
    else {
        return Ok(Choice { kept: 0, kept_correlation: CAUTIOUS, log_likelihoods: Vec::new() });
    };
    let mut choice = Choice { kept: 0, kept_correlation, log_likelihoods: vec![mean(&best)] };
    if parts.iter().any(|(rest, _)| rest.nrows() < d + 1) {
        return Ok(choice);
    }
    let new = |(rest, fold): (Array2<f64>, Array2<f64>)| State::new(rest, fold, stream);
    let mut states = parts.into_iter().map(new).collect::<Result<Vec<_>, _>>()?;
    for layer in 0..options.layers {
        progress(layer, options.layers);
        // A layer that cannot be fitted in some fold ends the choice: its numbers could not be compared.
        let added: Result<Vec<_>, GaussianizeError> = states
            .par_iter_mut()
            .map(|state| state.add(layer, options, stream, &mut Vec::new()).map(|_| state.log_densities()))
            .collect();
        let Ok(scores) = added else { break };
        let sizes: Vec<usize> = scores.iter().map(Array1::len).collect();
        let scores = joined(&scores);
        choice.log_likelihoods.push(mean(&scores));
        let (gain, error) = paired(&scores, &best, &sizes);
        if gain > options.min_gain.max(error) {
            (choice.kept, best) = (layer + 1, scores);
        } else if layer + 1 - choice.kept > options.patience || !gain.is_finite() {
            break;
        }
    }
    Ok(choice)
}

/// The map of one normal distribution to points `x` `(n, d)`: whitening alone.
///
/// # Errors
/// If the points are constant or dependent along some direction.
pub(super) fn one_normal(x: ArrayView2<f64>, kept_correlation: f64) -> Result<Layer, GaussianizeError> {
    let Whitening { mean, matrix, inverse, log_det } = Whitening::shrunk(x.t(), kept_correlation, 0)?;
    let marginals = (0..x.ncols()).map(|_| None).collect();
    Layer::new(mean, matrix, inverse, log_det, marginals)
}

/// `log N(W (x - m); 0, I) + log |det W|` of points `(n, d)`.
pub(super) fn normal_log_density(whitening: &Whitening, x: ArrayView2<f64>) -> Array1<f64> {
    let z = affine(&whitening.matrix, &whitening.mean, x.t());
    z.map_axis(Axis(0), |z| z.iter().map(|v| normal::log_pdf(*v)).sum::<f64>() + whitening.log_det)
}

/// The scores of all folds, one after the other.
fn joined(folds: &[Array1<f64>]) -> Array1<f64> {
    folds.iter().flatten().copied().collect()
}

fn mean(values: &Array1<f64>) -> f64 {
    values.sum() / values.len() as f64
}
