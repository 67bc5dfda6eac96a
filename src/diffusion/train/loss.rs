//! The simple loss (G 7, I 10) and the isotropy-regularized loss (I 28), either with the variational bound beside it where
//! the variance is learned.

use super::variational_bound::{BoundTerm, VariationalBound};
use crate::diffusion::DiffusionError;
use crate::diffusion::isotropy::PredictionMoments;
use crate::numeric::options::{self, OutOfRange, require};
use candle_core::{D, DType, Device, Result as CandleResult, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the mean over the batch is taken in the isotropy term; `q_i = |eps_theta_i|^2 / d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IsotropyForm {
    /// `(mean_i q_i - 1)^2`, as (I 28) is written.
    Batch,
    /// `mean_i (q_i - 1)^2`.
    PerSample,
}

/// How the first term goes over the `d` dimensions. The mean makes lambda weigh `d` times more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// `mean_i |eps_i - eps_theta_i|^2 / d`.
    Mean,
    /// `mean_i |eps_i - eps_theta_i|^2`, as (I 28) is written.
    Sum,
}

/// `[train.isotropy]`: the isotropy-regularized loss (I 28),
/// `E|eps - eps_theta|^2 + lambda (E(eps_theta^T eps_theta / d) - 1)^2`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IsotropyLoss {
    /// Weight of the isotropy term.
    pub lambda: f64,
    /// The isotropy term, with `q` the squared norm of the predicted noise over d.
    pub form: IsotropyForm,
    /// How the first term runs over the dimensions.
    pub reduction: Reduction,
    /// Leave the loss alone and multiply the trained network's output by the s that this lambda asks for.
    pub control: bool,
}

impl Default for IsotropyLoss {
    fn default() -> Self {
        Self { lambda: 0.1, ..Self::SIMPLE }
    }
}

/// The value of a loss and its terms on one batch, or their means over the batches of an iteration: `loss = mse + lambda * isotropy + 0.001 * bound`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossTerms {
    /// What the gradient is taken of.
    pub loss: f64,
    /// The first term, reduced over dimensions as the options say.
    pub mse: f64,
    /// The second term without lambda, in the options' form (`batch` for the simple loss); its value is
    /// reported even when it has no weight.
    pub isotropy: f64,
    /// The estimate of `L_vlb` on this batch, nats, reduced over dimensions as the first term; none where the variance is
    /// not learned.
    pub bound: Option<f64>,
}

impl LossTerms {
    /// The mean of the terms of several batches, each with its share, which add up to 1; those of one batch as they are.
    pub(super) fn mean(of: &[(f64, Self)]) -> Self {
        if let [(_, terms)] = of {
            return *terms;
        }
        let mean = |value: fn(&Self) -> f64| of.iter().map(|(share, terms)| share * value(terms)).sum();
        Self {
            loss: mean(|terms| terms.loss),
            mse: mean(|terms| terms.mse),
            isotropy: mean(|terms| terms.isotropy),
            bound: of[0].1.bound.map(|_| mean(|terms| terms.bound.unwrap_or(0.0))),
        }
    }
}

/// What the bound of a batch of models needs beside the predictions.
pub(super) struct BoundOf<'a> {
    /// The terms of every step.
    pub bound: &'a VariationalBound,
    /// The steps of the points of all models, model after model.
    pub t: Vec<usize>,
}

impl IsotropyLoss {
    /// The simple loss (G 7, I 10), `mean_i |eps_i - eps_theta_i|^2 / d`.
    pub const SIMPLE: Self =
        Self { lambda: 0.0, form: IsotropyForm::Batch, reduction: Reduction::Mean, control: false };

    /// Refuses values out of their range.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check(&self) -> Result<(), OutOfRange> {
        options::not_negative("lambda", self.lambda)?;
        require(!self.control || self.form == IsotropyForm::Batch, "control", || {
            "needs form = \"batch\": only there the loss asks for one scale at all times".into()
        })
    }

    /// What the isotropy term is multiplied by in the loss: 0 where the scaled output is to do its work.
    pub fn weight(&self) -> f64 {
        if self.control { 0.0 } else { self.lambda }
    }

    /// Whether all but the weight is the same, so that trainings with these losses can be batched.
    pub(super) fn differs_in_weight_only(&self, other: &Self) -> bool {
        (self.reduction, self.form) == (other.reduction, other.form)
    }

    /// The loss (a scalar that can be differentiated) and the values of its terms, of the prediction
    /// eps_theta `(n, d)` for the noise `eps` `(n, d)` (I 28).
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn evaluate(&self, predicted: &Tensor, eps: &Tensor) -> Result<(Tensor, LossTerms), DiffusionError> {
        let (loss, terms) = evaluate(&[*self], &predicted.unsqueeze(0)?, &eps.unsqueeze(0)?, None)?;
        Ok((loss, terms[0]))
    }

    /// As [`evaluate`](Self::evaluate), with the variational bound of a learned variance, of outputs `(n, 2 d)` at the
    /// steps `t` `(n)`.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn evaluate_hybrid(
        &self,
        outputs: &Tensor,
        eps: &Tensor,
        bound: &VariationalBound,
        t: &[usize],
    ) -> Result<(Tensor, LossTerms), DiffusionError> {
        let bound = BoundOf { bound, t: t.to_vec() };
        let (loss, terms) = evaluate(&[*self], &outputs.unsqueeze(0)?, &eps.unsqueeze(0)?, Some(&bound))?;
        Ok((loss, terms[0]))
    }
}

/// The losses of a batch of models, which may differ in lambda: their sum (so that each model's gradient is that
/// of its own loss) and the terms of each, of outputs `(models, n, d)` for the noise `(models, n, d)`; with a bound the
/// outputs are `(models, n, 2 d)`.
///
/// # Errors
/// If the shapes differ.
pub(super) fn evaluate(
    options: &[IsotropyLoss],
    outputs: &Tensor,
    eps: &Tensor,
    bound: Option<&BoundOf>,
) -> Result<(Tensor, Vec<LossTerms>), DiffusionError> {
    let (models, n, d) = eps.dims3()?;
    let predicted = match bound {
        None => outputs.clone(),
        Some(_) => outputs.narrow(D::Minus1, 0, d)?,
    };
    let predicted = &predicted;
    let form = options[0].form;
    let squares = predicted.sub(eps)?.sqr()?.sum((1, 2))?;
    let terms_in_mean = match options[0].reduction {
        Reduction::Sum => n,
        Reduction::Mean => n * d,
    };
    let mse = squares.affine(1.0 / terms_in_mean as f64, 0.0)?;
    let lambdas: Vec<f64> = options.iter().map(|o| o.weight()).collect();
    let (loss, isotropy) = if lambdas.iter().all(|lambda| *lambda == 0.0) {
        (mse.clone(), isotropy(&predicted.detach(), form)?)
    } else {
        let isotropy = isotropy(predicted, form)?;
        let weights = Tensor::from_vec(lambdas, models, &Device::Cpu)?.to_dtype(mse.dtype())?;
        (mse.add(&isotropy.mul(&weights.to_device(mse.device())?)?)?, isotropy)
    };
    let (loss, bounds) = match bound {
        None => (loss, None),
        Some(of) => {
            let errors = predicted.detach().sub(eps)?.sqr()?;
            let sums = bound_sums(of, &outputs.narrow(D::Minus1, d, d)?, &errors)?;
            let mean = sums.affine(1.0 / terms_in_mean as f64, 0.0)?;
            (loss.add(&mean.affine(of.bound.weight(), 0.0)?)?, Some(mean.affine(of.bound.steps(), 0.0)?))
        }
    };
    let reported = bounds.as_ref().unwrap_or(&mse);
    let values = [&loss, &mse, &isotropy, reported].map(Tensor::detach);
    let values = Tensor::stack(&values, 1)?.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let terms = values.iter().map(|v| LossTerms {
        loss: v[0],
        mse: v[1],
        isotropy: v[2],
        bound: bounds.as_ref().map(|_| v[3]),
    });
    Ok((loss.sum_all()?, terms.collect()))
}

/// The terms of the bound, summed over each model's points and coordinates, of the variance's outputs and the squared
/// errors of the predicted noise, both `(models, n, d)`.
fn bound_sums(of: &BoundOf, outputs: &Tensor, errors: &Tensor) -> CandleResult<Tensor> {
    let (models, device) = (outputs.dim(0)?, outputs.device());
    let column = |value: fn(&BoundTerm) -> f64| {
        let values: Vec<f64> = of.t.iter().map(|t| value(of.bound.at(*t))).collect();
        let shape = (models, of.t.len() / models, 1);
        Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(outputs.dtype())?.to_device(device)
    };
    let log_variance = outputs
        .broadcast_mul(&column(|term| term.half_range)?)?
        .broadcast_add(&column(|term| term.middle)?)?;
    let squares = errors
        .broadcast_mul(&column(|term| term.error_weight)?)?
        .broadcast_add(&column(|term| term.posterior)?)?;
    let ratio = squares.mul(&log_variance.neg()?.exp()?)?;
    let terms = log_variance.broadcast_add(&column(|term| term.constant)?)?.add(&ratio)?;
    terms.affine(0.5, 0.0)?.sum((1, 2))
}

/// The second term of (I 28) without lambda, of each model.
fn isotropy(predicted: &Tensor, form: IsotropyForm) -> CandleResult<Tensor> {
    let (_, n, d) = predicted.dims3()?;
    let squares = predicted.sqr()?;
    match form {
        IsotropyForm::Batch => squares.sum((1, 2))?.affine(1.0 / (n * d) as f64, -1.0)?.sqr(),
        IsotropyForm::PerSample => squares.sum(2)?.affine(1.0 / d as f64, -1.0)?.sqr()?.mean(1),
    }
}

/// lambda' of a batch-form loss whose first term is a mean over the elements: lambda (mean), or lambda / d (sum).
fn isotropy_weight(lambda: f64, reduction: Reduction, dim: usize) -> f64 {
    match reduction {
        Reduction::Mean => lambda,
        Reduction::Sum => lambda / dim as f64,
    }
}

/// The factor `s` of the batch-form loss's optimum `s eps*` over batches of `batch` points, from the moments of its
/// own predictions `eps_theta = s eps*`: `s = 1 / (1 - 2 lambda' (1 - Q - V / (batch Q)))`, with
/// `Q = E|eps_theta|^2 / d`, `V` the variance of `|eps_theta|^2 / d` over points and times, and lambda' as in
/// [`isotropy_scale`].
///
/// The square of a batch's mean exceeds the square of `Q` by `V / batch` on average, so the loss
/// `E|eps - s eps*|^2 / d + lambda' E(mean_batch |s eps*|^2 / d - 1)^2` has the derivative
/// `2 ((s - 1) q + 2 lambda' s (s^2 (q^2 + v / batch) - q))` with `q = Q / s^2`, `v = V / s^4`. With many points in a batch
/// it is `1 / (1 - 2 lambda' (1 - Q))`. None where the formula has no positive value.
pub fn isotropy_scale_of_batches(
    lambda: f64,
    reduction: Reduction,
    dim: usize,
    moments: &PredictionMoments,
    batch: usize,
) -> Option<f64> {
    let PredictionMoments { mean_square: q, variance: v, .. } = *moments;
    let excess = v / (batch as f64 * q);
    let s = 1.0 / (1.0 - 2.0 * isotropy_weight(lambda, reduction, dim) * (1.0 - q - excess));
    (s.is_finite() && s > 0.0).then_some(s)
}

/// The factor `s` by which the minimum of the batch-form loss differs from that of the simple loss:
/// eps_theta = s eps*, `s (1 - 2 lambda' (1 - s^2 q)) = 1`, with lambda' = lambda (mean) or lambda / d
/// (sum) and `q = E|eps*|^2 / d` of the *simple* loss's optimum.
///
/// Setting the derivative of (I 28) to zero gives `s = 1 / (1 - 2 lambda' (1 - Q))` with
/// `Q = E|eps_theta|^2 / d = s^2 q`; here the equation is solved for `s`, so that the isotropy of a plain
/// network is all one needs to know. For `q` in (0, 1) the solution is unique and in `[1, 1/sqrt(q)]`.
/// `None` if `q` is not in (0, 1] or lambda is negative.
pub fn isotropy_scale(lambda: f64, reduction: Reduction, dim: usize, q: f64) -> Option<f64> {
    if !(q > 0.0 && q <= 1.0 && lambda >= 0.0 && lambda.is_finite()) {
        return None;
    }
    let weight = isotropy_weight(lambda, reduction, dim);
    let (mut low, mut high) = (1.0, 1.0 / q.sqrt());
    // Increasing in s on the bracket; 60 halvings leave less than rounding.
    for _ in 0..60 {
        let s = 0.5 * (low + high);
        if 1.0 - 2.0 * weight * (1.0 - s * s * q) < 1.0 / s { low = s } else { high = s }
    }
    Some(0.5 * (low + high))
}
