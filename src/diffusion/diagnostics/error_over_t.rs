//! The error of the predicted noise by diffusion time: on noised points, and along a sampler's own path.

use crate::diffusion::{Denoiser, DiffusionError, MixtureDenoiser, Schedule};
use crate::numeric::random::Stream;
use ndarray::{Array2, ArrayView2};

/// Errors at one diffusion time, each for one dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorAt {
    /// Diffusion time.
    pub t: usize,
    /// `E |eps_theta - eps|^2 / d`; none where there is no true noise.
    pub mse: Option<f64>,
    /// `E |eps* - eps|^2 / d` on the same points.
    pub optimal: Option<f64>,
    /// `E |eps_theta - eps*|^2 / d`; none where the exact denoiser is not known.
    pub excess: Option<f64>,
}

/// At most `most` of the whole numbers from `first` to `last`, both ends included, evenly.
pub fn spread(first: usize, last: usize, most: usize) -> Vec<usize> {
    let gaps = (last - first).min(most.max(2) - 1);
    (0..=gaps).map(|i| first + i * (last - first) / gaps.max(1)).collect()
}

/// The errors on `x_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) eps` for points `x0` `(n, d)` at each of the times, with noise
/// number `t` of the stream.
///
/// # Errors
/// If a denoiser or `check`, which is called before each time, fails.
pub fn noised_errors<E: From<DiffusionError>>(
    denoiser: &dyn Denoiser,
    exact: Option<&MixtureDenoiser>,
    (x0, noise): (ArrayView2<f64>, &Stream),
    schedule: &Schedule,
    times: &[usize],
    check: &dyn Fn() -> Result<(), E>,
) -> Result<Vec<ErrorAt>, E> {
    let mut errors = Vec::with_capacity(times.len());
    for &t in times {
        check()?;
        let abar = schedule.alpha_bar(t);
        let eps = noise.standard_normal(t as u64, x0.nrows(), x0.ncols());
        let x = &eps * (1.0 - abar).sqrt() + &x0 * abar.sqrt();
        let predicted = denoiser.predict_noise(x.view(), t)?;
        let best = exact.map(|exact| exact.predict_noise(x.view(), t)).transpose()?;
        errors.push(ErrorAt {
            t,
            mse: Some(mean_square(&predicted, &eps)),
            optimal: best.as_ref().map(|best| mean_square(best, &eps)),
            excess: best.as_ref().map(|best| mean_square(&predicted, best)),
        });
    }
    Ok(errors)
}

/// The distance to the exact denoiser at given points `x_t` `(n, d)`, each with its time.
///
/// # Errors
/// As [`noised_errors`].
pub fn path_errors<'x, E: From<DiffusionError>>(
    denoiser: &dyn Denoiser,
    exact: &MixtureDenoiser,
    path: impl Iterator<Item = (usize, ArrayView2<'x, f64>)>,
    check: &dyn Fn() -> Result<(), E>,
) -> Result<Vec<ErrorAt>, E> {
    let one = |(t, x): (usize, ArrayView2<f64>)| {
        check()?;
        let (predicted, best) = (denoiser.predict_noise(x, t)?, exact.predict_noise(x, t)?);
        Ok(ErrorAt { t, mse: None, optimal: None, excess: Some(mean_square(&predicted, &best)) })
    };
    path.map(one).collect()
}

/// `mean_i |a_i - b_i|^2 / d`.
fn mean_square(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64
}

/// The Kullback-Leibler divergence of two normal reverse steps of ancestral sampling from `x_t`, nats: with the predicted
/// noise and with the exact one, both of variance `sigma_t^2`.
///
/// # Formula
///
/// `|mu_theta - mu*|^2 / (2 sigma_t^2) = beta_t^2 / (2 sigma_t^2 alpha_t (1 - abar_t)) |eps_theta - eps*|^2`, where the last
/// is `dim` times the excess. None where the step adds no noise.
pub fn step_divergence(schedule: &Schedule, variance: f64, t: usize, dim: usize, excess: f64) -> Option<f64> {
    let factor =
        schedule.beta(t).powi(2) / (2.0 * variance * schedule.alpha(t) * (1.0 - schedule.alpha_bar(t)));
    (variance > 0.0).then_some(factor * dim as f64 * excess)
}

/// The share of each time in the sum of `values` over all times `1..=last`, where each of the given ones, which rise,
/// stands for those nearest to it. None where there is no value, or the sum is 0.
pub fn shares(times: &[usize], values: &[Option<f64>], last: usize) -> Vec<Option<f64>> {
    let middle = |i: usize| 0.5 * (times[i] + times[i + 1]) as f64;
    let width = |i: usize| {
        let begin = if i == 0 { 0.5 } else { middle(i - 1) };
        let end = if i + 1 == times.len() { last as f64 + 0.5 } else { middle(i) };
        end - begin
    };
    let weighed: Vec<Option<f64>> = values.iter().enumerate().map(|(i, v)| v.map(|v| v * width(i))).collect();
    let sum: f64 = weighed.iter().flatten().sum();
    weighed.into_iter().map(|value| value.filter(|_| sum > 0.0).map(|value| value / sum)).collect()
}
