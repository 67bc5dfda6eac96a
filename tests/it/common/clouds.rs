//! Clouds and fits shared by the Gaussianizer's tests.

use gdiff::gaussianize::{BandwidthRule, FitReport, GaussianizeError, GaussianizeOptions, Gaussianizer};
use gdiff::numeric::random::Stream;
use ndarray::Array2;

/// Every kind of bandwidth.
pub const RULES: [BandwidthRule; 5] = [
    BandwidthRule::Fixed(0.2),
    BandwidthRule::Silverman,
    BandwidthRule::Scott,
    BandwidthRule::Isj,
    BandwidthRule::Shimazaki,
];

/// The stream of the tests.
pub fn stream() -> Stream {
    Stream::new(20, 0, "gaussianize tests")
}

/// Eight modes on a circle in the first two columns, a bent third, the rest skewed.
pub fn modes(n: usize, d: usize) -> Array2<f64> {
    let mut x = stream().standard_normal(1, n, d);
    for (i, mut row) in x.outer_iter_mut().enumerate() {
        let angle = (i % 8) as f64 * std::f64::consts::FRAC_PI_4;
        for (j, v) in row.iter_mut().enumerate() {
            *v = match j {
                0 => 2.0 * angle.cos() + 0.1 * *v,
                1 => 2.0 * angle.sin() + 0.1 * *v,
                _ => (0.5 * *v).exp() + (angle * j as f64).sin(),
            };
        }
    }
    x
}

/// A fit without progress.
pub fn fit(
    x: &Array2<f64>,
    options: &GaussianizeOptions,
) -> Result<(Gaussianizer, FitReport), GaussianizeError> {
    Gaussianizer::fit(x.view(), options, &stream(), &mut |_, _| ())
}

/// Largest difference between two matrices.
pub fn worst(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    (a - b).iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}
