//! All runs of a study: which are still to do, several at a time, and what comes of them together.

use super::assemble;
use super::context::RunOptions;
use super::error::{ExperimentError, StageError};
use super::files;
use super::lock::Lock;
use super::observer::{Observer, Stage};
use super::pipeline::Run;
use super::provenance::Provenance;
use super::records::{SummaryRow, read_summary};
use super::replicate::Replicate;
use super::runs::{PlannedRun, SPEC, planned};
use super::status::Status;
use crate::spec::{self, Plan, Study};
use candle_core::Device;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// The result of a finished study.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Output folder.
    pub out: PathBuf,
    /// The sweep's keys.
    pub keys: Vec<String>,
    /// The rows of `summary.csv`.
    pub summary: Vec<SummaryRow>,
    /// Status of each run.
    pub runs: Vec<Status>,
    /// Wall-clock seconds of this call.
    pub seconds: f64,
}

/// What a call of [`run`] did.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Everything was there already; nothing was written.
    AlreadyDone(Finished),
    /// The runs that were missing are now done.
    Done(Finished),
}

/// Runs a study, or what is missing of it, and writes its files.
///
/// # Errors
/// If the folder holds another spec (unless forced), a run fails, a file cannot be written, or a stop was
/// asked for. Finished runs are kept in every case.
pub fn run(study: &Study, options: &RunOptions, observer: &dyn Observer) -> Result<Outcome, ExperimentError> {
    let clock = Instant::now();
    let work = Work::new(options, observer, &study.keys)?;
    let out = &options.out;
    let unwritable = |e| ExperimentError::Defect(format!("spec: {e}"));
    let spec = study.to_toml().map_err(unwritable)?;
    let unchanged = claim_folder(out, study, &spec, options.force)?;
    let runs = planned(study, out)?;
    let missing: Vec<&PlannedRun> = runs.iter().filter(|run| run.finished().is_none()).collect();
    let finished = |summary, runs, seconds| {
        let (out, keys) = (out.clone(), study.keys.clone());
        Finished { out, keys, summary, runs, seconds }
    };
    if missing.is_empty() && unchanged && assemble::is_complete(out) {
        let summary = read_summary(&out.join(assemble::SUMMARY))?;
        return Ok(Outcome::AlreadyDone(finished(summary, statuses(&runs)?, 0.0)));
    }
    files::make_folder(&out.join("runs"))?;
    let _lock = Lock::exclusive(out)?;
    files::remove_leftovers(out)?;
    files::write(&out.join(SPEC), |w| w.write_all(spec.as_bytes()))?;

    let jobs = options.jobs.clamp(1, missing.len().max(1));
    let provenance = Provenance::begin(device_name(&work.device), options.threads, jobs);
    work.run_all(&missing, jobs)?;

    let statuses = statuses(&runs)?;
    let summary = assemble::write_tables(out, &study.keys, &pairs(&runs, &statuses))?;
    let finished = finished(summary, statuses, clock.elapsed().as_secs_f64());
    provenance.write(out, finished.seconds, &finished.runs)?;
    Ok(Outcome::Done(finished))
}

/// Makes sure that the folder is free or holds this study, or one that differs in its sweep, replicates
/// and pipelines only; whether the spec is the very same. A forced folder is emptied of what a study writes.
fn claim_folder(out: &Path, study: &Study, spec: &str, force: bool) -> Result<bool, ExperimentError> {
    let path = out.join(SPEC);
    let old = match std::fs::read_to_string(&path) {
        Ok(old) => old,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(false),
        Err(e) => return Err(ExperimentError::Read { path, reason: e.to_string() }),
    };
    if force {
        for name in [SPEC, "runs"].into_iter().chain(assemble::TABLES) {
            files::remove(&out.join(name))?;
        }
        return Ok(false);
    }
    let identity = |study: &Study| study.identity().unwrap_or_default();
    let old_identity = spec::read_text(SPEC, &old, &[]).map_or(old.clone(), |old| identity(&old));
    let new_identity = identity(study);
    if old_identity == new_identity {
        return Ok(old == spec);
    }
    let difference = first_difference(&old_identity, &new_identity);
    Err(ExperimentError::OtherSpec { folder: out.display().to_string(), difference })
}

/// The first line in which two specs differ, for the message.
fn first_difference(old: &str, new: &str) -> String {
    let mut lines = old.lines().zip(new.lines());
    match lines.find(|(a, b)| a != b) {
        Some((a, b)) => format!("there `{a}`, here `{b}`"),
        None => "one has more lines than the other".to_string(),
    }
}

/// Each run's folder with its status.
fn pairs<'a>(runs: &'a [PlannedRun], statuses: &'a [Status]) -> Vec<(&'a Path, &'a Status)> {
    runs.iter().map(|run| run.folder.as_path()).zip(statuses).collect()
}

