//! Ancestral sampling (Ho et al. 2020, algorithm 2; G 4-6, I 6-9).

use super::{Move, Schedule, VarianceKind};
use ndarray::{Array2, Zip};

/// mu = (x_t - beta_t / sqrt(1 - abar_t) eps) / sqrt(alpha_t); x_{t-1} = mu + sqrt(var_t) z for `t > 1`,
/// and the mean alone at `t = 1`.
pub(super) fn step(
    schedule: &Schedule,
    variance: VarianceKind,
    at: Move,
    x: &mut Array2<f64>,
    eps: &Array2<f64>,
    noise: &dyn Fn(usize) -> Array2<f64>,
) {
    let t = at.t;
    let noise_share = schedule.beta(t) / (1.0 - schedule.alpha_bar(t)).sqrt();
    let growth = 1.0 / schedule.alpha(t).sqrt();
    Zip::from(&mut *x).and(eps).for_each(|x, e| *x = growth * (*x - noise_share * e));
    if t > 1 {
        x.scaled_add(schedule.variance(variance, t).sqrt(), &noise(t));
    }
}
