//! The arguments of `gdiff sweep`.

use super::{HowArgs, SpecArgs};
use crate::sweep::Engine;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `gdiff sweep`
#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// Freeze every run of a spec into a folder, numbered from 0
    Plan(PlanArgs),
    /// Execute frozen runs, those that are not done
    Exec(ExecArgs),
    /// Gather the tables of all runs, and tell which are missing
    Collect(FolderArgs),
    /// Submit what is not done to a cluster, as job arrays
    Submit(SubmitArgs),
    /// How the runs stand, by their own word and the cluster's
    Status(FolderArgs),
}

/// A folder.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// The output folder
    pub folder: PathBuf,
}

/// `gdiff sweep plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Folder of the study
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `gdiff sweep exec`
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Folder of the study
    pub folder: PathBuf,
    /// First run, from 0
    #[arg(long, value_name = "I")]
    pub index: usize,
    /// How many runs from there, in one process; what reaches past the last run is left out
    #[arg(long, default_value = "1", value_name = "N")]
    pub count: std::num::NonZeroUsize,
    /// How to run.
    #[command(flatten)]
    pub how: HowArgs,
    /// Neither progress nor a last word
    #[arg(long)]
    pub quiet: bool,
}

/// `gdiff sweep submit`
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// Folder of the study
    pub folder: PathBuf,
    /// Who runs the jobs
    #[arg(long, value_enum, default_value = "slurm")]
    pub engine: Engine,
    /// Partition
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,
    /// Time limit of a task, as the engine writes it
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// Cores of a task
    #[arg(long, default_value = "1", value_name = "N")]
    pub cpus: std::num::NonZeroUsize,
    /// Runs of a task, in one process
    #[arg(long, default_value = "1", value_name = "N")]
    pub per_task: std::num::NonZeroUsize,
    /// Write and name the scripts, but submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Further options for the engine, such as --account=NAME or --mem=4G
    #[arg(last = true, value_name = "OPTION")]
    pub more: Vec<String>,
}
