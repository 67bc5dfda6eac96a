//! Runs side by side: the threads that do them, and what becomes of those that fail.

use super::context::{Interrupt, RunOptions};
use super::error::{ExperimentError, RunFailure};
use super::lock::Lock;
use super::observer::{Observer, Stage};
use super::pipeline::Run;
use super::runs::PlannedRun;
use super::shared_data::{Prepared, SharedData};
use super::status::Status;
use super::together::{execute, together};
use crate::spec::Pipeline;
use candle_core::Device;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};

/// Runs in step where the device is no host and nobody said how many.
const BATCH_RUNS: usize = 64;

/// A run and its place in the list of all.
type Placed<'r> = (usize, &'r PlannedRun<'r>);

/// Does runs, several at a time.
pub(crate) struct Work<'a> {
    options: &'a RunOptions,
    observer: &'a dyn Observer,
    device: Device,
    keys: &'a [String],
    /// Word from outside to stop, or from a run whose end stops the others.
    interrupt: Interrupt,
}

/// How a list of runs ended.
#[derive(Default)]
struct Ends {
    /// What stopped everything.
    stop: Option<ExperimentError>,
    /// The runs that failed, by their place.
    failures: Vec<(usize, RunFailure)>,
}

impl<'a> Work<'a> {
    /// Opens the device; nothing runs yet.
    ///
    /// # Errors
    /// If the device is not there.
    pub(crate) fn new(
        options: &'a RunOptions,
        observer: &'a dyn Observer,
        keys: &'a [String],
    ) -> Result<Self, ExperimentError> {
        let device = options.device.open(&|text| observer.notice(text))?;
        Ok(Self { options, observer, device, keys, interrupt: options.interrupt.child() })
    }

