//! One run: a pipeline of a replicate, from its data to its tables. It reads like the paper: [`prepare`] (the space is
//! fitted to the training points), `train`, `sample` (every reverse step is scored), `diagnose`, `finish`.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`replicate`] | what the pipelines of a replicate share: data, reference points, random streams |
//! | [`prepare`] | the space, fitted or taken from a run that fitted the same one; isotropy |
//! | `train` | the network, trained from its newest checkpoint on or taken from a run that trained the same one |
//! | `evaluate`, `divergence` | samples of the network while it trains; signs that its training diverges |
//! | `model_config` | what another program needs to use the network |
//! | `late_start` | the step at which a late start begins |
//! | `sample` | the reverse process, scored |
//! | `path`, `diagnose` | what is kept of the reverse process for `[diagnostics]`, and the tables made of it |
//! | `finish` | what is left to write, the status last |
//! | [`likelihood`] | how likely points are under the model, its map alone, and the density of the data |
//! | `bits_per_dim` | bits/dim of images under the reverse process |
//! | [`output_scale`] | by how much the isotropy term scaled a network's predictions |
//! | [`finished_run`] | a finished run read back: its points again, at any reverse step |
//! | [`events`], [`stage`] | what a run reports; its stages |
//! | [`work`] | how much work a run is, by a guess |
//! | [`run_options`], [`device`] | how to run; none of it changes a result |
//! | [`error`] | why a run stopped |

mod bits_per_dim;
mod cost;
pub mod device;
mod diagnose;
mod divergence;
pub mod error;
mod evaluate;
pub mod events;
mod finish;
pub mod finished_run;
mod late_start;
pub mod likelihood;
mod model_config;
pub mod output_scale;
mod path;
pub mod prepare;
pub mod replicate;
pub mod run_options;
mod sample;
pub mod stage;
mod train;
pub mod work;

pub use cost::{Cost, FittedPart, fit_part, measure};
pub use device::DeviceChoice;
pub use error::{RunError, StageError};
pub use events::{Event, Quiet, Reporter};
pub use finished_run::{Cloud, FinishedRun};
pub use likelihood::Likelihoods;
pub use output_scale::OutputScale;
pub use prepare::FittedSpace;
pub use replicate::{Purpose, Replicate, count_of, points_of};
pub use run_options::{Interrupt, RunOptions};
pub use stage::Stage;
pub use work::{Before, ExpectedRun, StageWork};

use crate::diffusion::lockstep;
use crate::numeric::trace::Trace;
use crate::spec::{Pipeline, Plan, StageKeys};
use crate::store::{Label, RunFolder, Status};
use candle_core::Device;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a run works with.
pub struct Run<'a> {
    /// Its name, pipeline, replicate and place in a sweep.
    pub label: &'a Label,
    /// The sweep's keys, for the tables.
    pub sweep_keys: &'a [String],
    /// Its pipeline.
    pub pipeline: &'a Pipeline,
    /// The checked experiment.
    pub plan: &'a Plan,
    /// The keys of its stages.
    pub keys: &'a StageKeys,
    /// Its folder.
    pub folder: RunFolder,
    /// What the pipelines of the replicate share.
    pub replicate: &'a Replicate,
    /// Stages that other runs have in common with this one.
    pub stages: &'a dyn SharedStages,
    /// Where its network computes, perhaps in step with those of other runs.
    pub lockstep: lockstep::Member<'a>,
    /// Where the network lives.
    pub device: &'a Device,
    /// Hears how it gets on.
    pub reporter: &'a dyn Reporter,
    /// Word to stop.
    pub interrupt: &'a Interrupt,
    /// Time between two checkpoints of a training.
    pub checkpoint_every: Duration,
    /// Where what its threads do is recorded.
    pub trace: Trace,
}

/// Stages that are computed once for all runs whose key of that stage is the same.
pub trait SharedStages: Sync {
    /// The space of that run: what another run has fitted, or what `fit` gives.
    ///
    /// # Errors
    /// If it has to be fitted and cannot be.
    fn space(
        &self,
        run: &Run,
        fit: &mut dyn FnMut() -> Result<FittedSpace, StageError>,
    ) -> Result<Arc<FittedSpace>, StageError>;

    /// A finished run with the same trained network: its folder and status.
    fn trained(&self, run: &Run) -> Option<(PathBuf, Status)>;
}

impl Run<'_> {
    /// Runs all stages and writes the folder, its status last.
    ///
    /// # Errors
    /// If a stage fails, a file cannot be written, or a stop was asked for.
    pub fn execute(&self) -> Result<Status, RunError> {
        let failed = |stage: Stage| move |error: StageError| error.of(&self.label.run, stage.name());
        let traced = |stage: &'static str| self.trace.span("stage", stage);
        let span = traced(Stage::Gaussianize.name());
        let prepared = prepare::prepare(self).map_err(failed(Stage::Gaussianize))?;
        drop(span);
        let span = traced(Stage::Train.name());
        let model = train::train(self, &prepared).map_err(failed(Stage::Train))?;
        drop(span);
        let span = traced(Stage::Sample.name());
        let samples = sample::sample(self, &prepared, &model).map_err(failed(Stage::Sample))?;
        drop(span);
        let span = traced(Stage::Diagnose.name());
        let diagnosed =
            diagnose::diagnose(self, &prepared, &model, &samples).map_err(failed(Stage::Diagnose))?;
        drop(span);
        let _span = traced("finish");
        finish::finish(self, &prepared, &model, &samples, &diagnosed).map_err(failed(Stage::Sample))
    }

    fn report(&self, event: Event) {
        self.reporter.on(event);
    }

    fn progress(&self, stage: Stage, done: usize, value: Option<(&'static str, f64)>) {
        self.report(Event::Progress { run: &self.label.run, stage, done: done as u64, value });
    }

    fn begin_stage(&self, stage: Stage, total: usize) {
        self.go_on_with_stage(stage, total, 0);
    }

    fn go_on_with_stage(&self, stage: Stage, total: usize, done: usize) {
        let (total, done) = (total as u64, done as u64);
        self.report(Event::Stage { run: &self.label.run, stage, total, done });
    }

    fn stream(&self, purpose: Purpose) -> crate::numeric::random::Stream {
        purpose.stream(self.plan, self.label.replicate)
    }
}
