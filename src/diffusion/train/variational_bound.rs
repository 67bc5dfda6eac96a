//! The variational bound by which the variance of the reverse steps is learned (Nichol & Dhariwal 2021), beside the
//! simple loss, which knows nothing of it: `L_hybrid = L_simple + 0.001 L_vlb`.
//!
//! `L_vlb` is the sum of the terms `L_t` over `t = 1..=T`, nats, and of a batch with one drawn `t` for each point it is
//! estimated by `T` times their mean. It goes over the dimensions as `L_simple` does: a mean by default. The mean of the
//! reverse step is taken as it is (no gradient of `L_vlb` goes into `eps_theta`), so the variance alone follows it.
//!
//! In their public code the terms are bits, which is 1 / ln 2 times the weight.

use crate::diffusion::{DiffusionError, ReverseStep, Schedule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// Weight of the bound in the loss (Nichol & Dhariwal 2021, section 3.1).
const WEIGHT: f64 = 0.001;

/// What the network learns by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// The squared error of the predicted noise (G 7, I 10).
    Simple,
    /// With the variational bound for the variance.
    Hybrid,
}

/// The term `L_t` of one coordinate as a function of the variance's output `o` and of the squared error `e^2` of the
/// predicted noise.
///
/// # Formula
///
/// `log var = middle + half_range o`, which is `v log beta_t + (1 - v) log beta~_t` with `v = (o + 1) / 2`, where
/// `beta~_1` is replaced by `beta~_2`; and with the [error weight](ReverseStep::error_weight) `w_t`
///
/// - for `t > 1` the Kullback-Leibler divergence of `q(x_{t-1} | x_t, x_0)` from the reverse step, two normal
///   distributions: `L_t = (log var - log beta~_t - 1 + (beta~_t + w_t e^2) / var) / 2`;
/// - for `t = 1` minus the log-density of `x_0` under the reverse step, a normal distribution, since the data are
///   continuous: `L_1 = (log var + log 2 pi + w_1 e^2 / var) / 2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundTerm {
    /// `log var` in the middle of the range.
    pub middle: f64,
    /// Half the range of `log var`.
    pub half_range: f64,
    /// Added to `log var`.
    pub constant: f64,
    /// The variance of `x_{t-1}` given `x_t` and `x_0`, as it stands in the term.
    pub posterior: f64,
    /// `w_t`.
    pub error_weight: f64,
}

impl BoundTerm {
    /// The term, nats, and its derivative by `o`.
    pub fn evaluate(&self, o: f64, squared_error: f64) -> (f64, f64) {
        let log_variance = self.middle + self.half_range * o;
        let ratio = (self.posterior + self.error_weight * squared_error) * (-log_variance).exp();
        (0.5 * (log_variance + self.constant + ratio), 0.5 * self.half_range * (1.0 - ratio))
    }
}

/// The terms of every step.
#[derive(Clone, Debug, PartialEq)]
pub struct VariationalBound {
    terms: Vec<BoundTerm>,
}

impl VariationalBound {
    /// Those of a schedule.
    ///
    /// # Errors
    /// If it has one step only, whose variance has no range.
    pub fn new(schedule: &Schedule) -> Result<Self, DiffusionError> {
        DiffusionError::unless(schedule.steps() > 1, || {
            "a learned variance needs at least 2 diffusion steps".into()
        })?;
        let term = |t: usize| {
            let step = ReverseStep::new(schedule, t, t - 1);
            let (large, small) = (step.beta.ln(), schedule.posterior_variance(t.max(2)).ln());
            let (posterior, constant) = match t {
                1 => (0.0, TAU.ln()),
                _ => (step.posterior_variance(), -small - 1.0),
            };
            let (middle, half_range) = (0.5 * (large + small), 0.5 * (large - small));
            BoundTerm { middle, half_range, constant, posterior, error_weight: step.error_weight() }
        };
        Ok(Self { terms: (1..=schedule.steps()).map(term).collect() })
    }

    /// The term of step `t`, in `1..=T`.
    pub fn at(&self, t: usize) -> &BoundTerm {
        &self.terms[t - 1]
    }

    /// `T`, by which the mean over drawn steps becomes the sum over all.
    pub fn steps(&self) -> f64 {
        self.terms.len() as f64
    }

    /// The weight of the mean over drawn steps in the loss, `0.001 T`.
    pub fn weight(&self) -> f64 {
        WEIGHT * self.steps()
    }
}
