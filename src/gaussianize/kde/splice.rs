//! A smooth map of one component between quantiles, with tails whose law the data choose.
//!
//! It takes the component to nearly normal numbers, so that a kernel density *of these* has one bandwidth that is right
//! everywhere: the kernels are wide where the data are sparse. Between the outer quantiles the map interpolates
//! `(asinh((s - median) / spread), Phi^-1(F))` at quantiles half a standard deviation apart. The mass beyond the outer
//! quantiles has the law of largest likelihood among: normal (`z` linear in `s`), exponential, and generalized Pareto,
//! which has a parameter more and must earn it. CDF and density are continuous, except where the data ask for a
//! derivative at the splice that would not increase.

use super::marginal::Marginal;
use super::piecewise::PieceBuilder;
use super::tail::{Tail, hazard};
use crate::numeric::minimum::golden_minimum;
use crate::numeric::normal;
use crate::numeric::pchip::Pchip;

/// Mass of one tail, and the fewest points that it should have; no more than the largest mass.
const TAIL_MASS: f64 = 0.01;
const TAIL_POINTS: f64 = 30.0;
const LARGEST_TAIL: f64 = 0.15;
/// Distance of the knots, in z.
const KNOTS: f64 = 0.5;
/// Log-likelihood that the shape of a Pareto law must gain over an exponential one (a likelihood ratio test of one
/// parameter at its bound, at 5 %).
const PARETO_GAIN: f64 = 1.35;

/// What was found of one tail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TailFit {
    /// Shape of the generalized Pareto law; 0 for an exponential tail, and NaN for a normal one.
    pub shape: f64,
    /// Its standard error, `(1 + shape) / sqrt(points)`.
    pub error: f64,
    /// Points beyond the outer quantile.
    pub points: usize,
}

/// The law of a tail, in units of `s`.
enum Law {
    /// `dz/ds`.
    Normal(f64),
    Pareto {
        scale: f64,
        shape: f64,
    },
}

/// The map for ascending points, with what was found of the lower and upper tail; `None` for fewer than 40 points, and
/// where ties leave no distinct quantiles.
pub fn fit(sorted: &[f64]) -> Option<(Marginal, [TailFit; 2])> {
    let n = sorted.len();
    if n < 40 {
        return None;
    }
    let mass = (TAIL_POINTS / n as f64).clamp(TAIL_MASS, LARGEST_TAIL);
    let edge = normal::quantile(1.0 - mass, mass);
    let intervals = ((2.0 * edge / KNOTS).round() as usize).max(4);
    let z: Vec<f64> = (0..=intervals).map(|k| edge * (2.0 * k as f64 / intervals as f64 - 1.0)).collect();
    let quantile = |p: f64| {
        let at = (p * n as f64 - 0.5).clamp(0.0, (n - 1) as f64);
        let (below, part) = (at.floor() as usize, at.fract());
        let above = (below + 1).min(n - 1);
        sorted[below] + part * (sorted[above] - sorted[below])
    };
    let (median, spread) = (quantile(0.5), 0.5 * (quantile(0.75) - quantile(0.25)));
    let knots: Vec<f64> = z.iter().map(|z| quantile(normal::cdf(*z))).collect();
    if !(spread > 0.0 && spread.is_finite()) {
        return None;
    }
    let bend = |s: f64| ((s - median) / spread).asinh();
    let u: Vec<f64> = knots.iter().map(|s| bend(*s)).collect();
    let apart = |pair: &[f64]| pair[1] - pair[0] > 1e-6 * (1.0 + pair[0].abs());
    if !u.windows(2).all(apart) || !knots.windows(2).all(|pair| pair[1] > pair[0]) {
        return None;
    }
    let (low, high) = (knots[0], knots[intervals]);
    let below: Vec<f64> = sorted.iter().take_while(|s| **s < low).map(|s| low - s).collect();
    let above: Vec<f64> = sorted.iter().rev().take_while(|s| **s > high).map(|s| s - high).collect();
    let (lower, lower_fit) = tail(&below, edge)?;
    let (upper, upper_fit) = tail(&above, edge)?;
    // du/ds at a knot, by which a derivative in s becomes one in u.
    let bending = |s: f64| 1.0 / (spread * ((s - median) / spread).hypot(1.0));
    let slope = |law: &Law, s: f64| law.slope(edge) / bending(s);
    let spline = Pchip::with_ends(&u, &z, slope(&lower, low), slope(&upper, high));
    let mut builder = PieceBuilder::new(|s| spline.value(bend(s)));
    for pair in knots.windows(2) {
        builder.push_interval(pair[0], pair[1]);
    }
    let map = builder.finish()?;
    let (lower, upper) = (lower.tail(), upper.tail());
    Some((Marginal { map, lower, upper }, [lower_fit, upper_fit]))
}

