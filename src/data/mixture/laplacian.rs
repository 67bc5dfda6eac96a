//! Score and Laplacian of a mixture's log-density, of which the divergence of its exact denoiser is made, and the variance of
//! the noise in a point.

use super::GaussianMixture;
use ndarray::{Array2, ArrayView2, ArrayViewMut1, Axis};

impl GaussianMixture {
    /// `tr Sigma_k^-1` of each component, `(K)`.
    pub fn precision_traces(&self) -> Vec<f64> {
        let trace = |c: &super::Component| {
            let mut total = 0.0;
            // Sigma^-1 is L^-T L^-1, whose trace is the sum of the squared entries of L^-1.
            self.inverse_factor_entries(c, |_, entry| total += entry * entry);
            total
        };
        self.components.iter().map(trace).collect()
    }

    /// The diagonal of `S_k Sigma_k^-1` for the covariances `S_k` of another mixture, one behind the other, `(K d)`.
    fn relative_diagonals(&self, other: &Self) -> Vec<f64> {
        let diagonal = |(c, other): (&super::Component, &super::Component)| {
            let mut inverse_factor = Array2::zeros((self.dim, self.dim));
            self.inverse_factor_entries(c, |(i, j), entry| inverse_factor[[i, j]] = entry);
            (&other.covariance * &inverse_factor.t().dot(&inverse_factor)).sum_axis(Axis(1))
        };
        self.components.iter().zip(&other.components).flat_map(diagonal).collect()
    }

    /// Calls `see((row, column), entry)` for each entry of `L^-1` that is not 0 by its form, column by column.
    fn inverse_factor_entries(&self, c: &super::Component, mut see: impl FnMut((usize, usize), f64)) {
        let mut column = vec![0.0; self.dim];
        for j in 0..self.dim {
            for i in j..self.dim {
                let row = c.gaussian.factor_row(i);
                let known: f64 = (j..i).map(|k| row[k] * column[k]).sum();
                column[i] = (f64::from(u8::from(i == j)) - known) / row[i];
                see((i, j), column[i]);
            }
        }
    }

    /// `grad log p(x_i)` of this mixture, which is `clean` [diffused](Self::diffused) to `alpha_bar`, and then the variance of
    /// each coordinate of the noise in a point, `Var[eps_j | x_i]`, of each row of `x`: `(n, d) -> (n, 2 d)`.
    ///
    /// # Formula
    ///
    /// With `g_k = Sigma_k^-1 (mu_k - x)`, the responsibilities `r_k` and `g = sum_k r_k g_k`, which is the gradient:
    /// `1 + (1 - abar) d^2 log p / d x_j^2 = sum_k r_k ((1 - abar) (g_k - g)_j^2 + abar (S_k Sigma_k^-1)_jj)`, where `S_k` is the
    /// covariance of the component in `clean`. The right side loses no digits where abar is small. It is not finite where
    /// the gradient is not.
    pub fn score_and_noise_variance(&self, clean: &Self, alpha_bar: f64, x: ArrayView2<f64>) -> Array2<f64> {
        let (d, diagonals) = (self.dim, self.relative_diagonals(clean));
        self.rows_from_responsibilities(x, 2 * d, |mut out, whitened, responsibilities| {
            self.add_scores(&mut out, whitened, responsibilities);
            let parts = whitened.chunks_exact(d).zip(diagonals.chunks_exact(d)).zip(responsibilities);
            for ((y, diagonal), responsibility) in parts.filter(|(_, r)| **r != 0.0) {
                for j in 0..d {
                    let apart = (1.0 - alpha_bar) * (y[j] + out[j]).powi(2);
                    out[d + j] += responsibility * (apart + alpha_bar * diagonal[j]);
                }
            }
        })
    }

    /// Adds the gradient to the first `d` numbers of a row, and leaves `Sigma_k^-1 (x - mu_k)` of the components whose
    /// responsibility is not 0 in `whitened`.
    fn add_scores(&self, out: &mut ArrayViewMut1<f64>, whitened: &mut [f64], responsibilities: &[f64]) {
        let d = self.dim;
        for (k, (c, &responsibility)) in self.components.iter().zip(responsibilities).enumerate() {
            let y = &mut whitened[k * d..(k + 1) * d];
            c.gaussian.whiten_transposed(y);
            // A responsibility that is not a number makes the gradient one, so that it is seen.
            if responsibility != 0.0 {
                out.iter_mut().zip(&*y).for_each(|(g, v)| *g -= responsibility * v);
            }
        }
    }

    /// `grad log p(x_i)` and then, in a last column, the Laplacian `tr grad^2 log p(x_i)` of each row of `x`,
    /// `(n, d) -> (n, d + 1)`; `traces` are the [`precision_traces`](Self::precision_traces).
    ///
    /// # Formula
    ///
    /// With `g_k = Sigma_k^-1 (mu_k - x)`, the responsibilities `r_k` and `g = sum_k r_k g_k`, which is the gradient:
    /// `sum_k r_k (|g_k - g|^2 - tr Sigma_k^-1)`. It is not finite where the gradient is not.
    pub fn score_and_laplacian(&self, x: ArrayView2<f64>, traces: &[f64]) -> Array2<f64> {
        let d = self.dim;
        self.rows_from_responsibilities(x, d + 1, |mut out, whitened, responsibilities| {
            self.add_scores(&mut out, whitened, responsibilities);
            let mut laplacian = 0.0;
            for ((y, &responsibility), trace) in
                whitened.chunks_exact(d).zip(responsibilities).zip(traces).filter(|((_, r), _)| **r != 0.0)
            {
                let squared: f64 = y.iter().zip(&out).map(|(v, g)| (v + g) * (v + g)).sum();
                laplacian += responsibility * (squared - trace);
            }
            out[d] = laplacian;
        })
    }
}
