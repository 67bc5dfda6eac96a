//! Exponential moving average of the parameters.

use super::optimizer::mix;
use crate::diffusion::DiffusionError;
use candle_core::Tensor;

/// `average = k average + (1 - k) parameters` after each iteration, with
/// `k = min(decay, (1 + i) / (10 + i))` at iteration `i = 1, 2, ...`, so that the random start is
/// forgotten soon even when `decay` is close to 1.
#[derive(Clone, Debug)]
pub struct Average {
    decay: f64,
    value: Tensor,
}

impl Average {
    /// An average that starts at these parameters, shape `(p)`.
    pub fn new(decay: f64, parameters: &Tensor) -> Self {
        Self { decay, value: parameters.clone() }
    }

    /// Takes in the parameters after iteration `i`, counting from 1.
    ///
    /// # Errors
    /// If the device fails.
    pub fn update(&mut self, parameters: &Tensor, i: usize) -> Result<(), DiffusionError> {
        self.value = mix(&self.value, parameters, keep(self.decay, i))?;
        Ok(())
    }

    /// The average, shape `(p)`.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// Puts an average back.
    pub fn restore(&mut self, value: Tensor) {
        self.value = value;
    }
}

/// The fraction of the old average that iteration `i` (from 1) keeps.
pub fn keep(decay: f64, i: usize) -> f64 {
    decay.min((1.0 + i as f64) / (10.0 + i as f64))
}
