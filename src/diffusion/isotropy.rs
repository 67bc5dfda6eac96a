//! The isotropy of the noised data (I 20), and of a network's predictions along the forward process.

use super::{Denoiser, DiffusionError, Schedule};
use crate::numeric::random::Stream;
use ndarray::{Array2, ArrayView1, ArrayView2, s};

/// Points that are noised at each time when a network is asked.
const MOST_POINTS: usize = 2000;

/// Mean squared norm of the noised points at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Isotropy {
    /// Diffusion time, 0 for the data themselves.
    pub t: usize,
    /// `mean_i |x_t,i|^2` over the points, each with noise of its own.
    pub measured: f64,
    /// `d + abar_t (mean_i |x_0,i|^2 - d)` (I 20).
    pub formula: f64,
}

/// About `count` times from 0 to `T`, both included, evenly spread.
pub fn spread_times(schedule: &Schedule, count: usize) -> Vec<usize> {
    let (steps, count) = (schedule.steps(), count.max(1));
    let mut times: Vec<usize> = (0..=count).map(|i| i * steps / count).collect();
    times.dedup();
    times
}

/// The isotropy of `x_t` (I 20) at the given times, measured on the points `x0` `(n, d)`, `n >= 1`.
pub fn isotropy(x0: ArrayView2<f64>, schedule: &Schedule, noise: &Stream, times: &[usize]) -> Vec<Isotropy> {
    let (n, d) = x0.dim();
    let mean_square = |x: &Array2<f64>| x.iter().map(|v| v * v).sum::<f64>() / n as f64;
    let at_start = mean_square(&x0.to_owned());
    let one = |&t: &usize| Isotropy {
        t,
        measured: mean_square(&noised(x0, schedule, noise, t).0),
        formula: d as f64 + schedule.alpha_bar(t) * (at_start - d as f64),
    };
    times.iter().map(one).collect()
}

/// Moments of a network's predictions `eps_theta(x_t, t)` along the forward process, over points and times together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictionMoments {
    /// `Q = E |eps_theta|^2 / d`: what the isotropy term (I 28) compares with 1.
    pub mean_square: f64,
    /// `V`: the variance over points and times of `|eps_theta|^2 / d`.
    pub variance: f64,
    /// `E <eps_theta, eps> / d` with the noise `eps` of the same points.
    pub projection: f64,
}

impl PredictionMoments {
    /// `E |eps_theta|^2 / E <eps_theta, eps>`: the factor by which the output has to be divided to come nearest to the
    /// noise. 1 for the optimum `eps* = E[eps | x_t]` of the simple loss and `s` for `s eps*`, since
    /// `E <eps*, eps> = E |eps*|^2`. An error of the network that is not correlated with `eps*` adds to it.
    pub fn output_scale(&self) -> f64 {
        self.mean_square / self.projection
    }
}

/// The moments of a model's predictions, over points of `x0` `(n, d)` and times spread evenly over `1..=T`.
///
/// # Errors
/// If the model fails.
pub fn prediction_moments(
    denoiser: &dyn Denoiser,
    x0: ArrayView2<f64>,
    schedule: &Schedule,
    noise: &Stream,
) -> Result<PredictionMoments, DiffusionError> {
    let x0 = x0.slice(s![..x0.nrows().min(MOST_POINTS), ..]);
    let (n, d) = x0.dim();
    let times = spread_times(schedule, 100);
    // The middle of each interval of times stands for it, so that both ends weigh alike.
    let middles: Vec<usize> = times.windows(2).map(|pair| (pair[0] + pair[1]).div_ceil(2)).collect();
    let (mut total, mut fourth, mut projection) = (0.0, 0.0, 0.0);
    for &t in &middles {
        let (x, own) = noised(x0, schedule, noise, t);
        let eps = denoiser.predict_noise(x.view(), t)?;
        total += eps.iter().map(|v| v * v).sum::<f64>() / eps.len() as f64;
        let square = |eps: ArrayView1<f64>| (eps.dot(&eps) / d as f64).powi(2);
        fourth += eps.rows().into_iter().map(square).sum::<f64>() / n as f64;
        projection += (&eps * &own).sum() / eps.len() as f64;
    }
    let count = middles.len() as f64;
    let mean_square = total / count;
    let variance = (fourth / count - mean_square * mean_square).max(0.0);
    Ok(PredictionMoments { mean_square, variance, projection: projection / count })
}

/// `x_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) eps` (G 3, I 4), and `eps`, which is noise number `t` of the stream.
fn noised(x0: ArrayView2<f64>, schedule: &Schedule, noise: &Stream, t: usize) -> (Array2<f64>, Array2<f64>) {
    let (n, d) = x0.dim();
    let abar = schedule.alpha_bar(t);
    let eps = noise.standard_normal(t as u64, n, d);
    (&eps * (1.0 - abar).sqrt() + &x0 * abar.sqrt(), eps)
}
