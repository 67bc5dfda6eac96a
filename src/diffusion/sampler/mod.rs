//! The reverse process: from noise x_T to data x_0, whoever predicts the noise.

mod ddim;
mod ddpm;
mod dpm_solver;

use super::{Denoiser, DiffusionError, Schedule, VarianceKind};
use crate::numeric::random::Stream;
use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which reverse process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SamplerKind {
    /// Ancestral sampling, every step (Ho et al. 2020): both papers.
    Ddpm,
    /// Song et al. 2021; fewer steps, noise by `eta`.
    Ddim,
    /// DPM-Solver++ 2M (Lu et al. 2022): second order, few steps, no noise.
    #[serde(rename = "dpm_solver_2m")]
    DpmSolver2M,
}

/// Which steps a sampler with fewer than `T` of them visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// `round(S - i S / k)`, i = 0 .. k - 1, from the start S: begins at S.
    Trailing,
    /// `1 + i floor(S / k)`, downwards: ends at 1.
    Leading,
}

/// How to sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamplerOptions {
    /// The reverse process.
    pub kind: SamplerKind,
    /// Variance of the ancestral step.
    pub variance: VarianceKind,
    /// Reverse steps of DDIM and DPM-Solver; `None` takes every step. DDPM always takes every step.
    pub steps: Option<usize>,
    /// Which ones.
    pub spacing: Spacing,
    /// Noise of DDIM: 0 is none, 1 that of DDPM.
    pub eta: f64,
    /// The step `t` at which the given points are; `None` is `T`.
    pub start: Option<usize>,
}

impl SamplerOptions {
    /// Every step from `T`, with beta~_t and without eta.
    pub fn new(kind: SamplerKind) -> Self {
        let (variance, spacing) = (VarianceKind::FixedSmall, Spacing::Trailing);
        Self { kind, variance, steps: None, spacing, eta: 0.0, start: None }
    }

    /// The steps `t` at which the model is asked, downwards.
    ///
    /// # Errors
    /// If `start` is no step, `steps` is 0 or more than there are, or `eta` is not in [0, 1].
    pub fn times(&self, schedule: &Schedule) -> Result<Vec<usize>, DiffusionError> {
        let start = self.start.unwrap_or(schedule.steps());
        schedule.check_step(start)?;
        DiffusionError::unless((0.0..=1.0).contains(&self.eta), || {
            format!("eta is {}, but it must be in [0, 1]", self.eta)
        })?;
        let count = match self.kind {
            SamplerKind::Ddpm => start,
            _ => self.steps.unwrap_or(start),
        };
        DiffusionError::unless((1..=start).contains(&count), || {
            format!("{count} sampling steps were asked for, but there can be 1 to {start}")
        })?;
        Ok(match self.spacing {
            _ if count == start => (1..=start).rev().collect(),
            Spacing::Leading => (0..count).rev().map(|i| 1 + i * (start / count)).collect(),
            Spacing::Trailing => {
                let stride = start as f64 / count as f64;
                (0..count).map(|i| (start as f64 - i as f64 * stride).round() as usize).collect()
            }
        })
    }
}

/// One reverse step: the model is asked at `t`, the points go to `to < t`; `to = 0` is the data.
#[derive(Clone, Copy)]
struct Move {
    t: usize,
    to: usize,
}

/// What looks on: `(step, t, x)`; an error of its own stops the sampling.
pub type Observer<'a, E> = dyn FnMut(usize, usize, &Array2<f64>) -> Result<(), E> + 'a;

/// Runs the reverse process from `x` `(n, d)` at `x_T` (or at `options.start`) and returns x_0.
///
/// `observe(step, t, x)` sees the given points as step 0 and then each reverse step's result: with DDPM
/// `t = T - step`, and always `t = 0` at the end. An error of its own stops the sampling. The noise of
/// the step from `t` is `noise.standard_normal(t, n, d)`, so it does not depend on the model.
///
/// # Errors
/// If an option makes no sense, the model fails, or `observe` does.
pub fn sample<E: From<DiffusionError>>(
    denoiser: &dyn Denoiser,
    schedule: &Schedule,
    options: &SamplerOptions,
    x: Array2<f64>,
    noise: &Stream,
    observe: &mut Observer<E>,
) -> Result<Array2<f64>, E> {
    let (n, d) = x.dim();
    sample_with(denoiser, schedule, options, x, &|t| noise.standard_normal(t as u64, n, d), observe)
}

/// As [`sample`], with the noise `(n, d)` of the step from `t` given by a function.
///
/// # Errors
/// As [`sample`].
pub fn sample_with<E: From<DiffusionError>>(
    denoiser: &dyn Denoiser,
    schedule: &Schedule,
    options: &SamplerOptions,
    mut x: Array2<f64>,
    noise: &(dyn Fn(usize) -> Array2<f64> + Sync),
    observe: &mut Observer<E>,
) -> Result<Array2<f64>, E> {
    let mut times = options.times(schedule)?;
    observe(0, times[0], &x)?;
    times.push(0);
    let mut previous = None;
    for (step, pair) in times.windows(2).enumerate() {
        let at = Move { t: pair[0], to: pair[1] };
        let sigma = match options.kind {
            SamplerKind::Ddpm => ddpm::sigma(schedule, options.variance, at),
            SamplerKind::Ddim => ddim::sigma(schedule, options.eta, at),
            SamplerKind::DpmSolver2M => 0.0,
        };
        let (eps, z) = rayon::join(
            || denoiser.predict_noise(x.view(), at.t),
            || if sigma > 0.0 { Some(noise(at.t)) } else { None },
        );
        let eps = eps?;
        match options.kind {
            SamplerKind::Ddpm => ddpm::step(schedule, at, &mut x, &eps),
            SamplerKind::Ddim => ddim::step(schedule, sigma, at, &mut x, &eps),
            SamplerKind::DpmSolver2M => dpm_solver::step(schedule, at, &mut x, &eps, &mut previous),
        }
        if let Some(z) = z {
            x.scaled_add(sigma, &z);
        }
        observe(step + 1, at.to, &x)?;
    }
    Ok(x)
}