impl Law {
    /// `dz/ds` at the outer quantile, `edge` standard deviations out.
    fn slope(&self, edge: f64) -> f64 {
        match self {
            Self::Normal(derivative) => *derivative,
            Self::Pareto { scale, .. } => 1.0 / (scale * hazard(-edge)),
        }
    }

    fn tail(&self) -> Tail {
        match self {
            Self::Normal(derivative) => Tail::Linear(*derivative),
            Self::Pareto { scale, shape } => Tail::Pareto { scale: *scale, shape: *shape },
        }
    }
}

/// The law of largest likelihood for the distances `t > 0` beyond a quantile `edge` standard deviations out.
fn tail(t: &[f64], edge: f64) -> Option<(Law, TailFit)> {
    let k = t.len() as f64;
    let mean = t.iter().sum::<f64>() / k;
    if t.len() < 4 || !(mean > 0.0 && mean.is_finite()) {
        return None;
    }
    let exponential = -k * (mean.ln() + 1.0);
    // Normal: phi(edge + b t) b / Phi(-edge).
    let log_mass = normal::log_cdf(-edge);
    let normal_score = |log_b: f64| {
        let b = log_b.exp();
        t.iter().map(|t| normal::log_pdf(edge + b * t)).sum::<f64>() + k * (log_b - log_mass)
    };
    let start = -(mean * hazard(-edge)).ln();
    let log_b = golden_minimum(|b| -normal_score(b), start - 3.0, start + 2.0, 1e-4);
    // Pareto, by the profile likelihood of shape / scale (Grimshaw 1993).
    let shape_of = |ratio: f64| t.iter().map(|t| (ratio * t).ln_1p()).sum::<f64>() / k;
    let pareto_score = |log_ratio: f64| {
        let ratio = log_ratio.exp();
        let shape = shape_of(ratio);
        -k * ((shape / ratio).ln() + shape + 1.0)
    };
    let begin = -mean.ln();
    // The likelihood may have two maxima: a coarse search finds the better one.
    let coarse = (0..40).map(|i| begin - 8.0 + 0.5 * f64::from(i));
    let best = coarse.max_by(|a, b| pareto_score(*a).total_cmp(&pareto_score(*b)))?;
    let log_ratio = golden_minimum(|r| -pareto_score(r), best - 0.5, best + 0.5, 1e-4);
    let (own, normal) = (pareto_score(log_ratio), normal_score(log_b));
    let shape = shape_of(log_ratio.exp());
    let fit = |shape: f64| TailFit { shape, error: (1.0 + shape.max(0.0)) / k.sqrt(), points: t.len() };
    if own > exponential.max(normal) + PARETO_GAIN && shape.is_finite() {
        return Some((Law::Pareto { scale: shape / log_ratio.exp(), shape }, fit(shape)));
    }
    if exponential > normal {
        return Some((Law::Pareto { scale: mean, shape: 0.0 }, fit(0.0)));
    }
    Some((Law::Normal(log_b.exp()), TailFit { shape: f64::NAN, ..fit(0.0) }))
}
