//! Ancestral sampling (Ho et al. 2020, algorithm 2; G 4-6, I 6-9).

use super::{Move, Schedule, VarianceKind};
use ndarray::{Array2, Zip};

/// Standard deviation of the noise: sqrt(var_t), and 0 at `t = 1`.
pub(super) fn sigma(schedule: &Schedule, variance: VarianceKind, at: Move) -> f64 {
    if at.t > 1 { schedule.variance(variance, at.t).sqrt() } else { 0.0 }
}

/// x_{t-1} before its noise: mu = (x_t - beta_t / sqrt(1 - abar_t) eps) / sqrt(alpha_t).
pub(super) fn step(schedule: &Schedule, at: Move, x: &mut Array2<f64>, eps: &Array2<f64>) {
    let t = at.t;
    let noise_share = schedule.beta(t) / (1.0 - schedule.alpha_bar(t)).sqrt();
    let growth = 1.0 / schedule.alpha(t).sqrt();
    Zip::from(&mut *x).and(eps).for_each(|x, e| *x = growth * (*x - noise_share * e));
}
