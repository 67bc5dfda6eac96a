//! Submitting what is not done as Slurm job arrays, and reading Slurm's view of them.

use super::{Engine, Submission, SubmitOptions, Submitted};
use crate::store::leftovers::remove_leftovers;
use crate::store::{atomic, names};
use crate::study::error::StudyError;
use crate::study::frozen_plan::FrozenStudy;
use crate::study::index_list::index_list;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::process::Command;

/// Slurm's own default of `MaxArraySize`, where `scontrol` does not give one.
const MAX_ARRAY_SIZE: usize = 1001;

/// Slurm's job arrays.
pub struct Slurm;

impl Engine for Slurm {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn submit(&self, out: &Path, options: &SubmitOptions) -> Result<Submitted, StudyError> {
        submit(out, options)
    }

    fn queue_lines(&self, out: &Path) -> Vec<String> {
        queue_lines(out)
    }
}

/// A submitted array: task `i` does the runs from `(offset + i) * per_task`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Job {
    job: String,
    offset: usize,
    per_task: usize,
}

impl Job {
    /// The runs of a task of a study with `count` runs.
    fn runs(&self, task: usize, count: usize) -> Range<usize> {
        let first = self.offset.saturating_add(task).saturating_mul(self.per_task).min(count);
        first..first.saturating_add(self.per_task).min(count)
    }
}

/// A task that Slurm has in its queue.
struct Task {
    job: String,
    state: String,
    reason: String,
    runs: Range<usize>,
}

/// Writes (and unless dry submits) job arrays for the runs that are neither done nor queued. A task `i` of an
/// array with offset `o` executes the runs `(o + i) * per_task ..`; tasks with nothing to do are left out.
///
/// # Errors
/// If a script cannot be written, or `sbatch` is missing or refuses; arrays submitted before are kept.
fn submit(out: &Path, options: &SubmitOptions) -> Result<Submitted, StudyError> {
    let frozen = FrozenStudy::read(out)?;
    let firsts = frozen.firsts();
    let missing = frozen.statuses(out)?.into_iter().zip(&firsts).enumerate();
    let mut needed: Vec<bool> = missing.map(|(i, (status, first))| status.is_none() && *first == i).collect();
    let mut queued = Vec::new();
    // A task that is ending, because it was cancelled for example, does nothing more.
    for task in queue(out, needed.len()).unwrap_or_default().into_iter().filter(|t| t.state != "COMPLETING") {
        for run in task.runs {
            if needed.get(run) == Some(&true) {
                needed[run] = false;
                queued.push(run);
            }
        }
    }
    queued.sort_unstable();
    // More runs in a task than there are is all of them.
    let per_task = options.per_task.clamp(1, frozen.runs.len().max(1));
    let tasks: Vec<usize> = needed
        .chunks(per_task)
        .enumerate()
        .filter(|(_, runs)| runs.contains(&true))
        .map(|(i, _)| i)
        .collect();
    let folder = out.join(names::SLURM);
    atomic::make_folder(&folder)?;
    remove_leftovers(&folder)?;
    let most = max_array_size();
    let mut arrays = Vec::new();
    let mut first = 0;
    while first < tasks.len() {
        // Array numbers must stay below MaxArraySize, so each array counts from its own offset.
        let offset = tasks[first];
        let count = tasks[first..].iter().take_while(|task| *task - offset < most).count();
        let numbers: Vec<usize> = tasks[first..first + count].iter().map(|task| task - offset).collect();
        first += count;
        let array = index_list(&numbers);
        let script = folder.join(format!("array-{}.sh", arrays.len()));
        let text = batch_script(out, options, per_task, &array, offset)?;
        atomic::write(&script, |w| w.write_all(text.as_bytes())).map_err(|e| after(&arrays, e.into()))?;
        let job = if options.dry_run { None } else { Some(sbatch(&script).map_err(|e| after(&arrays, e))?) };
        arrays.push(Submission { script, array, job: job.clone() });
        if let Some(job) = job {
            let mut all = jobs(out);
            all.push(Job { job, offset, per_task });
            let written = atomic::write(&folder.join(names::JOBS), |w| {
                serde_json::to_writer(w, &all).map_err(std::io::Error::from)
            });
            written.map_err(|e| after(&arrays, e.into()))?;
        }
    }
    Ok(Submitted { arrays, queued })
}

/// An error after arrays have been accepted, which stay in the queue.
fn after(arrays: &[Submission], error: StudyError) -> StudyError {
    let jobs: Vec<String> = arrays.iter().filter_map(|array| array.job.clone()).collect();
    if jobs.is_empty() { error } else { StudyError::PartlySubmitted { source: Box::new(error), jobs } }
}

