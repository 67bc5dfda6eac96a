//! The kernel distance of two sets of vectors, as in the kernel inception distance (KID).

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::Serialize;

use super::mean_and_std;
use crate::metrics::MetricsError;
use crate::metrics::points::checked_set;
use crate::numeric::blas::{rows_by_rows, upper_gram};
use crate::numeric::options::{OutOfRange, count, require};
use crate::numeric::random::Stream;

/// How many subsets of which size the kernel distance is averaged over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelDistanceOptions {
    /// Subsets.
    pub subsets: usize,
    /// Points of a subset, of each set; where a set has fewer, as many as it has.
    pub size: usize,
}

impl Default for KernelDistanceOptions {
    fn default() -> Self {
        Self { subsets: 100, size: 1000 }
    }
}

impl KernelDistanceOptions {
    /// # Errors
    /// If there is no subset, or it has fewer than two points.
    pub fn check(&self) -> Result<(), OutOfRange> {
        count("subsets", self.subsets)?;
        require(self.size > 1, "size", || format!("is {}, but a subset needs at least 2 points", self.size))
    }
}

/// The kernel distance of two sets of points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KernelDistance {
    /// Mean over the subsets.
    pub mean: f64,
    /// Standard deviation over the subsets (squares divided by their number, as the usual tools do). Subsets share points, so
    /// that it is no standard error of the mean; it is 0 where each subset is the whole of both sets.
    pub std: f64,
    /// How many subsets were drawn.
    pub subsets: usize,
    /// Points of a subset.
    pub size: usize,
}

/// The unbiased squared maximum mean discrepancy (Binkowski et al. 2018, "Demystifying MMD GANs", the KID) between real and
/// generated points, shapes `(n, d)` and `(m, d)`.
///
/// # Formula
///
/// With `k(x, y) = (x.y / d + 1)^3` and subsets of `s = min(n, m, size)` points of each set, drawn without replacement,
///
/// ```text
/// 1/(s (s - 1)) sum_{i != j} (k(R_i, R_j) + k(F_i, F_j))  -  2/s^2 sum_ij k(R_i, F_j)
/// ```
///
/// averaged over the subsets. It is unbiased: 0 in expectation for points of one distribution, hence as often below.
/// Time `subsets 4 s^2 d`.
///
/// # Errors
/// Options out of their range, fewer than two points, different columns, a coordinate that is not finite, or one so large
/// that its cube is not.
pub fn kernel_distance(
    real: ArrayView2<f64>,
    x: ArrayView2<f64>,
    options: &KernelDistanceOptions,
    stream: Stream,
) -> Result<KernelDistance, MetricsError> {
    options.check()?;
    if real.ncols() != x.ncols() {
        return Err(MetricsError::DifferentColumns { real: real.ncols(), generated: x.ncols() });
    }
    checked_set(&real, "real")?;
    checked_set(&x, "generated")?;
    let size = options.size.min(real.nrows()).min(x.nrows());
    let (reals, generated) = (stream.child("real"), stream.child("generated"));
    let distances: Vec<f64> = (0..options.subsets as u64)
        .into_par_iter()
        .map(|index| {
            let some = |points: ArrayView2<f64>, stream: &Stream| {
                points.select(Axis(0), &stream.subset(index, points.nrows(), size))
            };
            of_subsets(&some(real, &reals), &some(x, &generated))
        })
        .collect();
    let (mean, std) = mean_and_std(&distances);
    if !(mean.is_finite() && std.is_finite()) {
        let size = real.iter().chain(&x).fold(0.0, |size: f64, v| size.max(v.abs()));
        return Err(MetricsError::KernelOverflow { size });
    }
    // Subsets that are the whole of both sets differ by the order of their points alone.
    let whole = size == real.nrows() && size == x.nrows();
    let std = if whole { 0.0 } else { std };
    Ok(KernelDistance { mean, std, subsets: options.subsets, size })
}

/// The formula, for as many real as generated points.
fn of_subsets(real: &Array2<f64>, x: &Array2<f64>) -> f64 {
    let (real, x, s) = (real.view(), x.view(), real.nrows() as f64);
    let between_others = |points| kernel_sum(points, points, true) / (s * (s - 1.0));
    between_others(real) + between_others(x) - 2.0 * kernel_sum(real, x, false) / (s * s)
}

/// The sum of the kernel over all pairs of a point of `a` and one of `b`; if these are the same set, without the pairs of a
/// point with itself.
pub(super) fn kernel_sum(a: ArrayView2<f64>, b: ArrayView2<f64>, itself: bool) -> f64 {
    let d = a.ncols() as f64;
    let cube = |product: &f64| {
        let value = product / d + 1.0;
        value * value * value
    };
    if !itself {
        return rows_by_rows(a, b).iter().map(cube).sum();
    }
    let products = upper_gram(a);
    let above = |(i, row): (usize, ArrayView1<f64>)| row.slice(s![i + 1..]).iter().map(cube).sum::<f64>();
    2.0 * products.outer_iter().enumerate().map(above).sum::<f64>()
}
