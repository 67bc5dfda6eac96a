//! One component's map `z = Phi^-1(F(s))` (G 10-12) and its inverse (G 13, G 14).
//!
//! Within the range of the data the map is a piecewise polynomial that interpolates the exact kernel sums. Outside it has
//! one of two tails, and the choice decides whether the map can be iterated ([`Tails`]):
//!
//! - `Kernel` is the paper's: the CDF of the kernel mixture, unchanged. Beyond the data the derivative of `z(s)` is
//!   `1/h`, so a fresh point two bandwidths outside gets a `z` that one normal number in a million reaches, and the next
//!   layer moves it further out. Between distant modes `F` is constant to the last bit.
//! - `Gentle` changes two things and remains a true CDF with a true density. A fraction `1/(10 n)` of the mass is one
//!   broad Cauchy density with the mean and standard deviation of the data, so that `F` increases in every gap, between
//!   distant outliers too, and the inverse exists there. And one bandwidth outside the data the derivative of `z(s)`
//!   becomes at most `1/std` (less where it is less there already) and stays constant: the tail is that of a Gaussian with the
//!   data's own standard deviation, or a wider one. The log-determinant takes the density there into account exactly.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fast_gauss::{FastGaussSums, PER_BANDWIDTH};
use super::piecewise::{PieceBuilder, PiecewiseMap};
use super::tail::{Tail, outermost};
use crate::numeric::normal;

/// The shape of a marginal map beyond its data and between its modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tails {
    /// The plain kernel estimate (G 9-12): derivative `1/h` outside, constant between distant modes, where the inverse
    /// returns only points near a kernel.
    Kernel,
    /// Derivative of at most `1/std` from one bandwidth outside, and a thin broad component between the modes.
    Gentle,
}

/// Cells of the table beyond the outermost points.
const GENTLE_CELLS: f64 = 2.0;
const KERNEL_CELLS: f64 = 6.0;
/// Mass of the broad component, in units of one point.
const BROAD_SHARE: f64 = 0.1;
/// Most cells near data that one table may have; a smaller bandwidth is widened until it fits.
const MAX_CELLS: i64 = 16_384;

/// A strictly increasing map of the line with its derivative and inverse.
#[derive(Clone, Debug, PartialEq)]
pub struct Marginal {
    pub(crate) map: PiecewiseMap,
    pub(crate) lower: Tail,
    pub(crate) upper: Tail,
}

/// What [`Marginal::fit`] used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarginalFit {
    /// The bandwidth asked for, or the smallest that a table of bounded size can hold.
    pub bandwidth: f64,
    /// Whether the bandwidth had to be widened.
    pub widened: bool,
}

