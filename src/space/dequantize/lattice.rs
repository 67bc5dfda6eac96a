//! Values that are whole multiples of a step: what rounding leaves.

use serde::{Deserialize, Serialize};

/// The values `(k step + offset) / denominator` for whole `k`: the nearest number to an exact fraction, so that the
/// decimal fractions of a table come out bit by bit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lattice {
    step: f64,
    offset: f64,
    denominator: f64,
}

/// Denominators up to this are tried for the step.
const LARGEST_DENOMINATOR: f64 = 1e9;

/// Whole numbers up to this are exact, with room for the additions.
const LARGEST: f64 = 1e15;

impl Lattice {
    /// The lattice of which these distinct values, in ascending order, are points, bit by bit; none if there is none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let (first, last) = (*values.first()?, *values.last()?);
        let range = last - first;
        let largest = first.abs().max(last.abs());
        // What two values that are rounded to double precision can be off by, and what is no step beside them.
        let noise = 8.0 * f64::EPSILON * largest;
        let mut gaps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable_by(f64::total_cmp);
        let mut step = *gaps.first()?;
        for gap in gaps {
            step = common_step(step, gap, noise)?;
        }
        let cells = (range / step).round();
        if !(1.0..LARGEST).contains(&cells) {
            return None;
        }
        let (numerator, denominator) = fraction(range / cells, (16.0 * noise / cells).max(1e-12 * step))?;
        // The offset may need a finer fraction than the step, as 0.5, 1.5, 2.5 do.
        (1..=12).map(f64::from).find_map(|finer| {
            let (step, denominator) = (numerator * finer, denominator * finer);
            let offset = (first * denominator).round().rem_euclid(step);
            let lattice = Self { step, offset, denominator };
            (step < LARGEST && values.iter().all(|v| lattice.nearest(*v) == *v)).then_some(lattice)
        })
    }

    /// Distance of two points.
    pub fn width(&self) -> f64 {
        self.step / self.denominator
    }

    /// The point nearest to a number.
    pub fn nearest(&self, v: f64) -> f64 {
        (self.cell(v) * self.step + self.offset) / self.denominator
    }

    /// The number `k` of that point.
    pub fn cell(&self, v: f64) -> f64 {
        ((v * self.denominator - self.offset) / self.step).round()
    }

    /// Whether the numbers describe a lattice.
    pub fn is_consistent(&self) -> bool {
        let Self { step, offset, denominator } = *self;
        step > 0.0 && denominator > 0.0 && [step, offset, denominator].iter().all(|v| v.is_finite())
    }
}

/// The largest step of which two lengths are whole multiples, by Euclid's algorithm; none if it is within the noise.
fn common_step(a: f64, b: f64, noise: f64) -> Option<f64> {
    let (mut a, mut b) = (a.max(b), a.min(b));
    loop {
        // An error of the shorter length counts as often as it goes into the longer one.
        let tolerance = (1.0 + a / b) * noise + 1e-9 * b;
        if tolerance.is_nan() || tolerance > 0.01 * b {
            return None;
        }
        let rest = a - (a / b).round() * b;
        if rest.abs() <= tolerance {
            return Some(b);
        }
        (a, b) = (b, rest.abs());
    }
}

/// The simplest fraction within a tolerance of a positive number, by its continued fraction.
fn fraction(value: f64, tolerance: f64) -> Option<(f64, f64)> {
    let (mut numerator, mut denominator) = ((1.0, value.floor()), (0.0, 1.0));
    let mut rest = value - value.floor();
    loop {
        let (p, q) = (numerator.1, denominator.1);
        if p > 0.0 && (p / q - value).abs() <= tolerance {
            return Some((p, q));
        }
        if rest <= 0.0 || q > LARGEST_DENOMINATOR || p > LARGEST {
            return None;
        }
        let whole = rest.recip().floor();
        rest = rest.recip() - whole;
        numerator = (p, whole * p + numerator.0);
        denominator = (q, whole * q + denominator.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lattice(values: &[f64]) -> Option<(f64, f64)> {
        let mut values = values.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        Lattice::of(&values).map(|found| {
            assert!(values.iter().all(|v| found.nearest(v + 0.4 * found.width()) == *v), "{values:?}");
            (found.width(), found.nearest(0.1 * found.width()))
        })
    }

    #[test]
    fn rounded_values_are_found_bit_by_bit() {
        assert_eq!(lattice(&[0.0, 1.0]), Some((1.0, 0.0)));
        assert_eq!(lattice(&[3.0, 5.0, 9.0, 15.0]), Some((2.0, 1.0)));
        assert_eq!(lattice(&[0.5, 1.5, 4.5]).unwrap().0, 1.0);
        assert_eq!(lattice(&[0.57, 0.29, 0.28, -1.15, 2.0, 8.31]), Some((0.01, 0.0)));
        assert_eq!(lattice(&[0.25, 0.5, 1.75]), Some((0.25, 0.0)));
        assert_eq!(
            lattice(&(0..256).map(|k| f64::from(k) / 255.0).collect::<Vec<_>>()).unwrap().0,
            1.0 / 255.0
        );
        assert_eq!(lattice(&[1e6, 2e6, 7e6]), Some((1e6, 0.0)));
        assert_eq!(lattice(&[1e-5, 3e-5, 4e-5]), Some((1e-5, 0.0)));
        let cents: Vec<f64> = (0..2000).map(|k| f64::from(k * 7919 % 100_003) / 100.0 - 300.0).collect();
        let cents: Vec<f64> = cents.iter().map(|v| (v * 100.0).round() / 100.0).collect();
        assert_eq!(lattice(&cents), Some((0.01, 0.0)));
    }

    #[test]
    fn other_values_are_on_no_lattice() {
        assert_eq!(lattice(&[0.0, 1.0, std::f64::consts::SQRT_2]), None);
        let roots: Vec<f64> = (1..50).map(|k| f64::from(k).sqrt()).collect();
        assert_eq!(lattice(&roots), None);
        // Single precision: multiples of 0.01 that are none in double precision.
        let single: Vec<f64> = (1..50).map(|k| f64::from(k as f32 * 0.01)).collect();
        assert_eq!(lattice(&single), None);
        assert_eq!(Lattice::of(&[]), None);
    }
}
