//! How to run: device, threads, and a flag that stops everything. None of it changes a result.

use super::device::DeviceChoice;
use super::error::StageError;
use crate::numeric::trace::Trace;
use crate::store::sweep_values::KeyNames;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How to run an experiment; none of it changes a number in the results.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Output folder.
    pub out: PathBuf,
    /// Where networks live.
    pub device: DeviceChoice,
    /// Threads in all.
    pub threads: usize,
    /// Runs at a time.
    pub jobs: usize,
    /// Runs with networks of one shape that go through training and sampling in step, at most; `None` is 1 on the
    /// host and many elsewhere.
    pub batch_runs: Option<usize>,
    /// Overwrite results of another spec.
    pub force: bool,
    /// How the study's tables name the sweep's keys.
    pub key_names: KeyNames,
    /// Begin no new run after one has failed.
    pub fail_fast: bool,
    /// Time between two checkpoints of a training.
    pub checkpoint_every: Duration,
    /// Word to stop.
    pub interrupt: Interrupt,
    /// Where what each thread does is recorded.
    pub trace: Trace,
}

/// A flag that asks all runs to stop at their next safe point.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    flag: Arc<AtomicBool>,
    parent: Option<Arc<AtomicBool>>,
}

impl Interrupt {
    /// The flag itself, for a signal handler to set.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }

    /// A flag that is set with this one, and can be set without it.
    pub fn child(&self) -> Self {
        Self { flag: Arc::default(), parent: Some(self.flag()) }
    }

    /// Asks for a stop.
    pub fn set(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Whether a stop was asked for.
    pub fn is_set(&self) -> bool {
        let set = |flag: &Arc<AtomicBool>| flag.load(Ordering::Relaxed);
        set(&self.flag) || self.parent.as_ref().is_some_and(set)
    }

    /// Stops here if asked to.
    ///
    /// # Errors
    /// If a stop was asked for.
    pub fn check(&self) -> Result<(), StageError> {
        if self.is_set() { Err(StageError::Interrupted) } else { Ok(()) }
    }
}
