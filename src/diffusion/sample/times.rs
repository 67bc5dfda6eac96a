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
    /// The steps nearest to numbers spaced evenly in the logarithm of the signal-to-noise ratio `abar / (1 - abar)`, from
    /// that of S to that of 1 (Lu et al. 2022): few where the points are nearly noise, many where details form.
    LogSnr,
}

impl Spacing {
    /// Every spacing.
    pub const ALL: [Self; 3] = [Self::Trailing, Self::Leading, Self::LogSnr];
}

/// The `count` steps from `start` to 1 that are nearest to even spacing in log-SNR, all different.
fn even_in_log_snr(schedule: &Schedule, start: usize, count: usize) -> Vec<usize> {
    let log_snr = |t: usize| {
        let abar = schedule.alpha_bar(t);
        abar.ln() - (-abar).ln_1p()
    };
    let (first, last) = (log_snr(start), log_snr(1));
    let mut times: Vec<usize> = Vec::with_capacity(count);
    for i in 0..count {
        let wanted = first + (last - first) * i as f64 / (count.max(2) - 1) as f64;
        // log-SNR falls with t: the first t that has no more, or the one before it.
        let below = (1..=start).find(|&t| log_snr(t) <= wanted).unwrap_or(start);
        let before = below.max(2) - 1;
        let nearest = if log_snr(before) - wanted < wanted - log_snr(below) { before } else { below };
        // Each is below the one before, and leaves room for those that follow.
        let most = times.last().map_or(start, |previous| previous - 1);
        times.push(nearest.clamp(count - i, most));
    }
    times
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
            Spacing::LogSnr => even_in_log_snr(schedule, start, count),
            Spacing::Trailing => {
                let stride = start as f64 / count as f64;
                (0..count).map(|i| (start as f64 - i as f64 * stride).round() as usize).collect()
            }
        })
    }
}
