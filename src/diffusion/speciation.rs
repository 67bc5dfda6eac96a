//! When, by theory, the reverse process chooses between the classes of the data (Biroli et al. 2024).

use super::Schedule;
use super::sample::late_start::Moments;
use ndarray::ArrayView2;
use ndarray_linalg::{EigValsh, UPLO};

/// The largest eigenvalue `Lambda` of the covariance of points `(n, d)`; none for fewer than two points, or where it is no
/// number.
pub fn largest_eigenvalue(points: ArrayView2<f64>) -> Option<f64> {
    let moments = Moments::of(points).ok().filter(|_| points.nrows() > 1)?;
    let values = moments.covariance.eigvalsh(UPLO::Lower).ok()?;
    values.into_iter().reduce(f64::max).filter(|value| value.is_finite())
}

/// The reverse step at which the process speciates, of a sampler that visits the steps `times`, downwards: the first that is
/// not above the speciation time, which is the first `t` with `abar_t Lambda < 1` ([`Schedule::speciation_step`]). None
/// where `abar_t Lambda >= 1` already where the sampler begins.
pub fn reverse_step(schedule: &Schedule, times: &[usize], largest_eigenvalue: f64) -> Option<usize> {
    let speciation = schedule.speciation_step(largest_eigenvalue)?;
    let first = times.iter().chain([&0]).position(|&t| t <= speciation)?;
    (first > 0).then_some(first)
}
