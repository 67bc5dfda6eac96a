//! Independent component analysis of whitened data (G 8).
//!
//! Symmetric FastICA for any dimension. In two dimensions a rotation is one angle, so the contrast is evaluated on a grid
//! of angles and the best one refined to a stationary point: this always converges, and to the best of several
//! stationary points.

use std::f64::consts::{FRAC_PI_2, SQRT_2};

use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gaussianize::thin::thin_columns;
use crate::numeric::orthogonal::orthonormalize;

/// The non-quadratic function whose expectation measures non-Gaussianity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Contrast {
    /// `log cosh y`, robust and the default.
    Logcosh,
    /// `-exp(-y^2 / 2)`.
    Exp,
    /// `y^4 / 4`, kurtosis.
    Cube,
}

/// Points per block of the parallel sums; part of the definition of their rounding.
const BLOCK: usize = 4096;
/// Most points that the search for axes uses (evenly spaced in the sample's order).
const MOST_POINTS: usize = 32_768;
/// Points of the coarse search over angles.
const COARSE_POINTS: usize = 2048;
/// Angles of the coarse search over a quarter turn.
const ANGLES: usize = 90;

/// An unmixing rotation and how it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct IcaFit {
    /// `(d, d)` orthogonal, one direction per row.
    pub rotation: Array2<f64>,
    /// Iterations used.
    pub iterations: usize,
    /// Whether the directions came to rest.
    pub converged: bool,
}

impl Contrast {
    /// `G(y)`.
    pub fn value(self, y: f64) -> f64 {
        match self {
            Self::Logcosh => y.abs() + (-2.0 * y.abs()).exp().ln_1p() - std::f64::consts::LN_2,
            Self::Exp => -(-0.5 * y * y).exp(),
            Self::Cube => 0.25 * y.powi(4),
        }
    }

    /// `g(y) = G'(y)` and `g'(y)`.
    pub fn derivatives(self, y: f64) -> (f64, f64) {
        match self {
            Self::Logcosh => {
                let t = y.tanh();
                (t, 1.0 - t * t)
            }
            Self::Exp => {
                let e = (-0.5 * y * y).exp();
                (y * e, (1.0 - y * y) * e)
            }
            Self::Cube => (y.powi(3), 3.0 * y * y),
        }
    }

    /// `E G(nu)` for a standard normal `nu`.
    pub fn gaussian_mean(self) -> f64 {
        match self {
            Self::Logcosh => 0.374_567_207_491_438,
            Self::Exp => -1.0 / SQRT_2,
            Self::Cube => 0.75,
        }
    }
}

/// Unmixes whitened data `white` of shape `(d, n)`, components in rows.
///
/// # Errors
/// A sentence when the orthogonalization fails (not finite numbers).
pub fn fit(
    white: ArrayView2<f64>,
    contrast: Contrast,
    iterations: usize,
    tolerance: f64,
) -> Result<IcaFit, String> {
    let x = thin_columns(white, MOST_POINTS);
    match white.nrows() {
        1 => Ok(IcaFit { rotation: Array2::eye(1), iterations: 0, converged: true }),
        2 => Ok(by_angle(x.view(), contrast)),
        d => fastica(x.view(), contrast, &Array2::eye(d), iterations, tolerance),
    }
}

