//! Submitting what is not done as Slurm job arrays, and reading Slurm's view of them.

use super::frozen::{FrozenStudy, ranges};
use crate::experiment::{ExperimentError, files};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Slurm's own default of `MaxArraySize`, where `scontrol` does not tell.
const MAX_ARRAY_SIZE: usize = 1001;

const JOBS: &str = "jobs.json";

/// Who runs the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// Slurm's `sbatch`.
    Slurm,
}

/// How to submit.
#[derive(Debug, Clone)]
pub struct SubmitOptions {
    /// Partition.
    pub partition: Option<String>,
    /// Time limit, as Slurm writes it.
    pub time: Option<String>,
    /// Cores of a task.
    pub cpus: usize,
    /// Runs of a task, done in one process.
    pub per_task: usize,
    /// Write and show the scripts, but submit nothing.
    pub dry_run: bool,
}

/// One job array.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// The script.
    pub script: PathBuf,
    /// Its array specification.
    pub array: String,
    /// Slurm's job number, when submitted.
    pub job: Option<String>,
}

/// Writes (and unless dry submits) job arrays for the runs that are not done. A task `i` of an array with
/// offset `o` executes the runs `(o + i) * per_task ..`; tasks whose runs are all done are left out.
///
/// # Errors
/// If a script cannot be written, or `sbatch` is missing or refuses.
pub fn submit(out: &Path, options: &SubmitOptions) -> Result<Vec<Submission>, ExperimentError> {
    let frozen = FrozenStudy::read(out)?;
    let done: Vec<bool> = frozen.runs.iter().map(|run| FrozenStudy::is_done(out, run)).collect();
    let per_task = options.per_task.max(1);
    let tasks: Vec<usize> =
        done.chunks(per_task).enumerate().filter(|(_, runs)| runs.contains(&false)).map(|(i, _)| i).collect();
    let folder = out.join("slurm");
    files::make_folder(&folder)?;
    let most = max_array_size();
    let mut submissions = Vec::new();
    let mut first = 0;
    while first < tasks.len() {
        // Array numbers must stay below MaxArraySize, so each array counts from its own offset.
        let offset = tasks[first];
        let count = tasks[first..].iter().take_while(|task| *task - offset < most).count();
        let numbers: Vec<usize> = tasks[first..first + count].iter().map(|task| task - offset).collect();
        first += count;
        let array = ranges(&numbers);
        let script = folder.join(format!("array-{}.sh", submissions.len()));
        let text = batch_script(out, options, &array, offset, frozen.runs.len())?;
        files::write(&script, |w| w.write_all(text.as_bytes()))?;
        let job = if options.dry_run { None } else { Some(sbatch(&script)?) };
        submissions.push(Submission { script, array, job });
    }
    if !options.dry_run {
        let mut all = jobs(out);
        all.extend(submissions.iter().filter_map(|s| s.job.clone()));
        files::write(&folder.join(JOBS), |w| serde_json::to_writer(w, &all).map_err(std::io::Error::from))?;
    }
    Ok(submissions)
}

fn batch_script(
    out: &Path,
    options: &SubmitOptions,
    array: &str,
    offset: usize,
    runs: usize,
) -> Result<String, ExperimentError> {
    let absolute = |path: &Path| {
        std::path::absolute(path)
            .map_err(|source| ExperimentError::Write { path: path.to_path_buf(), source })
    };
    let here = absolute(out)?;
    let binary =
        std::env::current_exe().map_err(|source| ExperimentError::Write { path: "gdiff".into(), source })?;
    let mut text = String::from("#!/bin/bash\n");
    let name = here.file_name().map_or("sweep".into(), |n| n.to_string_lossy().into_owned());
    text += &format!("#SBATCH --job-name=gdiff-{name}\n#SBATCH --array={array}\n");
    text += &format!("#SBATCH --cpus-per-task={}\n", options.cpus);
    text += &format!("#SBATCH --output={}/slurm/%A_%a.log\n", here.display());
    if let Some(partition) = &options.partition {
        text += &format!("#SBATCH --partition={partition}\n");
    }
    if let Some(time) = &options.time {
        text += &format!("#SBATCH --time={time}\n");
    }
    // Slurm sends TERM before it kills: checkpoints are then written.
    text += "#SBATCH --signal=TERM@30\n";
    let per_task = options.per_task.max(1);
    text += &format!(
        "first=$(( ({offset} + SLURM_ARRAY_TASK_ID) * {per_task} ))\ncount=$(( {runs} - first < {per_task} ? {runs} - first : {per_task} ))\n"
    );
    text += &format!(
        "exec {} sweep exec {} --index \"$first\" --count \"$count\" --threads {} --quiet\n",
        quoted(&binary),
        quoted(&here),
        options.cpus
    );
    Ok(text)
}

/// A path as one word of a shell script.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

fn sbatch(script: &Path) -> Result<String, ExperimentError> {
    let failed = |reason: String| ExperimentError::Engine { command: "sbatch".to_string(), reason };
    let output =
        Command::new("sbatch").arg("--parsable").arg(script).output().map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_string()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().split(';').next().unwrap_or_default().to_string())
}

/// `MaxArraySize` of this cluster.
fn max_array_size() -> usize {
    let output = Command::new("scontrol").args(["show", "config"]).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    text.lines()
        .find_map(|line| line.trim().strip_prefix("MaxArraySize")?.split('=').nth(1)?.trim().parse().ok())
        .filter(|&size| size > 0)
        .unwrap_or(MAX_ARRAY_SIZE)
}

/// The jobs submitted so far.
fn jobs(out: &Path) -> Vec<String> {
    std::fs::read(out.join("slurm").join(JOBS))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// Slurm's own lines about this folder's jobs; none when it knows of none or is not there.
pub fn engine_lines(out: &Path) -> Vec<String> {
    let jobs = jobs(out);
    if jobs.is_empty() {
        return Vec::new();
    }
    let output = Command::new("squeue")
        .args(["--noheader", "--format=%i %T %M %R", "--jobs"])
        .arg(jobs.join(","))
        .output();
    output
        .map(|o| String::from_utf8_lossy(&o.stdout).lines().map(|line| line.trim().to_string()).collect())
        .unwrap_or_default()
}
