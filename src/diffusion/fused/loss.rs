//! The loss of (I 28) and its gradient with respect to the prediction, with the formulas of
//! [`loss`](crate::diffusion::train::loss).

use super::{block::Block, model::Model};
use crate::diffusion::{IsotropyForm, IsotropyLoss, LossTerms, Reduction};
use ndarray::ArrayView2;

/// The loss of all blocks' predictions for the noise `eps` `(n, d)`, and the last layers' `delta`.
///
/// Sums go over the rows in order, in double precision. With `e = eps_theta - eps`,
/// `q = |eps_theta|^2 / d`: the gradient is `2 e / N` plus lambda times `4 (mean q - 1) eps_theta / (n d)`
/// (batch) or `4 (q_i - 1) eps_theta / (n d)` (per sample), `N = n d` (mean) or `n` (sum).
pub(super) fn evaluate(
    options: &IsotropyLoss,
    model: &Model,
    blocks: &mut [Block],
    eps: ArrayView2<f64>,
) -> LossTerms {
    match eps.ncols() {
        2 => evaluate_sized::<2>(options, model, blocks, eps),
        _ => evaluate_sized::<0>(options, model, blocks, eps),
    }
}

/// The same for `D` dimensions, which the compiler unrolls; `D = 0` stands for a dimension that is known at run time
/// only.
fn evaluate_sized<const D: usize>(
    options: &IsotropyLoss,
    model: &Model,
    blocks: &mut [Block],
    eps: ArrayView2<f64>,
) -> LossTerms {
    let (n, d) = (eps.nrows(), if D == 0 { eps.ncols() } else { D });
    let (lambda, form) = (options.weight(), options.form);
    let terms_in_mean = match options.reduction {
        Reduction::Mean => (n * d) as f64,
        Reduction::Sum => n as f64,
    };
    let last = model.layers.len() - 1;
    let (mut errors, mut squares, mut per_sample) = (0.0, 0.0, 0.0);
    let eps = eps.as_standard_layout();
    let mut noise = eps.as_slice().expect("the standard layout is row after row").chunks_exact(d);
    for block in &mut *blocks {
        let work = &mut block.layers[last].main;
        for (row, eps) in (0..block.rows).zip(&mut noise) {
            let predicted = &work.y.row(row)[..d];
            let delta = &mut work.delta.values[row * work.delta.stride..][..d];
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
        let work = &mut block.layers[last].main;
        for row in 0..block.rows {
            let predicted = &work.y.row(row)[..d];
            let delta = &mut work.delta.values[row * work.delta.stride..][..d];
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
    LossTerms { loss: if lambda == 0.0 { mse } else { mse + lambda * isotropy }, mse, isotropy }
}
