//! Runs side by side: which are ready, the threads that do them, and what becomes of those that fail.

use super::error::{RunFailure, StudyError};
use super::planned::PlannedRun;
use super::queue::{Next, Queue, Work};
use super::shared_stages::{StudyStages, order};
use super::side_by_side::{Load, jobs_that_fit};
use super::work::expected;
use crate::diffusion::lockstep::{Lockstep, Member};
use crate::numeric::memory;
use crate::run::{Before, Event, Interrupt, Reporter, Run, RunError, RunOptions, Stage};
use crate::store::{RunFolder, Status, StoreError};
use candle_core::Device;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::Duration;

/// Runs in lockstep on a device other than the host, where the options name no number.
const IN_LOCKSTEP: usize = 64;

/// How often a thread that waits for a training, and has nothing to help with, checks whether the training is over.
const WAIT: Duration = Duration::from_millis(1);

/// Does runs, several at a time.
pub struct Scheduler<'a> {
    options: &'a RunOptions,
    reporter: &'a dyn Reporter,
    device: Device,
    sweep_keys: &'a [String],
    /// A request to stop, from outside or from a run whose failure stops the others.
    interrupt: Interrupt,
}

/// How a list of runs ended.
#[derive(Default)]
struct Ends {
    /// What stopped everything.
    stop: Option<RunError>,
    /// The runs that failed, by their index.
    failures: Vec<(usize, RunFailure)>,
}

impl<'a> Scheduler<'a> {
    /// Opens the device; nothing runs yet.
    ///
    /// # Errors
    /// If the device is not there.
    pub fn new(
        options: &'a RunOptions,
        reporter: &'a dyn Reporter,
        sweep_keys: &'a [String],
    ) -> Result<Self, StudyError> {
        let device = options.device.open(&|text| reporter.on(Event::Notice(text)))?;
        Ok(Self { options, reporter, device, sweep_keys, interrupt: options.interrupt.child() })
    }

