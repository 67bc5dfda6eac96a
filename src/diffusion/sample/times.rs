//! Which of the `T` steps a sampler visits.

use crate::diffusion::{DiffusionError, Schedule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which steps a sampler with fewer than `T` of them visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// `round(S - i S / k)`, i = 0 .. k - 1, from the start S: begins at S.
    Trailing,
    /// `1 + i floor(S / k)`, downwards: ends at 1.
    Leading,
}

impl Spacing {
    /// Every spacing.
    pub const ALL: [Self; 2] = [Self::Trailing, Self::Leading];
}

/// The steps of one run of a sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The step `S` at which the given points are; `None` is `T`.
    pub start: Option<usize>,
    /// How many steps are visited; `None` is all from the start.
    pub count: Option<usize>,
    /// Which ones.
    pub spacing: Spacing,
}

impl Times {
    /// Every step from `start` (`None` is `T`).
    pub fn every(start: Option<usize>) -> Self {
        Self { start, count: None, spacing: Spacing::Trailing }
    }

    /// The steps `t` in `1..=T`, downwards.
    ///
    /// # Errors
    /// If `start` is no step of the schedule, or `count` is 0 or more than there are.
    pub fn of(&self, schedule: &Schedule) -> Result<Vec<usize>, DiffusionError> {
        let start = self.start.unwrap_or(schedule.steps());
        schedule.check_step(start)?;
        let count = self.count.unwrap_or(start);
        DiffusionError::unless((1..=start).contains(&count), || {
            format!("{count} sampling steps were asked for, but there can be 1 to {start}")
        })?;
        Ok(match self.spacing {
            _ if count == start => (1..=start).rev().collect(),
            Spacing::Leading => (0..count).rev().map(|i| 1 + i * (start / count)).collect(),
            Spacing::Trailing => {
                let stride = start as f64 / count as f64;
                (0..count).map(|i| (start as f64 - i as f64 * stride).round() as usize).collect()
            }
        })
    }
}
