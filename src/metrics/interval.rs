//! How far a metric of two sets would move with other points: its spread over resampled sets.

use crate::numeric::intervals::standard_deviation;
use crate::numeric::random::Stream;

/// Half the width of a 95 % interval of a normal distribution, in standard deviations.
const HALF_WIDTH: f64 = 1.959_963_984_540_054;

/// A value plus and minus 1.96 standard deviations of its resampled values.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ResampledInterval {
    /// Standard deviation over the resamples.
    pub std: f64,
    /// Lower end of the interval, within the range of the metric.
    pub low: f64,
    /// Upper end of the interval, within the range of the metric.
    pub high: f64,
    /// How often both sets were resampled.
    pub resamples: usize,
}

impl ResampledInterval {
    /// The interval of a value, cut off at the ends of the metric's range.
    pub(super) fn new(value: f64, resampled: &[f64], range: (f64, f64)) -> Self {
        let std = standard_deviation(resampled).unwrap_or(f64::NAN);
        let half = HALF_WIDTH * std;
        let (low, high) = ((value - half).max(range.0), (value + half).min(range.1));
        Self { std, low, high, resamples: resampled.len() }
    }
}

/// Half of the numbers `0..n`, drawn without replacement. The standard deviation of a mean over such halves estimates that of
/// the mean of all `n` (Shao and Wu 1989, "A general theory for jackknife variance estimation"), and no point is drawn twice,
/// which would make the distance to its nearest neighbour 0.
pub(super) fn half(n: usize, stream: &Stream, index: u64) -> Vec<usize> {
    stream.subset(index, n, n / 2)
}
