//! The map of the distance from the centre, directions kept (radial Gaussianization, Lyu & Simoncelli 2009).
//!
//! `r' = chi_d^-1(F(r))`, `z = x r'/r`: exact for every law that depends on `r` alone, such as a shell or the multivariate
//! t. It is kept as the map of `t = log r` to `t' = log r'`, a piecewise polynomial, so that
//! `log |det J| = d (t' - t) + log dt'/dt`, and the inverse is that of the same polynomial.

use statrs::function::gamma::{checked_gamma_lr, checked_gamma_ur};

use crate::gaussianize::kde::marginal::Marginal;
use crate::gaussianize::kde::piecewise::PieceBuilder;
use crate::gaussianize::kde::tail::Tail;
use crate::numeric::normal;

/// Smallest distance; nearer points are scaled as points there are.
const NEAREST: f64 = 1e-150;
/// Range of the table, in standard deviations of the normal number with the probability of the distance.
const REACH: f64 = 7.0;
/// Intervals of the tables per standard deviation.
const PER_STD: f64 = 4.0;

/// The map of distances, by their logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct RadialMap {
    /// `log r` to `log r'`.
    pub(crate) of_logs: Marginal,
}

impl RadialMap {
    /// The map in `d` dimensions of distances whose logarithms have the law that `to_normal` takes to N(0, 1), map after map,
    /// and `from_normal` back. `None` where it cannot be tabulated.
    pub(crate) fn new(
        d: usize,
        to_normal: impl Fn(f64) -> f64,
        from_normal: impl Fn(f64) -> f64,
    ) -> Option<Self> {
        let chi = log_chi(d)?;
        let at = |z: f64| from_normal(z).max(NEAREST.ln());
        let mut builder = PieceBuilder::new(|t| {
            let z = to_normal(t).clamp(-REACH - 0.5, REACH + 0.5);
            chi.forward(z)
        });
        let steps = (2.0 * REACH * PER_STD) as usize;
        let mut from = at(-REACH);
        for k in 1..=steps {
            let to = at(-REACH + k as f64 / PER_STD);
            if to > from {
                builder.push_interval(from, to);
                from = to;
            }
        }
        let map = builder.finish()?;
        let edge = |t: f64| map.forward_with_derivative(t).1;
        // Inside, all is scaled by one number; outside, by at most that.
        let upper = Tail::Linear(edge(map.last().hi).clamp(1e-3, 1.0));
        Some(Self { of_logs: Marginal { map, lower: Tail::Linear(1.0), upper } })
    }

    /// The factor on a point at distance `r` of `d` dimensions, and `log |det J|`.
    #[inline]
    pub(crate) fn forward(&self, r: f64, d: usize) -> (f64, f64) {
        let t = r.max(NEAREST).ln();
        let (out, derivative) = self.of_logs.forward_with_derivative(t);
        ((out - t).exp(), d as f64 * (out - t) + derivative.ln())
    }

    /// The factor on a mapped point at distance `r`.
    #[inline]
    pub(crate) fn inverse(&self, r: f64) -> f64 {
        let out = r.max(NEAREST).ln();
        (self.of_logs.inverse(out) - out).exp()
    }
}

/// The map of a normal number to the logarithm of the chi-distributed one (`d` degrees of freedom) with the same
/// probability.
fn log_chi(d: usize) -> Option<Marginal> {
    let shape = 0.5 * d as f64;
    let exact = |z: f64| {
        let (p, q) = (normal::cdf(z), normal::cdf(-z));
        // v = r^2 / 2 has the gamma law; the smaller tail decides.
        let excess = |log_v: f64| {
            let v = log_v.exp();
            if p < q {
                checked_gamma_lr(shape, v).map_or(0.0, |own| own.max(1e-320).ln()) - p.ln()
            } else {
                q.ln() - checked_gamma_ur(shape, v).map_or(0.0, |own| own.max(1e-320).ln())
            }
        };
        let (mut low, mut high) = (-80.0 / shape.min(2.0), (4.0 * shape + 200.0).ln());
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if excess(middle) < 0.0 { low = middle } else { high = middle }
        }
        // The mass counted from either end: log r = (log 2 + log v) / 2.
        0.5 * (std::f64::consts::LN_2 + 0.5 * (low + high))
    };
    let mut builder = PieceBuilder::new(exact);
    let ends = REACH + 1.0;
    let steps = (2.0 * ends * PER_STD) as usize;
    for k in 0..steps {
        let at = |k: usize| -ends + k as f64 / PER_STD;
        let (lo, hi) = (at(k), at(k + 1));
        let (middle, half) = (0.5 * (lo + hi), 0.5 * (hi - lo));
        let mut values = crate::numeric::chebyshev::nodes().map(|t| exact(middle + half * t));
        values[0] = exact(lo);
        builder.push_once(lo, hi, &values);
    }
    let map = builder.finish()?;
    let slope = |t: f64| map.forward_with_derivative(t).1;
    let (lower, upper) = (Tail::Linear(slope(map.first().lo)), Tail::Linear(slope(map.last().hi)));
    Some(Marginal { map, lower, upper })
}
