//! What a run keeps of its reverse process for the diagnostics: the sampler's own points at some steps, and the modes of
//! the samples at the scored ones. And where theory expects them to choose.

use super::prepare::Prepared;
use super::{Run, StageError};
use crate::diffusion::diagnostics::cloning::candidate_steps;
use crate::diffusion::diagnostics::error_over_t::spread;
use crate::diffusion::speciation::reverse_step;
use crate::metrics::{ModeChoice, mode_choice, share_alike};
use crate::spec::DenoiserKind;
use ndarray::{Array2, ArrayView2, s};
use std::collections::BTreeSet;

/// Samples whose modes are kept, at most.
const MODES_OF: usize = 10_000;

/// Points of the path that are kept, at most.
const PATH_POINTS: usize = 2000;

/// Numbers of the path that are kept, at most: 64 MB.
const PATH_NUMBERS: usize = 8_000_000;

/// Times at which an error is measured, at most.
pub(super) const ERROR_TIMES: usize = 100;

/// The reverse process of a run as its diagnostics need it.
#[derive(Default)]
pub(super) struct Path {
    /// Steps whose points are kept.
    wanted: BTreeSet<usize>,
    /// How many points.
    count: usize,
    /// Whether the modes of the samples are kept.
    with_modes: bool,
    /// The time `t` at which the process begins.
    pub start: usize,
    /// The last step.
    pub last: usize,
    /// The kept points `(count, d)` in the space of the diffusion, with step and time.
    pub states: Vec<(usize, usize, Array2<f64>)>,
    /// The modes of the samples at each scored step, with step and time.
    pub choices: Vec<(usize, usize, ModeChoice)>,
}

impl Path {
    /// What the diagnostics of a run need of a process of `last` steps from the time `start` on in `dim` dimensions, where
    /// theory has the run choose its mode at the step `theory`.
    pub fn wanted(run: &Run, (start, last): (usize, usize), dim: usize, theory: Option<usize>) -> Self {
        let asked = &run.plan.diagnostics;
        if asked.is_off() || run.pipeline.denoiser == DenoiserKind::None {
            return Self::default();
        }
        let with_modes = asked.cloning && run.plan.data.source.mixture().is_some();
        let mut wanted = BTreeSet::new();
        if with_modes && run.plan.sample.options.adds_noise() {
            wanted = candidate_steps(last, theory);
        }
        if asked.error_over_t {
            wanted.extend((last > 0).then(|| spread(0, last - 1, ERROR_TIMES)).into_iter().flatten());
        }
        let count = PATH_POINTS.min(PATH_NUMBERS / (wanted.len() * dim).max(1)).max(1);
        Self { wanted, count, with_modes, start, last, ..Self::default() }
    }

    /// Keeps the points `x` of the space of the diffusion after a step, if they are wanted.
    pub fn see(&mut self, step: usize, t: usize, x: &Array2<f64>) {
        if self.wanted.contains(&step) {
            self.states.push((step, t, x.slice(s![..self.count.min(x.nrows()), ..]).to_owned()));
        }
    }

    /// Keeps the modes of the samples at a scored step, from their points `(n, d)` of data space.
    pub fn see_scored(
        &mut self,
        run: &Run,
        step: usize,
        t: usize,
        points: ArrayView2<f64>,
    ) -> Result<(), StageError> {
        if let Some(mixture) = run.plan.data.source.mixture().filter(|_| self.with_modes) {
            let points = points.slice_move(s![..MODES_OF.min(points.nrows()), ..]);
            self.choices.push((step, t, mode_choice(mixture, points)?));
        }
        Ok(())
    }

    /// The share of the samples that are in the mode in which they end, at each scored step.
    pub fn committed(&self) -> Vec<f64> {
        let Some((.., end)) = self.choices.last() else { return Vec::new() };
        self.choices.iter().map(|(.., choice)| share_alike(&choice.modes, &end.modes)).collect()
    }
}

/// The reverse step at which theory has a process from the time `start` on choose between classes; none without a reverse process.
pub(super) fn speciation_step(run: &Run, prepared: &Prepared, start: usize) -> Option<usize> {
    let (plan, denoiser) = (run.plan, run.pipeline.denoiser);
    let times = plan.sample.sampler(start, None).and_then(|sampler| sampler.times(&plan.schedule)).ok()?;
    let largest = prepared.space.largest_eigenvalue.filter(|_| denoiser != DenoiserKind::None)?;
    reverse_step(&plan.schedule, &times, largest)
}
