//! The isotropy of the noised data (I 20), and of a network's predictions along the forward process.

use super::{Denoiser, DiffusionError, Schedule};
use crate::numeric::random::Stream;
use ndarray::{Array2, ArrayView2, s};

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
        measured: mean_square(&noised(x0, schedule, noise, t)),
        formula: d as f64 + schedule.alpha_bar(t) * (at_start - d as f64),
    };
    times.iter().map(one).collect()
}

/// `Q = E |eps_theta(x_t, t)|^2 / d`, over points of `x0` `(n, d)` and times spread evenly over `1..=T`: what
/// the isotropy term (I 28) compares with 1, and what [`isotropy_scale`](super::train::loss::isotropy_scale) asks for.
///
/// # Errors
/// If the model fails.
pub fn mean_square_prediction(
    denoiser: &dyn Denoiser,
    x0: ArrayView2<f64>,
    schedule: &Schedule,
    noise: &Stream,
) -> Result<f64, DiffusionError> {
    let x0 = x0.slice(s![..x0.nrows().min(MOST_POINTS), ..]);
    let times = spread_times(schedule, 100);
    // The middle of each interval of times stands for it, so that both ends weigh alike.
    let middles: Vec<usize> = times.windows(2).map(|pair| (pair[0] + pair[1]).div_ceil(2)).collect();
    let mut total = 0.0;
    for &t in &middles {
        let eps = denoiser.predict_noise(noised(x0, schedule, noise, t).view(), t)?;
        total += eps.iter().map(|v| v * v).sum::<f64>() / eps.len() as f64;
    }
    Ok(total / middles.len() as f64)
}

/// `x_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) eps` (G 3, I 4) with noise number `t` of the stream.
fn noised(x0: ArrayView2<f64>, schedule: &Schedule, noise: &Stream, t: usize) -> Array2<f64> {
    let (n, d) = x0.dim();
    let abar = schedule.alpha_bar(t);
    noise.standard_normal(t as u64, n, d) * (1.0 - abar).sqrt() + &x0 * abar.sqrt()
}
