//! The exact denoiser of a Gaussian mixture: what a perfect network would predict.
//!
//! Diffusion turns a mixture into a mixture, so `p_t` and its score are known in closed form. With it
//! a sampler's own error shows apart from the network's, and the loss has a known floor.

use super::denoiser::{Denoiser, NoiseField, Probes, RealTimeDenoiser};
use super::{DiffusionError, ReverseStep, Schedule};
use crate::data::mixture::GaussianMixture;
use ndarray::{Array2, ArrayView2, Axis, s};
use std::borrow::Cow;

/// Diffused mixtures are kept for every step up to this many matrix entries in all (about 64 MB);
/// beyond it each call makes its own, which costs little beside evaluating it on many points.
const KEPT_ENTRIES: usize = 4_000_000;

/// `eps*(x, t) = E[eps | x_t = x] = -sqrt(1 - abar_t) grad log p_t(x)`, where `p_t` has the means
/// `sqrt(abar_t) mu_k` and covariances `abar_t Sigma_k + (1 - abar_t) I`.
/// Fifty steps of DDIM from noise to a normal distribution of standard deviation 1/2:
///
/// ```
/// use gdiff::data::mixture::GaussianMixture;
/// use gdiff::diffusion::{
///     DiffusionError, DiffusionOptions, MixtureDenoiser, SampleOptions, SamplerKind, Schedule, VarianceKind, sample,
/// };
/// use gdiff::numeric::random::Stream;
/// use ndarray::{Array1, Array2};
///
/// let data = GaussianMixture::new(&[1.0], &[Array1::zeros(2)], &[Array2::eye(2) * 0.25])?;
/// let schedule = Schedule::new(&DiffusionOptions::default())?;
/// let denoiser = MixtureDenoiser::new(&data, &schedule)?;
/// let options = SampleOptions { sampler: SamplerKind::Ddim, steps: Some(50), ..SampleOptions::default() };
/// let sampler = options.build(VarianceKind::FixedSmall, Some(schedule.steps()))?;
/// let start = Stream::new(1, 0, "start").standard_normal(0, 2000, 2);
/// let noise = Stream::new(1, 0, "noise");
/// let x = sample(&denoiser, &schedule, sampler, start, &noise, &mut |_, _, _| Ok::<(), DiffusionError>(()))?;
/// assert!((x.std(0.0) - 0.5).abs() < 0.05);
/// # Ok::<(), DiffusionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MixtureDenoiser {
    mixture: GaussianMixture,
    schedule: Schedule,
    /// The mixture at `t = 1..=T`, or nothing if that would take too much memory.
    diffused: Vec<GaussianMixture>,
}

impl MixtureDenoiser {
    /// The denoiser of data drawn from `mixture` (in the space the diffusion runs in).
    ///
    /// # Errors
    /// If a diffused covariance cannot be factored.
    pub fn new(mixture: &GaussianMixture, schedule: &Schedule) -> Result<Self, DiffusionError> {
        let entries = schedule.steps() * mixture.len() * mixture.dim() * mixture.dim();
        let kept = if entries <= KEPT_ENTRIES { schedule.steps() } else { 0 };
        let diffused =
            (1..=kept).map(|t| mixture.diffused(schedule.alpha_bar(t))).collect::<Result<_, _>>()?;
        Ok(Self { mixture: mixture.clone(), schedule: schedule.clone(), diffused })
    }

    /// `eps*(x_i, t_i)` of each row at its own step: `(n, d), (n) -> (n, d)`. Its squared distance to
    /// the true noise is the smallest that any model can reach on that batch, on average.
    ///
    /// # Errors
    /// If a step or a dimension does not fit.
    pub fn predict_noise_each(&self, x: ArrayView2<f64>, t: &[usize]) -> Result<Array2<f64>, DiffusionError> {
        DiffusionError::unless(t.len() == x.nrows(), || {
            format!("{} points, but {} steps for them", x.nrows(), t.len())
        })?;
        let mut rows: Vec<usize> = (0..t.len()).collect();
        rows.sort_by_key(|&i| t[i]);
        let mut out = Array2::zeros(x.dim());
        for same in rows.chunk_by(|&i, &j| t[i] == t[j]) {
            let eps = self.predict_noise(x.select(Axis(0), same).view(), t[same[0]])?;
            for (row, &i) in eps.rows().into_iter().zip(same) {
                out.row_mut(i).assign(&row);
            }
        }
        Ok(out)
    }

