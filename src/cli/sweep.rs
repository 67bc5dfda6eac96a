//! `gdiff sweep` and `gdiff ls`

use super::failures::{report, stopped};
use super::run::options;
use super::{Failure, print, read};
use super::{HowArgs, SpecArgs};
use crate::report::{Progress, run_table};
use crate::run::{Quiet, Reporter};
use crate::store::console;
use crate::study::Engine;
use crate::study::{FrozenStudy, RunState, SubmitOptions, engine_lines, index_list, list, submit};
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

pub(super) fn sweep(command: &SweepCommand) -> Result<(), Failure> {
    match command {
        SweepCommand::Plan(args) => plan(args),
        SweepCommand::Exec(args) => exec(args),
        SweepCommand::Collect(args) => collect(args),
        SweepCommand::Submit(args) => submit_jobs(args),
        SweepCommand::Status(args) => status(args),
    }
}

fn plan(args: &PlanArgs) -> Result<(), Failure> {
    let study = read(&args.spec)?;
    for warning in &study.base.warnings {
        crate::report::note(warning);
    }
    // It may be executed on larger machines.
    if let Err(error) = study.check_memory() {
        crate::report::note(&format!("here {error}"));
    }
    let frozen = FrozenStudy::plan(&study, &args.out)?;
    print(&format!("{} runs, 0 to {}, in {}\n", frozen.runs.len(), frozen.runs.len() - 1, args.out.display()))
}

fn exec(args: &ExecArgs) -> Result<(), Failure> {
    let frozen = FrozenStudy::read(&args.folder)?;
    let options = options(&args.how, args.folder.clone(), false)?;
    let progress = Progress::on_standard_error();
    let reporter: &dyn Reporter = if args.quiet { &Quiet } else { &progress };
    let range = args.index..args.index.saturating_add(args.count.get());
    let executed = frozen.exec(range, &options, reporter);
    progress.clear();
    let executed = executed.map_err(stopped)?;
    let failed = executed.failures.len();
    if !args.quiet {
        let done = executed.asked - executed.before - failed;
        console::print(&format!("{done} runs done, {} were done already\n", executed.before));
    }
    let failures = executed.failures.iter().map(|(_, failure)| failure).collect::<Vec<_>>();
    report(&failures, executed.asked, executed.asked - failed)
}

fn collect(args: &FolderArgs) -> Result<(), Failure> {
    let frozen = FrozenStudy::read(&args.folder)?;
    let collected = frozen.collect(&args.folder)?;
    let done = frozen.runs.len() - collected.missing.len();
    console::print(&format!(
        "{done} of {} runs collected into {}\n",
        frozen.runs.len(),
        args.folder.display()
    ));
    if collected.missing.is_empty() {
        return Ok(());
    }
    Err(Failure::running(format!(
        "not done: runs {}; `gdiff sweep exec {} --index I` or `gdiff sweep submit` does them",
        index_list(&collected.missing),
        args.folder.display()
    )))
}

fn submit_jobs(args: &SubmitArgs) -> Result<(), Failure> {
    let options = SubmitOptions {
        partition: args.partition.clone(),
        time: args.time.clone(),
        cpus: args.cpus.get(),
        per_task: args.per_task.get(),
        more: args.more.clone(),
        dry_run: args.dry_run,
    };
    let submitted = submit(&args.folder, &options)?;
    let line = |s: &crate::study::Submission| {
        let job = s.job.as_ref().map_or("not submitted".to_string(), |job| format!("job {job}"));
        format!("{job}: {} (array {})\n", s.script.display(), s.array)
    };
    let mut text: String = submitted.arrays.iter().map(line).collect();
    if !submitted.queued.is_empty() {
        text += &format!("in the queue already: runs {}\n", index_list(&submitted.queued));
    } else if submitted.arrays.is_empty() {
        text += "every run is done; nothing to submit\n";
    }
    print(&text)
}

fn status(args: &FolderArgs) -> Result<(), Failure> {
    let lines = list(&args.folder, false)?.lines;
    let states = [RunState::Done, RunState::Running, RunState::Begun, RunState::Failed, RunState::Missing];
    let mut text = String::new();
    for state in states {
        let indices: Vec<usize> =
            lines.iter().enumerate().filter(|(_, l)| l.state == state).map(|(i, _)| i).collect();
        if !indices.is_empty() {
            text += &format!("{state:<8} {:>6}  {}\n", indices.len(), index_list(&indices));
        }
    }
    for line in lines.iter().filter(|l| l.state == RunState::Failed) {
        text += &format!("{}: {}\n", line.label.run, line.error.as_deref().unwrap_or("failed"));
    }
    for line in engine_lines(&args.folder) {
        text += &format!("slurm: {line}\n");
    }
    print(&text)
}

pub(super) fn ls(args: &FolderArgs) -> Result<(), Failure> {
    print(&run_table(&list(&args.folder, true)?))
}
