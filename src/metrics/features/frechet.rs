//! The Frechet distance of two sets of vectors, as in the Frechet inception distance (FID).

use ndarray::{Array2, ArrayView2, Axis, s};
use ndarray_linalg::error::LinalgError;
use ndarray_linalg::{CholeskyInto, Lapack, MatrixLayout, SVDInto, UPLO};
use rand::RngExt;
use rayon::prelude::*;

use crate::metrics::MetricsError;
use crate::metrics::interval::ResampledInterval;
use crate::metrics::points::{Checked, checked_set};
use crate::numeric::blas::{columns_by_columns, rows_by_rows};
use crate::numeric::power_of_two::{exponent, times_power_of_two};
use crate::numeric::random::Stream;

/// Largest coordinates within 2 to this power of 1, either way, are squared as they are.
const USUAL: i32 = 300;

/// Dimensions from which on a factorization takes so long that a faster one is tried.
const MANY_DIMENSIONS: usize = 256;

/// Least diagonal entry of a Cholesky factor, as a fraction of the largest, for which it is used: the covariance is known to
/// about 1e-16 of its largest entry, hence the square of the least diagonal entry to 1e-8 of itself.
const LEAST_PIVOT: f64 = 1e-4;

/// Mean and covariance of a set of vectors, in a form from which Frechet distances are computed: once for the real points,
/// then compared with any number of generated sets.
///
/// # Formula
///
/// The squared Frechet (Wasserstein-2) distance of the two normal distributions that have the means and covariances of the
/// sets (Dowson and Landau 1982; Heusel et al. 2017, "GANs trained by a two time-scale update rule", the FID):
///
/// ```text
/// |mu1 - mu2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2),    S = Xc^T Xc / (n - 1)
/// ```
///
/// where `Xc` are the centred points. `tr (S1 S2)^(1/2)` is the sum of the singular values of
/// `Xc Yc^T / sqrt((n - 1) (m - 1))`, whatever the rank of the covariances. Where a set has more points than dimensions its
/// `Xc` is replaced by the triangular factor `R` of `Xc = Q R`, which changes no singular value, so that the matrix is no
/// larger than `d x d`. No root of an eigenvalue is taken, so that the error is that of rounding the points, about 1e-15 of
/// `tr S1 + tr S2`, for singular covariances too; what is below 0 by it becomes 0. From 256 dimensions on `R` is the Cholesky
/// factor of the covariance, unless the covariance is close to singular; the error is then up to 1e-12 of the traces.
///
/// The distance is in squared units of the points. Its estimate is biased: it is too large by about a constant over the
/// number of points (Chong and Forsyth 2020), for points of one distribution as well. So it is compared only between sets
/// of equal counts, and read beside its floor, that of real points against real points.
///
/// Time `2 n d^2` (`n d^2` by Cholesky) for each set of more points than dimensions, and a few `min(n, m, d)^3` for a distance. Memory: a copy of
/// each set, and three matrices of `min(n, d) x min(m, d)`.
#[derive(Clone, Debug)]
pub struct FrechetMoments {
    /// Times `2^-unit`, as everything else here.
    mean: Vec<f64>,
    /// `A^T A` is the covariance; at most `d` rows.
    factor: Array2<f64>,
    /// The trace of the covariance.
    trace: f64,
    /// Exponent of the unit of the points.
    unit: i32,
}

impl FrechetMoments {
    /// The moments of real points, shape `(n, d)`.
    ///
    /// # Errors
    /// Fewer than two points, no columns, or a coordinate that is not finite.
    pub fn new(real: ArrayView2<f64>) -> Result<Self, MetricsError> {
        let real = checked_set(&real, "real")?;
        let unit = unit(&real.rows);
        Self::in_unit(&real, unit)
    }

