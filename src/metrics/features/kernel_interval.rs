//! The interval of the kernel distance.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::kernel_distance::kernel_sum;
use crate::metrics::MetricsError;
use crate::metrics::interval::{ResampledInterval, half};
use crate::metrics::points::checked_set;
use crate::numeric::random::Stream;

/// Parts that each set is dealt into.
const PARTS: usize = 50;

/// A 95 % interval of the kernel distance `distance` of two sets: it and 1.96 standard deviations of the unbiased distances
/// of `resamples` pairs of halves.
///
/// Each set is dealt into 50 random parts (fewer of fewer than 100 points), and a half is half of these, drawn without
/// replacement, so that the kernel is computed once for each pair of parts, whatever the number of resamples. The interval
/// covers the distance of the distributions from which the points come, as the estimate is unbiased. Between sets of one
/// distribution the spread is larger than the true one, and the interval too wide. Time `(n + m)^2 d / 2`.
///
/// # Errors
/// As [`kernel_distance`](super::kernel_distance()), and fewer than four points of a set.
pub fn kernel_interval(
    real: ArrayView2<f64>,
    x: ArrayView2<f64>,
    distance: f64,
    stream: Stream,
    resamples: usize,
) -> Result<ResampledInterval, MetricsError> {
    if real.ncols() != x.ncols() {
        return Err(MetricsError::DifferentColumns { real: real.ncols(), generated: x.ncols() });
    }
    checked_set(&real, "real")?;
    checked_set(&x, "generated")?;
    for (points, which) in [(&real, "real"), (&x, "generated")] {
        if points.nrows() < 4 {
            return Err(MetricsError::TooFewForInterval { which, n: points.nrows() });
        }
    }
    let dealt = |points: ArrayView2<f64>, which| {
        let n = points.nrows();
        let order = stream.child(which).subset(0, n, n);
        let parts = PARTS.min(n / 2);
        let part = |index: usize| points.select(Axis(0), &order[index * n / parts..(index + 1) * n / parts]);
        (0..parts).map(part).collect::<Vec<Array2<f64>>>()
    };
    let (real, x) = (dealt(real, "deal of real"), dealt(x, "deal of generated"));
    // Of a set with itself: half of the pairs, and no point with itself.
    let sums = |a: &[Array2<f64>], b: &[Array2<f64>], itself: bool| {
        let pairs: Vec<(usize, usize)> =
            (0..a.len()).flat_map(|i| (if itself { i } else { 0 }..b.len()).map(move |j| (i, j))).collect();
        let values: Vec<f64> =
            pairs.par_iter().map(|&(i, j)| kernel_sum(a[i].view(), b[j].view(), itself && i == j)).collect();
        let mut sums = Array2::zeros((a.len(), b.len()));
        for ((i, j), value) in pairs.into_iter().zip(values) {
            sums[[i, j]] = value;
            if itself {
                sums[[j, i]] = value;
            }
        }
        sums
    };
    let (own, others, between) = (sums(&real, &real, true), sums(&x, &x, true), sums(&real, &x, false));
    let distances: Vec<f64> = (0..resamples as u64)
        .map(|index| {
            let a = half(real.len(), &stream.child("real"), index);
            let b = half(x.len(), &stream.child("generated"), index);
            let over = |sums: &Array2<f64>, a: &[usize], b: &[usize]| -> f64 {
                a.iter().map(|i| b.iter().map(|j| sums[[*i, *j]]).sum::<f64>()).sum()
            };
            let count = |parts: &[Array2<f64>], some: &[usize]| -> f64 {
                some.iter().map(|i| parts[*i].nrows() as f64).sum()
            };
            let (n, m) = (count(&real, &a), count(&x, &b));
            over(&own, &a, &a) / (n * (n - 1.0)) + over(&others, &b, &b) / (m * (m - 1.0))
                - 2.0 * over(&between, &a, &b) / (n * m)
        })
        .collect();
    Ok(ResampledInterval::new(distance, &distances, (f64::NEG_INFINITY, f64::INFINITY)))
}
