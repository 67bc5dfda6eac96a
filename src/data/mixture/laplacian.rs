//! Score and Laplacian of a mixture's log-density: what the divergence of its exact denoiser is made of.

use super::GaussianMixture;
use ndarray::{Array2, ArrayView2};

impl GaussianMixture {
    /// `tr Sigma_k^-1` of each component, `(K)`.
    pub fn precision_traces(&self) -> Vec<f64> {
        let trace = |c: &super::Component| {
            // tr Sigma^-1 = tr L^-T L^-1, the sum of the squared entries of L^-1, column by column.
            let mut column = vec![0.0; self.dim];
            let mut total = 0.0;
            for j in 0..self.dim {
                for i in j..self.dim {
                    let row = c.gaussian.factor_row(i);
                    let known: f64 = (j..i).map(|k| row[k] * column[k]).sum();
                    column[i] = (f64::from(u8::from(i == j)) - known) / row[i];
                    total += column[i] * column[i];
                }
            }
            total
        };
        self.components.iter().map(trace).collect()
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
            for (k, (c, &responsibility)) in self.components.iter().zip(responsibilities).enumerate() {
                let y = &mut whitened[k * d..(k + 1) * d];
                c.gaussian.whiten_transposed(y);
                // A responsibility that is not a number makes the gradient one, so that it is seen.
                if responsibility != 0.0 {
                    out.iter_mut().zip(&*y).for_each(|(g, v)| *g -= responsibility * v);
                }
            }
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