/// Symmetric FastICA from the orthogonal matrix nearest to `start`.
///
/// # Errors
/// A sentence when the orthogonalization fails.
pub fn fastica(
    white: ArrayView2<f64>,
    contrast: Contrast,
    start: &Array2<f64>,
    iterations: usize,
    tolerance: f64,
) -> Result<IcaFit, String> {
    let (d, n) = white.dim();
    let mut w = orthonormalize(start)?;
    for iteration in 1..=iterations {
        let blocks: Vec<(Array2<f64>, Vec<f64>)> = (0..n.div_ceil(BLOCK))
            .into_par_iter()
            .map(|b| {
                let x = white.slice(s![.., b * BLOCK..((b + 1) * BLOCK).min(n)]);
                let mut y = w.dot(&x);
                let derivatives = y
                    .axis_iter_mut(Axis(0))
                    .map(|row| {
                        let mut derivative = 0.0;
                        for v in row {
                            let (g, dg) = contrast.derivatives(*v);
                            *v = g;
                            derivative += dg;
                        }
                        derivative
                    })
                    .collect();
                (y.dot(&x.t()), derivatives)
            })
            .collect();
        let mut next = Array2::zeros((d, d));
        let mut derivatives = vec![0.0; d];
        for (product, derivative) in &blocks {
            next += product;
            derivatives.iter_mut().zip(derivative).for_each(|(a, b)| *a += b);
        }
        for ((mut row, derivative), old) in next.outer_iter_mut().zip(&derivatives).zip(w.outer_iter()) {
            row.scaled_add(-derivative, &old);
            row /= n as f64;
        }
        let next = orthonormalize(&next)?;
        let turned = (&next * &w).sum_axis(Axis(1)).iter().map(|c| (c.abs() - 1.0).abs()).fold(0.0, f64::max);
        w = next;
        if turned < tolerance {
            return Ok(IcaFit { rotation: w, iterations: iteration, converged: true });
        }
    }
    Ok(IcaFit { rotation: w, iterations, converged: false })
}

/// The angle of largest `sum_j |E G(y_j) - E G(nu)|`, polished to where the contrast is stationary.
fn by_angle(white: ArrayView2<f64>, contrast: Contrast) -> IcaFit {
    let coarse = thin_columns(white, COARSE_POINTS);
    let excess = |x: ArrayView2<f64>, angle: f64| {
        let n = x.ncols() as f64;
        let (sin, cos) = angle.sin_cos();
        let (mut one, mut two) = (0.0, 0.0);
        for (a, b) in x.row(0).iter().zip(x.row(1)) {
            one += contrast.value(cos * a + sin * b);
            two += contrast.value(cos * b - sin * a);
        }
        (one / n - contrast.gaussian_mean(), two / n - contrast.gaussian_mean())
    };
    let step = FRAC_PI_2 / ANGLES as f64;
    let scores: Vec<f64> = (0..ANGLES)
        .into_par_iter()
        .map(|i| {
            let (one, two) = excess(coarse.view(), i as f64 * step);
            one.abs() + two.abs()
        })
        .collect();
    let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
    let centre = best as f64 * step;
    let (one, two) = excess(white, centre);
    let (sign1, sign2) = (one.signum(), two.signum());
    // d/d angle of sign1 E G(y1) + sign2 E G(y2): the condition that FastICA's fixed points meet.
    let derivative = |angle: f64| {
        let (sin, cos) = angle.sin_cos();
        let mut sum = 0.0;
        for (a, b) in white.row(0).iter().zip(white.row(1)) {
            let (y1, y2) = (cos * a + sin * b, cos * b - sin * a);
            sum += sign1 * contrast.derivatives(y1).0 * y2 - sign2 * contrast.derivatives(y2).0 * y1;
        }
        sum / white.ncols() as f64
    };
    let (angle, iterations) = falling_zero(derivative, centre - 1.5 * step, centre + 1.5 * step, centre);
    let (sin, cos) = angle.sin_cos();
    let rotation = ndarray::arr2(&[[cos, sin], [-sin, cos]]);
    IcaFit { rotation, iterations, converged: true }
}

/// The zero at which `derivative` changes from positive to negative between `low` and `high`; `otherwise` without one.
fn falling_zero(derivative: impl Fn(f64) -> f64, low: f64, high: f64, otherwise: f64) -> (f64, usize) {
    let (mut a, mut b) = (low, high);
    let (mut at_a, mut at_b) = (derivative(a), derivative(b));
    if !(at_a > 0.0 && at_b < 0.0) {
        return (otherwise, 0);
    }
    // Regula falsi with the Illinois rule.
    let mut kept = 0;
    for iteration in 1..=60 {
        let middle = (a * at_b - b * at_a) / (at_b - at_a);
        let value = derivative(middle);
        if value == 0.0 || (b - a).abs() < 1e-13 || value.abs() < 1e-15 {
            return (middle, iteration);
        }
        if value > 0.0 {
            (a, at_a) = (middle, value);
            if kept == 1 {
                at_b *= 0.5;
            }
            kept = 1;
        } else {
            (b, at_b) = (middle, value);
            if kept == -1 {
                at_a *= 0.5;
            }
            kept = -1;
        }
    }
    (0.5 * (a + b), 60)
}
