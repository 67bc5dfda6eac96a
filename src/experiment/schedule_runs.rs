//! All runs of an experiment: which are still to do, several at a time, and what comes of them together.

use super::assemble::{self, fresh_rows};
use super::context::RunOptions;
use super::error::{ExperimentError, StageError};
use super::files;
use super::observer::{Observer, Stage};
use super::pipeline::{Run, RunKey};
use super::provenance::Provenance;
use super::records::SummaryRow;
use super::replicate::Replicate;
use super::status::Status;
use crate::spec::Plan;
use candle_core::Device;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// The result of a finished experiment.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Output folder.
    pub out: PathBuf,
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

const SPEC: &str = "spec.toml";

/// Runs an experiment, or what is missing of it, and writes its files.
///
/// # Errors
/// If the folder holds another spec (unless forced), a run fails, a file cannot be written, or a stop was
/// asked for. Finished runs are kept in every case.
pub fn run(plan: &Plan, options: &RunOptions, observer: &dyn Observer) -> Result<Outcome, ExperimentError> {
    let clock = Instant::now();
    let device = options.device.open(&|text| observer.notice(text))?;
    let spec = plan.to_toml().map_err(|e| ExperimentError::Defect(format!("spec: {e}")))?;
    let out = &options.out;
    let same = claim_folder(out, &spec, options.force)?;
    let keys: Vec<RunKey> = (0..plan.replicates)
        .flat_map(|replicate| plan.pipelines.iter().map(move |&pipeline| RunKey { pipeline, replicate }))
        .collect();
    let folder = |key: &RunKey| out.join("runs").join(key.id());
    let missing: Vec<RunKey> = keys.iter().copied().filter(|k| !(same && is_done(&folder(k)))).collect();
    if missing.is_empty() && assemble::is_complete(out) {
        let summary = assemble::read_summary(out)?;
        return Ok(Outcome::AlreadyDone(Finished { out: out.clone(), summary, runs: statuses(&keys, folder)?, seconds: 0.0 }));
    }
    files::make_folder(&out.join("runs"))?;
    files::write(&out.join(SPEC), |w| w.write_all(spec.as_bytes()))?;

    let jobs = options.jobs.clamp(1, missing.len().max(1));
    let provenance = Provenance::begin(device_name(&device), options.threads, jobs);
    let replicates: Vec<OnceLock<Result<Replicate, StageError>>> =
        (0..plan.replicates).map(|_| OnceLock::new()).collect();
    let work = Work { plan, options, observer, device: &device, replicates: &replicates, spec: &spec };
    work.run_all(&missing, jobs, &folder)?;

    let fresh = fresh_rows(plan, &|r| work.replicate(r))?;
    let runs = statuses(&keys, folder)?;
    let summary = assemble::write_tables(out, &keys.iter().map(folder).collect::<Vec<_>>(), &runs, &fresh)?;
    let seconds = clock.elapsed().as_secs_f64();
    provenance.write(out, seconds, &runs)?;
    Ok(Outcome::Done(Finished { out: out.clone(), summary, runs, seconds }))
}

/// Makes sure that the folder is free, or holds this very spec: `true` if so. A forced folder is emptied
/// of what an experiment writes.
fn claim_folder(out: &Path, spec: &str, force: bool) -> Result<bool, ExperimentError> {
    let old = match std::fs::read_to_string(out.join(SPEC)) {
        Ok(old) => Some(old),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(e) => return Err(ExperimentError::Read { path: out.join(SPEC), reason: e.to_string() }),
    };
    match old {
        Some(old) if force || old != spec => {
            if !force {
                let difference = first_difference(&old, spec);
                return Err(ExperimentError::OtherSpec { folder: out.display().to_string(), difference });
            }
            for name in [SPEC, "runs", "metrics.csv", "loss.csv", "summary.csv", "provenance.json"] {
                files::remove(&out.join(name))?;
            }
            Ok(false)
        }
        Some(_) => Ok(true),
        None => Ok(false),
    }
}

/// The first line in which two specs differ, for the message.
fn first_difference(old: &str, new: &str) -> String {
    let mut lines = old.lines().zip(new.lines());
    match lines.find(|(a, b)| a != b) {
        Some((a, b)) => format!("there `{a}`, here `{b}`"),
        None => "one has more lines than the other".to_string(),
    }
}

fn is_done(folder: &Path) -> bool {
    Status::read(folder).is_some()
}

fn statuses(keys: &[RunKey], folder: impl Fn(&RunKey) -> PathBuf) -> Result<Vec<Status>, ExperimentError> {
    keys.iter()
        .map(|key| {
            let path = folder(key);
            Status::read(&path)
                .ok_or(ExperimentError::Read { path, reason: "the run is not finished".to_string() })
        })
        .collect()
}

fn device_name(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cpu => "cpu".to_string(),
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        candle_core::DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}

/// The runs still to do, shared by the threads that do them.
struct Work<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    observer: &'a dyn Observer,
    device: &'a Device,
    replicates: &'a [OnceLock<Result<Replicate, StageError>>],
    spec: &'a str,
}

impl Work<'_> {
    /// Does all runs, `jobs` at a time, each with its share of the threads. After a failure no new run begins.
    fn run_all(
        &self,
        keys: &[RunKey],
        jobs: usize,
        folder: &(dyn Fn(&RunKey) -> PathBuf + Sync),
    ) -> Result<(), ExperimentError> {
        let next = AtomicUsize::new(0);
        let failure: Mutex<Option<ExperimentError>> = Mutex::new(None);
        let fail = |error| {
            let mut first = failure.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(error);
            next.store(keys.len(), Ordering::SeqCst);
        };
        std::thread::scope(|scope| {
            for job in 0..jobs {
                let threads = (self.options.threads / jobs + usize::from(job < self.options.threads % jobs)).max(1);
                let (next, fail) = (&next, &fail);
                scope.spawn(move || {
                    let pool = match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
                        Ok(pool) => pool,
                        Err(e) => return fail(ExperimentError::Defect(format!("threads: {e}"))),
                    };
                    while let Some(key) = keys.get(next.fetch_add(1, Ordering::SeqCst)) {
                        let one = || pool.install(|| self.run_one(*key, &folder(key)));
                        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(one)) {
                            Ok(Ok(())) => {}
                            Ok(Err(error)) => return fail(error),
                            Err(_) => return fail(ExperimentError::Defect(key.id())),
                        }
                    }
                });
            }
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn run_one(&self, key: RunKey, folder: &Path) -> Result<(), ExperimentError> {
        if self.options.interrupt.is_set() {
            return Err(ExperimentError::Interrupted);
        }
        files::make_folder(folder)?;
        files::write(&folder.join(SPEC), |out| out.write_all(self.spec.as_bytes()))?;
        if self.replicates[key.replicate].get().is_none() {
            self.observer.stage(&key.id(), Stage::Data, 1);
        }
        let shared = self.replicate(key.replicate)?;
        let run = Run {
            key,
            plan: self.plan,
            shared,
            device: self.device,
            observer: self.observer,
            interrupt: &self.options.interrupt,
        };
        run.execute(folder).map(|_| ())
    }

    /// What the pipelines of a replicate share, prepared by whoever comes first.
    fn replicate(&self, index: usize) -> Result<&Replicate, ExperimentError> {
        self.replicates[index].get_or_init(|| Replicate::prepare(self.plan, index)).as_ref().map_err(|error| {
            ExperimentError::Data { replicate: index, reason: error.to_string() }
        })
    }
}
