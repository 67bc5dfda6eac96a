//! How many bits a coordinate of rounded points takes under the reverse process: the variational bound of Ho et al. (2020,
//! equation 5) with the discretized normal decoder (equation 13), as bits/dim of images.
//!
//! The points are rounded, each coordinate to the middle of a bin, so the bound is minus the log-probability of a bin, at
//! most, and not of a density: it holds for any scaling of the coordinates. Of `T` steps, one draw of `x_t` for each
//! point estimates each term, and the mean over points is an unbiased estimate of the bound.

use crate::diffusion::{DataBox, Denoiser, DiffusionError, ReverseStep, Schedule, VarianceKind};
use crate::numeric::normal::{log_cdf, log_sf};
use crate::numeric::random::Stream;
use ndarray::{Array2, ArrayView2, Zip};
use std::f64::consts::LN_2;

/// Rounded points, and the bins whose middle they are; all `(n, d)`, in the space of the diffusion.
#[derive(Clone, Debug)]
pub struct RoundedPoints {
    /// The points.
    pub x: Array2<f64>,
    /// The lower end of each bin; minus infinity of the lowest.
    pub lower: Array2<f64>,
    /// The upper end; infinity of the highest.
    pub upper: Array2<f64>,
}

/// The reverse process that is judged.
#[derive(Clone, Copy)]
pub struct BoundModel<'a> {
    /// What predicts the noise, and the variance where it is learned.
    pub denoiser: &'a dyn Denoiser,
    /// All of its steps are taken.
    pub schedule: &'a Schedule,
    /// The variance of the reverse steps.
    pub variance: VarianceKind,
    /// The box to which the predicted x0 is clipped; none where it is not.
    pub bounds: Option<&'a DataBox>,
}

/// Terms of the bound of one point, in bits per coordinate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BitsPerDim {
    /// How far `q(x_T | x_0)` is from the standard normal distribution from which the process starts.
    pub prior: f64,
    /// The steps from `T` to 1.
    pub steps: f64,
    /// The decoder's, from `x_1` to the bins.
    pub decoder: f64,
}

impl BitsPerDim {
    /// Their sum.
    pub fn total(&self) -> f64 {
        self.prior + self.steps + self.decoder
    }
}

/// The bound at each of the points.
///
/// # Formula
///
/// Nats of a point, to be divided by `d log 2`, each a sum over the coordinates:
///
/// - `prior`: `KL(q(x_T | x_0) || N(0, 1)) = (abar_T x_0^2 - abar_T - log(1 - abar_T)) / 2`;
/// - `steps`: of `t = 2..=T` the `KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t))
///   = (log var - log beta~_t - 1 + (beta~_t + (mu~ - mu)^2) / var) / 2`, where
///   `mu~ - mu = sqrt(abar_{t-1}) beta_t / (1 - abar_t) (x_0 - x0^)` with the predicted x0;
/// - `decoder`: `-log(Phi((upper - mu) / sigma) - Phi((lower - mu) / sigma))` for the step from 1, whose mean is the
///   predicted x0 and whose variance is `beta~_2`, as in their code; of a learned one `beta~_2` stands for `beta~_1` in its range.
///
/// `x_t` of each point is drawn from `stream`, matrix number `t`, so that models are compared in pairs.
///
/// `check` is asked before each step.
///
/// # Errors
/// If the schedule has one step only, a dimension does not fit, the denoiser fails, or `check` says so.
pub fn bits_per_dim<E: From<DiffusionError>>(
    model: BoundModel,
    points: &RoundedPoints,
    stream: &Stream,
    check: &mut dyn FnMut(usize) -> Result<(), E>,
) -> Result<Vec<BitsPerDim>, E> {
    let BoundModel { schedule, .. } = model;
    let last = schedule.steps();
    DiffusionError::unless(last > 1, || {
        "the bound needs at least 2 diffusion steps: the variance of the last one is that of the second"
            .into()
    })?;
    let (n, d) = points.x.dim();
    let bits = |nats: f64| nats / (d.max(1) as f64 * LN_2);
    let abar = schedule.alpha_bar(last);
    let prior = |x: f64| 0.5 * (abar * x * x - abar - (-abar).ln_1p());
    let prior = points.x.rows().into_iter().map(|row| row.iter().copied().map(prior).sum::<f64>());
    let mut found: Vec<BitsPerDim> =
        prior.map(|nats| BitsPerDim { prior: bits(nats), ..BitsPerDim::default() }).collect();
    for t in (1..=last).rev() {
        check(last - t)?;
        let noise = stream.standard_normal(t as u64, n, d);
        let Predicted { x0, variance } = predict(model, points.x.view(), &noise, t)?;
        let nats = match t {
            1 => decoder(points, &x0, &variance),
            _ => divergence(&points.x, &x0, &variance, &ReverseStep::new(schedule, t, t - 1)),
        };
        for (found, nats) in found.iter_mut().zip(nats) {
            *(if t == 1 { &mut found.decoder } else { &mut found.steps }) += bits(nats);
        }
    }
    Ok(found)
}

