//! All runs of a study: which are still to do, and what comes of them together.

use super::assemble;
use super::context::RunOptions;
use super::error::{ExperimentError, RunFailure};
use super::files;
use super::lock::Lock;
use super::observer::Observer;
use super::provenance::Provenance;
use super::records::{SummaryRow, read_summary};
use super::runs::{PlannedRun, SPEC, planned};
use super::status::Status;
use super::work::Work;
use crate::spec::{self, Study};
use candle_core::Device;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The result of a study.
#[derive(Debug)]
pub struct Finished {
    /// Output folder.
    pub out: PathBuf,
    /// The sweep's keys.
    pub keys: Vec<String>,
    /// The rows of `summary.csv`.
    pub summary: Vec<SummaryRow>,
    /// Status of each run that is done.
    pub runs: Vec<Status>,
    /// The runs that failed.
    pub failures: Vec<RunFailure>,
    /// How many runs there are, done or not.
    pub all: usize,
    /// Wall-clock seconds of this call.
    pub seconds: f64,
}

/// What a call of [`run`] did.
#[derive(Debug)]
pub enum Outcome {
    /// Everything was there already; nothing was written.
    AlreadyDone(Finished),
    /// The runs that were missing are now done, but those that failed.
    Done(Finished),
}

/// Runs a study, or what is missing of it, and writes its tables from the runs that are done.
///
/// # Errors
/// If the folder holds another spec (unless forced), the only run fails, a file cannot be written, or a stop
/// was asked for. Finished runs are kept in every case.
pub fn run(study: &Study, options: &RunOptions, observer: &dyn Observer) -> Result<Outcome, ExperimentError> {
    let clock = Instant::now();
    let work = Work::new(options, observer, &study.keys)?;
    let out = &options.out;
    let spec = study.to_toml().map_err(|e| ExperimentError::Defect(format!("spec: {e}")))?;
    let runs = planned(study, out);
    let finished = |summary, statuses: Vec<Option<Status>>, failures, seconds| {
        let (out, keys, all) = (out.clone(), study.keys.clone(), statuses.len());
        Finished {
            out,
            keys,
            summary,
            runs: statuses.into_iter().flatten().collect(),
            failures,
            all,
            seconds,
        }
    };
    let statuses_now = || runs.iter().map(PlannedRun::finished).collect::<Vec<_>>();
    // What is finished needs no lock, so that it can be looked at in a folder that cannot be written.
    if !options.force && holds(out, study, &spec)? && assemble::is_complete(out) {
        let statuses = statuses_now();
        if statuses.iter().all(Option::is_some) {
            let (_, summary) = read_summary(&out.join(assemble::SUMMARY))?;
            return Ok(Outcome::AlreadyDone(finished(summary, statuses, Vec::new(), 0.0)));
        }
    }
    files::make_folder(out)?;
    let _lock = Lock::exclusive(out)?;
    if options.force {
        empty(out)?;
    } else {
        // Another process may have been here since.
        holds(out, study, &spec)?;
    }
    files::make_folder(&out.join("runs"))?;
    files::remove_leftovers(out)?;
    Provenance::remove(out)?;
    let mut statuses = statuses_now();
    files::write(&out.join(SPEC), |w| w.write_all(spec.as_bytes()))?;

    let missing: Vec<usize> = (0..runs.len()).filter(|&i| statuses[i].is_none()).collect();
    let jobs = options.jobs.clamp(1, missing.len().max(1));
    let provenance = Provenance::begin(device_name(work.device()), options.threads, jobs);
    let mut failures = work.run_all(&missing.iter().map(|&i| &runs[i]).collect::<Vec<_>>())?;
    for i in missing {
        statuses[i] = runs[i].finished();
    }
    let done: Vec<(&Path, &Status)> = runs
        .iter()
        .zip(&statuses)
        .filter_map(|(run, status)| Some((run.folder.as_path(), status.as_ref()?)))
        .collect();
    if done.is_empty() && failures.len() == 1 && runs.len() == 1 {
        return Err(failures.remove(0).error);
    }
    let summary = assemble::write_tables(out, &study.keys, &done)?;
    let finished = finished(summary, statuses, failures, clock.elapsed().as_secs_f64());
    provenance.write(out, finished.seconds, &finished.runs)?;
    Ok(Outcome::Done(finished))
}

/// Whether the folder holds this very study. One that differs in its sweep, replicates and pipelines only, or
/// none, is not this very one, but may become it.
///
/// # Errors
/// If it holds another one.
pub(crate) fn holds(out: &Path, study: &Study, spec: &str) -> Result<bool, ExperimentError> {
    let path = out.join(SPEC);
    let old = match std::fs::read_to_string(&path) {
        Ok(old) => old,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(false),
        Err(e) => return Err(ExperimentError::Read { path, reason: e.to_string() }),
    };
    if old == spec {
        return Ok(true);
    }
    let new = study.identity().unwrap_or_default();
    let old = spec::identity(&old);
    if old == new {
        return Ok(false);
    }
    let difference = first_difference(&old, &new);
    Err(ExperimentError::OtherSpec { folder: out.display().to_string(), difference })
}

/// Empties a folder of what a study writes.
fn empty(out: &Path) -> Result<(), ExperimentError> {
    let names = [SPEC, "runs", "figures", "report.html", "tensorboard"].into_iter().chain(assemble::TABLES);
    names.into_iter().try_for_each(|name| files::remove(&out.join(name)))
}

/// The first line in which two specs differ, for the message.
fn first_difference(old: &str, new: &str) -> String {
    let mut lines = old.lines().zip(new.lines());
    match lines.find(|(a, b)| a != b) {
        Some((a, b)) => format!("there `{a}`, here `{b}`"),
        None => "one has more lines than the other".to_string(),
    }
}

fn device_name(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cpu => "cpu".to_string(),
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        candle_core::DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}
