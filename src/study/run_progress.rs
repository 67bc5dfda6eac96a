//! How far a run is that is not done, by the files in its folder: what the process that works on it has written since it
//! took the folder, and the checkpoint that a training goes on from.

use crate::run::{Stage, StageWork};
use crate::spec::{self, DenoiserKind};
use crate::store::{Checkpoints, names};
use std::path::Path;
use std::time::SystemTime;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunProgress {
    /// The stage that it is in, or at which it will go on.
    pub stage: Stage,
    /// The part of its work that is done, from 0 to 1, by a guess. Within a training it is that of the last checkpoint.
    pub part: f64,
}

/// How far a begun run is. `running` says that a process works on it. Of an interrupted one only a checkpoint counts, as
/// the rest is done again.
pub fn run_progress(folder: &Path, replicate: usize, running: bool) -> Option<RunProgress> {
    let text = std::fs::read_to_string(folder.join(names::SPEC)).ok()?;
    let study = spec::read_finished(folder, names::SPEC, &text, &[]).ok()?;
    let point = study.points.first()?;
    let (plan, pipeline) = (&point.plan, point.plan.pipelines.first()?);
    let work = StageWork::of(plan, pipeline);
    let training = point.runs.first()?.keys.training_of(replicate);
    let iteration = training.and_then(|training| Checkpoints::iteration(folder, &training));
    let begun = modified(folder, names::LOCK);
    let written = |name: &str| running && modified(folder, name) >= begun && folder.join(name).is_file();
    let is_trained = pipeline.denoiser != DenoiserKind::Network || written(names::CONFIG);
    let (stage, within) = if written(names::METRICS) {
        (Stage::Diagnose, 0.0)
    } else if written(names::ISOTROPY) && is_trained {
        (Stage::Sample, 0.0)
    } else if written(names::ISOTROPY) || iteration.is_some() {
        (Stage::Train, iteration.unwrap_or(0) as f64 / plan.iterations.max(1) as f64)
    } else if work.get(Stage::Gaussianize) > 0.0 {
        (Stage::Gaussianize, 0.0)
    } else {
        (Stage::Data, 0.0)
    };
    let before: f64 = Stage::ALL.into_iter().take(stage as usize).map(|stage| work.get(stage)).sum();
    let done = before + within.min(1.0) * work.get(stage);
    Some(RunProgress { stage, part: if work.total() > 0.0 { done / work.total() } else { 0.0 } })
}

/// When a file of the folder was written last.
fn modified(folder: &Path, name: &str) -> Option<SystemTime> {
    std::fs::metadata(folder.join(name)).ok()?.modified().ok()
}