    /// Rows that [`predict_noise_each`](Self::predict_noise_each) can be asked for with about so many operations, at
    /// least one: a row whitens itself by each of the `K` components, `K d^2`, and where the diffused mixtures are not
    /// kept it factors their covariances first, `K d^3 / 3`.
    pub fn rows_within(&self, operations: f64) -> usize {
        let (k, d) = (self.mixture.len() as f64, self.mixture.dim() as f64);
        let factored = if self.diffused.is_empty() { d * d * d / 3.0 } else { 0.0 };
        (operations / (k * (d * d + factored))).max(1.0) as usize
    }

    /// Refuses a step that there is not, and points of another dimension.
    fn check(&self, x: ArrayView2<f64>, t: usize) -> Result<(), DiffusionError> {
        self.schedule.check_step(t)?;
        match (self.mixture.dim(), x.ncols()) {
            (expected, found) if expected != found => Err(DiffusionError::Dimension { expected, found }),
            _ => Ok(()),
        }
    }

    /// The mixture that `x_t` follows.
    fn at(&self, t: usize) -> Result<Cow<'_, GaussianMixture>, DiffusionError> {
        match self.diffused.get(t - 1) {
            Some(kept) => Ok(Cow::Borrowed(kept)),
            None => Ok(Cow::Owned(self.mixture.diffused(self.schedule.alpha_bar(t))?)),
        }
    }
}

impl Denoiser for MixtureDenoiser {
    fn predict_noise(&self, x: ArrayView2<f64>, t: usize) -> Result<Array2<f64>, DiffusionError> {
        self.check(x, t)?;
        let factor = -(1.0 - self.schedule.alpha_bar(t)).sqrt();
        Ok(self.at(t)?.score(x) * factor)
    }

    /// The variances that the loss of a learned variance would give a perfect network, which are those of `x_s` given
    /// `x_t` (Bao et al. 2022): `beta~ + w Var[eps_j | x_t]`, where `w` is the step's [error
    /// weight](ReverseStep::error_weight).
    fn predict_with_variance(
        &self,
        x: ArrayView2<f64>,
        step: &ReverseStep,
    ) -> Result<(Array2<f64>, Array2<f64>), DiffusionError> {
        self.check(x, step.t)?;
        let (d, abar) = (x.ncols(), step.alpha_bar);
        let found = self.at(step.t)?.score_and_noise_variance(&self.mixture, abar, x);
        let eps = found.slice(s![.., ..d]).map(|score| -(1.0 - abar).sqrt() * score);
        let (small, weight) = (step.posterior_variance(), step.error_weight());
        Ok((eps, found.slice(s![.., d..]).map(|of_noise| small + weight * of_noise)))
    }

    fn at_real_times(&self) -> Result<Box<dyn RealTimeDenoiser + '_>, DiffusionError> {
        Ok(Box::new(&self.mixture))
    }
}

impl RealTimeDenoiser for &GaussianMixture {
    fn dim(&self) -> usize {
        GaussianMixture::dim(self)
    }

    fn at(&self, _: f64, alpha_bar: f64) -> Result<Box<dyn NoiseField + '_>, DiffusionError> {
        let mixture = self.diffused(alpha_bar)?;
        Ok(Box::new(DiffusedMixture {
            traces: mixture.precision_traces(),
            mixture,
            factor: -(1.0 - alpha_bar).sqrt(),
        }))
    }
}

/// The noise in points of a diffused mixture: `factor` times the score, and its divergence, `factor` times the Laplacian
/// of the log-density.
struct DiffusedMixture {
    mixture: GaussianMixture,
    traces: Vec<f64>,
    factor: f64,
}

impl NoiseField for DiffusedMixture {
    fn evaluate(&self, x: &[f64], probes: Probes, eps: &mut [f64], divergence: &mut [f64]) {
        let d = self.mixture.dim();
        let x = ArrayView2::from_shape((x.len() / d, d), x).expect("points are rows of d numbers");
        let found = self.mixture.score_and_laplacian(x, &self.traces);
        let out = eps.chunks_exact_mut(d).zip(divergence.chunks_exact_mut(probes.estimates()));
        for (row, (eps, divergence)) in found.rows().into_iter().zip(out) {
            eps.iter_mut().zip(row).for_each(|(eps, score)| *eps = self.factor * score);
            divergence.fill(self.factor * row[d]);
        }
    }
}