/// What the model says of `x_t`: both `(n, d)`.
struct Predicted {
    x0: Array2<f64>,
    variance: Array2<f64>,
}

fn predict(
    BoundModel { denoiser, schedule, variance, bounds }: BoundModel,
    x: ArrayView2<f64>,
    noise: &Array2<f64>,
    t: usize,
) -> Result<Predicted, DiffusionError> {
    let mut step = ReverseStep::new(schedule, t, t - 1);
    let (signal, scale) = (step.alpha_bar.sqrt(), (1.0 - step.alpha_bar).sqrt());
    if t == 1 {
        // The abar after the step that gives the variance beta~_2 in place of 0.
        step.alpha_bar_after = 1.0 - schedule.posterior_variance(2) * (1.0 - step.alpha_bar) / step.beta;
    }
    let x_t = Zip::from(x).and(noise).map_collect(|x, eps| signal * x + scale * eps);
    // The variance of the last step is the same for both fixed ones, as in the code of Ho et al.
    let fixed = if t == 1 && !variance.is_learned() {
        Some(step.posterior_variance())
    } else {
        step.fixed_variance(variance)
    };
    let (eps, variance) = match fixed {
        Some(fixed) => (denoiser.predict_noise(x_t.view(), t)?, Array2::from_elem(x.dim(), fixed)),
        None => denoiser.predict_with_variance(x_t.view(), &step)?,
    };
    let mut x0 = Zip::from(&x_t).and(&eps).map_collect(|x, eps| (x - scale * eps) / signal);
    if let Some(bounds) = bounds {
        bounds.clip(&mut x0);
    }
    Ok(Predicted { x0, variance })
}

/// Of each point the divergence of its posterior from the reverse step, nats.
fn divergence(x: &Array2<f64>, x0: &Array2<f64>, variance: &Array2<f64>, step: &ReverseStep) -> Vec<f64> {
    let posterior = step.posterior_variance();
    let factor = step.alpha_bar_after.sqrt() * step.beta / (1.0 - step.alpha_bar);
    by_point(x, x0, variance, |_, x, x0, variance| {
        let error = factor * (x - x0);
        // log(variance / posterior) + posterior / variance - 1 is 0 where they are equal.
        0.5 * ((variance / posterior).ln() + (posterior - variance + error * error) / variance)
    })
}

/// Of each point minus the log-probability of its bins, nats.
fn decoder(points: &RoundedPoints, x0: &Array2<f64>, variance: &Array2<f64>) -> Vec<f64> {
    by_point(&points.x, x0, variance, |at, _, mean, variance| {
        let deviation = variance.sqrt();
        -log_probability((points.lower[at] - mean) / deviation, (points.upper[at] - mean) / deviation)
    })
}

/// Sums of a term over the coordinates of each point.
fn by_point(
    x: &Array2<f64>,
    x0: &Array2<f64>,
    variance: &Array2<f64>,
    term: impl Fn([usize; 2], f64, f64, f64) -> f64,
) -> Vec<f64> {
    let (n, d) = x.dim();
    let of = |i: usize| (0..d).map(|j| term([i, j], x[[i, j]], x0[[i, j]], variance[[i, j]])).sum::<f64>();
    (0..n).map(of).collect()
}

/// `log(Phi(b) - Phi(a))`, `a < b`, also where both lie far out at the same side.
fn log_probability(a: f64, b: f64) -> f64 {
    // The larger of two tails, and the smaller, on the side on which they are small.
    let (large, small) = if a > 0.0 { (log_sf(a), log_sf(b)) } else { (log_cdf(b), log_cdf(a)) };
    large + (-(small - large).exp_m1()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::normal::cdf;

    #[test]
    fn probabilities_of_bins_hold_far_out_and_sum_to_one() {
        for (a, b) in [(-0.3, 0.2), (-5.0, -4.9), (1.0, 1.5), (-1.0, 8.0)] {
            let expected = (cdf(b) - cdf(a)).ln();
            assert!((log_probability(a, b) - expected).abs() < 1e-9 * expected.abs().max(1.0), "{a} {b}");
        }
        // Mills' ratio: Phi(-30) is exp(-454.32...), and a bin beyond it has nearly all of that.
        assert!((log_probability(30.0, 31.0) - log_sf(30.0)).abs() < 1e-12);
        assert!((log_probability(-31.0, -30.0) - log_sf(30.0)).abs() < 1e-12);
        assert_eq!(log_probability(f64::NEG_INFINITY, f64::INFINITY), 0.0);
        assert!(log_probability(1e3, 1e3 + 1.0) < -4e5);
        let levels = 256;
        let end = |i: usize| match i {
            0 => f64::NEG_INFINITY,
            i if i == levels => f64::INFINITY,
            i => (i as f64 - 100.3) / 7.0,
        };
        let sum: f64 = (0..levels).map(|i| log_probability(end(i), end(i + 1)).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    }
}
