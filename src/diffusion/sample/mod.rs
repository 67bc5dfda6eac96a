//! The reverse process: from noise `x_T` to data `x_0`, whoever predicts the noise.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`options`] | `[sample]` of a spec: which sampler, how many points and steps |
//! | [`clip`] | clipping of the predicted data to the box of the training points |
//! | [`times`] | which of the `T` steps a sampler with fewer of them visits |
//! | [`late_start`] | beginning below `T`, from a normal distribution with the moments of the noised data |
//! | `ddpm` | ancestral sampling (Ho et al. 2020) |
//! | `ddim` | denoising diffusion implicit models (Song et al. 2021) |
//! | `dpm_solver` | DPM-Solver++ 2M (Lu et al. 2022) |
//! | `heun` | Heun's method (Karras et al. 2022) |
//!
//! A new sampler is a file here, a variant of [`SamplerKind`] and an arm in [`SampleOptions::build`].

pub mod clip;
mod ddim;
mod ddpm;
mod dpm_solver;
mod heun;
pub mod late_start;
pub mod options;
pub mod times;

pub use clip::{Clip, DataBox};
pub use late_start::{LateStart, Start, StartStep};
pub use options::{SampleOptions, SamplerKind};
pub use times::{Spacing, Times};

use super::{Denoiser, DiffusionError, ReverseStep, Schedule};
use crate::numeric::random::Stream;
use clip::Clipped;
use ndarray::Array2;

/// A way to run the process backwards. It is built for one run by [`SampleOptions::build`], and may remember
/// earlier steps.
pub trait Sampler: Send {
    /// The steps `t` that it visits, downwards, without the 0 at the end.
    ///
    /// # Errors
    /// If the schedule has no such steps.
    fn times(&self, schedule: &Schedule) -> Result<Vec<usize>, DiffusionError>;

    /// How often it asks the denoiser in a step. The last step, to `t = 0`, needs one call only.
    fn calls_per_step(&self) -> usize {
        1
    }

    /// How often it asks the denoiser in so many steps, the last of which goes to `t = 0`.
    fn calls(&self, steps: usize) -> usize {
        let each = self.calls_per_step();
        (each * steps).saturating_sub(each - 1)
    }

    /// Takes the points `x` `(n, d)` from `x_t` to `x_s`, with `t = at.t` and `s = at.to`.
    ///
    /// # Errors
    /// If the denoiser fails.
    fn step(&mut self, at: &Step, x: &mut Array2<f64>) -> Result<(), DiffusionError>;
}

/// The standard normal noise `(n, d)` of the step from `t`.
pub type Noise<'a> = dyn Fn(usize) -> Array2<f64> + Sync + 'a;

/// What is called after each step with `(step, t, x)`; an error of its own stops the sampling.
pub type AfterStep<'a, E> = dyn FnMut(usize, usize, &Array2<f64>) -> Result<(), E> + 'a;

/// One reverse step, and what a sampler may use in it.
pub struct Step<'a> {
    /// The step at which the points are, in `1..=T`.
    pub t: usize,
    /// The step to which they go, below `t`; 0 is the data.
    pub to: usize,
    /// The noise schedule.
    pub schedule: &'a Schedule,
    /// What predicts the noise.
    pub denoiser: &'a dyn Denoiser,
    /// Fresh noise.
    pub noise: &'a Noise<'a>,
    /// The box to which the predicted data are clipped; none where they stay as they are.
    pub bounds: Option<&'a DataBox>,
}

