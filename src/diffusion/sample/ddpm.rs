//! Ancestral sampling (Ho et al. 2020, algorithm 2; G 4-6, I 6-9).

use super::clip::Clipped;
use super::{Sampler, Step, Times};
use crate::diffusion::{DiffusionError, Schedule, VarianceKind};
use ndarray::{Array2, Zip};

/// `x_{t-1} = (x_t - beta_t / sqrt(1 - abar_t) eps) / sqrt(alpha_t) + sigma_t z`, where `sigma_t^2` is the chosen
/// variance, and 0 at `t = 1`. With a clipped `x0` the mean is written with it (Ho et al. 2020, equation 7):
/// `sqrt(abar_{t-1}) beta_t / (1 - abar_t) x0 + sqrt(alpha_t) (1 - abar_{t-1}) / (1 - abar_t) x_t`.
pub(super) struct Ddpm {
    pub times: Times,
    pub variance: VarianceKind,
}

impl Sampler for Ddpm {
    fn times(&self, schedule: &Schedule) -> Result<Vec<usize>, DiffusionError> {
        self.times.of(schedule)
    }

    fn step(&mut self, at: &Step, x: &mut Array2<f64>) -> Result<(), DiffusionError> {
        let (schedule, t) = (at.schedule, at.t);
        let sigma = if t > 1 { schedule.variance(self.variance, t).sqrt() } else { 0.0 };
        let (eps, z) = at.predict_and_draw(x, sigma)?;
        match at.clipped(x, &eps) {
            None => {
                let eps_factor = schedule.beta(t) / (1.0 - schedule.alpha_bar(t)).sqrt();
                let factor = 1.0 / schedule.alpha(t).sqrt();
                Zip::from(&mut *x).and(&eps).for_each(|x, eps| *x = factor * (*x - eps_factor * eps));
            }
            Some(Clipped { x0, .. }) => {
                let (abar, before) = (schedule.alpha_bar(t), schedule.alpha_bar(t - 1));
                let x0_factor = before.sqrt() * schedule.beta(t) / (1.0 - abar);
                let x_factor = schedule.alpha(t).sqrt() * (1.0 - before) / (1.0 - abar);
                Zip::from(&mut *x).and(&x0).for_each(|x, x0| *x = x0_factor * x0 + x_factor * *x);
            }
        }
        if let Some(z) = z {
            x.scaled_add(sigma, &z);
        }
        Ok(())
    }
}
