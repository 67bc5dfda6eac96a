//! What a map leaves: how far its values are from independent standard normal ones, axis by axis, jointly, and in pairs.
//!
//! Each measure stands beside what as many true normal points give: no map can be told to be better than that.

use crate::gaussianize::fit::diagnostics::{directions, negentropy, sliced_distance};
use crate::numeric::normal;
use crate::numeric::random::Stream;
use crate::numeric::wasserstein::{normal_quantiles, squared_w2};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

/// How often true normal points are drawn.
const DRAWS: usize = 40;

/// The quantile of those draws that a floor names.
const LEVEL: f64 = 0.95;

/// Pairs that are listed.
const PAIRS: usize = 8;

/// One axis of points, in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisSummary {
    /// Mean and standard deviation.
    pub mean: f64,
    /// Standard deviation.
    pub std: f64,
    /// `E[y^3]` of the standardized values `y`.
    pub skewness: f64,
    /// `E[y^4] - 3`.
    pub excess_kurtosis: f64,
    /// Negentropy, nats (Hyvarinen 1998).
    pub negentropy: f64,
    /// Largest distance from the mean in standard deviations.
    pub largest: f64,
    /// Wasserstein-2 distance of the values, as they are, to N(0, 1).
    pub distance: f64,
}

impl AxisSummary {
    fn of(values: ArrayView1<f64>, quantiles: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.sum() / n;
        let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let moment = |power: i32| match std > 0.0 {
            true => values.iter().map(|v| ((v - mean) / std).powi(power)).sum::<f64>() / n,
            false => f64::NAN,
        };
        Self {
            mean,
            std,
            skewness: moment(3),
            excess_kurtosis: moment(4) - 3.0,
            negentropy: negentropy(values),
            largest: values.iter().map(|v| (v - mean).abs() / std).fold(0.0, f64::max),
            distance: squared_w2(&mut values.to_vec(), quantiles).sqrt(),
        }
    }

    /// The axes of points `(n, d)`.
    pub fn of_axes(points: ArrayView2<f64>) -> Vec<Self> {
        let quantiles = normal_quantiles(points.nrows());
        points.axis_iter(Axis(1)).map(|values| Self::of(values, &quantiles)).collect()
    }
}

/// Two axes that depend on each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Their places.
    pub axes: (usize, usize),
    /// Correlation of their values.
    pub correlation: f64,
    /// Correlation of their distances from 0, which sees dependence without correlation.
    pub of_sizes: f64,
}

impl Pair {
    /// The larger of both.
    pub fn largest(&self) -> f64 {
        self.correlation.abs().max(self.of_sizes.abs())
    }
}

/// What is left after a map, of `n` points in `d` dimensions.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// Each axis.
    pub axes: Vec<AxisSummary>,
    /// The distance to N(0, 1) below which the largest one of `d` true normal axes is in 95 of 100 cases.
    pub axis_floor: f64,
    /// Sliced Wasserstein-2 distance to N(0, I).
    pub sliced: f64,
    /// The same of true normal points: their mean, and what 95 of 100 are below.
    pub sliced_floor: (f64, f64),
    /// The pairs that depend most on each other.
    pub pairs: Vec<Pair>,
    /// The correlation below which the largest of all pairs is in 95 of 100 cases where none depend.
    pub pair_floor: f64,
}