impl Step<'_> {
    /// `abar_t` and `abar_s`.
    pub fn alpha_bars(&self) -> (f64, f64) {
        (self.schedule.alpha_bar(self.t), self.schedule.alpha_bar(self.to))
    }

    /// `eps_theta(x, t)`.
    ///
    /// # Errors
    /// If the denoiser fails.
    pub fn predict_noise(&self, x: &Array2<f64>) -> Result<Array2<f64>, DiffusionError> {
        self.denoiser.predict_noise(x.view(), self.t)
    }

    /// `x0` and `eps` of the noise `eps` that was predicted at `x`, clipped; none where nothing is to be clipped.
    fn clipped(&self, x: &Array2<f64>, eps: &Array2<f64>) -> Option<Clipped> {
        let abar = self.schedule.alpha_bar(self.t);
        self.bounds.map(|bounds| Clipped::new(bounds, x, eps, abar))
    }

    /// `eps_theta(x, t)`, and fresh noise where its standard deviation `sigma` is not 0. The two are computed
    /// side by side, because drawing noise takes about as long as a small network.
    ///
    /// # Errors
    /// If the denoiser fails.
    pub fn predict_and_draw(
        &self,
        x: &Array2<f64>,
        sigma: f64,
    ) -> Result<(Array2<f64>, Option<Array2<f64>>), DiffusionError> {
        self.beside(|| self.predict_noise(x), || (sigma > 0.0).then(|| (self.noise)(self.t)))
    }

    /// `eps_theta(x, t)`, and fresh noise with the variance that the denoiser gives the reverse step `step`.
    ///
    /// # Errors
    /// If the denoiser fails.
    pub fn predict_and_draw_with_variance(
        &self,
        x: &Array2<f64>,
        step: &ReverseStep,
    ) -> Result<(Array2<f64>, Array2<f64>), DiffusionError> {
        let predict = || self.denoiser.predict_with_variance(x.view(), step);
        let ((eps, variance), mut z) = self.beside(predict, || (self.noise)(self.t))?;
        z.zip_mut_with(&variance, |z, variance| *z *= variance.sqrt());
        Ok((eps, z))
    }

    /// What is predicted, and the noise that is drawn beside it.
    fn beside<P: Send, Z: Send>(
        &self,
        predict: impl FnOnce() -> Result<P, DiffusionError> + Send,
        draw: impl FnOnce() -> Z + Send,
    ) -> Result<(P, Z), DiffusionError> {
        if self.denoiser.waits_for_others() {
            return Ok((predict()?, draw()));
        }
        let (predicted, z) = rayon::join(predict, draw);
        Ok((predicted?, z))
    }
}

/// Runs the reverse process from `x` `(n, d)`, the points at the sampler's first step, and returns `x_0`.
///
/// `after(step, t, x)` sees the given points as step 0 and then the result of each reverse step: with every step
/// visited `t = T - step`, and always `t = 0` at the end. The noise of the step from `t` is
/// `noise.standard_normal(t, n, d)`, so it does not depend on the denoiser.
///
/// # Errors
/// If the schedule lacks a step of the sampler, or if the denoiser or `after` fails.
pub fn sample<E: From<DiffusionError>>(
    denoiser: &dyn Denoiser,
    schedule: &Schedule,
    sampler: Box<dyn Sampler>,
    x: Array2<f64>,
    noise: &Stream,
    after: &mut AfterStep<E>,
) -> Result<Array2<f64>, E> {
    let (n, d) = x.dim();
    sample_with(denoiser, schedule, sampler, x, &|t| noise.standard_normal(t as u64, n, d), after)
}

/// As [`sample`], with the noise `(n, d)` of the step from `t` given by a function.
///
/// # Errors
/// As [`sample`].
pub fn sample_with<E: From<DiffusionError>>(
    denoiser: &dyn Denoiser,
    schedule: &Schedule,
    mut sampler: Box<dyn Sampler>,
    mut x: Array2<f64>,
    noise: &Noise,
    after: &mut AfterStep<E>,
) -> Result<Array2<f64>, E> {
    let mut times = sampler.times(schedule)?;
    after(0, times[0], &x)?;
    times.push(0);
    for (i, pair) in times.windows(2).enumerate() {
        let at = Step { t: pair[0], to: pair[1], schedule, denoiser, noise, bounds: None };
        sampler.step(&at, &mut x)?;
        after(i + 1, at.to, &x)?;
    }
    Ok(x)
}