fn batch_script(
    out: &Path,
    options: &SubmitOptions,
    per_task: usize,
    array: &str,
    offset: usize,
) -> Result<String, StudyError> {
    let here = std::path::absolute(out).map_err(|e| atomic::unwritable(out, e))?;
    let binary = std::env::current_exe().map_err(|e| atomic::unwritable(Path::new("gdiff"), e))?;
    let (here, binary) = (one_word(&here)?, one_word(&binary)?);
    // In a file name of sbatch's own, a percent sign begins a symbol.
    let log = quoted(&format!("{}/slurm/%A_%a.log", here.replace('%', "%%")));
    let mut lines = vec![
        format!("--job-name={}", job_name(out)),
        format!("--array={array}"),
        format!("--cpus-per-task={}", options.cpus),
        format!("--output={log}"),
    ];
    if options.gpus > 0 {
        lines.push(format!("--gres=gpu:{}", options.gpus));
    }
    lines.extend(options.partition.iter().map(|p| format!("--partition={}", quoted(p))));
    lines.extend(options.time.iter().map(|t| format!("--time={}", quoted(t))));
    lines.extend(options.more.iter().map(|option| quoted(option)));
    if let Some(line) = lines.iter().find(|line| line.chars().any(char::is_control)) {
        return Err(failed(
            "sbatch",
            format!("the option {line:?} holds a line end or another control character"),
        ));
    }
    // A task without its GPU is to end with a sentence, not to train on the cores for weeks.
    let device = if options.gpus > 0 { " --device cuda" } else { "" };
    let lines: String = lines.iter().map(|line| format!("#SBATCH {line}\n")).collect();
    Ok(format!(
        "#!/bin/bash\n{lines}exec {} sweep exec {} --index $(( ({offset} + SLURM_ARRAY_TASK_ID) * {per_task} )) --count {per_task} --threads {}{device}\n",
        quoted(&binary),
        quoted(&here),
        options.cpus
    ))
}

/// A path as text of one line, which is all that a batch script can hold.
fn one_word(path: &Path) -> Result<String, StudyError> {
    let plain = path.to_str().filter(|text| !text.contains(['\n', '\0']));
    plain.map(str::to_string).ok_or_else(|| StudyError::Engine {
        command: "sbatch".to_string(),
        reason: format!("{} has characters that a batch script cannot hold", path.display()),
    })
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_string(), std::borrow::Cow::into_owned)
}

/// The name of a folder's jobs.
fn job_name(out: &Path) -> String {
    let folder = std::path::absolute(out).unwrap_or_else(|_| out.to_path_buf());
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("gdiff-{}", name.replace(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)), "_"))
}

fn failed(command: &str, reason: impl ToString) -> StudyError {
    StudyError::Engine { command: command.to_string(), reason: reason.to_string().trim().to_string() }
}

fn sbatch(script: &Path) -> Result<String, StudyError> {
    let text = said("sbatch", Command::new("sbatch").arg("--parsable").arg(script))?;
    Ok(text.trim().split(';').next().unwrap_or_default().to_string())
}

/// The standard output of a command.
fn said(name: &str, command: &mut Command) -> Result<String, StudyError> {
    let output = command.output().map_err(|e| failed(name, e))?;
    if !output.status.success() {
        return Err(failed(name, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `MaxArraySize` of this cluster.
fn max_array_size() -> usize {
    let text = said("scontrol", Command::new("scontrol").args(["show", "config"])).unwrap_or_default();
    text.lines()
        .find_map(|line| line.trim().strip_prefix("MaxArraySize")?.split('=').nth(1)?.trim().parse().ok())
        .filter(|&size| size > 0)
        .unwrap_or(MAX_ARRAY_SIZE)
}

/// The jobs submitted so far.
fn jobs(out: &Path) -> Vec<Job> {
    std::fs::read(out.join(names::SLURM).join(names::JOBS))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// The tasks of this folder's jobs that Slurm has in its queue; the study has `count` runs.
fn queue(out: &Path, count: usize) -> Result<Vec<Task>, StudyError> {
    let jobs = jobs(out);
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    // By state and not by number: squeue refuses numbers that it has forgotten.
    let mut squeue = Command::new("squeue");
    squeue.args(["--noheader", "--array", "--format=%F|%K|%T|%r"]);
    let text = said("squeue", &mut squeue)?;
    let task = |line: &str| {
        let mut words = line.trim().split('|');
        let mut word = || words.next().map(str::to_string);
        let (number, index, state, reason) = (word()?, word()?, word()?, word()?);
        let job = jobs.iter().find(|job| job.job == number)?;
        Some(Task { job: number, state, reason, runs: job.runs(index.parse().ok()?, count) })
    };
    Ok(text.lines().filter_map(task).collect())
}

/// Slurm's view of this folder's jobs, a line for each state: none when it knows of none.
fn queue_lines(out: &Path) -> Vec<String> {
    let count = FrozenStudy::read(out).map_or(0, |frozen| frozen.runs.len());
    let tasks = match queue(out, count) {
        Ok(tasks) => tasks,
        Err(error) => return vec![error.to_string()],
    };
    let mut groups: BTreeMap<(String, String), (BTreeSet<usize>, BTreeSet<String>)> = BTreeMap::new();
    for task in tasks {
        let (runs, jobs) = groups.entry((task.state, task.reason)).or_default();
        runs.extend(task.runs);
        jobs.insert(task.job);
    }
    let line = |((state, reason), (runs, jobs)): ((String, String), (BTreeSet<usize>, BTreeSet<String>))| {
        let reason = if reason == "None" { String::new() } else { format!(" ({reason})") };
        let jobs: Vec<String> = jobs.into_iter().collect();
        let runs: Vec<usize> = runs.into_iter().collect();
        format!("{}{reason}: runs {}, job {}", state.to_lowercase(), index_list(&runs), jobs.join(", "))
    };
    groups.into_iter().map(line).collect()
}
