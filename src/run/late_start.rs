//! The step at which a late start begins: the given one, or the smallest at which the noised training points cannot be
//! told from the normal distribution of their moments.

use super::error::StageError;
use crate::diffusion::Schedule;
use crate::diffusion::sample::late_start::{LateStart, Moments, StartStep};
use crate::metrics::{MetricsError, sliced_w2};
use crate::numeric::random::Stream;
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

/// Pairs of draws of the normal distribution that the distance of the data is compared with. Were the data normal too,
/// their distance would be the largest of all 21 once in 21 times: a test at the level of 95 %.
const NULL_PAIRS: usize = 20;

/// Points that are compared at most.
const MOST_POINTS: usize = 10_000;

/// The late start of points `(n, d)` in a run's space; `stream` is where the draws come from.
///
/// # Errors
/// If the moments or the distances leave the range of numbers.
pub(super) fn late_start(
    at: StartStep,
    schedule: &Schedule,
    points: ArrayView2<f64>,
    stream: &Stream,
) -> Result<LateStart, StageError> {
    let moments = Moments::of(points)?;
    let t = match at {
        StartStep::At(t) => t,
        StartStep::Auto => smallest_step(&moments, schedule, points, stream)?,
    };
    Ok(LateStart { t, moments })
}

/// The smallest step `t` at which the sliced W2 distance `D(t)` between the noised points and as many points of the normal
/// distribution of their moments is no larger than the largest of [`NULL_PAIRS`] such distances between two draws of that
/// distribution; by bisection between 0 and T, because noise makes the points ever more normal. T where no step is.
fn smallest_step(
    moments: &Moments,
    schedule: &Schedule,
    points: ArrayView2<f64>,
    stream: &Stream,
) -> Result<usize, StageError> {
    let points = points.slice(s![..points.nrows().min(MOST_POINTS), ..]);
    let (n, d) = points.dim();
    // The same draws at every step, so that the distances change with the step alone.
    let noise = stream.standard_normal(0, n, d);
    let draw = |key: usize| stream.standard_normal(key as u64, n, d);
    let cannot_be_told = |t: usize| -> Result<bool, StageError> {
        let normal = moments.noised(schedule, t)?;
        let of = |key: usize| -> Array2<f64> { normal.points(draw(key).view()) };
        let abar = schedule.alpha_bar(t);
        let noised = &points * abar.sqrt() + &noise * (1.0 - abar).sqrt();
        let distance = sliced_w2(of(1).view(), noised.view())?;
        let null: Result<Vec<f64>, MetricsError> = (0..NULL_PAIRS)
            .into_par_iter()
            .map(|pair| sliced_w2(of(2 + 2 * pair).view(), of(3 + 2 * pair).view()))
            .collect();
        Ok(distance <= null?.into_iter().fold(0.0, f64::max))
    };
    if cannot_be_told(0)? {
        return Ok(0);
    }
    let (mut told, mut normal) = (0, schedule.steps());
    while normal - told > 1 {
        let middle = told + (normal - told) / 2;
        match cannot_be_told(middle)? {
            true => normal = middle,
            false => told = middle,
        }
    }
    Ok(normal)
}
