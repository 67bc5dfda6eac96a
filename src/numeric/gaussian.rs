//! A normal distribution N(m, S) in d dimensions by the Cholesky factor of its covariance.

use super::simd::{LANES, Lanes};
use std::f64::consts::PI;
use std::ops::Index;

/// The mean and the lower triangular factor of N(m, S), `S = L L^T`.
///
/// Whoever builds one provides the factor: from a given covariance it comes from LAPACK, from weighted sums of points
/// with a floor under each variance.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaussian {
    /// Mean `m`, `d` numbers.
    pub mean: Vec<f64>,
    /// `L`, row by row, `d * d` numbers; what stands above the diagonal is never read.
    pub factor: Vec<f64>,
    /// `log det L`, half the log-determinant of the covariance.
    pub log_det: f64,
}

impl Gaussian {
    /// The distribution with this mean (`d` numbers) and lower triangular factor (`d * d` numbers, row by row, positive
    /// on the diagonal).
    pub fn new(mean: Vec<f64>, factor: Vec<f64>) -> Self {
        let d = mean.len();
        let log_det = (0..d).map(|i| factor[i * d + i].ln()).sum();
        Self { mean, factor, log_det }
    }

    /// Dimension `d`.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// Row `i` of `L` up to and with its diagonal entry.
    #[inline]
    pub fn factor_row(&self, i: usize) -> &[f64] {
        &self.factor[i * self.dim()..][..=i]
    }

    /// `y = L^-1 (x - m)` by forward substitution; returns `|y|^2`, the squared Mahalanobis distance of `x`.
    #[inline]
    pub fn whiten(&self, x: &(impl Index<usize, Output = f64> + ?Sized), y: &mut [f64]) -> f64 {
        let d = y.len();
        let mut squared = 0.0;
        for i in 0..d {
            let row = &self.factor[i * d..i * d + d];
            let known: f64 = row[..i].iter().zip(&y[..i]).map(|(l, v)| l * v).sum();
            let v = (x[i] - self.mean[i] - known) / row[i];
            y[i] = v;
            squared += v * v;
        }
        squared
    }

    /// [`whiten`](Self::whiten) of eight points at once: `x` holds the coordinates, eight side by side, `y` has room for as
    /// many. Every lane holds what `whiten` gives for its point.
    #[inline(always)]
    pub fn whiten_lanes(&self, x: &[Lanes], y: &mut [Lanes]) -> Lanes {
        let d = y.len();
        let mut squared = Lanes::splat(0.0);
        for i in 0..d {
            let row = &self.factor[i * d..i * d + d];
            let mut known = Lanes::splat(0.0);
            for (weight, y) in row[..i].iter().zip(&y[..i]) {
                (0..LANES).for_each(|l| known.0[l] += weight * y.0[l]);
            }
            for l in 0..LANES {
                let v = (x[i].0[l] - self.mean[i] - known.0[l]) / row[i];
                y[i].0[l] = v;
                squared.0[l] += v * v;
            }
        }
        squared
    }

    /// `log N(x; m, S)`, nats; `y` has room for `d` numbers.
    pub fn log_density(&self, x: &(impl Index<usize, Output = f64> + ?Sized), y: &mut [f64]) -> f64 {
        let squared = self.whiten(x, y);
        -0.5 * squared - self.log_det - 0.5 * y.len() as f64 * (2.0 * PI).ln()
    }

    /// `y <- L^-T y` in place, by backward substitution: of a whitened `y` it makes `S^-1 (x - m)`.
    #[inline]
    pub fn whiten_transposed(&self, y: &mut [f64]) {
        let d = y.len();
        for i in (0..d).rev() {
            let known: f64 = (i + 1..d).map(|j| self.factor[j * d + i] * y[j]).sum();
            y[i] = (y[i] - known) / self.factor[i * d + i];
        }
    }

    /// [`whiten_transposed`](Self::whiten_transposed) of eight points at once.
    #[inline(always)]
    pub fn whiten_transposed_lanes(&self, y: &mut [Lanes]) {
        let d = y.len();
        for i in (0..d).rev() {
            let mut known = Lanes::splat(0.0);
            for (j, y) in y.iter().enumerate().skip(i + 1) {
                (0..LANES).for_each(|l| known.0[l] += self.factor[j * d + i] * y.0[l]);
            }
            (0..LANES).for_each(|l| y[i].0[l] = (y[i].0[l] - known.0[l]) / self.factor[i * d + i]);
        }
    }

    /// Coordinate `i` of `m + L z`, a point of the distribution for standard normal `z`.
    #[inline]
    pub fn colour(&self, z: &[f64], i: usize) -> f64 {
        self.mean[i] + self.factor_row(i).iter().zip(z).map(|(l, z)| l * z).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitening_undoes_colouring_and_the_transpose_solves_for_the_covariance() {
        let gaussian =
            Gaussian::new(vec![1.0, -2.0, 0.5], vec![2.0, 9.0, 9.0, 0.5, 3.0, 9.0, -1.0, 0.25, 0.125]);
        assert!((gaussian.log_det - (2.0_f64 * 3.0 * 0.125).ln()).abs() < 1e-15);
        let z = [0.3, -1.2, 2.0];
        let x: Vec<f64> = (0..3).map(|i| gaussian.colour(&z, i)).collect();
        let mut y = vec![0.0; 3];
        let squared = gaussian.whiten(&x[..], &mut y);
        assert!(y.iter().zip(z).all(|(a, b)| (a - b).abs() < 1e-13));
        assert!((squared - z.iter().map(|v| v * v).sum::<f64>()).abs() < 1e-12);
        // S^-1 (x - m) times S is x - m.
        gaussian.whiten_transposed(&mut y);
        let l = |i: usize, j: usize| if j <= i { gaussian.factor[i * 3 + j] } else { 0.0 };
        let s = |i: usize, j: usize| (0..3).map(|k| l(i, k) * l(j, k)).sum::<f64>();
        for (i, (x, mean)) in x.iter().zip(&gaussian.mean).enumerate() {
            let back: f64 = (0..3).map(|j| s(i, j) * y[j]).sum();
            assert!((back - (x - mean)).abs() < 1e-11, "coordinate {i}: {back}");
        }
    }
}
