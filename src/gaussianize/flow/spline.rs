//! The monotone rational-quadratic spline of a coupling layer (Gregory & Delbourgo 1982; Durkan et al. 2019).
//!
//! On `[-BOUND, BOUND]` `K` bins of widths `w_k` and heights `h_k` with derivatives `d_0 .. d_K` at their ends; outside the
//! identity, with derivative 1. In a bin, with `u = (x - x_k) / w_k`, `s = h_k / w_k` and `e = d_k + d_{k+1} - 2 s`:
//!
//! ```text
//! y     = y_k + h_k (s u^2 + d_k u (1 - u)) / (s + e u (1 - u))
//! dy/dx = s^2 (d_{k+1} u^2 + 2 s u (1 - u) + d_k (1 - u)^2) / (s + e u (1 - u))^2
//! ```
//!
//! The inverse is the root of a quadratic equation.

/// The spline is the identity beyond.
pub const BOUND: f64 = 6.0;

/// Smallest share of a bin in the width or height of all, and smallest derivative.
pub const SMALLEST: f64 = 1e-3;

/// Numbers that a network gives for one spline of so many bins: widths, heights, and derivatives at the inner ends.
pub const fn numbers(bins: usize) -> usize {
    3 * bins - 1
}

/// `log(exp(1 - SMALLEST) - 1)`: with it a network that answers 0 gives derivatives 1.
pub fn unit_derivative() -> f64 {
    (1.0 - SMALLEST).exp_m1().ln()
}

/// One spline, its ends as sums.
#[derive(Debug, Clone)]
pub struct Spline {
    /// Ends of the bins, `K + 1` each, on both axes.
    x: Vec<f64>,
    y: Vec<f64>,
    /// Derivatives at the ends.
    derivative: Vec<f64>,
}

impl Spline {
    /// Room for a spline of so many bins.
    pub fn with_bins(bins: usize) -> Self {
        Self { x: vec![0.0; bins + 1], y: vec![0.0; bins + 1], derivative: vec![1.0; bins + 1] }
    }

    /// Takes the numbers that a network gives for it.
    pub fn set(&mut self, raw: &[f64]) {
        let bins = self.x.len() - 1;
        ends(&mut self.x, &raw[..bins]);
        ends(&mut self.y, &raw[bins..2 * bins]);
        let shift = unit_derivative();
        for (derivative, raw) in self.derivative[1..bins].iter_mut().zip(&raw[2 * bins..]) {
            *derivative = SMALLEST + softplus(raw + shift);
        }
    }

    /// The bin of a value between the ends.
    fn bin(ends: &[f64], value: f64) -> usize {
        ends[1..ends.len() - 1].partition_point(|end| *end <= value)
    }

    /// `(y, log dy/dx)`.
    pub fn forward(&self, x: f64) -> (f64, f64) {
        if !(-BOUND..=BOUND).contains(&x) {
            return (x, 0.0);
        }
        let k = Self::bin(&self.x, x);
        let (width, height) = (self.x[k + 1] - self.x[k], self.y[k + 1] - self.y[k]);
        let (slope, u) = (height / width, (x - self.x[k]) / width);
        (self.y[k] + height * self.share(k, slope, u), self.log_derivative(k, slope, u))
    }

    /// The height of the curve in its bin, from 0 to 1.
    fn share(&self, k: usize, slope: f64, u: f64) -> f64 {
        let (d0, d1) = (self.derivative[k], self.derivative[k + 1]);
        let v = u * (1.0 - u);
        ((slope * u * u + d0 * v) / (slope + (d0 + d1 - 2.0 * slope) * v)).clamp(0.0, 1.0)
    }

    fn log_derivative(&self, k: usize, slope: f64, u: f64) -> f64 {
        let (d0, d1) = (self.derivative[k], self.derivative[k + 1]);
        let v = u * (1.0 - u);
        let bottom = slope + (d0 + d1 - 2.0 * slope) * v;
        let top = d1 * u * u + 2.0 * slope * v + d0 * (1.0 - u) * (1.0 - u);
        2.0 * (slope / bottom).ln() + top.ln()
    }

    /// The `x` of that `y`.
    pub fn inverse(&self, y: f64) -> f64 {
        if !(-BOUND..=BOUND).contains(&y) {
            return y;
        }
        let k = Self::bin(&self.y, y);
        let (width, height) = (self.x[k + 1] - self.x[k], self.y[k + 1] - self.y[k]);
        let slope = height / width;
        let (d0, d1) = (self.derivative[k], self.derivative[k + 1]);
        let (rise, bend) = ((y - self.y[k]) / height, d0 + d1 - 2.0 * slope);
        let a = slope - d0 + rise * bend;
        let b = d0 - rise * bend;
        let c = -slope * rise;
        let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
        let u = if b + root > 0.0 { (-2.0 * c / (b + root)).clamp(0.0, 1.0) } else { 0.0 };
        self.x[k] + width * u
    }
}

/// Ends of bins whose shares are a softmax of `raw`.
fn ends(ends: &mut [f64], raw: &[f64]) {
    let top = raw.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = raw.iter().map(|v| (v - top).exp()).sum();
    let bins = raw.len();
    let free = 1.0 - SMALLEST * bins as f64;
    let mut sum = 0.0;
    ends[0] = -BOUND;
    for (end, raw) in ends[1..].iter_mut().zip(raw) {
        sum += SMALLEST + free * (raw - top).exp() / total;
        *end = 2.0 * BOUND * sum - BOUND;
    }
    ends[bins] = BOUND;
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::Stream;

    #[test]
    fn a_spline_is_inverted_and_its_derivative_is_that_of_its_values() {
        let stream = Stream::new(3, 0, "spline");
        for (draw, scale) in [0.0, 1.0, 4.0, 15.0].into_iter().enumerate() {
            for bins in [1, 2, 8] {
                let raw = stream.standard_normal(draw as u64, 1, numbers(bins)).mapv(|v| scale * v);
                let mut spline = Spline::with_bins(bins);
                spline.set(raw.as_slice().unwrap());
                let mut before = f64::NEG_INFINITY;
                for i in -900..=900 {
                    let x = 0.00777 * f64::from(i);
                    let (y, log_derivative) = spline.forward(x);
                    assert!(y >= before && y.is_finite(), "{x}: {y} after {before}");
                    before = y;
                    let back = spline.inverse(y);
                    let tolerance = 1e-11 * (1.0 + (-log_derivative).exp());
                    assert!((back - x).abs() <= tolerance, "{x} came back as {back}");
                    let step = 1e-6;
                    let rise = spline.forward(x + step).0 - spline.forward(x - step).0;
                    let numeric = rise / (2.0 * step);
                    // Next to an end of a bin the second derivative jumps.
                    assert!(
                        (numeric - log_derivative.exp()).abs() <= 1e-2 * numeric.max(1e-2),
                        "{x}: {numeric}"
                    );
                    if scale == 0.0 {
                        assert!((y - x).abs() < 1e-12 && log_derivative.abs() < 1e-12, "not the identity");
                    }
                }
            }
        }
    }
}
