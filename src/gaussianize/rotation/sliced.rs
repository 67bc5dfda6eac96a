//! Orthonormal axes along which whitened data are farthest from Gaussian, by squared Wasserstein-2 distance.
//!
//! The squared W2 distance of a projection to N(0, 1) is the mean squared difference of its sorted values and the normal
//! quantiles. The contrast of ICA is the same for every rotation of some symmetric mixtures, so that ICA makes no
//! progress on them; this distance is 0 for a normal distribution only, so every layer reduces what is left (Dai &
//! Seljak 2021, "Sliced iterative normalizing flows"). In two dimensions all angles are searched; in more, orthonormal
//! axes are found by gradient ascent from several starts.

use std::f64::consts::FRAC_PI_2;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::gaussianize::thin::thin_columns;
use crate::numeric::minimum::golden_minimum;
use crate::numeric::orthogonal::{haar, orthonormalize};
use crate::numeric::random::Stream;
use crate::numeric::wasserstein::{normal_quantiles, squared_w2};

/// Points of the search over all angles.
const COARSE_POINTS: usize = 2048;
/// Points of the refinement of the best angle.
const FINE_POINTS: usize = 16_384;
/// Angles of the search over a quarter turn.
const ANGLES: usize = 90;
/// Points of the gradient ascent.
const ASCENT_POINTS: usize = 4096;
/// Most steps of one ascent.
const ASCENT_STEPS: usize = 40;
/// Starts of the ascent: the principal axes, and random rotations.
const STARTS: u64 = 3;

/// The orthogonal `(d, d)` matrix whose rows have the largest summed squared W2 distance, for whitened
/// data of shape `(d, n)`.
///
/// # Errors
/// A sentence when an orthogonalization fails.
pub fn fit(white: ArrayView2<f64>, stream: &Stream, layer: u64) -> Result<Array2<f64>, String> {
    match white.nrows() {
        1 => Ok(Array2::eye(1)),
        2 => Ok(by_angle(white)),
        d => {
            let x = thin_columns(white, ASCENT_POINTS);
            let quantiles = normal_quantiles(x.ncols());
            let mut best: Option<(f64, Array2<f64>)> = None;
            for start in 0..STARTS {
                let from = match start {
                    0 => Array2::eye(d),
                    _ => haar(&stream.standard_normal(layer * STARTS + start, d, d))?,
                };
                let (value, w) = ascend(x.view(), &quantiles, from)?;
                if best.as_ref().is_none_or(|(top, _)| value > *top) {
                    best = Some((value, w));
                }
            }
            Ok(best.map_or_else(|| Array2::eye(d), |(_, w)| w))
        }
    }
}

fn by_angle(white: ArrayView2<f64>) -> Array2<f64> {
    let coarse = thin_columns(white, COARSE_POINTS);
    let fine = thin_columns(white, FINE_POINTS);
    let distance = |x: ArrayView2<f64>, quantiles: &[f64], angle: f64| {
        let (sin, cos) = angle.sin_cos();
        let project = |c: f64, s: f64| {
            let mut p: Vec<f64> = x.row(0).iter().zip(x.row(1)).map(|(a, b)| c * a + s * b).collect();
            squared_w2(&mut p, quantiles)
        };
        let (one, two) = rayon::join(|| project(cos, sin), || project(-sin, cos));
        one + two
    };
    let step = FRAC_PI_2 / ANGLES as f64;
    let quantiles = normal_quantiles(coarse.ncols());
    let scores: Vec<f64> =
        (0..ANGLES).into_par_iter().map(|i| distance(coarse.view(), &quantiles, i as f64 * step)).collect();
    let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
    let centre = best as f64 * step;
    let quantiles = normal_quantiles(fine.ncols());
    let cost = |angle: f64| -distance(fine.view(), &quantiles, angle);
    let angle = golden_minimum(cost, centre - step, centre + step, 0.05 * step);
    let (sin, cos) = angle.sin_cos();
    ndarray::arr2(&[[cos, sin], [-sin, cos]])
}

/// Gradient ascent of `sum_k W2^2(w_k x)` over orthogonal matrices, the step doubled after a success
/// and quartered after a failure.
fn ascend(x: ArrayView2<f64>, quantiles: &[f64], mut w: Array2<f64>) -> Result<(f64, Array2<f64>), String> {
    let mut step = 1.0;
    let (mut value, mut gradient) = value_and_gradient(x, quantiles, &w);
    for _ in 0..ASCENT_STEPS {
        let trial = orthonormalize(&(&w + &(&gradient * step)))?;
        let (next, next_gradient) = value_and_gradient(x, quantiles, &trial);
        if next > value {
            let gain = next - value;
            (value, gradient, w) = (next, next_gradient, trial);
            step *= 2.0;
            if gain < 1e-4 * value {
                break;
            }
        } else {
            step *= 0.25;
            if step < 1e-3 {
                break;
            }
        }
    }
    Ok((value, w))
}

fn value_and_gradient(x: ArrayView2<f64>, quantiles: &[f64], w: &Array2<f64>) -> (f64, Array2<f64>) {
    let (d, n) = x.dim();
    let projected = w.dot(&x);
    let rows: Vec<(f64, Vec<f64>)> = projected
        .axis_iter(Axis(0))
        .into_par_iter()
        .map(|row| {
            let mut order: Vec<(f64, usize)> = row.iter().copied().zip(0..).collect();
            order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut excess = vec![0.0; n];
            let mut total = 0.0;
            for ((value, i), q) in order.into_iter().zip(quantiles) {
                excess[i] = value - q;
                total += (value - q) * (value - q);
            }
            let pull = |axis: usize| x.row(axis).iter().zip(&excess).map(|(a, e)| a * e).sum::<f64>();
            (total / n as f64, (0..d).map(|axis| 2.0 * pull(axis) / n as f64).collect())
        })
        .collect();
    let value = rows.iter().map(|(v, _)| v).sum();
    let gradient = Array2::from_shape_fn((d, d), |(i, j)| rows[i].1[j]);
    (value, gradient)
}