impl Left {
    /// Of mapped points `z` `(n, d)`; `stream` draws directions and true normal points.
    ///
    /// # Errors
    /// If a direction cannot be drawn.
    pub fn of(z: ArrayView2<f64>, stream: &Stream) -> Result<Self, String> {
        let (n, d) = z.dim();
        let directions = directions(d, &stream.child("directions"))?;
        let (mut sliced, mut largest) = (Vec::new(), Vec::new());
        let quantiles = normal_quantiles(n);
        for draw in 0..DRAWS {
            let true_normal = stream.child("normal").standard_normal(draw as u64, n, d);
            sliced.push(sliced_distance(true_normal.t(), &directions));
            let distance = |v: ArrayView1<f64>| squared_w2(&mut v.to_vec(), &quantiles).sqrt();
            largest.push(true_normal.axis_iter(Axis(1)).map(distance).fold(0.0, f64::max));
        }
        let (pairs, pair_floor) = pairs(z);
        Ok(Self {
            axes: AxisSummary::of_axes(z),
            axis_floor: quantile(largest),
            sliced: sliced_distance(z.t(), &directions),
            sliced_floor: (sliced.iter().sum::<f64>() / DRAWS as f64, quantile(sliced)),
            pairs,
            pair_floor,
        })
    }
}

/// The quantile that a floor names.
fn quantile(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let place = (LEVEL * values.len() as f64).ceil() as usize;
    values[place.clamp(1, values.len()) - 1]
}

/// The pairs with the largest correlations, and the floor of the largest among all of them, by Bonferroni's bound for
/// both correlations of each.
fn pairs(z: ArrayView2<f64>) -> (Vec<Pair>, f64) {
    let (n, d) = z.dim();
    let correlations = |z: &Array2<f64>| {
        let mut standard = z.clone();
        for mut column in standard.columns_mut() {
            let mean = column.sum() / n as f64;
            column -= mean;
            let norm = column.dot(&column).sqrt();
            if norm > 0.0 {
                column /= norm;
            }
        }
        standard.t().dot(&standard)
    };
    let z = z.to_owned();
    let (of_values, of_sizes) = (correlations(&z), correlations(&z.mapv(f64::abs)));
    let mut pairs: Vec<Pair> = (0..d)
        .flat_map(|i| (i + 1..d).map(move |j| (i, j)))
        .map(|axes| Pair { axes, correlation: of_values[axes], of_sizes: of_sizes[axes] })
        .collect();
    let count = pairs.len().max(1) as f64;
    pairs.sort_by(|a, b| b.largest().total_cmp(&a.largest()));
    pairs.truncate(PAIRS);
    let tail = (1.0 - LEVEL) / (4.0 * count);
    (pairs, -normal::quantile(tail, 1.0 - tail) / (n as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_points_are_at_the_floor_and_dependence_is_seen() {
        let stream = Stream::new(1, 0, "left");
        let z = stream.standard_normal(0, 4000, 3);
        let left = Left::of(z.view(), &stream).unwrap();
        assert!(left.sliced < 1.3 * left.sliced_floor.1, "{left:?}");
        assert!(left.axes.iter().all(|axis| axis.distance < 1.3 * left.axis_floor), "{left:?}");
        assert!(left.pairs[0].largest() < 1.3 * left.pair_floor, "{left:?}");
        // The size of the third axis follows that of the first one, without correlation.
        let mut dependent = z.clone();
        let sizes = z.column(0).mapv(f64::abs);
        dependent.column_mut(2).zip_mut_with(&sizes, |v, size| *v *= size);
        let left = Left::of(dependent.view(), &stream).unwrap();
        assert_eq!(left.pairs[0].axes, (0, 2));
        assert!(left.pairs[0].of_sizes > 5.0 * left.pair_floor && left.pairs[0].correlation.abs() < 0.1);
        assert!(left.axes[2].distance > 3.0 * left.axis_floor);
    }

    #[test]
    fn one_axis_few_points_and_a_constant_are_measured() {
        let stream = Stream::new(1, 0, "left");
        for n in [1, 2, 5] {
            let left = Left::of(stream.standard_normal(0, n, 1).view(), &stream).unwrap();
            assert!(left.pairs.is_empty() && left.sliced.is_finite() && left.axis_floor.is_finite());
        }
        let left = Left::of(Array2::ones((10, 2)).view(), &stream).unwrap();
        assert!(left.sliced > left.sliced_floor.1 && left.pairs[0].largest() == 0.0);
    }
}
