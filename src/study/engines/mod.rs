//! Who runs the jobs of a planned study on other machines. A new engine is a file here and an entry of [`ENGINES`].

mod slurm;

use super::error::StudyError;
use std::path::{Path, PathBuf};

/// A cluster's queue.
pub trait Engine: Sync {
    /// The name that the command line knows it by.
    fn name(&self) -> &'static str;

    /// Writes (and unless dry submits) jobs for the runs of a planned study that are neither done nor queued. A job
    /// calls `gdiff sweep exec DIR --index I --count N`.
    ///
    /// # Errors
    /// If a script cannot be written, or the queue is not there or refuses; jobs submitted before are kept.
    fn submit(&self, out: &Path, options: &SubmitOptions) -> Result<Submitted, StudyError>;

    /// The queue's view of the folder's jobs, a line for each state; none when it knows of none.
    fn queue_lines(&self, out: &Path) -> Vec<String>;
}

/// Every engine; the first is the usual one.
pub static ENGINES: &[&dyn Engine] = &[&slurm::Slurm];

/// The engine of that name.
///
/// # Errors
/// A sentence with the names that there are.
pub fn engine(name: &str) -> Result<&'static dyn Engine, String> {
    let names = || ENGINES.iter().map(|engine| engine.name()).collect::<Vec<_>>().join(", ");
    let found = ENGINES.iter().copied().find(|engine| engine.name() == name);
    found.ok_or_else(|| format!("`{name}` is no engine; known are {}", names()))
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
    /// GPUs of a task, whose runs then train and sample on one; 0 asks for none.
    pub gpus: usize,
    /// Runs of a task, done in one process.
    pub per_task: usize,
    /// Further options of `sbatch`.
    pub more: Vec<String>,
    /// Write and show the scripts, but submit nothing.
    pub dry_run: bool,
}

/// One job array.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// The script.
    pub script: PathBuf,
    /// Its array specification.
    pub array: String,
    /// Slurm's job number, when submitted.
    pub job: Option<String>,
}

/// What a submission did.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// The arrays.
    pub arrays: Vec<Submission>,
    /// Runs that were left out because an earlier job has them, waiting or running.
    pub queued: Vec<usize>,
}
