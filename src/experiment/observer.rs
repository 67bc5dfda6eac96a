//! What a run tells while it is under way. Terminals, progress bars and JSON live elsewhere.

use super::records::{LossRow, MetricsRow};

/// The stages of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Drawing data and preparing the reference points.
    Data,
    /// Fitting the Gaussianizer, counted in layers.
    Gaussianize,
    /// Training, counted in iterations.
    Train,
    /// Sampling and scoring, counted in reverse steps.
    Sample,
}

impl Stage {
    /// The name used in messages and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Gaussianize => "gaussianize",
            Self::Train => "train",
            Self::Sample => "sample",
        }
    }
}

/// Hears how runs get on; called from many threads.
pub trait Observer: Sync {
    /// So many runs are about to be done.
    fn begin(&self, runs: usize);
    /// A run enters a stage of `total` units.
    fn stage(&self, run: &str, stage: Stage, total: u64);
    /// `done` units of the stage are behind it; `value` is its latest figure of interest, by name.
    fn progress(&self, run: &str, stage: Stage, done: u64, value: Option<(&'static str, f64)>);
    /// A row of `loss.csv`; after a restart those before the checkpoint come again.
    fn loss(&self, _run: &str, _row: &LossRow) {}
    /// A row of `metrics.csv`.
    fn metrics(&self, _run: &str, _row: &MetricsRow) {}
    /// A run is done.
    fn finished(&self, run: &str);
    /// A run is over without being done.
    fn failed(&self, run: &str, why: &str);
    /// Something the user should know.
    fn notice(&self, text: &str);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Observer for Quiet {
    fn begin(&self, _: usize) {}
    fn stage(&self, _: &str, _: Stage, _: u64) {}
    fn progress(&self, _: &str, _: Stage, _: u64, _: Option<(&'static str, f64)>) {}
    fn finished(&self, _: &str) {}
    fn failed(&self, _: &str, _: &str) {}
    fn notice(&self, _: &str) {}
}
