//! Intervals of precision, recall, density and coverage.

use candle_core::Device;
use ndarray::{ArrayView2, Axis};
use serde::Serialize;

use super::{Prdc, RealManifold};
use crate::metrics::MetricsError;
use crate::metrics::interval::{ResampledInterval, half};
use crate::numeric::random::Stream;

/// 95 % intervals of precision, recall, density and coverage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PrdcIntervals {
    /// Within 0 and 1.
    pub precision: ResampledInterval,
    /// Within 0 and 1.
    pub recall: ResampledInterval,
    /// From 0 up.
    pub density: ResampledInterval,
    /// Within 0 and 1.
    pub coverage: ResampledInterval,
}

/// 95 % intervals of the values `prdc` of two sets, shapes `(n, d)` and `(m, d)`: each value and 1.96 standard deviations of
/// its values for random halves of both sets, drawn `resamples` times without replacement.
///
/// An interval covers the mean of the value over other sets of *the same counts*. The values of halves differ from it, as all
/// four depend on the counts, so that only their spread is used; where a value is close to 0 or 1, halves spread more than the
/// whole sets do, and the interval is too wide. The bootstrap, which draws points twice, fails here: a
/// point that is drawn twice has a neighbour at distance 0.
///
/// # Errors
/// As [`RealManifold::on`] and [`RealManifold::prdc`] for half of the points.
pub fn prdc_intervals(
    device: &Device,
    (real, fake): (ArrayView2<f64>, ArrayView2<f64>),
    (k, prdc): (usize, &Prdc),
    stream: Stream,
    resamples: usize,
) -> Result<PrdcIntervals, MetricsError> {
    let of_half = |index: u64| {
        let some = |points: ArrayView2<f64>, which| {
            points.select(Axis(0), &half(points.nrows(), &stream.child(which), index))
        };
        let (real, fake) = (some(real, "real"), some(fake, "generated"));
        RealManifold::on(device, real.view(), k)?.prdc(fake.view())
    };
    let values = (0..resamples as u64).map(of_half).collect::<Result<Vec<Prdc>, MetricsError>>()?;
    let interval = |of: fn(&Prdc) -> f64, largest: f64| {
        ResampledInterval::new(of(prdc), &values.iter().map(of).collect::<Vec<f64>>(), (0.0, largest))
    };
    Ok(PrdcIntervals {
        precision: interval(|p| p.precision, 1.0),
        recall: interval(|p| p.recall, 1.0),
        density: interval(|p| p.density, f64::INFINITY),
        coverage: interval(|p| p.coverage, 1.0),
    })
}
