//! Ancestral sampling (Ho et al. 2020, algorithm 2; G 4-6, I 6-9).

use super::clip::Clipped;
use super::{Sampler, Step, Times};
use crate::diffusion::{DiffusionError, ReverseStep, Schedule, VarianceKind};
use ndarray::{Array2, Zip};

/// `x_s = (x_t - beta / sqrt(1 - abar_t) eps) / sqrt(alpha) + sigma z`, where `sigma^2` is the chosen variance, and 0 at
/// `s = 0`. With every step `s = t - 1`, `alpha = alpha_t` and `beta = beta_t`; with fewer they are those of the
/// [step](ReverseStep) that leaves some out. With a clipped `x0` the mean is written with it (Ho et al. 2020, equation 7):
/// `sqrt(abar_s) beta / (1 - abar_t) x0 + sqrt(alpha) (1 - abar_s) / (1 - abar_t) x_t`.
pub(super) struct Ddpm {
    pub times: Times,
    pub variance: VarianceKind,
}

impl Sampler for Ddpm {
    fn times(&self, schedule: &Schedule) -> Result<Vec<usize>, DiffusionError> {
        self.times.of(schedule)
    }

    fn step(&mut self, at: &Step, x: &mut Array2<f64>) -> Result<(), DiffusionError> {
        let step = ReverseStep::new(at.schedule, at.t, at.to);
        // The step to the data adds no noise, so its variance does not count.
        let fixed = if at.to == 0 { Some(0.0) } else { step.fixed_variance(self.variance) };
        let (eps, z) = match fixed.map(f64::sqrt) {
            Some(sigma) => {
                let (eps, z) = at.predict_and_draw(x, sigma)?;
                (eps, z.map(|z| z * sigma))
            }
            None => {
                let (eps, z) = at.predict_and_draw_with_variance(x, &step)?;
                (eps, Some(z))
            }
        };
        let abar = step.alpha_bar;
        match at.clipped(x, &eps) {
            None => {
                let eps_factor = step.beta / (1.0 - abar).sqrt();
                let factor = 1.0 / step.alpha.sqrt();
                Zip::from(&mut *x).and(&eps).for_each(|x, eps| *x = factor * (*x - eps_factor * eps));
            }
            Some(Clipped { x0, .. }) => {
                let after = step.alpha_bar_after;
                let x0_factor = after.sqrt() * step.beta / (1.0 - abar);
                let x_factor = step.alpha.sqrt() * (1.0 - after) / (1.0 - abar);
                Zip::from(&mut *x).and(&x0).for_each(|x, x0| *x = x0_factor * x0 + x_factor * *x);
            }
        }
        if let Some(z) = z {
            *x += &z;
        }
        Ok(())
    }
}
