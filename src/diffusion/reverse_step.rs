//! One step of ancestral sampling, which may leave out steps of the schedule: its mean, and the variances that it can have.

use super::{Schedule, VarianceKind};
use ndarray::{Array2, s};

/// The step from `t` to `s < t` of the chain that visits only some of the steps. It is a step of the schedule with
/// `alpha = abar_t / abar_s` and `beta = 1 - alpha` (Nichol & Dhariwal 2021, section 4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReverseStep {
    /// The step at which the points are, in `1..=T`.
    pub t: usize,
    /// `abar_t / abar_s`.
    pub alpha: f64,
    /// `1 - alpha`.
    pub beta: f64,
    /// `abar_t`.
    pub alpha_bar: f64,
    /// `abar_s`; 1 at the data.
    pub alpha_bar_after: f64,
}

impl ReverseStep {
    /// The step from `t` in `1..=T` to `to` below it.
    pub fn new(schedule: &Schedule, t: usize, to: usize) -> Self {
        let (alpha_bar, alpha_bar_after) = (schedule.alpha_bar(t), schedule.alpha_bar(to));
        let (alpha, beta) = match t - to {
            1 => (schedule.alpha(t), schedule.beta(t)),
            _ => (alpha_bar / alpha_bar_after, 1.0 - alpha_bar / alpha_bar_after),
        };
        Self { t, alpha, beta, alpha_bar, alpha_bar_after }
    }

    /// `beta~ = (1 - abar_s) / (1 - abar_t) beta`, the variance of `x_s` given `x_t` and `x_0`; 0 for a step to the data.
    pub fn posterior_variance(&self) -> f64 {
        (1.0 - self.alpha_bar_after) / (1.0 - self.alpha_bar) * self.beta
    }

    /// A fixed variance; none of one that is learned.
    pub fn fixed_variance(&self, kind: VarianceKind) -> Option<f64> {
        match kind {
            VarianceKind::FixedSmall => Some(self.posterior_variance()),
            VarianceKind::FixedLarge => Some(self.beta),
            VarianceKind::LearnedRange => None,
        }
    }

    /// What the squared error of the predicted noise is multiplied by in that of the mean of `x_s`:
    /// `beta^2 / (alpha (1 - abar_t))`.
    pub fn error_weight(&self) -> f64 {
        self.beta * self.beta / (self.alpha * (1.0 - self.alpha_bar))
    }

    /// The noise and the variances of a network's outputs `(n, 2 d)`, both `(n, d)`: of an output `o` in the last `d`
    /// columns, with `v = (o + 1) / 2`, the variance is `exp(v log beta + (1 - v) log beta~)`. The step must not go to the
    /// data, where `beta~` is 0.
    pub(super) fn learned(&self, outputs: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
        let d = outputs.ncols() / 2;
        let (large, small) = (self.beta.ln(), self.posterior_variance().ln());
        let variance = |o: f64| {
            let v = 0.5 * (o + 1.0);
            (v * large + (1.0 - v) * small).exp()
        };
        (outputs.slice(s![.., ..d]).to_owned(), outputs.slice(s![.., d..]).mapv(variance))
    }
}
