//! The likelihood of the model at given points, by the probability-flow equation (Song et al. 2021, appendix D).
//!
//! | file | one idea |
//! | --- | --- |
//! | [`continuous_schedule`] | abar at real times |
//! | [`bits_per_dim`] | instead of the flow's density, the variational bound of the reverse process for rounded points |
//! | `flow` | the flow with its divergence, by Runge-Kutta |
//!
//! # Which density this is
//!
//! The model's deterministic process takes `x_T ~ N(0, I)` to `x_1`, the points at the first step, which still have the
//! noise of that step. Its density at a point `x` of the data is that of `x_1 / sqrt(abar_1)`:
//!
//! `log q(x) = log p_1(sqrt(abar_1) x) + d/2 log abar_1`.
//!
//! It integrates to 1 over the data's space, and a point is put in as it is, without noise of its own, so that the value
//! is no random number. It is the model's density of the data convolved with `N(0, v I)`, `v = (1 - abar_1) / abar_1`:
//! the last step from `x_1` to `x_0`, which is not a change of variables, is left out. With the usual rescaled betas and
//! 100 steps `v` is 0.001 in units of the diffusion's space. For normal data of standard deviation `s` there the
//! convolution costs `d/2 (log(1 + r) - r / (1 + r))`, `r = v / s^2`, about `d r^2 / 4`, of the mean log-likelihood: 6e-5
//! nat for `s = 0.3`, `d = 2`, while structure finer than `sqrt(v)`, 0.03, is lost. Data with ties or on a lattice, which
//! have no density, get a finite value by it.
//!
//! Noise of the sampler, clipping, and fewer steps change what is sampled, not this density.

pub mod bits_per_dim;
pub mod continuous_schedule;
mod flow;

pub use continuous_schedule::ContinuousSchedule;

use super::denoiser::{Probes, RealTimeDenoiser};
use super::{DiffusionError, Schedule};
use crate::numeric::gaussian::Gaussian;
use crate::numeric::options::{self, OutOfRange, require};
use crate::numeric::random::Stream;
use flow::{Node, solve};
use ndarray::{ArrayView2, Axis, parallel::prelude::*};
use rand::Rng;

/// Dimensions up to which the divergence is exact.
pub const EXACT_DIVERGENCE: usize = 32;

/// Rows that a task sends through the network at a time, directions counted as rows.
const TILE_ROWS: usize = 256;

/// How the integral is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LikelihoodOptions {
    /// Steps of the grid, uniform in the log-SNR; even, so that half the grid is one.
    pub steps: usize,
    /// Vectors of signs for each point where the divergence is estimated.
    pub probes: usize,
    /// Dimensions up to which the divergence is exact.
    pub exact_up_to: usize,
}

impl Default for LikelihoodOptions {
    fn default() -> Self {
        Self { steps: 128, probes: 16, exact_up_to: EXACT_DIVERGENCE }
    }
}

impl LikelihoodOptions {
    /// Refuses values out of their range.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check(&self) -> Result<(), OutOfRange> {
        require(self.steps.is_multiple_of(2) && (2..=1_000_000).contains(&self.steps), "steps", || {
            format!(
                "is {}, but it must be an even number from 2 to 1000000: half the grid gives the error",
                self.steps
            )
        })?;
        options::count("probes", self.probes)?;
        require(self.probes >= 2, "probes", || "is 1, but an error needs at least 2".into())
    }
}

/// Where the reverse process begins, and with which density.
#[derive(Clone, Copy, Debug)]
pub enum Origin<'a> {
    /// At `T`, with `N(0, I)`.
    Noise,
    /// At an earlier step, with a normal distribution of that step.
    Gaussian {
        /// The step, in `1..=T`.
        step: usize,
        /// The distribution of `x` there.
        density: &'a Gaussian,
    },
}

/// The log-likelihood of a point, nats, in units of the diffusion's space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointLikelihood {
    /// `log q(x)`.
    pub log_likelihood: f64,
    /// The same on half the grid.
    pub half_grid: f64,
    /// How far half the grid is from it; where the divergence is estimated, the root of the squares of that and of the
    /// standard error over the vectors of signs.
    pub error: f64,
}

/// `log q(x_i)` of points `x` `(n, d)` of the diffusion's space under the model of this denoiser; none for points so far
/// out that it leaves the range of numbers. Point `i` has the signs of sub-stream `i` of `stream`, so a value depends on
/// no other point.
///
/// # Formula
///
/// `log q(x) = log p(x_S) + int div f dlambda + d/2 log abar_1`, the integral from `lambda_1` to `lambda_S` along the flow
/// from `x_1 = sqrt(abar_1) x` to `x_S` (see [`flow`](self) and `origin`).
///
/// # Errors
/// If an option is out of its range, a dimension or step does not fit, or the denoiser fails.
pub fn log_likelihood(
    denoiser: &dyn RealTimeDenoiser,
    schedule: &Schedule,
    origin: Origin,
    x: ArrayView2<f64>,
    options: &LikelihoodOptions,
    stream: &Stream,
) -> Result<Vec<Option<PointLikelihood>>, DiffusionError> {
    options.check()?;
    let d = denoiser.dim();
    if x.ncols() != d {
        return Err(DiffusionError::Dimension { expected: d, found: x.ncols() });
    }
    let last = match origin {
        Origin::Noise => schedule.steps(),
        Origin::Gaussian { step, density } => {
            schedule.check_step(step)?;
            if density.dim() != d {
                return Err(DiffusionError::Dimension { expected: d, found: density.dim() });
            }
            step
        }
    };
    let grid = Grid::new(denoiser, schedule, last, options.steps)?;
    let is_exact = d <= options.exact_up_to;
    let directions = if is_exact { d } else { options.probes };
    let rows = (TILE_ROWS / (1 + directions)).clamp(4, 64);
    let tile = |(number, x): (usize, ArrayView2<f64>)| {
        let signs = if is_exact { Vec::new() } else { signs(stream, number * rows, x.dim(), options.probes) };
        let probes = match is_exact {
            true => Probes::Exact,
            false => Probes::Signs { each: options.probes, signs: &signs },
        };
        grid.tile(origin, x, probes)
    };
    let tiles: Vec<(usize, ArrayView2<f64>)> = x.axis_chunks_iter(Axis(0), rows).enumerate().collect();
    Ok(tiles.into_par_iter().map(tile).collect::<Vec<_>>().concat())
}

