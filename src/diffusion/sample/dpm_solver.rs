//! DPM-Solver++ 2M (Lu et al. 2022, algorithm 2), a multistep method of second order in the predicted data.

use super::{Sampler, Step, Times};
use crate::diffusion::{DiffusionError, Schedule};
use ndarray::{Array2, Zip};

/// With `lambda = log(sqrt(abar) / sqrt(1 - abar))`, `h = lambda_s - lambda_t` and `h'` that of the step before:
/// `x0 = (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t)`;
/// `D = x0 + h / (2 h') (x0 - x0')`;
/// `x_s = sqrt(1 - abar_s) / sqrt(1 - abar_t) x_t - sqrt(abar_s) (exp(-h) - 1) D`.
///
/// The method is in the predicted data, so a clipped `x0` takes its place. The first step has no predecessor, and at `s = 0` h is infinite: both are of first order, `D = x0`.
pub(super) struct DpmSolver2M {
    pub times: Times,
    /// `lambda` and `x0` of the step before.
    pub previous: Option<(f64, Array2<f64>)>,
}

impl Sampler for DpmSolver2M {
    fn times(&self, schedule: &Schedule) -> Result<Vec<usize>, DiffusionError> {
        self.times.of(schedule)
    }

    fn step(&mut self, at: &Step, x: &mut Array2<f64>) -> Result<(), DiffusionError> {
        let (abar_t, abar_s) = at.alpha_bars();
        let lambda = |abar: f64| 0.5 * (abar / (1.0 - abar)).ln();
        let mut x0 = at.predict_noise(x)?;
        Zip::from(&mut x0).and(&*x).for_each(|x0, x| *x0 = (x - (1.0 - abar_t).sqrt() * *x0) / abar_t.sqrt());
        if let Some(bounds) = at.bounds {
            bounds.clip(&mut x0);
        }
        let h = lambda(abar_s) - lambda(abar_t);
        let x_factor = (1.0 - abar_s).sqrt() / (1.0 - abar_t).sqrt();
        let x0_factor = -abar_s.sqrt() * (-h).exp_m1();
        match &self.previous {
            Some((lambda_before, x0_before)) if at.to > 0 => {
                let ratio = h / (2.0 * (lambda(abar_t) - lambda_before));
                Zip::from(&mut *x).and(&x0).and(x0_before).for_each(|x, x0, before| {
                    *x = x_factor * *x + x0_factor * (x0 + ratio * (x0 - before));
                });
            }
            _ => Zip::from(&mut *x).and(&x0).for_each(|x, x0| *x = x_factor * *x + x0_factor * x0),
        }
        self.previous = Some((lambda(abar_t), x0));
        Ok(())
    }
}
