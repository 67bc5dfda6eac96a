//! Gaussian mixtures of any dimension with full covariances: sampling, exact log-density (G 24), score.

mod affine;
mod component;
mod eights;
mod laplacian;

pub use super::mixture_error::MixtureError;
use crate::numeric::log_sum_exp::log_sum_exp;
use crate::numeric::power_of_two::{exponent, times_power_of_two};
use crate::numeric::random::Stream;
use component::{Component, component, normalized};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, parallel::prelude::*};
use pulp::Arch;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// Rows that share one random sub-stream when sampling, and one task when evaluating.
const CHUNK_ROWS: usize = 1024;

/// Log-density below which weights, scales, and the logarithm of a sum of a few terms are rounded off beside squared
/// distances, so that the smallest of these is taken from all of them first.
const ROUNDED_OFF: f64 = -1e8;

/// A Gaussian mixture `p(x) = sum_k w_k N(x; mu_k, Sigma_k)` (G 24).
/// ```
/// use gdiff::data::mixture::GaussianMixture;
/// use gdiff::numeric::random::Stream;
/// use ndarray::{Array2, array};
///
/// let narrow = Array2::eye(2) * 0.01;
/// let modes = [array![-1.0, 0.0], array![1.0, 0.0]];
/// let mixture = GaussianMixture::new(&[3.0, 1.0], &modes, &[narrow.clone(), narrow])?;
/// assert_eq!(mixture.weights().collect::<Vec<_>>(), [0.75, 0.25]);
/// let x = mixture.sample(1000, &Stream::new(1, 0, "data"));
/// assert!(mixture.log_density(x.view()).iter().all(|value| value.is_finite()));
/// # Ok::<(), gdiff::data::mixture::MixtureError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GaussianMixture {
    dim: usize,
    components: Vec<Component>,
}

impl GaussianMixture {
    /// A mixture from weights (any positive numbers; they are normalized to sum 1), means `(d)` and
    /// covariances `(d, d)`.
    ///
    /// # Errors
    /// If the three differ in number, a weight is not positive, a dimension does not fit, or a
    /// covariance is not symmetric positive definite.
    pub fn new(
        weights: &[f64],
        means: &[Array1<f64>],
        covariances: &[Array2<f64>],
    ) -> Result<Self, MixtureError> {
        if weights.len() != means.len() || weights.len() != covariances.len() {
            return Err(MixtureError::Counts {
                weights: weights.len(),
                means: means.len(),
                covariances: covariances.len(),
            });
        }
        let dim = means.first().map_or(0, Array1::len);
        if dim == 0 {
            return Err(MixtureError::Empty);
        }
        if let Some((component, &weight)) =
            weights.iter().enumerate().find(|(_, w)| !(w.is_finite() && **w > 0.0))
        {
            return Err(MixtureError::Weight { component, weight });
        }
        let weights = normalized(weights)?;
        let components = weights
            .iter()
            .zip(means)
            .zip(covariances)
            .enumerate()
            .map(|(k, ((w, mean), covariance))| component(k, *w, mean, covariance, dim))
            .collect::<Result<_, _>>()?;
        Ok(Self { dim, components })
    }

