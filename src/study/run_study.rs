//! All runs of a study: which are still to do, and the tables that are made of them.

use super::changed_tables::refuse_changed_table;
use super::clear::clear;
use super::error::{RunFailure, StudyError};
use super::frozen_plan::FrozenStudy;
use super::held::{Held, holds, write_spec};
use super::mark::refuse_foreign;
use super::old_folders;
use super::planned::{self, PlannedRun, planned};
use super::provenance::Provenance;
use super::renamed_runs;
use super::scheduler::{Scheduler, pool};
use super::tables::Tables;
use super::work::before;
use crate::run::{Event, Reporter, RunOptions};
use crate::spec::Study;
use crate::store::leftovers::remove_leftovers;
use crate::store::run_folder::check_files;
use crate::store::summary::read_summary;
use crate::store::sweep_values::by_name;
use crate::store::{Lock, Status, StoreError, SummaryRow, atomic, names};
use candle_core::{Device, DeviceLocation};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use std::collections::HashSet;
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
    /// Status of each run that is done, under the sweep values of this study.
    pub runs: Vec<Status>,
    /// The runs that failed.
    pub failures: Vec<RunFailure>,
    /// How many runs there are, done or not.
    pub all: usize,
    /// Wall-clock seconds of this call.
    pub seconds: f64,
}

/// What a call of [`run_study`] did.
#[derive(Debug)]
pub enum Outcome {
    /// Everything was there already; nothing was written.
    AlreadyDone(Finished),
    /// The runs that were missing are now done, except those that failed.
    Done(Finished),
}

/// Runs a study, or what is missing of it, and writes its tables from the runs that are done.
///
/// # Errors
/// If the folder holds another spec (unless forced), the only run fails, a file cannot be written, or a stop
/// was asked for. Finished runs are kept in every case.
pub fn run_study(
    study: &Study,
    options: &RunOptions,
    reporter: &dyn Reporter,
) -> Result<Outcome, StudyError> {
    let clock = Instant::now();
    study.check_memory().map_err(StudyError::Spec)?;
    let scheduler = Scheduler::new(options, reporter, &study.keys)?;
    let out = &options.out;
    let columns = options.key_names.columns(&study.keys).map_err(StudyError::one_column)?;
    let runs = planned(study, out);
    // What is finished needs no lock, so that it can be looked at in a folder that cannot be written.
    if !options.force
        && holds(out, study)? == Held::Same
        && Tables::are_whole(out)
        && let Ok((keys, mut summary)) = read_summary(&out.join(names::SUMMARY))
        && Tables::are_named(&keys, &columns)
        && let Some(statuses) = all_finished(&runs, options)?
    {
        summary.iter_mut().for_each(|row| row.values = by_name(&row.values, &keys, &study.keys));
        let statuses = statuses.into_iter().map(Some).collect();
        return Ok(Outcome::AlreadyDone(result(study, out, summary, statuses, Vec::new(), 0.0)));
    }
    atomic::make_folder(out)?;
    refuse_foreign(out, options.force)?;
    let _lock = Lock::exclusive(out)?;
    // Another process may have been here since.
    let held = match holds(out, study) {
        Err(_) if options.force => Held::Nothing,
        held => held?,
    };
    if held != Held::Nothing && !options.force {
        refuse_changed_table(study, out, &runs)?;
    }
    if options.force {
        say_what_is_left(reporter, &clear(out)?);
    }
    atomic::make_folder(&out.join(names::RUNS))?;
    remove_leftovers(out)?;
    Provenance::remove(out)?;
    let adopted = old_folders::adopt(out, &runs)?;
    let renamed = if held == Held::Nothing { 0 } else { renamed_runs::rename(out, &runs)? };
    let mut statuses = statuses(&runs, options, reporter)?;
    if held != Held::Nothing && !options.force {
        say_what_is_kept(reporter, out, adopted, &statuses);
        let missing = runs.iter().zip(&statuses).filter(|(_, status)| status.is_none());
        let missing: Vec<&PlannedRun> = missing.map(|(run, _)| run).collect();
        let reasons = old_folders::why_again(out, &study.keys, &missing);
        reasons.iter().for_each(|reason| reporter.on(Event::Notice(reason)));
    }
    if adopted + renamed > 0 && FrozenStudy::is_in(out) {
        FrozenStudy::rename_runs(study, out)?;
    }
    // A spec file of the same meaning stays as it is: it may be the user's own.
    if held != Held::Same {
        write_spec(out, study)?.iter().for_each(|notice| reporter.on(Event::Notice(notice)));
    }

    // Several points of a sweep may ask for the same run; it is done once.
    let mut seen = HashSet::new();
    let missing: Vec<usize> = (0..runs.len()).filter(|&i| statuses[i].is_none()).collect();
    let todo: Vec<&PlannedRun> =
        missing.iter().map(|&i| &runs[i]).filter(|run| seen.insert(run.folder.as_path())).collect();
    let jobs = options.jobs.clamp(1, todo.len().max(1));
    let provenance = Provenance::begin(device_name(scheduler.device()), options.threads, jobs);
    let kept: Vec<&PlannedRun> = (0..runs.len())
        .filter(|&i| statuses[i].is_some() && seen.insert(runs[i].folder.as_path()))
        .map(|i| &runs[i])
        .collect();
    let mut failures = scheduler.run_all(&todo, done(&runs, &statuses), before(kept))?;
    for i in missing {
        statuses[i] = finished_as_labelled(&runs[i]);
    }
    let done: Vec<(&Path, &Status)> = done(&runs, &statuses).collect();
    if done.is_empty() && failures.len() == 1 && runs.len() == 1 {
        return Err(failures.remove(0).error.into());
    }
    say_what_is_left_out(reporter, out, &runs, done.len());
    let tables = pool(options.threads)?.install(|| Tables::write(out, (&study.keys, &columns), &done))?;
    let seconds = clock.elapsed().as_secs_f64();
    provenance.write(out, seconds, done.iter().map(|(_, status)| *status), &tables.digests)?;
    Ok(Outcome::Done(result(study, out, tables.summary, statuses, failures, seconds)))
}

