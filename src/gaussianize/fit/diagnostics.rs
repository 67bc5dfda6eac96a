//! Measures of how far points are from N(0, I).

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::numeric::orthogonal::haar;
use crate::numeric::random::Stream;
use crate::numeric::wasserstein::{normal_quantiles, squared_w2};

/// Most points that a diagnostic uses.
const MOST_POINTS: usize = 4096;

/// Negentropy of one component after standardization, by Hyvarinen's (1998) approximation
/// `k1 E[y exp(-y^2/2)]^2 + k2 (E[exp(-y^2/2)] - sqrt(1/2))^2`, in nats; 0 for a Gaussian.
pub fn negentropy(component: ArrayView1<f64>) -> f64 {
    let n = component.len() as f64;
    let mean = component.sum() / n;
    let variance = component.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    if variance.is_nan() || variance <= 0.0 {
        return 0.0;
    }
    let (mut odd, mut even) = (0.0, 0.0);
    for v in component {
        let y2 = (v - mean).powi(2) / variance;
        let e = (-0.5 * y2).exp();
        odd += (v - mean) / variance.sqrt() * e;
        even += e;
    }
    let root3 = 3.0_f64.sqrt();
    let (k1, k2) = (36.0 / (8.0 * root3 - 9.0), 24.0 / (16.0 * root3 - 27.0));
    k1 * (odd / n).powi(2) + k2 * (even / n - std::f64::consts::FRAC_1_SQRT_2).powi(2)
}

/// Fixed directions for [`sliced_distance`]: the axes and as many rows of random rotations.
///
/// # Errors
/// A sentence when a factorization fails.
pub fn directions(dim: usize, stream: &Stream) -> Result<Array2<f64>, String> {
    if dim == 1 {
        return Ok(Array2::eye(1));
    }
    let frames = 16_usize.div_ceil(dim);
    let mut rows = Array2::zeros(((frames + 1) * dim, dim));
    rows.slice_mut(ndarray::s![..dim, ..]).assign(&Array2::<f64>::eye(dim));
    for frame in 1..=frames {
        let rotation = haar(&stream.standard_normal(frame as u64, dim, dim))?;
        rows.slice_mut(ndarray::s![frame * dim..(frame + 1) * dim, ..]).assign(&rotation);
    }
    Ok(rows)
}

/// Root mean squared Wasserstein-2 distance to N(0, 1) over the projections of `z` `(d, n)` on the rows of
/// `directions`. A sample of n true normal points has about `sqrt(2 log log n / n)`.
pub fn sliced_distance(z: ArrayView2<f64>, directions: &Array2<f64>) -> f64 {
    let z = crate::gaussianize::thin::thin_columns(z, MOST_POINTS);
    let quantiles = normal_quantiles(z.ncols());
    let distances: Vec<f64> = directions
        .axis_iter(Axis(0))
        .into_par_iter()
        .map(|w| squared_w2(&mut w.dot(&z).to_vec(), &quantiles))
        .collect();
    (distances.iter().sum::<f64>() / distances.len().max(1) as f64).sqrt()
}
