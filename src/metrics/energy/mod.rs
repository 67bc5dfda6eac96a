//! The energy distance between two sets of points.
//!
//! | file | idea |
//! | --- | --- |
//! | `pairs` | sums of the distances of all pairs, in two or more dimensions |
//! | `line` | the same distance on a line, from sorted points |

mod line;
mod pairs;

use ndarray::ArrayView2;

use super::MetricsError;
use super::points::{Checked, checked_points};
use crate::numeric::power_of_two::{exponent, times_power_of_two};
use crate::numeric::sort::sort_ascending;
use pairs::{PackedPoints, sum_between, sum_within};

/// Largest coordinates within 2 to this power of 1, either way, are squared as they are.
const USUAL: i32 = 300;

/// Real points with the mean distance between two of them: computed once, then compared with any number of generated
/// sets.
///
/// # Formula
///
/// The squared energy distance (Szekely and Rizzo 2013, "Energy statistics: a class of statistics based on distances")
/// `2 E|X - Y| - E|X - X'| - E|Y - Y'|`, estimated by its U-statistic: with real points `R_1..R_n` and generated points
/// `F_1..F_m`,
///
/// ```text
/// 2/(n m) sum_ij |R_i - F_j|  -  1/(n (n - 1)) sum_{i != j} |R_i - R_j|  -  1/(m (m - 1)) sum_{i != j} |F_i - F_j|
/// ```
///
/// It is in the units of the data (a distance, in spite of its name no squared one), and 0 in expectation for two sets of
/// points of the same distribution, hence as often below 0 as above. So it is read beside that of fresh real points, and
/// a negative value is no error.
///
/// All pairs are compared, in time `(n m + m^2 / 2) d`; on a line, points are sorted instead. What remains after the
/// subtraction carries the rounding of the three means, about 1e-15 of the largest distances: a point so far out that
/// all others coincide beside it leaves no digit of the rest.
#[derive(Clone, Debug)]
pub struct EnergyDistance {
    real: Real,
    d: usize,
    /// Exponent of the largest coordinate.
    largest: i32,
}

/// The real points.
#[derive(Clone, Debug)]
enum Real {
    /// One column, ascending.
    Line(Vec<f64>),
    /// Several columns.
    Space {
        /// Row after row, as they were given.
        rows: Vec<f64>,
        /// In their own unit.
        packed: PackedPoints,
        /// Mean distance between two of them, in that unit; none for a single point.
        within: Option<f64>,
    },
}

impl EnergyDistance {
    /// Measures the real points, shape `(n, d)`, among themselves.
    ///
    /// # Errors
    ///
    /// No points, no columns, or a coordinate that is not finite.
    pub fn new(real: ArrayView2<f64>) -> Result<Self, MetricsError> {
        let real = checked_points(&real, "real")?;
        let (d, largest) = (real.d, exponent_of_largest(&real));
        let real = match d {
            1 => {
                let mut sorted = real.rows.into_owned();
                sort_ascending(&mut sorted, &mut Vec::new());
                Real::Line(sorted)
            }
            _ => {
                let packed = PackedPoints::new(&real.rows, d, unit(largest));
                let within = mean_within(&packed);
                Real::Space { rows: real.rows.into_owned(), packed, within }
            }
        };
        Ok(Self { real, d, largest })
    }

    /// The squared energy distance to points `x`, shape `(m, d)`, in the units of the data; none where a set has but one
    /// point, which makes no pair.
    ///
    /// The same for any number of threads; infinite where it exceeds the largest double.
    ///
    /// # Errors
    ///
    /// No points, `d` other than that of the real points, or a coordinate that is not finite.
    pub fn distance(&self, x: ArrayView2<f64>) -> Result<Option<f64>, MetricsError> {
        let (real, generated) = (self.d, x.ncols());
        if real != generated {
            return Err(MetricsError::DifferentColumns { real, generated });
        }
        let x = checked_points(&x, "generated")?;
        let unit = unit(self.largest.max(exponent_of_largest(&x)));
        let distance = match &self.real {
            Real::Line(sorted) => line_distance(sorted, &x.rows, unit),
            Real::Space { rows, packed, within } => {
                let repacked;
                let real = match packed.exponent() == unit {
                    true => packed,
                    false => {
                        repacked = PackedPoints::new(rows, self.d, unit);
                        &repacked
                    }
                };
                let within = within.map(|mean| times_power_of_two(mean, packed.exponent() - unit));
                space_distance(real, within, &PackedPoints::new(&x.rows, self.d, unit))
            }
        };
        Ok(distance.map(|distance| times_power_of_two(distance, unit)))
    }
}

/// The squared energy distance between two sets of points, shapes `(n, d)` and `(m, d)`: see [`EnergyDistance`], which
/// is faster where one set is compared with several.
///
/// # Errors
///
/// As [`EnergyDistance::new`] and [`EnergyDistance::distance`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// let real = array![[0.0, 0.0], [0.0, 2.0]];
/// let generated = array![[3.0, 4.0], [3.0, -2.0]];
/// // The distances are 5, sqrt(13), sqrt(13) and 5; within the sets 2 and 6.
/// let distance = gdiff::metrics::energy_distance(real.view(), generated.view())?.unwrap();
/// assert!((distance - (5.0 + 13f64.sqrt() - 2.0 - 6.0)).abs() < 1e-12);
/// # Ok::<(), gdiff::metrics::MetricsError>(())
/// ```
pub fn energy_distance(real: ArrayView2<f64>, x: ArrayView2<f64>) -> Result<Option<f64>, MetricsError> {
    EnergyDistance::new(real)?.distance(x)
}

/// The distance of `x` to sorted real points, in a unit.
fn line_distance(sorted: &[f64], x: &[f64], unit: i32) -> Option<f64> {
    let scaled = |values: &[f64]| -> Vec<f64> {
        values.iter().map(|value| times_power_of_two(*value, -unit)).collect()
    };
    let mut x = scaled(x);
    sort_ascending(&mut x, &mut Vec::new());
    line::energy_distance_of_sorted(&scaled(sorted), &x)
}

/// The distance of `x` to real points with the mean distance `within`, all in one unit.
fn space_distance(real: &PackedPoints, within: Option<f64>, x: &PackedPoints) -> Option<f64> {
    let (within_real, within_x) = (within?, mean_within(x)?);
    let between = sum_between(real, x) / (real.len() as f64 * x.len() as f64);
    Some(2.0 * between - within_x - within_real)
}

/// The mean distance between two points of a set; none for fewer than two.
fn mean_within(points: &PackedPoints) -> Option<f64> {
    let n = points.len() as f64;
    (points.len() > 1).then(|| 2.0 * (sum_within(points) / (n * (n - 1.0))))
}

/// The exponent of the unit in which points are squared whose largest coordinate has this exponent: a power of 2, so
/// that nothing is rounded, and 1 unless squares might leave the range of numbers.
fn unit(largest: i32) -> i32 {
    if largest.abs() > USUAL { largest } else { 0 }
}

/// The exponent of the largest coordinate.
fn exponent_of_largest(points: &Checked) -> i32 {
    exponent(points.rows.iter().fold(0.0, |largest: f64, v| largest.max(v.abs())))
}
