//! The loss of (I 28), with the variational bound where the variance is learned, and its gradient with respect to the
//! outputs, with the formulas of [`loss`](crate::diffusion::train::loss) and
//! [`variational_bound`](crate::diffusion::train::variational_bound).

use crate::diffusion::{IsotropyForm, IsotropyLoss, LossTerms, Reduction, train::VariationalBound};
use ndarray::ArrayView2;

/// Some rows of a batch that the network has answered.
pub(super) trait OutputRows {
    /// What the loss needs of them.
    fn rows(&mut self) -> Rows<'_>;
}

impl<T: OutputRows> OutputRows for &mut T {
    fn rows(&mut self) -> Rows<'_> {
        T::rows(self)
    }
}

/// The outputs of some rows, and the gradient with respect to them.
pub(super) struct Rows<'a> {
    /// Row of each point's step in a table, `t - 1`: as many as there are rows.
    pub steps: &'a [u32],
    /// The outputs, row after row.
    pub predicted: &'a [f32],
    /// The gradient, laid out in the same way.
    pub delta: &'a mut [f32],
    /// Numbers from one row to the next.
    pub stride: usize,
}

impl Rows<'_> {
    /// The step, the outputs and the gradient of each row.
    fn each(&mut self) -> impl Iterator<Item = (u32, &[f32], &mut [f32])> {
        let pairs = self.predicted.chunks_exact(self.stride).zip(self.delta.chunks_exact_mut(self.stride));
        self.steps.iter().zip(pairs).map(|(step, (predicted, delta))| (*step, predicted, delta))
    }
}

/// What the loss is made of.
pub(super) struct Loss<'a> {
    /// The loss of the predicted noise.
    pub isotropy: &'a IsotropyLoss,
    /// The bound by which the variance is learned; none where it is not.
    pub bound: Option<&'a VariationalBound>,
}

impl Loss<'_> {
    /// The loss of all blocks' outputs for the noise `eps` `(n, d)`, and the last layers' `delta`.
    ///
    /// Sums go over the rows in order, in double precision. With `e = eps_theta - eps`,
    /// `q = |eps_theta|^2 / d`: the gradient is `2 e / N` plus lambda times `4 (mean q - 1) eps_theta / (n d)`
    /// (batch) or `4 (q_i - 1) eps_theta / (n d)` (per sample), `N = n d` (mean) or `n` (sum). That with respect to an
    /// output of the variance is `0.001 T / N` times the derivative of the bound's term.
    pub fn evaluate(&self, blocks: &mut [impl OutputRows], eps: ArrayView2<f64>) -> LossTerms {
        let mut terms = match eps.ncols() {
            2 => evaluate_sized::<2>(self.isotropy, blocks, eps),
            _ => evaluate_sized::<0>(self.isotropy, blocks, eps),
        };
        if let Some(bound) = self.bound {
            let mean = add_bound(bound, self.isotropy.reduction, blocks, eps);
            terms.loss += bound.weight() * mean;
            terms.bound = Some(bound.steps() * mean);
        }
        terms
    }
}

/// The number of terms that a reduction divides by.
fn terms_in_mean(reduction: Reduction, (n, d): (usize, usize)) -> f64 {
    match reduction {
        Reduction::Mean => (n * d) as f64,
        Reduction::Sum => n as f64,
    }
}

/// The mean of the bound's terms, and the `delta` of the variance's outputs, which stand behind those of the noise.
fn add_bound(
    bound: &VariationalBound,
    reduction: Reduction,
    blocks: &mut [impl OutputRows],
    eps: ArrayView2<f64>,
) -> f64 {
    let (n, d) = eps.dim();
    let divisor = terms_in_mean(reduction, (n, d));
    let factor = bound.weight() / divisor;
    let mut noise = eps.rows().into_iter();
    let mut sum = 0.0;
    for block in blocks {
        for ((t, predicted, delta), eps) in block.rows().each().zip(&mut noise) {
            let term = bound.at(t as usize + 1);
            let (predicted, variances) = predicted[..2 * d].split_at(d);
            let delta = &mut delta[d..2 * d];
            for (((p, o), eps), delta) in predicted.iter().zip(variances).zip(eps).zip(delta) {
                let error = f64::from(p - *eps as f32);
                let (value, derivative) = term.evaluate(f64::from(*o), error * error);
                sum += value;
                *delta = (factor * derivative) as f32;
            }
        }
    }
    sum / divisor
}

/// The loss of the predicted noise for `D` dimensions, which the compiler unrolls; `D = 0` stands for a dimension that is
/// known at run time only.
fn evaluate_sized<const D: usize>(
    options: &IsotropyLoss,
    blocks: &mut [impl OutputRows],
    eps: ArrayView2<f64>,
) -> LossTerms {
    let (n, d) = (eps.nrows(), if D == 0 { eps.ncols() } else { D });
    let (lambda, form) = (options.weight(), options.form);
    let terms_in_mean = terms_in_mean(options.reduction, (n, d));
    let (mut errors, mut squares, mut per_sample) = (0.0, 0.0, 0.0);
    let eps = eps.as_standard_layout();
    let mut noise = eps.as_slice().expect("the standard layout is row after row").chunks_exact(d);
    for block in &mut *blocks {
        for ((_, predicted, delta), eps) in block.rows().each().zip(&mut noise) {
            let (predicted, delta) = (&predicted[..d], &mut delta[..d]);
            let mut square = 0.0;
            for ((p, eps), delta) in predicted.iter().zip(eps).zip(delta) {
                let error = p - *eps as f32;
                *delta = error;
                errors += f64::from(error) * f64::from(error);
                square += f64::from(*p) * f64::from(*p);
            }
            squares += square;
            per_sample += (square / d as f64 - 1.0).powi(2);
        }
    }
    let mse = errors / terms_in_mean;
    let excess = squares / (n * d) as f64 - 1.0;
    let isotropy = match form {
        IsotropyForm::Batch => excess * excess,
        IsotropyForm::PerSample => per_sample / n as f64,
    };
    let factor = (2.0 / terms_in_mean) as f32;
    let weight = 4.0 * lambda / (n * d) as f64;
    for block in blocks {
        for (_, predicted, delta) in block.rows().each() {
            let (predicted, delta) = (&predicted[..d], &mut delta[..d]);
            delta.iter_mut().for_each(|delta| *delta *= factor);
            if lambda != 0.0 {
                let excess = match form {
                    IsotropyForm::Batch => excess,
                    IsotropyForm::PerSample => {
                        predicted.iter().map(|p| f64::from(*p) * f64::from(*p)).sum::<f64>() / d as f64 - 1.0
                    }
                };
                let pull = (weight * excess) as f32;
                delta.iter_mut().zip(predicted).for_each(|(delta, p)| *delta += pull * p);
            }
        }
    }
    let loss = if lambda == 0.0 { mse } else { mse + lambda * isotropy };
    LossTerms { loss, mse, isotropy, bound: None }
}