fn result(
    study: &Study,
    out: &Path,
    summary: Vec<SummaryRow>,
    statuses: Vec<Option<Status>>,
    failures: Vec<RunFailure>,
    seconds: f64,
) -> Finished {
    Finished {
        out: out.to_path_buf(),
        keys: study.keys.clone(),
        summary,
        all: statuses.len(),
        runs: statuses.into_iter().flatten().collect(),
        failures,
        seconds,
    }
}

/// The status of a finished run under the label that the study gives it now: its sweep may have gained an axis since.
pub fn finished_as_labelled(run: &PlannedRun) -> Option<Status> {
    run.finished().map(|status| Status { label: run.label.clone(), ..status })
}

/// What the folder holds of a run: nothing, its status, or why its files are not what it wrote.
type Found = Option<Result<Status, StoreError>>;

/// What the folder holds of each run, looked at on all threads: the status of one that is finished once its files are
/// found to be what it wrote.
///
/// # Errors
/// If threads cannot be had.
fn look_through(runs: &[PlannedRun], options: &RunOptions) -> Result<Vec<Found>, StudyError> {
    let look = |run: &PlannedRun| {
        let status = finished_as_labelled(run)?;
        Some(check_files(&run.folder, &status).map(|()| status))
    };
    Ok(pool(options.threads)?.install(|| runs.par_iter().map(look).collect()))
}

/// The status of each run, if all are finished and their files are what they wrote. The files are read only where no run
/// is missing.
///
/// # Errors
/// If threads cannot be had.
fn all_finished(runs: &[PlannedRun], options: &RunOptions) -> Result<Option<Vec<Status>>, StudyError> {
    if !runs.iter().all(|run| run.folder.join(names::STATUS).is_file()) {
        return Ok(None);
    }
    let found = look_through(runs, options)?;
    Ok(found.into_iter().map(|found| found.and_then(Result::ok)).collect())
}

/// The status of each run that is finished and whose files are what it wrote; a damaged run is reported, and counts as
/// not done.
///
/// # Errors
/// If threads cannot be had.
fn statuses(
    runs: &[PlannedRun],
    options: &RunOptions,
    reporter: &dyn Reporter,
) -> Result<Vec<Option<Status>>, StudyError> {
    let say = |(run, found): (&PlannedRun, Found)| {
        let damaged = |error: &StoreError| {
            let name = &run.label.run;
            reporter.on(Event::Notice(&format!("{name} is computed again: {}", error.reason())));
        };
        found.and_then(|found| found.inspect_err(damaged).ok())
    };
    Ok(runs.iter().zip(look_through(runs, options)?).map(say).collect())
}

/// Folder and status of the runs that are done.
fn done<'a>(
    runs: &'a [PlannedRun],
    statuses: &'a [Option<Status>],
) -> impl Iterator<Item = (&'a Path, &'a Status)> {
    runs.iter().zip(statuses).filter_map(|(run, status)| Some((run.folder.as_path(), status.as_ref()?)))
}

/// Says which runs a folder with earlier results keeps, and which are computed again.
fn say_what_is_kept(reporter: &dyn Reporter, out: &Path, adopted: usize, statuses: &[Option<Status>]) {
    let kept = statuses.iter().flatten().count();
    let (all, out) = (statuses.len(), out.display());
    if adopted > 0 {
        reporter.on(Event::Notice(&format!(
            "{out} was written by an earlier version of gdiff: {adopted} of its finished runs are the same runs today and are kept"
        )));
    } else if kept > 0 && kept < all {
        reporter.on(Event::Notice(&format!("{out} has {kept} of {all} runs already; they are kept")));
    }
}

/// Says which files stay in a folder that is emptied.
fn say_what_is_left(reporter: &dyn Reporter, left: &[PathBuf]) {
    if let Some(first) = left.first() {
        let more = match left.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        reporter.on(Event::Notice(&format!(
            "{}{more} stay where they are: nothing shows that gdiff wrote them",
            first.display()
        )));
    }
}

/// Says how many runs of the folder its tables leave out, because this study does not ask for them.
fn say_what_is_left_out(reporter: &dyn Reporter, out: &Path, runs: &[PlannedRun], done: usize) {
    let asked_for: HashSet<&str> = runs.iter().map(|run| run.label.run.as_str()).collect();
    let others = planned::run_folders(out).into_iter().filter(|name| !asked_for.contains(name.as_str()));
    let others = others.filter(|name| Status::read_done(&planned::folder(out, name)).is_some()).count();
    if others > 0 {
        let (all, out) = (done + others, out.display());
        reporter.on(Event::Notice(&format!(
            "the tables of {out} now hold {done} of {all} runs; the other {others} are kept, and `gdiff ls --all {out}` shows them"
        )));
    }
}

fn device_name(device: &Device) -> String {
    match device.location() {
        DeviceLocation::Cpu => "cpu".to_string(),
        DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
        DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
    }
}