    /// The Frechet distance to generated points, shape `(m, d)`, in squared units of the points; infinite where it exceeds
    /// the largest double.
    ///
    /// # Errors
    /// Fewer than two points, `d` other than that of the real points, or a coordinate that is not finite.
    pub fn distance(&self, x: ArrayView2<f64>) -> Result<f64, MetricsError> {
        let (real, generated) = (self.mean.len(), x.ncols());
        if real != generated {
            return Err(MetricsError::DifferentColumns { real, generated });
        }
        let x = checked_set(&x, "generated")?;
        let unit = unit(&x.rows).max(self.unit);
        let x = Self::in_unit(&x, unit)?;
        match self.unit == unit {
            true => self.distance_in_unit(&x),
            false => self.rescaled(unit).distance_in_unit(&x),
        }
    }

    /// The moments of points in a unit.
    fn in_unit(points: &Checked, unit: i32) -> Result<Self, MetricsError> {
        let (n, d) = (points.n, points.d);
        let mut x = points.rows.to_vec();
        if unit != 0 {
            x.iter_mut().for_each(|v| *v = times_power_of_two(*v, -unit));
        }
        // The mean is of offsets from the first point: a column without spread has it exactly, and leaves exact zeros.
        let first = x[..d].to_vec();
        let mut mean = vec![0.0; d];
        for row in x.chunks_exact_mut(d) {
            for ((v, first), sum) in row.iter_mut().zip(&first).zip(&mut mean) {
                *v -= first;
                *sum += *v;
            }
        }
        mean.iter_mut().for_each(|sum| *sum /= n as f64);
        let root = (n as f64 - 1.0).sqrt();
        for row in x.chunks_exact_mut(d) {
            row.iter_mut().zip(&mean).for_each(|(v, mean)| *v = (*v - mean) / root);
        }
        mean.iter_mut().zip(&first).for_each(|(mean, first)| *mean += first);
        let factor = triangular(Array2::from_shape_vec((n, d), x).expect("n rows of d numbers"))?;
        let trace = factor.iter().map(|v| v * v).sum();
        Ok(Self { mean, factor, trace, unit })
    }

    /// The same in a larger unit.
    fn rescaled(&self, unit: i32) -> Self {
        let by = |v: &f64| times_power_of_two(*v, self.unit - unit);
        Self {
            mean: self.mean.iter().map(by).collect(),
            factor: self.factor.map(by),
            trace: times_power_of_two(by(&self.trace), self.unit - unit),
            unit,
        }
    }

    fn distance_in_unit(&self, other: &Self) -> Result<f64, MetricsError> {
        let means: f64 = self.mean.iter().zip(&other.mean).map(|(a, b)| (a - b) * (a - b)).sum();
        // The same points give the same factor, whose product with itself has the trace as the sum of its singular values.
        if self.factor == other.factor {
            return Ok(times_power_of_two(times_power_of_two(means, self.unit), self.unit));
        }
        let product = rows_by_rows(self.factor.view(), other.factor.view());
        let (_, singular_values, _) = product.svd_into(false, false).map_err(failed)?;
        let distance = means + (self.trace + other.trace - 2.0 * singular_values.sum()).max(0.0);
        Ok(times_power_of_two(times_power_of_two(distance, self.unit), self.unit))
    }
}

/// The Frechet distance between two sets of points, shapes `(n, d)` and `(m, d)`: see [`FrechetMoments`], which is faster
/// where one set is compared with several.
///
/// # Errors
/// As [`FrechetMoments::new`] and [`FrechetMoments::distance`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// // Means 1 and 4, variances 2 and 8: 9 + (sqrt(8) - sqrt(2))^2.
/// let (real, generated) = (array![[0.0], [2.0]], array![[2.0], [6.0]]);
/// let distance = gdiff::metrics::features::frechet_distance(real.view(), generated.view())?;
/// assert!((distance - 11.0).abs() < 1e-13);
/// # Ok::<(), gdiff::metrics::MetricsError>(())
/// ```
pub fn frechet_distance(real: ArrayView2<f64>, x: ArrayView2<f64>) -> Result<f64, MetricsError> {
    if real.ncols() == x.ncols() && x.nrows() > 1 {
        // Both moments at once, on two threads: each factorization runs on one.
        let (a, b) = (checked_set(&real, "real")?, checked_set(&x, "generated")?);
        let unit = unit(&a.rows).max(unit(&b.rows));
        let (a, b) = rayon::join(|| FrechetMoments::in_unit(&a, unit), || FrechetMoments::in_unit(&b, unit));
        return a?.distance_in_unit(&b?);
    }
    FrechetMoments::new(real)?.distance(x)
}

