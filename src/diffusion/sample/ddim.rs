//! Denoising diffusion implicit models (Song et al. 2021, equations 12 and 16).

use super::clip::Clipped;
use super::{Sampler, Step, Times};
use crate::diffusion::{DiffusionError, Schedule};
use ndarray::{Array2, Zip};

/// `sigma = eta sqrt((1 - abar_s) / (1 - abar_t)) sqrt(1 - abar_t / abar_s)` (equation 16);
/// `x0 = (x_t - sqrt(1 - abar_t) eps) / sqrt(abar_t)`;
/// `x_s = sqrt(abar_s) x0 + sqrt(1 - abar_s - sigma^2) eps + sigma z` (equation 12), where clipping of `x0` changes
/// `eps` too.
pub(super) struct Ddim {
    pub times: Times,
    pub eta: f64,
}

impl Sampler for Ddim {
    fn times(&self, schedule: &Schedule) -> Result<Vec<usize>, DiffusionError> {
        self.times.of(schedule)
    }

    fn step(&mut self, at: &Step, x: &mut Array2<f64>) -> Result<(), DiffusionError> {
        let (abar_t, abar_s) = at.alpha_bars();
        let sigma = self.eta * ((1.0 - abar_s) / (1.0 - abar_t)).sqrt() * (1.0 - abar_t / abar_s).sqrt();
        let (eps, z) = at.predict_and_draw(x, sigma)?;
        let direction = (1.0 - abar_s - sigma * sigma).max(0.0).sqrt();
        match at.clipped(x, &eps) {
            None => Zip::from(&mut *x).and(&eps).for_each(|x, eps| {
                let x0 = (*x - (1.0 - abar_t).sqrt() * eps) / abar_t.sqrt();
                *x = abar_s.sqrt() * x0 + direction * eps;
            }),
            Some(Clipped { x0, eps }) => Zip::from(&mut *x)
                .and(&x0)
                .and(&eps)
                .for_each(|x, x0, eps| *x = abar_s.sqrt() * x0 + direction * eps),
        }
        if let Some(z) = z {
            x.scaled_add(sigma, &z);
        }
        Ok(())
    }
}
