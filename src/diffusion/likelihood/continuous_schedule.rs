//! The noise schedule at real times.

use crate::diffusion::Schedule;
use crate::numeric::pchip::Pchip;

/// `abar(tau)` for real `tau` in `[0, T]`: at whole steps the schedule's, between them by monotone interpolation of
/// `log abar` ([`Pchip`]).
#[derive(Clone, Debug)]
pub struct ContinuousSchedule {
    log_alpha_bar: Pchip,
    steps: usize,
}

impl ContinuousSchedule {
    /// The schedule between its steps.
    pub fn new(schedule: &Schedule) -> Self {
        let steps = schedule.steps();
        let times: Vec<f64> = (0..=steps).map(|t| t as f64).collect();
        let mut total = 0.0;
        let mut log_alpha_bar = vec![0.0];
        // By sums of logarithms, which do not underflow as a product does.
        log_alpha_bar.extend((1..=steps).map(|t| {
            total += (-schedule.beta(t)).ln_1p();
            total
        }));
        Self { log_alpha_bar: Pchip::new(&times, &log_alpha_bar), steps }
    }

    /// Number of steps `T`.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// `log abar(tau)`.
    pub fn log_alpha_bar(&self, tau: f64) -> f64 {
        self.log_alpha_bar.value(tau)
    }

    /// `beta(tau) = -d log abar / d tau`.
    pub fn beta(&self, tau: f64) -> f64 {
        -self.log_alpha_bar.derivative(tau)
    }

    /// Half the logarithm of the signal-to-noise ratio, `lambda = log sqrt(abar / (1 - abar))`, which decreases with `tau`.
    pub fn lambda(&self, tau: f64) -> f64 {
        let log_abar = self.log_alpha_bar(tau);
        0.5 * (log_abar - (-log_abar.exp_m1()).ln())
    }

    /// The time at which [`lambda`](Self::lambda) has that value.
    pub fn time_of(&self, lambda: f64) -> f64 {
        self.log_alpha_bar.inverse_decreasing(-(-2.0 * lambda).exp().ln_1p())
    }
}
