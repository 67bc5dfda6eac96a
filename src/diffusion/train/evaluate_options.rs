//! `[train.evaluate]` of a spec: samples of the network while it trains.

use crate::diffusion::sample::clip::within;
use crate::diffusion::{DataBox, DiffusionError, SampleOptions, Sampler, SamplerKind, VarianceKind};
use crate::numeric::options::{self, OutOfRange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[train.evaluate]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluateOptions {
    /// Iterations between two evaluations; the last iteration has one, too.
    pub every: usize,
    /// Points that are generated each time, from the same x_T.
    pub count: usize,
    /// Steps of the sampler, which is DDIM without noise; all steps of a shorter schedule.
    pub steps: usize,
    /// Of images: how many that the network does not learn from have their bits/dim each time (column `bits_per_dim`: the
    /// variational bound of the reverse process in all steps); 0 is none.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(extend("x-default" = "none"))]
    pub bits_per_dim: usize,
}

/// Whether nothing was asked for: a spec from before the key has none.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self { every: 1000, count: 1000, steps: 50, bits_per_dim: 0 }
    }
}

impl EvaluateOptions {
    /// Refuses values out of their range.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check(&self) -> Result<(), OutOfRange> {
        options::count("every", self.every)?;
        options::count("count", self.count)?;
        options::count("steps", self.steps)
    }

    /// Whether an iteration, from 1, is followed by an evaluation.
    pub fn follows(&self, iteration: usize, iterations: usize) -> bool {
        iteration > 0 && (iteration.is_multiple_of(self.every) || iteration == iterations)
    }

    /// Evaluations of a training of so many iterations.
    pub fn times(&self, iterations: usize) -> usize {
        iterations.div_ceil(self.every)
    }

    /// Steps of the sampler on a schedule of so many.
    pub fn steps_of(&self, schedule_steps: usize) -> usize {
        self.steps.min(schedule_steps)
    }

    /// At how many points of all steps an evaluation predicts the noise, on a schedule of so many steps.
    pub fn predictions(&self, schedule_steps: usize) -> usize {
        self.count * self.steps_of(schedule_steps) + self.bits_per_dim * schedule_steps
    }

    /// The sampler, on a schedule of so many steps. Its predicted `x0` is clipped to `bounds`.
    ///
    /// # Errors
    /// If an option is out of its range.
    pub fn sampler(
        &self,
        schedule_steps: usize,
        bounds: Option<DataBox>,
    ) -> Result<Box<dyn Sampler>, DiffusionError> {
        let steps = Some(self.steps_of(schedule_steps));
        let options = SampleOptions { steps, ..SampleOptions::new(SamplerKind::Ddim) };
        // Without noise, DDIM has no variance.
        Ok(within(bounds, options.build(VarianceKind::FixedSmall, None)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_iteration_has_one_and_is_counted_once() {
        let options = EvaluateOptions { every: 40, ..EvaluateOptions::default() };
        for iterations in [1, 39, 40, 41, 80, 100] {
            let followed = (0..=iterations).filter(|i| options.follows(*i, iterations)).count();
            assert_eq!(followed, options.times(iterations), "{iterations}");
        }
        assert!(options.follows(41, 41) && !options.follows(0, 41) && !options.follows(39, 41));
    }
}