impl Marginal {
    /// Fits the map to ascending `sorted` points, at least one, with `bandwidth > 0`.
    ///
    /// Returns `None` when no table can be built (points that are not finite, or a bandwidth below the rounding of the
    /// points).
    pub fn fit(sorted: &[f64], bandwidth: f64, tails: Tails) -> Option<(Self, MarginalFit)> {
        let (first, last, n) = (*sorted.first()?, *sorted.last()?, sorted.len() as f64);
        let mean = sorted.iter().sum::<f64>() / n;
        let std = (sorted.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n).sqrt();
        let std = if std > 0.0 { std } else { bandwidth };
        let margin = match tails {
            Tails::Kernel => KERNEL_CELLS,
            Tails::Gentle => GENTLE_CELLS,
        };
        let mut h = bandwidth.max(1e-9 * first.abs().max(last.abs()));
        if !(h > 0.0 && h.is_finite()) {
            return None;
        }
        let (sums, end, runs) = loop {
            let sums = FastGaussSums::new(sorted, h, first - margin * h / PER_BANDWIDTH);
            let end = sums.last() + 1 + margin as i64;
            let runs = sums.active_runs(end);
            if runs.iter().map(|(from, to)| to - from).sum::<i64>() <= MAX_CELLS {
                break (sums, end, runs);
            }
            h *= 1.5;
        };
        let broad = match tails {
            Tails::Kernel => 0.0,
            Tails::Gentle => BROAD_SHARE / (n + 1.0),
        };
        let blend = |s: f64, (p, q): (f64, f64)| {
            if broad == 0.0 {
                return normal::quantile(p, q);
            }
            let wide = (s - mean) / std;
            let mix = |own: f64, wide: f64| (1.0 - broad) * own + broad * cauchy_cdf(wide);
            normal::quantile(mix(p, wide), mix(q, -wide))
        };
        let mut builder = PieceBuilder::new(|s| blend(s, sums.at(s)));
        let mut reached = 0;
        for (from, to) in runs {
            if from > reached {
                let (lo, hi) = (sums.lower_end(reached), sums.lower_end(from));
                let intervals = ((hi - lo) / (0.5 * std)).ceil().clamp(1.0, 4096.0);
                let at = |k: f64| if k == intervals { hi } else { lo + (hi - lo) * (k / intervals) };
                for k in 0..intervals as usize {
                    builder.push_interval(at(k as f64), at(k as f64 + 1.0));
                }
            }
            for index in from..to {
                let (lo, hi) = (sums.lower_end(index), sums.lower_end(index + 1));
                let (p, q) = sums.at_nodes(index);
                let (middle, half) = (0.5 * (lo + hi), 0.5 * (hi - lo));
                let nodes = crate::numeric::chebyshev::nodes();
                let values = std::array::from_fn(|r| blend(middle + half * nodes[r], (p[r], q[r])));
                builder.push_values(lo, hi, &values);
            }
            reached = to;
        }
        debug_assert_eq!(reached, end);
        let map = builder.finish()?;
        let (lower, upper) = match tails {
            Tails::Gentle => {
                let gentle = |derivative: f64| Tail::Linear(derivative.min(1.0 / std));
                (
                    gentle(map.forward_with_derivative(map.first().lo).1),
                    gentle(map.forward_with_derivative(map.last().hi).1),
                )
            }
            Tails::Kernel => {
                let edge = |ascending: &mut dyn Iterator<Item = f64>, from: f64| {
                    let points = outermost(ascending, from, h, n);
                    Tail::Kernel { points, bandwidth: h, count: n }
                };
                (
                    edge(&mut sorted.iter().copied(), map.first().lo),
                    edge(&mut sorted.iter().rev().map(|s| -s), -map.last().hi),
                )
            }
        };
        Some((Self { map, lower, upper }, MarginalFit { bandwidth: h, widened: h > bandwidth }))
    }

    /// Number of polynomial pieces.
    pub fn pieces(&self) -> usize {
        self.map.pieces().len()
    }

    /// `z` at any finite `s` (G 12); finite and increasing. NaN stays NaN.
    #[inline]
    pub fn forward(&self, s: f64) -> f64 {
        let (first, last) = (self.map.first(), self.map.last());
        if s >= first.lo && s <= last.hi { self.map.forward(s) } else { self.outside(s).0 }
    }

    /// `(z, dz/ds)` at any finite `s`; the derivative is positive and is `p(s) / phi(z)`.
    #[inline]
    pub fn forward_with_derivative(&self, s: f64) -> (f64, f64) {
        let (first, last) = (self.map.first(), self.map.last());
        if s >= first.lo && s <= last.hi { self.map.forward_with_derivative(s) } else { self.outside(s) }
    }

    fn outside(&self, s: f64) -> (f64, f64) {
        let (first, last) = (self.map.first(), self.map.last());
        if s.is_nan() {
            return (s, s);
        }
        if s < first.lo {
            return self.lower.forward(s, first.lo, first.z_lo);
        }
        let (z, derivative) = self.upper.forward(-s, -last.hi, -last.z_hi);
        (-z, derivative)
    }

    /// The `s` with `forward(s) = z`.
    #[inline]
    pub fn inverse(&self, z: f64) -> f64 {
        let (first, last) = (self.map.first(), self.map.last());
        if z.is_nan() {
            z
        } else if z < first.z_lo {
            self.lower.inverse(z, first.lo, first.z_lo)
        } else if z > last.z_hi {
            -self.upper.inverse(-z, -last.hi, -last.z_hi)
        } else {
            self.map.inverse(z)
        }
    }
}

/// The standard Cauchy CDF, with its relative accuracy kept in the lower tail.
fn cauchy_cdf(x: f64) -> f64 {
    f64::atan2(1.0, -x) * std::f64::consts::FRAC_1_PI
}