    /// Where the networks live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Does all runs, as many at a time as the options say, each on a thread of its own; returns those that failed, in
    /// their order. A run that fails says so in its folder; the others go on, unless the options say to stop at the
    /// first failure. `finished` are runs that are done already: their stages are taken over where the keys agree; `before`
    /// is what is said of them.
    ///
    /// # Errors
    /// What stops everything: a file that cannot be written, threads that cannot be had, a request to stop. Runs that
    /// have begun then stop at their next safe point.
    pub fn run_all<'r>(
        &self,
        runs: &[&PlannedRun],
        finished: impl IntoIterator<Item = (&'r Path, &'r Status)>,
        before: Before,
    ) -> Result<Vec<RunFailure>, StudyError> {
        let stages = StudyStages::new(runs, finished, self.device.clone());
        let work = |index: usize| Work {
            run: index,
            training: training(runs[index], &stages),
            shape: self.shape(runs[index]),
        };
        let order = order(runs);
        let jobs = self.jobs(&order, runs);
        let expected = expected(order.iter().map(|&index| runs[index]), |key, replicate| {
            stages.can_lend(key, replicate)
        });
        let queue = Queue::new(order.into_iter().map(work), self.in_lockstep());
        let side_by_side = jobs * self.in_lockstep().max(1);
        self.reporter.on(Event::Begin { keys: self.sweep_keys, runs: &expected, before, side_by_side });
        let ends = Mutex::new(Ends::default());
        let halt = || {
            queue.stop();
            self.interrupt.set();
        };
        let end = |index: usize, error: RunError| {
            let mut ends = ends.lock().unwrap_or_else(PoisonError::into_inner);
            if !error.is_of_one_run() {
                ends.stop.get_or_insert(error);
                return halt();
            }
            ends.failures.push((index, self.fail(runs[index], error)));
            if self.options.fail_fast {
                halt();
            }
        };
        let trace = &self.options.trace;
        let work = || {
            let mut waiting = None;
            loop {
                match queue.next() {
                    Next::Runs(group) => {
                        drop(waiting.take());
                        for (index, outcome) in self.execute_group(&group, runs, &stages) {
                            stages.release(index);
                            let done = outcome.is_ok();
                            match outcome {
                                Ok(status) => stages.add_finished(&runs[index].folder, &status),
                                Err(error) => end(index, error),
                            }
                            queue.over(index, done);
                        }
                    }
                    Next::Wait => {
                        waiting = waiting.or_else(|| trace.span("thread", "wait for a training"));
                        match rayon::yield_now() {
                            Some(rayon::Yield::Executed) => {}
                            _ => std::thread::sleep(WAIT),
                        }
                    }
                    Next::Nothing => break,
                }
            }
        };
        self.on_threads(jobs, &work)?;
        let mut ends = ends.into_inner().unwrap_or_else(PoisonError::into_inner);
        ends.failures.sort_by_key(|(index, _)| *index);
        let failures = ends.failures.into_iter().map(|(_, failure)| failure).collect();
        match ends.stop {
            Some(RunError::Interrupted) if !self.options.interrupt.is_set() => Ok(failures),
            Some(error) => Err(error.into()),
            None => Ok(failures),
        }
    }

    /// Runs, or groups of runs in lockstep, at a time: as many as the options say and the memory holds.
    fn jobs(&self, order: &[usize], runs: &[&PlannedRun]) -> usize {
        let loads: Vec<Load> = order.iter().map(|&index| Load::of(runs[index])).collect();
        // Points of runs in lockstep are on the host, so each counts.
        let group = self.in_lockstep().max(1);
        let asked = self.options.jobs.clamp(1, runs.len().max(1));
        let (fit, sentence) = jobs_that_fit(&loads, asked.saturating_mul(group), memory::available());
        let Some(sentence) = sentence else { return asked };
        self.reporter.on(Event::Notice(&sentence));
        (fit / group).clamp(1, asked)
    }

    /// Calls `work` on as many threads as runs may go on at a time. Threads beyond those help whoever has work to
    /// share, and so does a thread with no run left.
    fn on_threads(&self, jobs: usize, work: &(impl Fn() + Sync)) -> Result<(), StudyError> {
        let threads = self.options.threads.max(jobs);
        if self.in_lockstep() > 1 {
            // Runs in lockstep are on threads outside of the pool below; what they compute on the host goes to the
            // process's own pool, which keeps its size if it has one already.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        }
        let pool = pool(threads)?;
        let everyone = Barrier::new(threads);
        let trace = &self.options.trace;
        let begun = pool.broadcast(|thread| {
            let begun = trace.now();
            // A thread that helps another before its own runs begin could begin them within the other's work and delay
            // it. Therefore no thread begins before all have started.
            everyone.wait();
            if thread.index() < jobs {
                work();
            }
            begun
        });
        if trace.is_recording() {
            // After its last run a thread helps the others, which it is not asked about; so it ends here.
            pool.broadcast(|thread| {
                if let Some(begun) = begun[thread.index()] {
                    trace.since(begun, "thread", "thread");
                }
            });
        }
        Ok(())
    }

    /// Does runs in lockstep, each on a thread of its own; a single one on this thread.
    fn execute_group(
        &self,
        group: &[usize],
        runs: &[&PlannedRun],
        stages: &StudyStages,
    ) -> Vec<(usize, Result<Status, RunError>)> {
        let lockstep = Lockstep::new(group.len());
        let execute = |index: usize, member: Member| {
            let run = AssertUnwindSafe(|| self.execute(index, runs[index], stages, member));
            let broken = |_| Err(RunError::Defect(runs[index].label.run.clone()));
            (index, catch_unwind(run).unwrap_or_else(broken))
        };
        let members = group.iter().copied().zip(lockstep.members());
        if group.len() == 1 {
            return members.map(|(index, member)| execute(index, member)).collect();
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                members.map(|(index, member)| scope.spawn(move || execute(index, member))).collect();
            let join =
                |thread: std::thread::ScopedJoinHandle<_>| thread.join().expect("a panic was caught within");
            threads.into_iter().map(join).collect()
        })
    }

    /// Runs that go in lockstep at most.
    fn in_lockstep(&self) -> usize {
        let usual = if self.device.is_cpu() { 1 } else { IN_LOCKSTEP };
        self.options.batch_runs.unwrap_or(usual)
    }

    /// What runs that can go in lockstep have in common; none for a run that asks no network.
    fn shape(&self, run: &PlannedRun) -> Option<String> {
        (self.in_lockstep() > 1 && run.pipeline.is_trained()).then(|| run.plan.lockstep_key())
    }

    /// Does one run: locks its folder, prepares its data, and goes through its stages.
    fn execute(
        &self,
        index: usize,
        run: &PlannedRun,
        stages: &StudyStages,
        lockstep: Member,
    ) -> Result<Status, RunError> {
        if self.interrupt.is_set() {
            return Err(RunError::Interrupted);
        }
        let trace = self.options.trace.of_run(&run.label.run);
        let _span = trace.named_span("run", || run.label.run.clone().into());
        let training = run.keys.training_of(run.label.replicate);
        let earlier =
            Status::read_done(&run.folder).filter(|status| status.label.replicate == run.label.replicate);
        let folder = RunFolder::open(&run.folder, &run.spec, training.as_deref())?;
        let name = &run.label.run;
        self.reporter.on(Event::Stage { run: name, stage: Stage::Data, total: 1, done: 0 });
        let span = trace.span("stage", Stage::Data.name());
        let replicate = stages.replicate(index, run)?;
        drop(span);
        let run = Run {
            label: &run.label,
            sweep_keys: self.sweep_keys,
            pipeline: run.pipeline,
            plan: run.plan,
            keys: &run.keys,
            folder,
            replicate: &replicate,
            stages: &stages.of_run(index, earlier.map(|status| (run.folder.clone(), status))),
            lockstep,
            device: &self.device,
            reporter: self.reporter,
            interrupt: &self.interrupt,
            checkpoint_every: self.options.checkpoint_every,
            trace,
        };
        run.execute()
    }

    /// Writes the failure into the run's folder, unless another process is at work there, and reports it.
    fn fail(&self, run: &PlannedRun, error: RunError) -> RunFailure {
        if !matches!(error, RunError::Store(StoreError::Locked { .. })) {
            // The failure itself is reported in any case.
            let _ = Status::failed(&run.label, &error).write(&run.folder);
        }
        self.reporter.on(Event::Failed { run: &run.label.run, why: &error.to_string() });
        RunFailure { run: run.label.run.clone(), error }
    }
}

/// So many threads.
///
/// # Errors
/// If they cannot be had.
pub(super) fn pool(threads: usize) -> Result<rayon::ThreadPool, StudyError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|e| StudyError::Threads(e.to_string()))
}

/// What a run trains, if it cannot take the network over from a run that is done.
fn training(run: &PlannedRun, stages: &StudyStages) -> Option<(String, usize)> {
    let key = run.keys.training.as_ref()?;
    let replicate = run.label.replicate;
    (!stages.can_lend(key, replicate)).then(|| (key.clone(), replicate))
}
