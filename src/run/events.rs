//! What runs report while they are under way. Terminals, progress bars and JSON live elsewhere.

use super::stage::Stage;
use super::work::{Before, ExpectedRun};
use crate::store::{LossRow, MetricsRow, TrainingMetricsRow};

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Runs are about to be done.
    Begin {
        /// The sweep's keys.
        keys: &'a [String],
        /// The runs, in the order in which they are begun.
        runs: &'a [ExpectedRun<'a>],
        /// Runs of the study that were finished before.
        before: Before,
        /// How many go on at a time.
        side_by_side: usize,
    },
    /// A run enters a stage.
    Stage {
        /// Which run.
        run: &'a str,
        /// Which stage.
        stage: Stage,
        /// Its length, in units of the stage.
        total: u64,
        /// Units that were done before: those of a checkpoint.
        done: u64,
    },
    /// A stage goes on.
    Progress {
        /// Which run.
        run: &'a str,
        /// Which stage.
        stage: Stage,
        /// Units of the stage that are done.
        done: u64,
        /// The latest value of interest, by name.
        value: Option<(&'static str, f64)>,
    },
    /// A row of `loss.csv`; after a restart those before the checkpoint come again.
    Loss {
        /// Which run.
        run: &'a str,
        /// The row.
        row: &'a LossRow,
    },
    /// A row of `training_metrics.csv`; after a restart those before the checkpoint come again.
    TrainingMetrics {
        /// Which run.
        run: &'a str,
        /// The row.
        row: &'a TrainingMetricsRow,
    },
    /// A row of `metrics.csv`.
    Metrics {
        /// Which run.
        run: &'a str,
        /// The row.
        row: &'a MetricsRow,
    },
    /// A run is done.
    Finished {
        /// Which run.
        run: &'a str,
    },
    /// A run is over without being done.
    Failed {
        /// Which run.
        run: &'a str,
        /// Why.
        why: &'a str,
    },
    /// Something the user should know.
    Notice(&'a str),
}

/// Hears what happens; called from many threads.
pub trait Reporter: Sync {
    /// Takes note of an event.
    fn on(&self, event: Event);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Reporter for Quiet {
    fn on(&self, _: Event) {}
}