/// The grid, uniform in lambda, and between any two of its places their middle.
struct Grid<'a> {
    nodes: Vec<Node<'a>>,
    /// Length of a step in lambda; negative, because lambda decreases towards the noise.
    h: f64,
    /// `log abar_1`.
    log_alpha_bar: f64,
    dim: usize,
}

impl<'a> Grid<'a> {
    fn new(
        denoiser: &'a dyn RealTimeDenoiser,
        schedule: &Schedule,
        last: usize,
        steps: usize,
    ) -> Result<Self, DiffusionError> {
        let schedule = ContinuousSchedule::new(schedule);
        let (first, end) = (schedule.lambda(1.0), schedule.lambda(last as f64));
        let node = |i: usize| {
            let lambda = first + (end - first) * i as f64 / (2 * steps) as f64;
            // The ends are the steps themselves, whatever rounding does to lambda.
            let tau = schedule.time_of(lambda).clamp(1.0, last as f64);
            let tau = if i == 0 {
                1.0
            } else if i == 2 * steps {
                last as f64
            } else {
                tau
            };
            let log_abar = schedule.log_alpha_bar(tau);
            Ok(Node { sigma: (-log_abar.exp_m1()).sqrt(), field: denoiser.at(tau, log_abar.exp())? })
        };
        Ok(Self {
            nodes: (0..=2 * steps).map(node).collect::<Result<_, DiffusionError>>()?,
            h: (end - first) / steps as f64,
            log_alpha_bar: schedule.log_alpha_bar(1.0),
            dim: denoiser.dim(),
        })
    }

    /// The likelihoods of some points.
    fn tile(&self, origin: Origin, x: ArrayView2<f64>, probes: Probes) -> Vec<Option<PointLikelihood>> {
        let [whole, half] = [1, 2].map(|every| self.estimates(origin, x, probes, every));
        let estimates = probes.estimates();
        let point = |(whole, half): (&[f64], &[f64])| {
            let mean = |values: &[f64]| values.iter().sum::<f64>() / estimates as f64;
            let (value, coarse) = (mean(whole), mean(half));
            let squares: f64 = whole.iter().map(|v| (v - value).powi(2)).sum();
            let of_signs = squares / (estimates * (estimates - 1)).max(1) as f64;
            let error = (of_signs + (value - coarse).powi(2)).sqrt();
            let found = PointLikelihood { log_likelihood: value, half_grid: coarse, error };
            (value.is_finite() && error.is_finite()).then_some(found)
        };
        whole.chunks_exact(estimates).zip(half.chunks_exact(estimates)).map(point).collect()
    }

    /// Estimates of the log-likelihood `(n, estimates)` by every so many-th place of the grid.
    fn estimates(&self, origin: Origin, x: ArrayView2<f64>, probes: Probes, every: usize) -> Vec<f64> {
        let d = self.dim;
        let mut x: Vec<f64> = x.iter().map(|v| (0.5 * self.log_alpha_bar).exp() * v).collect();
        let nodes: Vec<&Node> = self.nodes.iter().step_by(every).collect();
        let mut out = solve(&nodes, self.h * every as f64, d, probes, &mut x);
        let (estimates, units) = (probes.estimates(), 0.5 * d as f64 * self.log_alpha_bar);
        let mut y = vec![0.0; d];
        for (out, x) in out.chunks_exact_mut(estimates).zip(x.chunks_exact(d)) {
            let end = units + log_density(origin, x, &mut y);
            out.iter_mut().for_each(|out| *out += end);
        }
        out
    }
}

/// `log p(x_S)`; `y` has room for `d` numbers.
fn log_density(origin: Origin, x: &[f64], y: &mut [f64]) -> f64 {
    match origin {
        Origin::Noise => {
            let squared: f64 = x.iter().map(|v| v * v).sum();
            -0.5 * squared - 0.5 * x.len() as f64 * (2.0 * std::f64::consts::PI).ln()
        }
        Origin::Gaussian { density, .. } => density.log_density(x, y),
    }
}

/// Vectors of signs `(probes, n, d)` for the points from number `first` on, each from a sub-stream of its own.
fn signs(stream: &Stream, first: usize, (n, d): (usize, usize), probes: usize) -> Vec<f64> {
    let mut out = vec![0.0; probes * n * d];
    for row in 0..n {
        let mut rng = stream.at((first + row) as u64);
        for probe in 0..probes {
            let vector = &mut out[(probe * n + row) * d..][..d];
            for part in vector.chunks_mut(64) {
                let bits = rng.next_u64();
                part.iter_mut().enumerate().for_each(|(j, v)| {
                    *v = if bits >> j & 1 == 1 { 1.0 } else { -1.0 };
                });
            }
        }
    }
    out
}
