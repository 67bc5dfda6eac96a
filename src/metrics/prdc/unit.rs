//! The unit in which coordinates are squared: a power of 2, so that nothing is rounded and no square of usual points
//! leaves the range of numbers, at scales of 1e200 or 1e-170 too.

use rayon::prelude::*;
use std::borrow::Cow;

use super::super::MetricsError;
use crate::numeric::power_of_two::{exponent, times_power_of_two};

/// Coordinates whose median is within 2 to this power of 1, either way, are squared as they are.
const USUAL: i32 = 300;

/// Largest factor, as a power of 2, by which the median of the generated coordinates may differ from the unit.
const COMPARABLE: i32 = 450;

/// Coordinates that stay above this power of 2 after scaling become it: the distance to them is infinite.
const FAR: i32 = 1000;

/// Coordinates that one task counts.
const CHUNK: usize = 1 << 16;

/// Points are multiplied by 2 to the power of `-exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub exponent: i32,
}

impl Unit {
    /// The unit of the real points: 1 unless the median of their coordinates is far from it.
    ///
    /// The median, because a single point that lies far out must not make the others vanish: distances beyond 1e150 of
    /// the unit count as infinite, and differences below 1e-150 of it as none.
    pub fn of(real: &[f64]) -> Self {
        let exponent = median_exponent(real).filter(|e| e.abs() > USUAL).unwrap_or(0);
        Self { exponent }
    }

    /// The points in this unit.
    ///
    /// # Errors
    /// If most generated coordinates are so much larger or smaller than the real ones that their squares have no common
    /// range.
    pub fn generated<'a>(self, points: Cow<'a, [f64]>) -> Result<Cow<'a, [f64]>, MetricsError> {
        match median_exponent(&points) {
            Some(e) if (e - self.exponent).abs() > COMPARABLE => {
                Err(MetricsError::Scale { real: magnitude(self.exponent), generated: magnitude(e) })
            }
            _ => Ok(self.scaled(points)),
        }
    }

    /// The points in this unit.
    pub fn scaled(self, points: Cow<[f64]>) -> Cow<[f64]> {
        if self.exponent == 0 {
            return points;
        }
        let far = times_power_of_two(1.0, FAR);
        let scale = |v: &f64| times_power_of_two(*v, -self.exponent).clamp(-far, far);
        Cow::Owned(points.iter().map(scale).collect())
    }

    /// A distance in the units of the points.
    pub fn distance(self, scaled: f64) -> f64 {
        times_power_of_two(scaled, self.exponent)
    }
}

fn magnitude(exponent: i32) -> f64 {
    times_power_of_two(1.0, exponent)
}

/// The median of the exponents of coordinates other than 0; none where all are 0.
fn median_exponent(points: &[f64]) -> Option<i32> {
    // Exponents are few, so they are counted.
    let count = |some: &[f64]| {
        let mut counts = vec![0_usize; 2048];
        let nonzero = some.iter().filter(|v| **v != 0.0);
        nonzero.for_each(|v| counts[(exponent(*v) + 1023) as usize] += 1);
        counts
    };
    let sum = |mut a: Vec<usize>, b: Vec<usize>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    let counts = points.par_chunks(CHUNK).map(count).reduce(|| vec![0; 2048], sum);
    let total: usize = counts.iter().sum();
    let mut below = 0;
    counts
        .iter()
        .position(|count| {
            below += count;
            2 * below > total
        })
        .filter(|_| total > 0)
        .map(|at| at as i32 - 1023)
}