fn statuses(runs: &[PlannedRun]) -> Result<Vec<Status>, ExperimentError> {
    let status = |run: &PlannedRun| {
        let unfinished = || ExperimentError::Read {
            path: run.folder.clone(),
            reason: "the run is not finished".to_string(),
        };
        run.finished().ok_or_else(unfinished)
    };
    runs.iter().map(status).collect()
}

fn device_name(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cpu => "cpu".to_string(),
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        candle_core::DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}

/// Data shared by runs, prepared by whoever comes first.
type Shared = Arc<OnceLock<Result<Replicate, StageError>>>;

/// The threads that do the runs, and what they share.
pub(crate) struct Work<'a> {
    options: &'a RunOptions,
    observer: &'a dyn Observer,
    device: Device,
    keys: &'a [String],
    /// By replicate and by everything that the data and their scores depend on.
    shared: Mutex<HashMap<(usize, String), Shared>>,
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
        Ok(Self { options, observer, device, keys, shared: Mutex::default() })
    }

    /// Does all runs, `jobs` at a time, each on a thread of its own; idle threads help. A run that fails says so in its
    /// folder; the others go on, unless the options say to stop at the first failure.
    pub(crate) fn run_all(&self, runs: &[&PlannedRun], jobs: usize) -> Result<(), ExperimentError> {
        self.observer.begin(runs.len());
        let next = AtomicUsize::new(0);
        let failures: Mutex<Vec<ExperimentError>> = Mutex::default();
        let fail = |error: ExperimentError| {
            if self.options.fail_fast || !error.is_of_one_run() {
                next.store(runs.len(), Ordering::SeqCst);
            }
            failures.lock().unwrap_or_else(PoisonError::into_inner).push(error);
        };
        // More threads than runs help whoever has work to share, and so does a thread with no run left.
        let threads = self.options.threads.max(jobs);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|e| ExperimentError::Defect(format!("threads: {e}")))?;
        let everyone = Barrier::new(threads);
        pool.broadcast(|worker| {
            // A thread that already helped another could begin its own runs within that work and hold it
            // up: so nobody begins before all are here.
            everyone.wait();
            if worker.index() >= jobs {
                return;
            }
            while let Some(run) = runs.get(next.fetch_add(1, Ordering::SeqCst)) {
                let one = || self.run_one(run);
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(one))
                    .unwrap_or_else(|_| Err(ExperimentError::Defect(run.label.run.clone())));
                if let Err(error) = outcome {
                    if error.is_of_one_run() {
                        // The failure itself is reported in any case.
                        let _ = Status::failed(&run.label, &error).write(&run.folder);
                        self.observer.notice(&error.to_string());
                    }
                    fail(error);
                }
            }
        });
        let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        // What stopped everything says more than the failure of one run.
        failures.sort_by_key(ExperimentError::is_of_one_run);
        let failed = failures.len();
        match failures.into_iter().next() {
            None => Ok(()),
            Some(first) if first.is_of_one_run() && runs.len() > 1 => {
                Err(ExperimentError::SomeFailed { failed, all: runs.len(), first: Box::new(first) })
            }
            Some(first) => Err(first),
        }
    }

    fn run_one(&self, run: &PlannedRun) -> Result<(), ExperimentError> {
        if self.options.interrupt.is_set() {
            return Err(ExperimentError::Interrupted);
        }
        let _lock = run.make_ready()?;
        self.observer.stage(&run.label.run, Stage::Data, 1);
        let shared = self.shared(run.plan, run.label.replicate)?;
        let shared = replicate(&shared, run.label.replicate)?;
        let run_with = Run {
            label: &run.label,
            keys: self.keys,
            pipeline: run.pipeline,
            plan: run.plan,
            shared,
            device: &self.device,
            observer: self.observer,
            interrupt: &self.options.interrupt,
            checkpoint_every: self.options.checkpoint_every,
            plain: run.plain_sibling(!self.keys.is_empty()),
        };
        run_with.execute(&run.folder)
    }

    /// What the runs of a replicate share, prepared if it is not yet.
    fn shared(&self, plan: &Plan, index: usize) -> Result<Shared, ExperimentError> {
        let key = plan.data_key().map_err(|e| ExperimentError::Defect(format!("spec: {e}")))?;
        let cell = Arc::clone(
            self.shared.lock().unwrap_or_else(PoisonError::into_inner).entry((index, key)).or_default(),
        );
        cell.get_or_init(|| Replicate::prepare(plan, index));
        Ok(cell)
    }
}

/// The prepared replicate, or why it could not be prepared.
fn replicate(shared: &Shared, index: usize) -> Result<&Replicate, ExperimentError> {
    match shared.get() {
        Some(Ok(replicate)) => Ok(replicate),
        Some(Err(error)) => Err(ExperimentError::Data { replicate: index, reason: error.to_string() }),
        None => Err(ExperimentError::Defect(format!("the data of replicate {index} are not prepared"))),
    }
}
