//! What runs report while they are under way. Terminals, progress bars and JSON live elsewhere.

use crate::store::{LossRow, MetricsRow};

/// The stages of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Drawing data and preparing the reference points.
    Data,
    /// Fitting the space, counted in layers of the Gaussianizer.
    Gaussianize,
    /// Training, counted in iterations.
    Train,
    /// Sampling and scoring, counted in reverse steps.
    Sample,
    /// Diagnostics, counted in their tables.
    Diagnose,
}

impl Stage {
    /// The name used in messages and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Gaussianize => "gaussianize",
            Self::Train => "train",
            Self::Sample => "sample",
            Self::Diagnose => "diagnose",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// So many runs are about to be done.
    Begin {
        /// How many.
        runs: usize,
    },
    /// A run enters a stage.
    Stage {
        /// Which run.
        run: &'a str,
        /// Which stage.
        stage: Stage,
        /// Its length, in units of the stage.
        total: u64,
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
