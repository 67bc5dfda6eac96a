//! `gdiff sweep` and `gdiff ls`

use super::failures::{report, stopped};
use super::run::{key_names, options, thread_count};
use super::{Failure, examples, offered, print, read};
use super::{HowArgs, SpecArgs};
use crate::numeric::threads::on_all_cores;
use crate::report::{Progress, RunField, keep_runs, note, run_lines_json, run_table, sort_runs};
use crate::run::{Quiet, Reporter};
use crate::store::console;
use crate::study::{ENGINES, FrozenStudy, RunState, SubmitOptions, engine, index_list, list, not_asked_for};
use clap::{Args, Subcommand};
use std::mem::ManuallyDrop;
use std::path::PathBuf;

/// `gdiff sweep`
#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// Freeze every run of a spec into a folder, numbered from 0
    #[command(after_help = examples::PLAN)]
    Plan(PlanArgs),
    /// Execute frozen runs, those that are not done
    #[command(after_help = examples::EXEC)]
    Exec(ExecArgs),
    /// Gather the tables of all runs, and tell which are missing
    #[command(after_help = examples::COLLECT)]
    Collect(CollectArgs),
    /// Submit what is not done to a cluster, as job arrays
    #[command(after_help = examples::SUBMIT)]
    Submit(SubmitArgs),
    /// How the runs stand, by their own word and the cluster's
    #[command(after_help = examples::STATUS)]
    Status(FolderArgs),
}

/// A folder.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// The output folder
    pub folder: PathBuf,
}

/// `gdiff sweep collect`
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// The output folder
    pub folder: PathBuf,
    /// Name sweep keys with underscores in the columns of the study's tables, as `df.query` of pandas takes them:
    /// train_isotropy_lambda
    #[arg(long)]
    pub flat_names: bool,
}

/// `gdiff ls`
#[derive(Debug, Args)]
pub struct LsArgs {
    /// The output folder
    pub folder: PathBuf,
    /// Show the runs too that the folder's spec does not ask for, as those of a larger sweep that ran there before
    #[arg(long)]
    pub all: bool,
    /// Show only runs whose sweep key, state, pipeline, replicate or metric has this value; given several times, all
    /// must hold
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub filter: Vec<(String, String)>,
    /// Put the runs into the order of a sweep key, a metric, state, pipeline, replicate or progress; -NAME is the
    /// reverse order
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// The reverse order
    #[arg(long)]
    pub reverse: bool,
    /// One JSON object a line for each run
    #[arg(long)]
    pub json: bool,
}

/// A name and a value.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_string(), value.trim().to_string())),
        None => Err(format!("`{text}` has no `=`; write it as network.width=32")),
    }
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
    #[arg(long, default_value = "slurm", value_name = "NAME", value_parser = offered::engines())]
    pub engine: String,
    /// Partition
    #[arg(long, value_name = "NAME", value_parser = one_line)]
    pub partition: Option<String>,
    /// Time limit of a task, as the engine writes it
    #[arg(long, value_name = "TIME", value_parser = one_line)]
    pub time: Option<String>,
    /// Cores of a task
    #[arg(long, default_value = "1", value_name = "N", value_parser = thread_count)]
    pub cpus: std::num::NonZeroUsize,
    /// GPUs of a task (`--gres=gpu:N`), whose runs train and sample on one of them; for a type write
    /// -- --gres=gpu:TYPE:1 behind --gpus 1
    #[arg(long, value_name = "N")]
    pub gpus: Option<std::num::NonZeroUsize>,
    /// Runs of a task, in one process
    #[arg(long, default_value = "1", value_name = "N")]
    pub per_task: std::num::NonZeroUsize,
    /// Write and name the scripts, but submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Further options for the engine, such as --account=NAME or --mem=4G
    #[arg(last = true, value_name = "OPTION", value_parser = one_line)]
    pub more: Vec<String>,
}

