//! The noise schedule: beta_t, alpha_t = 1 - beta_t, abar_t = prod alpha_i (G 1-6, I 1-9).

use super::{Clip, DiffusionError, Outputs};
use crate::numeric::options::{OutOfRange, require};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Offset `s` of the cosine schedule (Nichol & Dhariwal 2021, eq. 17).
const COSINE_OFFSET: f64 = 0.008;

/// No beta_t is larger than this: at beta = 1 a step would forget x_{t-1} altogether.
const LARGEST_BETA: f64 = 0.999;

/// The largest number of steps that is taken for meant: more is a typing error.
const LARGEST_STEPS: usize = 1_000_000;

/// Shape of beta_t over `t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// beta_t evenly spaced from `beta_start` to `beta_end` (Ho et al. 2020).
    Linear,
    /// abar_t = cos^2((t/T + s)/(1 + s) pi/2) over its value at 0, s = 0.008 (Nichol & Dhariwal 2021);
    /// beta_t at most 0.999. Takes no other option.
    Cosine,
}

/// Variance of the reverse step from `t` to `t - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VarianceKind {
    /// The posterior's, beta~_t (G 5, I 7): the papers' choice.
    FixedSmall,
    /// beta_t itself.
    FixedLarge,
    /// Learned between the two for each coordinate, by the loss "hybrid" (Nichol & Dhariwal 2021).
    LearnedRange,
}

/// `[diffusion]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DiffusionOptions {
    /// T, the number of steps.
    pub steps: usize,
    /// Shape of the betas.
    pub schedule: ScheduleKind,
    /// First beta of the linear schedule.
    pub beta_start: f64,
    /// Last beta of the linear schedule.
    pub beta_end: f64,
    /// Multiply both by 1000 / T (capped at 0.999), so that alpha_bar_T is near 0.
    pub rescale: bool,
    /// Variance of the ancestral step.
    pub variance: VarianceKind,
    /// Whether the predicted x0 is clipped to the box of the training points.
    pub clip: Clip,
}

impl Default for DiffusionOptions {
    fn default() -> Self {
        Self {
            steps: 100,
            schedule: ScheduleKind::Linear,
            beta_start: 1e-4,
            beta_end: 0.02,
            rescale: true,
            variance: VarianceKind::FixedSmall,
            clip: Clip::Auto,
        }
    }
}

impl DiffusionOptions {
    /// Refuses values out of their range.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let Self { steps, beta_start, beta_end, .. } = *self;
        require((1..=LARGEST_STEPS).contains(&steps), "steps", || {
            format!("is {steps}, but it must be a whole number from 1 to {LARGEST_STEPS}")
        })?;
        for (key, beta) in [("beta_start", beta_start), ("beta_end", beta_end)] {
            require(beta > 0.0 && beta < 1.0, key, || {
                format!("is {beta}, but a beta must lie between 0 and 1, both excluded")
            })?;
        }
        require(beta_start <= beta_end, "beta_start", || {
            format!("is {beta_start}, above `beta_end`, {beta_end}")
        })?;
        require(steps > 1 || self.variance != VarianceKind::LearnedRange, "steps", || {
            "is 1, but variance = \"learned_range\" needs 2 or more, because the last step adds no noise"
                .into()
        })
    }
}

/// beta_t and abar_t for every step `t = 0..=T`; `t = 0` is the data (beta 0, abar 1).
/// ```
/// use gdiff::diffusion::{DiffusionOptions, Schedule};
///
/// let schedule = Schedule::new(&DiffusionOptions { steps: 100, ..DiffusionOptions::default() })?;
/// assert_eq!((schedule.alpha_bar(0), schedule.steps()), (1.0, 100));
/// assert!(schedule.alpha_bar(100) < 1e-4);
/// # Ok::<(), gdiff::diffusion::DiffusionError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    beta: Vec<f64>,
    alpha_bar: Vec<f64>,
}

impl ScheduleKind {
    /// Every schedule.
    pub const ALL: [Self; 2] = [Self::Linear, Self::Cosine];
}

impl VarianceKind {
    /// Every variance.
    pub const ALL: [Self; 3] = [Self::FixedSmall, Self::FixedLarge, Self::LearnedRange];

    /// Whether the network learns it.
    pub fn is_learned(self) -> bool {
        self == Self::LearnedRange
    }

    /// What a network must give for it.
    pub fn outputs(self) -> Outputs {
        if self.is_learned() { Outputs::NoiseAndVariance } else { Outputs::Noise }
    }
}

