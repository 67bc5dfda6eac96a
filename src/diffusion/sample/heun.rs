//! Heun's method on the probability-flow equation (Karras et al. 2022, algorithm 1), in the parametrization in
//! which DDIM is Euler's method (Song et al. 2021, equation 14).

use super::clip::Clipped;
use super::{Sampler, Step, Times};
use crate::diffusion::{DiffusionError, Schedule};
use ndarray::{Array2, Zip};

/// With `y = x / sqrt(abar)` and `sigma = sqrt((1 - abar) / abar)` the equation is `dy / dsigma = eps`:
/// `d = eps(x_t, t)`;
/// `y_s = y_t + (sigma_s - sigma_t) d`, Euler's step, which is the result where `s = 0`;
/// `d' = eps(sqrt(abar_s) y_s, s)`;
/// `y_s = y_t + (sigma_s - sigma_t) (d + d') / 2`.
///
/// With a clipped `x0`, both `d` and `d'` are those of their clipped `x0`, and `y_t = x0 + sigma_t d` is put in, so that
/// large numbers do not cancel: `y_s = x0 + sigma_s d + (sigma_s - sigma_t) (d' - d) / 2`.
pub(super) struct Heun {
    pub times: Times,
}

impl Sampler for Heun {
    fn times(&self, schedule: &Schedule) -> Result<Vec<usize>, DiffusionError> {
        self.times.of(schedule)
    }

    fn calls_per_step(&self) -> usize {
        2
    }

    fn step(&mut self, at: &Step, x: &mut Array2<f64>) -> Result<(), DiffusionError> {
        let (abar_t, abar_s) = at.alpha_bars();
        let sigma = |abar: f64| ((1.0 - abar) / abar).sqrt();
        let h = sigma(abar_s) - sigma(abar_t);
        let d = at.predict_noise(x)?;
        if let (Some(first), Some(bounds)) = (at.clipped(x, &d), at.bounds) {
            let Clipped { x0, eps: d } = first;
            let euler = Zip::from(&x0).and(&d).map_collect(|x0, d| x0 + sigma(abar_s) * d);
            x.assign(&(&euler * abar_s.sqrt()));
            if at.to > 0 {
                let d_prime = at.denoiser.predict_noise(x.view(), at.to)?;
                let Clipped { eps: d_prime, .. } = Clipped::new(bounds, x, &d_prime, abar_s);
                Zip::from(&mut *x)
                    .and(&euler)
                    .and(&d)
                    .and(&d_prime)
                    .for_each(|x, euler, d, d_prime| *x = abar_s.sqrt() * (euler + h * 0.5 * (d_prime - d)));
            }
            return Ok(());
        }
        let y = &*x / abar_t.sqrt();
        Zip::from(&mut *x).and(&y).and(&d).for_each(|x, y, d| *x = abar_s.sqrt() * (y + h * d));
        if at.to > 0 {
            let d_prime = at.denoiser.predict_noise(x.view(), at.to)?;
            Zip::from(&mut *x)
                .and(&y)
                .and(&d)
                .and(&d_prime)
                .for_each(|x, y, d, d_prime| *x = abar_s.sqrt() * (y + h * 0.5 * (d + d_prime)));
        }
        Ok(())
    }
}
