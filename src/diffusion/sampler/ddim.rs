//! Denoising diffusion implicit models (Song et al. 2021, equations 12 and 16).

use super::{Move, Schedule};
use ndarray::{Array2, Zip};

/// sigma = eta sqrt((1 - abar_s) / (1 - abar_t)) sqrt(1 - abar_t / abar_s).
pub(super) fn sigma(schedule: &Schedule, eta: f64, at: Move) -> f64 {
    let (from, to) = (schedule.alpha_bar(at.t), schedule.alpha_bar(at.to));
    eta * ((1.0 - to) / (1.0 - from)).sqrt() * (1.0 - from / to).sqrt()
}

/// x0 = (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t);
/// x_s = sqrt(abar_s) x0 + sqrt(1 - abar_s - sigma^2) eps , to which sigma z is then added.
pub(super) fn step(schedule: &Schedule, sigma: f64, at: Move, x: &mut Array2<f64>, eps: &Array2<f64>) {
    let (from, to) = (schedule.alpha_bar(at.t), schedule.alpha_bar(at.to));
    let direction = (1.0 - to - sigma * sigma).max(0.0).sqrt();
    Zip::from(&mut *x).and(eps).for_each(|x, e| {
        let x0 = (*x - (1.0 - from).sqrt() * e) / from.sqrt();
        *x = to.sqrt() * x0 + direction * e;
    });
}