impl Schedule {
    /// The schedule that the options describe.
    ///
    /// # Errors
    /// If an option is out of its range.
    pub fn new(options: &DiffusionOptions) -> Result<Self, DiffusionError> {
        options.check()?;
        let DiffusionOptions { steps, schedule, beta_start, beta_end, rescale, .. } = *options;
        Self::from_betas(match schedule {
            ScheduleKind::Linear => {
                let factor = if rescale { 1000.0 / steps as f64 } else { 1.0 };
                linear(steps, factor * beta_start, factor * beta_end)
            }
            ScheduleKind::Cosine => cosine(steps),
        })
    }

    /// A schedule of given beta_1 .. beta_T.
    ///
    /// # Errors
    /// If there is none, or one is not in (0, 1).
    pub fn from_betas(betas: Vec<f64>) -> Result<Self, DiffusionError> {
        DiffusionError::unless(!betas.is_empty(), || "diffusion needs at least 1 step".into())?;
        if let Some((i, b)) = betas.iter().enumerate().find(|(_, b)| !(**b > 0.0 && **b < 1.0)) {
            return Err(DiffusionError::Option(format!(
                "beta_{} is {b}, but it must be between 0 and 1",
                i + 1
            )));
        }
        let mut alpha_bar = vec![1.0];
        let mut product = 1.0;
        for b in &betas {
            product *= 1.0 - b;
            alpha_bar.push(product);
        }
        let mut beta = vec![0.0];
        beta.extend(betas);
        Ok(Self { beta, alpha_bar })
    }

    /// Number of steps `T`.
    pub fn steps(&self) -> usize {
        self.beta.len() - 1
    }

    /// Whether `t` is one of the steps `1..=T`.
    ///
    /// # Errors
    /// If it is not.
    pub fn check_step(&self, t: usize) -> Result<(), DiffusionError> {
        if (1..=self.steps()).contains(&t) {
            Ok(())
        } else {
            Err(DiffusionError::Step { t, steps: self.steps() })
        }
    }

    /// beta_t, `t` in `0..=T`; a larger `t` panics, as an index does.
    pub fn beta(&self, t: usize) -> f64 {
        self.beta[t]
    }

    /// alpha_t = 1 - beta_t, `t` in `0..=T`.
    pub fn alpha(&self, t: usize) -> f64 {
        1.0 - self.beta[t]
    }

    /// abar_t = prod_{i<=t} alpha_i, `t` in `0..=T`; abar_0 = 1.
    pub fn alpha_bar(&self, t: usize) -> f64 {
        self.alpha_bar[t]
    }

    /// Posterior variance beta~_t = (1 - abar_{t-1}) / (1 - abar_t) beta_t (G 5, I 7), `t` in `1..=T`;
    /// 0 at `t = 1`.
    pub fn posterior_variance(&self, t: usize) -> f64 {
        (1.0 - self.alpha_bar[t - 1]) / (1.0 - self.alpha_bar[t]) * self.beta[t]
    }

    /// Variance of the reverse step from `t` to `t - 1`, `t` in `1..=T`; none where it is learned.
    pub fn variance(&self, kind: VarianceKind, t: usize) -> Option<f64> {
        match kind {
            VarianceKind::FixedSmall => Some(self.posterior_variance(t)),
            VarianceKind::FixedLarge => Some(self.beta(t)),
            VarianceKind::LearnedRange => None,
        }
    }

    /// The most steps in a row whose beta_t is the cap, 0.999. Such a step forgets nearly all of `x_{t-1}`.
    pub fn capped_in_a_row(&self) -> usize {
        let runs = self.beta.split(|beta| *beta < LARGEST_BETA);
        runs.map(<[f64]>::len).max().unwrap_or(0)
    }

    /// Speciation time (Biroli et al. 2024): the first `t`, going forward, with
    /// `abar_t < 1 / largest_eigenvalue` of the data covariance; `None` if there is none.
    pub fn speciation_step(&self, largest_eigenvalue: f64) -> Option<usize> {
        (1..=self.steps()).find(|&t| self.alpha_bar(t) * largest_eigenvalue < 1.0)
    }
}

/// `steps` numbers evenly spaced from `first` to `last`, capped.
fn linear(steps: usize, first: f64, last: f64) -> Vec<f64> {
    let gaps = (steps - 1).max(1) as f64;
    (0..steps).map(|i| (first + (last - first) * i as f64 / gaps).min(LARGEST_BETA)).collect()
}

/// beta_t = 1 - f(t/T) / f((t-1)/T) with f(u) = cos^2((u + s) / (1 + s) pi / 2), capped.
fn cosine(steps: usize) -> Vec<f64> {
    let f = |i: usize| {
        let u = i as f64 / steps as f64;
        ((u + COSINE_OFFSET) / (1.0 + COSINE_OFFSET) * std::f64::consts::FRAC_PI_2).cos().powi(2)
    };
    (1..=steps).map(|t| (1.0 - f(t) / f(t - 1)).min(LARGEST_BETA)).collect()
}
