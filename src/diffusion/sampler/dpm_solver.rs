//! DPM-Solver++ 2M (Lu et al. 2022, algorithm 2), multistep of second order in the predicted data.

use super::{Move, Schedule};
use ndarray::{Array2, Zip};

/// What the step before leaves: half the log signal-to-noise ratio it started from, and its x0.
pub(super) type Previous = Option<(f64, Array2<f64>)>;

/// With lambda = log(sqrt(abar) / sqrt(1 - abar)) and h = lambda_s - lambda_t:
/// x0 = (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t);
/// D = x0 + h / (2 h_before) (x0 - x0_before);
/// x_s = sqrt(1 - abar_s) / sqrt(1 - abar_t) x_t - sqrt(abar_s) (exp(-h) - 1) D.
///
/// The first step has no predecessor, and at `s = 0` h is infinite: both are of first order, D = x0.
pub(super) fn step(
    schedule: &Schedule,
    at: Move,
    x: &mut Array2<f64>,
    eps: &Array2<f64>,
    previous: &mut Previous,
) {
    let (from, to) = (schedule.alpha_bar(at.t), schedule.alpha_bar(at.to));
    let lambda = |abar: f64| 0.5 * (abar / (1.0 - abar)).ln();
    let mut x0 = x.clone();
    Zip::from(&mut x0).and(eps).for_each(|x, e| *x = (*x - (1.0 - from).sqrt() * e) / from.sqrt());
    let h = lambda(to) - lambda(from);
    let noise_kept = (1.0 - to).sqrt() / (1.0 - from).sqrt();
    let data_gained = -to.sqrt() * (-h).exp_m1();
    match previous {
        Some((before, x0_before)) if at.to > 0 => {
            let slope = h / (2.0 * (lambda(from) - *before));
            Zip::from(&mut *x).and(&x0).and(&*x0_before).for_each(|x, now, before| {
                *x = noise_kept * *x + data_gained * (now + slope * (now - before));
            });
        }
        _ => Zip::from(&mut *x).and(&x0).for_each(|x, x0| *x = noise_kept * *x + data_gained * x0),
    }
    *previous = Some((lambda(from), x0));
}