/// An option of an engine: each is a line of a batch script, which a line end would leave.
fn one_line(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("it holds a line end or another control character; give it on one line".to_string());
    }
    Ok(text.to_string())
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
    for sentence in study.warnings().iter().chain(&study.splits()) {
        note(sentence);
    }
    // It may be executed on larger machines.
    if let Err(error) = study.check_memory() {
        note(&format!("here {error}"));
    }
    let frozen = FrozenStudy::plan(&study, &args.out, &note)?;
    print(&format!("{} runs, 0 to {}, in {}\n", frozen.runs.len(), frozen.runs.len() - 1, args.out.display()))
}

fn exec(args: &ExecArgs) -> Result<(), Failure> {
    // The process ends with this command: freeing the names of 10,000 runs would take longer than a small run.
    let frozen = ManuallyDrop::new(FrozenStudy::read(&args.folder)?);
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

fn collect(args: &CollectArgs) -> Result<(), Failure> {
    let frozen = FrozenStudy::read(&args.folder)?;
    let collected = on_all_cores(|| frozen.collect(&args.folder, key_names(args.flat_names)))?;
    collected.damaged.iter().for_each(|sentence| note(sentence));
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
    if args.gpus.is_some() && !candle_core::utils::cuda_is_available() {
        let sentence = "`--gpus` needs a build with CUDA, since the jobs call this very program; docs/cuda.md says how to build one (scripts/build-cuda.sh)";
        if !args.dry_run {
            return Err(Failure::input(sentence.to_string()));
        }
        note(sentence);
    }
    let options = SubmitOptions {
        partition: args.partition.clone(),
        time: args.time.clone(),
        cpus: args.cpus.get(),
        gpus: args.gpus.map_or(0, std::num::NonZeroUsize::get),
        per_task: args.per_task.get(),
        more: args.more.clone(),
        dry_run: args.dry_run,
    };
    let submitted = engine(&args.engine).map_err(Failure::input)?.submit(&args.folder, &options)?;
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
    let states = [
        RunState::Done,
        RunState::Running,
        RunState::Interrupted,
        RunState::Failed,
        RunState::Queued,
        RunState::Missing,
    ];
    let mut text = String::new();
    for state in states {
        let indices: Vec<usize> =
            lines.iter().enumerate().filter(|(_, l)| l.state == state).map(|(i, _)| i).collect();
        if !indices.is_empty() {
            text += &format!("{state:<11} {:>6}  {}\n", indices.len(), index_list(&indices));
        }
    }
    for line in lines.iter().filter(|l| l.state == RunState::Failed) {
        text += &format!("{}: {}\n", line.label.run, line.error.as_deref().unwrap_or("failed"));
    }
    for engine in ENGINES {
        for line in engine.queue_lines(&args.folder) {
            text += &format!("{}: {line}\n", engine.name());
        }
    }
    print(&text)
}

pub(super) fn ls(args: &LsArgs) -> Result<(), Failure> {
    let mut runs = list(&args.folder, true)?;
    let others = not_asked_for(&args.folder, &runs, args.all);
    let count = others.len();
    if args.all {
        runs.lines.extend(others);
    }
    for (key, value) in &args.filter {
        let field = RunField::named(&runs, key).map_err(Failure::input)?;
        keep_runs(&mut runs, field, value);
    }
    if runs.lines.is_empty() && !args.filter.is_empty() {
        note(&format!("no run of {} is such a one", args.folder.display()));
    }
    // The reason of a failed run stands in its status; what is wrong with a finished one is nowhere else.
    for line in runs.lines.iter().filter(|line| line.state == RunState::Done) {
        line.error.iter().for_each(|error| note(error));
    }
    let (name, minus) = match args.sort.as_deref() {
        Some(name) => (Some(name.trim_start_matches('-')), name.starts_with('-')),
        None => (None, false),
    };
    match name {
        Some(name) => {
            let field = RunField::named(&runs, name).map_err(Failure::input)?;
            sort_runs(&mut runs, field, minus != args.reverse);
        }
        None if args.reverse => runs.lines.reverse(),
        None => {}
    }
    if args.json {
        // JSON writes out control characters itself.
        console::print(&run_lines_json(&runs));
        return print("");
    }
    print(&run_table(&runs))?;
    if count > 0 && !args.all {
        note(&format!(
            "{count} more runs in {} are not asked for by its spec; --all shows them",
            args.folder.display()
        ));
    }
    Ok(())
}