/// A 95 % interval of the Frechet distance `distance` of two sets by the bootstrap: `distance` and 1.96 standard deviations
/// of the distances of `resamples` pairs of sets, both drawn anew with replacement.
///
/// It covers the mean of the estimate over other sets of *the same counts*, and not the distance of the distributions from
/// which the points come: the estimate is biased upwards, and so are those of resampled rows, once more, which is why only
/// their spread is used. Between sets of one distribution the spread is larger than the true one, and the interval too wide.
///
/// # Errors
/// As [`frechet_distance`].
pub fn frechet_bootstrap(
    real: ArrayView2<f64>,
    x: ArrayView2<f64>,
    distance: f64,
    stream: Stream,
    resamples: usize,
) -> Result<ResampledInterval, MetricsError> {
    let again = |points: ArrayView2<f64>, which: &str, index: u64| {
        let (mut rng, n) = (stream.child(which).at(index), points.nrows());
        let rows: Vec<usize> = (0..n).map(|_| rng.random_range(0..n)).collect();
        points.select(Axis(0), &rows)
    };
    let distances = (0..resamples as u64).into_par_iter().map(|index| {
        let (real, x) = (again(real, "real", index), again(x, "generated", index));
        FrechetMoments::new(real.view())?.distance(x.view())
    });
    let distances = distances.collect::<Result<Vec<f64>, MetricsError>>()?;
    Ok(ResampledInterval::new(distance, &distances, (0.0, f64::INFINITY)))
}

/// The exponent of a unit in which squares of the coordinates stay in the range of numbers: 0 for usual ones.
fn unit(points: &[f64]) -> i32 {
    let largest = exponent(points.iter().fold(0.0, |largest: f64, v| largest.max(v.abs())));
    // Points that are all 0 have no unit of their own.
    if largest.abs() > USUAL && largest > -1022 { largest } else { 0 }
}

/// The triangular factor `R`, `(d, d)`, of a matrix `Q R` of more rows than columns; other matrices as they are.
fn triangular(mut x: Array2<f64>) -> Result<Array2<f64>, MetricsError> {
    let (n, d) = x.dim();
    if n <= d {
        return Ok(x);
    }
    if let Some(factor) = (d >= MANY_DIMENSIONS).then(|| by_cholesky(&x)).flatten() {
        return Ok(factor);
    }
    let layout = MatrixLayout::C { row: n as i32, lda: d as i32 };
    let rows = x.as_slice_mut().expect("the matrix was made row after row");
    f64::householder(layout, rows).map_err(|e| failed(LinalgError::Lapack(e)))?;
    let mut factor = x.slice(s![..d, ..]).to_owned();
    for (i, mut row) in factor.outer_iter_mut().enumerate() {
        row.slice_mut(s![..i]).fill(0.0);
    }
    Ok(factor)
}

/// The same as the Cholesky factor of `x^T x`, a quarter of the work; none where the columns are so close to dependent that
/// its rounding would show.
fn by_cholesky(x: &Array2<f64>) -> Option<Array2<f64>> {
    let covariance = columns_by_columns(x.view());
    let factor = covariance.cholesky_into(UPLO::Upper).ok()?;
    let pivots = factor.diag();
    let (least, largest) = pivots.iter().fold((f64::INFINITY, 0.0f64), |(a, b), v| (a.min(*v), b.max(*v)));
    (least > LEAST_PIVOT * largest).then_some(factor)
}

fn failed(error: LinalgError) -> MetricsError {
    MetricsError::Decomposition(error.to_string())
}