    /// Dimension `d` of the points.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of components.
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Whether there is no component; never true of a mixture that was built.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// `n` independent points, shape `(n, d)`. The first points do not depend on `n`.
    pub fn sample(&self, n: usize, stream: &Stream) -> Array2<f64> {
        let mut out = Array2::zeros((n, self.dim));
        out.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS).into_par_iter().enumerate().for_each(
            |(chunk, mut block)| {
                let mut rng = stream.at(chunk as u64);
                let mut z = vec![0.0; self.dim];
                for mut row in block.rows_mut() {
                    let c = self.pick(rng.random::<f64>());
                    z.iter_mut().for_each(|v| *v = StandardNormal.sample(&mut rng));
                    for i in 0..self.dim {
                        row[i] = c.gaussian.colour(&z, i);
                    }
                }
            },
        );
        out
    }

    /// The component whose share of the unit interval holds `u`.
    fn pick(&self, u: f64) -> &Component {
        let mut below = 0.0;
        for c in &self.components {
            below += c.weight;
            if u < below {
                return c;
            }
        }
        &self.components[self.components.len() - 1]
    }

    /// `log p(x_i)` of each row of `x`, shape `(n, d) -> (n)`, by log-sum-exp (G 24). Minus infinity where it is below
    /// the range of numbers, beyond 1e154 standard deviations.
    pub fn log_density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        let mut out = Array1::zeros(x.nrows());
        out.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS)
            .into_par_iter()
            .zip(x.axis_chunks_iter(Axis(0), CHUNK_ROWS))
            .for_each(|(out, x)| Arch::new().dispatch(|| self.log_densities(out, x)));
        out
    }

    /// `grad log p(x_i)` of each row of `x`, shape `(n, d) -> (n, d)`:
    /// `sum_k r_k(x) Sigma_k^-1 (mu_k - x)` with `r_k` the responsibilities. It is right however far out a point lies;
    /// where the result itself or a Mahalanobis distance exceeds the range of numbers, it is not finite.
    pub fn score(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), self.dim));
        out.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS)
            .into_par_iter()
            .zip(x.axis_chunks_iter(Axis(0), CHUNK_ROWS))
            .for_each(|(out, x)| Arch::new().dispatch(|| self.scores(out, x)));
        out
    }

    /// [`score`](Self::score) row by row, however far out the rows lie.
    fn scores_far_out(&self, x: ArrayView2<f64>) -> Array2<f64> {
        let d = self.dim;
        self.rows_from_responsibilities(x, d, |mut grad, whitened, responsibilities| {
            for (k, (c, &responsibility)) in self.components.iter().zip(responsibilities).enumerate() {
                // A responsibility that is not a number makes the gradient one, so that it is seen.
                if responsibility != 0.0 {
                    let y = &mut whitened[k * d..(k + 1) * d];
                    c.gaussian.whiten_transposed(y);
                    grad.iter_mut().zip(&*y).for_each(|(g, v)| *g -= responsibility * v);
                }
            }
        })
    }

    /// The responsibilities `r_k(x_i) = w_k N(x_i; mu_k, Sigma_k) / p(x_i)` of the components for each row of `x`, shape
    /// `(n, d) -> (n, K)`, by log-sum-exp: right however far out a point lies, as long as its coordinates still tell the
    /// means apart; not a number where a Mahalanobis distance exceeds the range of numbers.
    pub fn responsibilities(&self, x: ArrayView2<f64>) -> Array2<f64> {
        self.rows_from_responsibilities(x, self.len(), |mut out, _, responsibilities| {
            out.iter_mut().zip(responsibilities).for_each(|(out, r)| *out = *r);
        })
    }

    /// A row of `columns` numbers for each row of `x`, which begins as zeros: `fill(row, whitened, responsibilities)` has the
    /// whitened point under each component, one behind the other, and the components' responsibilities.
    fn rows_from_responsibilities(
        &self,
        x: ArrayView2<f64>,
        columns: usize,
        fill: impl Fn(ArrayViewMut1<f64>, &mut [f64], &[f64]) + Sync,
    ) -> Array2<f64> {
        let mut out = Array2::zeros((x.nrows(), columns));
        out.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS)
            .into_par_iter()
            .zip(x.axis_chunks_iter(Axis(0), CHUNK_ROWS))
            .for_each(|(mut out, x)| {
                let d = self.dim;
                let mut whitened = vec![0.0; d * self.len()];
                let mut terms = vec![0.0; self.len()];
                for (out, row) in out.rows_mut().into_iter().zip(x.rows()) {
                    for (k, c) in self.components.iter().enumerate() {
                        let y = &mut whitened[k * d..(k + 1) * d];
                        terms[k] = c.log_scale - 0.5 * c.gaussian.whiten(&row, y);
                    }
                    self.responsibilities_of(&whitened, &mut terms);
                    fill(out, &mut whitened, &terms);
                }
            });
        out
    }

    /// The weights of the components, which sum to 1.
    pub fn weights(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.components.iter().map(|c| c.weight)
    }

    /// Turns the logarithms of `w_k N(x; mu_k, Sigma_k)` of a point into the responsibilities of the components.
    /// `whitened` holds `L_k^-1 (x - mu_k)` of each component.
    fn responsibilities_of(&self, whitened: &[f64], terms: &mut [f64]) {
        let mut total = log_sum_exp(terms.iter().copied());
        if total == f64::NEG_INFINITY {
            self.terms_far_out(whitened, terms);
            total = log_sum_exp(terms.iter().copied());
        } else if total < ROUNDED_OFF {
            self.terms_beside_the_nearest(whitened, terms);
            total = log_sum_exp(terms.iter().copied());
        }
        terms.iter_mut().for_each(|term| *term = (*term - total).exp());
    }

    /// Takes the place of the logarithms of `w_k N(x; mu_k, Sigma_k)` where they are so large that weights and scales are
    /// rounded off beside them: the same without the smallest squared Mahalanobis distance.
    fn terms_beside_the_nearest(&self, whitened: &[f64], terms: &mut [f64]) {
        for (term, y) in terms.iter_mut().zip(whitened.chunks_exact(self.dim)) {
            *term = y.iter().map(|v| v * v).sum();
        }
        let nearest = terms.iter().copied().fold(f64::INFINITY, f64::min);
        for (term, c) in terms.iter_mut().zip(&self.components) {
            *term = c.log_scale - 0.5 * (*term - nearest);
        }
    }

    /// Takes the place of the logarithms of `w_k N(x; mu_k, Sigma_k)` where all of them overflow, so far out that only
    /// the smallest Mahalanobis distance counts: the logarithm of the weight and the scale of those components that have
    /// it to rounding, and minus infinity for the others. `whitened` holds `L_k^-1 (x - mu_k)` of each component.
    fn terms_far_out(&self, whitened: &[f64], terms: &mut [f64]) {
        let largest = whitened.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
        if !largest.is_finite() {
            return terms.fill(f64::NAN);
        }
        let shrink = -exponent(largest);
        let square = |y: &f64| times_power_of_two(*y, shrink).powi(2);
        for (term, y) in terms.iter_mut().zip(whitened.chunks_exact(self.dim)) {
            *term = y.iter().map(square).sum();
        }
        let nearest = terms.iter().copied().fold(f64::INFINITY, f64::min);
        for (term, c) in terms.iter_mut().zip(&self.components) {
            *term = if *term == nearest { c.log_scale } else { f64::NEG_INFINITY };
        }
    }
}