    /// Where the networks live.
    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Does all runs, as many at a time as the options say, each on a thread of its own; returns those
    /// that failed, in their order. A run that fails says so in its folder; the others go on, unless the
    /// options say to stop at the first failure.
    ///
    /// # Errors
    /// What stops everything: a file that cannot be written, threads that cannot be had, word to stop. Runs under
    /// way then stop at their next safe point.
    pub(crate) fn run_all(&self, runs: &[&PlannedRun]) -> Result<Vec<RunFailure>, ExperimentError> {
        let shared = SharedData::new(runs, self.device.clone())?;
        let groups = self.groups(shared.order().into_iter().map(|place| (place, runs[place])))?;
        let jobs = self.options.jobs.clamp(1, groups.len().max(1));
        self.observer.begin(runs.len());
        let next = AtomicUsize::new(0);
        let ends = Mutex::new(Ends::default());
        let halt = || {
            next.store(groups.len(), Ordering::SeqCst);
            self.interrupt.set();
        };
        let stop = |error: ExperimentError| {
            halt();
            ends.lock().unwrap_or_else(PoisonError::into_inner).stop.get_or_insert(error);
        };
        let end = |(place, run): Placed, error: ExperimentError| {
            if !error.is_of_one_run() {
                return stop(error);
            }
            let failure = self.fail(run, error);
            ends.lock().unwrap_or_else(PoisonError::into_inner).failures.push((place, failure));
            if self.options.fail_fast {
                halt();
            }
        };
        let work = || {
            while let Some(group) = groups.get(next.fetch_add(1, Ordering::SeqCst)) {
                let all = || self.run_group(group, &shared);
                let outcomes = std::panic::catch_unwind(std::panic::AssertUnwindSafe(all));
                let broken = |(_, run): &Placed| Err(ExperimentError::Defect(run.label.run.clone()));
                let outcomes = outcomes.unwrap_or_else(|_| group.iter().map(broken).collect());
                for (&placed, outcome) in group.iter().zip(outcomes) {
                    shared.release(placed.0);
                    outcome.unwrap_or_else(|error| end(placed, error));
                }
            }
        };
        // Threads beyond the jobs help whoever has work to share, and so does a thread with no run left.
        let threads = self.options.threads.max(jobs);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|e| ExperimentError::Threads(e.to_string()))?;
        let everyone = Barrier::new(threads);
        pool.broadcast(|thread| {
            // A thread that helps another before its own runs begin could begin them within that help, and hold
            // the other up: so nobody begins before all are here.
            everyone.wait();
            if thread.index() < jobs {
                work();
            }
        });
        let mut ends = ends.into_inner().unwrap_or_else(PoisonError::into_inner);
        ends.failures.sort_by_key(|(place, _)| *place);
        let failures = ends.failures.into_iter().map(|(_, failure)| failure).collect();
        match ends.stop {
            Some(ExperimentError::Interrupted) if !self.options.interrupt.is_set() => Ok(failures),
            Some(error) => Err(error),
            None => Ok(failures),
        }
    }

    /// Runs that go through training and sampling in step: at most so many as the options say, with networks
    /// and samplings of one shape. Controls come after the runs whose networks they use.
    fn groups<'r>(
        &self,
        runs: impl Iterator<Item = Placed<'r>>,
    ) -> Result<Vec<Vec<Placed<'r>>>, ExperimentError> {
        let on_host = self.device.is_cpu();
        let most = self.options.batch_runs.unwrap_or(if on_host { 1 } else { BATCH_RUNS });
        if most < 2 {
            return Ok(runs.map(|placed| vec![placed]).collect());
        }
        let mut groups: Vec<(String, Vec<Placed>)> = Vec::new();
        for placed in runs {
            let (_, run) = placed;
            let key = run.plan.stack_key().map_err(|e| ExperimentError::Defect(format!("spec: {e}")))?;
            let open = |(other, group): &&mut (String, Vec<Placed>)| group.len() < most && *other == key;
            match groups.iter_mut().rev().find(open) {
                Some((_, group)) if run.pipeline != Pipeline::Exact => group.push(placed),
                _ if run.pipeline == Pipeline::Exact => groups.push((String::new(), vec![placed])),
                _ => groups.push((key, vec![placed])),
            }
        }
        Ok(groups.into_iter().map(|(_, group)| group).collect())
    }

    /// Does runs in step; the result of each.
    fn run_group(&self, group: &[Placed], shared: &SharedData) -> Vec<Result<(), ExperimentError>> {
        let ready: Vec<_> = group.iter().map(|placed| self.make_ready(*placed, shared)).collect();
        together(ready, |ready| {
            let runs = ready.iter().map(|ready| ready.run(self)).collect();
            together(runs, execute)
        })
    }

    /// Locks a run's folder and prepares its data.
    fn make_ready<'r>(
        &self,
        (place, run): Placed<'r>,
        shared: &SharedData,
    ) -> Result<Ready<'r>, ExperimentError> {
        if self.interrupt.is_set() {
            return Err(ExperimentError::Interrupted);
        }
        let lock = run.make_ready()?;
        self.observer.stage(&run.label.run, Stage::Data, 1);
        Ok(Ready { run, _lock: lock, data: shared.prepare(place, run.plan, run.label.replicate) })
    }

    /// Writes the failure into the run's folder, unless another process is at work there, and tells of it.
    fn fail(&self, run: &PlannedRun, error: ExperimentError) -> RunFailure {
        if !matches!(error, ExperimentError::Locked { .. }) {
            // The failure itself is reported in any case.
            let _ = Status::failed(&run.label, &error).write(&run.folder);
        }
        self.observer.failed(&run.label.run, &error.to_string());
        RunFailure { run: run.label.run.clone(), error }
    }
}

/// A run with its folder and data.
struct Ready<'r> {
    run: &'r PlannedRun<'r>,
    _lock: Lock,
    data: Prepared,
}

impl<'r> Ready<'r> {
    fn run<'s>(&'s self, work: &'s Work) -> Result<(Run<'s>, &'s Path), ExperimentError> {
        let Self { run, data, .. } = self;
        let run_with = Run {
            label: &run.label,
            keys: work.keys,
            pipeline: run.pipeline,
            plan: run.plan,
            shared: data.replicate(run.label.replicate)?,
            device: &work.device,
            observer: work.observer,
            interrupt: &work.interrupt,
            checkpoint_every: work.options.checkpoint_every,
            plain: run.plain_sibling(!work.keys.is_empty()),
        };
        Ok((run_with, &run.folder))
    }
}
