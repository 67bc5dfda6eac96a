//! `[sample]` of a spec: how points are generated.

use super::{
    Sampler, Spacing, Start, StartStep, Times, ddim::Ddim, ddpm::Ddpm, dpm_solver::DpmSolver2M, heun::Heun,
};
use crate::diffusion::{DiffusionError, VarianceKind};
use crate::numeric::options::{self, OutOfRange, require};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which reverse process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SamplerKind {
    /// Ancestral sampling (Ho et al. 2020), every step in both papers; fewer as Nichol & Dhariwal 2021 leave steps out.
    Ddpm,
    /// DDIM (Song et al. 2021): few steps, noise by `eta`.
    Ddim,
    /// DPM-Solver++ 2M (Lu et al. 2022): second order, few steps, no noise.
    #[serde(rename = "dpm_solver_2m")]
    DpmSolver2M,
    /// Heun's method (Karras et al. 2022): second order, few steps, no noise, two calls of the network a step.
    Heun,
}

impl SamplerKind {
    /// Every sampler.
    pub const ALL: [Self; 4] = [Self::Ddpm, Self::Ddim, Self::DpmSolver2M, Self::Heun];

    /// The name that figures show.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ddpm => "DDPM",
            Self::Ddim => "DDIM",
            Self::DpmSolver2M => "DPM-Solver++ 2M",
            Self::Heun => "Heun",
        }
    }
}

/// `[sample]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SampleOptions {
    /// Points to generate.
    pub count: usize,
    /// The reverse process.
    pub sampler: SamplerKind,
    /// Reverse steps; fewer than T leave steps out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "all from its start on"))]
    pub steps: Option<usize>,
    /// Which of the T steps a sampler with fewer of them visits.
    pub spacing: Spacing,
    /// Noise of DDIM: 0 is deterministic, 1 as much as ancestral sampling.
    pub eta: f64,
    /// Multiplies the predicted noise (the control for the isotropy loss).
    pub epsilon_scale: f64,
    /// Where the reverse process begins.
    pub start: Start,
    /// The step t of a late start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "\"auto\""))]
    pub start_step: Option<StartStep>,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            count: 10_000,
            sampler: SamplerKind::Ddpm,
            steps: None,
            spacing: Spacing::Trailing,
            eta: 0.0,
            epsilon_scale: 1.0,
            start: Start::Noise,
            start_step: None,
        }
    }
}

impl SampleOptions {
    /// The defaults with another sampler.
    pub fn new(sampler: SamplerKind) -> Self {
        Self { sampler, ..Self::default() }
    }

    /// The step of a late start; none for a start from noise.
    pub fn late(&self) -> Option<StartStep> {
        (self.start == Start::Late).then(|| self.start_step.unwrap_or(StartStep::Auto))
    }

    /// Refuses values out of their range. Whether the schedule has so many steps, [`Times::of`] checks.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check(&self) -> Result<(), OutOfRange> {
        options::count("count", self.count)?;
        options::not_negative("eta", self.eta)?;
        options::positive("epsilon_scale", self.epsilon_scale)?;
        require(self.eta <= 1.0, "eta", || {
            format!("is {}, but it must be from 0 (no noise) to 1 (as much as \"ddpm\")", self.eta)
        })
    }

    /// Whether the sampler adds noise in its steps, so that two runs from the same points end differently.
    pub fn adds_noise(&self) -> bool {
        match self.sampler {
            SamplerKind::Ddpm => true,
            SamplerKind::Ddim => self.eta > 0.0,
            SamplerKind::DpmSolver2M | SamplerKind::Heun => false,
        }
    }

    /// The sampler of these options for one run from `x_S`: `start` is the step `S`, and `None` is `T`. `variance`
    /// is that of the ancestral step. No sampler visits more steps than there are from its start on.
    ///
    /// # Errors
    /// If an option is out of its range.
    pub fn build(
        &self,
        variance: VarianceKind,
        start: Option<usize>,
    ) -> Result<Box<dyn Sampler>, DiffusionError> {
        self.check()?;
        let count = self.steps.map(|steps| start.map_or(steps, |start| steps.min(start)));
        let times = Times { start, count, spacing: self.spacing };
        Ok(match self.sampler {
            SamplerKind::Ddpm => Box::new(Ddpm { times, variance }),
            SamplerKind::Ddim => Box::new(Ddim { times, eta: self.eta }),
            SamplerKind::DpmSolver2M => Box::new(DpmSolver2M { times, previous: None }),
            SamplerKind::Heun => Box::new(Heun { times }),
        })
    }
}
